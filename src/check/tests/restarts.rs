//! A connector that is started again by itself.

use rstest::rstest;

use super::super::testing::{Scene, failing, passes, witnesses};
use super::super::verdict::Verdict;
use crate::base::anomaly::Anomaly;
use crate::history::event::Event;

const ANN: (i64, &str, i64, i64) = (1, "ann", 1, 10);
const BOB: (i64, &str, i64, i64) = (2, "bob", 2, 5);

fn seen(scene: &mut Scene, pid: Option<i32>) {
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid });
}

/// Two changes, of which the second arrives again; who reads the slot before, between and behind.
fn repeated(before: Option<i32>, between: Option<i32>, behind: Option<i32>) -> Verdict {
    let mut scene = Scene::new(1).statements();
    seen(&mut scene, before);
    scene.insert(0, ANN);
    let lsn = scene.commit(None, Some(BOB));
    scene.show(0, lsn, (None, Some(BOB)));
    seen(&mut scene, between);
    scene.show(0, lsn, (None, Some(BOB)));
    seen(&mut scene, behind);
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    scene.judged()
}

#[rstest]
#[case::another_reader(Some(7), Some(7), Some(8))]
#[case::no_reader(Some(7), Some(7), None)]
#[case::seen_late(Some(7), Some(8), Some(8))]
fn what_a_connector_writes_again_after_it_was_started_anew_is_a_replay(
    #[case] before: Option<i32>,
    #[case] between: Option<i32>,
    #[case] behind: Option<i32>,
) {
    let verdict = repeated(before, between, behind);
    passes(&verdict);
    assert_eq!(witnesses(&verdict), [(Anomaly::Replay, Some("2".to_owned()))]);
    let named = verdict.warnings.iter().any(|warning| warning.contains("started again by itself"));
    assert!(named, "{:?}", verdict.warnings);
}

#[rstest]
#[case::the_same_reader(Some(7), Some(7), Some(7))]
#[case::nothing_known(None, None, None)]
fn what_the_same_reader_writes_again_is_a_duplicate(
    #[case] before: Option<i32>,
    #[case] between: Option<i32>,
    #[case] behind: Option<i32>,
) {
    let verdict = repeated(before, between, behind);
    assert_eq!(failing(&verdict), [(Anomaly::DuplicateChange, Some("2".to_owned()))]);
    assert_eq!(verdict.warnings, Vec::<String>::new());
}

#[test]
fn what_was_written_twice_before_the_same_reader_was_seen_again_is_a_duplicate() {
    let mut scene = Scene::new(1).statements();
    let lsn = scene.commit(None, Some(ANN));
    seen(&mut scene, Some(7));
    scene.show(0, lsn, (None, Some(ANN)));
    scene.show(0, lsn, (None, Some(ANN)));
    seen(&mut scene, Some(7));
    scene.insert(0, BOB);
    seen(&mut scene, Some(8));
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    assert_eq!(failing(&scene.judged()), [(Anomaly::DuplicateChange, Some("1".to_owned()))]);
}

#[test]
fn a_connector_that_promises_exactly_once_writes_nothing_again() {
    let mut scene = Scene::new(1).statements();
    let worker = &mut scene.header.trial.settings.worker;
    worker.insert("exactly.once.source.support".to_owned(), "enabled".to_owned());
    scene.option("exactly.once.support", "required");
    seen(&mut scene, Some(7));
    let lsn = scene.commit(None, Some(ANN));
    scene.show(0, lsn, (None, Some(ANN)));
    scene.show(0, lsn, (None, Some(ANN)));
    seen(&mut scene, Some(8));
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    assert_eq!(failing(&scene.judged()), [(Anomaly::DuplicateChange, Some("1".to_owned()))]);
}
