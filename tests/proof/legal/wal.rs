//! Writes the journal's messages as the documentation of Postgres says (logical streaming
//! replication, message formats), apart from the code that reads them.

use super::database::{COMMIT_LENGTH, Change, Kind, Row, Transaction};

/// The table's OID.
pub(crate) const TABLE: u32 = 4242;

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

/// A transaction's messages with their LSNs.
pub(crate) fn messages(transaction: &Transaction, full: bool) -> Vec<(u64, Vec<u8>)> {
    let Transaction { xid, changes, commit } = transaction;
    let mut begin = b"B".to_vec();
    begin.extend(commit.to_be_bytes());
    begin.extend(0_u64.to_be_bytes());
    begin.extend(xid.to_be_bytes());
    let mut end = b"C\0".to_vec();
    end.extend(commit.to_be_bytes());
    end.extend((commit + COMMIT_LENGTH).to_be_bytes());
    end.extend(0_u64.to_be_bytes());
    let first = changes.first().map_or(*commit, |change| change.lsn);
    let mut messages = vec![(first, begin)];
    messages.extend(changes.iter().map(|c| (c.lsn, change(c, full))));
    messages.push((*commit, end));
    messages
}
