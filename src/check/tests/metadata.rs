//! Transaction metadata.

use rstest::rstest;

use super::super::testing::{METADATA, Payment, Scene, failing};
use super::super::verdict::Status;
use crate::base::anomaly::Anomaly;
use crate::history::event::{Bytes, Event};
use crate::scenario::timeline::{Fault, Target, Verb};

/// One transaction whose END counts this many events; `block`: its record says its place.
fn told(marks: Option<u64>, block: bool) -> Vec<Anomaly> {
    let mut scene = Scene::new(1).statements().with_metadata();
    scene.metadata = block;
    let new = Some((1, "ann", 1, 10));
    let lsn = scene.commit(None, new);
    scene.show(0, lsn, (None, new));
    if let Some(count) = marks {
        scene.marks(lsn, count);
    }
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    failing(&scene.judged()).into_iter().map(|(name, _)| name).collect()
}

const TORN: Anomaly = Anomaly::TornTransaction;

#[rstest]
#[case::right(Some(1), true, &[])]
#[case::too_many(Some(2), true, &[TORN, TORN])]
#[case::no_marks(None, true, &[TORN, TORN])]
#[case::no_block(Some(1), false, &[TORN])]
fn marks_and_records_must_agree_with_the_journal(
    #[case] marks: Option<u64>,
    #[case] block: bool,
    #[case] found: &[Anomaly],
) {
    assert_eq!(told(marks, block), found);
}

#[test]
fn a_connector_that_does_not_tell_transactions_apart_is_not_judged_on_them() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, (1, "ann", 1, 10));
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    assert_eq!(failing(&scene.judged()), []);
}

#[test]
fn an_end_that_stands_before_its_begin_is_told() {
    let mut scene = Scene::new(1).statements().with_metadata();
    let new = Some((1, "ann", 1, 10));
    let lsn = scene.commit(None, new);
    scene.show(0, lsn, (None, new));
    scene.marks(lsn, 1);
    let marks = scene.events.iter_mut().rev().filter_map(|event| match event {
        Event::Record(record) => Some(record),
        _ => None,
    });
    let mut marks = marks.take(2).collect::<Vec<_>>();
    let (end, begin) = (marks[0].value.clone(), marks[1].value.clone());
    (marks[0].value, marks[1].value) = (begin, end);
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    let verdict = scene.judged();
    assert_eq!(failing(&verdict), [(TORN, None)]);
    let sentence = &verdict.findings[0].finding.sentence;
    assert!(sentence.contains("stands before its BEGIN"), "{sentence}");
}

const ANN: Payment<'_> = (1, "ann", 1, 10);
const BEA: Payment<'_> = (1, "bea", 1, 10);
const BOB: Payment<'_> = (2, "ann", 1, 10);

/// The connector skips an operation, and the END of the last of these transactions counts this many
/// events.
#[rstest]
#[case::insert("c", None, Some(BOB), 0, true)]
#[case::insert_counted("c", None, Some(BOB), 1, false)]
#[case::update("u", Some(ANN), Some(BEA), 0, true)]
#[case::update_counted("u", Some(ANN), Some(BEA), 1, false)]
#[case::delete("d", Some(ANN), None, 0, true)]
#[case::delete_counted("d", Some(ANN), None, 1, false)]
#[case::truncate("t", None, None, 0, true)]
#[case::truncate_counted("t", None, None, 1, false)]
#[case::truncate_that_is_not_skipped("none", None, None, 1, true)]
#[case::truncate_that_is_not_counted("none", None, None, 0, false)]
#[case::update_that_is_not_skipped("d", Some(ANN), Some(BEA), 1, true)]
#[case::update_that_is_not_counted("d", Some(ANN), Some(BEA), 0, false)]
#[case::delete_that_is_not_skipped("u", Some(ANN), None, 1, true)]
#[case::delete_that_is_not_counted("u", Some(ANN), None, 0, false)]
#[case::key_change_that_is_counted_as_two("none", Some(ANN), Some(BOB), 2, true)]
#[case::key_change_that_is_counted_as_three("none", Some(ANN), Some(BOB), 3, false)]
fn what_is_skipped_is_not_counted(
    #[case] skipped: &str,
    #[case] old: Option<Payment<'_>>,
    #[case] new: Option<Payment<'_>>,
    #[case] count: u64,
    #[case] right: bool,
) {
    let mut scene = Scene::new(1).statements().with_metadata();
    scene.option("skipped.operations", skipped);
    let lsn = scene.commit(None, Some(ANN));
    if skipped == "c" {
        scene.marks(lsn, 0);
    } else {
        scene.show(0, lsn, (None, Some(ANN)));
        scene.marks(lsn, 1);
    }
    let lsn = scene.commit(old, new);
    scene.marks(lsn, count);
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    let names = failing(&scene.judged()).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names.contains(&TORN), !right, "{names:?}");
}

