//! Sinks that write the row kind, or are judged at every state.

use changeproof::base::anomaly::Anomaly;
use changeproof::history::event::SinkMode;
use changeproof::scenario::expect::Level;
use serde_json::{Value, json};

use super::super::edit;
use super::super::scene::{Row, Scene, Written, text};
use super::{Hop, Mutant, Mutation, Wanted};

pub(super) const ALL: &[Mutation] = &[
    Mutation { hop: Hop::Retract, does: "drop a retraction", also: &[], make: drop_retraction },
    Mutation { hop: Hop::Retract, does: "retract a row twice", also: &[], make: retract_twice },
    Mutation { hop: Hop::Retract, does: "insert a row twice", also: &[], make: insert_twice },
    Mutation {
        hop: Hop::Upsert,
        does: "show a number that was never true, and correct it",
        // A proof may lie between the two.
        also: &[Anomaly::DivergedSink],
        make: never_true,
    },
];

/// A row of a keyed retract sink: its operation, its key, and what it brings or takes back.
struct Step<'s> {
    row: &'s Row,
    op: String,
    key: String,
    image: &'s Value,
}

fn steps<'s>(sink: &'s Written<'_>) -> Vec<Step<'s>> {
    let step = |row: &'s Row| {
        let op = text(&row.value["op"]);
        let image = &row.value[if op == "d" { "before" } else { "after" }];
        let key = sink.table.key.iter().map(|column| text(&image[column])).collect::<Vec<_>>();
        Step { row, op, key: key.join(","), image }
    };
    sink.rows.iter().map(step).collect()
}

fn retract<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = &'s Written<'s>> {
    let keyed = |sink: &&Written<'_>| {
        sink.table.mode == SinkMode::Retract && !sink.table.key.is_empty() && !sink.windowed
    };
    scene.sinks.iter().filter(keyed).filter(|_| !scene.restarted)
}

fn wanted(anomaly: Anomaly, sink: &Written<'_>, key: &str, record: Option<(i32, i64)>) -> Wanted {
    let (place, key) = (sink.table.name.clone(), Some(key.to_owned()));
    Wanted { anomaly, place, key, record, position: None, column: None, says: None }
}

fn drop_retraction(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for sink in retract(scene) {
        let steps = steps(sink);
        for (n, step) in steps.iter().enumerate().filter(|(_, step)| step.op == "d") {
            let mut history = scene.history.clone();
            edit::remove(&mut history, step.row.event);
            let next = steps.iter().skip(n + 1).find(|next| next.key == step.key);
            let (anomaly, record) = match next {
                Some(next) => {
                    let same = next.image == step.image;
                    let name = if same { Anomaly::DoubleInsert } else { Anomaly::LostRetraction };
                    (name, Some((next.row.partition, next.row.offset - 1)))
                }
                // Nothing replaces it, so that it stands to the end.
                None => {
                    let before = steps.iter().take(n).rev().find(|old| old.key == step.key);
                    let record = before.map(|old| (old.row.partition, old.row.offset));
                    (Anomaly::GhostRow, record)
                }
            };
            out(Mutant { history, wanted: wanted(anomaly, sink, &step.key, record) });
        }
    }
}

fn again(scene: &Scene<'_>, op: &str, anomaly: Anomaly, out: &mut dyn FnMut(Mutant)) {
    for sink in retract(scene) {
        for step in steps(sink).iter().filter(|step| step.op == op) {
            let mut history = scene.history.clone();
            let copy = edit::record(&history, step.row.event).clone();
            let offset = edit::insert(&mut history, step.row.event + 1, copy);
            let record = Some((step.row.partition, offset));
            out(Mutant { history, wanted: wanted(anomaly, sink, &step.key, record) });
        }
    }
}

fn retract_twice(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    again(scene, "d", Anomaly::OrphanRetraction, out);
}

fn insert_twice(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    again(scene, "c", Anomaly::DoubleInsert, out);
}

/// At the level `commit` every single state is looked at.
fn never_true(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    let consistency = &scene.history.header.trial.expect.consistency;
    let demanded = |sink: &&Written<'_>| consistency.get(&sink.table.name) == Some(&Level::Commit);
    for sink in scene.sinks.iter().filter(demanded) {
        for (n, row) in sink.rows.iter().enumerate() {
            let later = sink.rows.iter().skip(n + 1).any(|next| next.key == row.key);
            let number = |column: &&String| row.value[column.as_str()].is_i64();
            let column = sink.compared.iter().filter(|c| !sink.table.key.contains(c)).find(number);
            let (true, Some(column), Some(key)) = (later, column, &row.key) else { continue };
            let mut history = scene.history.clone();
            edit::value(&mut history, row.event, |value| value[column] = json!(4711));
            let record = Some((row.partition, row.offset));
            let wanted = wanted(Anomaly::ImpossibleOutput, sink, key, record);
            out(Mutant { history, wanted });
        }
    }
}
