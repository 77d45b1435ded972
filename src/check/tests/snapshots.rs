//! Snapshots beside the first: by signals, and taken anew after a restart.

use rstest::rstest;
use serde_json::json;

use super::super::testing::{
    Payment, Scene, TOPIC, failing, image, json, passes, table, witnesses,
};
use super::super::verdict::{Outcome, Verdict};
use super::scene::{judged, names};
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::codec::pgoutput::{Cell, write};
use crate::history::event::{Event, Table};

const ANN: Payment<'_> = (1, "ann", 1, 10);
const ANN_2: Payment<'_> = (1, "ann", 1, 20);
const BOB: Payment<'_> = (2, "bob", 2, 5);
const CID: Payment<'_> = (3, "cid", 3, 1);

/// A row of a snapshot at this point; without one of an incremental snapshot.
pub(super) fn read(
    scene: &mut Scene,
    partition: usize,
    row: Payment<'_>,
    (point, mark): (Option<u64>, &str),
) {
    let source = json!({
        "snapshot": mark, "schema": "public", "table": "payments", "ts_ms": 0, "txId": null,
        "lsn": point,
    });
    let value =
        json!({"before": null, "after": json(row), "op": "r", "ts_ms": 0, "source": source});
    let key = scene.key(row);
    scene.record(TOPIC, partition, Some(key), Some(value.to_string()));
}

pub(super) fn chunk(scene: &mut Scene, partition: usize, row: Payment<'_>) {
    read(scene, partition, row, (None, "incremental"));
}

/// A pipeline with a table `signals (id, type, data)`, which is not captured.
pub(super) fn signalled() -> Scene {
    let mut scene = Scene::new(2).statements();
    scene.option("signal.data.collection", "public.signals");
    for event in &mut scene.events {
        if let Event::Tables { tables } = event {
            let mut columns = table().columns;
            columns.truncate(3);
            let name = "signals".to_owned();
            tables.push(Table { oid: 2, name, columns, captured: false, ..table() });
        }
    }
    scene
}

pub(super) fn signal(scene: &mut Scene, id: &str, kind: &str, data: &str) -> u64 {
    let row = [id, kind, data].map(|text| Cell::Text(text.to_owned())).to_vec();
    let lsn = scene.lsn;
    scene.transaction(Lsn(lsn), write::insert(2, &row));
    scene.lsn += 10;
    lsn + 8
}

pub(super) fn ask(scene: &mut Scene, kind: &str) -> u64 {
    let data = json!({"data-collections": ["public.payments"], "type": kind});
    signal(scene, "one", "execute-snapshot", &data.to_string())
}

pub(super) fn open(scene: &mut Scene) {
    signal(scene, "w-open", "snapshot-window-open", "{}");
}

pub(super) fn close(scene: &mut Scene) {
    signal(scene, "w-close", "snapshot-window-close", "{}");
}

/// Two rows, and an incremental snapshot that was asked for.
pub(super) fn asked() -> Scene {
    let mut scene = signalled();
    scene.insert(0, ANN);
    scene.insert(1, BOB);
    ask(&mut scene, "incremental");
    scene
}

#[test]
fn an_incremental_snapshot_reads_each_row_once_in_any_of_its_windows() {
    let mut scene = asked();
    open(&mut scene);
    scene.change(0, Some(ANN), Some(ANN_2));
    close(&mut scene);
    scene.insert(1, CID);
    open(&mut scene);
    close(&mut scene);
    chunk(&mut scene, 1, BOB);
    let verdict = judged(scene);
    // The row that changed in its window may be left out, and the one that came later too.
    passes(&verdict);
    assert_eq!(witnesses(&verdict), [(Anomaly::MidSnapshot, Some("1".to_owned()))]);
}

#[test]
fn a_row_that_stood_still_and_is_not_read_is_lost() {
    let mut scene = asked();
    open(&mut scene);
    close(&mut scene);
    chunk(&mut scene, 0, ANN);
    assert_eq!(failing(&judged(scene)), [(Anomaly::LostChange, Some("2".to_owned()))]);
}

#[test]
fn a_row_that_is_read_in_two_windows_is_a_duplicate() {
    let mut scene = asked();
    for _ in 0..2 {
        open(&mut scene);
        close(&mut scene);
    }
    chunk(&mut scene, 0, ANN);
    chunk(&mut scene, 1, BOB);
    chunk(&mut scene, 1, BOB);
    assert_eq!(failing(&judged(scene)), [(Anomaly::DuplicateChange, Some("2".to_owned()))]);
}

