//! Changes of one key arrive in commit order, on one partition.

use super::case::Case;
use super::found::{Draft, Found};
use super::topic::{letter, position};
use crate::base::anomaly::Anomaly;
use crate::model::feed::Order;

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
                 another{why}"
            );
            let pair = (None, Some(logged));
            let mut draft = Draft::topic(Anomaly::MovedKey, topic, columns, pair, sentence);
            draft.key = Some(key);
            found.add(draft);
        }
    }
}
