//! The pipeline file: one for all that belongs together, each with its connector.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::found::{Connector, Found};
use super::scene::Scene;
use super::sinks;
use super::tables::Tables;
use super::{Proposal, has_decimals, plain_connector};
use crate::base::text::Text;
use crate::model::routes::{self, PREFIX};
use crate::scenario::pipeline::ROUTER;
use crate::scenario::settings::Options;
use crate::sql::flink::{CreateTable, Statement};

/// The value by which the first scenario's rows are routed.
pub(super) const ROUTED: &str = "order";

/// What belongs to one pipeline.
pub(super) struct Group<'f> {
    /// Its name, where there are several.
    name: Option<String>,
    connector: Option<&'f Connector>,
    pub statements: Vec<(Utf8PathBuf, Text)>,
    /// The prefix of the topics that are read, where no connector was found.
    prefix: Option<String>,
}

impl Group<'_> {
    /// The connector's options, found or guessed.
    pub(super) fn options(&self) -> Options {
        match (self.connector, &self.prefix) {
            (Some(connector), _) => connector.options.clone(),
            (None, Some(prefix)) => plain_connector(prefix),
            (None, None) => Options::new(),
        }
    }

    /// Whether it is with this connector.
    pub(super) fn has(&self, connector: &Connector) -> bool {
        self.connector == Some(connector)
    }

    /// The pipeline file and the scenario.
    pub(super) fn names(&self) -> (Utf8PathBuf, Utf8PathBuf) {
        match &self.name {
            None => ("pipeline.yaml".into(), "scenarios/smoke.yaml".into()),
            Some(name) => {
                (format!("{name}.pipeline.yaml").into(), format!("scenarios/{name}.yaml").into())
            }
        }
    }
}

/// Connectors with the files whose statements read their topics. One that no statement reads has
/// a pipeline of its own only where there are no statements at all.
pub(super) fn groups<'f>(
    found: &'f Found,
    tables: &Tables,
    parsed: &[(&Text, Statement)],
) -> Vec<Group<'f>> {
    let whole = |connector, prefix| Group {
        name: None,
        connector,
        statements: found.statements.clone(),
        prefix,
    };
    let empty = Options::new();
    let reads = |options: &Options| -> BTreeSet<Utf8PathBuf> {
        let scene = Scene::of(&tables.all, parsed, options);
        let of_file = |(path, text): &(Utf8PathBuf, Text)| {
            let pieces = super::pieces(&[(path.clone(), text.clone())]);
            let names =
                super::parsed(&pieces).into_iter().flat_map(|(_, statement)| match statement {
                    Statement::CreateTable(table) => vec![table.name.table().to_owned()],
                    other => other
                        .inserts()
                        .iter()
                        .flat_map(|insert| &insert.reads)
                        .map(|name| name.table().to_owned())
                        .collect(),
                });
            let is_read = names.into_iter().any(|name| scene.source(&name).is_some());
            is_read.then(|| path.clone())
        };
        found.statements.iter().filter_map(of_file).collect()
    };
    match found.connectors.as_slice() {
        [] => vec![whole(None, Scene::of(&tables.all, parsed, &empty).prefix())],
        [only] => vec![whole(Some(only), None)],
        several => {
            let used: Vec<(&Connector, BTreeSet<Utf8PathBuf>)> = several
                .iter()
                .map(|connector| (connector, reads(&connector.options)))
                .filter(|(_, files)| !files.is_empty() || found.statements.is_empty())
                .collect();
            match used.as_slice() {
                [] => vec![whole(several.first(), None)],
                [(only, _)] => vec![whole(Some(only), None)],
                many => many
                    .iter()
                    .map(|(connector, files)| {
                        let others =
                            || many.iter().filter(|(other, _)| other.path != connector.path);
                        let own = found.statements.iter().filter(|(path, _)| {
                            files.contains(path) || !others().any(|(_, files)| files.contains(path))
                        });
                        Group {
                            name: connector.path.file_stem().map(str::to_owned),
                            connector: Some(connector),
                            statements: own.cloned().collect(),
                            prefix: None,
                        }
                    })
                    .collect(),
            }
        }
    }
}

/// A pipeline file, and the clocks of its windows.
pub(super) struct Written {
    pub text: String,
    pub clocks: Vec<(String, String)>,
}

pub(super) fn written(
    found: &Found,
    group: &Group<'_>,
    scene: &Scene<'_>,
    proposal: &mut Proposal,
) -> Written {
    let mut text =
        "# What is under test. Proposed by `changeproof new`: read it before you trust it.\n\
         pipeline: v1\n"
            .to_owned();
    let mut clocks = Vec::new();
    text += &paths("source", &found.source);
    if let Some(connector) = connector(group, proposal) {
        text += &format!("connector: {connector}\n");
    }
    if let Some(table) = routed(&group.options(), scene) {
        proposal.notes.push(format!(
            "`{table}` is an outbox; pipeline.yaml names `{ROUTED}` as the one value that its rows are \
             routed by: write those of production"
        ));
        text += &format!("outbox: {{{table}: [{ROUTED}]}}\n");
    }
    if !group.statements.is_empty() {
        text += if scene.is_confluent() { "dialect: confluent\n" } else { "dialect: flink\n" };
        text += &paths("statements", &group.statements);
        text += &sinks(scene, &mut clocks, proposal);
    }
    let settings = settings(group, scene, proposal);
    if !settings.is_empty() {
        text += &format!("settings:\n{settings}");
    }
    Written { text, clocks }
}

