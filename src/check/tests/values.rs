//! What a record shows beside what it should show, and how that is said.

use rstest::rstest;
use serde_json::{Value, json};

use super::super::testing::{Payment, Scene, TOPIC, failing, json as row, passes, xid};
use super::super::verdict::Verdict;
use super::scene::judged;
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::scenario::settings::ReplicaIdentity;

const ANN: Payment<'_> = (1, "ann", 1, 10);
const BEA: Payment<'_> = (1, "bea", 1, 10);

/// A record of the change at an LSN that shows these images under this key.
fn shown(scene: &mut Scene, lsn: Lsn, (key, op): (Value, &str), (before, after): (Value, Value)) {
    let value = json!({
        "before": before, "after": after, "op": op, "ts_ms": 0,
        "source": {
            "snapshot": "false", "schema": "public", "table": "payments", "ts_ms": 0,
            "txId": xid(lsn).0, "lsn": lsn.0,
        },
    });
    scene.record(TOPIC, 0, Some(key.to_string()), Some(value.to_string()));
}

/// A row with one column as it is told.
fn with(payment: Payment<'_>, column: &str, value: Value) -> Value {
    let mut row = row(payment);
    row[column] = value;
    row
}

fn without(payment: Payment<'_>, column: &str) -> Value {
    let mut row = row(payment);
    row.as_object_mut().unwrap().remove(column);
    row
}

/// An insert of Ann that is shown as this row under this key.
fn inserted(key: i64, after: Value) -> Scene {
    let mut scene = Scene::new(1).statements();
    let lsn = scene.commit(None, Some(ANN));
    shown(&mut scene, lsn, (json!({ "id": key }), "c"), (Value::Null, after));
    scene
}

/// The finding and its sentence behind the record's place, or nothing.
fn told(verdict: &Verdict) -> Option<(Anomaly, String)> {
    let finding = &verdict.findings.first()?.finding;
    Some((finding.anomaly, finding.sentence.clone()))
}

#[rstest]
#[case::as_it_was(1, row(ANN), None)]
#[case::another_value(
    1,
    with(ANN, "amount", json!(11)),
    Some((Anomaly::WrongValue, "shows another `amount` than `payments` held"))
)]
#[case::two_values(
    1,
    json!({"id": 1, "account": "eve", "at": row(ANN)["at"], "amount": 0}),
    Some((Anomaly::WrongValue, "shows another `account`, `amount` than `payments` held"))
)]
#[case::a_column_less(
    1,
    without(ANN, "amount"),
    Some((Anomaly::SchemaDrift, "has other columns than `payments`: `amount`"))
)]
#[case::a_column_more(
    1,
    with(ANN, "colour", json!("red")),
    Some((Anomaly::SchemaDrift, "has other columns than `payments`: `colour`"))
)]
#[case::another_key(
    2,
    row(ANN),
    Some((Anomaly::KeyValueMismatch, "names another row than its value"))
)]
#[case::no_row(
    1,
    Value::Null,
    Some((Anomaly::WrongValue, "shows another `after` than `payments` held"))
)]
fn what_an_insert_shows_is_what_was_held(
    #[case] key: i64,
    #[case] after: Value,
    #[case] found: Option<(Anomaly, &str)>,
) {
    let verdict = judged(inserted(key, after));
    let Some((anomaly, sentence)) = found else { return passes(&verdict) };
    let told = told(&verdict).unwrap();
    assert_eq!(told.0, anomaly);
    assert!(told.1.ends_with(sentence), "{}", told.1);
}

/// Long texts are cut in a difference, and their length is told.
#[rstest]
#[case::whole(120, "x".repeat(120))]
#[case::cut(121, format!("{}… (121 bytes)", "x".repeat(120)))]
fn a_difference_shows_the_beginning_of_a_long_text(#[case] n: usize, #[case] shown: String) {
    let verdict = judged(inserted(1, with(ANN, "account", json!("x".repeat(n)))));
    let line = &verdict.findings[0].finding.difference[0];
    assert_eq!(line.expected.as_deref(), Some("ann"));
    assert_eq!(line.captured.as_deref(), Some(shown.as_str()));
}

/// What a computed column shows is no part of the journal.
#[rstest]
#[case::computed(true, true)]
#[case::a_stranger(false, false)]
fn a_computed_column_may_be_shown(#[case] generated: bool, #[case] legal: bool) {
    let mut scene = inserted(1, with(ANN, "doubled", json!(20)));
    scene.change_table(|table| {
        let mut column = table.columns[3].clone();
        "doubled".clone_into(&mut column.name);
        column.generated = true;
        if !generated {
            "tripled".clone_into(&mut column.name);
        }
        table.columns.push(column);
    });
    let found = failing(&judged(scene)).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(found, if legal { vec![] } else { vec![Anomaly::SchemaDrift] });
}

