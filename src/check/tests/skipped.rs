//! Records that a statement leaves out.

use rstest::rstest;

use super::super::testing::{SINK, Scene, TOPIC, failing, passes};
use super::super::verdict::{Outcome, Verdict};
use crate::base::anomaly::Anomaly;
use crate::history::event::{Bytes, Event, Reading, SinkMode};

const ANN: (i64, &str, i64, i64) = (1, "ann", 1, 10);
const BEA: (i64, &str, i64, i64) = (1, "bea", 1, 10);

/// An insert, an update and a delete, of which the source operator gave on so many rows.
fn read(rows: Option<u64>, format: &str) -> Verdict {
    let mut scene = read_by_the_proof(rows, format);
    scene.header.trial.pipeline.sinks.clear();
    scene.judged()
}

fn read_by_the_proof(rows: Option<u64>, format: &str) -> Scene {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    scene.change(0, Some(ANN), Some(BEA));
    scene.change(0, Some(BEA), None);
    scene.proof(None, &[]);
    let reading = Reading {
        table: "payments".to_owned(),
        topics: vec![TOPIC.to_owned()],
        format: format.to_owned(),
        schema_include: None,
        mode: SinkMode::Retract,
        rows,
    };
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            proof.jobs[0].readings = vec![reading.clone()];
        }
    }
    scene
}

#[test]
fn what_was_written_behind_the_proof_is_not_counted() {
    let mut scene = read_by_the_proof(Some(4), "debezium-json");
    scene.insert(0, BEA);
    scene.header.trial.pipeline.sinks.clear();
    passes(&scene.judged());
}

#[test]
fn a_statement_that_makes_rows_of_every_record_passes() {
    passes(&read(Some(4), "debezium-json"));
}

#[rstest]
#[case::the_update(2)]
#[case::everything(0)]
fn a_statement_that_leaves_records_out_is_told(#[case] rows: u64) {
    let verdict = read(Some(rows), "debezium-json");
    assert_eq!(failing(&verdict), [(Anomaly::RecordSkipped, None)]);
    assert_eq!(verdict.findings[0].finding.place, SINK);
}

#[rstest]
#[case::more_than_there_are(Some(5), "debezium-json")]
#[case::not_counted(None, "debezium-json")]
#[case::a_format_without_model(Some(3), "csv")]
fn a_count_that_proves_nothing_is_unknown(#[case] rows: Option<u64>, #[case] format: &str) {
    let verdict = read(rows, format);
    assert_eq!(failing(&verdict), []);
    assert_eq!(verdict.outcome, Outcome::Unknown);
}

/// The record that a format cannot read is named if such records, and they alone, explain what is
/// missing.
#[rstest]
#[case::it_alone(1, true)]
#[case::more_than_it(0, false)]
fn a_record_that_the_format_cannot_read_is_named_as_the_cause(
    #[case] rows: u64,
    #[case] named: bool,
) {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    scene.insert(0, (2, "bob", 2, 5));
    // The format takes a change without its old row for none.
    let record = scene.last_record();
    let mut value: serde_json::Value =
        serde_json::from_slice(&record.value.as_ref().unwrap().0).unwrap();
    value["op"] = "u".into();
    record.value = Some(Bytes(value.to_string().into_bytes()));
    scene.proof(None, &[]);
    let reading = Reading {
        table: "payments".to_owned(),
        topics: vec![TOPIC.to_owned()],
        format: "debezium-json".to_owned(),
        schema_include: None,
        mode: SinkMode::Retract,
        rows: Some(rows),
    };
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            proof.jobs[0].readings = vec![reading.clone()];
        }
    }
    scene.header.trial.pipeline.sinks.clear();
    let verdict = scene.judged();
    let skipped =
        verdict.findings.iter().find(|judged| judged.finding.anomaly == Anomaly::RecordSkipped);
    let record = &skipped.unwrap().finding.record;
    assert_eq!(record.is_some(), named, "{:?}", verdict.findings);
}
