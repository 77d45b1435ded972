//! The pipeline file: one for all that belongs together, each with its connector.

use std::borrow::Cow;
use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::found::{Connector, Found};
use super::scene::Scene;
use super::sinks;
use super::tables::Tables;
use super::windows::Time;
use super::{Proposal, has_decimals, plain_connector};
use crate::base::text::Text;
use crate::model::routes::{self, PREFIX, REGEX_ROUTER};
use crate::scenario::pipeline::ROUTER;
use crate::scenario::settings::Options;
use crate::sql::flink::{CreateTable, Statement};

/// The value by which the first scenario's rows are routed.
pub(super) const ROUTED: &str = "order";

/// What belongs to one pipeline.
pub(super) struct Group<'f> {
    /// Its name, where there are several.
    name: Option<String>,
    connector: Option<Cow<'f, Connector>>,
    /// The files of which the connector is put together, where there are several.
    joined: Vec<&'f Connector>,
    pub statements: Vec<(Utf8PathBuf, Text)>,
    /// The prefix of the topics that are read, where no connector was found.
    prefix: Option<String>,
}

impl Group<'_> {
    /// The connector's options, found or guessed.
    pub(super) fn options(&self) -> Options {
        match (&self.connector, &self.prefix) {
            (Some(connector), _) => connector.options.clone(),
            (None, Some(prefix)) => plain_connector(prefix),
            (None, None) => Options::new(),
        }
    }

    /// Whether it is with this connector.
    pub(super) fn has(&self, connector: &Connector) -> bool {
        self.connector.as_deref() == Some(connector) || self.joined.contains(&connector)
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
    let whole = |connector: Option<&'f Connector>, prefix| Group {
        name: None,
        connector: connector.map(Cow::Borrowed),
        joined: Vec::new(),
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
                many if is_joined(many) && together(many).is_ok() => {
                    let joined = many.iter().map(|(connector, _)| *connector).collect();
                    let connector = together(many).ok().map(Cow::Owned);
                    vec![Group { connector, joined, ..whole(None, None) }]
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
                            connector: Some(Cow::Borrowed(*connector)),
                            joined: Vec::new(),
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

/// Options that may differ between connectors that are put together: what a run has of its own, and
/// what is put together.
fn is_own(option: &str) -> bool {
    const OWN: [&str; 6] = [
        "name",
        "publication.name",
        "slot.name",
        "table.include.list",
        "tasks.max",
        "topic.prefix",
    ];
    let is_place = option.starts_with("database.") && option != "database.dbname";
    OWN.contains(&option) || is_place || option.starts_with("kafka.")
}

/// One connector that writes what several write: the tables of all, each on the topic of its own
/// connector's prefix. The error is the end of a sentence.
fn together(used: &Used<'_>) -> Result<Connector, String> {
    let [(first, _), rest @ ..] = used else { return Err("there is none".to_owned()) };
    let mut options = first.options.clone();
    let get = |one: &Connector, option: &str| {
        let lacks = || format!("{} has no `{option}`", one.path);
        one.options.get(option).cloned().ok_or_else(lacks)
    };
    let own = get(first, "topic.prefix")?;
    let mut list = get(first, "table.include.list")?;
    let mut routers = Vec::new();
    for (n, (other, _)) in rest.iter().enumerate() {
        let keys = first.options.keys().chain(other.options.keys()).filter(|key| !is_own(key));
        if let Some(key) =
            keys.into_iter().find(|key| first.options.get(*key) != other.options.get(*key))
        {
            return Err(format!("`{key}` differs between {} and {}", first.path, other.path));
        }
        let (prefix, tables) = (get(other, "topic.prefix")?, get(other, "table.include.list")?);
        let names: Vec<&str> = tables.split(',').map(str::trim).collect();
        if prefix != own {
            let router = format!("as_of_{}", n + 2);
            let at = format!("transforms.{router}");
            options.insert(format!("{at}.type"), REGEX_ROUTER.to_owned());
            let from = own.replace('.', "\\.");
            options.insert(format!("{at}.regex"), format!("{from}\\.({})", names.join("|")));
            options.insert(format!("{at}.replacement"), format!("{prefix}.$1"));
            routers.push(router);
        }
        list += &format!(",{}", names.join(","));
    }
    // Before those of the files, which see the names of production.
    routers.extend(options.get("transforms").filter(|all| !all.trim().is_empty()).cloned());
    if !routers.is_empty() {
        options.insert("transforms".to_owned(), routers.join(","));
    }
    options.insert("table.include.list".to_owned(), list);
    Ok(Connector { path: "connectors.json".into(), options })
}

/// What is told where statements read topics of several connectors.
pub(super) fn told_of_several(groups: &[Group<'_>], proposal: &mut Proposal) {
    for group in groups.iter().filter(|group| !group.joined.is_empty()) {
        let Some(connector) = &group.connector else { continue };
        let text = serde_json::to_string_pretty(&connector.options).unwrap_or_default() + "\n";
        proposal.files.push((connector.path.clone(), text));
        let paths: Vec<String> = group.joined.iter().map(|one| format!("`{}`", one.path)).collect();
        proposal.notes.push(format!(
            "the statements read topics of {}, and a pipeline has one connector: {} writes what \
             they write, each table on the topic of its own; how two connectors fail or wait apart is \
             not tested so",
            paths.join(" and "),
            connector.path
        ));
    }
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
    if let Some(connector) = &group.connector {
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
    if group.connector.is_none() && has_decimals(scene.tables) {
        text += "  connector: {decimal.handling.mode: string}\n";
    }
    text
}
