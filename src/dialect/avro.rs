//! Avro behind a schema registry: what a pipeline that is written for JSON becomes where its format
//! is `avro-registry`.

use super::connector::Mapped;
use crate::base::diagnostic::Diagnostic;
use crate::base::draft::Draft;
use crate::base::text::Text;
use crate::scenario::application::{Application, Wire};
use crate::scenario::pipeline::{Format, Pipeline};
use crate::scenario::settings::{Options, Settings};
use crate::sql::edit::{Edit, splice, with_options};
use crate::sql::flink::{ColumnKind, Statement, parse};
use crate::sql::table::{Part, parts};
use crate::sql::token::{Language, Token, significant};

use super::refusal::Refusal;

/// The converter that writes Avro.
pub const CONVERTER: &str = "io.apicurio.registry.utils.converter.AvroConverter";
/// Flink's format.
pub const FORMAT: &str = "avro-confluent";
/// The same for Debezium's envelope.
pub const DEBEZIUM_FORMAT: &str = "debezium-avro-confluent";

/// Formats for JSON and what stands for them.
const FORMATS: [(&str, &str); 2] = [("json", FORMAT), ("debezium-json", DEBEZIUM_FORMAT)];

/// Whether a class is a converter that writes Avro, whoever made it.
pub fn is_converter(class: &str) -> bool {
    class.ends_with(".AvroConverter")
}

/// Whether a format of Flink reads Avro behind a registry.
pub fn is_format(format: &str) -> bool {
    format == FORMAT || format == DEBEZIUM_FORMAT
}

/// Whether anything of a pipeline writes or reads Avro behind a schema registry.
pub fn needs_registry(pipeline: &Pipeline, settings: &Settings) -> bool {
    let files = pipeline.connectors.iter().flat_map(|file| &file.options);
    let converts = |(key, value): (&String, &String)| match key.as_str() {
        "key.converter" | "value.converter" => is_converter(value),
        "output.key.format" | "output.data.format" => value == "AVRO",
        _ => false,
    };
    let is_named = |value: &str| {
        is_format(value) || ["avro-registry", "avro-debezium-registry"].contains(&value)
    };
    let in_statement = |text: &Text| {
        let tokens = significant(Language::Flink, &text.value);
        tokens.iter().filter_map(Token::string).any(|value| is_named(&value))
    };
    let is_avro = |of: &Application| [of.key_format, of.value_format].contains(&Wire::AvroRegistry);
    pipeline.format == Some(Format::AvroRegistry)
        || pipeline.topics.values().any(is_avro)
        || files.chain(&settings.connector).any(converts)
        || settings.tables.values().flat_map(Options::values).any(|value| is_named(value))
        || pipeline.statements.iter().any(in_statement)
}

/// The connector with converters that write Avro; those of other formats stay.
pub(super) fn connector(found: &mut Mapped) {
    for part in ["key", "value"] {
        let class = format!("{part}.converter");
        let written = found.draft.get(&class).unwrap_or("");
        if written.is_empty() || written.ends_with(".JsonConverter") {
            let why = "the format is avro-registry";
            drop_options_of(&mut found.draft, &class, why);
            found.draft.set(&class, CONVERTER, why);
            found.notes.push(format!("{class} writes Avro, because {why}"));
        }
    }
    // As texts, JSON keeps the digits of decimals; Avro has a type for them.
    if found.draft.get("decimal.handling.mode") == Some("string") {
        found.draft.set("decimal.handling.mode", "precise", "decimals are Avro's own");
        found.notes.push("decimals are Avro's own: decimal.handling.mode is precise".to_owned());
    }
}

/// Leaves out the options of a converter.
pub fn drop_options_of(draft: &mut Draft, converter: &str, why: &'static str) {
    let prefix = format!("{converter}.");
    draft.leave_out_where(|key| key.starts_with(&prefix).then_some(why));
}

/// A statement with the formats of its table in Avro.
pub(super) fn statement(text: &Text) -> Result<Text, Diagnostic> {
    let Statement::CreateTable(create) = parse(text) else { return Ok(text.clone()) };
    let Some(with) = create.with else { return Ok(text.clone()) };
    if !with.get("connector").is_some_and(|connector| connector.ends_with("kafka")) {
        return Ok(text.clone());
    }
    let mut changes: Vec<(&str, Option<&str>)> = Vec::new();
    for option in &with.options {
        let (key, value) = (option.key.as_str(), option.value.as_str());
        let bare = key.strip_prefix("key.").or_else(|| key.strip_prefix("value.")).unwrap_or(key);
        if bare == "format" {
            let avro = FORMATS.iter().find(|(json, _)| *json == value);
            changes.extend(avro.map(|(_, avro)| (key, Some(*avro))));
        } else if FORMATS.iter().any(|(json, _)| bare.starts_with(&format!("{json}."))) {
            if bare.ends_with("ignore-parse-errors") && value == "true" {
                return Err(ignores_errors().at(option.span).in_text(text));
            }
            changes.push((key, None));
        }
    }
    Ok(if changes.is_empty() { text.clone() } else { with_options(&with_times(text), changes) })
}

