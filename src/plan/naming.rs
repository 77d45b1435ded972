//! Whether a trial's topics bear the run's name, so that it runs beside others, or exactly the names
//! of production, because something in its files depends on them.

use crate::model::routes::{self, STRATEGY};
use crate::scenario::settings::Options;
use crate::scenario::trial::{Naming, Trial};
use crate::sql::flink::{self, ColumnKind, CreateTable, Statement};
use crate::sql::token::{Language, significant};

/// Transforms to which it makes no difference what a topic is called. Of every other one nobody
/// knows, so that it gets the names of production.
const INDEPENDENT: &[&str] = &[
    "io.debezium.connector.postgresql.transforms.DecodeLogicalDecodingMessageContent",
    "io.debezium.transforms.ExtractChangedRecordState",
    "io.debezium.transforms.ExtractNewRecordState",
    "io.debezium.transforms.GeometryFormatTransformer",
    "io.debezium.transforms.HeaderToValue",
    "io.debezium.transforms.SwapGeometryCoordinates",
    "io.debezium.transforms.VectorToJsonConverter",
    "org.apache.kafka.connect.transforms.Cast",
    "org.apache.kafka.connect.transforms.DropHeaders",
    "org.apache.kafka.connect.transforms.ExtractField",
    "org.apache.kafka.connect.transforms.Filter",
    "org.apache.kafka.connect.transforms.Flatten",
    "org.apache.kafka.connect.transforms.HeaderFrom",
    "org.apache.kafka.connect.transforms.HoistField",
    "org.apache.kafka.connect.transforms.InsertHeader",
    "org.apache.kafka.connect.transforms.MaskField",
    "org.apache.kafka.connect.transforms.ReplaceField",
    "org.apache.kafka.connect.transforms.SetSchemaMetadata",
    "org.apache.kafka.connect.transforms.TimestampConverter",
    "org.apache.kafka.connect.transforms.ValueToKey",
];

/// Predicates that look at a record and not at its topic.
const OF_RECORDS: &[&str] = &[
    "org.apache.kafka.connect.transforms.predicates.HasHeaderKey",
    "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
];

/// What a trial's topics are called.
pub(super) fn naming(trial: &Trial) -> Naming {
    let (mut reasons, set) = (Vec::new(), &trial.settings);
    for changed in trial.settings_in_turn().skip(1) {
        for mut options in trial.connectors() {
            options.extend(changed.connector.clone());
            reasons.extend(of_connector(&options));
        }
    }
    if set.connector.contains_key("topic.prefix") {
        reasons.push("`settings.connector` gives a `topic.prefix`".to_owned());
    }
    reasons.extend(trial.connectors().iter().flat_map(of_connector));
    for (table, options) in &set.tables {
        reasons.extend(options.contains_key("topic-pattern").then(|| by_pattern(table)));
    }
    reasons.extend(trial.pipeline.statements.iter().flat_map(|text| of_statement(&text.value)));
    reasons.sort();
    reasons.dedup();
    if reasons.is_empty() { Naming::Prefixed } else { Naming::AsInProduction(reasons) }
}

fn of_connector(options: &Options) -> Vec<String> {
    let mut reasons = Vec::new();
    for name in routes::transforms(options) {
        let class = routes::class(options, name).unwrap_or("nothing");
        let plain = class.split('$').next().unwrap_or(class);
        let option = |key: &str| options.get(&format!("transforms.{name}.{key}"));
        if plain.ends_with(".InsertField") {
            let of_topic = option("topic.field").is_some();
            reasons
                .extend(of_topic.then(|| format!("`transforms.{name}` inserts the topic's name")));
        } else if !INDEPENDENT.contains(&plain) {
            reasons.push(format!("`transforms.{name}` is a {}", last(class)));
        }
        let added = ["add.fields", "add.headers"].into_iter().filter_map(option);
        if added.flat_map(|list| list.split(',')).any(adds_the_prefix) {
            reasons
                .push(format!("`transforms.{name}` adds the connector's name, its topic prefix"));
        }
    }
    for (key, class) in options {
        let name = key.strip_prefix("predicates.").and_then(|key| key.strip_suffix(".type"));
        if let Some(name) = name.filter(|_| !OF_RECORDS.contains(&class.as_str())) {
            reasons.push(format!("`predicates.{name}` is a {}", last(class)));
        }
    }
    let other = |key: &str, default: &str| options.get(key).is_some_and(|value| value != default);
    for (key, default) in [("topic.delimiter", "."), ("topic.naming.strategy", STRATEGY)] {
        reasons.extend(other(key, default).then(|| format!("the connector has a `{key}`")));
    }
    reasons
}

/// Whether an entry of `add.fields` is `source.name`, which is the topic prefix.
fn adds_the_prefix(field: &str) -> bool {
    let path = field.split(':').next().unwrap_or("").trim();
    matches!(path, "name" | "source.name")
}

