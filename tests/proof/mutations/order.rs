//! Records in another order or on another partition, and rows that come back.

use changeproof::base::anomaly::Anomaly;

use super::super::edit;
use super::super::scene::{Scene, Seen, Topic};
use super::amounts::{again, each};
use super::{Hop, Mutant, Mutation, Wanted};

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        hop: Hop::Topic,
        does: "swap two neighbours of a key",
        // Records of other keys between the two stand behind the later one then.
        also: &[Anomaly::ReorderedKey],
        make: swap,
    },
    Mutation {
        hop: Hop::Topic,
        does: "bring an older image back after a delete",
        also: &[],
        make: resurrect,
    },
    Mutation {
        hop: Hop::Topic,
        does: "write a record of a key to another partition",
        also: &[],
        make: move_key,
    },
];

fn swap(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    if scene.restarted {
        return;
    }
    for (topic, one) in each(scene).filter(|(_, seen)| seen.key.is_some()) {
        let home = |seen: &&Seen| seen.key == one.key && seen.partition == one.partition;
        let later = topic.records.iter().filter(home).find(|seen| seen.event > one.event);
        let Some(other) = later else { continue };
        let mut history = scene.history.clone();
        edit::swap(&mut history, (one.event, other.event));
        let resurrects = other.op == 'd' && matches!(one.op, 'r' | 'c' | 'u');
        let anomaly = if resurrects { Anomaly::ResurrectedRow } else { Anomaly::ReorderedKey };
        let wanted = Wanted::at(anomaly, topic, one).record(other.partition, other.offset);
        out(Mutant { history, wanted });
    }
}

fn resurrect(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    if scene.restarted {
        return;
    }
    for (topic, delete) in each(scene).filter(|(_, seen)| seen.op == 'd' && seen.key.is_some()) {
        let image = |seen: &&Seen| seen.key == delete.key && matches!(seen.op, 'r' | 'c' | 'u');
        for older in topic.records.iter().filter(image).filter(|seen| seen.event < delete.event) {
            let (history, offset, _) = again(scene, (topic, older), delete.event + 1);
            let wanted = Wanted::at(Anomaly::ResurrectedRow, topic, older);
            out(Mutant { history, wanted: wanted.record(older.partition, offset) });
        }
    }
}

fn move_key(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    if scene.restarted {
        return;
    }
    for (topic, seen) in each(scene).filter(|(topic, _)| topic.partitions > 1) {
        let of_key = |other: &&Seen| other.key.is_some() && other.key == seen.key;
        if topic.records.iter().filter(of_key).count() < 2 {
            continue;
        }
        let target = (seen.partition + 1) % topic.partitions;
        if !fits(topic, seen, target) {
            continue;
        }
        let mut history = scene.history.clone();
        let mut record = edit::remove(&mut history, seen.event);
        record.partition = target;
        let offset = edit::insert(&mut history, seen.event, record);
        let mut log = topic.records.iter().filter(of_key);
        let first = log.next().unwrap();
        if first.event == seen.event && topic.further {
            continue;
        }
        let (partition, offset) = if first.event == seen.event {
            let second = log.next().unwrap();
            // The moved record left its old partition, and those behind it moved up.
            (second.partition, second.offset - 1)
        } else {
            (target, offset)
        };
        let mut wanted = Wanted::at(Anomaly::MovedKey, topic, seen).record(partition, offset);
        wanted.position = None;
        out(Mutant { history, wanted });
    }
}

/// Whether the partition's order stays that of the journal when the record goes there as it is.
fn fits(topic: &Topic<'_>, seen: &Seen, target: i32) -> bool {
    topic.records.iter().filter(|other| other.partition == target).all(|other| {
        if other.event < seen.event { other.at <= seen.at } else { other.at >= seen.at }
    })
}
