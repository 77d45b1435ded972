//! pgoutput, protocol version 1: the messages of a logical slot as Postgres writes them.

#[cfg(test)]
pub(crate) mod write;

mod view;

use serde::{Deserialize, Serialize};

use crate::base::position::{Lsn, Xid};

pub use view::{CellView, Cells, Does, OldView, View, view};

/// Microseconds between 1970-01-01 and 2000-01-01, from which Postgres counts.
const POSTGRES_EPOCH_US: i64 = 946_684_800_000_000;

/// One message of the slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// `B`: a transaction begins. Transactions come whole, in commit order.
    Begin {
        /// The position of the commit record: the transaction's place in commit order.
        final_lsn: Lsn,
        /// Microseconds since 1970-01-01 00:00:00 UTC.
        commit_time_us: i64,
        /// The transaction.
        xid: Xid,
    },
    /// `C`: the transaction's end.
    Commit {
        /// The same as `final_lsn` of its Begin.
        commit_lsn: Lsn,
        /// The end of the commit record: what "confirmed past" is compared with.
        end_lsn: Lsn,
        /// Microseconds since 1970-01-01 00:00:00 UTC.
        commit_time_us: i64,
    },
    /// `O`: the transaction was replicated from elsewhere.
    Origin {
        /// Its commit there.
        lsn: Lsn,
        /// The origin's name.
        name: String,
    },
    /// `R`: what a table looks like from here on.
    Relation(Relation),
    /// `Y`: a type that is not built in.
    Type {
        /// Its OID.
        oid: u32,
        /// Its schema.
        schema: String,
        /// Its name.
        name: String,
    },
    /// `I`.
    Insert {
        /// The table's OID.
        relation: u32,
        /// The new row.
        new: Tuple,
    },
    /// `U`.
    Update {
        /// The table's OID.
        relation: u32,
        /// What the WAL carries of the old row; `None` when the key did not change under
        /// `REPLICA IDENTITY DEFAULT`.
        old: Option<Old>,
        /// The new row.
        new: Tuple,
    },
    /// `D`.
    Delete {
        /// The table's OID.
        relation: u32,
        /// What the WAL carries of the old row.
        old: Old,
    },
    /// `T`.
    Truncate {
        /// The OIDs of the tables.
        relations: Vec<u32>,
        /// `CASCADE` was given.
        cascade: bool,
        /// `RESTART IDENTITY` was given.
        restart_identity: bool,
    },
    /// `M`: `pg_logical_emit_message`.
    Logical(Logical),
}

/// A logical message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logical {
    /// It belongs to the transaction around it.
    pub transactional: bool,
    /// Where it stands in the WAL.
    pub lsn: Lsn,
    /// Its prefix.
    pub prefix: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// A table as a Relation message describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The table's OID.
    pub oid: u32,
    /// Its schema (`pg_catalog` is written as an empty text).
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `d`efault, `n`othing, `f`ull or `i`ndex.
    pub identity: u8,
    /// Its columns in order; generated columns are left out.
    pub columns: Vec<RelationColumn>,
}

/// A column of a [`Relation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationColumn {
    /// It belongs to the replica identity.
    pub identity: bool,
    /// Its name.
    pub name: String,
    /// Its type's OID.
    pub type_oid: u32,
    /// Its type's modifier, -1 without one.
    pub type_modifier: i32,
}

/// The cells of a row, in the order of the relation's columns.
pub type Tuple = Vec<Cell>;

/// One cell of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cell {
    /// SQL NULL; in a key-only old row also "not part of the key".
    Null,
    /// A `TOASTed` value that did not change and is not in the WAL.
    Unchanged,
    /// The value as its type's output function writes it.
    Text(String),
}

/// What the WAL carries of an old row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Old {
    /// `K`: the columns of the replica identity; all others are Null cells that mean nothing.
    Key(Tuple),
    /// `O`: the whole row (`REPLICA IDENTITY FULL`).
    Full(Tuple),
}

/// The bytes are no message of pgoutput, protocol version 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pgoutput message {kind}: byte {at}: {problem}")]
pub struct PgoutputError {
    /// The message's kind as its first byte says it.
    pub kind: String,
    /// The byte at which reading failed, from 0.
    pub at: usize,
    /// What was expected there, and what was found.
    pub problem: String,
}

