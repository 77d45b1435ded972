//! Topics whose records are rows.

use rstest::rstest;
use serde_json::{Value, json};

use super::super::testing::{Scene, failing, passes, xid};
use super::super::verdict::Outcome;
use super::scene::judged;
use super::snapshots::{ask, signalled};
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
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

/// The options by which rows say what they come from.
const TELLING: [&str; 2] = ["add.fields", "add.headers"];

fn with_fields(shown: &[(usize, &[(&str, Value)])]) -> Scene {
    telling(TELLING[0], shown)
}

/// A row that comes and changes twice, and whose records tell fields of the envelope; `shown` are the
/// places of the changes whose record comes, and what each says other than it is.
fn telling(option: &str, shown: &[(usize, &[(&str, Value)])]) -> Scene {
    let mut scene = Scene::new(1).statements();
    scene.option("transforms", "unwrap");
    scene.option("transforms.unwrap.type", "io.debezium.transforms.ExtractNewRecordState");
    let in_headers = option == TELLING[1];
    scene.option(&format!("transforms.unwrap.{option}"), "op,lsn,source.txId,source.ts_ms");
    let commits = [
        (scene.commit(None, Some(ANN)), ANN, "c"),
        (scene.commit(Some(ANN), Some(BEA)), BEA, "u"),
        // The same values once more: only the fields tell this record from the one before.
        (scene.commit(Some(BEA), Some(BEA)), BEA, "u"),
    ];
    for (place, other) in shown {
        let (lsn, row, op) = commits[*place];
        let mut fields = vec![
            ("__op", json!(op)),
            ("__lsn", json!(lsn.0)),
            ("__source_txId", json!(xid(lsn).0)),
            ("__source_ts_ms", json!(0)),
        ];
        for (name, value) in *other {
            fields
                .iter_mut()
                .filter(|(own, _)| own == name)
                .for_each(|(_, own)| *own = value.clone());
        }
        if in_headers {
            scene.show_row_headed(1, row, &fields);
        } else {
            scene.show_row_with(1, row, &fields);
        }
    }
    scene
}

#[rstest]
fn rows_that_say_their_operation_and_position_pass(#[values(0, 1)] option: usize) {
    passes(&judged(telling(TELLING[option], &[(0, &[]), (1, &[]), (2, &[])])));
}

#[rstest]
#[case::another_operation(&[("__op", json!("c"))])]
#[case::another_position(&[("__lsn", json!(7))])]
#[case::another_transaction(&[("__source_txId", json!(7))])]
fn a_row_that_says_of_itself_what_it_is_not_is_a_phantom(
    #[case] other: &[(&str, Value)],
    #[values(0, 1)] option: usize,
) {
    let shown: [(usize, &[(&str, Value)]); 3] = [(0, &[]), (1, other), (2, &[])];
    let verdict = judged(telling(TELLING[option], &shown));
    let found: Vec<Anomaly> = failing(&verdict).into_iter().map(|(anomaly, _)| anomaly).collect();
    assert_eq!(found, [Anomaly::LostChange, Anomaly::PhantomChange]);
}

#[test]
fn rows_of_equal_values_in_the_wrong_order_are_told_apart_by_what_they_say() {
    let verdict = judged(with_fields(&[(0, &[]), (2, &[]), (1, &[])]));
    assert_eq!(failing(&verdict), [(Anomaly::ReorderedKey, Some("1".to_owned()))]);
}

#[rstest]
#[case::replayed(&[0, 1, 2], &[1, 2], &[])]
#[case::lost_before(&[0, 2], &[2], &[Anomaly::LostChange])]
fn rows_that_say_their_position_are_judged_after_a_restart(
    #[case] before: &[usize],
    #[case] behind: &[usize],
    #[case] anomalies: &[Anomaly],
) {
    let shown: Vec<usize> = [before, behind].concat();
    let shown: Vec<(usize, &[(&str, Value)])> = shown.iter().map(|n| (*n, &[][..])).collect();
    let mut scene = with_fields(&shown);
    // The connector's slot is read by another process from there on.
    let reader = |pid| Event::Walsender { slot: "s".to_owned(), pid: Some(pid) };
    let behind = scene.events.len() - behind.len();
    scene.events.insert(behind, reader(8));
    scene.events.insert(0, reader(7));
    let verdict = judged(scene);
    let found: Vec<Anomaly> = failing(&verdict).into_iter().map(|(anomaly, _)| anomaly).collect();
    assert_eq!((found.as_slice(), verdict.outcome == Outcome::Unknown), (anomalies, false));
}

/// The row comes again, and says nothing of the snapshot that it is of.
#[rstest]
fn a_further_snapshot_of_rows_is_unknown(#[values("blocking", "incremental")] kind: &str) {
    let mut scene = signalled();
    scene.option("transforms", "unwrap");
    scene.option("transforms.unwrap.type", "io.debezium.transforms.ExtractNewRecordState");
    scene.commit(None, Some(ANN));
    scene.show_row(0, 1, Some((ANN, None)));
    ask(&mut scene, kind);
    scene.show_row(0, 1, Some((ANN, None)));
    let verdict = judged(scene);
    assert_eq!((failing(&verdict), verdict.outcome), (Vec::new(), Outcome::Unknown));
    let why = "a further snapshot of rows without envelope has no model";
    assert!(verdict.gaps.iter().any(|gap| gap.missing == why), "{:?}", verdict.gaps);
}

