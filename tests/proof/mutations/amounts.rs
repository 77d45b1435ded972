//! Records too few or too many.

use changeproof::base::anomaly::Anomaly;
use changeproof::base::position::Xid;
use changeproof::history::History;
use changeproof::history::event::Event;
use serde_json::json;

use super::super::edit;
use super::super::scene::{Scene, Seen, Topic};
use super::{Hop, Mutant, Mutation, Wanted};

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        hop: Hop::Topic,
        does: "drop a record",
        // A truncate between a snapshot and the stream is a gap, and is unseen; a row that is not there
        // is not late.
        also: &[Anomaly::TruncateUnseen, Anomaly::LateDropped, Anomaly::LateChange],
        make: drop_record,
    },
    Mutation {
        hop: Hop::Topic,
        does: "drop a delete with its tombstone",
        also: &[],
        make: drop_delete,
    },
    Mutation {
        hop: Hop::Topic,
        does: "drop all records of a key change",
        also: &[],
        make: drop_key_change,
    },
    Mutation { hop: Hop::Topic, does: "write a record twice", also: &[], make: duplicate },
    Mutation {
        hop: Hop::Topic,
        does: "write a record again at the end",
        also: &[],
        make: repeat_at_the_end,
    },
    Mutation { hop: Hop::Topic, does: "invent a record", also: &[], make: invent },
    Mutation { hop: Hop::Topic, does: "invent a tombstone", also: &[], make: invent_tombstone },
    Mutation {
        hop: Hop::Topic,
        does: "write a record of a transaction that was rolled back",
        also: &[],
        make: abort,
    },
];

/// Each record of each source topic.
pub(super) fn each<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = (&'s Topic<'s>, &'s Seen)> {
    scene.topics.iter().flat_map(|topic| topic.records.iter().map(move |seen| (topic, seen)))
}

/// The records of each delete with a tombstone: places in the topic's records.
fn deletes(topic: &Topic<'_>) -> Vec<(usize, usize)> {
    let tombstone = |(n, delete): (usize, &Seen)| {
        let follows = |seen: &Seen| seen.op == 'n' && seen.key == delete.key;
        let place = topic.records.iter().skip(n).position(follows)?;
        (delete.op == 'd').then_some((n, n + place))
    };
    topic.records.iter().enumerate().filter_map(tombstone).collect()
}

fn without(history: &History, mut events: Vec<usize>) -> History {
    let mut history = history.clone();
    events.sort_unstable();
    for event in events.into_iter().rev() {
        edit::remove(&mut history, event);
    }
    history
}

/// Whether a change whose records are dropped stood first in the stream: it is then in a gap between
/// the snapshot and the stream.
fn leaves_gap(scene: &Scene<'_>, seen: &Seen, dropped: &[usize]) -> bool {
    let topic =
        scene.topics.iter().find(|topic| topic.records.iter().any(|one| one.event == seen.event));
    let table = topic.unwrap().table;
    let mode = scene.index.config_of(table).and_then(|config| config.get("snapshot.mode"));
    let snapshot = mode.is_none_or(|mode| mode == "initial");
    let own = scene.topics.iter().filter(|topic| topic.table.connector == table.connector);
    let streamed = own.flat_map(|topic| &topic.streamed);
    let left = streamed.filter(|(event, _)| !dropped.contains(event));
    let first = left.map(|(_, at)| *at).min();
    let before = seen.at.is_some() && first.is_some_and(|first| seen.at < Some(first));
    snapshot && before
}

fn drop_record(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in each(scene) {
        let anomaly = match seen.op {
            _ if leaves_gap(scene, seen, &[seen.event]) => Anomaly::SnapshotGap,
            't' => Anomaly::TruncateUnseen,
            _ if seen.key_change => Anomaly::SplitKeyChange,
            'd' => Anomaly::LostDelete,
            'n' => Anomaly::MissingTombstone,
            _ => Anomaly::LostChange,
        };
        let history = without(scene.history, vec![seen.event]);
        out(Mutant { history, wanted: Wanted::at(anomaly, topic, seen) });
    }
}

fn drop_delete(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for topic in &scene.topics {
        for (delete, tombstone) in deletes(topic) {
            let (delete, tombstone) = (&topic.records[delete], &topic.records[tombstone]);
            if delete.key_change {
                continue;
            }
            let dropped = vec![delete.event, tombstone.event];
            let gap = leaves_gap(scene, delete, &dropped);
            let anomaly = if gap { Anomaly::SnapshotGap } else { Anomaly::LostDelete };
            let wanted = Wanted::at(anomaly, topic, delete);
            out(Mutant { history: without(scene.history, dropped), wanted });
        }
    }
}

