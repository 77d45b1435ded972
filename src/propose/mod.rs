//! A first pipeline file and a first scenario for what somebody already has: DDL of source tables,
//! Flink statements, connector files. What is proposed runs at once; what cannot be known is left
//! `unjudged`, with a comment that says what to write there, and what could not be used is named.

mod columns;
mod derive;
mod found;
mod harvest;
mod pipeline;
mod query;
mod rows;
mod scene;
mod sinks;
mod sort;
mod tables;
#[cfg(test)]
mod tests;
mod windows;
mod wire;

use camino::Utf8PathBuf;

pub use found::{Connector, Found};

use crate::base::text::{Span, Text};
use crate::scenario::print::canonical;
use crate::scenario::settings::Options;
use crate::sql::SqlError;
use crate::sql::flink::{self, Statement};
use crate::sql::psql;
use crate::sql::split;
use scene::Scene;

/// What is proposed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposal {
    /// Files by their path beside the pipeline file.
    pub files: Vec<(Utf8PathBuf, String)>,
    /// What the author should look at, in sentences.
    pub notes: Vec<String>,
    /// The scenarios among the files.
    pub scenarios: Vec<Utf8PathBuf>,
    /// What was found and is used in another way, or not at all: the path, and why.
    pub told: Vec<(Utf8PathBuf, String)>,
}

/// Nothing can be proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nothing {
    /// Why, in a sentence.
    pub sentence: String,
    /// What was found and is of no use: the path, and why.
    pub told: Vec<(Utf8PathBuf, String)>,
}

/// Proposes files.
pub fn propose(found: Found) -> Result<Proposal, Nothing> {
    let mut proposal = Proposal::default();
    let (mut found, mut left_out) = found.sorted();
    let parsed_texts = pieces(&found.statements);
    let parsed = parsed(&parsed_texts);
    let mut tables = tables::read(&split_postgres(&found.source));
    if tables.all.is_empty() {
        let derived = derive::source(&parsed, &found.connectors);
        let Some(derived) = derived else {
            return Err(Nothing { sentence: nothing(), told: left_out });
        };
        proposal.notes.push(
            "no DDL of source tables was found; source.sql is a guess from what the statements \
             read: put the true one in its place"
                .to_owned(),
        );
        let text = Text::whole("source.sql".into(), derived.clone());
        tables = tables::read(&of_postgres(&text).unwrap_or_default());
        found.source = vec![("source.sql".into(), text)];
        proposal.files.push(("source.sql".into(), derived));
    }
    proposal.files.extend(found.taken_out.iter().cloned());
    let groups = pipeline::groups(&found, &tables, &parsed);
    for connector in found.connectors.iter().filter(|one| !groups.iter().any(|own| own.has(one))) {
        let why = "the statements read none of its topics".to_owned();
        left_out.push((connector.path.clone(), why));
    }
    for group in groups {
        let own_texts = pieces(&group.statements);
        let own = self::parsed(&own_texts);
        let options = group.options();
        let scene = Scene::of(&tables.all, &own, &options);
        let written = pipeline::written(&found, &group, &scene, &mut proposal);
        let (pipeline, smoke) = group.names();
        let mut rows = tables.clone();
        for options in &options {
            if let Some(outbox) = pipeline::routed(options, &scene) {
                rows.route(&outbox, options);
            }
        }
        let text = rows::smoke(&rows, &written.clocks, pipeline.as_str());
        for (path, text) in [(pipeline, written.text), (smoke.clone(), text)] {
            let source = Text::whole(path.clone(), text);
            let printed = canonical(&source).map_err(|error| Nothing {
                sentence: format!("the proposed {path} is no YAML (a bug): {error:?}"),
                told: Vec::new(),
            })?;
            proposal.files.push((path, printed));
        }
        proposal.scenarios.push(smoke);
    }
    proposal.told.clone_from(&found.taken_from);
    let left = left_out.into_iter().map(|(path, why)| (path, format!("left out: {why}")));
    proposal.told.extend(left);
    Ok(proposal)
}

fn nothing() -> String {
    "nothing to test was found: no CREATE TABLE of a source table, and no Flink statement that reads a \
     topic of a Debezium connector; name the database (postgres://…) or a folder with its DDL"
        .to_owned()
}

fn pieces(files: &[(Utf8PathBuf, Text)]) -> Vec<Text> {
    files.iter().flat_map(|(_, text)| split::flink(text).unwrap_or_default()).collect()
}

fn parsed(texts: &[Text]) -> Vec<(&Text, Statement)> {
    texts.iter().map(|text| (text, flink::parse(text))).collect()
}

fn split_postgres(files: &[(Utf8PathBuf, Text)]) -> Vec<Text> {
    files.iter().flat_map(|(_, text)| of_postgres(text).unwrap_or_default()).collect()
}

/// The statements of a script: without psql's own lines, and without what takes a migration back.
fn of_postgres(text: &Text) -> Result<Vec<Text>, SqlError> {
    let backwards = ["-- +goose Down", "-- migrate:down", "-- +migrate Down"];
    let end = backwards.iter().filter_map(|mark| text.value.find(mark)).min();
    let forwards = text.slice(Span::new(0, end.unwrap_or(text.value.len())));
    split::postgres(&psql::stripped(&forwards)?.sql)
}

/// Options that name nothing but the prefix of topics.
fn plain_connector(prefix: &str) -> Options {
    let options = [
        ("connector.class", "io.debezium.connector.postgresql.PostgresConnector"),
        ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("key.converter.schemas.enable", "false"),
        ("topic.prefix", prefix),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter.replace.null.with.default", "false"),
        ("value.converter.schemas.enable", "false"),
    ];
    options.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// A table's rows for tests and smoke scenarios go by these.
fn has_decimals(tables: &[tables::Table]) -> bool {
    tables.iter().any(|table| table.columns.iter().any(columns::Column::is_decimal))
}
