//! What Debezium writes of the changes, by its documentation: the definition that the checkers are
//! held against, written apart from their model.

use serde_json::{Value, json};

use super::database::{Change, Kind, Row, Transaction, rows};
use super::plan::Plan;
use super::signals::chunks;

/// A record of the topic.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Emit {
    /// `r c u d t`, and `n` for a tombstone.
    pub(crate) op: char,
    pub(crate) key: Option<i64>,
    pub(crate) before: Value,
    pub(crate) after: Value,
    /// Transaction and LSN; of a snapshot's row the slot's consistent point.
    pub(crate) xid: u32,
    pub(crate) lsn: u64,
    /// It is a part of a primary-key change.
    pub(crate) rekey: bool,
}

/// Where the snapshot ends.
pub(crate) fn point(plan: &Plan, transactions: &[Transaction]) -> u64 {
    point_of(transactions.get(..plan.before).unwrap_or(transactions))
}

/// The point of a snapshot that shows these transactions.
pub(crate) fn point_of(shown: &[Transaction]) -> u64 {
    shown.last().map_or(1000, |last| last.commit + 60)
}

/// The rows of a snapshot that shows these transactions.
pub(crate) fn snapshot(plan: &Plan, shown: &[Transaction]) -> Vec<Emit> {
    let lsn = point_of(shown);
    let rows = rows(shown);
    let reads = rows.iter().map(|row| Emit {
        op: 'r',
        key: plan.has_message_keys().then_some(row.id),
        before: Value::Null,
        after: image(row, false),
        xid: 600,
        lsn,
        rekey: false,
    });
    reads.collect()
}

/// All records of the topic in the order they are written.
pub(crate) fn expected(plan: &Plan, transactions: &[Transaction]) -> Vec<Emit> {
    let (shown, streamed) = transactions.split_at(plan.before.min(transactions.len()));
    let mut records = Vec::new();
    if plan.snapshot {
        records.extend(snapshot(plan, shown));
    }
    for (n, transaction) in streamed.iter().enumerate() {
        records.extend(chunks(plan, transactions, plan.before + n));
        records.extend(stream(plan, std::slice::from_ref(transaction)));
    }
    records.extend(chunks(plan, transactions, transactions.len()));
    records
}

/// The records of these transactions.
pub(crate) fn stream(plan: &Plan, transactions: &[Transaction]) -> Vec<Emit> {
    let emitted = |transaction: &Transaction| {
        let changes = transaction.changes.iter();
        changes.flat_map(|change| emitted(plan, transaction.xid, change)).collect::<Vec<_>>()
    };
    transactions.iter().flat_map(emitted).collect()
}

pub(crate) fn image(row: &Row, unavailable: bool) -> Value {
    let note = if unavailable { "__debezium_unavailable_value" } else { &row.note };
    json!({"id": row.id, "v": row.v, "note": note})
}

fn emitted(plan: &Plan, xid: u32, change: &Change) -> Vec<Emit> {
    let (old, new) = (change.old.as_ref(), change.new.as_ref());
    let key = |row: Option<&Row>| row.map(|row| row.id).filter(|_| plan.has_message_keys());
    // The full old row gives the value that the new one leaves out.
    let after = new.map_or(Value::Null, |row| image(row, change.note_alone && !plan.full));
    let full_before = || old.map_or(Value::Null, |row| image(row, false));
    let key_before =
        || old.map_or(Value::Null, |row| json!({"id": row.id, "v": null, "note": null}));
    let gone_before = || if plan.full { full_before() } else { key_before() };
    let rekey = change.kind == Kind::Update && key(old) != key(new);
    let lsn = change.lsn;
    let emit = |op, key, before, after| Emit { op, key, before, after, xid, lsn, rekey };
    let mut records = Vec::new();
    if change.kind == Kind::Delete || rekey {
        records.push(emit('d', key(old), gone_before(), Value::Null));
        if plan.tombstones {
            records.push(emit('n', key(old), Value::Null, Value::Null));
        }
    }
    match change.kind {
        Kind::Insert => records.push(emit('c', key(new), Value::Null, after)),
        Kind::Update if rekey => records.push(emit('c', key(new), Value::Null, after)),
        Kind::Update => {
            let before = if plan.full { full_before() } else { Value::Null };
            records.push(emit('u', key(new), before, after));
        }
        Kind::Truncate if plan.truncates => {
            records.push(emit('t', None, Value::Null, Value::Null));
        }
        Kind::Delete | Kind::Truncate => {}
    }
    // A delete that is left out has no tombstone either.
    let skipped = |emit: &Emit| {
        let op = if emit.op == 'n' { 'd' } else { emit.op };
        plan.skips == Some(op)
    };
    records.retain(|emit| !skipped(emit));
    records
}
