//! Tables that come while the timeline runs: their topics are there before them, as far as the text
//! of the DDL shows which they are, and the journal, the shadow and the history learn of them.

use super::Run;
use super::outcome::Stop;
use super::source::{self, captured};
use super::timeline::Live;
use super::topics;
use crate::base::text::Text;
use crate::capture::catalog::{self, qualified};
use crate::capture::turns::Joins;
use crate::client::postgres::Connection;
use crate::history::event::{Event, Table};
use crate::run::connector::captures;
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
        | Action::Set(_)
        | Action::Permute { .. } => None,
    });
    trial.setup.iter().chain(sessions.flatten())
}

/// Whether the timeline may change the schema.
pub(super) fn changes_schema(trial: &Trial) -> bool {
    driven(trial).any(|statement| {
        let tokens = significant(Language::Postgres, &statement.value);
        // What runs there, their text does not say for certain.
        let runs = tokens.first().is_some_and(|first| first.is("DO") || first.is("CALL"));
        runs || kind(statement) == Kind::Ddl || tokens.iter().any(|token| token.is("INTO"))
    })
}

/// Whether some tables are temporary or unlogged: their rows are not in the WAL.
pub(super) fn writes_besides(trial: &Trial) -> bool {
    let is_besides = |text: &Text| {
        let tokens = significant(Language::Postgres, &text.value);
        tokens.iter().any(|t| t.is("TEMP") || t.is("TEMPORARY") || t.is("UNLOGGED"))
    };
    trial.pipeline.source.iter().chain(driven(trial)).any(is_besides)
}

/// Whether a new table enters production's publication by itself, and by which of the connector's
/// lists it is then captured.
pub(super) fn joins(run: &Run<'_>) -> Option<Joins> {
    let set = run.trial.settings.connector.get("publication.autocreate.mode").map(String::as_str);
    let mode = set.or_else(|| run.written.draft.get("publication.autocreate.mode"));
    let enters = match mode.unwrap_or("all_tables").to_ascii_lowercase().as_str() {
        "all_tables" => true,
        // The author's own publication: it says which tables.
        "disabled" => run.trial.pipeline.source.iter().any(publishes_all),
        // The connector looks for tables when it starts, and not again.
        _ => false,
    };
    enters.then(|| Joins {
        publication: run.names.connector_slot(),
        condition: captures(&run.connector.config),
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
pub(super) async fn coming(
    run: &Run<'_>,
    database: &Connection,
    tables: &[Table],
) -> Result<Vec<Table>, Stop> {
    let enters = joins(run).is_some();
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
    let names = captured(database, &run.connector, &coming).await?;
    coming.retain(|table| names.contains(&qualified(table)));
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
    }
}

impl Live<'_> {
    /// Learns the tables that have come since, and sees to it that each has its topic.
    pub(super) async fn learn(&mut self) -> Result<(), Stop> {
        let turns = self.source.journal.n_turns();
        if turns == self.turns {
            return Ok(());
        }
        self.turns = turns;
        let mut new = catalog::tables(&self.source.database).await?;
        new.retain(|table| {
            let named = |other: &Table| qualified(other) == qualified(table);
            !self.source.tables.iter().any(named)
        });
        if new.is_empty() {
            return Ok(());
        }
        let slot = self.run.names.connector_slot();
        let published = catalog::published(&self.source.database, &slot).await?;
        let by_lists = captured(&self.source.database, &self.run.connector, &new).await?;
        for mut table in new {
            let name = qualified(&table);
            let is_published = published.iter().any(|now| now.table == name && now.published);
            let enters = is_published || table.partitioned;
            table.captured = enters && by_lists.contains(&name);
            let seen = |other: &Table| other.captured && table.within.contains(&qualified(other));
            if table.captured || self.source.tables.iter().any(seen) {
                self.source.journal.capture(&table);
            }
            self.shadow.learn(&table);
            self.source.tables.push(table);
        }
        self.add_topics().await?;
        let tables = self.source.tables.clone();
        Ok(self.run.recorder.record(Event::Tables { tables })?)
    }

    /// Makes the topics that are still missing.
    async fn add_topics(&mut self) -> Result<(), Stop> {
        let run = self.run;
        let mut all = topics::topics(&self.source.tables, &run.trial.pipeline, &run.planned());
        all.retain(|topic| !self.source.topics.iter().any(|other| other.name == topic.name));
        if all.is_empty() {
            return Ok(());
        }
        source::create_topics(run, &all).await?;
        self.source.topics.extend(all);
        let topics = self.source.topics.clone();
        run.recorder.record(Event::Topics { topics })?;
        Ok(self.source.tap.add(&self.source.topics)?)
    }
}
