//! A connector that is given another configuration, and topics that are given more partitions.

use rstest::rstest;

use super::super::testing::{SINK, Scene, TOPIC, at, failing, passes};
use super::super::verdict::{Gap, Outcome, Verdict};
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::history::event::{Event, Role, Topic};
use crate::model::partitioner::default_partition;
use crate::scenario::settings::Options;

const ANN: (i64, &str, i64, i64) = (1, "ann", 1, 10);
const BOB: (i64, &str, i64, i64) = (2, "bob", 2, 5);
const CID: (i64, &str, i64, i64) = (3, "cid", 3, 5);

/// Ann and Bob are there, and the connector captures everything.
fn scene() -> Scene {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    scene.insert(0, BOB);
    scene.header.trial.pipeline.sinks.clear();
    scene
}

/// From here on the connector leaves deletes out.
fn leave_deletes_out(scene: &mut Scene, (before, after): (Lsn, Lsn)) {
    let pairs = [("decimal.handling.mode", "string"), ("skipped.operations", "d")];
    let config: Options = pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    scene.events.push(Event::Reconfigured { entry: 1, connector: None, config, before, after });
}

/// Everything up to a change's own end.
fn behind(lsn: Lsn) -> (Lsn, Lsn) {
    (Lsn(lsn.0 + 8), Lsn(lsn.0 + 9))
}

fn judged(mut scene: Scene) -> Verdict {
    scene.insert(0, CID);
    scene.proof(None, &[]);
    scene.judged()
}

#[test]
fn what_is_left_out_behind_the_change_is_not_missed() {
    let mut scene = scene();
    let deleted = scene.commit(Some(ANN), None);
    scene.show(0, deleted, (Some(ANN), None));
    leave_deletes_out(&mut scene, behind(deleted));
    scene.commit(Some(BOB), None);
    passes(&judged(scene));
}

#[test]
fn what_was_committed_before_the_change_is_missed() {
    let mut scene = scene();
    let deleted = scene.commit(Some(ANN), None);
    leave_deletes_out(&mut scene, behind(deleted));
    scene.commit(Some(BOB), None);
    let failing = failing(&judged(scene));
    assert!(failing.contains(&(Anomaly::LostDelete, Some("1".to_owned()))), "{failing:?}");
    assert!(!failing.iter().any(|(_, key)| key.as_deref() == Some("2")), "{failing:?}");
}

/// The delete ends at 8.
#[rstest]
#[case::before_the_change_is_over(9)]
#[case::as_the_change_is_over(8)]
fn a_commit_in_the_middle_of_the_change_is_unknown(#[case] after: u64) {
    let mut scene = scene();
    let deleted = scene.commit(Some(ANN), None);
    leave_deletes_out(&mut scene, (Lsn(deleted.0), Lsn(deleted.0 + after)));
    let verdict = judged(scene);
    assert_eq!((failing(&verdict), verdict.outcome), (Vec::new(), Outcome::Unknown));
}

#[test]
fn what_was_committed_before_and_written_behind_the_change_is_unknown() {
    let mut scene = scene();
    let deleted = scene.commit(Some(ANN), None);
    leave_deletes_out(&mut scene, behind(deleted));
    scene.show(0, deleted, (Some(ANN), None));
    let verdict = judged(scene);
    assert_eq!((failing(&verdict), verdict.outcome), (Vec::new(), Outcome::Unknown));
}

/// So many records of what was committed behind the change stand before it.
#[rstest]
fn each_record_behind_the_change_is_behind_it(#[values(0, 1)] n_before: i64) {
    let mut scene = scene();
    let row = (4, "dan", 4, 1);
    let inserted = scene.commit(None, Some(row));
    leave_deletes_out(&mut scene, behind(inserted));
    for n in 0..n_before {
        scene.insert(0, (5 + n, "eve", 4, 1));
    }
    scene.show(0, inserted, (None, Some(row)));
    let verdict = judged(scene);
    assert_eq!((failing(&verdict), verdict.outcome), (Vec::new(), Outcome::Unknown));
}

/// From here on the topic has three partitions.
fn grow(scene: &mut Scene) {
    let topic = |name: &str, partitions, role| Topic {
        name: name.to_owned(),
        physical: format!("r.{name}"),
        partitions,
        role,
        options: Options::new(),
        connector: None,
    };
    let source = Role::Source { table: "public.payments".to_owned() };
    let topics =
        vec![topic(TOPIC, 3, source), topic(SINK, 1, Role::Sink { sink: SINK.to_owned() })];
    scene.events.push(Event::Reshaped { entry: 1, grown: vec![TOPIC.to_owned()], topics });
}

