//! The connector files of a pipeline.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::Reader;
use super::json::{self, Member};
use super::pipeline::{TOPIC_NAME, is_topic_name};
use crate::base::limits::{self, exceeds, grouped};
use crate::base::text::{Span, Text};
use crate::disk::lexical;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::pipeline::ConnectorFile;
use crate::scenario::settings::Options;
use crate::scenario::yaml::{Node, Value};

impl Reader<'_> {
    /// The file that `connector` names, or the files of a list. Several have names, by which a
    /// timeline tells them apart: what production calls them, else what their files are called.
    pub(super) fn connectors(&mut self, node: &Node, file: &Utf8Path) -> Vec<ConnectorFile> {
        let Value::List(nodes) = &node.value else {
            let alone = |file| ConnectorFile { name: None, ..file };
            return self.connector(node, file).map(alone).into_iter().collect();
        };
        if nodes.is_empty() {
            let message = "`connector` is a list without a file";
            self.error(Code::WrongShape, &node.at, message)
                .help("name a connector file, or leave `connector` out");
        }
        let mut found: Vec<(ConnectorFile, At)> = Vec::new();
        for one in nodes {
            let Some(connector) = self.connector(one, file) else { continue };
            if let Some((_, earlier)) = found.iter().find(|(it, _)| it.path == connector.path) {
                let message = format!("`{}` stands twice", connector.path);
                self.error(Code::DuplicateKey, &one.at, message)
                    .label("again here")
                    .earlier(earlier)
                    .help("name each connector file once");
                continue;
            }
            if let Some((other, earlier)) = found.iter().find(|(it, _)| it.name == connector.name) {
                let name = connector.name.as_deref().unwrap_or_default();
                let message = format!(
                    "`{}` and `{}` are both called `{name}`, and Connect keeps one connector of a name",
                    other.path, connector.path
                );
                self.error(Code::Several, &one.at, message)
                    .earlier(earlier)
                    .help("give each its own `name`; a file without one is called as its file is");
            }
            found.push((connector, one.at.clone()));
        }
        let is_alone = found.len() < 2;
        let named = |(file, _): (ConnectorFile, At)| ConnectorFile {
            name: file.name.filter(|_| !is_alone),
            ..file
        };
        found.into_iter().map(named).collect()
    }

    fn connector(&mut self, node: &Node, file: &Utf8Path) -> Option<ConnectorFile> {
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
        let (options, name) = self.connector_options(&source)?;
        self.check_format(&options, &node.at);
        let name = name.or_else(|| path.file_stem().map(ToOwned::to_owned));
        Some(ConnectorFile { path, name, options })
    }

    /// The options, and the name that the file gives the connector.
    fn connector_options(&mut self, source: &Text) -> Option<(Options, Option<String>)> {
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
        let named = root.iter().find(|member| member.key == "name").map(Member::value);
        let named = named.and_then(|name| name.as_str().map(ToOwned::to_owned));
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
        let name = named.or_else(|| options.get("name").cloned());
        Some((options, name))
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
    ("jsonschema", "open-source Flink does not read JSON after the id of a schema"),
    ("extjson", "open-source Flink does not read JSON after the id of a schema"),
    ("string", "a text is no row"),
    ("bytearray", "bytes are no row"),
];

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
