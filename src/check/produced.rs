//! The topic of an application holds what was written to it: every record, as it was written, and none
//! besides.
//!
//! A topic that the pipeline writes itself may be written to on purpose as well; what is wrong there,
//! the checkers of that topic tell.
//!
//! Source: KIP-98, and `isolation.level` in Kafka's "Consumer Configs". Seen on Kafka 4.3.1
//! (scenarios `topics/changes-of-a-topic` and `topics/an-aborted-record-among-captured-ones`).

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::found::{Draft, Found};
use super::topic::{position, unread_partition};
use crate::base::anomaly::Anomaly;
use crate::history::Index;
use crate::history::event::{Record, Role, Topic};
use crate::model::application::{Written, key, written};
use crate::model::key::Key;

pub(super) const FINDS: &[Anomaly] =
    &[Anomaly::LostChange, Anomaly::PhantomChange, Anomaly::AbortedChange, Anomaly::WrongValue];

/// Whether an application has written anything that counts.
pub(super) fn has_written(case: &Case<'_>) -> bool {
    all(&case.index).iter().any(Written::counts)
}

/// What the timeline wrote, in order.
pub(super) fn all(index: &Index<'_>) -> Vec<Written> {
    let trial = &index.header.trial;
    let of = |(entry, records): &(usize, &[Record])| written(trial, *entry, records);
    index.produced.iter().flat_map(of).collect()
}

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    let all = all(&case.index);
    let topics = case.index.topics.iter().filter(|topic| topic.role == Role::Application);
    for topic in topics {
        let written = all.iter().filter(|one| one.record.topic == topic.name);
        let written = written.map(|one| (at(&one.record), one)).collect::<BTreeMap<_, _>>();
        let read = case.index.of_topic(&topic.name);
        for record in read {
            let (sentence, anomaly) = match written.get(&at(record)) {
                None => {
                    let said =
                        format!("no entry of the timeline wrote record {}", position(record));
                    (said, Anomaly::PhantomChange)
                }
                Some(one) if !one.counts() => {
                    let entry = one.entry + 1;
                    let at = position(record);
                    let said = format!(
                        "record {at} was read, and its transaction (entry {entry}) was aborted"
                    );
                    (said, Anomaly::AbortedChange)
                }
                Some(one) => match difference(&one.record, record) {
                    None => continue,
                    Some(part) => {
                        let at = position(record);
                        let entry = one.entry + 1;
                        let said =
                            format!("the {part} of record {at} is not what entry {entry} wrote");
                        (said, Anomaly::WrongValue)
                    }
                },
            };
            let of = written.get(&at(record)).copied();
            add(case, (topic, of), Some(record), (anomaly, sentence), found);
        }
        lost(case, topic, (&written, read), found);
    }
}

type Place = (i32, i64);

fn at(record: &Record) -> Place {
    (record.partition, record.offset)
}

/// What was committed below the end of a proof, and was not read. Where a partition was not read at all,
/// nobody knows what it holds.
fn lost(
    case: &Case<'_>,
    topic: &Topic,
    (written, read): (&BTreeMap<Place, &Written>, &[&Record]),
    found: &mut Found,
) {
    let Some(proof) = case.last_proof() else { return };
    let Some(ends) = proof.ends.get(&topic.name) else { return };
    let unread = unread_partition(proof, &topic.name, read.iter().map(|record| record.partition));
    if let Some(partition) = unread {
        let what = format!("the records of `{}`", topic.name);
        found.gap(what, format!("partition {partition} of its topic was not read"));
        return;
    }
    let read: BTreeSet<Place> = read.iter().map(|record| at(record)).collect();
    for (place, one) in written.iter().filter(|(_, one)| one.counts()) {
        let end = usize::try_from(place.0).ok().and_then(|n| ends.get(n));
        let is_below = end.is_some_and(|(low, high)| (*low..*high).contains(&place.1));
        if !is_below || read.contains(place) {
            continue;
        }
        let (at, entry) = (position(&one.record), one.entry + 1);
        let sentence =
            format!("record {at}, which the broker acknowledged (entry {entry}), is not there");
        add(case, (topic, Some(*one)), None, (Anomaly::LostChange, sentence), found);
    }
}

/// The part in which a record differs from what was written.
fn difference(written: &Record, read: &Record) -> Option<&'static str> {
    if written.key != read.key {
        Some("key")
    } else if written.value != read.value {
        Some("value")
    } else if written.headers != read.headers {
        Some("header")
    } else {
        None
    }
}

fn add(
    case: &Case<'_>,
    (topic, of): (&Topic, Option<&Written>),
    record: Option<&Record>,
    (anomaly, sentence): (Anomaly, String),
    found: &mut Found,
) {
    let application = case.index.header.trial.pipeline.topics.get(&topic.name);
    let row = of.and_then(|one| one.row.as_ref());
    let parts = application.and_then(|of| Some(key(of, &row?.cells)));
    let parts = parts.filter(|parts| !parts.is_empty()).map(Key::of_texts);
    found.add(Draft {
        anomaly,
        place: &topic.name,
        key: parts.as_ref(),
        key_columns: application.map_or(&[], |of| &of.key),
        sentence,
        record,
        position: None,
        first_hop: Some(format!("application → {}", topic.name)),
        difference: Vec::new(),
    });
}
