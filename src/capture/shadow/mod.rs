//! The shadow: a second database with the source's tables, which replays the journal. References
//! run on it, and it must equal the source whenever the pipeline is quiet.

mod application;
mod points;
pub mod reference;
mod replay;
pub mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use self::application::Applications;
use self::reference::{Defined, ReferenceError};
use self::replay::{Replay, exchange, stored};
use super::catalog;
use super::recorder::Recorder;
use crate::base::position::{Lsn, Xid};
use crate::base::text::Text;
use crate::client::postgres::{Connection, PostgresError};
use crate::history::event::{Cut, CutReference, Event, Reference, Side, SinkTable, Table};
use crate::model::application::written;
use crate::model::source::{Journal, JournalError, Reshaped, Rows, Transaction, Turn, Unseen};
use crate::scenario::application::Application;

/// The shadow database and how far it is.
#[derive(Debug)]
pub struct Shadow {
    connection: Connection,
    /// The source's tables, as they are at what was replayed, or were last.
    tables: Vec<Table>,
    /// Those of them that are there, by their places.
    there: BTreeSet<usize>,
    queries: Vec<Defined>,
    journal: Journal,
    /// The changes of the schema that were replayed.
    turns: Vec<Turn>,
    /// The tables before them.
    first: Vec<Table>,
    /// Events of the history that were looked at.
    looked: usize,
    /// End LSN of the last transaction that was replayed.
    end: Option<Lsn>,
    /// Changes replayed so far.
    position: i64,
    /// Where the snapshot of each connector stands.
    snapshots: points::Points,
    /// What applications wrote to topics of their own.
    applications: Applications,
}

/// Why the shadow cannot follow.
#[derive(Debug, thiserror::Error)]
pub enum ShadowError {
    /// The journal is no journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Postgres refuses the replay.
    #[error("the journal cannot be replayed: {0}")]
    Replay(PostgresError),
    /// A reference gives no result.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

/// A table's rows and digest in the source and in the shadow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The table as `schema.name`.
    pub table: String,
    /// Rows and digest in the source.
    pub source: (u64, String),
    /// Rows and digest in the shadow.
    pub shadow: (u64, String),
}

impl Shadow {
    /// The shadow in a database that holds its tables, with the references of the sinks as views.
    ///
    /// Where the timeline `changes` the schema, a reference may be over tables that are still to
    /// come.
    pub async fn build(
        connection: Connection,
        references: &[(String, Text)],
        topics: &BTreeMap<String, Application>,
        changes: bool,
    ) -> Result<Self, ShadowError> {
        let tables = catalog::tables(&connection).await.map_err(ShadowError::Replay)?;
        schema::add_changes(&connection, &tables).await.map_err(ShadowError::Replay)?;
        let applications = Applications::build(&connection, topics).await;
        let applications = applications.map_err(ShadowError::Replay)?;
        let mut queries = Vec::new();
        for (sink, text) in references {
            queries.push(Defined::of(&connection, sink, text, changes).await?);
        }
        Ok(Self {
            connection,
            journal: Journal::new(&tables),
            there: (0..tables.len()).collect(),
            first: tables.clone(),
            tables,
            queries,
            turns: Vec::new(),
            looked: 0,
            end: None,
            position: 0,
            snapshots: points::Points::default(),
            applications,
        })
    }

    /// Takes the source's tables for its own: same names, but OIDs as the journal has them and the
    /// keys that the shadow has lost.
    pub async fn adopt(&mut self, tables: &[Table]) -> Result<(), ShadowError> {
        self.tables = tables.to_vec();
        self.first = tables.to_vec();
        self.there = (0..tables.len()).collect();
        self.journal = Journal::new(tables);
        schema::add_indexes(&self.connection, tables).await.map_err(ShadowError::Replay)
    }

    /// Knows a table that has come since; the journal says from where on it is there.
    pub fn learn(&mut self, table: &Table) {
        self.tables.push(table.clone());
        self.journal.learn(table);
    }

