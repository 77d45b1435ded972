//! Replication slots: the connector's, which is watched, and the harness's own, which is read.

use std::time::Duration;

use super::{Connection, PostgresError, literal};
use crate::base::position::{Lsn, Xid};
use crate::client::wait::{self, Look, WaitError};

/// How long a walsender may take to let go of its slot once it was terminated.
const RELEASE_LIMIT: Duration = Duration::from_secs(10);

/// A slot as `pg_replication_slots` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The backend that reads it, if one does.
    pub active_pid: Option<i32>,
    /// Its client has confirmed everything before this; `None` until the slot has a consistent
    /// point.
    pub confirmed: Option<Lsn>,
    /// The WAL is kept from here on.
    pub restart: Option<Lsn>,
    /// `reserved`, `extended`, `unreserved` or `lost`.
    pub wal_status: Option<String>,
}

/// One message of a slot read with pgoutput.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalMessage {
    /// Its LSN as the slot reports it.
    pub lsn: Lsn,
    /// Its transaction (0 for a message outside of one).
    pub xid: Xid,
    /// Its bytes.
    pub data: Vec<u8>,
}

impl Connection {
    /// Creates a logical slot for pgoutput in this session's database; gives its consistent point.
    ///
    /// Waits for every open writing transaction of the whole server, and must not run in a
    /// transaction that has written.
    pub async fn create_slot(&self, name: &str) -> Result<Lsn, PostgresError> {
        let sql = format!(
            "SELECT lsn FROM pg_create_logical_replication_slot({}, 'pgoutput')",
            literal(name)
        );
        lsn(self.value(&sql).await?, "a new slot's position")
    }

    /// The slot, or `None` if there is none of that name.
    pub async fn slot(&self, name: &str) -> Result<Option<Slot>, PostgresError> {
        let sql = format!(
            "SELECT active_pid, confirmed_flush_lsn, restart_lsn, wal_status \
             FROM pg_replication_slots WHERE slot_name = {}",
            literal(name)
        );
        let Some(row) = self.rows(&sql).await?.into_iter().next() else { return Ok(None) };
        let cell = |n: usize| row.get(n).cloned().flatten();
        Ok(Some(Slot {
            active_pid: cell(0).and_then(|pid| pid.parse().ok()),
            confirmed: cell(1).map(|text| lsn(Some(text), "confirmed_flush_lsn")).transpose()?,
            restart: cell(2).map(|text| lsn(Some(text), "restart_lsn")).transpose()?,
            wal_status: cell(3),
        }))
    }

    /// Drops a slot, ending the backend that reads it; a missing slot is no error.
    pub async fn drop_slot(&self, name: &str) -> Result<(), PostgresError> {
        let name = literal(name);
        // Both in one text: a reader that reconnects quickly would else take the slot again.
        let sql = format!(
            "SELECT pg_terminate_backend(active_pid, 2000) FROM pg_replication_slots \
               WHERE slot_name = {name} AND active_pid IS NOT NULL; \
             SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots \
               WHERE slot_name = {name}"
        );
        let dropped = wait::until("the slot to be dropped", RELEASE_LIMIT, || async {
            match self.run(&sql).await {
                Ok(_) => Ok(Look::Holds(())),
                // 55006: still active. 42704: another one dropped it meanwhile.
                Err(error) if error.sqlstate.as_deref() == Some("55006") => {
                    Ok(Look::NotYet(error.message))
                }
                Err(error) if error.sqlstate.as_deref() == Some("42704") => Ok(Look::Holds(())),
                Err(error) => Err(error),
            }
        });
        dropped.await.map_err(|error| match error {
            WaitError::Look(error) => error,
            WaitError::TimedOut(late) => PostgresError {
                doing: format!("dropping slot {name}"),
                message: late.to_string(),
                ..PostgresError::default()
            },
        })
    }

    /// Names of the slots in database `database`.
    pub(super) async fn slots_of(&self, database: &str) -> Result<Vec<String>, PostgresError> {
        let sql = format!(
            "SELECT slot_name FROM pg_replication_slots WHERE database = {} ORDER BY 1",
            literal(database)
        );
        Ok(self.rows(&sql).await?.into_iter().flatten().flatten().collect())
    }

    /// Names of slots that start with `prefix`.
    pub async fn slots(&self, prefix: &str) -> Result<Vec<String>, PostgresError> {
        let sql = format!(
            "SELECT slot_name FROM pg_replication_slots \
             WHERE starts_with(slot_name::text, {}) ORDER BY 1",
            literal(prefix)
        );
        Ok(self.rows(&sql).await?.into_iter().flatten().flatten().collect())
    }

    /// Everything committed that slot `name` has not been advanced past, in commit order, without
    /// advancing it (pgoutput, protocol version 1, messages on). A transaction is never split.
    pub async fn peek(
        &self,
        name: &str,
        publications: &[&str],
    ) -> Result<Vec<WalMessage>, PostgresError> {
        let sql = format!(
            "SELECT lsn, xid, encode(data, 'hex') FROM pg_logical_slot_peek_binary_changes(\
             {}, NULL, NULL, 'proto_version', '1', 'publication_names', {}, 'messages', 'true')",
            literal(name),
            literal(&publications.join(","))
        );
        self.rows(&sql).await?.into_iter().map(message).collect()
    }

    /// Advances slot `name`: everything that ends at or before `to` is not read again.
    pub async fn advance(&self, name: &str, to: Lsn) -> Result<(), PostgresError> {
        self.advance_to(name, &format!("'{to}'")).await
    }

    /// The same; `to` is an expression.
    pub async fn advance_to(&self, name: &str, to: &str) -> Result<(), PostgresError> {
        let sql = format!("SELECT pg_replication_slot_advance({}, {to})", literal(name));
        self.run(&sql).await.map(|_| ())
    }

    /// Writes a logical message in a transaction of its own; gives the message's LSN (not that of
    /// its commit, which only the slot's reader learns).
    pub async fn emit_message(&self, prefix: &str, content: &str) -> Result<Lsn, PostgresError> {
        let sql = format!(
            "SELECT pg_logical_emit_message(true, {}, {})",
            literal(prefix),
            literal(content)
        );
        lsn(self.value(&sql).await?, "a message's position")
    }
}

fn message(row: Vec<Option<String>>) -> Result<WalMessage, PostgresError> {
    let odd = || PostgresError {
        doing: "reading the slot".to_owned(),
        message: "a row without LSN, transaction or data".to_owned(),
        ..PostgresError::default()
    };
    let mut cells = row.into_iter().flatten();
    let position = lsn(cells.next(), "a change's position")?;
    let xid = cells.next().and_then(|xid| xid.parse().ok()).ok_or_else(odd)?;
    let data = cells.next().and_then(|data| hex::decode(data).ok()).ok_or_else(odd)?;
    Ok(WalMessage { lsn: position, xid: Xid(xid), data })
}

fn lsn(text: Option<String>, what: &str) -> Result<Lsn, PostgresError> {
    let failed = |message: String| PostgresError {
        doing: format!("reading {what}"),
        message,
        ..PostgresError::default()
    };
    let text = text.ok_or_else(|| failed("there is none".to_owned()))?;
    text.parse().map_err(|error: crate::base::position::LsnError| failed(error.to_string()))
}
