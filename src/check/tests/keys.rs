//! Topics whose key is another than the primary key.

use super::super::testing::{Payment, Scene, failing, passes};
use super::super::verdict::Verdict;
use crate::base::anomaly::Anomaly;

const ANN: Payment<'_> = (1, "ann", 1, 10);
const ANN_2: Payment<'_> = (2, "ann", 2, 5);

fn scene() -> Scene {
    Scene::new(2).keyed_by_account().statements()
}

/// The windows of the sink stay open: only the topic is looked at.
fn judged(mut scene: Scene) -> Verdict {
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    scene.judged()
}

fn at_ann(anomaly: Anomaly) -> Vec<(Anomaly, Option<String>)> {
    vec![(anomaly, Some("ann".to_owned()))]
}

#[test]
fn rows_may_share_a_key_and_change_it() {
    let mut scene = scene();
    scene.read(0, ANN);
    scene.read(0, ANN_2);
    scene.change(0, Some(ANN), Some((1, "ann", 1, 11)));
    // Another primary key is no change of the topic's key.
    scene.change(0, Some(ANN_2), Some((3, "ann", 2, 5)));
    let (old, new) = ((3, "ann", 2, 5), (3, "bob", 2, 5));
    let lsn = scene.commit(Some(old), Some(new));
    scene.show(0, lsn, (Some(old), None));
    scene.show(1, lsn, (None, Some(new)));
    passes(&judged(scene));
}

#[test]
fn changes_of_two_rows_of_a_key_keep_their_order() {
    let mut scene = scene();
    let one = scene.commit(None, Some(ANN));
    let two = scene.commit(None, Some(ANN_2));
    scene.show(0, two, (None, Some(ANN_2)));
    scene.show(0, one, (None, Some(ANN)));
    assert_eq!(failing(&judged(scene)), at_ann(Anomaly::ReorderedKey));
}

#[test]
fn a_row_that_another_of_its_key_does_not_stand_for_is_lost() {
    let mut scene = scene();
    scene.read(0, ANN);
    scene.held(ANN_2);
    scene.insert(1, (5, "cid", 1, 1));
    assert_eq!(failing(&judged(scene)), at_ann(Anomaly::LostChange));
}

#[test]
fn a_key_that_lies_on_two_partitions_has_moved() {
    let mut scene = scene();
    scene.insert(0, ANN);
    scene.insert(1, ANN_2);
    assert_eq!(failing(&judged(scene)), at_ann(Anomaly::MovedKey));
}

#[test]
fn a_change_of_the_key_that_arrives_as_an_update_is_split() {
    let mut scene = scene();
    scene.insert(0, ANN);
    let lsn = scene.commit(Some(ANN), Some((1, "bob", 1, 10)));
    scene.show(1, lsn, (Some(ANN), Some((1, "bob", 1, 10))));
    let found = failing(&judged(scene)).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(found, [Anomaly::SplitKeyChange; 3]);
}

#[test]
fn a_delete_that_comes_again_with_its_tombstone_is_one_duplicate() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    let lsn = scene.commit(Some(ANN), None);
    for _ in 0..2 {
        scene.show(0, lsn, (Some(ANN), None));
    }
    assert_eq!(failing(&judged(scene)), [(Anomaly::DuplicateChange, Some("1".to_owned()))]);
}
