//! The messages of the slot, pgoutput version 1, into one buffer that is used again and again.

use super::Row;

/// The OID of the table.
pub(super) const TABLE: u32 = 16_384;
/// Microseconds between 1970-01-01 and 2000-01-01, from which Postgres counts.
const EPOCH_US: i64 = 946_684_800_000_000;
/// The columns of the table.
const COLUMNS: i16 = 4;

pub(super) fn begin(out: &mut Vec<u8>, commit: u64, time_us: i64, xid: u32) {
    out.clear();
    out.push(b'B');
    out.extend(commit.to_be_bytes());
    out.extend((time_us - EPOCH_US).to_be_bytes());
    out.extend(xid.to_be_bytes());
}

pub(super) fn commit(out: &mut Vec<u8>, commit: u64, end: u64, time_us: i64) {
    out.clear();
    out.extend(b"C\0");
    out.extend(commit.to_be_bytes());
    out.extend(end.to_be_bytes());
    out.extend((time_us - EPOCH_US).to_be_bytes());
}

pub(super) fn insert(out: &mut Vec<u8>, row: Row) {
    head(out, b'I', b'N');
    cells(out, row);
}

pub(super) fn update(out: &mut Vec<u8>, row: Row) {
    head(out, b'U', b'N');
    cells(out, row);
}

/// Under REPLICA IDENTITY DEFAULT a delete carries the key.
pub(super) fn delete(out: &mut Vec<u8>, row: Row) {
    head(out, b'D', b'K');
    out.extend(COLUMNS.to_be_bytes());
    text(out, format_args!("{}", row.id));
    out.extend(b"nnn");
}

fn head(out: &mut Vec<u8>, kind: u8, tuple: u8) {
    out.clear();
    out.push(kind);
    out.extend(TABLE.to_be_bytes());
    out.push(tuple);
}

fn cells(out: &mut Vec<u8>, row: Row) {
    out.extend(COLUMNS.to_be_bytes());
    text(out, format_args!("{}", row.id));
    text(out, format_args!("owner-{}", row.id));
    text(out, format_args!("{}", row.balance));
    text(out, format_args!("{}", if row.open { "t" } else { "f" }));
}

fn text(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    out.push(b't');
    let length_at = out.len();
    out.extend([0; 4]);
    // Writing to memory does not fail.
    out.write_fmt(text).ok();
    let length = u32::try_from(out.len() - length_at - 4).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(length_at..length_at + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}
