//! Records that a statement leaves out.

use rstest::rstest;

use super::super::testing::{SINK, Scene, TOPIC, failing, passes};
use super::super::verdict::{Outcome, Verdict};
use crate::base::anomaly::Anomaly;
use crate::history::event::{Event, Reading, SinkMode};

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
