//! Windows that nothing closes although an event is late enough, and what holds them.

use rstest::rstest;

use super::super::testing::{SINK, Scene, passes, text};
use super::super::verdict::{Outcome, Verdict};
use super::windows::{FIRST, OPEN};
use crate::base::text::Text;
use crate::history::event::{Event, Unassigned};
use crate::scenario::expect::{Row, RowCell, RowTable};

/// The first window of ann and a row late enough to close it, on the first of two partitions.
fn one_of_two() -> Scene {
    let mut scene = Scene::new(2).statements();
    scene.insert(0, (1, "ann", 1, 10));
    scene.insert(0, (2, "ann", 2, 5));
    scene.insert(0, (9, "tick", 10, 0));
    scene.proof(None, &[FIRST, OPEN]);
    scene
}

#[track_caller]
fn is_open(verdict: &Verdict, why: &str) {
    let found = verdict.findings.iter().map(|judged| judged.finding.anomaly).collect::<Vec<_>>();
    assert_eq!((found, verdict.outcome), (Vec::new(), Outcome::Unknown));
    let told = verdict.gaps.iter().any(|gap| gap.missing.contains(why));
    assert!(told, "{:?}", verdict.gaps);
}

#[test]
fn a_partition_without_a_record_that_holds_windows_open_is_named() {
    let verdict = one_of_two().judged();
    is_open(&verdict, "partition 1 of `cdc.public.payments` holds no record");
}

#[test]
fn a_partition_that_is_behind_is_named() {
    let mut scene = Scene::new(2).statements();
    scene.insert(0, (1, "ann", 1, 10));
    scene.insert(0, (9, "tick", 10, 0));
    scene.insert(1, (2, "ann", 2, 5));
    scene.proof(Some(2), &[FIRST, OPEN]);
    is_open(&scene.judged(), "partition 1 of `cdc.public.payments` has come to");
}

#[test]
fn a_subtask_without_a_partition_is_named() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, (1, "ann", 1, 10));
    scene.insert(0, (9, "tick", 10, 0));
    scene.proof(None, &[("ann", 10, 10), OPEN]);
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            let table = "payments".to_owned();
            proof.jobs[0].unassigned = vec![Unassigned { table, without: 1, subtasks: 2 }];
        }
    }
    is_open(&scene.judged(), "1 of the 2 subtasks that read `payments` have no partition");
}

#[test]
fn windows_that_no_event_closes_are_told_as_such() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, (1, "ann", 1, 10));
    scene.proof(Some(1), &[("ann", 10, 10)]);
    is_open(&scene.judged(), "no event is late enough to close one");
}

fn expecting(mut scene: Scene, rows: &[(&str, i64, i64)]) -> Verdict {
    let cell = |text: String| RowCell::Value { text, quoted: false };
    let rows = rows.iter().map(|(account, end, total)| Row {
        at: 0,
        cells: [(*account).to_owned(), text(*end), total.to_string()].map(cell).into(),
    });
    let table = RowTable {
        text: Text::whole("s.yaml".into(), String::new()),
        columns: ["account", "window_end", "total"].map(str::to_owned).into(),
        rows: rows.collect(),
        open: false,
    };
    scene.header.trial.expect.rows.insert(SINK.to_owned(), table);
    scene.judged()
}

/// The expectation is not wrong: its rows are of windows that are held open.
#[test]
fn rows_that_are_expected_of_windows_held_open_fail_with_what_holds_them() {
    let verdict = expecting(one_of_two(), &[FIRST]);
    assert_eq!(verdict.outcome, Outcome::Fail);
    let sentence = &verdict.unmet[0].sentence;
    assert!(sentence.contains("are of open windows"), "{sentence}");
    assert!(sentence.contains("partition 1 of `cdc.public.payments`"), "{sentence}");
}

#[rstest]
#[case::wrong(&[("ann", 10, 16)], false)]
#[case::none(&[], true)]
fn rows_that_the_reference_does_not_have_either_are_a_wrong_expectation(
    #[case] rows: &[(&str, i64, i64)],
    #[case] fits: bool,
) {
    let verdict = expecting(one_of_two(), rows);
    if fits {
        passes(&verdict);
    } else {
        assert!(verdict.unmet[0].sentence.contains("the expectation is wrong"));
    }
}
