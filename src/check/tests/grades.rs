//! Grades of proof: what the engine claims is held against what came after all.

use rstest::rstest;

use super::super::testing::{Payment, SINK, Scene, Total, failing, passes};
use super::super::verdict::{Outcome, Verdict};
use super::scene::names;
use crate::base::anomaly::Anomaly;
use crate::base::grade::Grade;
use crate::history::event::{EntryState, Event, SinkMode};

const ANN: Payment<'_> = (1, "ann", 1, 10);
const BOB: Payment<'_> = (2, "bob", 1, 5);
const ROW: Total<'static> = ("ann", 0, 10);
const OTHER: Total<'static> = ("bob", 0, 5);

/// A sink that is compared whenever nothing more can arrive; one row of its input was written.
fn scene() -> Scene {
    let mut scene = Scene::new(1);
    scene.without_window();
    let mut scene = scene.statements();
    entry(&mut scene, 0, EntryState::Started);
    scene.insert(0, ANN);
    entry(&mut scene, 0, EntryState::Finished);
    scene
}

fn entry(scene: &mut Scene, entry: usize, state: EntryState) {
    scene.events.push(Event::Entry { entry: Some(entry), state });
}

/// The last proof is of this grade.
fn graded(scene: &mut Scene, grade: Grade) {
    let proofs = scene.events.iter_mut().rev();
    let mut proofs = proofs.filter_map(|event| match event {
        Event::Proof(proof) => Some(proof),
        _ => None,
    });
    proofs.next().expect("a proof").grade = grade;
}

