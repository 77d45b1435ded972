//! A first pipeline file and a first scenario for what somebody already has: DDL of source tables,
//! Flink statements, perhaps a connector file. What is proposed runs at once; what cannot be known
//! is left `unjudged`, with a comment that says what to write there.

mod sinks;
mod tables;
#[cfg(test)]
mod tests;
mod windows;

use camino::{Utf8Path, Utf8PathBuf};

use super::print::canonical;
use crate::base::text::Text;
use crate::sql::flink::{self, CreateTable, Insert, Statement};
use tables::Table;

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Files with DDL of the source tables, by the path that the pipeline file names.
    pub source: Vec<(Utf8PathBuf, Text)>,
    /// Files with Flink statements in their order, by the path that the pipeline file names.
    pub statements: Vec<(Utf8PathBuf, Text)>,
    /// The connector's file, by the path that the pipeline file names, and its topic prefix.
    pub connector: Option<(Utf8PathBuf, String)>,
}

/// What is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Files by their path beside the pipeline file.
    pub files: Vec<(Utf8PathBuf, String)>,
    /// What the author should look at, in sentences.
    pub notes: Vec<String>,
}

/// Proposes files. The error is a sentence.
pub fn propose(found: &Found) -> Result<Proposal, String> {
    let ddl: Vec<Text> = found.source.iter().flat_map(|(_, text)| split_postgres(text)).collect();
    let tables = tables::read(&ddl);
    if tables.is_empty() {
        return Err("no CREATE TABLE of a source table was found: name the database \
                    (postgres://…) or a folder with its DDL"
            .to_owned());
    }
    let flink: Vec<Text> = found
        .statements
        .iter()
        .flat_map(|(_, text)| crate::sql::split::flink(text).unwrap_or_default())
        .collect();
    let parsed: Vec<(&Text, Statement)> =
        flink.iter().map(|text| (text, flink::parse(text))).collect();
    let mut proposal = Proposal { files: Vec::new(), notes: Vec::new() };
    let pipeline = pipeline(found, &tables, &parsed, &mut proposal);
    let smoke = smoke(&tables);
    for (path, text) in [("pipeline.yaml", pipeline), ("scenarios/smoke.yaml", smoke)] {
        let written = Text::whole(path.into(), text);
        let printed = canonical(&written)
            .map_err(|error| format!("the proposed {path} is no YAML (a bug): {error:?}"))?;
        proposal.files.push((path.into(), printed));
    }
    Ok(proposal)
}

fn split_postgres(text: &Text) -> Vec<Text> {
    let stripped = crate::sql::psql::stripped(text).map(|stripped| stripped.sql);
    stripped.and_then(|sql| crate::sql::split::postgres(&sql)).unwrap_or_default()
}

fn pipeline(
    found: &Found,
    tables: &[Table],
    parsed: &[(&Text, Statement)],
    proposal: &mut Proposal,
) -> String {
    let mut text =
        "# What is under test. Proposed by `changeproof new`: read it before you trust it.\n\
                    pipeline: v1\n"
            .to_owned();
    text += &paths("source", &found.source);
    if let Some(connector) = connector(found, parsed, tables, proposal) {
        text += &format!("connector: {connector}\n");
    }
    let creates: Vec<&CreateTable> = parsed
        .iter()
        .filter_map(|(_, statement)| match statement {
            Statement::CreateTable(table) => Some(&**table),
            _ => None,
        })
        .collect();
    if !found.statements.is_empty() {
        let has_connector = |table: &&CreateTable| {
            table.with.as_ref().is_some_and(|with| with.get("connector").is_some())
        };
        let dialect = if creates.iter().any(has_connector) { "flink" } else { "confluent" };
        text += &format!("dialect: {dialect}\n");
        text += &paths("statements", &found.statements);
        text += &sinks(tables, parsed, &creates, proposal);
    }
    let reads_inferred = inferred(parsed, tables).next().is_some();
    let settings = settings((found, reads_inferred), tables, &creates, proposal);
    if !settings.is_empty() {
        text += &format!("settings:\n{settings}");
    }
    text
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
fn connector(
    found: &Found,
    parsed: &[(&Text, Statement)],
    tables: &[Table],
    proposal: &mut Proposal,
) -> Option<Utf8PathBuf> {
    if let Some((path, _)) = &found.connector {
        return Some(path.clone());
    }
    let declared = parsed.iter().find_map(|(_, statement)| {
        let Statement::CreateTable(table) = statement else { return None };
        let topic = table.with.as_ref()?.get("topic")?;
        tables.iter().find_map(|source| source.prefix_of(topic))
    });
    let prefix = declared.or_else(|| inferred(parsed, tables).next());
    let prefix = prefix.filter(|prefix| *prefix != "cdc")?;
    let config = serde_json::json!({
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "topic.prefix": prefix,
        "key.converter": "org.apache.kafka.connect.json.JsonConverter",
        "key.converter.schemas.enable": "false",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
        "value.converter.replace.null.with.default": "false",
    });
    let text = serde_json::to_string_pretty(&config).unwrap_or_default() + "\n";
    proposal.files.push(("connector.json".into(), text));
    proposal.notes.push(format!(
        "no connector file was found; connector.json is a guess from the topics' prefix `{prefix}`: \
         put the one of production in its place"
    ));
    Some("connector.json".into())
}

/// The prefixes of the topics from which the tables are inferred that statements read.
fn inferred<'p>(
    parsed: &'p [(&Text, Statement)],
    tables: &'p [Table],
) -> impl Iterator<Item = &'p str> {
    let reads = parsed.iter().flat_map(|(_, statement)| statement.inserts());
    let reads = reads.flat_map(|insert| insert.reads.iter().map(flink::Name::table));
    reads.filter_map(|name| tables.iter().find_map(|source| source.prefix_of(name)))
}

