//! Sinks that hold something else than their reference.

use changeproof::base::anomaly::Anomaly;
use changeproof::base::value::Type;
use changeproof::codec::types::DataType;
use changeproof::history::History;
use changeproof::history::event::SinkMode;
use serde_json::{Value, json};

use super::super::edit;
use super::super::scene::{Row, Scene, Written};
use super::{Hop, Mutant, Mutation, Wanted};

pub(super) const ALL: &[Mutation] = &[
    Mutation { hop: Hop::Upsert, does: "drop the only image of a row", also: &[], make: drop_only },
    Mutation { hop: Hop::Upsert, does: "drop the last image of a row", also: &[], make: drop_last },
    Mutation { hop: Hop::Upsert, does: "drop the delete of a row", also: &[], make: drop_delete },
    Mutation { hop: Hop::Upsert, does: "delete a row that lives", also: &[], make: delete },
    Mutation {
        hop: Hop::Upsert,
        does: "write an older image of a row again at the end",
        also: &[],
        make: older_wins,
    },
    Mutation {
        hop: Hop::Upsert,
        does: "write a deleted row again at the end",
        also: &[],
        make: resurrect,
    },
    Mutation {
        hop: Hop::Upsert,
        does: "write a row that nothing explains",
        also: &[],
        make: ghost,
    },
    Mutation { hop: Hop::Upsert, does: "change a column of a row", also: &[], make: other_value },
    Mutation {
        hop: Hop::Upsert,
        does: "show the placeholder in a row",
        also: &[],
        make: placeholder,
    },
    Mutation { hop: Hop::Append, does: "drop a row", also: &[], make: drop_row },
    Mutation { hop: Hop::Append, does: "write a row twice", also: &[], make: repeat_row },
    Mutation {
        hop: Hop::Append,
        does: "change a column of a row",
        // The row as it should be is missing.
        also: &[Anomaly::LostChange],
        make: other_row,
    },
];

/// The sinks of a mode that are judged by their final rows.
fn sinks<'s>(scene: &'s Scene<'_>, mode: SinkMode) -> impl Iterator<Item = &'s Written<'s>> {
    let topics = scene.sinks.iter().filter(|sink| sink.table.kept.is_topic());
    topics.filter(move |sink| sink.table.mode == mode && !sink.windowed)
}

pub(super) fn wanted(anomaly: Anomaly, sink: &Written<'_>, row: &Row) -> Wanted {
    let place = sink.table.name.clone();
    let key = row.key.clone().filter(|_| sink.table.mode == SinkMode::Upsert);
    Wanted { anomaly, place, key, record: None, position: None, column: None, says: None }
}

/// The images of each key of each upsert sink, in order; keys with findings of their own apart.
pub(super) fn lives<'s>(scene: &'s Scene<'_>) -> Vec<(&'s Written<'s>, Vec<&'s Row>)> {
    let mut lives = Vec::new();
    for sink in sinks(scene, SinkMode::Upsert) {
        let keys = sink.rows.iter().map(|row| &row.key);
        for key in keys.collect::<std::collections::BTreeSet<_>>() {
            if !scene.is_marked(&sink.table.name, key.as_deref()) {
                lives.push((sink, sink.rows.iter().filter(|row| row.key == *key).collect()));
            }
        }
    }
    lives
}

/// Those columns of a row that are compared.
fn compared(sink: &Written<'_>, row: &Row) -> Vec<Value> {
    sink.compared.iter().map(|column| row.value[column].clone()).collect()
}

fn without(scene: &Scene<'_>, row: &Row) -> History {
    let mut history = scene.history.clone();
    edit::remove(&mut history, row.event);
    history
}

/// The run with a copy of a row at the end.
fn with(scene: &Scene<'_>, row: &Row) -> (History, (i32, i64)) {
    let mut history = scene.history.clone();
    let copy = edit::record(&history, row.event).clone();
    let end = edit::end(&history);
    let offset = edit::insert(&mut history, end, copy);
    (history, (row.partition, offset))
}

