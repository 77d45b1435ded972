//! Values that a sink's declared type cannot hold: Postgres held them, and the sink shows what a cast
//! that overflows leaves.

use changeproof::base::anomaly::Anomaly;
use changeproof::history::event::{Event, Side};
use serde_json::Value;

use super::super::edit;
use super::super::scene::{Row, Scene, Written};
use super::sinks::{first_of, lives, wanted};
use super::{Hop, Mutant, Mutation};

pub(super) const ALL: &[Mutation] = &[Mutation {
    hop: Hop::Upsert,
    does: "let the reference hold a value that the sink's type cannot",
    also: &[],
    make: too_wide,
}];

/// A value beyond a type.
fn beyond(kind: &str) -> Option<&'static str> {
    let kind = kind.trim_end_matches(" NOT NULL");
    match kind.split_once('(').map_or(kind, |(base, _)| base) {
        "INT" => Some("5000000000"),
        "BIGINT" => Some("9223372036854775808"),
        "DECIMAL" => Some("123456789012345678901234567890123456789"),
        "VARCHAR" => Some("a text that is longer than any of these columns may be, and by far"),
        _ => None,
    }
}

fn too_wide(scene: &Scene<'_>, out: &mut dyn FnMut(Mutant)) {
    for (sink, life) in lives(scene) {
        let last = life.last().unwrap();
        for (column, kind) in &sink.table.columns {
            let compared = sink.compared.contains(column) && !sink.table.key.contains(column);
            let Some(value) = beyond(kind).filter(|_| compared && !last.value.is_null()) else {
                continue;
            };
            let mut history = scene.history.clone();
            if !set_in_reference(&mut history.events, (sink, last), (column, value)) {
                continue;
            }
            let mut wrong = last.value.clone();
            wrong[column] = Value::Null;
            let (_, earlier) = life.split_last().unwrap();
            let stood = earlier.last().is_some_and(|before| before.value == wrong);
            let (partition, offset) =
                if stood { first_of(earlier, &wrong) } else { (last.partition, last.offset) };
            edit::value(&mut history, last.event, |row| *row = wrong);
            let mut wanted = wanted(Anomaly::DivergedSink, sink, last).column(column);
            wanted.says = Some("does not fit");
            out(Mutant { history, wanted: wanted.record(partition, offset) });
        }
    }
}

/// Whether the last reference of the sink has the row.
fn set_in_reference(
    events: &mut [Event],
    (sink, row): (&Written<'_>, &Row),
    (column, value): (&str, &str),
) -> bool {
    let reference = events.iter_mut().rev().find_map(|event| match event {
        Event::Reference(reference)
            if reference.sink == sink.table.name && reference.side == Side::Journal =>
        {
            Some(reference)
        }
        _ => None,
    });
    let Some(reference) = reference else { return false };
    let place = |name: &str| reference.columns.iter().position(|(column, _)| column == name);
    let keys = sink.table.key.iter().map(|name| place(name)).collect::<Option<Vec<_>>>();
    let (Some(keys), Some(column)) = (keys, place(column)) else { return false };
    let key = |of: &Vec<Option<String>>| {
        let texts = keys.iter().map(|key| of[*key].clone()).collect::<Option<Vec<_>>>();
        texts.map(|texts| texts.join(","))
    };
    let Some(found) = reference.rows.iter_mut().find(|of| key(of) == row.key) else {
        return false;
    };
    found[column] = Some(value.to_owned());
    true
}