/// Reads one message; all of its bytes must belong to it.
pub fn parse(bytes: &[u8]) -> Result<Message, PgoutputError> {
    let mut reader = Reader { bytes, at: 0 };
    let message = match reader.u8("the message's kind")? {
        b'B' => Message::Begin {
            final_lsn: reader.lsn()?,
            commit_time_us: reader.time()?,
            xid: Xid(reader.u32("the transaction id")?),
        },
        b'C' => {
            reader.u8("flags")?;
            Message::Commit {
                commit_lsn: reader.lsn()?,
                end_lsn: reader.lsn()?,
                commit_time_us: reader.time()?,
            }
        }
        b'O' => Message::Origin { lsn: reader.lsn()?, name: reader.string("the origin's name")? },
        b'R' => Message::Relation(reader.relation()?),
        b'Y' => Message::Type {
            oid: reader.u32("the type's OID")?,
            schema: reader.string("the type's schema")?,
            name: reader.string("the type's name")?,
        },
        b'I' => {
            let relation = reader.u32("the table's OID")?;
            reader.expect(b'N')?;
            Message::Insert { relation, new: reader.tuple()? }
        }
        b'U' => reader.update()?,
        b'D' => {
            let relation = reader.u32("the table's OID")?;
            let at = reader.at;
            match reader.u8("`K` or `O`")? {
                b'K' => Message::Delete { relation, old: Old::Key(reader.tuple()?) },
                b'O' => Message::Delete { relation, old: Old::Full(reader.tuple()?) },
                other => return Err(reader.error(at, &unexpected("`K` or `O`", other))),
            }
        }
        b'T' => reader.truncate()?,
        b'M' => Message::Logical(reader.logical()?),
        other => return Err(reader.error(0, &unexpected("one of `BCORYIUDTM`", other))),
    };
    if reader.at < bytes.len() {
        let rest = bytes.len() - reader.at;
        return Err(reader.error(reader.at, &format!("{rest} bytes after the message's end")));
    }
    Ok(message)
}