    /// Becomes what another shadow is, without its rows: same tables, after the same changes of the
    /// schema.
    pub async fn follow_schema(&mut self, other: &Self) -> Result<(), ShadowError> {
        self.adopt(&other.first).await?;
        for table in other.tables.get(other.first.len()..).unwrap_or_default() {
            self.learn(table);
        }
        self.applications.take(other.applications.written().to_vec());
        self.follow_applications().await?;
        for turn in &other.turns {
            let mut turn = turn.clone();
            for reshaped in &mut turn.reshaped {
                (reshaped.rows, reshaped.noted) = (Vec::new(), false);
            }
            self.change_schema(&turn).await?;
        }
        Ok(())
    }

    /// Makes generated columns columns like others, for a replay that says what stands in them.
    pub async fn let_nothing_be_generated(&mut self) -> Result<(), ShadowError> {
        let columns = self.tables.iter_mut().flat_map(|table| &mut table.columns);
        columns.for_each(|column| column.generated = false);
        schema::plain_columns(&self.connection).await.map_err(ShadowError::Replay)
    }

    /// Goes on over another session, because the server was started again.
    pub async fn reconnect(&mut self, connection: Connection) -> Result<(), ShadowError> {
        schema::as_replica(&connection).await.map_err(ShadowError::Replay)?;
        self.connection = connection;
        // They were the session's own.
        self.define_views().await
    }

    /// A connector's snapshot shows exactly the commits before `point`; it has a name where there are
    /// several.
    pub fn snapshot_at(&mut self, connector: Option<&str>, point: Lsn) {
        self.snapshots.set(connector.map(ToOwned::to_owned), point);
    }

    /// So do the snapshots of all connectors.
    pub fn snapshot_everywhere_at(&mut self, point: Lsn) {
        let named = self.tables.iter().map(|table| table.connector.clone());
        for connector in named.chain([None]) {
            self.snapshots.set(connector, point);
        }
    }

    /// Replays everything of the history that it has not seen yet; whether there was a transaction.
    pub async fn follow(&mut self, recorder: &Recorder) -> Result<bool, ShadowError> {
        let messages = self.take(recorder);
        let mut ready = Vec::new();
        for (lsn, xid, data) in messages {
            ready.extend(self.journal.push(lsn, xid, &data)?);
        }
        let moved = !ready.is_empty();
        let mut batch = Vec::new();
        for transaction in ready {
            self.end = Some(transaction.end);
            if transaction.turns.is_empty() {
                batch.push(transaction);
                continue;
            }
            self.replay(&std::mem::take(&mut batch)).await?;
            self.replay_turns(&transaction).await?;
        }
        self.replay(&batch).await?;
        self.follow_applications().await?;
        Ok(moved)
    }

    async fn follow_applications(&mut self) -> Result<(), ShadowError> {
        for statement in self.applications.follow() {
            self.connection.run(&statement).await.map_err(ShadowError::Replay)?;
        }
        Ok(())
    }

    fn take(&mut self, recorder: &Recorder) -> Vec<(Lsn, Xid, Vec<u8>)> {
        let looked = self.looked;
        let (taken, applied, seen) = recorder.look(|history| {
            let events = history.events.get(looked..).unwrap_or_default();
            let wal = events.iter().filter_map(|event| match event {
                Event::Wal { lsn, xid, data } => Some((*lsn, *xid, data.clone())),
                _ => None,
            });
            let produced = events.iter().filter_map(|event| match event {
                Event::Produced { entry, records } => {
                    Some(written(&history.header.trial, *entry, records))
                }
                _ => None,
            });
            let applied = produced.flatten().collect::<Vec<_>>();
            (wal.collect::<Vec<_>>(), applied, history.events.len())
        });
        self.applications.take(applied);
        self.looked = seen;
        taken
    }

    async fn replay(&mut self, transactions: &[Transaction]) -> Result<(), ShadowError> {
        let whole = |transaction| (transaction, 0..usize::MAX);
        self.replay_parts(transactions.iter().map(whole)).await
    }

