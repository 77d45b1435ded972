//! The signal table, and an incremental snapshot that it asks for: each row is read in one of two
//! windows, unless a change within that one is about it.

use serde_json::Value;

use super::database::{Kinds, Transaction, rows};
use super::debezium::{Emit, image};
use super::plan::Plan;

/// A transaction of the connector or a session that writes a row into the signal table.
pub(crate) struct Signal {
    /// Before how many transactions of the plan it stands, from the end of the one before.
    pub(crate) place: usize,
    pub(crate) row: [&'static str; 3],
    pub(crate) xid: u32,
    pub(crate) lsn: u64,
}

const ASK: &str = r#"{"data-collections": ["public.t"], "type": "incremental"}"#;

/// Where the two windows open and close, among the transactions that are streamed.
fn windows(plan: &Plan, transactions: &[Transaction]) -> Option<[(usize, usize); 2]> {
    let left = transactions.len() - plan.before.min(transactions.len());
    let mut at = plan.windows?.map(|index| plan.before + index.index(left + 1));
    at.sort_unstable();
    let [a, b, c, d] = at;
    Some([(a, b), (c, d)])
}

/// All rows of the signal table.
pub(crate) fn signals(plan: &Plan, transactions: &[Transaction]) -> Vec<Signal> {
    let Some([first, second]) = windows(plan, transactions) else { return Vec::new() };
    let (open, close) = ("snapshot-window-open", "snapshot-window-close");
    let rows = [
        (first.0, ["all", "execute-snapshot", ASK]),
        (first.0, ["1-open", open, ""]),
        (first.1, ["1-close", close, ""]),
        (second.0, ["2-open", open, ""]),
        (second.1, ["2-close", close, ""]),
    ];
    let signal = |(n, (place, row)): (usize, (usize, [&'static str; 3]))| {
        let nth = u32::try_from(n).unwrap();
        let behind = place.checked_sub(1).and_then(|last| transactions.get(last));
        let lsn = behind.map_or(1002, |last| last.commit + 62) + 4 * u64::from(nth);
        Signal { place, row, xid: 650 + nth, lsn }
    };
    rows.into_iter().enumerate().map(signal).collect()
}

/// The records of the chunks that are closed before a transaction.
pub(crate) fn chunks(plan: &Plan, transactions: &[Transaction], place: usize) -> Vec<Emit> {
    let mut records = Vec::new();
    let upto = i64::try_from(plan.choice(2) % 6).unwrap();
    let windows = windows(plan, transactions).into_iter().flatten();
    for (n, (open, close)) in windows.enumerate() {
        if close != place {
            continue;
        }
        let within = transactions[open..close].iter().flat_map(|transaction| &transaction.changes);
        let touched = within.flat_map(|change| [&change.old, &change.new]).flatten();
        let touched = touched.map(|row| row.id).collect::<Vec<_>>();
        let own = |id: i64| (id < upto) == (n == 0) && !touched.contains(&id);
        let all = rows(&transactions[..close]);
        records.extend(all.iter().filter(|row| own(row.id)).map(|row| Emit {
            op: 'r',
            key: Some(row.id),
            before: Value::Null,
            after: image(plan, row, false),
            xid: 0,
            lsn: 0,
            rekey: false,
            table: 0,
        }));
    }
    records
}

/// How far the first run of the connector streams, and how many transactions the snapshot shows that
/// is taken anew: nothing is deleted in between.
pub(crate) fn anew(plan: &Plan, transactions: &[Transaction]) -> Option<(usize, usize)> {
    let (streamed, shown) = plan.anew.as_ref()?;
    let left = transactions.len().checked_sub(plan.before + 1)?;
    let streamed = plan.before + streamed.index(left + 1);
    let shown = streamed + shown.index(transactions.len() - streamed);
    let deletes = |transaction: &Transaction| {
        transaction.changes.iter().any(|change| match change.kind {
            Kinds::Insert => false,
            Kinds::Update => change.old.as_ref().map(|r| r.id) != change.new.as_ref().map(|r| r.id),
            Kinds::Delete | Kinds::Truncate => true,
            Kinds::Alter => false,
        })
    };
    let skipped = transactions[streamed..shown].iter().take_while(|t| !deletes(t)).count();
    // A point of its own needs a transaction of its own.
    (skipped > 0).then_some((streamed, streamed + skipped))
}
