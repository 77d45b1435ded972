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
            let sentence = format!(
                "the key is on more than one partition of `{}`: record {} is the first on another",
                topic.topic.name,
                position(logged.record),
            );
            let pair = (None, Some(logged));
            let mut draft = Draft::topic(Anomaly::MovedKey, topic, columns, pair, sentence);
            draft.key = Some(key);
            found.add(draft);
        }
    }
}
