//! The states that a sink passes through.

use rstest::rstest;

use super::super::testing::{SINK, Scene, TOPIC, Total, failing, passes};
use super::super::verdict::{Outcome, Verdict};
use super::super::wanted;
use super::scene::names;
use crate::base::anomaly::Anomaly;
use crate::history::event::{Event, ProofGap, Question};
use crate::scenario::expect::Level;

const ANN: (i64, &str, i64, i64) = (1, "ann", 1, 10);
const BOB: (i64, &str, i64, i64) = (2, "bob", 2, 20);

/// Two payments, the second of them changed later; `totals` counts all of them under one key.
fn scene(level: Level, outputs: &[i64]) -> Scene {
    let mut scene = Scene::new(1).statements();
    scene.without_window();
    scene.header.trial.expect.consistency.insert(SINK.to_owned(), level);
    scene.insert(0, ANN);
    scene.insert(0, BOB);
    scene.change(0, Some(BOB), Some((2, "bob", 2, 5)));
    for total in outputs {
        scene.fires(all(*total));
    }
    scene.proof(None, &[all(15)]);
    scene
}

fn all(total: i64) -> Total<'static> {
    ("all", 0, total)
}

fn judged(level: Level, outputs: &[i64]) -> Verdict {
    with_cuts(level, outputs).judged()
}

const WRONG: &[Anomaly] = &[Anomaly::ImpossibleOutput];

#[rstest]
#[case::all_states(&[10, 30, 15], &[], &[])]
#[case::a_state_left_out(&[10, 15], &[], &[])]
#[case::half_of_the_update(&[10, 30, 10, 15], &[], WRONG)]
#[case::a_state_that_never_was(&[10, 35, 15], WRONG, WRONG)]
#[case::a_wrong_end(&[10, 30, 15, 16], WRONG, WRONG)]
fn states_are_those_of_the_input_by_whole_records_or_by_whole_transactions(
    #[case] outputs: &[i64],
    #[case] at_cuts: &[Anomaly],
    #[case] at_commits: &[Anomaly],
) {
    for (level, told) in [(Level::Cut, at_cuts), (Level::Commit, at_commits)] {
        let verdict = judged(level, outputs);
        let names = failing(&verdict).into_iter().map(|(name, _)| name);
        let names = names.filter(|name| *name == Anomaly::ImpossibleOutput).collect::<Vec<_>>();
        assert_eq!(names, told, "{level:?}: {:?}", verdict.findings);
        let all = verdict.figures["outputs of `totals`"];
        assert_eq!(all, u64::try_from(outputs.len()).unwrap(), "{level:?}");
        let wrong = verdict.figures["outputs of `totals` that were never true"];
        assert_eq!(wrong, u64::from(!told.is_empty()), "{level:?}");
    }
}

#[test]
fn nothing_is_decided_without_the_references() {
    let scene = scene(Level::Cut, &[10, 30, 15]);
    assert_eq!(wanted(&scene.so_far()).len(), 4);
    assert_eq!(scene.judged().outcome, Outcome::Unknown);
}

#[test]
fn a_state_that_never_was_is_fine_where_only_the_end_counts() {
    passes(&scene(Level::Final, &[10, 35, 15]).judged());
}

/// With what the reference gives at each state of the input.
fn with_cuts(level: Level, outputs: &[i64]) -> Scene {
    let mut scene = scene(level, outputs);
    for (offset, totals) in [(0, &[][..]), (1, &[10]), (2, &[30]), (3, &[15])] {
        let totals = totals.iter().map(|total| all(*total)).collect::<Vec<_>>();
        scene.cut(&[offset], &totals);
    }
    scene
}

#[rstest]
fn a_state_may_be_shown_again(#[values(Level::Cut, Level::Commit)] level: Level) {
    assert_eq!(names(&judged(level, &[10, 10, 30, 30, 15])), []);
}

#[rstest]
#[case(Level::Cut, "at no cut of the input")]
#[case(Level::Commit, "at no commit of the input")]
fn a_state_that_never_was_is_told_with_its_level(#[case] level: Level, #[case] says: &str) {
    let verdict = judged(level, &[10, 35, 15]);
    let sentence = &verdict.findings[0].finding.sentence;
    assert!(sentence.contains(says), "{sentence}");
}

#[rstest]
#[case::its_own(SINK, false)]
#[case::another("other", true)]
fn the_states_of_a_statement_that_failed_are_not_looked_at(
    #[case] place: &str,
    #[case] looked_at: bool,
) {
    let mut scene = with_cuts(Level::Cut, &[10, 35, 15]);
    scene.fails(place);
    let verdict = scene.judged();
    assert_eq!(names(&verdict).contains(&Anomaly::ImpossibleOutput), looked_at);
    assert_eq!(verdict.figures.contains_key("outputs of `totals`"), looked_at);
}

