//! Topics whose records are rows.

use rstest::rstest;

use super::super::testing::{Scene, failing, passes};
use super::super::verdict::{Outcome, Verdict};
use crate::base::anomaly::Anomaly;
use crate::history::event::Event;

const ANN: (i64, &str, i64, i64) = (1, "ann", 1, 10);
const BEA: (i64, &str, i64, i64) = (1, "bea", 1, 10);
const CID: (i64, &str, i64, i64) = (1, "cid", 1, 10);

/// One record: an image and whether it is marked as deleted, or a tombstone.
#[derive(Debug, Clone, Copy)]
enum Shown {
    Row((i64, &'static str, i64, i64), Option<bool>),
    Null,
}
use Shown::{Null, Row};

/// A row that comes, changes twice and goes; these records are what the topic shows of it.
fn told(mode: &str, shown: &[Shown]) -> Scene {
    let mut scene = Scene::new(1).statements();
    scene.option("transforms", "unwrap");
    scene.option("transforms.unwrap.type", "io.debezium.transforms.ExtractNewRecordState");
    scene.option("transforms.unwrap.delete.tombstone.handling.mode", mode);
    scene.commit(None, Some(ANN));
    scene.commit(Some(ANN), Some(BEA));
    scene.commit(Some(BEA), Some(CID));
    scene.commit(Some(CID), None);
    for record in shown {
        match record {
            Row(row, deleted) => scene.show_row(0, 1, Some((*row, *deleted))),
            Null => scene.show_row(0, 1, None),
        }
    }
    scene
}

fn judged(mut scene: Scene) -> Verdict {
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    scene.judged()
}

const IN: Option<bool> = Some(false);
const OUT: Option<bool> = Some(true);

#[rstest]
#[case("drop", &[Row(ANN, None), Row(BEA, None), Row(CID, None)])]
#[case("tombstone", &[Row(ANN, None), Row(BEA, None), Row(CID, None), Null])]
#[case("delete-to-tombstone", &[Row(ANN, None), Row(BEA, None), Row(CID, None), Null])]
#[case("rewrite", &[Row(ANN, IN), Row(BEA, IN), Row(CID, IN), Row(CID, OUT)])]
#[case("rewrite-with-tombstone", &[Row(ANN, IN), Row(BEA, IN), Row(CID, IN), Row(CID, OUT), Null])]
fn the_life_of_a_row_passes_as_each_mode_leaves_it(#[case] mode: &str, #[case] shown: &[Shown]) {
    passes(&judged(told(mode, shown)));
}

#[rstest]
#[case::lost("tombstone", &[Row(ANN, None), Row(CID, None), Null], Anomaly::LostChange)]
#[case::twice("tombstone", &[Row(ANN, None), Row(ANN, None), Row(BEA, None), Row(CID, None), Null], Anomaly::DuplicateChange)]
#[case::swapped("tombstone", &[Row(ANN, None), Row(CID, None), Row(BEA, None), Null], Anomaly::ReorderedKey)]
#[case::lost_tombstone("tombstone", &[Row(ANN, None), Row(BEA, None), Row(CID, None)], Anomaly::LostDelete)]
#[case::lost_delete("rewrite", &[Row(ANN, IN), Row(BEA, IN), Row(CID, IN)], Anomaly::LostDelete)]
#[case::no_tombstone("rewrite-with-tombstone", &[Row(ANN, IN), Row(BEA, IN), Row(CID, IN), Row(CID, OUT)], Anomaly::MissingTombstone)]
#[case::another_value("drop", &[Row(ANN, None), Row((1, "eva", 1, 10), None), Row(CID, None)], Anomaly::WrongValue)]
#[case::resurrected("tombstone", &[Row(ANN, None), Row(BEA, None), Row(CID, None), Null, Row(CID, None)], Anomaly::ResurrectedRow)]
fn what_is_wrong_with_a_row_is_told(
    #[case] mode: &str,
    #[case] shown: &[Shown],
    #[case] anomaly: Anomaly,
) {
    let verdict = judged(told(mode, shown));
    assert_eq!(failing(&verdict), [(anomaly, Some("1".to_owned()))]);
}

#[test]
fn rows_after_a_restart_are_unknown() {
    let mut scene = told("drop", &[Row(ANN, None), Row(BEA, None), Row(CID, None)]);
    for pid in [7, 8] {
        scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(pid) });
    }
    let verdict = judged(scene);
    assert_eq!((failing(&verdict), verdict.outcome), (Vec::new(), Outcome::Unknown));
}
