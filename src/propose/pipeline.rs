//! The pipeline file: one for all that belongs together, each with its connector.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use itertools::Itertools as _;

use super::found::{Connector, Found};
use super::scene::Scene;
use super::sinks;
use super::tables::Tables;
use super::windows::Time;
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
    connectors: Vec<&'f Connector>,
    pub statements: Vec<(Utf8PathBuf, Text)>,
    /// The prefix of the topics that are read, where no connector was found.
    prefix: Option<String>,
}

impl Group<'_> {
    /// The options of its connectors, found or guessed; there is one at least.
    pub(super) fn options(&self) -> Vec<Options> {
        match (self.connectors.as_slice(), &self.prefix) {
            ([], Some(prefix)) => vec![plain_connector(prefix)],
            ([], None) => vec![Options::new()],
            (found, _) => found.iter().map(|one| one.options.clone()).collect(),
        }
    }

    /// Whether it is with this connector.
    pub(super) fn has(&self, connector: &Connector) -> bool {
        self.connectors.contains(&connector)
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
    let whole = |connectors: Vec<&'f Connector>, prefix| Group {
        name: None,
        connectors,
        statements: found.statements.clone(),
        prefix,
    };
    let empty = [Options::new()];
    let reads = |options: &Options| -> BTreeSet<Utf8PathBuf> {
        let scene = Scene::of(&tables.all, parsed, std::slice::from_ref(options));
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
        [] => vec![whole(Vec::new(), Scene::of(&tables.all, parsed, &empty).prefix())],
        [only] => vec![whole(vec![only], None)],
        several => {
            let used: Vec<(&Connector, BTreeSet<Utf8PathBuf>)> = several
                .iter()
                .map(|connector| (connector, reads(&connector.options)))
                .filter(|(_, files)| !files.is_empty() || found.statements.is_empty())
                .collect();
            match used.as_slice() {
                [] => vec![whole(several.first().into_iter().collect(), None)],
                [(only, _)] => vec![whole(vec![only], None)],
                many if is_joined(many) && have_one_database(many) => {
                    vec![whole(many.iter().map(|(connector, _)| *connector).collect(), None)]
                }
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
                            connectors: vec![*connector],
                            statements: own.cloned().collect(),
                            prefix: None,
                        }
                    })
                    .collect(),
            }
        }
    }
}

/// Connectors, each with the files whose statements read their topics.
type Used<'f> = [(&'f Connector, BTreeSet<Utf8PathBuf>)];

/// Whether a file reads topics of several connectors.
fn is_joined(used: &Used<'_>) -> bool {
    let several =
        |file: &Utf8PathBuf| used.iter().filter(|(_, all)| all.contains(file)).count() > 1;
    used.iter().flat_map(|(_, files)| files).any(several)
}

/// Whether all read one database, as those of a pipeline do.
fn have_one_database(used: &Used<'_>) -> bool {
    used.iter().map(|(connector, _)| connector.options.get("database.dbname")).all_equal()
}

/// A pipeline file, and the clocks of its windows.
pub(super) struct Written {
    pub text: String,
    pub clocks: Vec<Time>,
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
    text += &connector(group, proposal);
    let options = group.options();
    if let Some(table) = options.iter().find_map(|options| routed(options, scene)) {
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

/// The connector files that were found; or, where topics have another prefix than `cdc`, a new one.
fn connector(group: &Group<'_>, proposal: &mut Proposal) -> String {
    match group.connectors.as_slice() {
        [] => {}
        [only] => return format!("connector: {}\n", only.path),
        several => {
            let items = several.iter().map(|one| format!("  - {}\n", one.path));
            return format!("connector:\n{}", items.collect::<String>());
        }
    }
    let Some(prefix) = group.prefix.as_ref().filter(|prefix| *prefix != PREFIX) else {
        return String::new();
    };
    let config = plain_connector(prefix);
    let text = serde_json::to_string_pretty(&config).unwrap_or_default() + "\n";
    proposal.files.push(("connector.json".into(), text));
    proposal.notes.push(format!(
        "no connector file was found; connector.json is a guess from the topics' prefix `{prefix}`: \
         put the one of production in its place"
    ));
    "connector: connector.json\n".to_owned()
}

fn sinks(scene: &Scene<'_>, clocks: &mut Vec<Time>, proposal: &mut Proposal) -> String {
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

fn sink(scene: &Scene<'_>, name: &str, clocks: &mut Vec<Time>, proposal: &mut Proposal) -> String {
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
    if group.connectors.is_empty() && has_decimals(scene.tables) {
        text += "  connector: {decimal.handling.mode: string}\n";
    }
    text
}
