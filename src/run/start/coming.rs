//! Which tables are captured, and which come while the timeline runs: their topics are there before
//! them, as far as the text of the DDL shows which they are.

use std::collections::BTreeMap;

use crate::base::text::Text;
use crate::capture::catalog::{self, qualified};
use crate::capture::diagnose::{self, PIPELINE};
use crate::capture::turns::Joins;
use crate::client::postgres::{Connection, literal};
use crate::history::event::{Published, Table};
use crate::run::outcome::Stop;
use crate::run::prepare::Run;
use crate::run::prepare::captured::captures;
use crate::run::prepare::connector::Connector;
use crate::scenario::settings::ReplicaIdentity;
use crate::scenario::timeline::Action;
use crate::scenario::trial::Trial;
use crate::sql::postgres::{Kind, created_table, kind, renamed_table};
use crate::sql::token::{Language, significant};

/// The SQL of the set-up and of the sessions.
fn driven(trial: &Trial) -> impl Iterator<Item = &Text> {
    let sessions = trial.timeline.iter().filter_map(|entry| match &entry.action {
        Action::Session(session) => Some(&session.statements),
        Action::Await { .. }
        | Action::Fault(_)
        | Action::Arm { .. }
        | Action::Upset(_)
        | Action::Hold { .. }
        | Action::Release { .. }
        | Action::Produce(_)
        | Action::Set(_)
        | Action::Permute { .. } => None,
    });
    trial.setup.iter().chain(sessions.flatten())
}

/// Whether the timeline may change the schema.
pub(in crate::run) fn changes_schema(trial: &Trial) -> bool {
    driven(trial).any(|statement| {
        let tokens = significant(Language::Postgres, &statement.value);
        // What runs there, their text does not say for certain.
        let runs = tokens.first().is_some_and(|first| first.is("DO") || first.is("CALL"));
        runs || kind(statement) == Kind::Ddl || tokens.iter().any(|token| token.is("INTO"))
    })
}

/// Whether some tables are temporary or unlogged: their rows are not in the WAL.
pub(in crate::run) fn writes_besides(trial: &Trial) -> bool {
    let is_besides = |text: &Text| {
        let tokens = significant(Language::Postgres, &text.value);
        tokens.iter().any(|t| t.is("TEMP") || t.is("TEMPORARY") || t.is("UNLOGGED"))
    };
    trial.pipeline.source.iter().chain(driven(trial)).any(is_besides)
}

/// The connectors whose publication in production a new table enters by itself, and by which of their
/// lists it is then captured.
pub(in crate::run) fn joins(run: &Run<'_>) -> Vec<Joins> {
    run.effective.connectors.all().filter_map(|connector| joins_of(run, connector)).collect()
}

/// The same of one connector.
pub(in crate::run) fn joins_of(run: &Run<'_>, connector: &Connector) -> Option<Joins> {
    let option = "publication.autocreate.mode";
    let set = run.trial.settings.connector.get(option).map(String::as_str);
    let written = run.effective.written.get(connector.nth);
    let mode = set.or_else(|| written?.draft.get(option));
    let enters = match mode.unwrap_or("all_tables").to_ascii_lowercase().as_str() {
        "all_tables" => true,
        // The author's own publication: it says which tables.
        "disabled" => run.trial.pipeline.source.iter().any(publishes_all),
        // The connector looks for tables when it starts, and not again.
        _ => false,
    };
    enters.then(|| Joins {
        publication: run.names.connector_slot(connector.nth),
        condition: captures(&connector.config),
    })
}

fn publishes_all(text: &Text) -> bool {
    let tokens = significant(Language::Postgres, &text.value);
    tokens.windows(3).any(|three| match three {
        [of, all, tables] if of.is("FOR") && all.is("ALL") => tables.is("TABLES"),
        [tables, within, schema] if tables.is("TABLES") && within.is("IN") => schema.is("SCHEMA"),
        _ => false,
    })
}

/// The captured tables that the timeline makes, or gives another name.
pub(in crate::run) async fn coming(
    run: &Run<'_>,
    database: &Connection,
    tables: &[Table],
) -> Result<Vec<Table>, Stop> {
    let enters = !joins(run).is_empty();
    let mut coming = Vec::<Table>::new();
    for statement in driven(run.trial) {
        let created = created_table(statement).filter(|_| enters);
        let name = created.map(|created| (created.schema, created.name));
        let Some((schema, name)) = name.or_else(|| renamed_table(statement)) else { continue };
        let is_there = |other: &Table| other.schema == schema && other.name == name;
        if !tables.iter().chain(&coming).any(is_there) {
            coming.push(nameless(schema, name));
        }
    }
    if coming.is_empty() {
        return Ok(coming);
    }
    capture(run, database, &mut coming).await?;
    coming.retain(|table| table.captured);
    Ok(coming)
}

