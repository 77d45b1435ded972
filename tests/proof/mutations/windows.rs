//! Windows that fire too early, too late, too often or with something else.

use changeproof::base::anomaly::Anomaly;
use changeproof::history::event::{Event, SinkMode};
use changeproof::scenario::expect::Delivery;
use changeproof::scenario::pipeline::Sink;
use serde_json::{Value, json};

use super::super::edit;
use super::super::scene::{Row, Scene, Written};
use super::{Hop, Mutant, Mutation, Wanted};

const UPSERT: SinkMode = SinkMode::Upsert;
const APPEND: SinkMode = SinkMode::Append;

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        hop: Hop::Upsert,
        does: "drop the firing of a window",
        also: &[],
        make: |scene, out| drop_firing(scene, UPSERT, out),
    },
    Mutation {
        hop: Hop::Upsert,
        does: "fire a window twice",
        also: &[],
        make: |scene, out| fire_twice(scene, UPSERT, out),
    },
    Mutation {
        hop: Hop::Upsert,
        does: "fire a window again at the end",
        also: &[],
        make: |scene, out| fire_at_the_end(scene, UPSERT, out),
    },
    Mutation {
        hop: Hop::Upsert,
        does: "fire a window twice before a restart",
        also: &[],
        make: |scene, out| fire_before_restart(scene, UPSERT, out),
    },
    Mutation {
        hop: Hop::Upsert,
        does: "demand exactly-once of windows that a restart wrote again",
        // Each of them is told.
        also: &[Anomaly::WindowRepeated],
        make: |scene, out| demand_once(scene, UPSERT, out),
    },
    Mutation {
        hop: Hop::Upsert,
        does: "fire a window with another number",
        also: &[],
        make: |scene, out| other_number(scene, UPSERT, out),
    },
    Mutation { hop: Hop::Upsert, does: "fire a window that nothing fills", also: &[], make: ghost },
    Mutation {
        hop: Hop::Upsert,
        does: "fire a window before its end",
        also: &[],
        make: |scene, out| early(scene, UPSERT, out),
    },
    Mutation {
        hop: Hop::Append,
        does: "drop the firing of a window without a key",
        also: &[],
        make: |scene, out| drop_firing(scene, APPEND, out),
    },
    Mutation {
        hop: Hop::Append,
        does: "fire a window without a key twice",
        also: &[],
        make: |scene, out| fire_twice(scene, APPEND, out),
    },
    Mutation {
        hop: Hop::Append,
        does: "fire a window without a key again at the end",
        also: &[],
        make: |scene, out| fire_at_the_end(scene, APPEND, out),
    },
    Mutation {
        hop: Hop::Append,
        does: "fire a window without a key twice before a restart",
        also: &[],
        make: |scene, out| fire_before_restart(scene, APPEND, out),
    },
    Mutation {
        hop: Hop::Append,
        does: "demand exactly-once of windows without a key that a restart wrote again",
        // Each of them is told.
        also: &[Anomaly::WindowRepeated],
        make: |scene, out| demand_once(scene, APPEND, out),
    },
    Mutation {
        hop: Hop::Append,
        does: "fire a window without a key with another number",
        also: &[],
        make: |scene, out| other_number(scene, APPEND, out),
    },
    Mutation {
        hop: Hop::Append,
        does: "fire a window of another time without a key",
        also: &[],
        make: ghost_of_another_time,
    },
    Mutation {
        hop: Hop::Append,
        does: "fire a window without a key before its end",
        also: &[],
        make: |scene, out| early(scene, APPEND, out),
    },
    Mutation {
        hop: Hop::Run,
        does: "count more rows as late than were late",
        also: &[],
        make: drop_as_late,
    },
];

fn windowed<'s>(scene: &'s Scene<'_>, mode: SinkMode) -> impl Iterator<Item = &'s Written<'s>> {
    scene.sinks.iter().filter(move |sink| sink.windowed && sink.table.mode == mode)
}

/// Every firing of a window of which nothing is said in the run as it was.
fn firings<'s>(
    scene: &'s Scene<'_>,
    mode: SinkMode,
) -> impl Iterator<Item = (&'s Written<'s>, &'s Row)> {
    let rows = windowed(scene, mode).flat_map(|sink| sink.rows.iter().map(move |row| (sink, row)));
    rows.filter(|(sink, row)| {
        !row.value.is_null() && !scene.is_marked(&sink.table.name, row.key.as_deref())
    })
}

/// The event from which on a statement may write again what it has written.
fn may_repeat_from(scene: &Scene<'_>) -> usize {
    let once = scene.history.header.trial.expect.delivery == Delivery::ExactlyOnce;
    let is_fault = |event: &Event| matches!(event, Event::Fault { .. });
    let events = &scene.history.events;
    events.iter().position(is_fault).filter(|_| !once).unwrap_or(events.len())
}

