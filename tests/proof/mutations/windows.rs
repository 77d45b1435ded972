//! Windows that fire too early, too late, too often or with something else.

use changeproof::base::anomaly::Anomaly;
use changeproof::history::event::{Event, SinkMode};
use serde_json::{Value, json};

use super::super::edit;
use super::super::scene::{Row, Scene, Written};
use super::{Hop, Mutant, Mutation, Wanted};

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        hop: Hop::Upsert,
        does: "drop the firing of a window",
        also: &[],
        make: drop_firing,
    },
    Mutation { hop: Hop::Upsert, does: "fire a window twice", also: &[], make: fire_twice },
    Mutation {
        hop: Hop::Upsert,
        does: "fire a window with another number",
        also: &[],
        make: other_number,
    },
    Mutation { hop: Hop::Upsert, does: "fire a window that nothing fills", also: &[], make: ghost },
    Mutation { hop: Hop::Upsert, does: "fire a window before its end", also: &[], make: early },
    Mutation {
        hop: Hop::Run,
        does: "count more rows as late than were late",
        also: &[],
        make: drop_as_late,
    },
];

fn windowed<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = &'s Written<'s>> {
    let upsert = |sink: &&Written<'_>| sink.windowed && sink.table.mode == SinkMode::Upsert;
    scene.sinks.iter().filter(upsert)
}

/// Every firing of a window of which nothing is said in the run as it was.
fn firings<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = (&'s Written<'s>, &'s Row)> {
    let rows = windowed(scene).flat_map(|sink| sink.rows.iter().map(move |row| (sink, row)));
    rows.filter(|(sink, row)| {
        !row.value.is_null() && !scene.is_marked(&sink.table.name, row.key.as_deref())
    })
}

fn wanted(anomaly: Anomaly, sink: &Written<'_>, key: Option<String>) -> Wanted {
    let place = sink.table.name.clone();
    Wanted { anomaly, place, key, record: None, position: None, column: None }
}

fn drop_firing(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, row) in firings(scene) {
        let mut history = scene.history.clone();
        edit::remove(&mut history, row.event);
        out(Mutant { history, wanted: wanted(Anomaly::WindowMissing, sink, row.key.clone()) });
    }
}

fn fire_twice(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, row) in firings(scene) {
        let mut history = scene.history.clone();
        let copy = edit::record(&history, row.event).clone();
        let offset = edit::insert(&mut history, row.event + 1, copy);
        let wanted = wanted(Anomaly::WindowRepeated, sink, row.key.clone());
        out(Mutant { history, wanted: wanted.record(row.partition, offset) });
    }
}

/// The columns of whole numbers that are compared.
fn numbers<'s>(sink: &'s Written<'_>) -> impl Iterator<Item = &'s String> {
    let is_number = |kind: &str| kind.starts_with("INT") || kind.starts_with("BIGINT");
    let columns = sink.table.columns.iter().filter(move |(_, kind)| is_number(kind));
    let columns = columns.map(|(name, _)| name);
    columns.filter(|name| sink.compared.contains(name) && !sink.table.key.contains(name))
}

fn other_number(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, row) in firings(scene) {
        for column in numbers(sink) {
            let mut history = scene.history.clone();
            edit::value(&mut history, row.event, |value| value[column] = json!(4711));
            let wanted = wanted(Anomaly::WindowWrongValue, sink, row.key.clone()).column(column);
            out(Mutant { history, wanted: wanted.record(row.partition, row.offset) });
        }
    }
}

/// A firing of a window of an account that has none.
fn ghost(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, row) in firings(scene) {
        let column = sink.table.key.iter().find(|column| row.value[column.as_str()].is_string());
        let (Some(column), Some(key)) = (column, &row.key) else { continue };
        let mut history = scene.history.clone();
        let mut copy = edit::record(&history, row.event).clone();
        let strange = |value: &mut Value| value[column] = json!("nobody");
        edit::change_part(&mut copy.key, strange);
        edit::change_part(&mut copy.value, strange);
        let offset = edit::insert(&mut history, row.event + 1, copy);
        let named = row.value[column].as_str().unwrap();
        let key = key.replacen(named, "nobody", 1);
        let wanted = wanted(Anomaly::WindowGhost, sink, Some(key));
        out(Mutant { history, wanted: wanted.record(row.partition, offset) });
    }
}

/// A window had not fired by a proof that stands before its firing, so that its end was not reached.
fn early(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, row) in firings(scene) {
        let before = scene.history.events.iter().enumerate().take(row.event);
        for (proof, _) in before.filter(|(_, event)| matches!(event, Event::Proof(_))) {
            let mut history = scene.history.clone();
            let record = edit::remove(&mut history, row.event);
            let offset = edit::insert(&mut history, proof, record);
            let wanted = wanted(Anomaly::WindowEarly, sink, row.key.clone());
            out(Mutant { history, wanted: wanted.record(row.partition, offset) });
        }
    }
}

fn drop_as_late(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for sink in windowed(scene) {
        let mut history = scene.history.clone();
        let proofs = history.events.iter_mut().rev().filter_map(|event| match event {
            Event::Proof(proof) => Some(proof),
            _ => None,
        });
        let jobs = proofs.take(1).flat_map(|proof| &mut proof.jobs);
        let mut own = jobs.filter(|job| job.sinks.contains(&sink.table.name));
        let Some((_, dropped)) = own.find_map(|job| job.late.first_mut()) else { continue };
        *dropped += 1000;
        out(Mutant { history, wanted: wanted(Anomaly::LateDropped, sink, None) });
    }
}
