//! Postgres: sessions with fixed settings, simple queries as text, errors with SQLSTATE and place.
//! The only user of tokio-postgres.
//!
//! Everything is sent as a *simple query*: several statements in one text are one implicit
//! transaction, exactly as psql sends them with `-c`, and every value comes back as Postgres writes
//! it.

mod error;
mod open;
mod server;
mod slot;
pub mod tables;
mod url;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::SinkExt as _;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

pub use error::PostgresError;
pub use open::connect;
pub use server::Roles;
pub use slot::{Slot, WalMessage};
pub use url::{Url, UrlError};

/// Settings of every session, so that values look the same whatever the server's defaults are.
const OPTIONS: &str = "-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=postgres \
    -c bytea_output=hex -c extra_float_digits=3 -c client_encoding=UTF8 \
    -c standard_conforming_strings=on";

/// Whether the server is away because somebody has taken it away: a session that is lost then is
/// opened again instead of being a failure. Shared by all who hold sessions.
#[derive(Debug, Clone, Default)]
pub struct Outage(Arc<AtomicBool>);

impl Outage {
    /// The server is about to be taken away.
    pub fn begin(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// It is there again.
    pub fn end(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    /// Whether it is away.
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The database that always exists; control connections go there.
pub const CONTROL_DATABASE: &str = "postgres";

/// One session. It ends when it is dropped.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    wire: Wire,
    pid: i32,
}

/// How the bytes of a session go.
#[derive(Clone)]
enum Wire {
    /// As they are.
    Open,
    /// Encrypted.
    Encrypted(MakeRustlsConnect),
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Open) { "Open" } else { "Encrypted" })
    }
}

/// What one statement of a simple query gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Names of the columns; empty for a statement without a result.
    pub columns: Vec<String>,
    /// Rows as Postgres writes them; `None` for NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows that the statement returned or touched, as its command tag says (0 if it names none).
    pub affected: u64,
}

impl Connection {
    /// A session over a connection that is driven from now on.
    async fn of(
        (client, wire): (Client, Wire),
        connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
    ) -> Result<Self, PostgresError> {
        // The task ends with the client. Its error reaches every caller through the client as well.
        drop(tokio::spawn(connection));
        let mut connection = Self { client, wire, pid: 0 };
        let pid = connection.value("SELECT pg_backend_pid()").await?;
        connection.pid = pid.and_then(|pid| pid.parse().ok()).unwrap_or(0);
        Ok(connection)
    }

    /// The process id of the session's backend, as `pg_blocking_pids` and `pg_locks` name it.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The connection is gone (the server was stopped, or it ended this session).
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs a text of one or several statements as one simple query; one answer a statement.
    ///
    /// After an error nothing is known of the statements before it: outside of an explicit
    /// transaction Postgres rolled all of them back.
    pub async fn run(&self, sql: &str) -> Result<Vec<Answer>, PostgresError> {
        let messages = self
            .client
            .simple_query(sql)
            .await
            .map_err(|error| PostgresError::new("running SQL", Some(sql), &error))?;
        let mut answers = Vec::new();
        let mut open = Answer::default();
        for message in messages {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    open.columns = columns.iter().map(|column| column.name().to_owned()).collect();
                }
                SimpleQueryMessage::Row(row) => {
                    let cells = (0..row.len()).map(|n| row.get(n).map(ToOwned::to_owned));
                    open.rows.push(cells.collect());
                }
                SimpleQueryMessage::CommandComplete(affected) => {
                    open.affected = affected;
                    answers.push(std::mem::take(&mut open));
                }
                // The enum is open; nothing else is sent in protocol version 3.
                _ => {}
            }
        }
        Ok(answers)
    }

    /// The rows of the last statement of the text.
    pub async fn rows(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, PostgresError> {
        Ok(self.run(sql).await?.pop().map(|answer| answer.rows).unwrap_or_default())
    }

    /// The first cell of the last statement's result; `None` for NULL and for no row.
    pub async fn value(&self, sql: &str) -> Result<Option<String>, PostgresError> {
        Ok(self
            .rows(sql)
            .await?
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next().flatten()))
    }

    /// Runs `COPY … FROM STDIN` with these lines; gives the number of rows.
    pub async fn copy_in(&self, sql: &str, lines: &[u8]) -> Result<u64, PostgresError> {
        let failed = |error| PostgresError::new("running COPY", Some(sql), &error);
        let sink = self.client.copy_in(sql).await.map_err(failed)?;
        futures::pin_mut!(sink);
        sink.send(std::io::Cursor::new(lines.to_vec())).await.map_err(failed)?;
        sink.finish().await.map_err(failed)
    }

    /// Asks the server to cancel what the session is doing; the running query then fails with
    /// SQLSTATE 57014.
    pub async fn cancel(&self) -> Result<(), PostgresError> {
        let token = self.client.cancel_token();
        let cancelled = match &self.wire {
            Wire::Open => token.cancel_query(NoTls).await,
            Wire::Encrypted(tls) => token.cancel_query(tls.clone()).await,
        };
        cancelled.map_err(|error| PostgresError::new("cancelling a query", None, &error))
    }

    /// Backends that keep backend `pid` waiting for a lock; empty when it does not wait.
    pub async fn blockers(&self, pid: i32) -> Result<Vec<i32>, PostgresError> {
        let rows = self.rows(&format!("SELECT unnest(pg_blocking_pids({pid}))")).await?;
        Ok(rows.into_iter().flatten().flatten().filter_map(|pid| pid.parse().ok()).collect())
    }

    /// Creates an empty database that belongs to a role.
    pub async fn create_database(&self, name: &str, owner: &str) -> Result<(), PostgresError> {
        // The other strategy (15 and later) writes all of template0 into the WAL: 4 MB that every
        // slot of the server then reads, and four times the CPU.
        let sql = format!(
            "CREATE DATABASE {} OWNER {} TEMPLATE template0 STRATEGY file_copy",
            ident(name),
            ident(owner)
        );
        self.run(&sql).await.map(|_| ())
    }

    /// Drops a database and the slots in it, ending the sessions that use it; a missing database is
    /// no error.
    pub async fn drop_database(&self, name: &str) -> Result<(), PostgresError> {
        for slot in self.slots_of(name).await? {
            self.drop_slot(&slot).await?;
        }
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", ident(name));
        self.run(&sql).await.map(|_| ())
    }

    /// Names of databases that start with `prefix`.
    pub async fn databases(&self, prefix: &str) -> Result<Vec<String>, PostgresError> {
        let sql = format!(
            "SELECT datname FROM pg_database WHERE starts_with(datname, {}) ORDER BY datname",
            literal(prefix)
        );
        Ok(self.rows(&sql).await?.into_iter().flatten().flatten().collect())
    }
}

/// A name as an SQL identifier, quoted.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as an SQL literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_quoted() {
        assert_eq!(ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
    }
}
