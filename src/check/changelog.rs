//! The rows of a retract sink come and go one by one: what goes was there, what comes was not.

use std::collections::BTreeMap;

use super::case::Case;
use super::found::{Draft, Found};
use super::sinks::{SinkCase, shown};
use super::topic::position;
use super::verdict::Difference;
use crate::base::anomaly::Anomaly;
use crate::codec::flink::Row;
use crate::history::event::SinkMode;
use crate::model::key::Key;
use crate::model::sink::{Emitted, texts};

pub(super) const FINDS: &[Anomaly] =
    &[Anomaly::LostRetraction, Anomaly::OrphanRetraction, Anomaly::DoubleInsert];

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    let retract = |sink: &&SinkCase<'_>| sink.shape.table.mode == SinkMode::Retract;
    for sink in case.sinks.iter().filter(retract).filter(|sink| !sink.stopped) {
        let what = format!("the changes of `{}`", sink.name);
        let topic = case.index.topics.iter().find(|topic| topic.name == sink.shape.table.topic);
        if let Some(unread) = &sink.unread {
            found.gap(what, unread.clone());
        } else if topic.is_some_and(|topic| topic.partitions > 1) {
            found.gap(what, "their order over several partitions is not known");
        } else if sink.may_repeat(case) {
            found.gap(what, "its statement was started again, and may have written some twice");
        } else if sink.is_keyed() {
            keyed(sink, found);
        } else {
            unkeyed(sink, found);
        }
    }
}

fn keyed(sink: &SinkCase<'_>, found: &mut Found) {
    let mut held = BTreeMap::<&Key, &Row>::new();
    for emitted in &sink.log {
        let Some(key) = &emitted.key else { continue };
        match (&emitted.row, &emitted.old) {
            (Some(row), _) => {
                let before = held.insert(key, row);
                if let Some(before) = before {
                    let (anomaly, what) = if before == row {
                        (Anomaly::DoubleInsert, "adds a row that is there already")
                    } else {
                        (Anomaly::LostRetraction, "replaces a row that was not taken back")
                    };
                    found.add(draft(sink, (anomaly, what), emitted, (Some(before), Some(row))));
                }
            }
            (None, Some(old)) => {
                let before = held.remove(key);
                if before != Some(old) {
                    let told = (Anomaly::OrphanRetraction, "takes back a row that is not there");
                    found.add(draft(sink, told, emitted, (before, Some(old))));
                }
            }
            (None, None) => {}
        }
    }
}

/// Without a key a second row that is equal is another row.
fn unkeyed(sink: &SinkCase<'_>, found: &mut Found) {
    let columns = sink.shape.columns.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let mut held = BTreeMap::<Vec<Option<String>>, usize>::new();
    for emitted in &sink.log {
        if let Some(row) = &emitted.row {
            *held.entry(texts(row, &columns)).or_default() += 1;
        } else if let Some(old) = &emitted.old {
            let count = held.entry(texts(old, &columns)).or_default();
            if *count == 0 {
                let told = (Anomaly::OrphanRetraction, "takes back a row that is not there");
                found.add(draft(sink, told, emitted, (None, Some(old))));
            }
            *count = count.saturating_sub(1);
        }
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
