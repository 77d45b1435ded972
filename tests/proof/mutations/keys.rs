//! Keys that name another row, and key changes that arrive as something else.

use changeproof::base::anomaly::Anomaly;
use serde_json::{Value, json};

use super::super::edit;
use super::super::scene::{Scene, Seen, Topic};
use super::amounts::each;
use super::{Hop, Mutant, Mutation, Wanted, samples};

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        hop: Hop::Topic,
        does: "give a record a key that no row has",
        also: &[],
        make: unknown_key,
    },
    Mutation {
        hop: Hop::Topic,
        does: "give a record the key of another row",
        // The other row may live on another partition.
        also: &[Anomaly::MovedKey],
        make: other_key,
    },
    Mutation {
        hop: Hop::Topic,
        does: "write a key in another way than before",
        also: &[],
        make: respell,
    },
    Mutation {
        hop: Hop::Topic,
        does: "write a key change as one update",
        // The missing delete, tombstone and the update in the create's place are told one by one.
        also: &[Anomaly::SplitKeyChange],
        make: key_change_as_update,
    },
];

fn keyed<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = (&'s Topic<'s>, &'s Seen)> {
    each(scene).filter(|(_, seen)| seen.key.is_some() && seen.op != 'n')
}

fn with_key(
    scene: &Scene<'_>,
    (topic, seen): (&Topic<'_>, &Seen),
    change: impl FnOnce(&mut Value),
) -> Mutant {
    let mut history = scene.history.clone();
    edit::key(&mut history, seen.event, change);
    let wanted = Wanted::at(Anomaly::KeyValueMismatch, topic, seen).column("key");
    Mutant { history, wanted: wanted.record(seen.partition, seen.offset) }
}

fn unknown_key(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in keyed(scene) {
        let name = &topic.key[0];
        let column = topic.table.columns.iter().find(|column| column.name == *name).unwrap();
        out(with_key(scene, (topic, seen), |key| {
            let strange = match &key[name] {
                Value::Number(number) => json!(number.as_i64().unwrap() + 1000),
                value => samples::other(column, scene.index.config_of(topic.table).unwrap(), value),
            };
            key[name] = strange;
        }));
    }
}

fn other_key(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in keyed(scene) {
        let others = topic.records.iter().filter(|o| o.key.is_some() && o.key != seen.key);
        let keys = others.map(|other| (other.key.clone(), other.event));
        for (_, event) in keys.collect::<std::collections::BTreeMap<_, _>>() {
            let other = edit::json(edit::record(scene.history, event).key.as_ref());
            out(with_key(scene, (topic, seen), |key| *key = other));
        }
    }
}

/// With its fields in the other order, or behind a schema where there is one field.
fn respell(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, seen) in each(scene).filter(|(_, seen)| seen.key.is_some()) {
        let same = |other: &&Seen| (other.partition, &other.key) == (seen.partition, &seen.key);
        let first = topic.records.iter().find(same).unwrap();
        if first.event == seen.event || scene.is_marked(&topic.place, seen.key.as_deref()) {
            continue;
        }
        let key = edit::json(edit::record(scene.history, seen.event).key.as_ref());
        let fields = key.as_object().unwrap().iter();
        let fields = fields.map(|(name, value)| format!("{}:{value}", json!(name)));
        let mut fields = fields.collect::<Vec<_>>();
        let mut text = match fields.as_slice() {
            [_] => json!({"schema": {"type": "struct"}, "payload": key}).to_string(),
            fields => format!("{{{}}}", fields.join(",")),
        };
        let written = &edit::record(scene.history, seen.event).key;
        if written.as_ref().is_some_and(|written| written.0 == text.as_bytes()) {
            fields.reverse();
            text = format!("{{{}}}", fields.join(","));
        }
        let mut history = scene.history.clone();
        edit::set_key(&mut history, seen.event, text);
        let wanted = Wanted::at(Anomaly::RespelledKey, topic, seen).column("key");
        out(Mutant { history, wanted: wanted.record(seen.partition, seen.offset) });
    }
}

fn key_change_as_update(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (topic, create) in each(scene).filter(|(_, seen)| seen.op == 'c' && seen.key_change) {
        let old = topic.records.iter().filter(|seen| seen.at == create.at && seen.op != 'c');
        let old = old.collect::<Vec<_>>();
        let delete = old.iter().find(|seen| seen.op == 'd').unwrap();
        let mut history = scene.history.clone();
        edit::value(&mut history, create.event, |envelope| {
            envelope["op"] = json!("u");
            envelope["before"] = delete.value["before"].clone();
        });
        let mut events = old.iter().map(|seen| seen.event).collect::<Vec<_>>();
        events.sort_unstable();
        for event in events.iter().rev() {
            edit::remove(&mut history, *event);
        }
        let gone = old.iter().filter(|seen| seen.partition == create.partition);
        let gone = i64::try_from(gone.filter(|seen| seen.offset < create.offset).count()).unwrap();
        let wanted = Wanted::at(Anomaly::SplitKeyChange, topic, create).column("op");
        let wanted = wanted.record(create.partition, create.offset - gone);
        out(Mutant { history, wanted });
    }
}
