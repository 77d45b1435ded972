//! Windows that are written again: `totals` sums payments by account over ten minutes.

use rstest::rstest;

use super::super::testing::{Scene, failing, passes, witnesses};
use super::super::verdict::{Outcome, Verdict};
use super::windows::{FIRST, OPEN, closed};
use crate::base::anomaly::Anomaly;
use crate::history::event::{Event, SinkMode};
use crate::scenario::expect::Delivery;
use crate::scenario::timeline::{Fault, Target, Verb};

const KEY: &str = "ann,2025-01-01 10:10:00";
const BOB: (&str, i64, i64) = ("bob", 10, 1);

/// What is done, in order.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// The window of ann is written with 15.
    Fire,
    /// It is written with the late payment too.
    FireLate,
    /// It is taken back.
    TakeBack,
    /// A payment comes late.
    Late,
    Proof,
    /// Statements are stopped without a savepoint and started again.
    Restart,
    /// The tasks are seen started again, and nothing in the timeline says why.
    ByItself,
}

use Act::{ByItself, Fire, FireLate, Late, Proof, Restart, TakeBack};

const REPEATED: &[Anomaly] = &[Anomaly::WindowRepeated];
const REPLAY: &[Anomaly] = &[Anomaly::Replay];
const LATE: &[Anomaly] = &[Anomaly::LateChange];

/// The statements are stopped without a savepoint, and started again.
fn restart(scene: &mut Scene) {
    for (verb, savepoint) in [(Verb::Stop, false), (Verb::Start, true)] {
        let fault = Fault { verb, target: Target::Statements, savepoint, connector: None };
        for done_ms in [None, Some(0)] {
            scene.events.push(Event::Fault { entry: 0, fault, done_ms });
        }
    }
    scene.restarts();
}

fn scene(mode: SinkMode) -> Scene {
    if mode == SinkMode::Upsert {
        return closed();
    }
    let mut scene = Scene::new(1);
    (scene.mode, scene.keyed) = (mode, false);
    let mut scene = scene.statements();
    scene.insert(0, (1, "ann", 1, 10));
    scene.insert(0, (2, "ann", 2, 5));
    scene.insert(0, (9, "tick", 10, 0));
    scene
}

fn judged(mut scene: Scene, acts: &[Act]) -> Verdict {
    let mut total = 15;
    for act in acts {
        match act {
            Fire => scene.fires(FIRST),
            FireLate => scene.fires(("ann", 10, 115)),
            TakeBack => scene.takes_back(FIRST),
            Late => {
                scene.insert(0, (3, "ann", 3, 100));
                total = 115;
            }
            Proof => scene.proof(Some(10), &[("ann", 10, total), OPEN]),
            Restart => restart(&mut scene),
            ByItself => scene.restarts(),
        }
    }
    scene.cut(&[3], &[FIRST, OPEN]);
    scene.judged()
}

fn names(found: Vec<(Anomaly, Option<String>)>) -> Vec<Anomaly> {
    found.into_iter().map(|(anomaly, _)| anomaly).collect()
}

/// What fails and what is a witness of it, with and without a key.
#[rstest]
#[case::twice_before_its_proof(&[Fire, Fire, Proof], REPEATED, &[])]
#[case::again_behind_its_proof(&[Fire, Proof, Fire, Proof], REPEATED, &[])]
#[case::again_two_proofs_later(&[Fire, Proof, Proof, Fire, Proof], REPEATED, &[])]
#[case::before_a_restart(&[Fire, Fire, Proof, Restart, Proof], REPEATED, &[])]
#[case::behind_its_proof_and_before_a_restart(
    &[Fire, Proof, Fire, Restart, Proof], REPEATED, &[])]
#[case::after_a_restart(&[Fire, Proof, Restart, Fire, Proof], &[], REPLAY)]
#[case::across_a_restart(&[Fire, Restart, Fire, Proof], &[], REPLAY)]
#[case::after_a_restart_by_itself(&[Fire, Proof, ByItself, Fire, Proof], &[], REPLAY)]
#[case::before_a_restart_by_itself(&[Fire, Fire, Proof, ByItself, Proof], REPEATED, &[])]
#[case::before_and_after(
    &[Fire, Fire, Proof, Restart, Fire, Proof], REPEATED, REPLAY)]