#[test]
fn a_key_that_moves_to_a_new_partition_is_told_with_what_moved_it() {
    let mut scene = scene();
    grow(&mut scene);
    scene.partitions = 3;
    scene.change(2, Some(ANN), Some((1, "ann", 1, 11)));
    let verdict = judged(scene);
    assert_eq!(failing(&verdict), [(Anomaly::MovedKey, Some("1".to_owned()))]);
    let sentence = &verdict.findings[0].finding.sentence;
    assert!(sentence.contains("entry 2 gave it more partitions than the 1"), "{sentence}");
}

#[test]
fn partitions_that_nothing_was_written_to_change_nothing() {
    let mut scene = scene();
    grow(&mut scene);
    scene.partitions = 3;
    let verdict = judged(scene);
    assert_eq!((failing(&verdict), verdict.outcome), (Vec::new(), Outcome::Pass));
    let told = verdict.warnings.iter().any(|line| line.contains("changed nothing"));
    assert!(told, "{:?}", verdict.warnings);
}

#[test]
fn a_window_over_partitions_that_were_added_is_unknown() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    grow(&mut scene);
    scene.partitions = 3;
    scene.insert(2, CID);
    scene.insert(0, (9, "tick", 20, 0));
    scene.fires(("ann", 10, 10));
    scene.proof(Some(at(20)), &[]);
    let verdict = scene.judged();
    assert_eq!(verdict.outcome, Outcome::Unknown);
    let names = |gap: &Gap| gap.missing.contains("was given more partitions during the run");
    assert!(verdict.gaps.iter().any(names), "{:?}", verdict.gaps);
}

#[test]
fn the_first_partition_that_was_added_is_one_of_them() {
    let mut scene = scene();
    grow(&mut scene);
    scene.partitions = 3;
    let (_, account, minutes, amount) = CID;
    // One whose key belongs on that partition.
    let row = |id: i64| (id, account, minutes, amount);
    let of = |id: &i64| default_partition(scene.key(row(*id)).as_bytes(), 3) == 1;
    let id = (3..100).find(of).unwrap();
    scene.insert(1, row(id));
    passes(&judged(scene));
}

/// From here on the connector leaves `account` out.
fn leave_a_column_out(scene: &mut Scene, (before, after): (Lsn, Lsn)) {
    let pairs =
        [("decimal.handling.mode", "string"), ("column.exclude.list", "public.payments.account")];
    let config: Options = pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    scene.events.push(Event::Reconfigured { entry: 1, connector: None, config, before, after });
}

/// Shows an insert without its `account`.
fn show_without(scene: &mut Scene, lsn: Lsn, row: (i64, &str, i64, i64)) {
    scene.show(0, lsn, (None, Some(row)));
    let value = scene.last_record().value.as_mut().expect("it has a value");
    let mut shown: serde_json::Value = serde_json::from_slice(&value.0).expect("it is JSON");
    shown["after"].as_object_mut().expect("it is a row").remove("account");
    value.0 = shown.to_string().into_bytes();
}

/// Whether the column is shown before and behind the change, and what is found then.
#[rstest]
#[case::as_configured((true, false), &[])]
#[case::gone_before((false, false), &["1"])]
#[case::there_behind((true, true), &["2"])]
fn a_column_that_is_left_out_from_here_on(
    #[case] (before, behind_it): (bool, bool),
    #[case] keys: &[&str],
) {
    let mut scene = Scene::new(1).statements();
    scene.header.trial.pipeline.sinks.clear();
    let show = |scene: &mut Scene, row, whole: bool| {
        let lsn = scene.commit(None, Some(row));
        if whole {
            scene.show(0, lsn, (None, Some(row)));
        } else {
            show_without(scene, lsn, row);
        }
        lsn
    };
    let last = show(&mut scene, ANN, before);
    leave_a_column_out(&mut scene, behind(last));
    show(&mut scene, BOB, behind_it);
    scene.proof(None, &[]);
    let verdict = scene.judged();
    let found = failing(&verdict).into_iter().filter_map(|(_, key)| key).collect::<Vec<_>>();
    assert_eq!(found, keys, "{verdict:?}");
}

#[test]
fn a_transaction_that_is_open_over_another_form_is_not_judged() {
    let mut scene = scene();
    let row = (4, "dan", 4, 1);
    let inserted = scene.commit(None, Some(row));
    // Its change stands before the configuration, and its end behind it.
    leave_a_column_out(&mut scene, (Lsn(inserted.0 - 1), Lsn(inserted.0 + 1)));
    show_without(&mut scene, inserted, row);
    let verdict = judged(scene);
    assert_eq!((failing(&verdict), verdict.outcome), (Vec::new(), Outcome::Unknown));
}
