//! Sinks that write the kind of each row.

use rstest::rstest;

use super::super::testing::{Scene, Total, failing};
use crate::base::anomaly::Anomaly;
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
    let names = failing(&scene.judged()).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, [Anomaly::LostRetraction]);
}