    /// Replays a transaction with changes of the schema among its changes.
    async fn replay_turns(&mut self, transaction: &Transaction) -> Result<(), ShadowError> {
        let mut from = 0;
        for turn in &transaction.turns {
            self.replay_parts([(transaction, from..turn.behind)]).await?;
            from = turn.behind;
            self.change_schema(turn).await?;
            self.turns.push(turn.clone());
        }
        self.replay_parts([(transaction, from..usize::MAX)]).await
    }

    /// Replays some of the changes of transactions.
    async fn replay_parts(
        &mut self,
        parts: impl IntoIterator<Item = (&Transaction, Range<usize>)>,
    ) -> Result<(), ShadowError> {
        let mut replay = Replay::new(&self.tables, self.position);
        for (transaction, range) in parts {
            let read = self.snapshots.taken_at(transaction.commit, (&self.tables, &self.there));
            replay.snapshot(&read);
            let range = range.start..range.end.min(transaction.changes.len());
            let changes = transaction.changes.get(range).unwrap_or_default();
            replay.changes(transaction, changes, |table| {
                let table = self.tables.get(table);
                table.is_some_and(|table| self.snapshots.is_streamed(transaction.commit, table))
            });
        }
        let (pieces, position) = replay.finish();
        for piece in pieces {
            self.connection.run(&piece).await.map_err(ShadowError::Replay)?;
        }
        self.position = position;
        Ok(())
    }

    async fn change_schema(&mut self, turn: &Turn) -> Result<(), ShadowError> {
        self.drop_views().await?;
        let followed = schema::follow(&self.connection, turn).await;
        followed.map_err(ShadowError::Replay)?;
        for reshaped in &turn.reshaped {
            let Some(place) = reshaped.place else { continue };
            self.reshape(place, reshaped).await.map_err(ShadowError::Replay)?;
        }
        self.define_views().await
    }

    /// Takes in what a table is from here on.
    async fn reshape(&mut self, place: usize, reshaped: &Reshaped) -> Result<(), PostgresError> {
        if reshaped.gone {
            self.there.remove(&place);
            return Ok(());
        }
        let Some(before) = self.tables.get_mut(place) else { return Ok(()) };
        let (captured, connector) = (before.captured, before.connector.clone());
        let now = Table { captured, connector, ..Table::clone(&reshaped.table) };
        let before = std::mem::replace(before, now.clone());
        schema::follow_changes(&self.connection, (&before, &now), &self.tables).await?;
        if self.there.insert(place) {
            schema::add_indexes(&self.connection, std::slice::from_ref(&now)).await?;
        }
        Ok(())
    }

    async fn drop_views(&self) -> Result<(), ShadowError> {
        for query in &self.queries {
            query.forget(&self.connection).await.map_err(ShadowError::Replay)?;
        }
        Ok(())
    }

    async fn define_views(&mut self) -> Result<(), ShadowError> {
        for query in &mut self.queries {
            query.again(&self.connection).await?;
        }
        Ok(())
    }

    /// Replays transactions that are not the journal's: what the topics tell.
    pub async fn replay_told(&mut self, told: Vec<Transaction>) -> Result<(), ShadowError> {
        self.replay(&told).await
    }

    /// The references of these sinks at what was replayed.
    pub async fn references(
        &mut self,
        sinks: &[SinkTable],
        proof: u32,
        side: Side,
    ) -> Result<Vec<Reference>, ShadowError> {
        let read = self.snapshots.taken((&self.tables, &self.there));
        if !read.is_empty() {
            let mut replay = Replay::new(&self.tables, self.position);
            replay.snapshot(&read);
            for piece in replay.finish().0 {
                self.connection.run(&piece).await.map_err(ShadowError::Replay)?;
            }
        }
        let mut references = Vec::new();
        for defined in &mut self.queries {
            let Some(query) = defined.query() else { continue };
            let Some(sink) = sinks.iter().find(|sink| sink.name == query.sink) else { continue };
            let reference = reference::evaluate(&self.connection, query, sink, proof, side).await?;
            references.push(reference);
            defined.was_asked();
        }
        Ok(references)
    }

