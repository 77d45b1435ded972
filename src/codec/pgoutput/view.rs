//! Messages of the slot as they stand in their bytes, for whoever reads very many of them.

use super::POSTGRES_EPOCH_US;
use crate::base::position::{Lsn, Xid};

/// A message whose cells were not copied; it was checked as [`parse`](super::parse) checks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View<'a> {
    /// As [`Message::Begin`](super::Message::Begin).
    Begin {
        /// The position of the commit record.
        commit: Lsn,
        /// Microseconds since 1970-01-01 00:00:00 UTC.
        time_us: i64,
        /// The transaction.
        xid: Xid,
    },
    /// As [`Message::Commit`](super::Message::Commit).
    Commit {
        /// The position of the commit record.
        commit: Lsn,
        /// Its end.
        end: Lsn,
    },
    /// An insert, update or delete of a row.
    Change {
        /// Which of them.
        does: Does,
        /// The table's OID.
        relation: u32,
        /// What the WAL carries of the old row.
        old: Option<OldView<'a>>,
        /// The new row.
        new: Option<Cells<'a>>,
    },
}

/// What a change does to its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// As [`Message::Insert`](super::Message::Insert).
    Insert,
    /// As [`Message::Update`](super::Message::Update).
    Update,
    /// As [`Message::Delete`](super::Message::Delete).
    Delete,
}

/// As [`Old`](super::Old).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldView<'a> {
    /// The columns of the replica identity; all others are null cells that mean nothing.
    Key(Cells<'a>),
    /// The whole row.
    Full(Cells<'a>),
}

impl<'a> OldView<'a> {
    /// The cells, whatever they mean.
    pub fn cells(self) -> Cells<'a> {
        match self {
            Self::Key(cells) | Self::Full(cells) => cells,
        }
    }
}

/// The cells of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cells<'a> {
    count: u16,
    bytes: &'a [u8],
}

/// As [`Cell`](super::Cell).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellView<'a> {
    /// SQL NULL.
    Null,
    /// An unchanged TOAST value.
    Unchanged,
    /// The value's text.
    Text(&'a str),
}

impl Cells<'_> {
    /// How many there are.
    pub fn len(self) -> usize {
        usize::from(self.count)
    }

    /// There is none.
    pub fn is_empty(self) -> bool {
        self.count == 0
    }
}

impl<'a> IntoIterator for Cells<'a> {
    type Item = CellView<'a>;
    type IntoIter = CellsIter<'a>;

    fn into_iter(self) -> CellsIter<'a> {
        CellsIter { left: self.count, bytes: Bytes(self.bytes) }
    }
}

/// Gives the cells in order.
#[derive(Debug)]
pub struct CellsIter<'a> {
    left: u16,
    bytes: Bytes<'a>,
}

impl<'a> Iterator for CellsIter<'a> {
    type Item = CellView<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        self.bytes.cell()
    }
}

/// Looks at a message of the kinds that are many; `None` for any other, and for what is no message:
/// then [`parse`](super::parse) says what it is.
pub fn view(bytes: &[u8]) -> Option<View<'_>> {
    let mut bytes = Bytes(bytes);
    let view = match bytes.u8()? {
        b'B' => View::Begin {
            commit: Lsn(bytes.u64()?),
            time_us: bytes.u64()?.cast_signed().saturating_add(POSTGRES_EPOCH_US),
            xid: Xid(bytes.u32()?),
        },
        b'C' => {
            bytes.u8()?;
            let (commit, end) = (Lsn(bytes.u64()?), Lsn(bytes.u64()?));
            bytes.u64()?;
            View::Commit { commit, end }
        }
        b'I' => {
            let relation = bytes.u32()?;
            (bytes.u8()? == b'N').then_some(())?;
            View::Change { does: Does::Insert, relation, old: None, new: Some(bytes.cells()?) }
        }
        b'U' => {
            let relation = bytes.u32()?;
            let old = match bytes.u8()? {
                b'N' => None,
                kind => {
                    let old = bytes.old(kind)?;
                    (bytes.u8()? == b'N').then_some(())?;
                    Some(old)
                }
            };
            View::Change { does: Does::Update, relation, old, new: Some(bytes.cells()?) }
        }
        b'D' => {
            let relation = bytes.u32()?;
            let kind = bytes.u8()?;
            let old = Some(bytes.old(kind)?);
            View::Change { does: Does::Delete, relation, old, new: None }
        }
        _ => return None,
    };
    bytes.0.is_empty().then_some(view)
}