#[case::with_what_came_since_after_a_restart(
    &[Fire, Proof, Restart, Late, FireLate, Proof], &[], &[Anomaly::Replay, Anomaly::LateChange])]
#[case::with_what_came_since(&[Fire, Proof, Late, FireLate, Proof], REPEATED, LATE)]
#[case::once(&[Fire, Proof, Restart, Proof], &[], &[])]
fn a_window_is_written_again_only_after_a_restart(
    #[values(SinkMode::Upsert, SinkMode::Append)] mode: SinkMode,
    #[case] acts: &[Act],
    #[case] failed: &[Anomaly],
    #[case] witnessed: &[Anomaly],
) {
    let verdict = judged(scene(mode), acts);
    let mut seen = witnessed.to_vec();
    seen.sort();
    let mut told = names(witnesses(&verdict));
    told.sort();
    assert_eq!((names(failing(&verdict)), told), (failed.to_vec(), seen), "{:?}", verdict.findings);
    let outcome = if failed.is_empty() { Outcome::Pass } else { Outcome::Fail };
    assert_eq!(verdict.outcome, outcome, "{:?}", verdict.gaps);
}

#[rstest]
#[case::after_a_restart(&[Fire, Proof, Restart, Fire, Proof])]
#[case::across_a_restart(&[Fire, Restart, Fire, Proof])]
#[case::after_a_restart_by_itself(&[Fire, Proof, ByItself, Fire, Proof])]
#[case::with_what_came_since(&[Fire, Proof, Restart, Late, FireLate, Proof])]
fn where_exactly_once_is_demanded_a_restart_excuses_no_repeat(
    #[values(SinkMode::Upsert, SinkMode::Append)] mode: SinkMode,
    #[case] acts: &[Act],
) {
    let mut scene = scene(mode);
    scene.header.trial.expect.delivery = Delivery::ExactlyOnce;
    let verdict = judged(scene, acts);
    assert_eq!(names(failing(&verdict)), REPEATED, "{:?}", verdict.findings);
    assert!(!names(witnesses(&verdict)).contains(&Anomaly::Replay));
}

#[rstest]
#[case::demanded(Delivery::ExactlyOnce, &[Fire, Proof, Restart, Fire, Proof], "demands exactly-once")]
#[case::too_early(
    Delivery::AtLeastOnce, &[Fire, Fire, Proof, Restart, Proof], "nothing had been started again by then")]
fn what_does_not_excuse_a_repeat_is_said(
    #[case] delivery: Delivery,
    #[case] acts: &[Act],
    #[case] why: &str,
) {
    let mut scene = closed();
    scene.header.trial.expect.delivery = delivery;
    let verdict = judged(scene, acts);
    let told = verdict.findings.iter().find(|j| j.finding.anomaly == Anomaly::WindowRepeated);
    let sentence = &told.unwrap().finding.sentence;
    assert!(sentence.contains(why), "{sentence}");
}

/// Which record is told.
#[rstest]
#[case::behind_its_proof(&[Fire, Proof, Fire, Proof], 1)]
#[case::the_one_before_the_restart(&[Fire, Proof, Fire, Restart, Fire, Proof], 1)]
#[case::taken_back(&[Fire, Proof, TakeBack, Proof], 1)]
fn the_first_repeat_that_nothing_excuses_is_told(#[case] acts: &[Act], #[case] offset: i64) {
    let verdict = judged(closed(), acts);
    let failing = failing(&verdict);
    assert_eq!(failing, [(Anomaly::WindowRepeated, Some(KEY.to_owned()))]);
    let told = verdict.findings.iter().find(|j| j.finding.anomaly == Anomaly::WindowRepeated);
    assert_eq!(told.unwrap().finding.record.as_ref().unwrap().offset, offset);
}

