//! Options and transforms of the connector that make of its records what nothing here has a model of,
//! and transforms that do nothing, or fail.

use super::Rule;
use super::case::{Case, Found};
use crate::dialect::connector::is_managed;
use crate::history::event::{Column, Table};
use crate::model::effects;
use crate::model::feed::Rules;
use crate::model::feed::shape::Remarks;
use crate::model::lists::of_table;
use crate::model::outbox::apart;
use crate::scenario::settings::Options;
use crate::sql::postgres::SourceTable;

/// The rule about what has no model.
pub(super) const UNMODELLED: Rule = Rule {
    code: "W0131",
    summary: "An option or a transform of the connector changes its records in a way that has no model.",
    reason: "A topic is judged by what its records must be, which is computed from the journal and the connector's options. What an option without a model makes of them cannot be computed: the records of its topics are not judged. Sinks are compared with their references all the same, and where every topic without a model is read by sinks that are compared and equal, the run passes, with a line that says what was not judged; else it is unknown.",
    fix: "nothing, where the sinks are enough; else leave the option out of this pipeline, or take another that has a model",
    check: unmodelled,
};

/// The rule about transforms that do nothing, or fail.
pub(super) const IDLE: Rule = Rule {
    code: "W0132",
    summary: "A transform names fields that no record has where it stands, or fails at tombstones.",
    reason: "Kafka's transforms look at the outermost fields of a record. With Debezium's envelope these are before, after, source, op and a few times: a MaskField that names a column masks nothing, silently, and production shows what it should hide. And some transforms take no record without a value: at the first tombstone the connector fails.",
    fix: "put ExtractNewRecordState in front of it; keep it off tombstones with a predicate of RecordIsTombstone and `negate`, or set `tombstones.on.delete=false`",
    check: idle,
};

/// The tables of the source that a connector captures, as far as transforms look at them. Their types are not known here:
/// what depends on them is told by the run.
fn tables(case: &Case<'_>, nth: usize) -> Vec<Table> {
    let column = |name: &String| Column {
        name: name.clone(),
        type_oid: 25,
        type_name: "text".to_owned(),
        base: None,
        not_null: false,
        default: None,
        generated: false,
    };
    let table = |source: &SourceTable| {
        let columns = source.columns.as_ref()?;
        Some(Table {
            oid: 0,
            schema: source.schema.clone(),
            name: source.name.clone(),
            columns: columns.iter().map(column).collect(),
            key: source.primary_key.clone(),
            identity: case.identity(&source.name),
            captured: true,
            partitioned: false,
            within: Vec::new(),
            connector: None,
        })
    };
    let routed = |source: &&SourceTable| {
        let full = format!("{}.{}", source.schema, source.name);
        let outbox = &case.trial.pipeline.outbox;
        let of = of_table(&case.connectors, &source.schema, &source.name);
        let is_own = of.is_none_or(|of| of == nth);
        is_own && !outbox.contains_key(&source.name) && !outbox.contains_key(&full)
    };
    case.sources.iter().filter(routed).filter_map(table).collect()
}

/// The options as each connector has them, with its place, but for those that a run replaces.
fn options(case: &Case<'_>) -> Vec<(usize, Options)> {
    let own = case.connectors.iter().enumerate().filter(|(_, options)| !is_managed(options));
    let apart = own.map(|(nth, options)| {
        let mut options = options.clone();
        options.remove("signal.enabled.channels");
        (nth, apart(&options))
    });
    apart.collect()
}

fn unmodelled(case: &Case<'_>, found: &mut Found<'_>) {
    for (nth, options) in options(case) {
        unmodelled_of(case, (nth, options), found);
    }
}

