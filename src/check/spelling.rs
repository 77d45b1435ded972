//! The key of a row is written with the same bytes each time.
//!
//! Kafka knows keys by their bytes: it sends each to its partition by them, and compaction keeps one
//! record for each. The same values written in another way (behind their schema, their fields in
//! another order, a number with another point) are another key to it.
//!
//! Source: Kafka's manual, "Log Compaction", and `BuiltInPartitioner.partitionForKey`: both take
//! the bytes of a key. Seen on 4.3.1 (scenario
//! `records/schemas-that-come-on-the-way`).

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::found::{Draft, Found};
use super::topic::{TopicCase, position};
use super::verdict::Difference;
use crate::base::anomaly::Anomaly;
use crate::codec::pgoutput::Cell;
use crate::history::event::Record;
use crate::model::feed::{Columns, Expected, Part};

pub(super) const FINDS: &[Anomaly] = &[Anomaly::RespelledKey];

/// How much of a key is shown.
const SHOWN_CHARS: usize = 120;

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    for topic in &case.topics {
        let Some(columns) = case.columns.get(topic.table).filter(|c| c.is_keyed()) else {
            continue;
        };
        let mut first = BTreeMap::<(i32, Vec<String>), &Record>::new();
        let mut told = BTreeSet::new();
        for (matched, wanted, logged) in topic.matched() {
            // A key that names another row is told as that.
            let Some(key) = logged.key.as_ref().filter(|_| logged.key == wanted.key) else {
                continue;
            };
            let Some(held) = held(columns, wanted) else { continue };
            let record = logged.record;
            let before = *first.entry((record.partition, held)).or_insert(record);
            if before.key == record.key || !told.insert(key) {
                continue;
            }
            let (at, of_before) = (position(record), position(before));
            let sentence = format!(
                "record {at} writes its key otherwise than record {of_before}: to Kafka these are two \
                 keys{}",
                because(case, topic, matched.logged),
            );
            let pair = (Some(wanted), Some(logged));
            let names = case.key_columns(topic.table);
            let mut draft = Draft::topic(Anomaly::RespelledKey, topic, names, pair, sentence);
            draft.difference = vec![Difference {
                column: Some("key".to_owned()),
                expected: Some(shown(before)),
                captured: Some(shown(record)),
            }];
            found.add(draft);
        }
    }
}

/// The values of the key's columns as the journal has them: where it writes a value in two ways
/// itself (`1.0` and `1.00`), so may the records.
fn held(columns: &Columns<'_>, wanted: &Expected) -> Option<Vec<String>> {
    let old = || wanted.change.as_ref().and_then(|change| change.old.as_ref());
    let row = match wanted.part {
        Part::Read | Part::Create | Part::Update => wanted.after.as_ref(),
        Part::Delete | Part::Tombstone => old(),
        Part::Truncate => None,
    }?;
    let part = |name: &String| {
        let place = wanted.columns.iter().position(|column| column == name)?;
        match row.get(place)? {
            Cell::Text(text) => Some(text.clone()),
            Cell::Null | Cell::Unchanged => None,
        }
    };
    columns.key.iter().map(part).collect()
}

/// What the timeline did to the connector before.
fn because(case: &Case<'_>, topic: &TopicCase<'_>, place: usize) -> String {
    let name = topic.topic.name.as_str();
    let before = case
        .index
        .reconfigured
        .iter()
        .rev()
        .find(|set| place >= topic.readable(set.read.get(name).copied().unwrap_or_default()));
    before.map_or_else(String::new, |set| {
        format!(". Entry {} gave the connector another configuration before", set.entry + 1)
    })
}

fn shown(record: &Record) -> String {
    let bytes = record.key.as_ref().map(|key| key.0.as_slice()).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    let mut shown = text.chars().take(SHOWN_CHARS).collect::<String>();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}
