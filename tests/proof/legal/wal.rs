//! Writes the journal's messages as the documentation of Postgres says (logical streaming
//! replication, message formats), apart from the code that reads them.

use changeproof::base::position::{Lsn, Xid};
use changeproof::history::event::Event;
use serde_json::json;

use super::catalogue::tables;
use super::database::{COMMIT_LENGTH, Change, Kinds, Layout, Row, Transaction, leaf};
use super::plan::{Parts, Plan};
use super::signals::Signal;

/// The table's OID; those of its leaves stand behind it.
pub(crate) const TABLE: u32 = 4242;

/// The OID of the signal table.
pub(crate) const SIGNALS: u32 = 4250;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    /// All columns.
    All,
    /// All but the long one, which is unchanged.
    NoteAlone,
    /// The key; the others are null.
    Key,
}

fn text(bytes: &mut Vec<u8>, value: &str) {
    bytes.push(b't');
    bytes.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
    bytes.extend(value.as_bytes());
}

fn tuple(bytes: &mut Vec<u8>, row: &Row, show: Show) {
    let n = u16::try_from(3 + row.more.len()).unwrap();
    bytes.extend(n.to_be_bytes());
    text(bytes, &row.id.to_string());
    match (&row.v, show) {
        (Some(v), Show::All | Show::NoteAlone) => text(bytes, &v.to_string()),
        (None, _) | (_, Show::Key) => bytes.push(b'n'),
    }
    match show {
        Show::All => text(bytes, &row.note),
        Show::NoteAlone => bytes.push(b'u'),
        Show::Key => bytes.push(b'n'),
    }
    for (_, cell) in &row.more {
        match &cell.text {
            Some(value) if show != Show::Key => text(bytes, value),
            _ => bytes.push(b'n'),
        }
    }
}

/// The OID of the table that the WAL names for a change.
fn oid(plan: &Plan, leaf: usize) -> [u8; 4] {
    let place = if plan.parts == Parts::None { 0 } else { u32::try_from(leaf).unwrap() + 1 };
    (TABLE + place).to_be_bytes()
}

/// A change; with a full replica identity the old row is the whole one.
fn change(plan: &Plan, change: &Change) -> Vec<u8> {
    let table = oid(plan, change.leaf());
    let mut bytes = Vec::new();
    let letter = match change.kind {
        Kinds::Insert => b'I',
        Kinds::Update => b'U',
        Kinds::Delete => b'D',
        Kinds::Truncate => {
            bytes.extend(b"T\0\0\0\x01\0");
            bytes.extend(table);
            return bytes;
        }
        Kinds::Alter => unreachable!("the WAL has notes of it"),
    };
    bytes.push(letter);
    bytes.extend(table);
    let rekeyed = match (&change.old, &change.new) {
        (Some(old), Some(new)) => old.id != new.id,
        _ => true,
    };
    if let Some(old) = change.old.as_ref().filter(|_| plan.full || rekeyed) {
        bytes.push(if plan.full { b'O' } else { b'K' });
        tuple(&mut bytes, old, if plan.full { Show::All } else { Show::Key });
    }
    if let Some(new) = &change.new {
        bytes.push(b'N');
        tuple(&mut bytes, new, if change.note_alone { Show::NoteAlone } else { Show::All });
    }
    bytes
}

/// What a table looks like, as Postgres writes it before the first change that it looks so in.
fn relation(plan: &Plan, leaf: usize, layout: &Layout) -> Vec<u8> {
    let name = if plan.parts == Parts::None { "t".to_owned() } else { format!("t_{leaf}") };
    let mut bytes = b"R".to_vec();
    bytes.extend(oid(plan, leaf));
    bytes.extend(format!("public\0{name}\0").as_bytes());
    bytes.push(if plan.full { b'f' } else { b'd' });
    let further = layout.iter().map(|(name, kind)| (name.as_str(), kind.catalogue().0));
    let columns = [("id", 23), ("v", 23), ("note", 25)].into_iter().chain(further);
    bytes.extend(u16::try_from(3 + layout.len()).unwrap().to_be_bytes());
    for (name, type_oid) in columns {
        // All columns are the identity of a table whose old rows are written whole.
        let identifies = plan.full || (plan.keyed && name == "id");
        bytes.push(u8::from(identifies));
        bytes.extend(format!("{name}\0").as_bytes());
        bytes.extend(type_oid.to_be_bytes());
        bytes.extend((-1_i32).to_be_bytes());
    }
    bytes
}

