//! Writes the journal's messages as the documentation of Postgres says (logical streaming
//! replication, message formats), apart from the code that reads them.

use changeproof::base::position::{Lsn, Xid};
use changeproof::history::event::Event;

use super::database::{COMMIT_LENGTH, Change, Kind, Row, Transaction};
use super::signals::Signal;

/// The table's OID.
pub(crate) const TABLE: u32 = 4242;

/// The OID of the signal table.
pub(crate) const SIGNALS: u32 = 4243;

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
    bytes.extend(3_u16.to_be_bytes());
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
}

/// A change; `full`: the replica identity is the whole row.
fn change(change: &Change, full: bool) -> Vec<u8> {
    let table = TABLE.to_be_bytes();
    let mut bytes = Vec::new();
    let letter = match change.kind {
        Kind::Insert => b'I',
        Kind::Update => b'U',
        Kind::Delete => b'D',
        Kind::Truncate => {
            bytes.extend(b"T\0\0\0\x01\0");
            bytes.extend(table);
            return bytes;
        }
    };
    bytes.push(letter);
    bytes.extend(table);
    let rekeyed = match (&change.old, &change.new) {
        (Some(old), Some(new)) => old.id != new.id,
        _ => true,
    };
    if let Some(old) = change.old.as_ref().filter(|_| full || rekeyed) {
        bytes.push(if full { b'O' } else { b'K' });
        tuple(&mut bytes, old, if full { Show::All } else { Show::Key });
    }
    if let Some(new) = &change.new {
        bytes.push(b'N');
        tuple(&mut bytes, new, if change.note_alone { Show::NoteAlone } else { Show::All });
    }
    bytes
}

/// The transaction of a row of the signal table.
pub(crate) fn signal(signal: &Signal) -> [Event; 3] {
    let Signal { row, xid, lsn, .. } = signal;
    let mut insert = vec![b'I'];
    insert.extend(SIGNALS.to_be_bytes());
    insert.push(b'N');
    insert.extend(3_u16.to_be_bytes());
    for cell in row {
        text(&mut insert, cell);
    }
    let [begin, end] = bounds((*xid, lsn + 1), lsn + 2);
    let (lsn, xid) = (Lsn(*lsn), Xid(*xid));
    [begin, insert, end].map(|data| Event::Wal { lsn, xid, data })
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

/// A transaction's messages with their LSNs.
pub(crate) fn messages(transaction: &Transaction, full: bool) -> Vec<(u64, Vec<u8>)> {
    let Transaction { xid, changes, commit } = transaction;
    let [begin, end] = bounds((*xid, *commit), commit + COMMIT_LENGTH);
    let first = changes.first().map_or(*commit, |change| change.lsn);
    let mut messages = vec![(first, begin)];
    messages.extend(changes.iter().map(|c| (c.lsn, change(c, full))));
    messages.push((*commit, end));
    messages
}