fn claimed(scene: &mut Scene, reference: &[Total<'_>]) {
    scene.proof(None, reference);
    graded(scene, Grade::Reported);
}

#[track_caller]
fn is_undecided(verdict: &Verdict, says: &str) {
    assert_eq!(failing(verdict), []);
    assert_eq!(verdict.unmet, []);
    assert_eq!(verdict.outcome, Outcome::Unknown);
    assert!(verdict.gaps.iter().any(|gap| gap.missing.contains(says)), "{:?}", verdict.gaps);
}

#[test]
fn a_claim_that_is_true_passes_and_is_named() {
    let mut scene = scene();
    scene.fires(ROW);
    claimed(&mut scene, &[ROW]);
    let verdict = scene.judged();
    passes(&verdict);
    assert_eq!(verdict.proof, Some(Grade::Reported));
}

/// The same history, its last record behind the claim.
#[test]
fn what_comes_after_a_claim_without_new_input_shows_it_untrue() {
    let mut scene = scene();
    claimed(&mut scene, &[ROW]);
    scene.fires(ROW);
    is_undecided(&scene.judged(), "came after that without any new input");
}

/// The sink was right at the claim, and its engine had more to say.
#[test]
fn a_right_sink_is_undecided_too_where_more_comes() {
    let mut scene = scene();
    scene.fires(ROW);
    claimed(&mut scene, &[ROW]);
    scene.takes_back(ROW);
    scene.fires(ROW);
    is_undecided(&scene.judged(), "came after that without any new input");
}

#[test]
fn what_follows_from_new_input_does_not_show_a_claim_untrue() {
    let mut scene = scene();
    scene.fires(ROW);
    claimed(&mut scene, &[ROW]);
    entry(&mut scene, 1, EntryState::Started);
    // The record is seen before the journal's messages of the change that it follows from.
    scene.fires(OTHER);
    scene.insert(0, BOB);
    claimed(&mut scene, &[ROW, OTHER]);
    passes(&scene.judged());
}

#[test]
fn an_entry_that_still_waits_may_write_meanwhile() {
    let mut scene = scene();
    scene.fires(ROW);
    entry(&mut scene, 1, EntryState::Started);
    claimed(&mut scene, &[ROW]);
    scene.fires(OTHER);
    scene.insert(0, BOB);
    entry(&mut scene, 1, EntryState::Finished);
    claimed(&mut scene, &[ROW, OTHER]);
    passes(&scene.judged());
}

/// A row that is missing at a claim and comes among others is late or wrong, and nobody can tell.
#[rstest]
#[case::a_claim(Grade::Reported, true)]
#[case::a_statement_that_was_stopped(Grade::Stopped, false)]
#[case::a_checkpoint(Grade::Checkpoint, false)]
fn a_difference_that_goes_away_counts_unless_it_stands_on_a_claim(
    #[case] grade: Grade,
    #[case] undecided: bool,
) {
    let mut scene = scene();
    scene.proof(None, &[ROW]);
    graded(&mut scene, grade);
    entry(&mut scene, 1, EntryState::Started);
    scene.insert(0, BOB);
    scene.fires(ROW);
    scene.fires(OTHER);
    scene.proof(None, &[ROW, OTHER]);
    let verdict = scene.judged();
    if undecided {
        is_undecided(&verdict, "may be what was missing");
    } else {
        assert_eq!(names(&verdict), [Anomaly::LostChange]);
    }
}

#[rstest]
#[case::a_claim(Grade::Reported, Some(Grade::Reported), true)]
#[case::a_statement_that_was_stopped(Grade::Stopped, Some(Grade::Stopped), false)]
#[case::a_checkpoint(Grade::Checkpoint, None, false)]
fn what_never_came_is_a_finding_that_bears_its_grade(
    #[case] grade: Grade,
    #[case] borne: Option<Grade>,
    #[case] so_far: bool,
) {
    let mut scene = scene();
    scene.fires(OTHER);
    scene.proof(None, &[ROW, OTHER]);
    graded(&mut scene, grade);
    let verdict = scene.judged();
    assert_eq!(names(&verdict), [Anomaly::LostChange]);
    let finding = &verdict.findings[0].finding;
    assert_eq!(finding.proof, borne);
    assert_eq!(finding.sentence.contains("so far"), so_far, "{}", finding.sentence);
}

/// A statement that goes on from all its state writes nothing again; one that starts anew may.
#[rstest]
#[case::it_goes_on(true, &[Anomaly::DuplicateChange])]
#[case::it_starts_anew(false, &[])]
fn going_on_after_a_stop_excuses_no_repeat(#[case] goes_on: bool, #[case] told: &[Anomaly]) {
    let mut scene = Scene::new(1);
    (scene.mode, scene.keyed) = (SinkMode::Append, false);
    scene.without_window();
    let mut scene = scene.statements();
    scene.insert(0, ANN);
    scene.fires(ROW);
    scene.proof(None, &[ROW]);
    graded(&mut scene, Grade::Stopped);
    if goes_on {
        scene.events.push(Event::Resumed { entry: 1, jobs: vec![("j".into(), "k".into())] });
    }
    scene.restarts();
    scene.insert(0, BOB);
    scene.fires(ROW);
    scene.fires(OTHER);
    scene.proof(None, &[ROW, OTHER]);
    assert_eq!(names(&scene.judged()), told);
}

/// Windows where the engine tells no watermark.
fn untold(fired: &[Total<'_>], reference: &[Total<'_>]) -> Verdict {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    scene.insert(0, (9, "tick", 10, 0));
    for total in fired {
        scene.fires(*total);
    }
    scene.proof(None, reference);
    graded(&mut scene, Grade::Stopped);
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            proof.watermarks.clear();
            proof.watermarks_at_most.insert(SINK.to_owned(), Some(i64::MAX));
        }
    }
    scene.judged()
}

#[test]
fn without_a_watermark_what_has_fired_is_judged_and_the_rest_is_undecided_by_name() {
    const FIRST: Total<'_> = ("ann", 10, 10);
    const OPEN: Total<'_> = ("tick", 20, 0);
    let verdict = untold(&[FIRST], &[FIRST, OPEN]);
    is_undecided(&verdict, "those that end at 2025-01-01");
    assert!(!verdict.gaps.iter().any(|gap| gap.missing.contains("10:10")), "{:?}", verdict.gaps);
    let verdict = untold(&[("ann", 10, 7)], &[FIRST, OPEN]);
    assert_eq!(names(&verdict), [Anomaly::WindowWrongValue]);
}
