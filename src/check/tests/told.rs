//! The journal as the topics tell it.

use rstest::rstest;
use serde_json::Value;

use super::super::testing::{Payment, SINK, Scene, TOPIC};
use super::super::told::{POINT, told};
use crate::codec::pgoutput::Cell;
use crate::history::event::{Bytes, Event};
use crate::model::source::{Image, Kind};

const ANN: Payment<'_> = (1, "ann", 1, 10);
const BEA: Payment<'_> = (1, "bea", 1, 10);
const BOB: Payment<'_> = (2, "bob", 2, 5);

/// A row in short: its id and account.
fn short(image: &Image) -> String {
    let text = |cell: &Cell| match cell {
        Cell::Text(text) => text.clone(),
        Cell::Null => "null".to_owned(),
        Cell::Unchanged => "?".to_owned(),
    };
    image.iter().take(2).map(text).collect::<Vec<_>>().join(" ")
}

/// What is told up to the first proof: whether it is of the snapshot, its kind, old and new row.
fn lines(mut scene: Scene) -> Vec<(bool, Kind, String, String)> {
    scene.proof(None, &[]);
    let transactions = told(&scene.so_far(), 0).unwrap();
    let lines = transactions.iter().map(|transaction| {
        let change = &transaction.changes[0];
        let row = |image: &Option<Image>| image.as_ref().map(short).unwrap_or_default();
        (transaction.commit < POINT, change.kind, row(&change.old), row(&change.new))
    });
    lines.collect()
}

fn line(snapshot: bool, kind: Kind, old: &str, new: &str) -> (bool, Kind, String, String) {
    (snapshot, kind, old.to_owned(), new.to_owned())
}

fn scene(partitions: usize) -> Scene {
    Scene::new(partitions).statements()
}

#[test]
fn rows_of_the_snapshot_stand_before_its_point_and_changes_behind() {
    let mut scene = scene(1);
    scene.read(0, ANN);
    scene.change(0, Some(ANN), Some(BEA));
    scene.insert(0, BOB);
    scene.change(0, Some(BEA), None);
    let expected = [
        line(true, Kind::Insert, "", "1 ann"),
        line(false, Kind::Update, "1 ann", "1 bea"),
        line(false, Kind::Insert, "", "2 bob"),
        line(false, Kind::Delete, "1 bea", ""),
    ];
    assert_eq!(lines(scene), expected);
}

#[test]
fn a_record_that_is_repeated_is_told_twice_and_changes_the_row_once() {
    let mut scene = scene(1);
    let lsn = scene.commit(None, Some(ANN));
    scene.show(0, lsn, (None, Some(ANN)));
    scene.show(0, lsn, (None, Some(ANN)));
    let expected =
        [line(false, Kind::Insert, "", "1 ann"), line(false, Kind::Update, "1 ann", "1 ann")];
    assert_eq!(lines(scene), expected);
}

/// A row that comes back is an insert.
#[test]
fn what_is_gone_is_no_longer_known() {
    let mut scene = scene(1);
    scene.insert(0, ANN);
    scene.change(0, Some(ANN), None);
    scene.insert(0, BEA);
    let kinds = lines(scene).into_iter().map(|(_, kind, ..)| kind).collect::<Vec<_>>();
    assert_eq!(kinds, [Kind::Insert, Kind::Delete, Kind::Insert]);
}

#[test]
fn a_truncate_takes_every_row_with_it() {
    let mut scene = scene(1);
    scene.insert(0, ANN);
    scene.insert(0, BOB);
    scene.change(0, None, None);
    scene.insert(0, ANN);
    let kinds = lines(scene).into_iter().map(|(_, kind, ..)| kind).collect::<Vec<_>>();
    assert_eq!(kinds, [Kind::Insert, Kind::Insert, Kind::Truncate, Kind::Insert]);
}

