//! What is dropped in silence.

use rstest::rstest;

use super::super::testing::Scene;
use super::super::verdict::Verdict;
use super::scene::{judged, names};
use crate::base::anomaly::Anomaly;
use crate::history::event::{Event, Published};

const ANN: (i64, &str, i64, i64) = (1, "ann", 1, 10);

/// A TRUNCATE of a table with or without a row, with or without its record.
fn truncated(row: bool, shown: bool, skipped: &str) -> Verdict {
    let mut scene = Scene::new(1).statements();
    scene.option("skipped.operations", skipped);
    scene.insert(0, ANN);
    if !row {
        scene.change(0, Some(ANN), None);
    }
    let lsn = scene.commit(None, None);
    if shown {
        scene.show(0, lsn, (None, None));
    }
    judged(scene)
}

#[rstest]
#[case::skipped(true, false, "t", &[Anomaly::TruncateUnseen])]
#[case::lost(true, false, "none", &[Anomaly::TruncateUnseen])]
#[case::shown(true, true, "none", &[])]
#[case::of_an_empty_table(false, false, "t", &[])]
fn a_truncate_that_leaves_rows_behind_is_told(
    #[case] row: bool,
    #[case] shown: bool,
    #[case] skipped: &str,
    #[case] told: &[Anomaly],
) {
    assert_eq!(names(&truncated(row, shown, skipped)), told);
}

#[rstest]
#[case::as_it_was(true, 'f', &[])]
#[case::left(false, 'f', &[Anomaly::CaptureDrift])]
#[case::identity(true, 'd', &[Anomaly::CaptureDrift])]
fn a_publication_or_identity_that_changes_is_told(
    #[case] published: bool,
    #[case] identity: char,
    #[case] told: &[Anomaly],
) {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    let table = "public.payments".to_owned();
    let tables = vec![Published { table, published, identity }];
    scene.events.push(Event::Publication { proof: 0, tables });
    assert_eq!(names(&judged(scene)), told);
}

#[rstest]
#[case::taken(r#"ERROR: replication slot "s" is active for PID 7"#, Anomaly::SharedSlot)]
#[case::other(r#"ERROR: replication slot "s" does not exist"#, Anomaly::ConnectorFailed)]
fn a_connector_that_finds_its_slot_taken_shares_it(#[case] cause: &str, #[case] told: Anomaly) {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    scene.events.push(Event::Trouble {
        finding: Anomaly::ConnectorFailed,
        place: "connector".to_owned(),
        at: None,
        sentence: "the task failed".to_owned(),
        detail: vec![cause.to_owned()],
    });
    assert_eq!(names(&judged(scene)), [told]);
}

#[test]
fn a_truncate_behind_the_last_proof_is_not_missed() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    scene.proof(None, &[]);
    scene.commit(None, None);
    scene.header.trial.pipeline.sinks.clear();
    assert_eq!(names(&scene.judged()), []);
}

/// Each truncate has a record of its own.
#[test]
fn a_truncate_that_is_shown_stands_for_no_other() {
    let mut scene = Scene::new(1).statements();
    scene.option("skipped.operations", "none");
    for shown in [true, false] {
        scene.insert(0, ANN);
        let lsn = scene.commit(None, None);
        if shown {
            scene.show(0, lsn, (None, None));
        }
    }
    assert_eq!(names(&judged(scene)), [Anomaly::TruncateUnseen]);
}