/// No format with a registry passes over what it cannot read.
pub(super) fn ignores_errors() -> Refusal {
    Refusal::new(
        "open-source Flink's Avro formats fail at a record that they cannot read",
        "leave the option out, or read the records as JSON",
    )
}

/// Flink's Avro formats have no `TIMESTAMP_LTZ`: the same moment is a `TIMESTAMP`, in the session's
/// zone.
pub(super) fn with_times(text: &Text) -> Text {
    let found = parts(text);
    let items = found.iter().flat_map(|parts| &parts.list).flat_map(|list| &list.items);
    let mut edits = Vec::new();
    for item in items {
        let Part::Column(column) = &item.part else { continue };
        if !matches!(column.kind, ColumnKind::Physical(_)) {
            continue;
        }
        let span = column.definition;
        let words = text.value.get(span.start..span.end).unwrap_or("");
        for token in significant(Language::Flink, words) {
            if token.is("TIMESTAMP_LTZ") {
                edits.push(Edit::new(token.span.shifted(span.start), "TIMESTAMP"));
            }
        }
    }
    splice(text, &edits)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;

    use super::*;
    use crate::scenario::pipeline::Dialect;

    fn translated(sql: &str) -> Result<String, Diagnostic> {
        statement(&Text::whole("p.sql".into(), sql.to_owned())).map(|text| text.value)
    }

    #[test]
    fn formats_and_times_are_those_of_avro() {
        let sql = "CREATE TABLE t (id INT, at TIMESTAMP_LTZ(3), seen TIMESTAMP_LTZ(3) METADATA FROM 'timestamp') \
                   WITH ('connector' = 'upsert-kafka', 'key.format' = 'raw', 'value.format' = 'json', \
                   'value.json.timestamp-format.standard' = 'ISO-8601')";
        let text = translated(sql).unwrap();
        assert!(text.contains("at TIMESTAMP(3), seen TIMESTAMP_LTZ(3) METADATA"), "{text}");
        assert!(text.contains("'key.format' = 'raw', 'value.format' = 'avro-confluent'"), "{text}");
        assert!(!text.contains("timestamp-format"), "{text}");
        let sql =
            "CREATE TABLE t (id INT) WITH ('connector' = 'kafka', 'format' = 'debezium-json')";
        assert!(translated(sql).unwrap().contains("'debezium-avro-confluent'"));
        let sql = "CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'format' = 'json')";
        assert_eq!(translated(sql).unwrap(), sql);
    }

    #[rstest]
    #[case(None, "", "json", false)]
    #[case(Some(Format::Json), "", "json", false)]
    #[case(Some(Format::AvroRegistry), "", "json", true)]
    #[case(None, "io.confluent.connect.avro.AvroConverter", "json", true)]
    #[case(Some(Format::Json), "io.confluent.connect.avro.AvroConverter", "json", true)]
    #[case(None, "", "avro-confluent", true)]
    fn a_registry_is_there_where_something_is_in_avro(
        #[case] asked: Option<Format>,
        #[case] converter: &str,
        #[case] format: &str,
        #[case] expected: bool,
    ) {
        let sql =
            format!("CREATE TABLE t (id INT) WITH ('connector' = 'kafka', 'format' = '{format}')");
        let pipeline = Pipeline {
            format: asked,
            statements: vec![Text::whole("p.sql".into(), sql)],
            file: None,
            source: Vec::new(),
            left_out: Vec::new(),
            connectors: Vec::new(),
            outbox: BTreeMap::new(),
            topics: BTreeMap::new(),
            dialect: Dialect::Flink,
            sinks: BTreeMap::new(),
        };
        let connector = Options::from([("value.converter".to_owned(), converter.to_owned())]);
        let settings = Settings { connector, ..Settings::default() };
        assert_eq!(needs_registry(&pipeline, &settings), expected);
    }

    #[test]
    fn errors_that_avro_cannot_pass_over_are_refused() {
        let sql = "CREATE TABLE t (id INT) WITH ('connector' = 'kafka', 'format' = 'json', \
                   'json.ignore-parse-errors' = 'true')";
        assert!(translated(sql).unwrap_err().message.contains("cannot read"));
    }

    #[test]
    fn a_connector_for_json_writes_avro_and_other_converters_stay() {
        let options = [
            ("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
            ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
            ("value.converter.schemas.enable", "false"),
            ("decimal.handling.mode", "string"),
        ];
        let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let file = Text::whole("c.json".into(), String::new());
        let mut found = Mapped::as_written(&options.into(), &file);
        connector(&mut found);
        let get = |key: &str| found.draft.get(key);
        assert_eq!(get("value.converter"), Some(CONVERTER));
        assert_eq!(get("value.converter.schemas.enable"), None);
        assert!(get("key.converter").unwrap().ends_with("StringConverter"));
        assert_eq!(get("decimal.handling.mode"), Some("precise"));
    }
}