#[test]
fn partitions_are_put_in_the_order_of_the_journal_and_none_is_reordered() {
    let mut scene = scene(2);
    let first = scene.commit(None, Some(ANN));
    let second = scene.commit(None, Some(BOB));
    let third = scene.commit(Some(ANN), Some(BEA));
    // The partition itself has the third before the first: so it is told.
    scene.show(1, third, (Some(ANN), Some(BEA)));
    scene.show(1, first, (None, Some(ANN)));
    scene.show(0, second, (None, Some(BOB)));
    let new = lines(scene).into_iter().map(|(.., new)| new).collect::<Vec<_>>();
    assert_eq!(new, ["2 bob", "1 bea", "1 ann"]);
}

#[test]
fn what_stands_behind_the_proof_is_not_told() {
    let mut scene = scene(1);
    scene.insert(0, ANN);
    scene.proof(None, &[]);
    scene.insert(0, BOB);
    scene.proof(None, &[]);
    let history = scene.so_far();
    let n_told = |proof| told(&history, proof).map(|told| told.len());
    assert_eq!([n_told(0), n_told(1), n_told(2)], [Some(1), Some(2), None]);
}

#[test]
fn what_cannot_be_read_is_not_told_at_all() {
    let mut unread = scene(1);
    unread.insert(0, ANN);
    unread.record(TOPIC, 0, Some("{}".to_owned()), Some("no envelope".to_owned()));
    unread.proof(None, &[]);
    assert!(told(&unread.so_far(), 0).is_none());

    // A table whose topic is not there.
    let mut missing = scene(1);
    missing.proof(None, &[]);
    for event in &mut missing.events {
        if let Event::Topics { topics } = event {
            topics.retain(|topic| topic.name == SINK);
        }
    }
    assert!(told(&missing.so_far(), 0).is_none());
}

/// A column that is computed is what the records show of it, which is nothing in a streamed change.
#[rstest]
#[case::of_the_snapshot(",\"amount\":10", "10")]
#[case::of_a_change("", "null")]
fn a_generated_column_is_what_the_record_shows(#[case] shown: &str, #[case] expected: &str) {
    let mut scene = scene(1);
    scene.insert(0, ANN);
    scene.change_table(|table| table.columns[3].generated = true);
    let value = scene.last_record().value.as_mut().unwrap();
    value.0 = String::from_utf8_lossy(&value.0).replace(",\"amount\":10", shown).into_bytes();
    scene.proof(None, &[]);
    let transactions = told(&scene.so_far(), 0).unwrap();
    let change = &transactions[0].changes[0];
    assert_eq!(change.columns.to_vec(), ["id", "account", "at", "amount"]);
    let cell = change.new.as_ref().and_then(|new| new.last().cloned());
    let text = match cell {
        Some(Cell::Text(text)) => text,
        Some(Cell::Null) => "null".to_owned(),
        other => format!("{other:?}"),
    };
    assert_eq!(text, expected);
}

#[test]
fn a_null_of_a_record_is_a_null() {
    let mut scene = scene(1);
    scene.insert(0, ANN);
    let value = scene.last_record().value.as_mut().unwrap();
    value.0 = String::from_utf8_lossy(&value.0).replace("\"ann\"", "null").into_bytes();
    assert_eq!(lines(scene), [line(false, Kind::Insert, "", "1 null")]);
}

/// Which row such a record is of no one can tell; the others stay as they were.
#[test]
fn a_record_without_its_key_changes_no_other_row() {
    let mut scene = scene(1);
    scene.insert(0, ANN);
    scene.insert(0, BOB);
    scene.last_record().key = None;
    scene.change(0, Some(ANN), Some(BEA));
    // The record does not say what the row was.
    let value = &mut scene.last_record().value;
    let mut shown =
        value.as_ref().map(|value| serde_json::from_slice::<Value>(&value.0)).unwrap().unwrap();
    shown["before"] = Value::Null;
    *value = Some(Bytes(shown.to_string().into_bytes()));
    let lines = lines(scene);
    assert_eq!(lines[2], line(false, Kind::Update, "1 ann", "1 bea"));
}
