//! Images that show something else than Postgres held.

use changeproof::base::anomaly::Anomaly;
use changeproof::history::event::Column;
use changeproof::scenario::settings::ReplicaIdentity;
use serde_json::{Value, json};

use super::super::edit;
use super::super::scene::{Scene, Seen, Topic};
use super::amounts::each;
use super::{Hop, Mutant, Mutation, Wanted, samples};

/// A row whose time is gone is no late row any more, and those that were counted are of another.
const WITHOUT_TIME: [Anomaly; 2] = [Anomaly::LateDropped, Anomaly::LateChange];

pub(super) const ALL: &[Mutation] = &[
    Mutation { hop: Hop::Topic, does: "change a column of an image", also: &[], make: other_value },
    Mutation {
        hop: Hop::Topic,
        does: "show NULL for a value",
        also: &WITHOUT_TIME,
        make: null_for_value,
    },
    Mutation {
        hop: Hop::Topic,
        does: "show the default for NULL",
        also: &[],
        make: default_for_null,
    },
    Mutation {
        hop: Hop::Topic,
        does: "show the placeholder for a value that was carried",
        also: &[],
        make: placeholder,
    },
    Mutation {
        hop: Hop::Topic,
        does: "change a column of the image before",
        also: &[],
        make: other_before,
    },
    Mutation { hop: Hop::Topic, does: "leave out the image before", also: &[], make: no_before },
    Mutation {
        hop: Hop::Topic,
        does: "show an image before that was not carried",
        also: &[],
        make: fabricate,
    },
    Mutation {
        hop: Hop::Topic,
        does: "leave a column out of an image",
        also: &WITHOUT_TIME,
        make: leave_out,
    },
    Mutation { hop: Hop::Topic, does: "add a column to an image", also: &[], make: add },
    Mutation {
        hop: Hop::Topic,
        does: "write an insert as update, and the other way",
        also: &[],
        make: other_operation,
    },
];

const PLACEHOLDER: &str = "__debezium_unavailable_value";

/// Each column outside of the key of each record that has this image. The rows of a snapshot of a
/// table without key are known by their values only: another value is another row.
fn each_value<'s>(
    scene: &'s Scene<'_>,
    image: &'s str,
) -> impl Iterator<Item = (&'s Topic<'s>, &'s Seen, &'s Column, &'s Value)> {
    let known = |seen: &Seen| seen.key.is_some() || seen.op != 'r';
    let has = move |seen: &Seen| seen.value.get(image).is_some_and(Value::is_object);
    each(scene).filter(move |(_, seen)| known(seen) && has(seen)).flat_map(move |(topic, seen)| {
        let columns = scene.layouts(topic, seen).0.columns.iter();
        let columns = columns.filter(|c| {
            !c.generated && !topic.table.key.contains(&c.name) && !topic.key.contains(&c.name)
        });
        columns.filter_map(move |column| {
            Some((topic, seen, column, seen.value[image].get(&column.name)?))
        })
    })
}

/// The run with one column of one image changed.
fn shown(
    scene: &Scene<'_>,
    (topic, seen, anomaly): (&Topic<'_>, &Seen, Anomaly),
    (image, column): (&str, &str),
    value: Value,
) -> Mutant {
    let mut history = scene.history.clone();
    edit::value(&mut history, seen.event, |envelope| envelope[image][column] = value);
    let wanted = Wanted::at(anomaly, topic, seen).record(seen.partition, seen.offset);
    Mutant { history, wanted: wanted.column(column) }
}

fn other_value(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen, column, value) in each_value(scene, "after") {
        // A default may stand for NULL: that has a name of its own.
        if value.is_null() && column.default.is_some() {
            continue;
        }
        let other = samples::other(column, scene.index.config_of(topic.table).unwrap(), value);
        let at = ("after", column.name.as_str());
        out(shown(scene, (topic, seen, Anomaly::WrongValue), at, other));
    }
}