#[test]
fn a_row_as_it_was_before_a_change_in_its_window_is_no_row_of_the_snapshot() {
    let mut scene = asked();
    open(&mut scene);
    scene.change(0, Some(ANN), Some(ANN_2));
    close(&mut scene);
    chunk(&mut scene, 0, ANN);
    chunk(&mut scene, 1, BOB);
    assert_eq!(names(&judged(scene)), [Anomaly::PhantomChange]);
}

#[test]
fn a_row_that_is_older_than_what_was_streamed_before_it_is_out_of_order() {
    let mut scene = asked();
    open(&mut scene);
    close(&mut scene);
    chunk(&mut scene, 1, BOB);
    scene.change(0, Some(ANN), Some(ANN_2));
    chunk(&mut scene, 0, ANN);
    assert_eq!(failing(&judged(scene)), [(Anomaly::ReorderedKey, Some("1".to_owned()))]);
}

#[test]
fn an_incremental_snapshot_whose_window_is_open_is_not_known_to_be_complete() {
    let mut scene = asked();
    open(&mut scene);
    close(&mut scene);
    open(&mut scene);
    chunk(&mut scene, 0, ANN);
    let verdict = judged(scene);
    assert_eq!((names(&verdict), verdict.outcome), (Vec::new(), Outcome::Unknown));
}

/// A blocking snapshot for which the stream waits behind its signal; then the row changes, and the
/// stream goes on. `shown` is what the snapshot shows of the row.
fn blocking(shown: Payment<'_>, mark: &str) -> Verdict {
    let mut scene = signalled();
    scene.insert(0, ANN);
    scene.insert(1, BOB);
    let at = ask(&mut scene, "blocking");
    let lsn = scene.commit(Some(ANN), Some(ANN_2));
    read(&mut scene, 1, BOB, (Some(at), "first"));
    read(&mut scene, 0, shown, (Some(at), mark));
    scene.show(0, lsn, (Some(ANN), Some(ANN_2)));
    judged(scene)
}

#[test]
fn a_blocking_snapshot_may_show_what_the_stream_shows_behind_it() {
    passes(&blocking(ANN, "last"));
    passes(&blocking(ANN_2, "last"));
}

#[test]
fn a_blocking_snapshot_shows_what_the_table_held() {
    assert_eq!(names(&blocking((1, "ann", 1, 99), "last")), [Anomaly::WrongValue]);
}

#[test]
fn a_blocking_snapshot_without_its_last_row_is_not_known_to_be_complete() {
    assert_eq!(blocking(ANN, "true").outcome, Outcome::Unknown);
}

#[test]
fn a_blocking_snapshot_lacks_no_row() {
    let mut scene = signalled();
    scene.insert(0, ANN);
    scene.insert(1, BOB);
    let at = ask(&mut scene, "blocking");
    read(&mut scene, 0, ANN, (Some(at), "last"));
    assert_eq!(failing(&judged(scene)), [(Anomaly::LostChange, Some("2".to_owned()))]);
}

/// Two rows that the snapshot shows; the connector is started again, and takes another snapshot at a
/// later point. One row has changed in between, and the other is gone.
fn anew(streamed: bool, shown: Payment<'_>) -> Verdict {
    let mut scene = Scene::new(1).statements();
    scene.read(0, ANN);
    scene.read(0, BOB);
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(7) });
    let lsn = scene.commit(Some(BOB), None);
    if streamed {
        scene.show(0, lsn, (Some(BOB), None));
    }
    scene.commit(Some(ANN), Some(ANN_2));
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(8) });
    let point = scene.lsn;
    read(&mut scene, 0, shown, (Some(point), "last"));
    scene.insert(0, CID);
    judged(scene)
}

#[test]
fn a_snapshot_that_is_taken_anew_stands_for_what_was_not_streamed() {
    passes(&anew(true, ANN_2));
}

#[test]
fn a_delete_that_a_snapshot_taken_anew_does_not_show_is_lost() {
    assert_eq!(failing(&anew(false, ANN_2)), [(Anomaly::LostDelete, Some("2".to_owned()))]);
}

#[test]
fn a_snapshot_that_is_taken_anew_shows_the_rows_at_its_point() {
    assert_eq!(failing(&anew(true, ANN)), [(Anomaly::WrongValue, Some("1".to_owned()))]);
}

