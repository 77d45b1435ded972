//! Pipelines: what is under test.

use std::collections::BTreeMap;

use camino::Utf8Path;
use itertools::Itertools as _;

use super::Reader;
use super::catalogue::{Catalogue, inserts, is_named};
use super::json::{self, Member};
use super::settings::Of;
use super::shape::Fields;
use super::source::Source;
use crate::base::limits::{self, exceeds, grouped};
use crate::base::text::{Span, Text};
use crate::disk::lexical;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::expect::Allowance;
use crate::scenario::pipeline::{ConnectorFile, Dialect, Format, Pipeline, Sink};
use crate::scenario::scenario::Setting;
use crate::scenario::settings::Options;
use crate::scenario::words::{self, INLINE, PIPELINE, suggestion};
use crate::scenario::yaml::{Node, Value};
use crate::sql::flink::reset;
use crate::sql::token::Language;

/// A pipeline with what belongs to it but not to a trial's pipeline.
pub(super) struct Parsed {
    pub pipeline: Pipeline,
    pub settings: Vec<Setting>,
    pub may_show: Vec<Allowance>,
    pub catalogue: Catalogue,
}

impl Reader<'_> {
    /// The value of a scenario's `pipeline`: a path, or the pipeline itself.
    pub(super) fn pipeline_of(&mut self, node: &Node, file: &Utf8Path) -> Option<Parsed> {
        if matches!(node.value, Value::Map(_)) {
            return self.pipeline(node, file, false);
        }
        let written = self.text(node, "the path of a pipeline file, or a map")?;
        let path = lexical(&file.parent().unwrap_or(Utf8Path::new("")).join(&written));
        let source = match self.files.read(&path) {
            Ok(source) => source,
            Err(message) => {
                let help = "pipelines are named by path, relative to the scenario";
                self.error(Code::NoFile, &node.at, message).help(help);
                return None;
            }
        };
        let root = crate::scenario::yaml::read(&source, self.diagnostics)?;
        self.pipeline(&root, &path, true)
    }

    /// A pipeline, in a file of its own or inline.
    pub(super) fn pipeline(
        &mut self,
        node: &Node,
        file: &Utf8Path,
        is_file: bool,
    ) -> Option<Parsed> {
        let fields = self.map(node, if is_file { PIPELINE } else { INLINE })?;
        if is_file && let Some(version) = self.required(&fields, "pipeline", "write `pipeline: v1`")
        {
            self.word(version, words::VERSION);
        }
        let errors = self.diagnostics.len();
        let (source, mut catalogue) = self.source(&fields, file);
        let Source { texts: source, left_out, .. } = source;
        self.variables_of(&fields);
        let statements = self.statements(&fields, file);
        let connector = fields.get("connector").and_then(|node| self.connector(node, file));
        let outbox = self.outbox(&fields, connector.as_ref(), &catalogue);
        let format = self.format(&fields);
        let dialect = self.dialect(&fields);
        let topics = self.topics(&fields, &mut catalogue);
        let sinks = self.sinks(&fields, file, &statements, &mut catalogue);
        catalogue.add_tables(&statements);
        catalogue.is_partial = self.diagnostics.len() > errors;
        let settings = fields
            .get("settings")
            .map(|node| self.settings(node, (file, &catalogue), Of::Pipeline));
        let may_show = fields.get("may_show").map(|node| self.may_show(node, &catalogue));
        let pipeline = Pipeline {
            file: is_file.then(|| file.to_owned()),
            source,
            left_out,
            connector,
            outbox,
            topics,
            format,
            dialect,
            statements,
            sinks,
        };
        Some(Parsed {
            pipeline,
            settings: settings.unwrap_or_default(),
            may_show: may_show.unwrap_or_default(),
            catalogue,
        })
    }

    fn source(&mut self, fields: &Fields<'_>, file: &Utf8Path) -> (Source, Catalogue) {
        let help = "write the DDL of the source tables, or the path of its SQL files";
        let Some(node) = self.required(fields, "source", help) else { return Default::default() };
        let source = self.scripts(node, file);
        let catalogue = Catalogue::of_source(&source.statements);
        if !source.texts.is_empty() && !catalogue.has_sources() {
            let message = "the source DDL creates no table";
            self.error(Code::NoTable, &node.at, message)
                .help("write a CREATE TABLE for each table that is captured");
        }
        (source, catalogue)
    }

    fn statements(&mut self, fields: &Fields<'_>, file: &Utf8Path) -> Vec<Text> {
        let Some(node) = fields.get("statements") else { return Vec::new() };
        let sql = self.sql_list(node, file, Language::Flink);
        reset::spelled_out(sql.into_iter().flat_map(|sql| sql.statements).collect())
    }

    /// As written, else that of the connector file.
    fn format(&mut self, fields: &Fields<'_>) -> Option<Format> {
        let written = fields.get("format").and_then(|node| self.word(node, words::FORMAT));
        written.map(format_of)
    }

    fn dialect(&mut self, fields: &Fields<'_>) -> Dialect {
        match fields.get("dialect").and_then(|node| self.word(node, words::DIALECT)) {
            Some("flink") => Dialect::Flink,
            Some(_) | None => Dialect::Confluent,
        }
    }

    fn sinks(
        &mut self,
        fields: &Fields<'_>,
        file: &Utf8Path,
        statements: &[Text],
        catalogue: &mut Catalogue,
    ) -> BTreeMap<String, Sink> {
        let mut sinks = BTreeMap::new();
        let written = inserts(statements);
        let entries = fields.get("sinks").and_then(|node| self.entries(node, "`sinks`"));
        for (key, node) in entries.unwrap_or_default() {
            let is_written = written.iter().any(|(_, insert)| is_named(&insert.target, &key.name));
            if !is_written && (fields.get("statements").is_none() || !statements.is_empty()) {
                let targets = written.iter().map(|(_, insert)| insert.target.table());
                let last = targets.clone().find(|target| key.name.ends_with(&format!(".{target}")));
                let help = match last {
                    Some(last) => format!("a sink goes by the last part of its name: `{last}`"),
                    None => suggestion(&key.name, targets.unique()),
                };
                let message = format!("no INSERT writes `{}`", key.name);
                self.error(Code::UnwrittenSink, &key.at, message).help(help);
            }
            catalogue.add_sink(&key.name);
            if let Some(sink) = self.sink(&key.name, node, file, (statements, &*catalogue)) {
                if matches!(sink, Sink::Judged { window: Some(_), .. }) {
                    catalogue.windowed.insert(key.name.clone());
                }
                sinks.insert(key.name.clone(), sink);
            }
        }
        let named: Vec<&str> =
            entries.unwrap_or_default().iter().map(|(key, _)| key.name.as_str()).collect();
        self.check_targets(statements, &named);
        sinks
    }

    /// Every table that an INSERT writes must be named in `sinks`.
    pub(super) fn check_targets(&mut self, statements: &[Text], sinks: &[&str]) {
        for (statement, insert) in inserts(statements) {
            if !sinks.iter().any(|sink| is_named(&insert.target, sink)) {
                let at = At::of(statement, insert.target.span);
                let message = format!("`sinks` does not name `{}`", insert.target);
                let help = "give its reference query under `sinks`, or `unjudged`";
                self.error(Code::UnnamedSink, &at, message).help(help);
            }
        }
    }

    fn connector(&mut self, node: &Node, file: &Utf8Path) -> Option<ConnectorFile> {
        if let Value::List(files) = &node.value {
            if let [one] = files.as_slice() {
                return self.connector(one, file);
            }
            let message = "a pipeline with several connectors is not built yet";
            let help = "name one connector file, whose `table.include.list` has the tables of all, or \
                        write a pipeline for each";
            self.error(Code::NotBuilt, &node.at, message).help(help);
            return None;
        }
        let written = self.text(node, "the path of the connector's JSON file")?;
        let path = lexical(&file.parent().unwrap_or(Utf8Path::new("")).join(&written));
        let source = match self.files.read(&path) {
            Ok(source) => source,
            Err(message) => {
                let help =
                    "`connector` is the path of a JSON file; options are set under `settings`";
                self.error(Code::NoFile, &node.at, message).help(help);
                return None;
            }
        };
        let options = self.connector_options(&source)?;
        self.check_format(&options, &node.at);
        Some(ConnectorFile { path, options })
    }

    fn connector_options(&mut self, source: &Text) -> Option<Options> {
        let start = At::of(source, Span::new(0, source.value.len().min(1)));
        let parsed: serde_json::Value = match serde_json::from_str(&source.value) {
            Ok(parsed) => parsed,
            Err(error) => {
                let at = json_place(source, error.line(), error.column());
                let help = "write a JSON object of options, as Kafka Connect takes it";
                self.error(Code::NotConnector, &at, format!("not JSON: {error}")).help(help);
                return None;
            }
        };
        if !parsed.is_object() {
            let message = "the connector file is not a JSON object";
            self.error(Code::NotConnector, &start, message)
                .help("write a JSON object of options, as Kafka Connect takes it");
            return None;
        }
        let root = json::members(&source.value).unwrap_or_default();
        self.once(source, &root);
        let config = root.iter().rev().find(|member| member.key == "config");
        let config = match config.and_then(Member::members) {
            Some(config) => {
                self.once(source, &config);
                config
            }
            None => root,
        };
        if exceeds(config.len(), limits::KEYS) {
            let message = format!("the connector file has {} options", config.len());
            let help = format!("at most {}: no connector has more", grouped(limits::KEYS));
            self.error(Code::TooMuch, &start, message).help(help);
            return None;
        }
        let mut options = Options::new();
        for member in &config {
            let text = match member.value() {
                serde_json::Value::String(text) => text,
                serde_json::Value::Number(number) => number.to_string(),
                serde_json::Value::Bool(bool) => bool.to_string(),
                serde_json::Value::Null => continue,
                serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
                    let message = format!("the option `{}` is not a single value", member.key);
                    self.error(Code::NotConnector, &member.at(source), message)
                        .help("write a text, a number, `true` or `false`");
                    continue;
                }
            };
            self.check_option(&member.key, &text, &member.at(source));
            options.insert(member.key.clone(), text);
        }
        Some(options)
    }

    /// Refuses a key that stands twice: which of the two counts, nobody would see.
    fn once(&mut self, source: &Text, members: &[Member<'_>]) {
        let mut first = BTreeMap::new();
        for member in members {
            let Some(earlier) = first.insert(member.key.as_str(), member) else { continue };
            let message = format!("the option `{}` stands twice", member.key);
            self.error(Code::DuplicateKey, &member.at(source), message)
                .label("again here")
                .earlier(&earlier.at(source))
                .help("keep one of the two");
        }
    }

    /// What no component could take as the name or the value of an option.
    pub(super) fn check_option(&mut self, name: &str, value: &str, at: &At) {
        if name.contains('\0') || value.contains('\0') {
            let message = format!("the option `{}` has a NUL in it", name.replace('\0', "␀"));
            self.error(Code::BadValue, at, message).help("no component takes that: leave it out");
        } else if name == "topic.prefix" && !is_topic_name(value) {
            let message = format!("`{value}` is no topic prefix");
            self.error(Code::BadValue, at, message).help(TOPIC_NAME);
        }
    }

    /// The connector file says which format its records have; other formats have no reader here.
    fn check_format(&mut self, options: &Options, at: &At) {
        let converters =
            ["key.converter", "value.converter", "output.data.format", "output.key.format"];
        for option in converters {
            let Some(value) = options.get(option) else { continue };
            let is_known = [".JsonConverter", ".AvroConverter"].iter().any(|c| value.ends_with(c))
                || ["JSON", "JSON_SR", "AVRO"].contains(&value.as_str());
            if is_known {
                continue;
            }
            let (_, why) = UNREAD
                .iter()
                .find(|(name, _)| value.to_ascii_lowercase().contains(name))
                .unwrap_or(&("", "only JSON and Avro are read here"));
            let message = format!("`{option}` of the connector file is `{value}`: {why}");
            let help = match option {
                "output.data.format" | "output.key.format" => "write JSON_SR, AVRO or JSON",
                _ => {
                    "name org.apache.kafka.connect.json.JsonConverter or an AvroConverter, which \
                     Flink's formats read"
                }
            };
            self.error(Code::NotBuilt, at, message).help(help);
        }
    }
}