/// Ann becomes Bea; the record shows this before.
fn updated(identity: ReplicaIdentity, before: Value) -> Verdict {
    let mut scene = Scene::new(1).statements();
    scene.change_table(|table| table.identity = identity);
    scene.insert(0, ANN);
    let lsn = match identity {
        ReplicaIdentity::Full => scene.commit(Some(ANN), Some(BEA)),
        _ => {
            let lsn = Lsn(scene.lsn);
            let new = super::super::testing::image(BEA);
            scene.transaction(lsn, crate::codec::pgoutput::write::update(1, None, &new));
            scene.lsn += 10;
            lsn
        }
    };
    shown(&mut scene, lsn, (json!({"id": 1}), "u"), (before, row(BEA)));
    judged(scene)
}

#[rstest]
#[case::as_it_was(row(ANN), None)]
#[case::another(
    with(ANN, "account", json!("eve")),
    Some((Anomaly::WrongBefore, "shows another `account` before than `payments` held"))
)]
#[case::nothing(
    Value::Null,
    Some((Anomaly::WrongBefore, "shows another `before` before than `payments` held"))
)]
fn what_was_before_is_what_was_held(#[case] before: Value, #[case] found: Option<(Anomaly, &str)>) {
    let verdict = updated(ReplicaIdentity::Full, before);
    let Some((anomaly, sentence)) = found else { return passes(&verdict) };
    let told = told(&verdict).unwrap();
    assert_eq!(told.0, anomaly);
    assert!(told.1.ends_with(sentence), "{}", told.1);
}

#[rstest]
#[case::nothing(Value::Null, None)]
#[case::defaults(
    json!({"id": 1, "account": "", "at": null, "amount": null}),
    Some("shows `account`, `id` before, which the WAL did not carry")
)]
fn what_the_wal_did_not_carry_is_not_shown(#[case] before: Value, #[case] said: Option<&str>) {
    let verdict = updated(ReplicaIdentity::Default, before);
    let Some(said) = said else { return passes(&verdict) };
    let told = told(&verdict).unwrap();
    assert_eq!(told.0, Anomaly::FabricatedBefore);
    assert!(told.1.ends_with(said), "{}", told.1);
}

/// An insert of an account that is NULL, where the column has a default.
#[rstest]
#[case::null(Value::Null, None)]
#[case::the_default(json!("nobody"), Some(Anomaly::NullBecameDefault))]
#[case::another(json!("eve"), Some(Anomaly::WrongValue))]
fn a_null_that_shows_as_the_default_has_its_name(
    #[case] account: Value,
    #[case] found: Option<Anomaly>,
) {
    let mut scene = Scene::new(1).statements();
    scene.change_table(|table| table.columns[1].default = Some("'nobody'::text".to_owned()));
    let mut image = super::super::testing::image(ANN);
    image[1] = crate::codec::pgoutput::Cell::Null;
    let lsn = Lsn(scene.lsn);
    scene.transaction(lsn, crate::codec::pgoutput::write::insert(1, &image));
    scene.lsn += 10;
    let after = with(ANN, "account", account);
    shown(&mut scene, lsn, (json!({"id": 1}), "c"), (Value::Null, after));
    let verdict = judged(scene);
    assert_eq!(told(&verdict).map(|(name, _)| name), found);
    if let Some((Anomaly::NullBecameDefault, sentence)) = told(&verdict) {
        assert!(sentence.ends_with("shows the default of `account` where `payments` held NULL"));
    }
}

/// A type that has no reading is in doubt where values differ, and not where one of them is NULL.
#[rstest]
#[case::the_same(json!("ann"), None, 0)]
#[case::another(json!("eve"), None, 1)]
#[case::a_null(Value::Null, Some(Anomaly::WrongValue), 0)]
#[case::the_placeholder(
    json!("__debezium_unavailable_value"),
    Some(Anomaly::ToastPlaceholder),
    0
)]
fn a_type_without_reading_is_judged_as_far_as_it_goes(
    #[case] account: Value,
    #[case] found: Option<Anomaly>,
    #[case] n_gaps: usize,
) {
    let mut scene = inserted(1, with(ANN, "account", account));
    scene.change_table(|table| {
        table.columns[1].type_oid = 70_000;
        "tint".clone_into(&mut table.columns[1].type_name);
    });
    let verdict = judged(scene);
    assert_eq!(told(&verdict).map(|(name, _)| name), found);
    assert_eq!(verdict.gaps.len(), n_gaps, "{:?}", verdict.gaps);
    if let Some((Anomaly::ToastPlaceholder, sentence)) = told(&verdict) {
        let said = "shows the placeholder in `account` although the WAL carried the value";
        assert!(sentence.ends_with(said), "{sentence}");
    }
}
