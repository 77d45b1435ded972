//! The records, in the form in which Debezium's JSON converter writes them.

use std::fmt::Write as _;

use super::Row;

/// A change of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) op: char,
    pub(super) before: Option<Row>,
    pub(super) after: Option<Row>,
}

/// A change with where it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub(super) change: Change,
    pub(super) mark: &'a str,
    pub(super) lsn: u64,
    pub(super) xid: u32,
    pub(super) time_us: i64,
}

impl Envelope<'_> {
    /// Writes value and key into buffers that are used again and again.
    pub(super) fn write(&self, value: &mut String, key: &mut String) {
        let Self { change, mark, lsn, xid, time_us } = *self;
        value.clear();
        value.push_str("{\"before\":");
        // Of a row that went, the WAL carries the key only.
        match change.before {
            Some(row) => {
                let id = row.id;
                write!(value, "{{\"id\":{id},\"owner\":null,\"balance\":null,\"open\":null}}").ok();
            }
            None => value.push_str("null"),
        }
        value.push_str(",\"after\":");
        match change.after {
            Some(Row { id, balance, open }) => {
                let owner = format_args!("owner-{id}").to_string();
                write!(
                    value,
                    "{{\"id\":{id},\"owner\":\"{owner}\",\"balance\":{balance},\"open\":{open}}}"
                )
                .ok();
            }
            None => value.push_str("null"),
        }
        let (ms, op) = (time_us / 1000, change.op);
        write!(
            value,
            ",\"source\":{{\"version\":\"3.6.3.Final\",\"connector\":\"postgresql\",\"name\":\"bench\",\
             \"ts_ms\":{ms},\"snapshot\":\"{mark}\",\"db\":\"bench\",\
             \"sequence\":\"[null,\\\"{lsn}\\\"]\",\"ts_us\":{time_us},\"ts_ns\":{time_us}000,\
             \"schema\":\"public\",\"table\":\"accounts\",\"txId\":{xid},\"lsn\":{lsn},\"xmin\":null}},\
             \"transaction\":null,\"op\":\"{op}\",\"ts_ms\":{ms}}}"
        )
        .ok();
        key.clear();
        if let Some(row) = change.after.or(change.before) {
            write!(key, "{{\"id\":{}}}", row.id).ok();
        }
    }
}
