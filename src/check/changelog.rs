//! The rows of a retract sink come and go one by one: what goes was there, what comes was not.
//!
//! Their order is known within a partition. Where the records of a key, or of a row without one, stand
//! in several partitions, only their numbers are judged, up to a proven end: no more go than came.
//!
//! Source: Flink's manual, "Dynamic Tables", "Table to Stream Conversion". Seen on 2.2.0
//! (scenarios `sinks/a-retract-sink-takes-back-what-it-replaces` and
//! `sinks/retractions-over-partitions`).

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::found::{Draft, Found};
use super::sinks::{SinkCase, shown};
use super::topic::position;
use super::verdict::Difference;
use crate::base::anomaly::Anomaly;
use crate::codec::flink::Row;
use crate::history::event::{Proof, SinkMode};
use crate::model::key::Key;
use crate::model::sink::{Emitted, Form, scattered};

pub(super) const FINDS: &[Anomaly] =
    &[Anomaly::LostRetraction, Anomaly::OrphanRetraction, Anomaly::DoubleInsert];

const ORPHAN: (Anomaly, &str) = (Anomaly::OrphanRetraction, "takes back a row that is not there");

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    let retract = |sink: &&SinkCase<'_>| sink.shape.table.mode == SinkMode::Retract;
    for sink in case
        .sinks
        .iter()
        .filter(retract)
        .filter(|sink| !sink.stopped || sink.is_looked_at(&case.index))
    {
        let what = format!("the changes of `{}`", sink.name);
        if let Some(unread) = &sink.unread {
            found.gap(what, unread.clone());
            continue;
        }
        let scattered = scattered(sink.log.iter());
        let mut wrong = keyed(sink, &scattered);
        wrong.extend(unkeyed(sink, (case.last_proof(), &scattered)));
        for (emitted, draft) in wrong {
            // What is in order is in order, whatever was started again.
            if sink.may_repeat_at(case, emitted) {
                let missing = "what feeds it was started again, and may have written some twice";
                found.gap(what.clone(), missing);
            } else {
                found.add(draft);
            }
        }
    }
}

/// A record, and what is wrong with it.
type Wrong<'c, 'a> = (&'c Emitted<'a>, Draft<'c>);

fn keyed<'c, 'a>(sink: &'c SinkCase<'a>, scattered: &BTreeSet<Key>) -> Vec<Wrong<'c, 'a>> {
    let mut wrong = Vec::new();
    let mut held = BTreeMap::<&Key, &Row>::new();
    for emitted in &sink.log {
        let Some(key) = emitted.key.as_ref().filter(|key| !scattered.contains(*key)) else {
            continue;
        };
        match (&emitted.row, &emitted.old) {
            (Some(row), _) => {
                let before = held.insert(key, row);
                if let Some(before) = before {
                    let (anomaly, what) = if before == row {
                        (Anomaly::DoubleInsert, "adds a row that is there already")
                    } else {
                        (Anomaly::LostRetraction, "replaces a row that was not taken back")
                    };
                    let draft = draft(sink, (anomaly, what), emitted, (Some(before), Some(row)));
                    wrong.push((emitted, draft));
                }
            }
            (None, Some(old)) => {
                let before = held.remove(key);
                if before != Some(old) {
                    wrong.push((emitted, draft(sink, ORPHAN, emitted, (before, Some(old)))));
                }
            }
            (None, None) => {}
        }
    }
    wrong
}

/// The records of one row.
#[derive(Default)]
struct Life<'c, 'a> {
    partitions: BTreeSet<i32>,
    /// In the order of their partition.
    records: Vec<&'c Emitted<'a>>,
}

/// Rows that are told apart by their values alone: a second one that is equal is another row.
fn unkeyed<'c, 'a>(
    sink: &'c SinkCase<'a>,
    (proof, scattered): (Option<&Proof>, &BTreeSet<Key>),
) -> Vec<Wrong<'c, 'a>> {
    let mut lives = BTreeMap::<Form, Life<'_, '_>>::new();
    for emitted in &sink.log {
        if emitted.key.as_ref().is_some_and(|key| !scattered.contains(key)) {
            continue;
        }
        let Some(form) = sink.shape.form(emitted) else { continue };
        let life = lives.entry(form).or_default();
        life.partitions.insert(emitted.record.partition);
        life.records.push(emitted);
    }
    let mut orphans = Vec::new();
    for life in lives.values() {
        if life.partitions.len() > 1 {
            orphans.extend(life.more_go(sink, proof));
        } else {
            orphans.extend(life.too_early());
        }
    }
    orphans.sort_by_key(|emitted| (emitted.record.partition, emitted.record.offset));
    let wrong = |emitted: &'c Emitted<'a>| {
        (emitted, draft(sink, ORPHAN, emitted, (None, emitted.old.as_ref())))
    };
    orphans.into_iter().map(wrong).collect()
}

impl<'c, 'a> Life<'c, 'a> {
    /// Those that go when none is there.
    fn too_early(&self) -> Vec<&'c Emitted<'a>> {
        let mut n_held = 0_usize;
        let mut orphans = Vec::new();
        for emitted in &self.records {
            if emitted.row.is_some() {
                n_held += 1;
            } else if n_held == 0 {
                orphans.push(*emitted);
            } else {
                n_held -= 1;
            }
        }
        orphans
    }

    /// The last of those that go, by as many as are more than came; nothing without a proven end,
    /// behind which the others may not have been read.
    fn more_go(&self, sink: &SinkCase<'_>, proof: Option<&Proof>) -> Vec<&'c Emitted<'a>> {
        let ends = proof.and_then(|proof| proof.ends.get(&sink.shape.table.topic));
        let is_proven = |emitted: &&&Emitted<'_>| {
            let partition = usize::try_from(emitted.record.partition).unwrap_or(usize::MAX);
            let end = ends.and_then(|ends| ends.get(partition));
            end.is_some_and(|(_, end)| emitted.record.offset < *end)
        };
        let proven = self.records.iter().filter(is_proven).copied();
        let (came, gone): (Vec<_>, Vec<_>) = proven.partition(|emitted| emitted.row.is_some());
        let more = gone.len().saturating_sub(came.len());
        gone.into_iter().rev().take(more).collect()
    }
}

fn draft<'d>(
    sink: &'d SinkCase<'_>,
    (anomaly, what): (Anomaly, &str),
    emitted: &'d Emitted<'_>,
    (held, written): (Option<&Row>, Option<&Row>),
) -> Draft<'d> {
    Draft {
        anomaly,
        place: sink.name,
        key: emitted.key.as_ref(),
        key_columns: &sink.shape.table.key,
        sentence: format!("record {} {what}", position(emitted.record)),
        record: Some(emitted.record),
        position: None,
        first_hop: None,
        difference: vec![Difference {
            column: None,
            expected: held.map(shown),
            captured: written.map(shown),
        }],
    }
}
