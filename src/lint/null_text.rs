//! A delete that a statement reads as the text `null`, and fails at.

use super::Rule;
use super::case::{Case, Found};
use super::writes::Does;
use crate::model::routes::{class, transforms};
use crate::scenario::pipeline::Dialect;
use crate::scenario::settings::Options;
use crate::sql::flink::CreateTable;

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0150",
    summary: "A row is deleted, and the connector writes that as the text null, at which a statement fails.",
    reason: "ExtractNewRecordState turns a delete into a record without a value that still has a schema. JsonConverter without schemas writes it as the four letters null instead of a tombstone. Flink's json cannot read them, and the statement fails at the first delete.",
    fix: "write Avro, where it is a tombstone; or set `delete.tombstone.handling.mode` to `rewrite` and read `__deleted`; or leave the envelope and read it as debezium-json",
    check,
};

const UNWRAPPING: &str = "io.debezium.transforms.ExtractNewRecordState";

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    if case.trial.pipeline.dialect != Dialect::Flink {
        return;
    }
    let is_file = !case.trial.pipeline.connectors.is_empty();
    let mut told = Vec::new();
    for (_, table) in case.tables() {
        let Some(source) = case.source_of(table).filter(|_| reads_json(table)) else { continue };
        let options = case.options_of(&source.schema, &source.name);
        let transform = options.and_then(|options| nulling(options, is_file));
        let Some(transform) = transform else { continue };
        let sinks = case.sinks_over(table.name.table());
        let deletes = |(_, write): &(usize, super::writes::Write<'_>)| {
            write.does == Does::Delete && write.table == source.name
        };
        let is_known = sinks.is_empty() || case.is_control(&sinks) || told.contains(&&source.name);
        if is_known || !case.writes.iter().any(deletes) {
            continue;
        }
        told.push(&source.name);
        let message = format!(
            "a deleted row of `{}` comes as the text null, at which the statements that read `{}` fail",
            source.name,
            table.name.table()
        );
        found.at_key(&format!("transforms.{transform}.type"), message);
    }
}

/// The transform by which a delete becomes a record without a value, where JSON makes a text of it.
fn nulling(options: &Options, is_file: bool) -> Option<&str> {
    let is = |key: &str, value: &str| options.get(key).is_some_and(|set| set == value);
    let converter = options.get("value.converter").map(String::as_str);
    let is_json = converter.map_or(!is_file, |class| class.ends_with(".JsonConverter"));
    let plain = is("value.converter.schemas.enable", "false") || !is_file && converter.is_none();
    let nulls = |name: &&str| {
        let mode = options.get(&format!("transforms.{name}.delete.tombstone.handling.mode"));
        let mode = mode.map(|mode| mode.to_ascii_lowercase());
        let mode = mode.as_deref().unwrap_or("tombstone");
        class(options, name) == Some(UNWRAPPING)
            && ["tombstone", "delete-to-tombstone"].contains(&mode)
    };
    transforms(options).find(nulls).filter(|_| is_json && plain)
}

/// Whether a table reads values by a format that fails at what it cannot read.
fn reads_json(table: &CreateTable) -> bool {
    let Some(with) = &table.with else { return false };
    let format = with.get("value.format").or_else(|| with.get("format"));
    let ignores = ["json.ignore-parse-errors", "value.json.ignore-parse-errors"];
    format == Some("json") && !ignores.iter().any(|key| with.get(key) == Some("true"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned_of;

    const UNWRAP: &str =
        "transforms: u, transforms.u.type: io.debezium.transforms.ExtractNewRecordState";

    #[rstest]
    #[case::deleted("", "DELETE FROM a WHERE id = 1", "", true)]
    #[case::nothing_deleted("", "UPDATE a SET v = 'x' WHERE id = 1", "", false)]
    #[case::rewritten(
        ", transforms.u.delete.tombstone.handling.mode: rewrite",
        "DELETE FROM a WHERE id = 1",
        "",
        false
    )]
    #[case::in_avro(
        ", value.converter: io.apicurio.registry.utils.converter.AvroConverter",
        "DELETE FROM a WHERE id = 1",
        "",
        false
    )]
    #[case::demanded(
        "",
        "DELETE FROM a WHERE id = 1",
        "expect: {must_show: [{statement-failed: b}]}",
        false
    )]
    fn a_delete_that_is_the_text_null(
        #[case] options: &str,
        #[case] sql: &str,
        #[case] expect: &str,
        #[case] expected: bool,
    ) {
        let text = format!(
            "scenario: v1\ntitle: t\npipeline:\n  source: CREATE TABLE a (id int PRIMARY KEY, v text)\n  dialect: flink\n  statements: |\n    \
             CREATE TABLE a (id INT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'cdc.public.a', 'key.format' = 'json', 'value.format' = 'json');\n    \
             CREATE TABLE b (id INT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'b', 'key.format' = 'json', 'value.format' = 'json');\n    \
             INSERT INTO b SELECT id, v FROM a;\n  sinks:\n    b: SELECT id, v FROM a\n\
             settings: {{connector: {{{UNWRAP}{options}}}}}\ntimeline:\n  - a: {sql}\n{expect}\n"
        );
        assert_eq!(warned_of(&text, "W0150"), expected);
    }
}