fn sinks(
    tables: &[Table],
    parsed: &[(&Text, Statement)],
    creates: &[&CreateTable],
    proposal: &mut Proposal,
) -> String {
    let mut text = "sinks:\n".to_owned();
    let mut seen: Vec<&str> = Vec::new();
    for (statement, written) in parsed {
        for insert in written.inserts() {
            let name = insert.target.table();
            if seen.contains(&name) {
                continue;
            }
            seen.push(name);
            text += &sink((statement, insert), tables, (parsed, creates), proposal);
        }
    }
    if seen.is_empty() { String::new() } else { text }
}

fn sink(
    (statement, insert): (&Text, &Insert),
    tables: &[Table],
    (parsed, creates): (&[(&Text, Statement)], &[&CreateTable]),
    proposal: &mut Proposal,
) -> String {
    let name = insert.target.table();
    match sinks::reference(statement, insert, tables, creates) {
        Ok(reference) => {
            let lines = reference.lines().map(|line| format!("    {line}\n"));
            format!(
                "  # As the statement says it: compare it with what the rows should be.\n  {name}: |\n{}",
                lines.collect::<String>()
            )
        }
        Err(why) => {
            proposal.notes.push(format!(
                "`{name}` is not judged yet, because {why}: write its reference query in pipeline.yaml"
            ));
            let window = windows::clock((statement, insert), parsed, tables).map_or(
                String::new(),
                |window| {
                    format!(
                        "  # Its rows are windows: beside `reference` it needs\n  #   {window}\n"
                    )
                },
            );
            format!(
                "  # TO DO: one SELECT on Postgres that gives the rows of this table ({why}).\n{window}  {name}: unjudged\n"
            )
        }
    }
}

fn settings(
    (found, reads_inferred): (&Found, bool),
    tables: &[Table],
    creates: &[&CreateTable],
    proposal: &mut Proposal,
) -> String {
    let mut text = String::new();
    let is_debezium = |table: &&CreateTable| {
        let with = table.with.as_ref();
        with.and_then(|with| with.get("format").or_else(|| with.get("value.format")))
            .is_some_and(|format| format.starts_with("debezium"))
    };
    let reads_old_rows = reads_inferred || creates.iter().any(is_debezium);
    if reads_old_rows && !tables.iter().any(|table| table.sets_identity) {
        text += "  # debezium-json needs the old rows. Take it out to test the tables as they are.\n  \
                 replica_identity: full\n";
        proposal.notes.push(
            "the DDL sets no replica identity; the pipeline file sets `full`, which production needs \
             too if a topic is read as debezium-json"
                .to_owned(),
        );
    }
    let has_decimals =
        tables.iter().any(|table| table.columns.iter().any(tables::Column::is_decimal));
    if found.connector.is_none() && has_decimals {
        text += "  connector: {decimal.handling.mode: string}\n";
    }
    text
}

/// Rows before and after the snapshot, an update and a delete where nothing forbids them.
fn smoke(tables: &[Table]) -> String {
    let mut text = "scenario: v1\n\
                    title: Every table is captured, from the snapshot to a delete\n\
                    covers: [smoke]\n\
                    pipeline: ../pipeline.yaml\n\
                    setup: |\n"
        .to_owned();
    for table in tables {
        text += &format!("  {};\n", table.insert(1, tables));
    }
    text += "timeline:\n";
    let mut entry = |sql: String| text += &format!("  - a: {}\n", plain(&sql));
    for table in tables {
        entry(table.insert(2, tables));
    }
    for update in tables.iter().filter_map(|table| table.update(1, tables)) {
        entry(update);
    }
    for delete in tables.iter().rev().filter_map(|table| table.delete(2, tables)) {
        entry(delete);
    }
    text
}

/// SQL as a value of one line: quoted where YAML would cut it.
fn plain(sql: &str) -> String {
    if sql.contains(": ") || sql.contains(" #") {
        return format!("'{}'", sql.replace('\'', "''"));
    }
    sql.to_owned()
}

/// Where a file of Flink statements belongs in the order of submission: definitions before writes,
/// and what is read before what reads it, as far as names of files and folders tell.
pub fn rank(path: &Utf8Path, text: &Text) -> (bool, usize, Utf8PathBuf) {
    let statements = crate::sql::split::flink(text).unwrap_or_default();
    let writes = statements.iter().any(|text| !flink::parse(text).inserts().is_empty());
    let stages = ["sources", "intermediates", "dimensions", "facts", "views"];
    let stage =
        path.components().find_map(|part| stages.iter().position(|stage| *stage == part.as_str()));
    (writes, stage.unwrap_or(0), path.to_owned())
}

/// Whether SQL is meant for Flink: something in it is no Postgres.
pub fn is_flink(text: &Text) -> bool {
    let tokens = crate::sql::token::significant(crate::sql::token::Language::Flink, &text.value);
    let words = ["ENFORCED", "WATERMARK", "METADATA", "STRING", "TUMBLE", "DESCRIPTOR"];
    let has = |word: &str| tokens.iter().any(|token| token.is(word));
    let backtick = tokens.iter().any(|token| token.text.starts_with('`'));
    let with = tokens.windows(3).any(|three| {
        matches!(three, [with, open, key] if with.is("WITH") && open.is_symbol("(") && key.string().is_some())
    });
    let selects = tokens.first().is_some_and(|token| token.is("EXECUTE") || token.is("SET"));
    let inserts = tokens.iter().any(|token| token.is("INSERT")) && has("SELECT") && has("FROM");
    backtick || with || selects || inserts || words.iter().any(|word| has(word))
}
