//! Records that the connector's lists or transforms make others of.

use rstest::rstest;
use serde_json::{Value, json};

use super::super::testing::{Scene, TOPIC, failing, passes, xid};
use super::super::verdict::Outcome;
use super::scene::judged;
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;

type Payment = (i64, &'static str, i64, i64);
const ANN: Payment = (1, "ann", 1, 10);
const BEA: Payment = (1, "bea", 1, 10);

/// Kafka's own transform `t`, of the rows that the unwrapping one leaves.
fn unwrapped(options: &[(&str, &str)]) -> Scene {
    let mut scene = Scene::new(1).statements();
    scene.option("transforms", "u,t");
    scene.option("transforms.u.type", "io.debezium.transforms.ExtractNewRecordState");
    for (option, value) in options {
        let value = if *option == "type" {
            format!("org.apache.kafka.connect.transforms.{value}")
        } else {
            (*value).to_owned()
        };
        scene.option(&format!("transforms.t.{option}"), &value);
    }
    scene
}

fn row((id, account, minutes, amount): Payment) -> Value {
    json!({"id": id, "account": account, "at": super::super::testing::at(minutes), "amount": amount})
}

const MASK: &[(&str, &str)] =
    &[("type", "MaskField$Value"), ("fields", "account"), ("replacement", "***")];
const RENAME: &[(&str, &str)] =
    &[("type", "ReplaceField$Value"), ("renames", "account:who"), ("exclude", "amount")];
const PUT: &[(&str, &str)] =
    &[("type", "InsertField$Value"), ("static.field", "site"), ("static.value", "here")];
const CAST: &[(&str, &str)] = &[("type", "Cast$Value"), ("spec", "amount:string")];

#[rstest]
#[case::masked(MASK, json!({"account": "***"}), &[])]
#[case::not_masked(MASK, json!({}), &[Anomaly::WrongValue])]
#[case::masked_otherwise(MASK, json!({"account": "**"}), &[Anomaly::WrongValue])]
#[case::masked_too_much(MASK, json!({"account": "***", "amount": 0}), &[Anomaly::WrongValue])]
#[case::renamed(RENAME, json!({"who": "ann", "account": null, "amount": null}), &[])]
#[case::renamed_and_wrong(RENAME, json!({"who": "bob", "account": null, "amount": null}), &[Anomaly::WrongValue])]
#[case::not_renamed(RENAME, json!({"amount": null}), &[Anomaly::SchemaDrift])]
#[case::not_left_out(RENAME, json!({"who": "ann", "account": null}), &[Anomaly::SchemaDrift])]
#[case::put_in(PUT, json!({"site": "here"}), &[])]
#[case::not_put_in(PUT, json!({}), &[Anomaly::WrongValue])]
#[case::put_in_otherwise(PUT, json!({"site": "there"}), &[Anomaly::WrongValue])]
#[case::cast(CAST, json!({"amount": "10"}), &[])]
#[case::not_cast(CAST, json!({}), &[Anomaly::WrongValue])]
#[case::cast_wrongly(CAST, json!({"amount": "11"}), &[Anomaly::WrongValue])]
fn rows_are_what_a_transform_makes_of_them(
    #[case] options: &[(&str, &str)],
    #[case] change: Value,
    #[case] expected: &[Anomaly],
) {
    let mut scene = unwrapped(options);
    scene.commit(None, Some(ANN));
    let mut shown = row(ANN);
    // A field that is null here is not there.
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            shown.as_object_mut().unwrap().remove(name);
        } else {
            shown[name] = value.clone();
        }
    }
    scene.record(TOPIC, 0, Some(json!({"id": 1}).to_string()), Some(shown.to_string()));
    let verdict = judged(scene);
    let names = failing(&verdict).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, expected, "{:?}", verdict.gaps);
    let outcome = if expected.is_empty() { Outcome::Pass } else { Outcome::Fail };
    assert_eq!(verdict.outcome, outcome);
}

fn envelope(lsn: Lsn, op: &str, (before, after): (Option<Value>, Option<Value>)) -> String {
    json!({
        "before": before, "after": after, "op": op, "ts_ms": 0,
        "source": {
            "snapshot": "false", "schema": "public", "table": "payments", "ts_ms": 0,
            "txId": xid(lsn).0, "lsn": lsn.0,
        },
    })
    .to_string()
}

/// A row that comes and is deleted, with this in the place of its account.
fn listed(option: &str, column: &str, account: Option<&str>) -> Scene {
    let mut scene = Scene::new(1).statements();
    scene.option(option, column);
    let shown = |row: Value| {
        let mut row = row;
        match account {
            Some(account) => row["account"] = json!(account),
            None => drop(row.as_object_mut().unwrap().remove("account")),
        }
        Some(row)
    };
    let key = || Some(json!({"id": 1}).to_string());
    let created = scene.commit(None, Some(ANN));
    scene.record(TOPIC, 0, key(), Some(envelope(created, "c", (None, shown(row(ANN))))));
    let deleted = scene.commit(Some(ANN), None);
    scene.record(TOPIC, 0, key(), Some(envelope(deleted, "d", (shown(row(ANN)), None))));
    scene.record(TOPIC, 0, key(), None);
    scene
}