fn unexpected(wanted: &str, found: u8) -> String {
    format!("expected {wanted}, found `{}`", found.escape_ascii())
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, at: usize, problem: &str) -> PgoutputError {
        let kind = match self.bytes.first() {
            Some(kind) => format!("`{}`", kind.escape_ascii()),
            None => "(empty)".to_owned(),
        };
        PgoutputError { kind, at, problem: problem.to_owned() }
    }

    fn take(&mut self, n: usize, what: &str) -> Result<&'a [u8], PgoutputError> {
        let end = self.at.checked_add(n);
        let Some(taken) = end.and_then(|end| self.bytes.get(self.at..end)) else {
            let left = self.bytes.len().saturating_sub(self.at);
            let problem = format!("expected {what} of {n} bytes, {left} are left");
            return Err(self.error(self.at, &problem));
        };
        self.at += n;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], PgoutputError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    fn u8(&mut self, what: &str) -> Result<u8, PgoutputError> {
        Ok(u8::from_be_bytes(self.array(what)?))
    }

    fn u32(&mut self, what: &str) -> Result<u32, PgoutputError> {
        Ok(u32::from_be_bytes(self.array(what)?))
    }

    /// A count or length, which Postgres writes as a signed number.
    fn length(&mut self, what: &str) -> Result<usize, PgoutputError> {
        let at = self.at;
        let length = i32::from_be_bytes(self.array(what)?);
        usize::try_from(length)
            .map_err(|_| self.error(at, &format!("expected {what}, found {length}")))
    }

    fn columns(&mut self) -> Result<usize, PgoutputError> {
        let at = self.at;
        let count = i16::from_be_bytes(self.array("the number of columns")?);
        usize::try_from(count)
            .map_err(|_| self.error(at, &format!("expected a number of columns, found {count}")))
    }

    fn lsn(&mut self) -> Result<Lsn, PgoutputError> {
        Ok(Lsn(u64::from_be_bytes(self.array("a WAL position")?)))
    }

    fn time(&mut self) -> Result<i64, PgoutputError> {
        let since_2000 = i64::from_be_bytes(self.array("a time")?);
        Ok(since_2000.saturating_add(POSTGRES_EPOCH_US))
    }

    fn text(&self, at: usize, bytes: &[u8]) -> Result<String, PgoutputError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => {
                Err(self
                    .error(at + error.valid_up_to(), "expected UTF-8 (the database's encoding)"))
            }
        }
    }

    fn string(&mut self, what: &str) -> Result<String, PgoutputError> {
        let at = self.at;
        let rest = self.bytes.get(at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| *byte == 0) else {
            return Err(self.error(at, &format!("expected {what}, which ends with a zero byte")));
        };
        let text = self.text(at, rest.get(..length).unwrap_or_default())?;
        self.at += length + 1;
        Ok(text)
    }

    fn expect(&mut self, wanted: u8) -> Result<(), PgoutputError> {
        let at = self.at;
        let name = format!("`{}`", wanted.escape_ascii());
        match self.u8(&name)? {
            found if found == wanted => Ok(()),
            found => Err(self.error(at, &unexpected(&name, found))),
        }
    }

    fn tuple(&mut self) -> Result<Tuple, PgoutputError> {
        let count = self.columns()?;
        // The count is not trusted for the allocation: a flipped bit must not reserve megabytes.
        let mut cells = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            let at = self.at;
            cells.push(match self.u8("a cell")? {
                b'n' => Cell::Null,
                b'u' => Cell::Unchanged,
                b't' => {
                    let length = self.length("a cell's length")?;
                    let start = self.at;
                    let bytes = self.take(length, "a cell")?;
                    Cell::Text(self.text(start, bytes)?)
                }
                other => return Err(self.error(at, &unexpected("a cell `n`, `u` or `t`", other))),
            });
        }
        Ok(cells)
    }

    fn update(&mut self) -> Result<Message, PgoutputError> {
        let relation = self.u32("the table's OID")?;
        let at = self.at;
        let old = match self.u8("`K`, `O` or `N`")? {
            b'K' => Some(Old::Key(self.tuple()?)),
            b'O' => Some(Old::Full(self.tuple()?)),
            b'N' => return Ok(Message::Update { relation, old: None, new: self.tuple()? }),
            other => return Err(self.error(at, &unexpected("`K`, `O` or `N`", other))),
        };
        self.expect(b'N')?;
        Ok(Message::Update { relation, old, new: self.tuple()? })
    }

    fn relation(&mut self) -> Result<Relation, PgoutputError> {
        let oid = self.u32("the table's OID")?;
        let schema = self.string("the table's schema")?;
        let name = self.string("the table's name")?;
        let identity = self.u8("the replica identity")?;
        let count = self.columns()?;
        let mut columns = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            columns.push(RelationColumn {
                identity: self.u8("a column's flags")? & 1 == 1,
                name: self.string("a column's name")?,
                type_oid: self.u32("a column's type")?,
                type_modifier: i32::from_be_bytes(self.array("a column's type modifier")?),
            });
        }
        Ok(Relation { oid, schema, name, identity, columns })
    }

    fn truncate(&mut self) -> Result<Message, PgoutputError> {
        let count = self.length("the number of tables")?;
        let options = self.u8("options")?;
        let mut relations = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            relations.push(self.u32("a table's OID")?);
        }
        Ok(Message::Truncate {
            relations,
            cascade: options & 1 == 1,
            restart_identity: options & 2 == 2,
        })
    }

    fn logical(&mut self) -> Result<Logical, PgoutputError> {
        let transactional = self.u8("flags")? & 1 == 1;
        let lsn = self.lsn()?;
        let prefix = self.string("the prefix")?;
        let length = self.length("the content's length")?;
        let content = self.take(length, "the content")?.to_vec();
        Ok(Logical { transactional, lsn, prefix, content })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn bytes(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn begin_relation_and_update_are_read() {
        let begin = hex::decode("4200000000015a3b480002c5a0b1c2d3e4000002d7").unwrap();
        let Message::Begin { final_lsn, xid, .. } = parse(&begin).unwrap() else { panic!() };
        assert_eq!((final_lsn.to_string().as_str(), xid), ("0/15A3B48", Xid(727)));

        let relation = bytes(&[
            b"R\x00\x00\x40\x01public\0orders\0d\x00\x02",
            b"\x01id\0\x00\x00\x00\x17\xff\xff\xff\xff",
            b"\x00note\0\x00\x00\x00\x19\xff\xff\xff\xff",
        ]);
        let Message::Relation(relation) = parse(&relation).unwrap() else { panic!() };
        assert_eq!((relation.oid, relation.name.as_str()), (0x4001, "orders"));
        assert!(relation.columns[0].identity && !relation.columns[1].identity);

        let update = bytes(&[
            b"U\x00\x00\x40\x01K\x00\x02t\x00\x00\x00\x011n",
            b"N\x00\x02t\x00\x00\x00\x012u",
        ]);
        assert_eq!(
            parse(&update),
            Ok(Message::Update {
                relation: 0x4001,
                old: Some(Old::Key(vec![Cell::Text("1".to_owned()), Cell::Null])),
                new: vec![Cell::Text("2".to_owned()), Cell::Unchanged],
            })
        );
    }

    #[test]
    fn messages_and_truncates_are_read() {
        let message = b"M\x01\x00\x00\x00\x00\x00\x00\x00\x10changeproof.note\0\x00\x00\x00\x02hi";
        let Message::Logical(message) = parse(message).unwrap() else { panic!() };
        assert_eq!(message.prefix, "changeproof.note");
        assert_eq!((message.transactional, message.content.as_slice()), (true, &b"hi"[..]));

        let truncate = b"T\x00\x00\x00\x02\x01\x00\x00\x00\x07\x00\x00\x00\x08";
        let expected =
            Message::Truncate { relations: vec![7, 8], cascade: true, restart_identity: false };
        assert_eq!(parse(truncate), Ok(expected));
    }

    #[rstest]
    #[case::empty(b"", "(empty): byte 0: expected the message's kind of 1 bytes, 0 are left")]
    #[case::kind(b"Z", "`Z`: byte 0: expected one of `BCORYIUDTM`, found `Z`")]
    #[case::cut(
        b"I\0\0\0\x01N\0\x01t\0\0\0\x05ab",
        "`I`: byte 13: expected a cell of 5 bytes, 2 are left"
    )]
    #[case::cell(b"I\0\0\0\x01N\0\x01x", "`I`: byte 8: expected a cell `n`, `u` or `t`, found `x`")]
    #[case::rest(b"I\0\0\0\x01N\0\x01n!", "`I`: byte 9: 1 bytes after the message's end")]
    #[case::length(
        b"I\0\0\0\x01N\0\x01t\xff\xff\xff\xff",
        "`I`: byte 9: expected a cell's length, found -1"
    )]
    #[case::utf8(
        b"I\0\0\0\x01N\0\x01t\0\0\0\x02a\xff",
        "`I`: byte 14: expected UTF-8 (the database's encoding)"
    )]
    fn an_error_names_the_byte(#[case] bytes: &[u8], #[case] sentence: &str) {
        let error = parse(bytes).unwrap_err().to_string();
        assert_eq!(error, format!("pgoutput message {sentence}"));
    }

    fn cell() -> impl Strategy<Value = Cell> {
        prop_oneof![Just(Cell::Null), Just(Cell::Unchanged), ".{0,8}".prop_map(Cell::Text)]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(cells in prop::collection::vec(cell(), 0..6)) {
            let old = Old::Full(cells.clone());
            let expected = Message::Update { relation: 9, old: Some(old.clone()), new: cells.clone() };
            prop_assert_eq!(parse(&write::update(9, Some(&old), &cells)), Ok(expected));
            let expected = Message::Insert { relation: 9, new: cells.clone() };
            prop_assert_eq!(parse(&write::insert(9, &cells)), Ok(expected));
        }

        #[test]
        fn a_cut_message_is_an_error(cells in prop::collection::vec(cell(), 1..6), at in any::<prop::sample::Index>()) {
            let bytes = write::insert(9, &cells);
            prop_assert!(parse(&bytes[..at.index(bytes.len())]).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(kind in "[BCORYIUDTM]", rest in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut bytes = kind.into_bytes();
            bytes.extend(rest);
            let _ = parse(&bytes).is_ok();
        }
    }
}