/// The run with a copy of a firing before an event.
fn again(
    scene: &Scene<'_>,
    (sink, row): (&Written<'_>, &Row),
    event: usize,
    out: &mut dyn FnMut(Mutant),
) {
    let mut history = scene.history.clone();
    let copy = edit::record(&history, row.event).clone();
    let offset = edit::insert(&mut history, event, copy);
    let wanted = wanted(Anomaly::WindowRepeated, sink, row.key.clone());
    out(Mutant { history, wanted: wanted.record(row.partition, offset) });
}

fn wanted(anomaly: Anomaly, sink: &Written<'_>, key: Option<String>) -> Wanted {
    let place = sink.table.name.clone();
    Wanted { anomaly, place, key, record: None, position: None, column: None, says: None }
}

fn drop_firing(scene: &Scene<'_>, mode: SinkMode, out: &mut dyn FnMut(Mutant)) {
    for (sink, row) in firings(scene, mode) {
        let mut history = scene.history.clone();
        edit::remove(&mut history, row.event);
        out(Mutant { history, wanted: wanted(Anomaly::WindowMissing, sink, row.key.clone()) });
    }
}

fn fire_twice(scene: &Scene<'_>, mode: SinkMode, out: &mut dyn FnMut(Mutant)) {
    let from = may_repeat_from(scene);
    for (sink, row) in firings(scene, mode).filter(|(_, row)| row.event < from) {
        again(scene, (sink, row), row.event + 1, out);
    }
}

fn fire_at_the_end(scene: &Scene<'_>, mode: SinkMode, out: &mut dyn FnMut(Mutant)) {
    let end = edit::end(scene.history);
    if may_repeat_from(scene) < end {
        return;
    }
    for (sink, row) in firings(scene, mode) {
        again(scene, (sink, row), end, out);
    }
}

/// Windows that the restart wrote again too.
fn fire_before_restart(scene: &Scene<'_>, mode: SinkMode, out: &mut dyn FnMut(Mutant)) {
    let from = may_repeat_from(scene);
    // Behind the last proof nothing is judged.
    if !scene.restarted || from >= edit::end(scene.history) {
        return;
    }
    for sink in windowed(scene, mode) {
        let rows = sink.rows.iter().filter(|row| row.event < from && !row.value.is_null());
        for row in rows {
            again(scene, (sink, row), from, out);
        }
    }
}

fn demand_once(scene: &Scene<'_>, mode: SinkMode, out: &mut dyn FnMut(Mutant)) {
    for sink in windowed(scene, mode) {
        let replays = scene.verdict.findings.iter().map(|judged| &judged.finding);
        let replays = replays.filter(|finding| {
            finding.anomaly == Anomaly::Replay && finding.place == sink.table.name
        });
        for replay in replays {
            let mut history = scene.history.clone();
            let expect = &mut history.header.trial.expect;
            expect.delivery = Delivery::ExactlyOnce;
            // What must be shown then is another thing.
            expect.must_show.clear();
            let wanted = wanted(Anomaly::WindowRepeated, sink, replay.key.clone());
            let record = replay.record.as_ref().unwrap();
            out(Mutant { history, wanted: wanted.record(record.partition, record.offset) });
        }
    }
}

/// The columns of whole numbers that are compared.
fn numbers<'s>(sink: &'s Written<'_>) -> impl Iterator<Item = &'s String> {
    let is_number = |kind: &str| kind.starts_with("INT") || kind.starts_with("BIGINT");
    let columns = sink.table.columns.iter().filter(move |(_, kind)| is_number(kind));
    let columns = columns.map(|(name, _)| name);
    columns.filter(|name| sink.compared.contains(name) && !sink.table.key.contains(name))
}

fn other_number(scene: &Scene<'_>, mode: SinkMode, out: &mut dyn FnMut(Mutant)) {
    for (sink, row) in firings(scene, mode) {
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
    for (sink, row) in firings(scene, UPSERT) {
        // A text that is no time.
        let is_text = |column: &&String| {
            let text = row.value[column.as_str()].as_str();
            text.is_some_and(|text| !text.starts_with(|first: char| first.is_ascii_digit()))
        };
        let column = sink.table.key.iter().find(is_text);
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

/// A firing of a window of a time at which nothing was.
fn ghost_of_another_time(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, row) in firings(scene, APPEND) {
        let declared = scene.history.header.trial.pipeline.sinks.get(&sink.table.name);
        let Some(Sink::Judged { window: Some(window), .. }) = declared else { continue };
        let mut history = scene.history.clone();
        let mut copy = edit::record(&history, row.event).clone();
        edit::change_part(&mut copy.value, |value| {
            value[&window.end] = json!("2001-01-01 00:01:00");
        });
        let offset = edit::insert(&mut history, row.event + 1, copy);
        let wanted = wanted(Anomaly::WindowGhost, sink, None);
        out(Mutant { history, wanted: wanted.record(row.partition, offset) });
    }
}

/// A window had not fired by a proof that stands before its firing, so that its end was not reached.
fn early(scene: &Scene<'_>, mode: SinkMode, out: &mut dyn FnMut(Mutant)) {
    for (sink, row) in firings(scene, mode) {
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
    for sink in windowed(scene, UPSERT).chain(windowed(scene, APPEND)) {
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
