//! Pipelines: what is under test.

use std::collections::BTreeMap;

use camino::Utf8Path;
use itertools::Itertools as _;

use super::Reader;
use super::catalogue::{Catalogue, inserts, is_named};
use super::settings::Of;
use super::shape::Fields;
use super::source::Source;
use crate::base::limits::{self, exceeds};
use crate::base::text::Text;
use crate::disk::lexical;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::expect::Allowance;
use crate::scenario::pipeline::{Dialect, Format, Pipeline, Sink};
use crate::scenario::scenario::Setting;
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
        let connectors = fields.get("connector").map(|node| self.connectors(node, file));
        let connectors = connectors.unwrap_or_default();
        catalogue.connectors = connectors.iter().filter_map(|one| one.name.clone()).collect();
        let outbox = self.outbox(&fields, &connectors, &catalogue);
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
            connectors,
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
}

/// The format that a word names.
pub(super) fn format_of(word: &str) -> Format {
    match word {
        "avro-registry" => Format::AvroRegistry,
        _ => Format::Json,
    }
}

/// What Kafka and Debezium take in the name of a topic.
pub(super) const TOPIC_NAME: &str =
    "write letters from a to z, digits, `.`, `_` and `-`, at least one and at most 249 in all";

/// Whether a topic may have this name.
pub(super) fn is_topic_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    !name.is_empty() && !exceeds(name.len(), limits::TOPIC_NAME) && name.chars().all(fits)
}
