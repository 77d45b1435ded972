//! The shadow: a second database with the source's tables, which replays the journal. References
//! run on it, and it must equal the source whenever the pipeline is quiet.

pub mod reference;
mod replay;
pub mod schema;

use std::collections::BTreeMap;

use self::reference::{Query, ReferenceError};
use self::replay::{Replay, exchange, is_streamed, stored};
use super::catalog;
use super::recorder::Recorder;
use crate::base::position::{Lsn, Xid};
use crate::base::text::Text;
use crate::client::postgres::{Connection, PostgresError};
use crate::codec::pgoutput::{self, Message};
use crate::history::event::{Cut, CutReference, Event, Reference, Side, SinkTable, Table};
use crate::model::source::{Change, Journal, JournalError, NOTE, Rows, Transaction};

/// The shadow database and how far it is.
#[derive(Debug)]
pub struct Shadow {
    connection: Connection,
    tables: Vec<Table>,
    queries: Vec<Query>,
    journal: Journal,
    /// Names of the columns by table and number of columns, as the WAL described them last.
    columns: BTreeMap<(usize, usize), Vec<String>>,
    /// Events of the history that were looked at.
    looked: usize,
    /// End LSN of the last transaction that was replayed.
    end: Option<Lsn>,
    /// Changes replayed so far.
    position: i64,
    /// Where the connector's snapshot stands.
    point: Option<Lsn>,
    snapshot_taken: bool,
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
    /// `tables` are the source's, or, before those are known, `None`: the shadow's own catalog has
    /// the same tables.
    pub async fn build(
        connection: Connection,
        references: &[(String, Text)],
    ) -> Result<Self, ShadowError> {
        let tables = catalog::tables(&connection).await.map_err(ShadowError::Replay)?;
        schema::add_changes(&connection, &tables).await.map_err(ShadowError::Replay)?;
        let mut queries = Vec::new();
        for (sink, text) in references {
            queries.push(reference::define(&connection, sink, text).await?);
        }
        Ok(Self {
            connection,
            journal: Journal::new(&tables),
            tables,
            queries,
            columns: BTreeMap::new(),
            looked: 0,
            end: None,
            position: 0,
            point: None,
            snapshot_taken: false,
        })
    }

    /// Takes the source's tables for its own: same names, but OIDs as the journal has them and the
    /// keys that the shadow has lost.
    pub async fn adopt(&mut self, tables: &[Table]) -> Result<(), ShadowError> {
        self.tables = tables.to_vec();
        self.journal = Journal::new(tables);
        for (n, table) in tables.iter().enumerate() {
            let names: Vec<_> = stored(table).collect();
            self.columns.insert((n, names.len()), names);
        }
        schema::add_indexes(&self.connection, tables).await.map_err(ShadowError::Replay)
    }

    /// Goes on over another session, because the server was started again.
    pub async fn reconnect(&mut self, connection: Connection) -> Result<(), ShadowError> {
        schema::as_replica(&connection).await.map_err(ShadowError::Replay)?;
        self.connection = connection;
        // They were the session's own.
        self.define_views().await
    }

    /// The connector's snapshot shows exactly the commits before `point`.
    pub fn snapshot_at(&mut self, point: Lsn) {
        self.point = Some(point);
    }

    /// Replays everything of the history that it has not seen yet.
    pub async fn follow(&mut self, recorder: &Recorder) -> Result<(), ShadowError> {
        let messages = self.take(recorder);
        let mut ready = Vec::new();
        for (lsn, xid, data) in messages {
            self.describe(&data);
            if let Some(transaction) = self.journal.push(lsn, xid, &data)? {
                ready.push(transaction);
            }
        }
        let mut batch = Vec::new();
        for transaction in ready {
            if notes(&transaction).next().is_some() {
                self.replay(std::mem::take(&mut batch)).await?;
                self.change_schema(&transaction).await?;
            }
            self.end = Some(transaction.end);
            batch.push(transaction);
        }
        self.replay(batch).await
    }

    fn take(&mut self, recorder: &Recorder) -> Vec<(Lsn, Xid, Vec<u8>)> {
        let looked = self.looked;
        let (taken, seen) = recorder.look(|history| {
            let events = history.events.get(looked..).unwrap_or_default();
            let wal = events.iter().filter_map(|event| match event {
                Event::Wal { lsn, xid, data } => Some((*lsn, *xid, data.clone())),
                _ => None,
            });
            (wal.collect::<Vec<_>>(), history.events.len())
        });
        self.looked = seen;
        taken
    }

    /// Learns the names of a table's columns.
    fn describe(&mut self, data: &[u8]) {
        if data.first() != Some(&b'R') {
            return;
        }
        let Ok(Message::Relation(relation)) = pgoutput::parse(data) else { return };
        let named = |table: &Table| table.schema == relation.schema && table.name == relation.name;
        if let Some(n) = self.tables.iter().position(named) {
            let names: Vec<_> = relation.columns.into_iter().map(|column| column.name).collect();
            self.columns.insert((n, names.len()), names);
        }
    }