#[rstest]
#[case::masked("column.mask.with.2.chars", Some("**"), true)]
#[case::masked_by_more("column.mask.with.2.chars", Some("***"), false)]
#[case::not_masked("column.mask.with.2.chars", Some("ann"), false)]
#[case::cut("column.truncate.to.2.chars", Some("an"), true)]
#[case::not_cut("column.truncate.to.2.chars", Some("ann"), false)]
#[case::left_out("column.exclude.list", None, true)]
#[case::not_left_out("column.exclude.list", Some("ann"), false)]
#[case::hashed(
    "column.mask.hash.v2.SHA-256.with.salt.salt",
    Some("43e65e7f7ea7c28977d9a35c20b581e4ef68c04bb062306cce46e9b51a88910a"),
    true
)]
#[case::hashed_without_its_salt(
    "column.mask.hash.v2.SHA-256.with.salt.pepper",
    Some("43e65e7f7ea7c28977d9a35c20b581e4ef68c04bb062306cce46e9b51a88910a"),
    false
)]
fn columns_are_shown_as_the_lists_say(
    #[case] option: &str,
    #[case] account: Option<&str>,
    #[case] passes: bool,
) {
    let verdict = judged(listed(option, "public.payments.account", account));
    assert_eq!(verdict.outcome == Outcome::Pass, passes, "{:?}", verdict.findings);
    assert!(verdict.gaps.is_empty(), "{:?}", verdict.gaps);
}

#[test]
fn a_key_keeps_a_column_that_rows_leave_out() {
    let mut scene = Scene::new(1).statements();
    scene.option("column.exclude.list", "public.payments.id");
    let created = scene.commit(None, Some(ANN));
    let mut shown = row(ANN);
    drop(shown.as_object_mut().unwrap().remove("id"));
    let value = envelope(created, "c", (None, Some(shown)));
    scene.record(TOPIC, 0, Some(json!({"id": 1}).to_string()), Some(value));
    passes(&judged(scene));
}

/// An update of the account, where the connector leaves out what changes nothing that is shown.
fn updated(masked: bool, is_shown: bool) -> Vec<Anomaly> {
    let mut scene = Scene::new(1).statements();
    scene.option("skip.messages.without.change", "true");
    let mut shown = [row(ANN), row(BEA)];
    if masked {
        scene.option("column.mask.with.2.chars", "public.payments.account");
        for row in &mut shown {
            row["account"] = json!("**");
        }
    }
    let [ann, bea] = shown;
    let key = || Some(json!({"id": 1}).to_string());
    let created = scene.commit(None, Some(ANN));
    scene.record(TOPIC, 0, key(), Some(envelope(created, "c", (None, Some(ann.clone())))));
    let changed = scene.commit(Some(ANN), Some(BEA));
    if is_shown {
        scene.record(TOPIC, 0, key(), Some(envelope(changed, "u", (Some(ann), Some(bea)))));
    }
    failing(&judged(scene)).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn updates_that_change_nothing_of_what_is_shown_are_left_out() {
    assert_eq!(updated(true, false), []);
    assert_eq!(updated(true, true), [Anomaly::PhantomChange]);
    assert_eq!(updated(false, true), []);
    assert_eq!(updated(false, false), [Anomaly::LostChange]);
}

#[rstest]
#[case::of_the_value(json!({"account": "ann"}), &[])]
#[case::of_another(json!({"account": "bob"}), &[Anomaly::KeyValueMismatch])]
fn a_key_is_made_of_the_row(#[case] key: Value, #[case] expected: &[Anomaly]) {
    let mut scene = unwrapped(&[("type", "ValueToKey"), ("fields", "account")]);
    scene.option("transforms.u.delete.tombstone.handling.mode", "drop");
    scene.commit(None, Some(ANN));
    scene.record(TOPIC, 0, Some(key.to_string()), Some(row(ANN).to_string()));
    let verdict = judged(scene);
    let names = failing(&verdict).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert!(verdict.gaps.is_empty(), "{:?}", verdict.gaps);
    assert_eq!(names.is_empty(), expected.is_empty(), "{names:?}");
}

#[test]
fn what_has_no_model_and_no_reader_is_unknown() {
    let mut scene = unwrapped(&[("type", "TimestampRouter")]);
    scene.commit(None, Some(ANN));
    scene.record(TOPIC, 0, Some(json!({"id": 1}).to_string()), Some(row(ANN).to_string()));
    let verdict = judged(scene);
    assert_eq!(verdict.outcome, Outcome::Unknown);
    let told = verdict.gaps.iter().any(|gap| gap.missing.contains("TimestampRouter"));
    assert!(told, "{:?}", verdict.gaps);
}