/// A logical message of a transaction.
fn logical(lsn: u64, prefix: &str, content: &str) -> Vec<u8> {
    let mut bytes = b"M\x01".to_vec();
    bytes.extend(lsn.to_be_bytes());
    bytes.extend(format!("{prefix}\0").as_bytes());
    bytes.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
    bytes.extend(content.as_bytes());
    bytes
}

/// The notes of a change of the schema: what all tables are, and the rows of those that it is about.
fn notes(plan: &Plan, change: &Change) -> Vec<Vec<u8>> {
    let Some((layout, rows, beside)) = &change.turn else { return Vec::new() };
    let all = serde_json::to_string(&tables(plan, layout, *beside)).unwrap();
    let mut notes = vec![logical(change.lsn, "changeproof.note.tables", &all)];
    let leaves = if plan.parts == Parts::None { 0..1 } else { 0..2 };
    for of in leaves {
        let own = rows.iter().filter(|row| plan.parts == Parts::None || leaf(row.id) == of);
        let texts = own.map(|row| {
            let first =
                [Some(row.id.to_string()), row.v.map(|v| v.to_string()), Some(row.note.clone())];
            let further = row.more.iter().map(|(_, cell)| cell.text.clone());
            first.into_iter().chain(further).collect::<Vec<_>>()
        });
        let oid = u32::from_be_bytes(oid(plan, of));
        let content = json!({"table": oid, "rows": texts.collect::<Vec<_>>()}).to_string();
        notes.push(logical(change.lsn, "changeproof.note.rows", &content));
    }
    notes
}

/// A row of texts that comes.
pub(crate) fn insert(oid: u32, cells: &[&str]) -> Vec<u8> {
    let mut insert = vec![b'I'];
    insert.extend(oid.to_be_bytes());
    insert.push(b'N');
    insert.extend(u16::try_from(cells.len()).unwrap().to_be_bytes());
    for cell in cells {
        text(&mut insert, cell);
    }
    insert
}

/// A transaction of one change.
pub(crate) fn transaction((xid, lsn): (u32, u64), change: Vec<u8>) -> [Event; 3] {
    let [begin, end] = bounds((xid, lsn + 1), lsn + 2);
    let (lsn, xid) = (Lsn(lsn), Xid(xid));
    [begin, change, end].map(|data| Event::Wal { lsn, xid, data })
}

/// The transaction of a row of the signal table.
pub(crate) fn signal(signal: &Signal) -> [Event; 3] {
    transaction((signal.xid, signal.lsn), insert(SIGNALS, &signal.row))
}

/// The begin and the commit of a transaction.
fn bounds((xid, commit): (u32, u64), end: u64) -> [Vec<u8>; 2] {
    let mut begin = b"B".to_vec();
    begin.extend(commit.to_be_bytes());
    begin.extend(0_u64.to_be_bytes());
    begin.extend(xid.to_be_bytes());
    let mut commits = b"C\0".to_vec();
    commits.extend(commit.to_be_bytes());
    commits.extend(end.to_be_bytes());
    commits.extend(0_u64.to_be_bytes());
    [begin, commits]
}

/// The messages of a slot, transaction by transaction.
pub(crate) struct Slot<'p> {
    plan: &'p Plan,
    layout: Layout,
    /// The leaves that were described as they are.
    described: Vec<usize>,
}

impl<'p> Slot<'p> {
    pub(crate) fn new(plan: &'p Plan) -> Self {
        Self { plan, layout: super::database::layout(plan), described: Vec::new() }
    }

    /// A transaction's messages with their LSNs.
    pub(crate) fn messages(&mut self, transaction: &Transaction) -> Vec<(u64, Vec<u8>)> {
        let Transaction { xid, changes, commit } = transaction;
        let [begin, end] = bounds((*xid, *commit), commit + COMMIT_LENGTH);
        let first = changes.first().map_or(*commit, |change| change.lsn);
        let mut messages = vec![(first, begin)];
        for of in changes {
            if let Some((layout, ..)) = &of.turn {
                self.layout.clone_from(layout);
                self.described.clear();
                messages.extend(notes(self.plan, of).into_iter().map(|note| (of.lsn, note)));
                continue;
            }
            let leaf = if self.plan.parts == Parts::None { 0 } else { of.leaf() };
            if !self.described.contains(&leaf) {
                self.described.push(leaf);
                messages.push((of.lsn, relation(self.plan, leaf, &self.layout)));
            }
            messages.push((of.lsn, change(self.plan, of)));
        }
        messages.push((*commit, end));
        messages
    }
}