fn unmodelled_of(case: &Case<'_>, (nth, options): (usize, Options), found: &mut Found<'_>) {
    for (key, value, one) in effects::found(&options) {
        let message = format!(
            "`{key}={value}` {}, which has no model: the source topics are not judged by their records",
            one.does
        );
        found.at_key(key, message);
    }
    let known: Options = {
        let without = effects::found(&options).map(|(key, ..)| key).collect::<Vec<_>>();
        let kept = options.iter().filter(|(key, _)| !without.contains(&key.as_str()));
        kept.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    match Rules::of(&known) {
        Ok(rules) => {
            for table in tables(case, nth) {
                if let Err(problem) = rules.shape_of(&table) {
                    let message =
                        format!("{problem}: the records of `{}` are not judged", table.name);
                    found.at_key(&key_in(&problem, &known), message);
                }
            }
        }
        Err(problems) => {
            for problem in problems {
                let message =
                    format!("{problem}: the source topics are not judged by their records");
                found.at_key(&key_in(&problem, &known), message);
            }
        }
    }
}

/// The option that a sentence is about: it names it first, or a transform by its name.
fn key_in(sentence: &str, options: &Options) -> String {
    let quoted = sentence.split('`').nth(1).unwrap_or("");
    let name = quoted.split('=').next().unwrap_or(quoted);
    let of_type = format!("{name}.type");
    if options.contains_key(&of_type) { of_type } else { name.to_owned() }
}

fn idle(case: &Case<'_>, found: &mut Found<'_>) {
    for (nth, options) in options(case) {
        idle_of(case, (nth, options), found);
    }
}

fn idle_of(case: &Case<'_>, (nth, options): (usize, Options), found: &mut Found<'_>) {
    let Ok(rules) = Rules::of(&options) else { return };
    let remarks = tables(case, nth).iter().map(|table| rules.remarks_of(table)).collect::<Vec<_>>();
    let all = |of: fn(&Remarks) -> &Vec<String>| {
        let mut names = remarks.iter().flat_map(of).cloned().collect::<Vec<_>>();
        names.sort();
        names.dedup();
        names
    };
    for name in all(|remarks| &remarks.idle) {
        if remarks.iter().all(|remarks| remarks.idle.contains(&name)) {
            let message =
                format!("the transform `{name}` names no field that a record has where it stands");
            found.at_key(&format!("transforms.{name}.type"), message);
        }
    }
    let writes = options.get("tombstones.on.delete").is_none_or(|on| on != "false");
    let unwraps = options.values().any(|value| value.ends_with(".ExtractNewRecordState"));
    for name in all(|remarks| &remarks.failing).into_iter().filter(|_| writes || unwraps) {
        let message = format!(
            "the transform `{name}` takes no record without a value: the connector fails at the first \
             delete"
        );
        found.at_key(&format!("transforms.{name}.type"), message);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned;

    fn of(options: &str, code: &str) -> bool {
        let options = options.lines().map(|line| format!("    {}\n", line.trim()));
        let rest = format!(
            "settings:\n  connector:\n{}timeline:\n  - a: INSERT INTO payments VALUES (1, 'ann', 5)\n",
            options.collect::<String>()
        );
        warned(&rest, code)
    }

    const UNWRAP: &str = "transforms: u,m\ntransforms.u.type: io.debezium.transforms.ExtractNewRecordState\ntransforms.u.delete.tombstone.handling.mode: rewrite";
    const MASK: &str = "transforms.m.type: org.apache.kafka.connect.transforms.MaskField$Value\ntransforms.m.fields: account";

    #[rstest]
    #[case::converters("converters: isbn", true)]
    #[case::a_class_of_ones_own("transforms: m\ntransforms.m.type: x.Own", true)]
    #[case::a_predicate_of_ones_own(
        "transforms: m\ntransforms.m.type: org.apache.kafka.connect.transforms.Filter\ntransforms.m.predicate: p",
        true
    )]
    #[case::masks("column.mask.with.3.chars: public.payments.account", false)]
    #[case::signals("signal.enabled.channels: kafka", false)]
    #[case::nothing("poll.interval.ms: 5", false)]
    fn what_has_no_model_is_named(#[case] options: &str, #[case] expected: bool) {
        assert_eq!(of(options, "W0131"), expected);
    }

    #[rstest]
    #[case::in_an_envelope(&format!("transforms: m\n{MASK}"), true)]
    #[case::in_an_envelope_without_tombstones(&format!("tombstones.on.delete: false\ntransforms: m\n{MASK}"), true)]
    #[case::in_rows(&format!("{UNWRAP}\n{MASK}"), false)]
    #[case::at_tombstones(&format!("{}\n{MASK}", UNWRAP.replace("rewrite", "tombstone")), true)]
    #[case::of_another_name(&format!("{UNWRAP}\n{}", MASK.replace("account", "accounts")), true)]
    fn a_transform_without_effect_is_named(#[case] options: &str, #[case] expected: bool) {
        assert_eq!(of(options, "W0132"), expected);
    }
}
