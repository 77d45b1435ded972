//! What Postgres makes of a plan: changes with their places in the WAL.

use super::plan::{Act, Plan};

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) v: Option<i64>,
    /// A long value, which an update may leave out.
    pub(crate) note: String,
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Insert,
    Update,
    Delete,
    Truncate,
}

/// A change of a row.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) kind: Kind,
    pub(crate) old: Option<Row>,
    pub(crate) new: Option<Row>,
    /// The WAL leaves `note` out of the new row.
    pub(crate) note_alone: bool,
    pub(crate) lsn: u64,
}

/// A committed transaction.
#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    pub(crate) xid: u32,
    pub(crate) changes: Vec<Change>,
    pub(crate) commit: u64,
}

/// How far the end of a commit record is from its beginning.
pub(crate) const COMMIT_LENGTH: u64 = 48;

/// The rows after some transactions.
pub(crate) fn rows(transactions: &[Transaction]) -> Vec<Row> {
    let mut rows = Vec::new();
    for change in transactions.iter().flat_map(|transaction| &transaction.changes) {
        apply(&mut rows, change);
    }
    rows
}

fn apply(rows: &mut Vec<Row>, change: &Change) {
    if change.kind == Kind::Truncate {
        rows.clear();
    }
    if let Some(old) = &change.old {
        let place = rows.iter().position(|row| row == old).unwrap();
        rows.remove(place);
    }
    rows.extend(change.new.clone());
}

/// The transactions of a plan in commit order.
pub(crate) fn changes(plan: &Plan) -> Vec<Transaction> {
    let (mut rows, mut transactions) = (Vec::new(), Vec::new());
    for (n, (acts, _)) in plan.transactions.iter().enumerate() {
        let mut changes = Vec::new();
        for (step, act) in acts.iter().enumerate() {
            let note = format!("note {n}.{step}");
            if let Some(change) = change(plan, &rows, act, note) {
                apply(&mut rows, &change);
                changes.push(change);
            }
        }
        let xid = 700 + u32::try_from(n).unwrap();
        transactions.push(Transaction { xid, changes, commit: 0 });
    }
    place(plan, &mut transactions);
    transactions
}

fn change(plan: &Plan, rows: &[Row], act: &Act, note: String) -> Option<Change> {
    let find = |id: &i64| rows.iter().find(|row| row.id == *id).cloned();
    let (kind, old, new, note_alone) = match act {
        Act::Insert(id, v) => {
            if plan.keyed && find(id).is_some() {
                return None;
            }
            (Kind::Insert, None, Some(Row { id: *id, v: *v, note }), false)
        }
        Act::Update(id, v, alone) => {
            let old = find(id)?;
            let note = if *alone { old.note.clone() } else { note };
            (Kind::Update, Some(old), Some(Row { id: *id, v: *v, note }), *alone)
        }
        Act::Rekey(from, to) => {
            let old = find(from)?;
            if from == to || (plan.keyed && find(to).is_some()) {
                return None;
            }
            let new = Row { id: *to, ..old.clone() };
            (Kind::Update, Some(old), Some(new), true)
        }
        Act::Delete(id) => (Kind::Delete, Some(find(id)?), None, false),
        // One that is not streamed is an anomaly of its own.
        Act::Truncate if !plan.truncates => return None,
        Act::Truncate => (Kind::Truncate, None, None, false),
    };
    Some(Change { kind, old, new, note_alone, lsn: 0 })
}

/// Gives changes and commits their places in the WAL: transactions are written side by side where
/// they touch different rows, and commit in their order.
fn place(plan: &Plan, transactions: &mut [Transaction]) {
    let mut lsn = 1000;
    let mut next = move || {
        lsn += 100;
        lsn
    };
    let mut n = 0;
    while n < transactions.len() {
        let early = plan.transactions.get(n + 1).is_some_and(|(_, early)| *early);
        let apart = transactions.get(n + 1).is_some_and(|other| disjoint(&transactions[n], other));
        // A slot is consistent only once all that ran when it was made have ended.
        let pair = early && apart && plan.before != n + 1;
        let written = if pair { vec![n + 1, n] } else { vec![n] };
        for place in written {
            for change in &mut transactions[place].changes {
                change.lsn = next();
            }
        }
        let end = if pair { n + 2 } else { n + 1 };
        for transaction in &mut transactions[n..end] {
            transaction.commit = next();
        }
        n = end;
    }
}

fn disjoint(one: &Transaction, other: &Transaction) -> bool {
    let keys = |transaction: &Transaction| {
        let rows = transaction.changes.iter().flat_map(|change| [&change.old, &change.new]);
        rows.flatten().map(|row| row.id).collect::<Vec<_>>()
    };
    let truncates = |transaction: &Transaction| {
        transaction.changes.iter().any(|change| change.kind == Kind::Truncate)
    };
    let others = keys(other);
    !truncates(one) && !truncates(other) && keys(one).iter().all(|key| !others.contains(key))
}
