//! Every committed change arrives, nothing else does.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Behavior when things go wrong": a fault may
//! repeat events and loses none.

use super::case::Case;
use super::found::{Draft, Found};
use super::snapshot::{in_gap, overlaps};
use super::topic::{TopicCase, envelope, letter, position};
use crate::base::anomaly::Anomaly;
use crate::model::feed::{Expected, Logged, Part};

pub(super) const FINDS: &[Anomaly] =
    &[Anomaly::LostChange, Anomaly::PhantomChange, Anomaly::AbortedChange];

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    for topic in &case.topics {
        for (place, wanted) in topic.missing(case.last_proof()) {
            if is_lost(topic, place, wanted) && !in_gap(case, wanted) {
                found.add(lost(case, topic, wanted));
            }
        }
        for logged in topic.unexplained().filter(|logged| !overlaps(case, topic, logged)) {
            found.add(unexplained(case, topic, logged));
        }
    }
}

/// Deletes and the parts of a key change that arrived in part have names of their own.
fn is_lost(topic: &TopicCase<'_>, place: usize, wanted: &Expected) -> bool {
    if wanted.key_change && wanted.is_owed() {
        let none = topic.parts(place).all(|(part, _)| !topic.is_seen(part));
        // Told once, at its last part: mostly the create.
        let last = topic.parts(place).last().is_some_and(|(part, _)| part == place);
        return none && last;
    }
    matches!(wanted.part, Part::Read | Part::Create | Part::Update)
}

fn lost<'a>(case: &'a Case<'_>, topic: &'a TopicCase<'_>, wanted: &'a Expected) -> Draft<'a> {
    let sentence = match &wanted.change {
        Some(change) => format!(
            "the {} at {} (LSN {}, transaction {}) is not on `{}`",
            change.kind.name(),
            change.position,
            change.lsn,
            change.xid,
            topic.topic.name,
        ),
        None => format!(
            "the snapshot lacks a row that `{}` held at the slot's consistent point",
            topic.place
        ),
    };
    let pair = (Some(wanted), None);
    Draft::topic(Anomaly::LostChange, topic, case.key_columns(topic.table), pair, sentence)
}

fn unexplained<'a>(
    case: &'a Case<'_>,
    topic: &'a TopicCase<'_>,
    logged: &'a Logged<'_>,
) -> Draft<'a> {
    let source = envelope(logged).map(|envelope| &envelope.source);
    let xid = source.and_then(|source| source.xid);
    let (at, letter) = (position(logged.record), letter(logged));
    let (anomaly, sentence) = match xid {
        Some(xid) if case.was_aborted(xid) => {
            let why = format!("is of transaction {xid}, which was rolled back");
            (Anomaly::AbortedChange, format!("record {at} (`{letter}`) {why}"))
        }
        _ => {
            let from = source.and_then(|source| source.lsn).map_or_else(String::new, |lsn| {
                let xid = xid.map_or_else(|| "?".to_owned(), |xid| xid.to_string());
                format!(" from LSN {lsn}, transaction {xid}")
            });
            let why = "is explained by no change of the journal";
            (Anomaly::PhantomChange, format!("record {at} (`{letter}`{from}) {why}"))
        }
    };
    let pair = (None, Some(logged));
    Draft::topic(anomaly, topic, case.key_columns(topic.table), pair, sentence)
}