    /// Refuses a reference that never had a result, because its tables were never as it says.
    pub fn refuse_undefined(&self) -> Result<(), ShadowError> {
        Ok(self.queries.iter().try_for_each(Defined::refuse_undefined)?)
    }

    /// The reference of a sink over other rows than were replayed: those given, by the place of their
    /// table, and without the changes that are not seen there. `None` where the query reads `changes` and
    /// nobody can tell which are seen.
    pub async fn reference_over(
        &self,
        sink: &SinkTable,
        cut: &Cut,
        (tables, unseen): (&BTreeMap<usize, Rows>, Option<&[Unseen]>),
    ) -> Result<Option<CutReference>, ShadowError> {
        let mut queries = self.queries.iter().filter_map(Defined::query);
        let Some(query) = queries.find(|query| query.sink == sink.name) else {
            return Ok(None);
        };
        let reads_changes = !self.applications.are_all_changes_of(&query.text.value);
        if reads_changes && unseen.is_none() {
            return Ok(None);
        }
        if self.tables.iter().any(|table| table.partitioned) {
            return Ok(None);
        }
        let mut sql = vec!["BEGIN".to_owned()];
        for (n, rows) in tables {
            let (Some(table), Some(now)) = (self.tables.get(*n), self.journal.fold(*n)) else {
                continue;
            };
            let names = stored(table).collect::<Vec<_>>();
            // Rows of a time when the table had other columns are not what the query is over.
            if *rows.columns != *names {
                return Ok(None);
            }
            let now = now.rows().collect::<Vec<_>>();
            let to = rows.iter().collect::<Vec<_>>();
            sql.extend(exchange(table, (&names, &now), (&rows.columns, &to)));
        }
        if reads_changes {
            sql.extend(schema::without(&self.tables, unseen.unwrap_or_default()));
        }
        sql.extend(self.applications.cut(cut));
        self.connection.run(&sql.join(";\n")).await.map_err(ShadowError::Replay)?;
        let found = reference::evaluate(&self.connection, query, sink, 0, Side::Topics).await;
        self.connection.run("ROLLBACK").await.map_err(ShadowError::Replay)?;
        let Reference { sink, columns, rows, .. } = found?;
        Ok(Some(CutReference { sink, cut: cut.clone(), columns, rows }))
    }

    /// Compares every table with the source, both as multisets.
    pub async fn compare(&self, source: &Connection) -> Result<Vec<Compared>, ShadowError> {
        let there = self.there.iter().filter_map(|place| self.tables.get(*place).cloned());
        let there = there.collect::<Vec<_>>();
        let (of_source, of_shadow) =
            futures::try_join!(digests(source, &there), digests(&self.connection, &there))
                .map_err(ShadowError::Replay)?;
        let mut compared = Vec::new();
        for (table, digest) in of_source {
            let shadow = of_shadow.get(&table).cloned().unwrap_or_default();
            compared.push(Compared { table, source: digest, shadow });
        }
        Ok(compared)
    }
}

/// Rows and digest by table.
async fn digests(
    connection: &Connection,
    tables: &[Table],
) -> Result<BTreeMap<String, (u64, String)>, PostgresError> {
    if tables.is_empty() {
        return Ok(BTreeMap::new());
    }
    // The alias is no column's name, or `alias::text` would be that column.
    let one = |(n, table): (usize, &Table)| {
        format!(
            "SELECT {n}, count(*), coalesce(md5(string_agg(d, '' ORDER BY d)), '') FROM \
             (SELECT md5(changeproof_row::text) AS d FROM ONLY {} AS changeproof_row) AS digests",
            catalog::quoted(table)
        )
    };
    let sql: Vec<_> = tables.iter().enumerate().map(one).collect();
    let rows = connection.rows(&sql.join(" UNION ALL ")).await?;
    let read = |row: Vec<Option<String>>| {
        let mut cells = row.into_iter().flatten();
        let table = tables.get(cells.next()?.parse::<usize>().ok()?)?;
        let count = cells.next()?.parse().ok()?;
        Some((catalog::qualified(table), (count, cells.next()?)))
    };
    Ok(rows.into_iter().filter_map(read).collect())
}
