//! What is captured and how it is told: the snapshot's edge, transactions, publications, and records
//! that are gone.

use changeproof::base::anomaly::Anomaly;
use changeproof::base::position::{Position, Xid};
use changeproof::codec::pgoutput::Cell;
use changeproof::history::History;
use changeproof::history::event::{Event, Role};
use changeproof::model::source::{Change, Kind};
use serde_json::{Value, json};

use super::super::edit;
use super::super::scene::{Scene, Seen, Topic, text};
use super::amounts::each;
use super::{Hop, Mutant, Mutation, Wanted};

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        hop: Hop::Topic,
        does: "stream an insert that the snapshot shows",
        also: &[],
        make: overlap,
    },
    Mutation {
        hop: Hop::Topic,
        does: "remove the first record of a partition before it is read",
        also: &[],
        make: truncate,
    },
    Mutation { hop: Hop::Topic, does: "drop a mark of a transaction", also: &[], make: drop_mark },
    Mutation {
        hop: Hop::Topic,
        does: "write a mark of a transaction again",
        also: &[],
        make: mark_twice,
    },
    Mutation {
        hop: Hop::Topic,
        does: "count another number of events in a transaction",
        also: &[],
        make: miscount,
    },
    Mutation {
        hop: Hop::Topic,
        does: "give a record another place in its transaction",
        also: &[],
        make: misplace,
    },
    Mutation {
        hop: Hop::Run,
        does: "take a table out of the publication, or its replica identity away",
        also: &[],
        make: drift,
    },
];

fn wanted(anomaly: Anomaly, place: &str, position: Option<Position>) -> Wanted {
    let place = place.to_owned();
    Wanted { anomaly, place, key: None, record: None, position, column: None, says: None }
}

/// The insert before the snapshot that made the row a record shows.
fn made<'s>(scene: &'s Scene<'_>, (topic, seen): (&Topic<'_>, &Seen)) -> Option<&'s Change> {
    let point = *scene.index.slots.get(&topic.table.connector.as_deref())?;
    let cell = |change: &Change, column: &String| {
        let place = change.columns.iter().position(|name| name == column)?;
        match change.new.as_ref()?.get(place)? {
            Cell::Text(text) => Some(text.clone()),
            Cell::Null | Cell::Unchanged => None,
        }
    };
    let own = |change: &&Change| {
        let key = topic.key.iter().map(|column| cell(change, column));
        let key = key.collect::<Option<Vec<_>>>().map(|parts| parts.join(","));
        change.kind == Kind::Insert && change.position.commit < point && key == seen.key
    };
    let of_table = |change: &&Change| {
        scene.index.tables.get(change.table).is_some_and(|table| table.oid == topic.table.oid)
    };
    scene.changes.iter().map(AsRef::as_ref).filter(of_table).find(own)
}

fn overlap(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in each(scene).filter(|(_, seen)| seen.op == 'r' && seen.key.is_some()) {
        let Some(change) = made(scene, (topic, seen)) else { continue };
        let mut history = scene.history.clone();
        let mut copy = edit::record(&history, seen.event).clone();
        edit::change_part(&mut copy.value, |value| {
            value["op"] = json!("c");
            value["source"]["snapshot"] = json!("false");
            value["source"]["txId"] = json!(change.xid.0);
            value["source"]["lsn"] = json!(change.lsn.0);
        });
        let event = edit::end(&history);
        let offset = edit::insert(&mut history, event, copy);
        let mut wanted = Wanted::at(Anomaly::SnapshotOverlap, topic, seen);
        wanted.position = None;
        out(Mutant { history, wanted: wanted.record(seen.partition, offset) });
    }
}

/// The broker removed it, and says so at every proof that follows.
fn truncate(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in each(scene).filter(|(_, seen)| seen.offset == 0) {
        let mut history = scene.history.clone();
        let Event::Record(gone) = history.events.remove(seen.event) else { continue };
        for event in &mut history.events {
            if let Event::Proof(proof) = event {
                let partition = usize::try_from(seen.partition).unwrap();
                proof.ends.get_mut(&gone.topic).unwrap()[partition].0 = 1;
            }
        }
        out(Mutant { history, wanted: wanted(Anomaly::HistoryTruncated, &topic.place, None) });
    }
}

