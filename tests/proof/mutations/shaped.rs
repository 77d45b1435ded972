//! Records of which an option that shapes them made nothing, or something else.

use changeproof::base::anomaly::Anomaly;
use changeproof::base::position::Position;
use changeproof::codec::pgoutput::Cell;
use changeproof::history::event::Table;
use changeproof::model::source::{Change, Kind};
use serde_json::{Map, Value, json};

use super::super::edit;
use super::super::scene::{Scene, Seen, Topic};
use super::amounts::each;
use super::{Hop, Mutant, Mutation, Wanted};

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        hop: Hop::Topic,
        does: "show a column that the connector's list leaves out",
        also: &[],
        make: hidden,
    },
    Mutation {
        hop: Hop::Topic,
        does: "show the whole of a value that the connector masks or cuts",
        also: &[],
        make: unmasked,
    },
    Mutation {
        hop: Hop::Topic,
        does: "write a record of an update that changes nothing that is shown",
        also: &[],
        make: unchanged,
    },
    Mutation {
        hop: Hop::Topic,
        does: "leave a transform's work on a row undone",
        also: &[],
        make: untransformed,
    },
];

/// The texts of a row, by its columns.
fn cells(change: &Change) -> Vec<(&str, Option<&str>)> {
    let image = change.new.as_ref().or(change.old.as_ref()).unwrap();
    let cell = |(n, name): (usize, &'_ String)| {
        let text = match image.get(n) {
            Some(Cell::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        (change.columns[n].as_str(), text.filter(|_| change.columns[n] == *name))
    };
    change.columns.iter().enumerate().map(cell).collect()
}

/// The images of streamed records, with the changes that they are of.
fn images<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = (&'s Topic<'s>, &'s Seen, &'s Change)> {
    each(scene)
        .filter(|(_, seen)| matches!(seen.op, 'c' | 'u'))
        .filter_map(|(topic, seen)| Some((topic, seen, scene.change(seen)?)))
}

fn shown(
    scene: &Scene<'_>,
    (topic, seen, anomaly): (&Topic<'_>, &Seen, Anomaly),
    (column, value): (&str, Value),
) -> Mutant {
    let mut history = scene.history.clone();
    edit::value(&mut history, seen.event, |envelope| envelope["after"][column] = value);
    let wanted = Wanted::at(anomaly, topic, seen).record(seen.partition, seen.offset);
    Mutant { history, wanted: wanted.column(column) }
}

fn hidden(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen, change) in images(scene) {
        for (column, text) in cells(change) {
            if seen.value["after"].get(column).is_none() {
                let what = (topic, seen, Anomaly::SchemaDrift);
                out(shown(scene, what, (column, json!(text))));
            }
        }
    }
}

fn unmasked(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen, change) in images(scene) {
        for (column, text) in cells(change) {
            let is_text = |value: &&Value| value.is_string() && !is_placeholder(value);
            let masked = seen.value["after"].get(column).filter(is_text);
            let kind = topic.table.columns.iter().find(|known| known.name == column);
            let is_kept = kind.is_some_and(|kind| kind.type_name == "text");
            if masked.is_some_and(|shown| is_kept && text.is_some() && *shown != json!(text)) {
                let what = (topic, seen, Anomaly::WrongValue);
                out(shown(scene, what, (column, json!(text))));
            }
        }
    }
}

fn is_placeholder(value: &Value) -> bool {
    *value == json!("__debezium_unavailable_value")
}

/// Behind the record of the row as it stood.
fn unchanged(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for topic in &scene.topics {
        if scene.option(topic.table, "skip.messages.without.change") != Some("true") {
            continue;
        }
        let is_written = |at: Position| topic.records.iter().any(|seen| seen.at == Some(at));
        let left_out = scene
            .changes
            .iter()
            .filter(|change| change.kind == Kind::Update && !is_written(change.position));
        for change in left_out {
            let key = cells(change).into_iter().find(|(name, _)| topic.key == [*name]);
            let key = key.and_then(|(_, text)| text);
            let of_key =
                |seen: &&Seen| seen.key.as_deref() == key && seen.at < Some(change.position);
            let Some(seen) = topic.records.iter().rfind(of_key) else { continue };
            let mut history = scene.history.clone();
            let mut copy = edit::record(&history, seen.event).clone();
            edit::change_part(&mut copy.value, |value| {
                value["op"] = json!("u");
                value["before"] = value["after"].clone();
                value["source"]["txId"] = json!(change.xid.0);
                value["source"]["lsn"] = json!(change.lsn.0);
            });
            let offset = edit::insert(&mut history, seen.event + 1, copy);
            let mut wanted = Wanted::at(Anomaly::PhantomChange, topic, seen);
            wanted.position = None;
            out(Mutant { history, wanted: wanted.record(seen.partition, offset) });
        }
    }
}

/// What undoes the transforms of a row.
type Undo = fn(&mut Map<String, Value>) -> Option<(Anomaly, &'static str)>;

const UNDO: &[Undo] = &[
    // `ReplaceField` renames one and leaves another out.
    |row| {
        let who = row.remove("who")?;
        row.insert("name".to_owned(), who);
        Some((Anomaly::SchemaDrift, "name"))
    },
    |row| {
        row.insert("phone".to_owned(), json!("0123456"));
        Some((Anomaly::SchemaDrift, "phone"))
    },
    // `MaskField`
    |row| row.insert("card".to_owned(), json!("4711")).map(|_| (Anomaly::WrongValue, "card")),
    // `Cast`
    |row| {
        let age = row.get("age")?.as_str()?.parse::<i64>().ok()?;
        row.insert("age".to_owned(), json!(age));
        Some((Anomaly::WrongValue, "age"))
    },
    // `InsertField`
    |row| row.insert("origin".to_owned(), json!("other")).map(|_| (Anomaly::WrongValue, "origin")),
    |row| row.remove("origin").map(|_| (Anomaly::WrongValue, "origin")),
];

/// Rows have no envelope, and are known by their order.
fn untransformed(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, of) in scene.index.sources() {
        let is_own = |table: &&Table| format!("{}.{}", table.schema, table.name) == of;
        let table = scene.index.tables.iter().find(is_own).unwrap();
        if scene.option(table, "transforms.fields.renames") != Some("name:who") {
            continue;
        }
        for (event, record) in scene.records(&topic.name) {
            let row = edit::json(record.value.as_ref());
            // What a delete is rewritten as shows the row before, which has findings of its own.
            if row.is_null() || row["__deleted"] == "true" || row["__op"] == "d" {
                continue;
            }
            for undo in UNDO {
                let mut changed = row.as_object().unwrap().clone();
                let Some((anomaly, column)) = undo(&mut changed) else { continue };
                let mut history = scene.history.clone();
                edit::value(&mut history, event, |value| *value = Value::Object(changed));
                let place = of.rsplit('.').next().unwrap().to_owned();
                let key = edit::json(record.key.as_ref())["id"].to_string();
                let wanted = Wanted {
                    anomaly,
                    place,
                    key: Some(key),
                    record: Some((record.partition, record.offset)),
                    position: None,
                    column: Some(column.to_owned()),
                    says: None,
                };
                out(Mutant { history, wanted });
            }
        }
    }
}
