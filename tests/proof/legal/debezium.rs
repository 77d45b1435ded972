//! What Debezium writes of the changes, by its documentation: the definition that the checkers are
//! held against, written apart from their model.

use serde_json::{Value, json};

use super::database::{Change, Kinds, Row, Transaction, leaf, rows};
use super::plan::{Parts, Plan};
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
    /// The table whose topic it is on: the root, or one of its leaves behind that.
    pub(crate) table: usize,
}

/// Where the snapshot ends.
pub(crate) fn point(plan: &Plan, transactions: &[Transaction]) -> u64 {
    point_of(transactions.get(..plan.before).unwrap_or(transactions))
}

/// The point of a snapshot that shows these transactions.
pub(crate) fn point_of(shown: &[Transaction]) -> u64 {
    shown.last().map_or(1000, |last| last.commit + 60)
}

/// The rows of a snapshot that shows these transactions: of each table that is captured.
pub(crate) fn snapshot(plan: &Plan, shown: &[Transaction]) -> Vec<Emit> {
    let lsn = point_of(shown);
    let rows = rows(shown);
    let tables = (0..3).filter(|table| captured(plan, *table));
    let of = |table: usize| {
        let own = rows.iter().filter(move |row| table == 0 || leaf(row.id) + 1 == table);
        own.map(move |row| Emit {
            op: 'r',
            key: plan.has_message_keys().then_some(row.id),
            before: Value::Null,
            after: image(plan, row, false),
            xid: 600,
            lsn,
            rekey: false,
            table,
        })
    };
    let all = tables.flat_map(of);
    all.filter(|emit| plan.shaping.keeps(emit.op)).collect()
}

/// Whether a table is captured: the only one, a root, or its leaves.
pub(crate) fn captured(plan: &Plan, table: usize) -> bool {
    match plan.parts {
        Parts::None => table == 0,
        Parts::Root(leaves) => table == 0 || leaves,
        Parts::Leaves(root) => table > 0 || root,
    }
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

pub(crate) fn image(plan: &Plan, row: &Row, unavailable: bool) -> Value {
    let note = if unavailable { "__debezium_unavailable_value" } else { &row.note };
    let mut columns = vec![
        ("id".to_owned(), json!(row.id)),
        ("v".to_owned(), json!(row.v)),
        ("note".to_owned(), json!(note)),
    ];
    columns.extend(row.more.iter().map(|(name, cell)| (name.clone(), cell.shown.clone())));
    plan.shaping.image(columns)
}

/// The key, and NULL in all other columns.
fn key_image(plan: &Plan, row: &Row) -> Value {
    let more = row.more.iter().map(|(name, _)| name.as_str());
    let nulls = ["v", "note"].into_iter().chain(more).map(|name| (name.to_owned(), Value::Null));
    let id = ("id".to_owned(), json!(row.id));
    plan.shaping.image([id].into_iter().chain(nulls).collect())
}

fn emitted(plan: &Plan, xid: u32, change: &Change) -> Vec<Emit> {
    let (old, new) = (change.old.as_ref(), change.new.as_ref());
    let key = |row: Option<&Row>| row.map(|row| row.id).filter(|_| plan.has_message_keys());
    // The full old row gives the value that the new one leaves out.
    let is_left_out = change.note_alone && !plan.full;
    let after = new.map_or(Value::Null, |row| image(plan, row, is_left_out));
    let full_before = || old.map_or(Value::Null, |row| image(plan, row, false));
    let key_before = || old.map_or(Value::Null, |row| key_image(plan, row));
    let gone_before = || if plan.full { full_before() } else { key_before() };
    let rekey = change.kind == Kinds::Update && key(old) != key(new);
    let lsn = change.lsn;
    let table = if matches!(plan.parts, Parts::Leaves(_)) { change.leaf() + 1 } else { 0 };
    let emit = |op, key, before, after| Emit { op, key, before, after, xid, lsn, rekey, table };
    let mut records = Vec::new();
    if change.kind == Kinds::Delete || rekey {
        records.push(emit('d', key(old), gone_before(), Value::Null));
        if plan.tombstones {
            records.push(emit('n', key(old), Value::Null, Value::Null));
        }
    }
    match change.kind {
        Kinds::Insert => records.push(emit('c', key(new), Value::Null, after)),
        Kinds::Update if rekey => records.push(emit('c', key(new), Value::Null, after)),
        Kinds::Update => {
            let before = if plan.full { full_before() } else { Value::Null };
            let says_nothing = plan.shaping.skips_unchanged && before == after;
            records.extend((!says_nothing).then(|| emit('u', key(new), before, after)));
        }
        Kinds::Truncate if plan.truncates => {
            records.push(emit('t', None, Value::Null, Value::Null));
        }
        Kinds::Delete | Kinds::Truncate | Kinds::Alter => {}
    }
    // A delete that is left out has no tombstone either.
    let skipped = |emit: &Emit| {
        let op = if emit.op == 'n' { 'd' } else { emit.op };
        plan.skips == Some(op)
    };
    records.retain(|emit| !skipped(emit) && plan.shaping.keeps(emit.op));
    records
}