/// The first captured change of a transaction that is streamed.
fn first_of(scene: &Scene<'_>, xid: u64) -> Option<Position> {
    let captured = |change: &&std::sync::Arc<Change>| {
        scene.index.tables.get(change.table).is_some_and(|table| table.captured)
    };
    let own = scene.changes.iter().filter(captured).filter(|c| u64::from(c.xid.0) == xid);
    own.map(|change| change.position).next()
}

/// Every BEGIN and END of a transaction that changes a captured table.
fn marks(scene: &Scene<'_>) -> Vec<(usize, Value, Position)> {
    let is_metadata = |topic: &&changeproof::history::event::Topic| topic.role == Role::Transaction;
    let topics = scene.index.topics.iter().filter(is_metadata);
    let records = topics.flat_map(|topic| scene.records(&topic.name));
    let mark = |(event, record): (usize, &changeproof::history::event::Record)| {
        let value = edit::json(record.value.as_ref());
        let xid = text(&value["id"]).split(':').next()?.parse().ok()?;
        Some((event, value, first_of(scene, xid)?))
    };
    records.filter_map(mark).collect()
}

fn drop_mark(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (event, _, position) in marks(scene) {
        let mut history = scene.history.clone();
        edit::remove(&mut history, event);
        let wanted = wanted(Anomaly::TornTransaction, "connector", Some(position));
        out(Mutant { history, wanted });
    }
}

fn mark_twice(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (event, _, position) in marks(scene).into_iter().filter(|_| !scene.restarted) {
        let mut history = scene.history.clone();
        let copy = edit::record(&history, event).clone();
        edit::insert(&mut history, event + 1, copy);
        let wanted = wanted(Anomaly::TornTransaction, "connector", Some(position));
        out(Mutant { history, wanted });
    }
}

fn miscount(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (event, mark, position) in marks(scene) {
        let mut counts = Vec::new();
        if mark["event_count"].is_u64() {
            counts.push("/event_count".to_owned());
        }
        let collections = mark["data_collections"].as_array().map_or(0, Vec::len);
        counts.extend((0..collections).map(|n| format!("/data_collections/{n}/event_count")));
        for count in counts {
            let mut history = scene.history.clone();
            edit::value(&mut history, event, |value| {
                *value.pointer_mut(&count).unwrap() = json!(4711);
            });
            let wanted = wanted(Anomaly::TornTransaction, "connector", Some(position));
            out(Mutant { history, wanted });
        }
    }
}

fn misplace(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in each(scene).filter(|(_, seen)| seen.value["transaction"].is_object()) {
        let Some(xid) = seen.value["source"]["txId"].as_u64() else { continue };
        // Where a change is counted as several, the places of all are not known.
        let of = |change: &std::sync::Arc<Change>| change.xid == Xid(u32::try_from(xid).unwrap());
        if scene.changes.iter().any(|change| of(change) && change.key_changed) {
            continue;
        }
        for place in ["total_order", "data_collection_order"] {
            let mut history = scene.history.clone();
            edit::value(&mut history, seen.event, |value| value["transaction"][place] = json!(47));
            let first = first_of(scene, xid);
            out(Mutant { history, wanted: wanted(Anomaly::TornTransaction, &topic.place, first) });
        }
    }
}

fn drift(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    let is_publication = |event: &Event| matches!(event, Event::Publication { .. });
    let seen = scene.history.events.iter().enumerate().filter(|(_, event)| is_publication(event));
    for (event, _) in seen {
        for topic in &scene.topics {
            let name = format!("{}.{}", topic.table.schema, topic.table.name);
            // The catalogue lists what has rows of its own, so no partitioned table.
            if topic.table.partitioned {
                continue;
            }
            let mut out = |change: fn(&mut changeproof::history::event::Published)| {
                let history = published(scene.history, (event, &name), change);
                let wanted = wanted(Anomaly::CaptureDrift, &topic.place, None);
                out(Mutant { history, wanted });
            };
            out(|table| table.published = false);
            out(|table| table.identity = if table.identity == 'd' { 'f' } else { 'd' });
        }
    }
}

fn published(
    history: &History,
    (event, name): (usize, &str),
    change: fn(&mut changeproof::history::event::Published),
) -> History {
    let mut history = history.clone();
    if let Some(Event::Publication { tables, .. }) = history.events.get_mut(event) {
        tables.iter_mut().filter(|table| table.table == name).for_each(change);
    }
    history
}
