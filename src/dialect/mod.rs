//! Confluent Cloud's SQL → open-source Flink SQL.
//!
//! A catalogue holds each table as Confluent has it: inferred from a topic of the connector, or
//! created by a statement, and changed by every `ALTER TABLE` since. Nothing is emitted before a
//! statement needs it; then each table it names is emitted as open-source DDL, and the statement
//! follows as it was written. What has no open-source equivalent is refused with the reason and
//! with what comes nearest.

pub mod avro;
mod captured;
pub mod connector;
mod emit;
mod envelope;
mod names;
mod numbers;
mod options;
pub mod print;
mod refusal;
mod stars;
mod table;
mod types;
mod walk;
pub mod written;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use crate::base::diagnostic::Diagnostic;
use crate::base::text::Text;
use crate::scenario::application::Application;
use crate::scenario::pipeline::{Dialect, Format, Pipeline};
use crate::scenario::settings::{Options, Settings};
use connector::Mapped;

pub use emit::TopicPlan;
pub use options::duration_ms;

/// What is known beside the statements.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// DDL of the source tables; each text may hold several statements.
    pub source: &'a [Text],
    /// The options of each connector as written, those of the settings over those of its file.
    pub connectors: &'a [Options],
    /// Options of topics that the settings give, by source table.
    pub topics: &'a BTreeMap<String, Options>,
    /// Topics that an application writes.
    pub applications: &'a BTreeMap<String, Application>,
    /// Options of tables that the settings give, by table.
    pub tables: &'a BTreeMap<String, Options>,
    /// A format that no statement writes is Avro, as in Confluent Cloud, whatever the connector writes.
    pub registry: bool,
}

/// A table of the catalogue, in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Confluent's `CREATE TABLE` of it, every `ALTER TABLE` applied.
    pub text: Text,
    /// The open-source statements that make it.
    pub open: Vec<Text>,
    /// How its topic is made.
    pub topic: TopicPlan,
}

/// Statements of the dialect with what they become.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Translation {
    /// In the order in which they are written.
    pub statements: Vec<Translated>,
    /// How the topics of the tables are made, by table.
    pub topics: BTreeMap<String, TopicPlan>,
}

/// One statement with what it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// As it was written.
    pub written: Text,
    /// What is submitted for it: tables that it needs, then itself. Empty if it only changes the
    /// catalogue.
    pub emitted: Vec<Emitted>,
    /// What was decided about the statement itself.
    pub notes: Vec<String>,
}

/// One open-source statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// Its text.
    pub text: Text,
    /// What was decided.
    pub notes: Vec<String>,
}

/// Translates statements, in order. All that is wrong is told at once.
pub fn translate(statements: &[Text], world: &World<'_>) -> Result<Translation, Vec<Diagnostic>> {
    walk::translate(statements, world)
}

/// The table that a name is behind these statements: one of them, or a topic of the connector.
pub fn described(
    name: &str,
    statements: &[Text],
    world: &World<'_>,
) -> Result<Described, Vec<Diagnostic>> {
    walk::described(name, statements, world)
}

/// The topics of the connector, each of which is a table from the start.
pub fn topics(world: &World<'_>) -> Vec<String> {
    captured::captured(world).into_iter().map(|topic| topic.topic).collect()
}

/// A pipeline as it is submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The options of each connector, those of managed ones mapped; one where no file is named.
    pub connectors: Vec<Mapped>,
    /// Its statements; those in open-source SQL stay as they are.
    pub translation: Translation,
}

/// Translates a pipeline under its settings. `sources` are the files that were read, for places.
pub fn apply(
    pipeline: &Pipeline,
    settings: &Settings,
    sources: &[(Utf8PathBuf, String)],
) -> Result<Applied, Vec<Diagnostic>> {
    let mut connectors = mapped(pipeline, sources)?;
    let translation = match pipeline.dialect {
        Dialect::Flink => as_written(&pipeline.statements),
        Dialect::Confluent => {
            let options = |one: &Mapped| inferred_by(one, pipeline, settings);
            let all: Vec<Options> = connectors.iter().map(options).collect();
            let world = World {
                source: &pipeline.source,
                connectors: &all,
                topics: &settings.topics,
                applications: &pipeline.topics,
                tables: &settings.tables,
                registry: false,
            };
            translate(&pipeline.statements, &world)?
        }
    };
    if pipeline.format != Some(Format::AvroRegistry) {
        return Ok(Applied { connectors, translation });
    }
    connectors.iter_mut().for_each(avro::connector);
    let translation = translation.in_avro()?;
    Ok(Applied { connectors, translation })
}

/// The connectors of the pipeline's files; where it names none, the one that is there by default.
fn mapped(
    pipeline: &Pipeline,
    sources: &[(Utf8PathBuf, String)],
) -> Result<Vec<Mapped>, Vec<Diagnostic>> {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for file in &pipeline.connectors {
        let text = sources.iter().find(|(path, _)| *path == file.path);
        let text = text.map(|(_, text)| text.clone()).unwrap_or_default();
        match connector::mapped(&file.options, &Text::whole(file.path.clone(), text)) {
            Ok(mapped) => found.push(mapped),
            Err(refused) => wrong.extend(refused),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    if found.is_empty() {
        let mut none = Mapped::none();
        if pipeline.dialect == Dialect::Confluent {
            // The dialect infers decimals as numbers from the connector that is there by default.
            let why = "Confluent's connector writes decimals as numbers";
            none.draft.set_default("value.converter.decimal.format", "NUMERIC", why);
        }
        found.push(none);
    }
    Ok(found)
}

/// The options by which tables are inferred from the topics of a connector.
fn inferred_by(connector: &Mapped, pipeline: &Pipeline, settings: &Settings) -> Options {
    let mut options = connector.options().clone();
    options.extend(settings.connector.clone());
    // Only Avro says that the numbers of this mode are times.
    let is_connect = options.get("time.precision.mode").is_some_and(|m| m == "connect");
    if is_connect && pipeline.format == Some(Format::AvroRegistry) {
        let class = || avro::CONVERTER.to_owned();
        options.entry("value.converter".to_owned()).or_insert_with(class);
    }
    options
}

/// Open-source statements need no translation.
fn as_written(statements: &[Text]) -> Translation {
    let own = |text: &Text| Translated {
        written: text.clone(),
        emitted: vec![Emitted { text: text.clone(), notes: Vec::new() }],
        notes: Vec::new(),
    };
    Translation { statements: statements.iter().map(own).collect(), topics: BTreeMap::new() }
}

impl Translation {
    /// The same with the formats of all tables in Avro.
    fn in_avro(mut self) -> Result<Self, Vec<Diagnostic>> {
        let mut wrong = Vec::new();
        let emitted = self.statements.iter_mut().flat_map(|one| &mut one.emitted);
        for one in emitted {
            match avro::statement(&one.text) {
                Ok(text) => one.text = text,
                Err(refused) => wrong.push(refused),
            }
        }
        if wrong.is_empty() { Ok(self) } else { Err(wrong) }
    }

    /// All that is submitted, in order.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        self.statements.iter().flat_map(|one| one.emitted.iter().map(|emitted| &emitted.text))
    }
}
