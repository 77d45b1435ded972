//! Snapshot and stream.

use rstest::rstest;

use super::super::testing::{Scene, TOPIC, failing, passes, witnesses};
use super::super::verdict::Verdict;
use super::scene::{judged, names};
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::history::event::{Bytes, Event};

const ANN: (i64, &str, i64, i64) = (1, "ann", 1, 10);
const BOB: (i64, &str, i64, i64) = (2, "bob", 2, 5);
const CID: (i64, &str, i64, i64) = (3, "cid", 3, 1);

#[test]
fn a_snapshot_and_the_stream_behind_it_pass() {
    let mut scene = Scene::new(1).statements();
    scene.read(0, ANN);
    scene.insert(0, BOB);
    scene.insert(0, CID);
    passes(&judged(scene));
}

#[test]
fn a_change_that_is_neither_in_the_snapshot_nor_in_the_stream_is_a_gap() {
    let mut scene = Scene::new(1).statements();
    scene.read(0, ANN);
    scene.commit(None, Some(BOB));
    scene.change(0, Some(ANN), None);
    let found = failing(&judged(scene));
    assert_eq!(found, [(Anomaly::SnapshotGap, Some("2".to_owned()))]);
}

#[test]
fn a_change_that_is_lost_behind_the_first_streamed_one_is_no_gap() {
    let mut scene = Scene::new(1).statements();
    scene.read(0, ANN);
    scene.insert(0, BOB);
    scene.commit(None, Some(CID));
    scene.insert(0, (4, "dan", 4, 1));
    assert_eq!(names(&judged(scene)), [Anomaly::LostChange]);
}

#[test]
fn a_change_that_the_snapshot_shows_and_the_stream_repeats_is_an_overlap() {
    let mut scene = Scene::new(1).statements();
    let lsn = scene.held(BOB);
    scene.read(0, ANN);
    scene.show(0, lsn, (None, Some(BOB)));
    scene.insert(0, CID);
    let verdict = judged(scene);
    assert!(names(&verdict).contains(&Anomaly::SnapshotOverlap), "{:?}", verdict.findings);
    assert!(!names(&verdict).contains(&Anomaly::PhantomChange), "{:?}", verdict.findings);
}

/// The first record of the topic was removed; `read` says whether it was read before.
fn truncated(read: bool) -> Verdict {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    scene.insert(0, BOB);
    scene.proof(None, &[]);
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            proof.ends.get_mut(TOPIC).unwrap()[0].0 = 1;
        }
    }
    if !read {
        scene.events.retain(|event| {
            !matches!(event, Event::Record(record) if record.topic == TOPIC && record.offset == 0)
        });
    }
    scene.header.trial.pipeline.sinks.clear();
    scene.judged()
}

#[test]
fn records_that_were_removed_unread_are_told_and_those_read_before_are_not() {
    assert_eq!(names(&truncated(false)), [Anomaly::HistoryTruncated]);
    passes(&truncated(true));
}

#[test]
fn a_commit_while_the_snapshot_was_read_is_a_witness() {
    let mut scene = Scene::new(1).statements();
    scene.read(0, ANN);
    scene.insert(0, BOB);
    let verdict = judged(scene);
    // The clock of the transactions stands at 1970, before the snapshot's last record.
    assert_eq!(witnesses(&verdict), [(Anomaly::MidSnapshot, Some("2".to_owned()))]);
}

/// A row that the snapshot shows, and a record that names the place of its insert and another
/// transaction.
#[test]
fn a_record_of_another_transaction_is_no_overlap() {
    let mut scene = Scene::new(1).statements();
    scene.read(0, BOB);
    scene.show(0, Lsn(100), (None, Some(BOB)));
    let value = scene.last_record().value.as_mut().unwrap();
    let text = String::from_utf8_lossy(&value.0).replace("\"txId\":100", "\"txId\":77");
    *value = Bytes(text.into_bytes());
    scene.insert(0, CID);
    assert_eq!(names(&judged(scene)), [Anomaly::PhantomChange]);
}

/// A record that names a change behind the snapshot, and is neither of its kind nor of its key.
#[test]
fn a_record_that_is_not_the_change_that_it_names_is_no_overlap() {
    let mut scene = Scene::new(1).statements();
    scene.set_point(1004);
    let lsn = scene.commit(None, Some(BOB));
    scene.show(0, lsn, (None, Some(BOB)));
    scene.show(0, lsn, (Some(CID), None));
    let names = names(&judged(scene));
    assert!(names.contains(&Anomaly::PhantomChange), "{names:?}");
    assert!(!names.contains(&Anomaly::SnapshotOverlap), "{names:?}");
}

/// The other row was committed in 1970, and the snapshot's last row was written so many milliseconds
/// later.
#[rstest]
#[case::later(1, true)]
#[case::then(0, false)]
fn a_snapshot_is_read_until_its_last_row_is_written(#[case] ms: i64, #[case] read: bool) {
    let mut scene = Scene::new(1).statements();
    scene.read(0, ANN);
    scene.last_record().timestamp = Some(ms);
    scene.insert(0, BOB);
    let verdict = judged(scene);
    assert_eq!(witnesses(&verdict).len(), usize::from(read), "{:?}", verdict.findings);
}