#[rstest]
#[case("stop-snapshot", json!({}))]
#[case("pause-snapshot", json!({}))]
#[case("resume-snapshot", json!({}))]
#[case("execute-snapshot", json!({"data-collections": ["public.payments"], "surrogate-key": "at"}))]
#[case("execute-snapshot", json!({"data-collections": ["public.payments"], "additional-condition": "1 = 0"}))]
#[case("execute-snapshot", json!({"data-collections": ["public.payments"], "type": "odd"}))]
fn a_signal_without_model_is_unknown(#[case] kind: &str, #[case] data: serde_json::Value) {
    let mut scene = signalled();
    scene.insert(0, ANN);
    signal(&mut scene, "one", kind, &data.to_string());
    let verdict = judged(scene);
    assert_eq!((names(&verdict), verdict.outcome), (Vec::new(), Outcome::Unknown));
    let told = verdict.gaps.iter().filter(|gap| gap.missing.contains("has no model"));
    assert_eq!(told.count(), 1, "{:?}", verdict.gaps);
}

#[test]
fn a_signal_that_was_not_streamed_asks_for_nothing() {
    let mut scene = signalled();
    let first = std::mem::replace(&mut scene.lsn, 900);
    ask(&mut scene, "incremental");
    scene.lsn = first;
    scene.insert(0, ANN);
    passes(&judged(scene));
}

/// As `anew`, but nothing was streamed before the later snapshot; `changes` are what it does not
/// show, and `shown` the rows that it shows.
fn unseen(
    changes: &[(Option<Payment<'_>>, Option<Payment<'_>>)],
    shown: &[Payment<'_>],
) -> Verdict {
    let mut scene = Scene::new(1).statements();
    scene.read(0, ANN);
    scene.read(0, BOB);
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(7) });
    for (old, new) in changes {
        scene.commit(*old, *new);
    }
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(8) });
    let point = scene.lsn;
    for (n, row) in shown.iter().enumerate() {
        let mark = if n + 1 == shown.len() { "last" } else { "true" };
        read(&mut scene, 0, *row, (Some(point), mark));
    }
    scene.insert(0, (4, "dan", 4, 1));
    judged(scene)
}

#[test]
fn a_delete_of_a_row_that_the_snapshot_taken_anew_shows_again_is_not_missed() {
    passes(&unseen(&[(Some(BOB), None), (None, Some(BOB))], &[ANN, BOB]));
}

#[test]
fn a_row_that_came_and_went_between_two_snapshots_is_not_missed() {
    passes(&unseen(&[(None, Some(CID)), (Some(CID), None)], &[ANN, BOB]));
}

/// The slot stood further back when it was looked at: its rows tell where the snapshot ends.
#[test]
fn the_rows_of_the_first_snapshot_tell_its_point_where_the_slot_stood_before_it() {
    let mut scene = Scene::new(1).statements();
    scene.commit(None, Some(ANN));
    let point = scene.lsn;
    read(&mut scene, 0, ANN, (Some(point), "last"));
    scene.insert(0, BOB);
    passes(&judged(scene));
}

/// A table that is not captured, whose rows have no key.
#[test]
fn a_delete_without_key_in_a_table_that_is_not_captured_is_not_lost() {
    let mut scene = Scene::new(1).statements();
    for event in &mut scene.events {
        if let Event::Tables { tables } = event {
            let (name, key) = ("notes".to_owned(), Vec::new());
            tables.push(Table { oid: 2, name, key, captured: false, ..table() });
        }
    }
    scene.read(0, ANN);
    scene.transaction(Lsn(900), write::insert(2, &image(CID)));
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(7) });
    scene.transaction(Lsn(scene.lsn), write::delete(2, &write::full(&image(CID))));
    scene.lsn += 10;
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(8) });
    let point = scene.lsn;
    read(&mut scene, 0, ANN, (Some(point), "last"));
    passes(&judged(scene));
}

/// Rows without a key do not tell which of them the topic has shown before.
#[rstest]
#[case::a_delete(Some(BOB), None, true)]
#[case::an_insert(None, Some(CID), false)]
fn a_delete_without_key_that_a_snapshot_taken_anew_skips_may_be_lost(
    #[case] old: Option<Payment<'_>>,
    #[case] new: Option<Payment<'_>>,
    #[case] told: bool,
) {
    let mut scene = Scene::new(1).statements();
    for event in &mut scene.events {
        if let Event::Tables { tables } = event {
            tables[0].key.clear();
        }
    }
    scene.read(0, ANN);
    scene.read(0, BOB);
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(7) });
    scene.commit(old, new);
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(8) });
    let point = scene.lsn;
    read(&mut scene, 0, ANN, (Some(point), "last"));
    let verdict = judged(scene);
    let gap = verdict.gaps.iter().any(|gap| gap.what == "whether `payments` lost deletes");
    assert_eq!(gap, told, "{:?}", verdict.gaps);
}