/// A row changes, and comes again as it is then: as the row of a snapshot that is taken at a later point,
/// where the connector was started again.
#[rstest]
#[case::with_its_operation("op,lsn,txId", true, 1010, true)]
#[case::without("lsn,txId", true, 1010, true)]
#[case::nothing_was_started_again("lsn,txId", false, 1010, false)]
#[case::at_the_point_of_the_first("lsn,txId", true, 1000, false)]
#[case::at_the_point_of_the_first_with_its_operation("op,lsn,txId", true, 1000, false)]
fn a_snapshot_of_rows_that_is_taken_anew_is_unknown(
    #[case] added: &str,
    #[case] restarted: bool,
    #[case] point: u64,
    #[case] unknown: bool,
) {
    let mut scene = Scene::new(1).statements();
    scene.option("transforms", "unwrap");
    scene.option("transforms.unwrap.type", "io.debezium.transforms.ExtractNewRecordState");
    scene.option("transforms.unwrap.add.fields", added);
    let told = |lsn: u64| {
        let mut told = vec![("__lsn", json!(lsn)), ("__txId", json!(lsn))];
        if added.starts_with("op") {
            told.push(("__op", json!("r")));
        }
        told
    };
    scene.held(ANN);
    scene.show_row_with(1, ANN, &told(1000));
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(7) });
    // Its change stands at 1000, as the first snapshot does.
    scene.commit(Some(ANN), Some(BEA));
    let pid = if restarted { 8 } else { 7 };
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(pid) });
    scene.show_row_with(1, BEA, &told(point));
    let verdict = judged(scene);
    let why = "a further snapshot of rows without envelope has no model";
    let is_told = verdict.gaps.iter().any(|gap| gap.missing == why);
    assert_eq!(is_told, unknown, "{:?}", verdict.gaps);
    assert!(!unknown || failing(&verdict).is_empty(), "{:?}", verdict.findings);
}

/// What comes again of the stream says the place of its change.
#[test]
fn rows_that_come_again_are_no_snapshot_that_is_taken_anew() {
    let mut scene = Scene::new(1).statements();
    scene.option("transforms", "unwrap");
    scene.option("transforms.unwrap.type", "io.debezium.transforms.ExtractNewRecordState");
    scene.option("transforms.unwrap.add.fields", "lsn,txId");
    scene.lsn = 1010;
    let lsn = scene.commit(None, Some(ANN));
    let told = [("__lsn", json!(lsn.0)), ("__txId", json!(xid(lsn).0))];
    for pid in [7, 8] {
        scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(pid) });
        scene.show_row_with(1, ANN, &told);
    }
    passes(&judged(scene));
}

/// A row comes and goes so many times; what came last comes again behind a restart. Its delete is a
/// tombstone, which says nothing of its place.
#[rstest]
#[case::deleted_once(1, Outcome::Pass)]
#[case::deleted_twice(2, Outcome::Unknown)]
fn tombstones_that_come_again_are_told_apart_where_there_is_one_delete(
    #[case] deletes: usize,
    #[case] outcome: Outcome,
) {
    let mut scene = Scene::new(1).statements();
    scene.option("transforms", "unwrap");
    scene.option("transforms.unwrap.type", "io.debezium.transforms.ExtractNewRecordState");
    scene.option("transforms.unwrap.add.fields", "lsn,txId");
    scene.lsn = 1010;
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(7) });
    let show = |scene: &mut Scene, lsn: Lsn| {
        let told = [("__lsn", json!(lsn.0)), ("__txId", json!(xid(lsn).0))];
        scene.show_row_with(1, ANN, &told);
        scene.show_row(0, 1, None);
    };
    let mut last = Lsn(0);
    for _ in 0..deletes {
        last = scene.commit(None, Some(ANN));
        scene.commit(Some(ANN), None);
        show(&mut scene, last);
    }
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(8) });
    show(&mut scene, last);
    let verdict = judged(scene);
    assert_eq!((failing(&verdict), verdict.outcome), (Vec::new(), outcome), "{:?}", verdict.gaps);
    let is_told = verdict.gaps.iter().any(|gap| gap.missing.contains("a tombstone of key 1"));
    assert_eq!(is_told, outcome == Outcome::Unknown);
}

#[test]
fn a_row_that_is_again_as_it_was_is_the_next_of_its_key() {
    let mut scene = Scene::new(1).statements();
    scene.option("transforms", "unwrap");
    scene.option("transforms.unwrap.type", "io.debezium.transforms.ExtractNewRecordState");
    scene.commit(None, Some(ANN));
    scene.commit(Some(ANN), Some(BEA));
    scene.commit(Some(BEA), Some(ANN));
    for row in [ANN, BEA, ANN] {
        scene.show_row(0, 1, Some((row, None)));
    }
    passes(&judged(scene));
}