#[rstest]
#[case::its_own(SINK, true)]
#[case::of_another("other", false)]
fn a_gap_at_a_proof_leaves_the_states_of_its_sink_open(#[case] sink: &str, #[case] open: bool) {
    let mut scene = with_cuts(Level::Cut, &[10, 35, 15]);
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            let sentence = "it was not proven".to_owned();
            proof.gaps = vec![ProofGap { sink: sink.to_owned(), sentence }];
        }
    }
    let verdict = scene.judged();
    let gap = verdict.gaps.iter().find(|gap| gap.what == "`totals` at level `cut`");
    let missing = gap.map(|gap| gap.missing.as_str());
    assert_eq!(missing, open.then_some("it was not proven"), "{:?}", verdict.gaps);
    assert_eq!(names(&verdict).contains(&Anomaly::ImpossibleOutput), !open);
}

/// An update may be half applied where the statement runs in parallel.
#[rstest]
#[case::no_wrong_state(&[10, 30, 15], false)]
#[case::a_wrong_state(&[10, 35, 15], true)]
fn a_state_that_never_was_is_not_decided_where_others_were_possible(
    #[case] outputs: &[i64],
    #[case] open: bool,
) {
    let mut scene = with_cuts(Level::Cut, outputs);
    scene.header.trial.settings.parallelism = Some(2);
    let verdict = scene.judged();
    assert_eq!(names(&verdict), []);
    let told = verdict.gaps.iter().any(|gap| gap.missing.contains("half applied"));
    assert_eq!(told, open, "{:?}", verdict.gaps);
}

#[test]
fn the_partitions_of_the_source_topic_leave_the_order_of_the_sink_known() {
    let mut scene = Scene::new(2).statements();
    scene.without_window();
    scene.header.trial.expect.consistency.insert(SINK.to_owned(), Level::Cut);
    scene.insert(0, ANN);
    scene.fires(all(10));
    scene.fires(all(11));
    scene.proof(None, &[all(10)]);
    scene.cut(&[0, 0], &[]);
    scene.cut(&[1, 0], &[all(10)]);
    let names = names(&scene.judged());
    assert!(names.contains(&Anomaly::ImpossibleOutput), "{names:?}");
}

#[test]
fn behind_a_proof_only_the_states_since_then_are_asked_for() {
    let mut scene = scene(Level::Cut, &[10, 30, 15]);
    scene.insert(0, (3, "cid", 3, 1));
    scene.proof(None, &[all(16)]);
    let offsets = wanted(&scene.so_far()).into_iter().map(|wanted| wanted.cut.0[TOPIC].clone());
    assert_eq!(offsets.collect::<Vec<_>>(), [vec![3], vec![4]]);
}

/// The state before all records is one more.
#[rstest]
#[case::as_many_as_are_looked_at(Level::Cut, 1023, "was not recorded")]
#[case::one_more(Level::Cut, 1024, "more than 1024 are not looked at")]
#[case::of_transactions(Level::Commit, 1025, "more than 1024 are not looked at")]
fn too_many_states_between_two_proofs_are_not_looked_at(
    #[case] level: Level,
    #[case] n_changes: i64,
    #[case] why: &str,
) {
    let mut scene = Scene::new(1).statements();
    scene.without_window();
    scene.header.trial.expect.consistency.insert(SINK.to_owned(), level);
    for id in 0..n_changes {
        scene.insert(0, (id, "ann", 1, 1));
    }
    scene.fires(all(n_changes));
    scene.proof(None, &[all(n_changes)]);
    let verdict = scene.judged();
    let told = verdict.gaps.iter().any(|gap| gap.missing.contains(why));
    assert!(told, "{:?}", verdict.gaps);
}

/// Evidence that the judge of the run never asked for is told apart from evidence that is missing.
#[rstest]
#[case::nobody_knows(None, "was not recorded")]
#[case::asked(Some(&Question::ALL[..]), "was not recorded")]
#[case::not_asked(
    Some(&[Question::Windows][..]),
    "was not asked for by changeproof 0.1.0, which recorded the run"
)]
fn what_was_not_asked_for_is_told_as_such(#[case] asked: Option<&[Question]>, #[case] why: &str) {
    let mut scene = scene(Level::Cut, &[10, 30, 15]);
    if let Some(questions) = asked {
        scene.events.push(Event::Asked { proof: 0, questions: questions.to_vec() });
    }
    let verdict = scene.judged();
    assert_eq!(verdict.outcome, Outcome::Unknown);
    let told = verdict.gaps.iter().any(|gap| gap.missing.ends_with(why));
    assert!(told, "{:?}", verdict.gaps);
}