fn drop_only(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, life) in lives(scene) {
        if let [row] = life.as_slice() {
            let wanted = wanted(Anomaly::LostChange, sink, row);
            out(Mutant { history: without(scene, row), wanted });
        }
    }
}

fn drop_last(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    if scene.index.proofs.len() > 1 {
        return;
    }
    for (sink, life) in lives(scene) {
        let [.., before, last] = life.as_slice() else { continue };
        let (standing, right) = (compared(sink, before), compared(sink, last));
        if last.value.is_null() || standing == right {
            continue;
        }
        let anomaly = if before.value.is_null() {
            Anomaly::LostChange
        } else {
            let (_, earlier) = life.split_last().unwrap();
            let images = earlier.iter().map(|row| compared(sink, row)).collect::<Vec<_>>();
            let first = images.iter().position(|image| *image == standing).unwrap();
            // The sink itself showed the right image between two of the standing one.
            let overwritten = images.iter().skip(first).any(|image| *image == right);
            if overwritten { Anomaly::StaleOverwrite } else { Anomaly::DivergedSink }
        };
        let mut wanted = wanted(anomaly, sink, last);
        let (_, earlier) = life.split_last().unwrap();
        wanted.record = Some(first_of(earlier, &before.value));
        out(Mutant { history: without(scene, last), wanted });
    }
}

/// The record from which on a row has been what it is at the end.
pub(super) fn first_of(life: &[&Row], standing: &Value) -> (i32, i64) {
    let same = life.iter().rev().take_while(|row| row.value == *standing);
    let first = same.last().unwrap();
    (first.partition, first.offset)
}

fn drop_delete(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, life) in lives(scene) {
        let [.., before, last] = life.as_slice() else { continue };
        if last.value.is_null() && !before.value.is_null() {
            let mut wanted = wanted(Anomaly::GhostRow, sink, last);
            wanted.record = Some((before.partition, before.offset));
            out(Mutant { history: without(scene, last), wanted });
        }
    }
}

fn delete(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, life) in lives(scene) {
        let last = life.last().unwrap();
        if !last.value.is_null() {
            let mut history = scene.history.clone();
            let mut copy = edit::record(&history, last.event).clone();
            copy.value = None;
            let end = edit::end(&history);
            let offset = edit::insert(&mut history, end, copy);
            let wanted = wanted(Anomaly::LostChange, sink, last).record(last.partition, offset);
            out(Mutant { history, wanted });
        }
    }
}

fn older_wins(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, life) in lives(scene) {
        let (last, older) = life.split_last().unwrap();
        let right = compared(sink, last);
        let older = older.iter().filter(|row| !row.value.is_null());
        for row in older.filter(|row| !last.value.is_null() && compared(sink, row) != right) {
            let (history, (partition, offset)) = with(scene, row);
            let wanted = wanted(Anomaly::StaleOverwrite, sink, row).record(partition, offset);
            out(Mutant { history, wanted });
        }
    }
}

fn resurrect(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, life) in lives(scene) {
        let (last, older) = life.split_last().unwrap();
        for row in older.iter().filter(|row| last.value.is_null() && !row.value.is_null()) {
            let (history, (partition, offset)) = with(scene, row);
            let wanted = wanted(RESURRECTED, sink, row).record(partition, offset);
            out(Mutant { history, wanted });
        }
    }
}

/// What a row is called that comes back to a sink behind its delete.
const RESURRECTED: Anomaly = Anomaly::GhostRow;

fn ghost(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, life) in lives(scene) {
        let row = life[0];
        let text = |name: &String| sink.table.columns.iter().any(|(n, k)| n == name && is_text(k));
        if row.value.is_null() || !sink.table.key.iter().all(text) {
            continue;
        }
        let mut history = scene.history.clone();
        let mut copy = edit::record(&history, row.event).clone();
        for part in [&mut copy.key, &mut copy.value] {
            edit::change_part(part, |value| value[&sink.table.key[0]] = json!("nobody"));
        }
        let end = edit::end(&history);
        let offset = edit::insert(&mut history, end, copy);
        let rest = row.key.as_ref().and_then(|key| key.split_once(','));
        let key = rest.map_or_else(|| "nobody".to_owned(), |(_, rest)| format!("nobody,{rest}"));
        let mut wanted = wanted(Anomaly::GhostRow, sink, row).record(row.partition, offset);
        wanted.key = Some(key);
        out(Mutant { history, wanted });
    }
}