/// Of a mark that cannot be read nothing follows.
#[rstest]
#[case::no_json("x")]
#[case::another_status(r#"{"status": "MIDDLE", "id": "1000:1000"}"#)]
fn a_mark_that_is_neither_is_unknown(#[case] mark: &str) {
    let mut scene = Scene::new(1).statements().with_metadata();
    let new = Some(ANN);
    let lsn = scene.commit(None, new);
    scene.show(0, lsn, (None, new));
    scene.marks(lsn, 1);
    scene.record("cdc.transaction", 0, None, Some(mark.to_owned()));
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    let verdict = scene.judged();
    assert_eq!(failing(&verdict), []);
    let gaps = verdict.gaps.iter().map(|gap| gap.missing.as_str()).collect::<Vec<_>>();
    assert_eq!(gaps, ["it is neither a BEGIN nor an END"]);
}

/// A table that is not captured is no part of a transaction.
#[test]
fn what_is_not_captured_is_not_counted() {
    let mut scene = Scene::new(1).statements().with_metadata();
    scene.insert(0, ANN);
    for event in &mut scene.events {
        if let Event::Tables { tables } = event {
            tables[0].captured = false;
        }
    }
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    let names = failing(&scene.judged()).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert!(!names.contains(&TORN), "{names:?}");
}

/// Both numbers of a record are looked at.
#[rstest]
#[case::right(1, 1, &[])]
#[case::another_of_the_transaction(2, 1, &[TORN])]
#[case::another_of_the_table(1, 2, &[TORN])]
fn a_record_says_its_number_in_the_transaction_and_in_the_table(
    #[case] total: u64,
    #[case] in_table: u64,
    #[case] found: &[Anomaly],
) {
    let mut scene = Scene::new(1).statements().with_metadata();
    let lsn = scene.commit(None, Some(ANN));
    scene.show(0, lsn, (None, Some(ANN)));
    let record = scene.last_record();
    let mut value: serde_json::Value =
        serde_json::from_slice(&record.value.as_ref().unwrap().0).unwrap();
    value["transaction"]["total_order"] = total.into();
    value["transaction"]["data_collection_order"] = in_table.into();
    record.value = Some(Bytes(value.to_string().into_bytes()));
    scene.marks(lsn, 1);
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    let names = failing(&scene.judged()).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, found);
}

/// Marks of one transaction, and a restart of the connector among them.
#[rstest]
#[case::once("BEGIN END", &[])]
#[case::a_second_begin("BEGIN BEGIN END", &["a second BEGIN"])]
#[case::a_second_begin_at_the_end("BEGIN END BEGIN", &["a second BEGIN"])]
#[case::a_second_end("BEGIN END END", &["a second END"])]
#[case::both("BEGIN END BEGIN END", &["a second BEGIN", "a second END"])]
#[case::the_second_begin_after_a_restart("BEGIN restart BEGIN END", &[])]
#[case::both_after_a_restart("BEGIN END restart BEGIN END", &[])]
#[case::a_second_begin_before_a_restart("BEGIN BEGIN END restart", &["a second BEGIN"])]
#[case::a_begin_that_never_ends_after_a_restart(
    "BEGIN END restart BEGIN", &["no END follows the second BEGIN"])]
#[case::in_the_other_order("END BEGIN", &["stands before its BEGIN"])]
fn a_mark_comes_again_only_after_a_restart(#[case] marks: &str, #[case] told: &[&str]) {
    let mut scene = Scene::new(1).statements().with_metadata();
    let lsn = scene.commit(None, Some(ANN));
    scene.show(0, lsn, (None, Some(ANN)));
    let mut own = scene.clone();
    own.marks(lsn, 1);
    let own = own.events.iter().filter_map(|event| match event {
        Event::Record(record) if record.topic == METADATA => record.value.clone(),
        _ => None,
    });
    let own = own.map(|value| String::from_utf8(value.0).unwrap()).collect::<Vec<_>>();
    for mark in marks.split(' ') {
        if mark == "restart" {
            let fault = Fault {
                verb: Verb::Kill,
                target: Target::Worker,
                savepoint: true,
                connector: None,
            };
            scene.events.push(Event::Fault { entry: 0, fault, done_ms: None });
            scene.events.push(Event::Fault { entry: 0, fault, done_ms: Some(0) });
            scene.show(0, lsn, (None, Some(ANN)));
        } else {
            let value = own.iter().find(|value| value.contains(mark)).cloned();
            scene.record(METADATA, 0, None, value);
        }
    }
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    let verdict = scene.judged();
    let sentences = verdict.findings.iter().filter(|judged| judged.status == Status::Failing);
    let sentences = sentences.map(|judged| judged.finding.sentence.as_str()).collect::<Vec<_>>();
    assert_eq!(sentences.len(), told.len(), "{sentences:?}");
    for part in told {
        assert!(sentences.iter().any(|sentence| sentence.contains(part)), "{sentences:?}");
    }
}
