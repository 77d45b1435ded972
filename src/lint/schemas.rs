//! Tables that read records behind their schemas, or plain ones, as what they are not.

use super::Rule;
use super::case::{Case, Found};
use crate::base::text::Span;
use crate::dialect::connector::is_managed;
use crate::scenario::pipeline::Dialect;
use crate::sql::flink::{CreateTable, With};
use crate::sql::postgres::SourceTable;

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0113",
    summary: "A table reads JSON records with their schemas as plain ones, or plain ones as records with schemas.",
    reason: "Connect's JsonConverter puts each value after its schema, as {\"schema\": …, \"payload\": …}, unless `schemas.enable` is false; left out, it is true. Flink's debezium-json fails at records of the other form, and plain json finds none of its columns.",
    fix: "write 'debezium-json.schema-include' = 'true' (or 'value.debezium-json.schema-include') for records with schemas, or `\"value.converter.schemas.enable\": \"false\"` in the connector file",
    check,
};

/// Connect's converter to JSON.
const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    if case.trial.pipeline.dialect != Dialect::Flink {
        return;
    }
    for (text, table) in case.tables() {
        let (Some(with), Some(source)) = (&table.with, case.source_of(table)) else { continue };
        let Some(has_schemas) = has_schemas(case, source) else { continue };
        if let Some(message) = told(table, with, has_schemas) {
            let span = Span::new(table.name.span.start, table.name.span.end);
            found.at(text, span, message);
        }
    }
}

/// Whether the connector writes a table's values behind their schemas; `None` if it does not write
/// JSON.
fn has_schemas(case: &Case<'_>, source: &SourceTable) -> Option<bool> {
    let connector = case.options_of(&source.schema, &source.name)?;
    if is_managed(connector) {
        return None;
    }
    let is_file = !case.trial.pipeline.connectors.is_empty();
    let is_named = connector.contains_key("value.converter");
    // Connect reads a converter's options where the converter is named: in the connector, or else
    // in the worker.
    let options = if is_named || !is_file { connector } else { &case.trial.settings.worker };
    let get = |key: &str| options.get(key).map(String::as_str);
    if get("value.converter").is_some_and(|class| class != JSON) {
        return None;
    }
    // Without a file and a name, it is the harness's own, which writes none.
    let default = is_named || is_file;
    Some(get("value.converter.schemas.enable").map_or(default, |value| value == "true"))
}

/// What is wrong with a table over records of this form.
fn told(table: &CreateTable, with: &With, has_schemas: bool) -> Option<String> {
    let name = table.name.table();
    let expects = with.is_on("debezium-json.schema-include");
    match with.get("value.format").or_else(|| with.get("format"))? {
        "debezium-json" if has_schemas && !expects => Some(format!(
            "`{name}` reads records that come with their schemas, and its format expects none"
        )),
        "debezium-json" if !has_schemas && expects => Some(format!(
            "`{name}` expects each record with its schema, and the connector writes none"
        )),
        "json" if has_schemas && !table.columns.iter().any(|column| column.name == "payload") => {
            Some(format!(
                "`{name}` reads records whose columns stand in `payload`, which it does not have"
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned_of;

    #[rstest]
    #[case("'format' = 'debezium-json'", "value.converter.schemas.enable: 'true'", true)]
    #[case("'format' = 'debezium-json'", "value.converter.schemas.enable: 'false'", false)]
    #[case("'format' = 'debezium-json'", "snapshot.mode: initial", false)]
    #[case(
        "'format' = 'debezium-json'",
        "value.converter: org.apache.kafka.connect.json.JsonConverter",
        true
    )]
    #[case(
        "'format' = 'debezium-json'",
        "value.converter: io.confluent.connect.avro.AvroConverter",
        false
    )]
    #[case(
        "'format' = 'debezium-json', 'debezium-json.schema-include' = 'true'",
        "value.converter.schemas.enable: 'true'",
        false
    )]
    #[case(
        "'format' = 'debezium-json', 'debezium-json.schema-include' = 'true'",
        "snapshot.mode: initial",
        true
    )]
    #[case(
        "'value.format' = 'debezium-json', 'value.debezium-json.schema-include' = 'true'",
        "value.converter.schemas.enable: 'true'",
        false
    )]
    #[case("'format' = 'json'", "value.converter.schemas.enable: 'true'", true)]
    #[case("'format' = 'json'", "snapshot.mode: initial", false)]
    #[case("'format' = 'raw'", "value.converter.schemas.enable: 'true'", false)]
    fn the_form_of_records_is_held_against_the_format(
        #[case] format: &str,
        #[case] connector: &str,
        #[case] expected: bool,
    ) {
        let text = format!(
            "scenario: v1\ntitle: t\npipeline:\n  source: CREATE TABLE a (id int PRIMARY KEY)\n  \
             dialect: flink\n  statements: |\n    \
             CREATE TABLE a (id INT) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.a', {format});\n    \
             CREATE TABLE b (id INT) WITH ('connector' = 'kafka', 'topic' = 'b', 'format' = 'json');\n    \
             INSERT INTO b SELECT id FROM a\n  sinks: {{b: unjudged}}\n\
             settings: {{connector: {{{connector}}}}}\n\
             timeline:\n  - a: INSERT INTO a VALUES (1)\n"
        );
        assert_eq!(warned_of(&text, "W0113"), expected, "{text}");
    }
}
