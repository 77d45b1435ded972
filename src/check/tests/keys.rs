//! Topics whose key is another than the primary key.

use rstest::rstest;

use super::super::testing::{Payment, Scene, failing, image, passes, xid};
use super::super::verdict::{Outcome, Verdict};
use super::scene::judged;
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::base::text::Text;
use crate::codec::pgoutput::{Cell, write};
use crate::history::event::{Bytes, Event};
use crate::scenario::expect::{Life, LifeItem};
use crate::scenario::settings::ReplicaIdentity;

const ANN: Payment<'_> = (1, "ann", 1, 10);
const ANN_2: Payment<'_> = (2, "ann", 2, 5);
const BOB: Payment<'_> = (2, "bob", 2, 5);

fn scene() -> Scene {
    Scene::new(2).keyed_by_account().statements()
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

/// Under the default identity the WAL has only the primary key of a row that is deleted.
#[rstest]
#[case::no_row_is_deleted(false)]
#[case::a_row_is_deleted(true)]
fn a_key_that_the_wal_does_not_carry_is_unknown_once_it_is_needed(#[case] deleted: bool) {
    let mut scene = scene();
    scene.change_table(|table| table.identity = ReplicaIdentity::Default);
    scene.insert(0, ANN);
    if deleted {
        let row = [Cell::Text("1".to_owned()), Cell::Null, Cell::Null, Cell::Null];
        let lsn = Lsn(scene.lsn);
        scene.transaction(lsn, write::delete(1, &write::key(&row)));
        scene.lsn += 10;
    }
    let verdict = judged(scene);
    let told = verdict.gaps.iter().any(|gap| gap.missing.contains("has `account` by"));
    assert_eq!(told, deleted, "{:?}", verdict.gaps);
    assert_eq!(verdict.outcome, if deleted { Outcome::Unknown } else { Outcome::Pass });
}

/// `COPY` writes many rows at one LSN: what their records show tells them apart.
#[rstest]
#[case::with_a_primary_key(true)]
#[case::without(false)]
fn rows_of_one_key_at_one_lsn_are_told_apart_by_their_values(#[case] keyed: bool) {
    let mut scene = scene();
    if !keyed {
        scene.change_table(|table| table.key.clear());
    }
    let lsn = Lsn(scene.lsn);
    let (commit, end) = (Lsn(lsn.0 + 4), Lsn(lsn.0 + 8));
    let rows = [ANN, ANN_2].map(|row| write::insert(1, &image(row)));
    let [one, two] = rows;
    for data in [write::begin(commit, 0, xid(lsn)), one, two, write::commit(commit, end, 0)] {
        scene.events.push(Event::Wal { lsn, xid: xid(lsn), data });
    }
    scene.lsn += 10;
    scene.show(0, lsn, (None, Some(ANN_2)));
    scene.show(0, lsn, (None, Some(ANN)));
    scene.insert(1, (5, "cid", 1, 1));
    assert_eq!(failing(&judged(scene)), at_ann(Anomaly::ReorderedKey));
}

#[rstest]
#[case::with_a_primary_key(true, Outcome::Pass)]
#[case::without(false, Outcome::Unknown)]
fn the_life_of_a_row_under_another_key_needs_a_primary_key(
    #[case] keyed: bool,
    #[case] outcome: Outcome,
) {
    let mut scene = scene();
    if !keyed {
        scene.change_table(|table| table.key.clear());
    }
    scene.insert(0, ANN);
    let item = LifeItem { events: vec!["c".to_owned()], min: 1, max: Some(1) };
    let place = Text::whole("p.yaml".into(), String::new()).place(0);
    let life = Life { place, source: "c".to_owned(), items: vec![item] };
    let lives = [("1".to_owned(), life)].into();
    scene.header.trial.expect.life.insert("payments".to_owned(), lives);
    let verdict = judged(scene);
    assert_eq!(verdict.outcome, outcome, "{:?} {:?}", verdict.unmet, verdict.gaps);
    let told = verdict.gaps.iter().any(|gap| gap.missing.contains("may share a key of"));
    assert_eq!(told, !keyed, "{:?}", verdict.gaps);
}

/// Two rows of a table without key, whose records have none either.
fn keyless() -> Scene {
    let mut scene = Scene::new(2).statements();
    scene.change_table(|table| table.key.clear());
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(7) });
    scene.insert(0, ANN);
    scene.insert(1, BOB);
    scene
}