/// The table whose rows the connector's outbox router routes.
pub(super) fn routed(options: &Options, scene: &Scene<'_>) -> Option<String> {
    let mut routers = routes::transforms(options);
    let router = routers.find(|name| routes::class(options, name) == Some(ROUTER))?;
    let field = options.get(&format!("transforms.{router}.route.by.field"));
    let field = field.map_or("aggregatetype", String::as_str);
    let table = scene.tables.iter().find(|table| table.column(field).is_some())?;
    Some(table.name.clone())
}

fn paths(key: &str, files: &[(Utf8PathBuf, Text)]) -> String {
    match files {
        [] => String::new(),
        [(only, _)] => format!("{key}: {only}\n"),
        many => {
            let items = many.iter().map(|(path, _)| format!("  - {path}\n"));
            format!("{key}:\n{}", items.collect::<String>())
        }
    }
}

/// The connector file that was found; or, where topics have another prefix than `cdc`, a new one.
fn connector(group: &Group<'_>, proposal: &mut Proposal) -> Option<Utf8PathBuf> {
    if let Some(connector) = group.connector {
        return Some(connector.path.clone());
    }
    let prefix = group.prefix.as_ref().filter(|prefix| *prefix != PREFIX)?;
    let config = plain_connector(prefix);
    let text = serde_json::to_string_pretty(&config).unwrap_or_default() + "\n";
    proposal.files.push(("connector.json".into(), text));
    proposal.notes.push(format!(
        "no connector file was found; connector.json is a guess from the topics' prefix `{prefix}`: \
         put the one of production in its place"
    ));
    Some("connector.json".into())
}

fn sinks(scene: &Scene<'_>, clocks: &mut Vec<(String, String)>, proposal: &mut Proposal) -> String {
    let mut text = "sinks:\n".to_owned();
    let mut seen: Vec<&str> = Vec::new();
    for (_, statement) in scene.parsed {
        for insert in statement.inserts() {
            let name = insert.target.table();
            if !seen.contains(&name) {
                seen.push(name);
                text += &sink(scene, name, clocks, proposal);
            }
        }
    }
    if seen.is_empty() { String::new() } else { text }
}

fn sink(
    scene: &Scene<'_>,
    name: &str,
    clocks: &mut Vec<(String, String)>,
    proposal: &mut Proposal,
) -> String {
    match sinks::reference(scene, name) {
        Ok(reference) => {
            let head = "  # Check me: this is the statement said in Postgres' words, and not what the rows should be.\n";
            let indent = if reference.window.is_some() { "      " } else { "    " };
            let lines: String =
                reference.sql.lines().map(|line| format!("{indent}{line}\n")).collect();
            match reference.window {
                None => format!("{head}  {name}: |\n{lines}"),
                Some(clock) => {
                    clocks.push(clock.time.clone());
                    format!("{head}  {name}:\n    reference: |\n{lines}    {}\n", clock.written())
                }
            }
        }
        Err(why) => {
            proposal.notes.push(format!(
                "`{name}` is not judged yet, because {why}: write its reference query in pipeline.yaml"
            ));
            format!(
                "  # TO DO: one SELECT on Postgres that gives the rows of this table ({why}).\n  {name}: unjudged\n"
            )
        }
    }
}

fn settings(group: &Group<'_>, scene: &Scene<'_>, proposal: &mut Proposal) -> String {
    let mut text = String::new();
    let is_debezium = |table: &CreateTable| {
        let with = table.with.as_ref();
        with.and_then(|with| with.get("format").or_else(|| with.get("value.format")))
            .is_some_and(|format| format.starts_with("debezium"))
    };
    let reads_old_rows = scene.parsed.iter().any(|(_, statement)| match statement {
        Statement::CreateTable(table) => is_debezium(table),
        other => other.inserts().iter().flat_map(|insert| &insert.reads).any(|name| {
            scene.create(name.table()).is_none() && scene.source(name.table()).is_some()
        }),
    });
    if reads_old_rows && !scene.tables.iter().any(|table| table.sets_identity) {
        text += "  # debezium-json needs the old rows. Take it out to test the tables as they are.\n  \
                 replica_identity: full\n";
        proposal.notes.push(
            "the DDL sets no replica identity; the pipeline file sets `full`, which production needs \
             too if a topic is read as debezium-json"
                .to_owned(),
        );
    }
    if group.connector.is_none() && has_decimals(scene.tables) {
        text += "  connector: {decimal.handling.mode: string}\n";
    }
    text
}
