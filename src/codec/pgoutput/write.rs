//! Writes pgoutput as Postgres does, for tests that build a journal.

use super::{Cell, Old, POSTGRES_EPOCH_US};
use crate::base::position::{Lsn, Xid};

/// The cells of a row.
pub(crate) type Row = Vec<Cell>;

fn time(us: i64) -> [u8; 8] {
    (us - POSTGRES_EPOCH_US).to_be_bytes()
}

fn count(n: usize) -> [u8; 2] {
    i16::try_from(n).unwrap().to_be_bytes()
}

fn length(n: usize) -> [u8; 4] {
    i32::try_from(n).unwrap().to_be_bytes()
}

fn string(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

fn tuple(row: &[Cell]) -> Vec<u8> {
    let cell = |cell: &Cell| match cell {
        Cell::Null => b"n".to_vec(),
        Cell::Unchanged => b"u".to_vec(),
        Cell::Text(text) => [&b"t"[..], &length(text.len()), text.as_bytes()].concat(),
    };
    [count(row.len()).to_vec(), row.iter().flat_map(cell).collect()].concat()
}

fn old(old: &Old) -> Vec<u8> {
    match old {
        Old::Key(row) => [b"K".to_vec(), tuple(row)].concat(),
        Old::Full(row) => [b"O".to_vec(), tuple(row)].concat(),
    }
}

pub(crate) fn key(row: &[Cell]) -> Old {
    Old::Key(row.to_vec())
}

pub(crate) fn full(row: &[Cell]) -> Old {
    Old::Full(row.to_vec())
}

pub(crate) fn begin(commit: Lsn, time_us: i64, xid: Xid) -> Vec<u8> {
    let commit = commit.0.to_be_bytes();
    [&b"B"[..], &commit, &time(time_us), &xid.0.to_be_bytes()].concat()
}

pub(crate) fn commit(commit: Lsn, end: Lsn, time_us: i64) -> Vec<u8> {
    let (commit, end) = (commit.0.to_be_bytes(), end.0.to_be_bytes());
    [&b"C\0"[..], &commit, &end, &time(time_us)].concat()
}

pub(crate) fn relation(oid: u32, name: &str, identity: u8, columns: &[(&str, bool)]) -> Vec<u8> {
    let column = |(name, key): &(&str, bool)| {
        let (oid, modifier) = (25_u32.to_be_bytes(), (-1_i32).to_be_bytes());
        [&[u8::from(*key)][..], &string(name), &oid, &modifier].concat()
    };
    let head = [&b"R"[..], &oid.to_be_bytes(), &string("public"), &string(name), &[identity]];
    let columns = [count(columns.len()).to_vec(), columns.iter().flat_map(column).collect()];
    [head.concat(), columns.concat()].concat()
}

pub(crate) fn insert(oid: u32, new: &[Cell]) -> Vec<u8> {
    [&b"I"[..], &oid.to_be_bytes(), b"N", &tuple(new)].concat()
}

pub(crate) fn update(oid: u32, before: Option<&Old>, new: &[Cell]) -> Vec<u8> {
    let before = before.map(old).unwrap_or_default();
    [&b"U"[..], &oid.to_be_bytes(), &before, b"N", &tuple(new)].concat()
}

pub(crate) fn delete(oid: u32, before: &Old) -> Vec<u8> {
    [&b"D"[..], &oid.to_be_bytes(), &old(before)].concat()
}

pub(crate) fn truncate(oids: &[u32]) -> Vec<u8> {
    let tables = oids.iter().flat_map(|oid| oid.to_be_bytes()).collect::<Vec<_>>();
    [&b"T"[..], &length(oids.len()), &[0], &tables].concat()
}

pub(crate) fn message(lsn: Lsn, prefix: &str, content: &[u8]) -> Vec<u8> {
    let head = [&b"M\x01"[..], &lsn.0.to_be_bytes(), &string(prefix)].concat();
    [&head[..], &length(content.len()), content].concat()
}