fn of_statement(sql: &str) -> Vec<String> {
    let mut reasons = Vec::new();
    let text = crate::base::text::Text::whole("".into(), sql.to_owned());
    if let Statement::CreateTable(table) = flink::parse(&text) {
        let name = table.name.table();
        let has_pattern =
            table.with.as_ref().is_some_and(|with| with.get("topic-pattern").is_some());
        reasons.extend(has_pattern.then(|| by_pattern(name)));
        reasons.extend(
            shows_topics(&table, sql).then(|| format!("table `{name}` has its topic as a column")),
        );
    }
    reasons.extend(
        reads_the_prefix(sql)
            .then(|| "a statement reads `source.name`, the connector's topic prefix".to_owned()),
    );
    reasons
}

fn by_pattern(table: &str) -> String {
    format!("table `{table}` has a `topic-pattern`")
}

/// Whether a column is the topic that a row comes from.
fn shows_topics(table: &CreateTable, sql: &str) -> bool {
    let named = |column: &flink::Column| {
        column.name == "topic" && matches!(column.kind, ColumnKind::Metadata { .. })
    };
    let tokens = significant(Language::Flink, sql);
    let renamed = tokens.windows(3).any(|three| match three {
        [metadata, from, key] => {
            metadata.is("METADATA") && from.is("FROM") && key.string().as_deref() == Some("topic")
        }
        _ => false,
    });
    renamed || table.columns.iter().any(named)
}

/// Whether SQL reads `source.name` of Debezium's envelope, as a field or by a path of JSON.
fn reads_the_prefix(sql: &str) -> bool {
    let tokens = significant(Language::Flink, sql);
    let is_name = |token: &crate::sql::token::Token<'_>, name: &str| {
        token.name().is_some_and(|own| own == name)
    };
    let field = tokens.windows(3).any(|three| match three {
        [source, dot, name] => {
            is_name(source, "source") && dot.is_symbol(".") && is_name(name, "name")
        }
        _ => false,
    });
    let in_path = |path: &String| path.starts_with('$') && path.ends_with("source.name");
    field || tokens.iter().filter_map(crate::sql::token::Token::string).any(|path| in_path(&path))
}

/// The name of a class without its package.
fn last(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn of_options(pairs: &[(&str, &str)]) -> Vec<String> {
        of_connector(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[rstest]
    #[case(&[("transforms", "a"), ("transforms.a.type", routes::REGEX_ROUTER)], &["`transforms.a` is a RegexRouter"])]
    #[case(&[("transforms", "a"), ("transforms.a.type", "x.Own$Value")], &["`transforms.a` is a Own$Value"])]
    #[case(&[("transforms", "a"), ("transforms.a.type", "io.debezium.transforms.ExtractNewRecordState")], &[])]
    #[case(&[("transforms", "a"), ("transforms.a.type", "org.apache.kafka.connect.transforms.Cast$Value")], &[])]
    #[case(&[("transforms", "a"), ("transforms.a.type", "org.apache.kafka.connect.transforms.InsertField$Value"), ("transforms.a.static.field", "x")], &[])]
    #[case(&[("transforms", "a"), ("transforms.a.type", "org.apache.kafka.connect.transforms.InsertField$Value"), ("transforms.a.topic.field", "x")], &["`transforms.a` inserts the topic's name"])]
    #[case(&[("transforms", "a"), ("transforms.a.type", "io.debezium.transforms.ExtractNewRecordState"), ("transforms.a.add.fields", "op,source.name:n")], &["`transforms.a` adds the connector's name, its topic prefix"])]
    #[case(&[("predicates", "p"), ("predicates.p.type", routes::MATCHES)], &["`predicates.p` is a TopicNameMatches"])]
    #[case(&[("predicates", "p"), ("predicates.p.type", OF_RECORDS[1])], &[])]
    #[case(&[("topic.delimiter", "-")], &["the connector has a `topic.delimiter`"])]
    #[case(&[("topic.delimiter", "."), ("topic.naming.strategy", STRATEGY)], &[])]
    #[case(&[("topic.prefix", "shop")], &[])]
    fn what_sees_the_names_of_topics_gets_those_of_production(
        #[case] options: &[(&str, &str)],
        #[case] reasons: &[&str],
    ) {
        assert_eq!(of_options(options), reasons);
    }

    #[rstest]
    #[case(
        "CREATE TABLE t (id INT) WITH ('connector' = 'kafka', 'topic-pattern' = 'a.*')",
        "`topic-pattern`"
    )]
    #[case("CREATE TABLE t (id INT, topic STRING METADATA)", "its topic as a column")]
    #[case(
        "CREATE TABLE t (id INT, x STRING METADATA FROM 'topic' VIRTUAL)",
        "its topic as a column"
    )]
    #[case("INSERT INTO o SELECT t.`source`.`name` FROM t", "source.name")]
    #[case("INSERT INTO o SELECT JSON_VALUE(t.v, '$.source.name') FROM t", "source.name")]
    fn so_do_statements(#[case] sql: &str, #[case] reason: &str) {
        let reasons = of_statement(sql);
        assert!(reasons.len() == 1 && reasons[0].contains(reason), "{reasons:?}");
    }

    #[rstest]
    #[case("CREATE TABLE t (topic STRING, at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp')")]
    #[case("INSERT INTO o SELECT source.`table`, name FROM t")]
    fn other_statements_do_not(#[case] sql: &str) {
        assert!(of_statement(sql).is_empty());
    }
}
