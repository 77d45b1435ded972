//! Changes of one key arrive in commit order, on one partition.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Streaming changes". Kafka orders records
//! within a partition only. Seen on 3.6.3 (scenarios `order/commit-order-counts-not-write-order`
//! and `keys/primary-key-update-over-partitions`).

use super::case::Case;
use super::found::{Draft, Found};
use super::topic::{TopicCase, letter, position};
use crate::base::anomaly::Anomaly;
use crate::model::feed::Order;
use crate::model::key::Key;

pub(super) const FINDS: &[Anomaly] = &[Anomaly::ReorderedKey, Anomaly::MovedKey];

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    for topic in &case.topics {
        let columns = case.key_columns(topic.table);
        for (matched, wanted, logged) in topic.matched() {
            if matched.order == Order::Late && !topic.resurrects(matched) {
                let (at, letter) = (position(logged.record), letter(logged));
                let sentence = format!(
                    "record {at} (`{letter}`) stands behind records of its partition that were \
                     committed after it"
                );
                let pair = (Some(wanted), Some(logged));
                found.add(Draft::topic(Anomaly::ReorderedKey, topic, columns, pair, sentence));
            }
        }
        for (key, place) in &topic.alignment.moved {
            let Some(logged) = topic.log.get(*place) else { continue };
            let (name, at) = (&topic.topic.name, position(logged.record));
            let grown = case.growths_of(topic.topic).find(|growth| {
                let read = growth.read.get(name.as_str()).copied().unwrap_or_default();
                *place >= topic.readable(read)
            });
            let why = grown.map_or_else(String::new, |growth| {
                format!(
                    ": entry {} gave it more partitions than the {} it had, and nothing promises the \
                     order of what stands on both",
                    growth.entry + 1,
                    growth.before.get(name.as_str()).copied().unwrap_or_default(),
                )
            });
            let sentence = format!(
                "the key is on more than one partition of `{name}`: record {at} is the first on \
                 another{why}{}",
                otherwise(topic, (key, *place)),
            );
            let pair = (None, Some(logged));
            let mut draft = Draft::topic(Anomaly::MovedKey, topic, columns, pair, sentence);
            draft.key = Some(key);
            found.add(draft);
        }
    }
}

/// A key may have moved because it is written in another way.
fn otherwise(topic: &TopicCase<'_>, (key, place): (&Key, usize)) -> &'static str {
    let is_of_key = |n: &usize| topic.log.get(*n).is_some_and(|l| l.key.as_ref() == Some(key));
    let first = (0..place).find(is_of_key).and_then(|n| topic.log.get(n));
    let moved = topic.log.get(place).filter(|logged| logged.key.as_ref() == Some(key));
    match (first, moved) {
        (Some(first), Some(moved)) if first.record.key != moved.record.key => {
            "; there its key is written otherwise, and to Kafka is another one"
        }
        _ => "",
    }
}