fn drop_key_change(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, create) in each(scene) {
        if create.op == 'c' && create.key_change {
            let parts = topic.records.iter().filter(|seen| seen.at == create.at);
            let parts = parts.collect::<Vec<_>>();
            let dropped = parts.iter().map(|seen| seen.event).collect::<Vec<_>>();
            // A gap is told at the first record of the change, its delete.
            let wanted = if leaves_gap(scene, create, &dropped) {
                Wanted::at(Anomaly::SnapshotGap, topic, parts[0])
            } else {
                Wanted::at(Anomaly::LostChange, topic, create)
            };
            out(Mutant { history: without(scene.history, dropped), wanted });
        }
    }
}

/// A record that is written once more.
pub(super) fn again(
    scene: &Scene<'_>,
    (topic, seen): (&Topic<'_>, &Seen),
    event: usize,
) -> (History, i64, Anomaly) {
    let mut history = scene.history.clone();
    let copy = edit::record(&history, seen.event).clone();
    let offset = edit::insert(&mut history, event, copy);
    let deleted = topic.records.iter().any(|other| {
        let between = seen.event < other.event && other.event < event;
        between && other.op == 'd' && other.key == seen.key && seen.key.is_some()
    });
    let resurrects = deleted && matches!(seen.op, 'r' | 'c' | 'u');
    let anomaly = if resurrects { Anomaly::ResurrectedRow } else { Anomaly::DuplicateChange };
    (history, offset, anomaly)
}

/// Rows of a snapshot of a table without key are told apart by their values only.
fn has_twin(topic: &Topic<'_>, seen: &Seen) -> bool {
    let is_twin = |other: &&Seen| other.op == 'r' && other.value["after"] == seen.value["after"];
    seen.op == 'r' && seen.key.is_none() && topic.records.iter().filter(is_twin).count() > 1
}

fn duplicate(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    let is_fault = |event: &Event| matches!(event, Event::Fault { .. });
    let fault = scene.history.events.iter().position(is_fault).unwrap_or(usize::MAX);
    // What comes again before the first fault is no replay either.
    let bare = each(scene).filter(|(topic, seen)| !has_twin(topic, seen) && seen.event < fault);
    for (topic, seen) in bare {
        let (history, offset, anomaly) = again(scene, (topic, seen), seen.event + 1);
        let wanted = Wanted::at(anomaly, topic, seen).record(seen.partition, offset);
        out(Mutant { history, wanted });
    }
}

fn repeat_at_the_end(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    if scene.restarted {
        return;
    }
    for (topic, seen) in each(scene) {
        let (history, offset, anomaly) = again(scene, (topic, seen), edit::end(scene.history));
        let mut wanted = Wanted::at(anomaly, topic, seen).record(seen.partition, offset);
        // A tombstone does not say which of its key's deletes it belongs to.
        wanted.position = wanted.position.filter(|_| seen.op != 'n');
        out(Mutant { history, wanted });
    }
}

/// A copy of a record behind it that says another transaction.
fn strange(scene: &Scene<'_>, seen: &Seen, xid: u32) -> (History, i64) {
    let mut history = scene.history.clone();
    let mut copy = edit::record(&history, seen.event).clone();
    edit::change_part(&mut copy.value, |value| {
        value["source"]["txId"] = json!(xid);
        if value["op"] == "r" {
            value["op"] = json!("c");
        }
    });
    let offset = edit::insert(&mut history, seen.event + 1, copy);
    (history, offset)
}

fn invent(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in each(scene).filter(|(_, seen)| seen.op != 'n') {
        let (history, offset) = strange(scene, seen, u32::MAX - 7);
        let mut wanted = Wanted::at(Anomaly::PhantomChange, topic, seen);
        wanted.position = None;
        out(Mutant { history, wanted: wanted.record(seen.partition, offset) });
    }
}

fn invent_tombstone(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in each(scene) {
        let deleted = topic.records.iter().any(|other| other.op == 'd' && other.key == seen.key);
        if deleted || seen.op == 't' {
            continue;
        }
        let mut history = scene.history.clone();
        let mut copy = edit::record(&history, seen.event).clone();
        copy.value = None;
        let offset = edit::insert(&mut history, seen.event + 1, copy);
        let mut wanted = Wanted::at(Anomaly::PhantomChange, topic, seen);
        wanted.position = None;
        out(Mutant { history, wanted: wanted.record(seen.partition, offset) });
    }
}

fn abort(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    let known = scene.index.aborts.first().copied();
    let xid = known.unwrap_or(Xid(u32::MAX - 9));
    for (topic, seen) in each(scene).filter(|(_, seen)| seen.op != 'n') {
        let (mut history, offset) = strange(scene, seen, xid.0);
        if known.is_none() {
            let session = "a".to_owned();
            history.events.insert(0, Event::Abort { entry: None, session, xid });
        }
        let mut wanted = Wanted::at(Anomaly::AbortedChange, topic, seen);
        wanted.position = None;
        out(Mutant { history, wanted: wanted.record(seen.partition, offset) });
    }
}