fn judged_keyless(mut scene: Scene) -> Verdict {
    for event in &mut scene.events {
        if let Event::Record(record) = event {
            record.key = None;
        }
    }
    judged(scene)
}

/// Which of two tombstones without key belongs to which delete, no one can tell.
#[test]
fn tombstones_without_key_have_no_order() {
    let mut scene = keyless();
    let ann = scene.commit(Some(ANN), None);
    let bob = scene.commit(Some(BOB), None);
    scene.show(1, bob, (Some(BOB), None));
    scene.show(0, ann, (Some(ANN), None));
    passes(&judged_keyless(scene));
}

/// Without key nothing says on which partition a row stands, and when it is written again it may be
/// another one.
#[test]
fn what_is_written_again_without_key_may_stand_on_another_partition() {
    let mut scene = keyless();
    let lsns = [1000, 1010].map(Lsn);
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(8) });
    scene.show(1, lsns[0], (None, Some(ANN)));
    scene.show(0, lsns[1], (None, Some(BOB)));
    passes(&judged_keyless(scene));
}

/// How the record of the second of three changes of one row writes its key.
fn respelled(key: &str) -> Verdict {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    let (second, third) = ((1, "ann", 1, 11), (1, "ann", 1, 12));
    scene.change(0, Some(ANN), Some(second));
    scene.last_record().key = Some(Bytes(key.as_bytes().to_vec()));
    scene.change(0, Some(second), Some(third));
    judged(scene)
}

#[rstest]
#[case::alike(r#"{"id":1}"#, false)]
#[case::behind_its_schema(r#"{"schema":{"type":"struct"},"payload":{"id":1}}"#, true)]
#[case::another_number(r#"{"id":1.0}"#, true)]
#[case::white_space(r#"{"id": 1}"#, true)]
fn a_key_is_written_in_one_way(#[case] key: &str, #[case] told: bool) {
    let verdict = respelled(key);
    let wanted = [(Anomaly::RespelledKey, Some("1".to_owned()))];
    assert_eq!(failing(&verdict), if told { &wanted[..] } else { &[] });
    let Some(found) = verdict.findings.first() else { return };
    assert_eq!(found.finding.record.as_ref().map(|record| record.offset), Some(1));
    assert_eq!(found.finding.difference[0].captured.as_deref(), Some(key));
    assert!(found.finding.sentence.contains("to Kafka these are two keys"));
}

/// Keys of two parts, of which one record writes them in the other order.
#[test]
fn the_fields_of_a_key_keep_their_order() {
    let mut scene = Scene::new(1).statements();
    scene.change_table(|table| table.key = vec!["id".to_owned(), "account".to_owned()]);
    let keys = [r#"{"id":1,"account":"ann"}"#, r#"{"account":"ann","id":1}"#];
    let changes = [(None, Some(ANN)), (Some(ANN), Some((1, "ann", 1, 11)))];
    for (key, (old, new)) in itertools::zip_eq(keys, changes) {
        scene.change(0, old, new);
        scene.last_record().key = Some(Bytes(key.as_bytes().to_vec()));
    }
    let found = failing(&judged(scene));
    assert_eq!(found, [(Anomaly::RespelledKey, Some("1,ann".to_owned()))]);
}

/// The second spelling lies on another partition.
#[test]
fn a_key_that_moved_because_it_is_written_otherwise_is_told_once() {
    let mut scene = Scene::new(2).statements();
    scene.insert(0, ANN);
    scene.change(1, Some(ANN), Some((1, "ann", 1, 11)));
    scene.last_record().key = Some(Bytes(br#"{"id":1.0}"#.to_vec()));
    let verdict = judged(scene);
    assert_eq!(failing(&verdict), [(Anomaly::MovedKey, Some("1".to_owned()))]);
    let sentence = &verdict.findings[0].finding.sentence;
    assert!(sentence.contains("written otherwise"), "{sentence}");
}