/// A window that was not there when it was proven closed.
#[rstest]
#[case::upsert(SinkMode::Upsert)]
#[case::append(SinkMode::Append)]
fn a_ghost_behind_the_proof_that_closed_its_window_is_told(#[case] mode: SinkMode) {
    let mut scene = scene(mode);
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    scene.fires(("eve", 10, 3));
    scene.insert(0, (5, "tick", 11, 0));
    scene.proof(Some(11), &[FIRST, OPEN]);
    scene.cut(&[3], &[FIRST, OPEN]);
    let name =
        if mode == SinkMode::Upsert { Anomaly::WindowGhost } else { Anomaly::WindowWrongValue };
    assert_eq!(names(failing(&scene.judged())), [name]);
}

/// Two rows of one window where its reference has one at any state: each by itself may stand there.
#[test]
fn two_admitted_rows_of_one_window_without_key_are_one_too_many() {
    let mut scene = scene(SinkMode::Append);
    scene.insert(0, (3, "ann", 3, 100));
    scene.fires(FIRST);
    scene.fires(("ann", 10, 115));
    scene.proof(Some(10), &[("ann", 10, 115), OPEN]);
    scene.cut(&[3], &[FIRST, OPEN]);
    assert_eq!(names(failing(&scene.judged())), REPEATED);
}

#[test]
fn two_windows_that_end_together_are_no_repeat() {
    let mut scene = scene(SinkMode::Append);
    scene.insert(0, (3, "bob", 3, 1));
    scene.fires(FIRST);
    scene.fires(BOB);
    scene.proof(Some(10), &[FIRST, BOB, OPEN]);
    scene.cut(&[3], &[FIRST, OPEN]);
    passes(&scene.judged());
}

/// A restart takes the watermark back: what was closed before stays closed.
#[rstest]
#[case::written(true, Outcome::Pass)]
#[case::never_written(false, Outcome::Fail)]
fn a_window_that_was_proven_closed_before_a_restart_counts(
    #[case] fired: bool,
    #[case] outcome: Outcome,
) {
    let mut scene = closed();
    if fired {
        scene.fires(FIRST);
    }
    scene.proof(Some(10), &[FIRST, OPEN]);
    restart(&mut scene);
    scene.insert(0, (5, "bob", 11, 1));
    scene.proof_within((None, Some(11)), &[FIRST, BOB, OPEN]);
    scene.fires(("bob", 10, 1));
    scene.insert(0, (6, "bob", 11, 1));
    scene.proof_within((None, Some(11)), &[FIRST, BOB, OPEN]);
    scene.cut(&[3], &[FIRST, OPEN]);
    let verdict = scene.judged();
    assert_eq!(verdict.outcome, outcome, "{:?} {:?}", verdict.findings, verdict.gaps);
}

/// What the tasks are called tells that they were started again before anything was proven.
#[rstest]
#[case::first("v_0_0@1", REPEATED)]
#[case::second("v_0_1@1", &[])]
fn tasks_that_say_they_are_another_attempt_may_have_repeated(
    #[case] task: &str,
    #[case] told: &[Anomaly],
) {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            proof.jobs[0].attempts = vec![task.to_owned()];
        }
    }
    assert_eq!(names(failing(&scene.judged())), told);
}

/// Two statements write the sink, each without a restart.
#[test]
fn two_statements_of_one_sink_are_no_restart() {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            let mut other = proof.jobs[0].clone();
            other.job = "k".to_owned();
            proof.jobs.push(other);
        }
    }
    assert_eq!(names(failing(&scene.judged())), REPEATED);
}

/// A late row may make a row of a window that had none.
#[test]
fn a_row_of_a_closed_window_that_had_none_is_a_late_change() {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    scene.insert(0, (3, "bob", 3, 1));
    scene.proof(Some(10), &[FIRST, BOB, OPEN]);
    let verdict = scene.judged();
    passes(&verdict);
    let bob = Some("bob,2025-01-01 10:10:00".to_owned());
    assert_eq!(witnesses(&verdict), [(Anomaly::LateChange, bob)]);
}
