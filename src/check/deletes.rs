//! Deletes arrive, and what was deleted stays away.
//!
//! Source: Debezium's manual, PostgreSQL connector, "delete events" and "Tombstone events".
//! Seen on 3.6.3 (scenario `keys/deleted-key-comes-back`).

use super::case::Case;
use super::found::{Draft, Found};
use super::snapshot::in_gap;
use super::topic::{letter, position};
use crate::base::anomaly::Anomaly;
use crate::model::feed::Part;

pub(super) const FINDS: &[Anomaly] =
    &[Anomaly::LostDelete, Anomaly::MissingTombstone, Anomaly::ResurrectedRow];

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    for topic in &case.topics {
        let columns = case.key_columns(topic.table);
        for (place, wanted) in topic.missing(case.last_proof()) {
            if wanted.key_change && wanted.is_owed() || in_gap(case, wanted) {
                continue;
            }
            let Some(change) = &wanted.change else { continue };
            let why = if wanted.is_owed() {
                ""
            } else {
                ", which a snapshot that was taken again does not show,"
            };
            let what = format!(
                "the delete at {} (LSN {}, transaction {}){why}",
                change.position, change.lsn, change.xid
            );
            let delete = topic.parts(place).find(|(_, part)| part.part == Part::Delete);
            let delete_seen = delete.is_some_and(|(delete, _)| topic.is_seen(delete));
            let (anomaly, sentence) = match wanted.part {
                Part::Delete => {
                    (Anomaly::LostDelete, format!("{what} is not on `{}`", topic.topic.name))
                }
                // Where records are rows, it may be all that is left of a delete.
                Part::Tombstone if delete.is_none() => {
                    (Anomaly::LostDelete, format!("{what} is not on `{}`", topic.topic.name))
                }
                Part::Tombstone if delete_seen => (
                    Anomaly::MissingTombstone,
                    format!("no tombstone follows {what} on `{}`", topic.topic.name),
                ),
                Part::Tombstone | Part::Read | Part::Create | Part::Update | Part::Truncate => {
                    continue;
                }
            };
            found.add(Draft::topic(anomaly, topic, columns, (Some(wanted), None), sentence));
        }
        for (matched, wanted, logged) in topic.matched() {
            if topic.resurrects(matched) {
                let (at, letter) = (position(logged.record), letter(logged));
                let sentence = format!(
                    "record {at} (`{letter}`) brings back a row whose later delete was on `{}` before",
                    topic.topic.name
                );
                let pair = (Some(wanted), Some(logged));
                found.add(Draft::topic(Anomaly::ResurrectedRow, topic, columns, pair, sentence));
            }
        }
    }
}
