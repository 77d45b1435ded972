//! A delete that comes as the JSON text `null`, and is no tombstone.

use super::Rule;
use super::case::{Case, Found};
use super::causes::Told;
use super::writes::Does;
use crate::model::routes;
use crate::scenario::settings::Options;

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0150",
    summary: "A deleted row comes to a JSON table as the text `null`, which is no tombstone.",
    reason: "Debezium's ExtractNewRecordState leaves a null with a schema of a delete, and JsonConverter without schemas writes such a null as the four letters. To Kafka and to Flink that is a value: the format `json` cannot read it, and no row is deleted.",
    fix: "let the transform write the row and a tombstone (`delete.tombstone.handling.mode: rewrite-with-tombstone`), or read the topic with its envelope (`debezium-json`)",
    check,
};

/// The transform that leaves rows of envelopes.
const UNWRAP: &str = "io.debezium.transforms.ExtractNewRecordState";

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for told in told(case) {
        told.warn(case, found);
    }
}

pub(super) fn told<'a>(case: &Case<'a>) -> Vec<Told<'a>> {
    let has_file = case.trial.pipeline.connector.is_some();
    if !writes_the_text(&case.trial.connector(), has_file) {
        return Vec::new();
    }
    let mut all = Vec::new();
    for (text, table) in case.tables() {
        let format = table.with.as_ref().and_then(|with| {
            with.get("value.format").or_else(|| with.get("format")).map(ToOwned::to_owned)
        });
        let Some(source) = case.source_of(table).filter(|_| format.as_deref() == Some("json"))
        else {
            continue;
        };
        let mut writes = case.writes.iter();
        let deletes =
            writes.any(|(_, write)| write.does == Does::Delete && write.table == source.name);
        let name = table.name.table();
        let sinks = case.sinks_over(name).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>();
        if !deletes || sinks.is_empty() {
            continue;
        }
        let message = format!(
            "a deleted row of `{}` comes to `{name}` as the text `null`, which is no tombstone and \
             which `json` cannot read: so it is in production too",
            source.name
        );
        all.push(Told { text, span: table.name.span, message, sinks, column: None, topic: None });
    }
    all
}

/// Whether a configuration makes the text of a delete. Without a connector file the converter is the
/// harness's own, which writes no schemas.
fn writes_the_text(options: &Options, has_file: bool) -> bool {
    let class = options.get("value.converter").map(String::as_str);
    let schemas = options.get("value.converter.schemas.enable").map(String::as_str);
    let is_plain = match class {
        Some(class) => class.ends_with(".JsonConverter") && schemas == Some("false"),
        None => !has_file,
    };
    let leaves_nulls = |name: &str| {
        let mode = options.get(&format!("transforms.{name}.delete.tombstone.handling.mode"));
        let mode = mode.map_or("tombstone", String::as_str);
        routes::class(options, name) == Some(UNWRAP) && mode == "tombstone"
    };
    is_plain && routes::transforms(options).any(leaves_nulls)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::told;

    fn text(connector: &str, format: &str, sql: &str) -> String {
        format!(
            "scenario: v1\ntitle: t\npipeline:\n  source: CREATE TABLE a (id int PRIMARY KEY)\n  \
             dialect: flink\n  statements: |\n    \
             CREATE TABLE r (id INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', \
             'topic' = 'cdc.public.a', 'key.format' = 'json', 'value.format' = '{format}');\n    \
             CREATE TABLE s (id INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', \
             'topic' = 's', 'key.format' = 'json', 'value.format' = 'json');\n    \
             INSERT INTO s SELECT id FROM r;\n  sinks: {{s: SELECT id FROM a}}\n\
             settings:\n  connector:\n    transforms: unwrap\n    \
             transforms.unwrap.type: io.debezium.transforms.ExtractNewRecordState\n{connector}\
             timeline:\n  - a: {sql}\n"
        )
    }

    const REWRITE: &str =
        "    transforms.unwrap.delete.tombstone.handling.mode: rewrite-with-tombstone\n";
    const SCHEMAS: &str = "    value.converter: org.apache.kafka.connect.json.JsonConverter\n    \
                           value.converter.schemas.enable: true\n";

    #[rstest]
    #[case::by_default("", "json", "DELETE FROM a WHERE id = 1", 1)]
    #[case::a_tombstone_behind_it(REWRITE, "json", "DELETE FROM a WHERE id = 1", 0)]
    #[case::with_schemas(SCHEMAS, "json", "DELETE FROM a WHERE id = 1", 0)]
    #[case::nothing_deleted("", "json", "INSERT INTO a VALUES (1)", 0)]
    #[case::not_json("", "csv", "DELETE FROM a WHERE id = 1", 0)]
    fn a_delete_that_is_a_text(
        #[case] connector: &str,
        #[case] format: &str,
        #[case] sql: &str,
        #[case] n: usize,
    ) {
        assert_eq!(told(&text(connector, format, sql), "W0150").len(), n);
    }
}
