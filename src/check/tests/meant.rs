//! Which change a record stands for, where more than one could be meant.

use serde_json::json;

use super::super::testing::{Payment, Scene, TOPIC, failing, image, json as row, passes, xid};
use super::scene::judged;
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::codec::pgoutput::write;
use crate::history::event::Event;

const ANN: Payment<'_> = (1, "ann", 1, 10);
const BOB: Payment<'_> = (2, "bob", 2, 5);

#[test]
fn a_tombstone_belongs_to_the_delete_before_it() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    scene.commit(Some(ANN), None);
    scene.insert(0, ANN);
    scene.change(0, Some(ANN), None);
    let found = failing(&judged(scene));
    assert_eq!(found, [(Anomaly::LostDelete, Some("1".to_owned()))]);
}

#[test]
fn changes_at_one_place_are_told_apart_by_their_keys() {
    let mut scene = Scene::new(2).statements();
    let lsn = Lsn(scene.lsn);
    let (commit, end) = (Lsn(lsn.0 + 4), Lsn(lsn.0 + 8));
    let inserts = [ANN, BOB].map(|row| write::insert(1, &image(row)));
    let [one, other] = inserts;
    for data in [write::begin(commit, 0, xid(lsn)), one, other, write::commit(commit, end, 0)] {
        scene.events.push(Event::Wal { lsn, xid: xid(lsn), data });
    }
    scene.lsn += 10;
    // The partitions are read in another order.
    scene.show(1, lsn, (None, Some(BOB)));
    scene.show(0, lsn, (None, Some(ANN)));
    passes(&judged(scene));
}

#[test]
fn a_row_of_a_snapshot_that_names_no_row_is_the_one_that_its_key_names() {
    let mut scene = Scene::new(1).statements();
    scene.held(ANN);
    let value = json!({
        "before": null, "after": row((9, "ann", 1, 10)), "op": "r", "ts_ms": 0,
        "source": {
            "snapshot": "true", "schema": "public", "table": "payments", "ts_ms": 0,
            "txId": null, "lsn": 1000,
        },
    });
    let key = scene.key(ANN);
    scene.record(TOPIC, 0, Some(key), Some(value.to_string()));
    scene.insert(0, BOB);
    let names = failing(&judged(scene)).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert!(names.contains(&Anomaly::KeyValueMismatch), "{names:?}");
    assert!(!names.contains(&Anomaly::LostChange), "{names:?}");
    assert!(!names.contains(&Anomaly::PhantomChange), "{names:?}");
}
