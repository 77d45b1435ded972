//! Partitioned tables whose records are on the topic of another table.

use changeproof::base::anomaly::Anomaly;

use super::super::edit;
use super::super::scene::{Scene, Topic};
use super::amounts::each;
use super::{Hop, Mutant, Mutation, Wanted};

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        hop: Hop::Topic,
        does: "write a record of a leaf of a partitioned table to the topic of another leaf",
        // It is missing where it should be.
        also: &[
            Anomaly::LostChange,
            Anomaly::LostDelete,
            Anomaly::MissingTombstone,
            Anomaly::SplitKeyChange,
            Anomaly::SnapshotGap,
        ],
        make: to_another_leaf,
    },
    Mutation {
        hop: Hop::Topic,
        does: "write the insert of a row that moves between leaves as an update",
        also: &[],
        make: move_as_update,
    },
];

/// The topic of another leaf of the same table.
fn other_leaf<'s>(scene: &'s Scene<'_>, topic: &Topic<'_>) -> Option<&'s Topic<'s>> {
    let within = &topic.table.within;
    let is_other =
        |other: &&Topic<'_>| other.table.within == *within && other.table.oid != topic.table.oid;
    scene.topics.iter().filter(|_| !within.is_empty()).find(is_other)
}

fn to_another_leaf(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in each(scene).filter(|(_, seen)| matches!(seen.op, 'c' | 'u' | 'd')) {
        let Some(other) = other_leaf(scene, topic) else { continue };
        let mut history = scene.history.clone();
        let mut record = edit::remove(&mut history, seen.event);
        let source = edit::record(scene.history, other.records[0].event);
        record.topic.clone_from(&source.topic);
        let partition = record.partition;
        let offset = edit::insert(&mut history, seen.event, record);
        let mut wanted = Wanted::at(Anomaly::PhantomChange, other, seen);
        wanted.position = None;
        out(Mutant { history, wanted: wanted.record(partition, offset) });
    }
}

/// Of one transaction a delete in one leaf and an insert in another.
fn move_as_update(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in each(scene).filter(|(_, seen)| seen.op == 'c') {
        let xid = &seen.value["source"]["txId"];
        let gone = each(scene).find(|(_, other)| {
            other.op == 'd' && other.value["source"]["txId"] == *xid && other.key != seen.key
        });
        let Some((_, gone)) =
            gone.filter(|_| topic.table.partitioned || !topic.table.within.is_empty())
        else {
            continue;
        };
        let mut history = scene.history.clone();
        edit::value(&mut history, seen.event, |envelope| {
            envelope["op"] = serde_json::json!("u");
            envelope["before"] = gone.value["before"].clone();
        });
        let wanted = Wanted::at(Anomaly::WrongValue, topic, seen).column("op");
        out(Mutant { history, wanted: wanted.record(seen.partition, seen.offset) });
    }
}