fn null_for_value(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen, column, value) in each_value(scene, "after") {
        if !value.is_null() {
            let at = ("after", column.name.as_str());
            out(shown(scene, (topic, seen, Anomaly::WrongValue), at, Value::Null));
        }
    }
}

fn default_for_null(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen, column, value) in each_value(scene, "after") {
        if let (true, Ok(Some(default))) = (value.is_null(), samples::default(column)) {
            let at = ("after", column.name.as_str());
            out(shown(scene, (topic, seen, Anomaly::NullBecameDefault), at, default));
        }
    }
}

fn placeholder(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen, column, value) in each_value(scene, "after") {
        let carried = *value != json!(PLACEHOLDER) && !is_masked(scene, &column.name);
        if samples::is_text(column) && carried {
            let at = ("after", column.name.as_str());
            let what = (topic, seen, Anomaly::ToastPlaceholder);
            out(shown(scene, what, at, json!(PLACEHOLDER)));
        }
    }
}

/// What the connector masks or cuts is not shown as the placeholder either.
fn is_masked(scene: &Scene<'_>, column: &str) -> bool {
    let end = format!(".{column}");
    scene.index.connectors.iter().flat_map(|(_, config)| *config).any(|(option, columns)| {
        let shapes = option.starts_with("column.mask") || option.starts_with("column.truncate");
        shapes && columns.ends_with(&end)
    })
}

fn other_before(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen, column, value) in each_value(scene, "before") {
        if value.is_null() && column.default.is_some() {
            continue;
        }
        let anomaly = match topic.table.identity {
            ReplicaIdentity::Full => Anomaly::WrongBefore,
            _ => Anomaly::FabricatedBefore,
        };
        let other = samples::other(column, scene.index.config_of(topic.table).unwrap(), value);
        out(shown(scene, (topic, seen, anomaly), ("before", column.name.as_str()), other));
    }
}

fn no_before(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in each(scene) {
        if !seen.value.get("before").is_some_and(Value::is_object) {
            continue;
        }
        let mut history = scene.history.clone();
        edit::value(&mut history, seen.event, |envelope| envelope["before"] = Value::Null);
        let wanted = Wanted::at(Anomaly::WrongBefore, topic, seen);
        out(Mutant { history, wanted: wanted.record(seen.partition, seen.offset) });
    }
}

fn fabricate(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in each(scene).filter(|(_, seen)| matches!(seen.op, 'r' | 'c' | 'u')) {
        if !seen.value["before"].is_null() {
            continue;
        }
        let mut history = scene.history.clone();
        edit::value(&mut history, seen.event, |envelope| {
            envelope["before"] = envelope["after"].clone();
        });
        let wanted = Wanted::at(Anomaly::FabricatedBefore, topic, seen);
        out(Mutant { history, wanted: wanted.record(seen.partition, seen.offset) });
    }
}

fn leave_out(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen, column, _) in each_value(scene, "after") {
        let mut history = scene.history.clone();
        edit::value(&mut history, seen.event, |envelope| {
            envelope["after"].as_object_mut().unwrap().remove(&column.name);
        });
        let wanted = Wanted::at(Anomaly::SchemaDrift, topic, seen).column(&column.name);
        out(Mutant { history, wanted: wanted.record(seen.partition, seen.offset) });
    }
}

fn add(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in each(scene).filter(|(_, seen)| matches!(seen.op, 'r' | 'c' | 'u')) {
        let what = (topic, seen, Anomaly::SchemaDrift);
        out(shown(scene, what, ("after", "stranger"), Value::Null));
    }
}

fn other_operation(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in each(scene).filter(|(_, seen)| !seen.key_change) {
        let other = match seen.op {
            'c' => "u",
            'u' => "c",
            _ => continue,
        };
        let mut history = scene.history.clone();
        edit::value(&mut history, seen.event, |envelope| envelope["op"] = json!(other));
        let wanted = Wanted::at(Anomaly::WrongValue, topic, seen).column("op");
        out(Mutant { history, wanted: wanted.record(seen.partition, seen.offset) });
    }
}