/// Why a converter is refused, by what is in its name.
const UNREAD: [(&str, &str); 6] = [
    ("cloudevents", "Flink has no format that reads CloudEvents"),
    ("proto", "open-source Flink reads no Protobuf with a registry"),
    ("jsonschema", "open-source Flink does not read JSON behind the id of a schema"),
    ("extjson", "open-source Flink does not read JSON behind the id of a schema"),
    ("string", "a text is no row"),
    ("bytearray", "bytes are no row"),
];

/// The format that a word names.
pub(super) fn format_of(word: &str) -> Format {
    match word {
        "avro-registry" => Format::AvroRegistry,
        _ => Format::Json,
    }
}

fn json_place(source: &Text, line: usize, column: usize) -> At {
    let start: usize =
        source.value.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut byte = (start + column.saturating_sub(1)).min(source.value.len());
    while !source.value.is_char_boundary(byte) {
        byte -= 1;
    }
    let next = source.value.get(byte..).and_then(|rest| rest.chars().next());
    At::of(source, Span::new(byte, byte + next.map_or(0, char::len_utf8)))
}

/// What Kafka and Debezium take in the name of a topic.
pub(super) const TOPIC_NAME: &str =
    "write letters from a to z, digits, `.`, `_` and `-`, at least one and at most 249 in all";

/// Whether a topic may have this name.
pub(super) fn is_topic_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    !name.is_empty() && !exceeds(name.len(), limits::TOPIC_NAME) && name.chars().all(fits)
}
