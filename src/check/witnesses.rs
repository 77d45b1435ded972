//! Facts that never fail by themselves, but prove that a scenario tried what it says.

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::found::{Draft, Found};
use super::topic::position;
use crate::base::anomaly::Anomaly;
use crate::base::position::{Lsn, Xid};
use crate::model::feed::Order;
use crate::model::key::Key;

pub(super) const FINDS: &[Anomaly] =
    &[Anomaly::Replay, Anomaly::UnchangedToast, Anomaly::LsnInversion];

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    replays(case, found);
    toast(case, found);
    inversions(case, found);
}

fn replays(case: &Case<'_>, found: &mut Found) {
    for topic in &case.topics {
        for (matched, wanted, logged) in topic.matched() {
            if matched.order == Order::Replayed {
                let sentence = format!("record {} arrived again", position(logged.record));
                let (columns, pair) = (case.key_columns(topic.table), (Some(wanted), Some(logged)));
                found.add(Draft::topic(Anomaly::Replay, topic, columns, pair, sentence));
            }
        }
    }
}

/// The WAL says so itself, whatever the record shows; one finding a key is enough.
fn toast(case: &Case<'_>, found: &mut Found) {
    for topic in &case.topics {
        let mut told = BTreeSet::<Option<&Key>>::new();
        for (_, wanted, logged) in topic.matched() {
            let Some(change) = &wanted.change else { continue };
            if change.unchanged.is_empty() || !told.insert(wanted.key.as_ref()) {
                continue;
            }
            let names = change.unchanged.iter().filter_map(|place| change.columns.get(*place));
            let names = names.map(String::as_str).collect::<Vec<_>>().join("`, `");
            let sentence = format!("the update at {} leaves out `{names}`", change.position);
            let (columns, pair) = (case.key_columns(topic.table), (Some(wanted), Some(logged)));
            found.add(Draft::topic(Anomaly::UnchangedToast, topic, columns, pair, sentence));
        }
    }
}

/// A change whose own LSN stands before that of a change that was committed earlier; one finding a
/// key and table is enough.
fn inversions(case: &Case<'_>, found: &mut Found) {
    let mut highest: Option<(Lsn, Xid)> = None;
    let mut told = BTreeMap::<usize, BTreeSet<Option<Key>>>::new();
    for transaction in &case.transactions {
        for change in &transaction.changes {
            let Some(columns) = case.columns.get(change.table).filter(|c| c.table.captured) else {
                continue;
            };
            let Some(rules) = case.rules_of(change.table) else { continue };
            let Some((lsn, xid)) = highest.filter(|(lsn, _)| change.lsn < *lsn) else { continue };
            let row = change.new.as_ref().or(change.old.as_ref());
            let key = row.and_then(|row| {
                let columns = columns.at(change.lsn);
                columns.key(&change.columns, row, &rules.encoding).ok().flatten()
            });
            if !told.entry(change.table).or_default().insert(key.clone()) {
                continue;
            }
            let sentence = format!(
                "transaction {} wrote at LSN {} and committed after transaction {xid}, which wrote \
                 at LSN {lsn}",
                change.xid, change.lsn,
            );
            found.add(Draft {
                anomaly: Anomaly::LsnInversion,
                place: &case.place_of(&columns.table),
                key: key.as_ref(),
                key_columns: case.key_columns(change.table),
                sentence,
                record: None,
                position: Some(change.position),
                first_hop: None,
                difference: Vec::new(),
            });
        }
        let captured = transaction.changes.iter().filter(|change| {
            case.columns.get(change.table).is_some_and(|columns| columns.table.captured)
        });
        let last = captured.map(|change| (change.lsn, change.xid)).max();
        highest = highest.max(last);
    }
}
