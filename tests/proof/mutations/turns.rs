//! Records behind a change of the schema that look as if there had been none.

use changeproof::base::anomaly::Anomaly;
use changeproof::history::event::{Column, Table};
use serde_json::{Map, Value, json};

use super::super::edit;
use super::super::scene::{Scene, Seen, Topic};
use super::amounts::each;
use super::{Hop, Mutant, Mutation, Wanted};

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        hop: Hop::Topic,
        does: "name the columns of an image as before they were renamed",
        also: &[],
        make: old_name,
    },
    Mutation {
        hop: Hop::Topic,
        does: "leave a column out of an image that was added",
        also: &[],
        make: without_new,
    },
    Mutation {
        hop: Hop::Topic,
        does: "show a column in an image that was dropped",
        also: &[],
        make: with_dropped,
    },
    Mutation {
        hop: Hop::Topic,
        does: "write a value of a column as before its type was changed",
        also: &[],
        make: old_type,
    },
];

/// The images of records behind a change of their table's schema, with the table now and before.
fn behind<'s>(
    scene: &'s Scene<'_>,
) -> impl Iterator<Item = (&'s Topic<'s>, &'s Seen, &'s Table, &'s Table)> {
    each(scene).filter(|(_, seen)| matches!(seen.op, 'c' | 'u')).filter_map(|(topic, seen)| {
        let (now, before) = scene.layouts(topic, seen);
        Some((topic, seen, now, before?))
    })
}

fn has(table: &Table, column: &Column) -> bool {
    table.columns.iter().any(|other| other.name == column.name)
}

/// The columns of one table that another does not have.
fn only<'t>(one: &'t Table, other: &Table) -> Vec<&'t Column> {
    one.columns.iter().filter(|column| !has(other, column)).collect()
}

/// The run with the image of a record edited; the finding names a column.
fn mutant(
    scene: &Scene<'_>,
    (topic, seen): (&Topic<'_>, &Seen),
    (anomaly, column): (Anomaly, &Column),
    change: impl FnOnce(&mut Map<String, Value>),
) -> Mutant {
    let mut history = scene.history.clone();
    edit::value(&mut history, seen.event, |envelope| {
        change(envelope["after"].as_object_mut().unwrap());
    });
    let wanted = Wanted::at(anomaly, topic, seen).record(seen.partition, seen.offset);
    Mutant { history, wanted: wanted.column(&column.name) }
}

fn old_name(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen, now, before) in behind(scene) {
        if let ([new], [old]) = (only(now, before).as_slice(), only(before, now).as_slice()) {
            out(mutant(scene, (topic, seen), (Anomaly::SchemaDrift, new), |image| {
                let value = image.remove(&new.name).unwrap();
                image.insert(old.name.clone(), value);
            }));
        }
    }
}

fn without_new(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen, now, before) in behind(scene) {
        if let ([new], []) = (only(now, before).as_slice(), only(before, now).as_slice()) {
            out(mutant(scene, (topic, seen), (Anomaly::SchemaDrift, new), |image| {
                image.remove(&new.name);
            }));
        }
    }
}

fn with_dropped(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen, now, before) in behind(scene) {
        if let ([], [old]) = (only(now, before).as_slice(), only(before, now).as_slice()) {
            out(mutant(scene, (topic, seen), (Anomaly::SchemaDrift, old), |image| {
                image.insert(old.name.clone(), json!("1.25"));
            }));
        }
    }
}

/// A number that was a text, and the other way.
fn old_type(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen, now, before) in behind(scene) {
        for column in &now.columns {
            let old = before.columns.iter().find(|old| old.name == column.name);
            let changed = old.is_some_and(|old| old.type_name != column.type_name);
            let other = match &seen.value["after"][&column.name] {
                Value::Number(number) if changed && is_text(old) => json!(number.to_string()),
                Value::String(_) if changed => json!(1_735_725_600_000_i64),
                _ => continue,
            };
            out(mutant(scene, (topic, seen), (Anomaly::WrongValue, column), |image| {
                image.insert(column.name.clone(), other);
            }));
        }
    }
}

fn is_text(column: Option<&Column>) -> bool {
    column.is_some_and(|column| column.type_name == "text")
}
