//! A connector that is started again by itself.

use rstest::rstest;

use super::super::testing::{Scene, failing, passes, witnesses};
use super::super::verdict::Verdict;
use crate::base::anomaly::Anomaly;
use crate::history::event::Event;
use crate::scenario::timeline::{Fault, Target, Verb};

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

/// A restart that was seen before anything was done to the connector was not done to it.
#[test]
fn a_restart_before_the_first_fault_is_not_explained_by_it() {
    let mut scene = Scene::new(1).statements();
    seen(&mut scene, Some(7));
    let lsn = scene.commit(None, Some(ANN));
    scene.show(0, lsn, (None, Some(ANN)));
    seen(&mut scene, Some(8));
    scene.show(0, lsn, (None, Some(ANN)));
    let fault =
        Fault { verb: Verb::Kill, target: Target::Worker, savepoint: false, connector: None };
    for done_ms in [None, Some(0)] {
        scene.events.push(Event::Fault { entry: 0, fault, done_ms });
    }
    scene.insert(0, BOB);
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    let verdict = scene.judged();
    passes(&verdict);
    let named = verdict.warnings.iter().any(|warning| warning.contains("started again by itself"));
    assert!(named, "{:?}", verdict.warnings);
}

/// Exactly once takes the worker and the connector.
#[rstest]
#[case::both(true, true, true)]
#[case::the_worker(true, false, false)]
#[case::the_connector(false, true, false)]
fn a_connector_writes_exactly_once_only_if_its_worker_does(
    #[case] worker: bool,
    #[case] connector: bool,
    #[case] fails: bool,
) {
    let mut scene = Scene::new(1).statements();
    if worker {
        let (name, value) = ("exactly.once.source.support", "enabled");
        let options = &mut scene.header.trial.settings.worker;
        options.insert(name.to_owned(), value.to_owned());
    }
    if connector {
        scene.option("exactly.once.support", "required");
    }
    seen(&mut scene, Some(7));
    let lsn = scene.commit(None, Some(ANN));
    scene.show(0, lsn, (None, Some(ANN)));
    seen(&mut scene, Some(8));
    scene.show(0, lsn, (None, Some(ANN)));
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    let verdict = scene.judged();
    let names = failing(&verdict).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, if fails { vec![Anomaly::DuplicateChange] } else { vec![] });
}
