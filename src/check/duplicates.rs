//! Nothing arrives more often than the hop's contract allows.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Behavior when things go wrong" (at least
//! once after a fault); KIP-618 and "Exactly once delivery" of Debezium's manual for workers that
//! write exactly once. Seen on 3.6.3 (scenarios `language/a-killed-worker` and
//! `language/an-exactly-once-worker`).

use super::case::Case;
use super::found::{Draft, Found};
use super::topic::{letter, position};
use crate::base::anomaly::Anomaly;
use crate::model::feed::{Order, Part};

pub(super) const FINDS: &[Anomaly] = &[Anomaly::DuplicateChange];

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    for topic in &case.topics {
        let mut repeated_delete = None;
        for (matched, wanted, logged) in topic.matched() {
            if matched.order != Order::Repeated || topic.resurrects(matched) {
                continue;
            }
            // A repeated delete takes its tombstone along: one finding.
            if wanted.part == Part::Delete {
                repeated_delete = Some(matched.expected);
            } else if wanted.part == Part::Tombstone
                && repeated_delete.is_some_and(|delete| delete + 1 == matched.expected)
            {
                continue;
            }
            let first = topic.alignment.seen.get(matched.expected).copied().flatten();
            let first = first.and_then(|first| topic.log.get(first));
            let first = first.map_or_else(String::new, |first| {
                format!(", and nothing was restarted: it repeats record {}", position(first.record))
            });
            let (at, letter) = (position(logged.record), letter(logged));
            let sentence = format!("record {at} (`{letter}`) arrived again{first}");
            let (columns, pair) = (case.key_columns(topic.table), (Some(wanted), Some(logged)));
            found.add(Draft::topic(Anomaly::DuplicateChange, topic, columns, pair, sentence));
        }
    }
}