/// What is left of a message.
#[derive(Debug)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn old(&mut self, kind: u8) -> Option<OldView<'a>> {
        match kind {
            b'K' => self.cells().map(OldView::Key),
            b'O' => self.cells().map(OldView::Full),
            _ => None,
        }
    }

    fn cells(&mut self) -> Option<Cells<'a>> {
        let count = u16::try_from(self.array().map(i16::from_be_bytes)?).ok()?;
        let bytes = self.0;
        for _ in 0..count {
            self.cell()?;
        }
        let length = bytes.len().checked_sub(self.0.len())?;
        Some(Cells { count, bytes: bytes.get(..length)? })
    }

    fn cell(&mut self) -> Option<CellView<'a>> {
        match self.u8()? {
            b'n' => Some(CellView::Null),
            b'u' => Some(CellView::Unchanged),
            b't' => {
                let length = usize::try_from(self.array().map(i32::from_be_bytes)?).ok()?;
                let (text, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                std::str::from_utf8(text).ok().map(CellView::Text)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Cell, Message, Old, parse, write};
    use super::*;

    fn owned(cells: Cells<'_>) -> Vec<Cell> {
        let cell = |cell| match cell {
            CellView::Null => Cell::Null,
            CellView::Unchanged => Cell::Unchanged,
            CellView::Text(text) => Cell::Text(text.to_owned()),
        };
        cells.into_iter().map(cell).collect()
    }

    fn old(view: OldView<'_>) -> Old {
        match view {
            OldView::Key(cells) => Old::Key(owned(cells)),
            OldView::Full(cells) => Old::Full(owned(cells)),
        }
    }

    /// What is seen is what is read.
    fn same(bytes: &[u8]) {
        let parsed = parse(bytes);
        let seen = view(bytes).map(|view| match view {
            View::Begin { commit, time_us, xid } => {
                Message::Begin { final_lsn: commit, commit_time_us: time_us, xid }
            }
            View::Commit { commit, end } => {
                let Ok(Message::Commit { commit_time_us, .. }) = parsed else { panic!() };
                Message::Commit { commit_lsn: commit, end_lsn: end, commit_time_us }
            }
            View::Change { does: Does::Insert, relation, old: None, new: Some(new) } => {
                Message::Insert { relation, new: owned(new) }
            }
            View::Change { does: Does::Update, relation, old: before, new: Some(new) } => {
                Message::Update { relation, old: before.map(old), new: owned(new) }
            }
            View::Change { does: Does::Delete, relation, old: Some(before), new: None } => {
                Message::Delete { relation, old: old(before) }
            }
            View::Change { .. } => panic!("{view:?} is no change"),
        });
        match seen {
            Some(seen) => assert_eq!(parsed, Ok(seen)),
            None => {
                let rare = !b"BCIUD".contains(&bytes[0]);
                assert!(parsed.is_err() || rare, "{parsed:?} was not seen");
            }
        }
    }

    fn messages() -> Vec<Vec<u8>> {
        let row = [Cell::Text("1".to_owned()), Cell::Null, Cell::Unchanged];
        vec![
            write::begin(Lsn(10), 7, Xid(3)),
            write::commit(Lsn(10), Lsn(18), 7),
            write::insert(1, &row),
            write::update(1, None, &row),
            write::update(1, Some(&write::key(&row)), &row),
            write::update(1, Some(&write::full(&row)), &row),
            write::delete(1, &write::full(&row)),
            write::truncate(&[1]),
            write::relation(1, "t", b'd', &[("id", true)]),
        ]
    }

    #[test]
    fn a_message_is_seen_as_it_is_read() {
        for message in messages() {
            same(&message);
        }
    }

    proptest! {
        #[test]
        fn a_changed_message_is_seen_as_it_is_read(
            which in any::<prop::sample::Index>(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut message = which.get(&messages()).clone();
            let place = at.index(message.len());
            message[place] = byte;
            same(&message);
            message.truncate(cut.index(message.len()).max(1));
            same(&message);
        }
    }
}
