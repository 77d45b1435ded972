//! Sinks of files that hold something else than their reference.

use std::collections::BTreeMap;

use changeproof::base::anomaly::Anomaly;
use changeproof::history::event::SinkMode;
use changeproof::history::files::{DataFile, Holds};

use super::super::edit;
use super::super::scene::{Row, Scene, Written, text};
use super::sinks::other;
use super::{Hop, Mutant, Mutation, Wanted};

pub(super) const ALL: &[Mutation] = &[
    Mutation { hop: Hop::Files, does: "drop a row of a file", also: &[], make: drop_row },
    Mutation { hop: Hop::Files, does: "write a row of a file twice", also: &[], make: repeat_row },
    Mutation {
        hop: Hop::Files,
        does: "change a column of a row of a file",
        // The row as it should be is missing.
        also: &[Anomaly::LostChange],
        make: other_row,
    },
    Mutation { hop: Hop::Files, does: "drop the delete of a key", also: &[], make: drop_delete },
    Mutation { hop: Hop::Files, does: "drop the last row of a key", also: &[], make: drop_last },
    Mutation { hop: Hop::Files, does: "write a row of a key twice", also: &[], make: repeat_key },
];

/// A sink of files, and its rows with their files and keys.
struct Table<'s> {
    sink: &'s Written<'s>,
    rows: Vec<Stored<'s>>,
}

#[derive(Clone, Copy)]
struct Stored<'s> {
    row: &'s Row,
    file: &'s DataFile,
}

fn tables<'s>(scene: &'s Scene<'_>, mode: SinkMode) -> Vec<Table<'s>> {
    let of_files = |sink: &&Written<'_>| !sink.table.kept.is_topic() && sink.table.mode == mode;
    let clean = |sink: &&Written<'_>| {
        scene.verdict.findings.iter().all(|j| j.finding.place != sink.table.name)
    };
    let sinks = scene.sinks.iter().filter(of_files).filter(clean);
    let table = |sink: &'s Written<'s>| {
        let files = &scene.index.files[sink.table.topic.as_str()];
        let stored =
            |row: &'s Row| Stored { row, file: files[usize::try_from(row.partition).unwrap()] };
        Table { sink, rows: sink.rows.iter().map(stored).collect() }
    };
    sinks.map(table).collect()
}

impl<'s> Table<'s> {
    fn key(&self, stored: &Stored<'_>) -> String {
        let columns = self.sink.table.key.iter().map(|column| text(&stored.row.value[column]));
        columns.collect::<Vec<_>>().join(",")
    }

    /// Rows and deletes of each key; empty where rows go by their places, which an edit would move.
    fn keys(&self) -> BTreeMap<String, (Vec<Stored<'s>>, Vec<Stored<'s>>)> {
        let mut keys = BTreeMap::<_, (Vec<_>, Vec<_>)>::new();
        if self.rows.iter().any(|stored| stored.file.holds == Holds::Places) {
            return keys;
        }
        for stored in &self.rows {
            let (rows, deletes) = keys.entry(self.key(stored)).or_default();
            if stored.file.holds == Holds::Rows { rows } else { deletes }.push(*stored);
        }
        keys
    }

    fn wanted(&self, anomaly: Anomaly, key: Option<String>) -> Wanted {
        let place = self.sink.table.name.clone();
        Wanted { anomaly, place, key, record: None, position: None, column: None, says: None }
    }
}

fn last_delete(deletes: &[Stored<'_>]) -> i64 {
    deletes.iter().map(|stored| stored.file.commit).max().unwrap_or(0)
}

fn drop_row(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for table in tables(scene, SinkMode::Append) {
        for Stored { row, .. } in &table.rows {
            let mut history = scene.history.clone();
            edit::remove(&mut history, row.event);
            out(Mutant { history, wanted: table.wanted(Anomaly::LostChange, None) });
        }
    }
}

fn repeat_row(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for table in tables(scene, SinkMode::Append) {
        for Stored { row, .. } in &table.rows {
            let mut history = scene.history.clone();
            let (end, copy) = (edit::end(&history), edit::record(&history, row.event).clone());
            let offset = edit::insert(&mut history, end, copy);
            let wanted = table.wanted(Anomaly::DuplicateChange, None);
            out(Mutant { history, wanted: wanted.record(row.partition, offset) });
        }
    }
}

fn other_row(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for table in tables(scene, SinkMode::Append) {
        for Stored { row, .. } in &table.rows {
            for (column, kind) in &table.sink.table.columns {
                let value = row.value.get(column).filter(|_| table.sink.compared.contains(column));
                let Some(other) = value.and_then(|value| other(kind, value)) else { continue };
                let mut history = scene.history.clone();
                edit::value(&mut history, row.event, |row| row[column] = other);
                let wanted = table.wanted(Anomaly::GhostRow, None);
                out(Mutant { history, wanted: wanted.record(row.partition, row.offset) });
            }
        }
    }
}

/// The last delete of a key, where it takes a row out: beside a newer row the old one is one too
/// many, without one it is a ghost.
fn drop_delete(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for table in tables(scene, SinkMode::Upsert) {
        for (key, (rows, deletes)) in table.keys() {
            let last = last_delete(&deletes);
            let (of_last, before) =
                deletes.iter().partition::<Vec<_>, _>(|d| d.file.commit == last);
            let before = before.into_iter().copied().collect::<Vec<_>>();
            let before = last_delete(&before);
            let comes_back = |stored: &Stored<'_>| (before..last).contains(&stored.file.commit);
            let [delete] = of_last.as_slice() else { continue };
            let Some(back) = rows.iter().rfind(|stored| comes_back(stored)) else { continue };
            let lives = rows.iter().any(|stored| stored.file.commit >= last);
            let anomaly = if lives { Anomaly::DuplicateChange } else { Anomaly::GhostRow };
            let mut history = scene.history.clone();
            edit::remove(&mut history, delete.row.event);
            let wanted = table.wanted(anomaly, Some(key));
            // A ghost is the row that nothing takes out any more; of two rows the later is told.
            let live = rows.iter().rfind(|stored| stored.file.commit >= last);
            let told = live.unwrap_or(back);
            let wanted = wanted.record(told.row.partition, told.row.offset);
            out(Mutant { history, wanted });
        }
    }
}

fn drop_last(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for table in tables(scene, SinkMode::Upsert) {
        for (key, (rows, deletes)) in table.keys() {
            let last = last_delete(&deletes);
            let Some(live) = rows.iter().find(|stored| stored.file.commit >= last) else {
                continue;
            };
            let mut history = scene.history.clone();
            edit::remove(&mut history, live.row.event);
            out(Mutant { history, wanted: table.wanted(Anomaly::LostChange, Some(key)) });
        }
    }
}

fn repeat_key(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for table in tables(scene, SinkMode::Upsert) {
        for (key, (rows, deletes)) in table.keys() {
            let last = last_delete(&deletes);
            let Some(live) = rows.iter().find(|stored| stored.file.commit >= last) else {
                continue;
            };
            let mut history = scene.history.clone();
            let (end, copy) = (edit::end(&history), edit::record(&history, live.row.event).clone());
            let offset = edit::insert(&mut history, end, copy);
            let wanted = table.wanted(Anomaly::DuplicateChange, Some(key));
            out(Mutant { history, wanted: wanted.record(live.row.partition, offset) });
        }
    }
}