/// A table of which nothing is known but its name.
fn nameless(schema: String, name: String) -> Table {
    Table {
        oid: 0,
        schema,
        name,
        columns: Vec::new(),
        key: Vec::new(),
        identity: ReplicaIdentity::Default,
        captured: true,
        partitioned: false,
        within: Vec::new(),
        connector: None,
    }
}

/// Says of each table whether a connector captures it, and which of several. Two must not: each would
/// write what the other writes.
pub(in crate::run) async fn capture(
    run: &Run<'_>,
    database: &Connection,
    tables: &mut [Table],
) -> Result<(), Stop> {
    let mut by = BTreeMap::<String, Vec<&Connector>>::new();
    for connector in run.effective.connectors.all() {
        for name in captured(database, connector, tables).await? {
            by.entry(name).or_default().push(connector);
        }
    }
    for table in tables {
        let name = qualified(table);
        match by.get(&name).map(Vec::as_slice) {
            None | Some([]) => table.captured = false,
            Some([one]) => {
                table.captured = true;
                table.connector.clone_from(&one.name);
            }
            Some(several) => return Err(captured_twice(run, &name, several)),
        }
    }
    Ok(())
}

fn captured_twice(run: &Run<'_>, table: &str, connectors: &[&Connector]) -> Stop {
    let files = connectors.iter().filter_map(|one| run.trial.pipeline.connectors.get(one.nth));
    let paths: Vec<_> = files.map(|file| file.path.clone()).collect();
    let last = paths.last().cloned().unwrap_or_default();
    let named: Vec<_> = paths.iter().map(|path| format!("`{path}`")).collect();
    let message = format!("{} both capture the table `{table}`", named.join(" and "));
    let mut diagnostic = diagnose::at(PIPELINE, &Text::whole(last, String::new()), message);
    let help = "leave the table to one of them: `table.include.list`, `schema.include.list`";
    diagnostic.help = Some(help.to_owned());
    diagnostic.into()
}

/// The tables that a connector's own lists let through; Postgres matches their expressions.
async fn captured(
    database: &Connection,
    connector: &Connector,
    tables: &[Table],
) -> Result<Vec<String>, Stop> {
    let rows: Vec<_> = tables
        .iter()
        .map(|table| format!("({}, {})", literal(&table.schema), literal(&qualified(table))))
        .collect();
    let sql = format!(
        "SELECT full_name FROM (VALUES {}) AS t (schema, full_name) WHERE {}",
        rows.join(", "),
        captures(&connector.config)
    );
    match database.rows(&sql).await {
        Ok(rows) => Ok(rows.into_iter().flatten().flatten().collect()),
        Err(error) if error.sqlstate.as_deref() == Some("2201B") => {
            Err(unread_lists(&error.message))
        }
        Err(error) => Err(error.into()),
    }
}

/// What the publications hold: of each table that of the connector that captures it, and of one that
/// none captures that of any.
pub(in crate::run) async fn published(
    run: &Run<'_>,
    database: &Connection,
    tables: &[Table],
) -> Result<Vec<Published>, Stop> {
    let mut all = Vec::<Published>::new();
    for connector in run.effective.connectors.all() {
        let slot = run.names.connector_slot(connector.nth);
        let own = catalog::published(database, &slot).await?;
        if all.is_empty() {
            all.extend(own.iter().map(|now| Published { published: false, ..now.clone() }));
        }
        for now in own.into_iter().filter(|now| now.published) {
            let table = tables.iter().find(|table| qualified(table) == now.table);
            let of = table.filter(|table| table.captured).map(|table| &table.connector);
            if of.is_none_or(|of| *of == connector.name)
                && let Some(known) = all.iter_mut().find(|known| known.table == now.table)
            {
                known.published = true;
            }
        }
    }
    Ok(all)
}

/// A table list that is no list of regular expressions.
fn unread_lists(why: &str) -> Stop {
    let text = Text::whole("connector".into(), String::new());
    let message =
        format!("a table list of the connector cannot be read as regular expressions: {why}");
    diagnose::at(PIPELINE, &text, message).into()
}
