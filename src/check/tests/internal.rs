//! The states that a sink passes through.

use rstest::rstest;

use super::super::testing::{SINK, Scene, Total, failing, passes};
use super::super::verdict::{Outcome, Verdict};
use super::super::wanted;
use crate::base::anomaly::Anomaly;
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

/// With what the reference gives at each state of the input.
fn judged(level: Level, outputs: &[i64]) -> Verdict {
    let mut scene = scene(level, outputs);
    for (offset, totals) in [(0, &[][..]), (1, &[10]), (2, &[30]), (3, &[15])] {
        let totals = totals.iter().map(|total| all(*total)).collect::<Vec<_>>();
        scene.cut(&[offset], &totals);
    }
    scene.judged()
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