    async fn replay(&mut self, transactions: Vec<Transaction>) -> Result<(), ShadowError> {
        let mut replay = Replay::new(&self.tables, self.position);
        let columns = &self.columns;
        let names = |change: &Change| {
            let image = change.new.as_ref().or(change.old.as_ref());
            let count = image.map_or(0, |image| image.len());
            columns.get(&(change.table, count)).cloned().unwrap_or_default()
        };
        for transaction in &transactions {
            let streamed = is_streamed(transaction.commit, self.point);
            if streamed && !self.snapshot_taken {
                replay.snapshot();
                self.snapshot_taken = true;
            }
            replay.transaction(transaction, streamed, &names);
        }
        let (pieces, position) = replay.finish();
        for piece in pieces {
            self.connection.run(&piece).await.map_err(ShadowError::Replay)?;
        }
        self.position = position;
        Ok(())
    }

    async fn change_schema(&mut self, transaction: &Transaction) -> Result<(), ShadowError> {
        for note in notes(transaction) {
            let text = Text::whole("journal".into(), note);
            self.drop_views().await?;
            schema::follow(&self.connection, &text, &self.tables)
                .await
                .map_err(ShadowError::Replay)?;
        }
        self.define_views().await
    }

    async fn drop_views(&self) -> Result<(), ShadowError> {
        for query in &self.queries {
            reference::forget(&self.connection, query).await.map_err(ShadowError::Replay)?;
        }
        Ok(())
    }

    async fn define_views(&mut self) -> Result<(), ShadowError> {
        for query in &mut self.queries {
            *query = reference::define(&self.connection, &query.sink, &query.text).await?;
        }
        Ok(())
    }

    /// Replays transactions that are not the journal's: what the topics tell.
    pub async fn replay_told(&mut self, told: Vec<Transaction>) -> Result<(), ShadowError> {
        self.replay(told).await
    }

    /// The references of these sinks at what was replayed.
    pub async fn references(
        &mut self,
        sinks: &[SinkTable],
        proof: u32,
        side: Side,
    ) -> Result<Vec<Reference>, ShadowError> {
        if self.point.is_some() && !self.snapshot_taken {
            let mut replay = Replay::new(&self.tables, self.position);
            replay.snapshot();
            self.snapshot_taken = true;
            for piece in replay.finish().0 {
                self.connection.run(&piece).await.map_err(ShadowError::Replay)?;
            }
        }
        let mut references = Vec::new();
        for query in &self.queries {
            let Some(sink) = sinks.iter().find(|sink| sink.name == query.sink) else { continue };
            let reference = reference::evaluate(&self.connection, query, sink, proof, side).await?;
            references.push(reference);
        }
        Ok(references)
    }

    /// The reference of a sink over other rows than were replayed: those given, by the place of their
    /// table. `None` where the query also reads what the rows of tables cannot tell (`changes`).
    pub async fn reference_over(
        &self,
        sink: &SinkTable,
        cut: &Cut,
        tables: &BTreeMap<usize, Rows>,
    ) -> Result<Option<CutReference>, ShadowError> {
        let Some(query) = self.queries.iter().find(|query| query.sink == sink.name) else {
            return Ok(None);
        };
        if query.text.value.to_lowercase().contains("changes.") {
            return Ok(None);
        }
        let mut sql = vec!["BEGIN".to_owned()];
        for (n, rows) in tables {
            let (Some(table), Some(now)) = (self.tables.get(*n), self.journal.fold(*n)) else {
                continue;
            };
            let now = now.rows().collect::<Vec<_>>();
            let names = now.first().and_then(|row| self.columns.get(&(*n, row.len())));
            let from = (names.map_or(&[][..], Vec::as_slice), now.as_slice());
            let to = rows.iter().collect::<Vec<_>>();
            sql.extend(exchange(table, from, (&rows.columns, &to)));
        }
        self.connection.run(&sql.join(";\n")).await.map_err(ShadowError::Replay)?;
        let found = reference::evaluate(&self.connection, query, sink, 0, Side::Topics).await;
        self.connection.run("ROLLBACK").await.map_err(ShadowError::Replay)?;
        let Reference { sink, columns, rows, .. } = found?;
        Ok(Some(CutReference { sink, cut: cut.clone(), columns, rows }))
    }

    /// Compares every table with the source, both as multisets.
    pub async fn compare(&self, source: &Connection) -> Result<Vec<Compared>, ShadowError> {
        let (of_source, of_shadow) = futures::try_join!(
            digests(source, &self.tables),
            digests(&self.connection, &self.tables)
        )
        .map_err(ShadowError::Replay)?;
        let mut compared = Vec::new();
        for (table, digest) in of_source {
            let shadow = of_shadow.get(&table).cloned().unwrap_or_default();
            compared.push(Compared { table, source: digest, shadow });
        }
        Ok(compared)
    }
}

/// DDL texts of a transaction.
fn notes(transaction: &Transaction) -> impl Iterator<Item = String> + '_ {
    let notes = transaction.messages.iter().filter(|message| message.prefix == NOTE);
    notes.map(|message| String::from_utf8_lossy(&message.content).into_owned())
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
