//! The slot's consistent point: the snapshot shows exactly the commits before it, and a commit at it
//! is streamed.

use super::super::testing::{Payment, Scene, passes, witnesses};
use super::scene::{judged, names};
use super::snapshots::read;
use crate::base::anomaly::Anomaly;

const ANN: Payment<'_> = (1, "ann", 1, 10);
const BOB: Payment<'_> = (2, "bob", 2, 5);

/// The commit record of the first transaction behind the snapshot stands at the point itself.
fn at_the_point() -> Scene {
    let mut scene = Scene::new(1).statements();
    scene.set_point(1004);
    scene
}

#[test]
fn a_commit_at_the_point_is_streamed() {
    let mut scene = at_the_point();
    scene.insert(0, ANN);
    passes(&judged(scene));
    let mut scene = at_the_point();
    scene.commit(None, Some(ANN));
    scene.insert(0, BOB);
    assert_eq!(names(&judged(scene)), [Anomaly::SnapshotGap]);
}

#[test]
fn a_truncate_at_the_point_must_be_shown() {
    let mut scene = at_the_point();
    scene.held(ANN);
    read(&mut scene, 0, ANN, (Some(1004), "last"));
    scene.commit(None, None);
    assert!(names(&judged(scene)).contains(&Anomaly::TruncateUnseen));
}

#[test]
fn a_commit_at_the_point_was_made_while_the_snapshot_was_read() {
    let mut scene = Scene::new(1).statements();
    scene.read(0, ANN);
    scene.lsn = 996;
    scene.insert(0, BOB);
    assert_eq!(witnesses(&judged(scene)), [(Anomaly::MidSnapshot, Some("2".to_owned()))]);
}

/// What comes again of the stream is a duplicate; only what the snapshot shows makes it an overlap.
#[test]
fn a_repeat_of_what_the_snapshot_does_not_show_is_a_duplicate() {
    for lsn in [996, 1000] {
        let mut scene = Scene::new(1).statements();
        scene.read(0, ANN);
        scene.lsn = lsn;
        let lsn = scene.commit(None, Some(BOB));
        scene.show(0, lsn, (None, Some(BOB)));
        scene.show(0, lsn, (None, Some(BOB)));
        assert_eq!(names(&judged(scene)), [Anomaly::DuplicateChange], "{lsn:?}");
    }
}

#[test]
fn a_transaction_at_the_point_has_its_marks() {
    let mut scene = at_the_point().with_metadata();
    scene.insert(0, ANN);
    assert!(names(&judged(scene)).contains(&Anomaly::TornTransaction));
}