fn is_text(kind: &str) -> bool {
    DataType::flink(kind) == DataType::Scalar(Type::Text)
}

/// Another value of a column of a sink.
pub(super) fn other(kind: &str, value: &Value) -> Option<Value> {
    match value {
        Value::Number(number) => Some(json!(number.as_f64()? + 1.0))
            .filter(|_| number.is_f64())
            .or_else(|| Some(json!(number.as_i64()? + 1))),
        Value::Bool(flag) => Some(json!(!flag)),
        Value::String(_) | Value::Null if is_text(kind) => Some(json!("other")),
        _ => None,
    }
}

fn other_value(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, life) in lives(scene) {
        let last = life.last().unwrap();
        for (column, kind) in &sink.table.columns {
            let compared = sink.compared.contains(column) && !sink.table.key.contains(column);
            let value = last.value.get(column);
            let Some(other) = value.filter(|_| compared).and_then(|v| other(kind, v)) else {
                continue;
            };
            let mut history = scene.history.clone();
            let mut wrong = last.value.clone();
            wrong[column] = other.clone();
            edit::value(&mut history, last.event, |row| row[column] = other);
            let (_, earlier) = life.split_last().unwrap();
            let stood = earlier.last().is_some_and(|before| before.value == wrong);
            let (partition, offset) =
                if stood { first_of(earlier, &wrong) } else { (last.partition, last.offset) };
            let wanted = wanted(Anomaly::DivergedSink, sink, last).column(column);
            out(Mutant { history, wanted: wanted.record(partition, offset) });
        }
    }
}

fn placeholder(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, life) in lives(scene) {
        let last = life.last().unwrap();
        for (column, kind) in &sink.table.columns {
            let compared = sink.compared.contains(column) && !sink.table.key.contains(column);
            if !(compared && is_text(kind) && last.value.get(column).is_some()) {
                continue;
            }
            let mut history = scene.history.clone();
            let shown = json!("__debezium_unavailable_value");
            edit::value(&mut history, last.event, |row| row[column] = shown);
            let wanted = wanted(Anomaly::ToastPlaceholder, sink, last).column(column);
            out(Mutant { history, wanted: wanted.record(last.partition, last.offset) });
        }
    }
}

/// The rows of append sinks without findings of their own.
fn appended<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = (&'s Written<'s>, &'s Row)> {
    let clean = |sink: &&Written<'_>| !scene.is_marked(&sink.table.name, None);
    let sinks = sinks(scene, SinkMode::Append).filter(clean);
    sinks.flat_map(|sink| sink.rows.iter().map(move |row| (sink, row)))
}

fn drop_row(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, row) in appended(scene) {
        let wanted = wanted(Anomaly::LostChange, sink, row);
        out(Mutant { history: without(scene, row), wanted });
    }
}

fn repeat_row(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, row) in appended(scene) {
        let (history, (partition, offset)) = with(scene, row);
        let wanted = wanted(Anomaly::DuplicateChange, sink, row).record(partition, offset);
        out(Mutant { history, wanted });
    }
}

fn other_row(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, row) in appended(scene) {
        for (column, kind) in sink.table.columns.iter().filter(|(c, _)| sink.compared.contains(c)) {
            let value = row.value.get(column);
            let Some(other) = value.and_then(|value| other(kind, value)) else { continue };
            let mut history = scene.history.clone();
            edit::value(&mut history, row.event, |row| row[column] = other);
            let wanted = wanted(Anomaly::GhostRow, sink, row);
            out(Mutant { history, wanted: wanted.record(row.partition, row.offset) });
        }
    }
}
