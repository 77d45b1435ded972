//! A primary-key change arrives as delete, tombstone and create.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Primary key updates". Seen on 3.6.3
//! (scenario `keys/primary-key-update-over-partitions`).

use super::case::Case;
use super::found::{Draft, Found};
use super::topic::{envelope, letter, position};
use super::verdict::Difference;
use crate::base::anomaly::Anomaly;

pub(super) const FINDS: &[Anomaly] = &[Anomaly::SplitKeyChange];

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    for topic in &case.topics {
        let columns = case.key_columns(topic.table);
        for (place, wanted) in topic.missing(case.last_proof()) {
            let some = wanted.key_change && wanted.is_owed();
            let some = some && topic.parts(place).any(|(part, _)| topic.is_seen(part));
            let Some(change) = wanted.change.as_ref().filter(|_| some) else { continue };
            let sentence = format!(
                "the `{}` of the key change at {} (LSN {}, transaction {}) is not on `{}`",
                wanted.part.letter(),
                change.position,
                change.lsn,
                change.xid,
                topic.topic.name,
            );
            let pair = (Some(wanted), None);
            let mut draft = Draft::topic(Anomaly::SplitKeyChange, topic, columns, pair, sentence);
            draft.difference = vec![Difference {
                column: None,
                expected: Some(wanted.part.letter().to_owned()),
                captured: None,
            }];
            found.add(draft);
        }
        for (_, wanted, logged) in topic.matched().filter(|(_, wanted, _)| wanted.key_change) {
            let op = envelope(logged).map(|envelope| envelope.op);
            if op == wanted.part.op() {
                continue;
            }
            let (at, shown, due) = (position(logged.record), letter(logged), wanted.part.letter());
            let sentence =
                format!("record {at} of a key change is `{shown}` where `{due}` belongs");
            let pair = (Some(wanted), Some(logged));
            let mut draft = Draft::topic(Anomaly::SplitKeyChange, topic, columns, pair, sentence);
            draft.difference = vec![Difference {
                column: Some("op".to_owned()),
                expected: Some(due.to_owned()),
                captured: Some(shown.to_owned()),
            }];
            found.add(draft);
        }
    }
}
