//! Sinks that write the kind of each row.

use rstest::rstest;

use super::super::testing::{Scene, Total, failing, passes};
use super::super::verdict::Verdict;
use super::scene::names;
use crate::base::anomaly::Anomaly;
use crate::base::text::Text;
use crate::history::event::SinkMode;

const ONE: Total<'_> = ("ann", 10, 1);
const TWO: Total<'_> = ("ann", 10, 2);

/// What is told of these records of a retract sink, of which the reference holds `held`.
fn told(keyed: bool, records: &[(&str, Total<'_>)], held: &[Total<'_>]) -> Vec<Anomaly> {
    let mut scene = Scene::new(1);
    (scene.mode, scene.keyed) = (SinkMode::Retract, keyed);
    scene.without_window();
    let mut scene = scene.statements();
    scene.insert(0, (1, "ann", 1, 10));
    for (op, total) in records {
        scene.writes(op, *total);
    }
    scene.proof(None, held);
    failing(&scene.judged()).into_iter().map(|(name, _)| name).collect()
}

#[rstest]
#[case::right(&[("c", ONE), ("d", ONE), ("c", TWO)], &[TWO], &[])]
#[case::replaced(&[("c", ONE), ("c", TWO)], &[TWO], &[Anomaly::LostRetraction])]
#[case::twice(&[("c", ONE), ("c", ONE)], &[ONE], &[Anomaly::DoubleInsert])]
#[case::never_there(&[("d", ONE), ("c", TWO)], &[TWO], &[Anomaly::OrphanRetraction])]
#[case::another_value(&[("c", ONE), ("d", TWO), ("c", TWO)], &[TWO], &[Anomaly::OrphanRetraction])]
fn what_goes_was_there_and_what_comes_was_not(
    #[case] records: &[(&str, Total<'_>)],
    #[case] held: &[Total<'_>],
    #[case] found: &[Anomaly],
) {
    assert_eq!(told(true, records, held), found);
}

#[rstest]
#[case::equal_rows(&[("c", ONE), ("c", ONE), ("d", ONE)], &[ONE], &[])]
#[case::once_too_often(&[("c", ONE), ("d", ONE), ("d", ONE), ("c", TWO)], &[TWO], &[Anomaly::OrphanRetraction])]
fn without_a_key_equal_rows_are_rows_of_their_own(
    #[case] records: &[(&str, Total<'_>)],
    #[case] held: &[Total<'_>],
    #[case] found: &[Anomaly],
) {
    assert_eq!(told(false, records, held), found);
}

#[test]
fn the_partitions_of_the_source_topic_leave_the_order_of_the_sink_known() {
    let mut scene = Scene::new(2);
    scene.mode = SinkMode::Retract;
    scene.without_window();
    let mut scene = scene.statements();
    scene.insert(0, (1, "ann", 1, 10));
    for total in [ONE, TWO] {
        scene.writes("c", total);
    }
    scene.proof(None, &[TWO]);
    assert_eq!(names(&scene.judged()), [Anomaly::LostRetraction]);
}

/// The verdict on these records of a retract sink, each on a partition.
fn judged(keyed: bool, records: &[(usize, &str, Total<'_>)], held: &[Total<'_>]) -> Verdict {
    let mut scene = Scene::new(1);
    (scene.mode, scene.keyed) = (SinkMode::Retract, keyed);
    scene.without_window();
    let mut scene = scene.statements();
    scene.spread(3);
    scene.insert(0, (1, "ann", 1, 10));
    for (partition, op, total) in records {
        scene.writes_on(*partition, op, *total);
    }
    scene.proof(None, held);
    scene.judged()
}

const BOB: Total<'_> = ("bob", 10, 5);

#[rstest]
#[case::each_on_its_own(&[(0, "c", ONE), (1, "c", BOB), (0, "d", ONE), (0, "c", TWO)], &[TWO, BOB])]
#[case::in_any_order(&[(2, "d", ONE), (0, "c", ONE), (1, "c", TWO)], &[TWO])]
#[case::twice_there_and_back(&[(1, "d", ONE), (0, "c", ONE), (0, "c", TWO), (1, "d", TWO), (2, "c", ONE)], &[ONE])]
fn retractions_over_partitions_may_be_read_in_any_order(
    #[values(true, false)] keyed: bool,
    #[case] records: &[(usize, &str, Total<'_>)],
    #[case] held: &[Total<'_>],
) {
    passes(&judged(keyed, records, held));
}

#[rstest]
#[case::out_of_order_within_one(true, &[(1, "d", ONE), (1, "c", ONE), (0, "c", BOB)], &[BOB, ONE], Anomaly::OrphanRetraction)]
#[case::more_go_than_came(true, &[(1, "d", ONE), (0, "c", ONE), (2, "d", ONE)], &[], Anomaly::OrphanRetraction)]
#[case::more_go_than_came(false, &[(1, "d", ONE), (0, "c", ONE), (2, "d", ONE)], &[], Anomaly::OrphanRetraction)]
#[case::one_stays(true, &[(0, "c", ONE), (1, "c", TWO)], &[TWO], Anomaly::DuplicateChange)]
#[case::one_stays(false, &[(0, "c", ONE), (1, "c", TWO)], &[TWO], Anomaly::GhostRow)]
#[case::replaced_within_one(true, &[(1, "c", ONE), (1, "c", TWO)], &[TWO], Anomaly::LostRetraction)]
fn what_is_wrong_whatever_the_order_is_found(
    #[case] keyed: bool,
    #[case] records: &[(usize, &str, Total<'_>)],
    #[case] held: &[Total<'_>],
    #[case] found: Anomaly,
) {
    let names = failing(&judged(keyed, records, held));
    assert!(names.iter().any(|(name, _)| *name == found), "{names:?}");
}

/// One statement takes a row of a key back after another has written its own.
#[rstest]
#[case::right(&[("c", ONE), ("c", TWO), ("d", ONE)], &[TWO], None)]
#[case::both_stay(&[("c", ONE), ("c", TWO)], &[ONE, TWO], None)]
#[case::one_too_many(&[("c", ONE), ("c", TWO)], &[TWO], Some(Anomaly::GhostRow))]
#[case::never_there(&[("c", TWO), ("d", ONE)], &[TWO], Some(Anomaly::OrphanRetraction))]
fn rows_of_two_statements_are_told_apart_by_their_values(
    #[case] records: &[(&str, Total<'_>)],
    #[case] held: &[Total<'_>],
    #[case] found: Option<Anomaly>,
) {
    let mut scene = Scene::new(1);
    scene.mode = SinkMode::Retract;
    scene.written.also_by = vec![Text::whole("p.yaml".into(), String::new()).place(0)];
    scene.without_window();
    let mut scene = scene.statements();
    scene.insert(0, (1, "ann", 1, 10));
    for (op, total) in records {
        scene.writes(op, *total);
    }
    scene.proof(None, held);
    let verdict = scene.judged();
    match found {
        None => passes(&verdict),
        Some(found) => assert_eq!(names(&verdict), [found]),
    }
}
