//! What becomes of the place from which the connector goes on: its slot, and what Connect has stored.

use std::time::Duration;

use super::live::Live;
use crate::capture::diagnose;
use crate::client::postgres::{self, Connection, PostgresError};
use crate::client::wait::{self, Look, WaitError};
use crate::history::event::EntryState;
use crate::run::outcome::Stop;
use crate::scenario::timeline::{Entry, Upset};

/// How long Postgres may take to see that nobody reads the slot any more.
const RELEASED: Duration = Duration::from_secs(15);
/// How long a new slot may wait for open transactions, as Postgres is told it.
const MADE: &str = "SET statement_timeout = '15s'";

impl Live<'_> {
    /// Does it.
    pub(in crate::run) async fn upset(
        &mut self,
        index: usize,
        entry: &Entry,
        upset: Upset,
    ) -> Result<(), Stop> {
        self.note(index, EntryState::Started)?;
        match upset {
            Upset::Offsets => {
                for connector in self.run.tools.hand.at_rest() {
                    self.source.connect.lose_offsets(&connector.name).await?;
                }
            }
            Upset::Drop | Upset::Advance | Upset::Recreate => {
                for connector in self.run.tools.hand.at_rest() {
                    self.slot(entry, upset, &connector.slot).await?;
                }
            }
        }
        self.run.log(&format!("entry {}: {upset}", entry.place.line));
        self.note(index, EntryState::Finished)
    }

    async fn slot(&self, entry: &Entry, upset: Upset, name: &str) -> Result<(), Stop> {
        let (reach, database) = (self.run.context.reach(), self.run.names.database());
        let connection = postgres::connect(reach, &database, "changeproof").await?;
        if !released(&connection, name).await? && upset != Upset::Recreate {
            let message = format!("`{upset}`, but the connector has no slot here");
            let help = "did `slot.drop.on.stop`, or an entry before, drop it?";
            return Err(refused(entry, message, help));
        }
        if upset == Upset::Advance {
            return Ok(advance(&connection, name).await?);
        }
        connection.drop_slot(name).await?;
        if upset == Upset::Drop {
            return Ok(());
        }
        connection.run(MADE).await?;
        match connection.create_slot(name).await {
            Ok(_) => Ok(()),
            // query_canceled
            Err(error) if error.sqlstate.as_deref() == Some("57014") => {
                let message = "the new slot waits for a transaction that is open";
                Err(refused(entry, message.to_owned(), "end every transaction before it"))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Moves both places of the slot: what is confirmed, and where a reader begins (`restart_lsn`). The second
/// follows only where the WAL lists the running transactions (Postgres, `src/backend/replication/logical/snapbuild.c`),
/// as each checkpoint does. Debezium takes its stored offset for lost once that place is behind it; without
/// checkpoints chance would say whether it does.
async fn advance(connection: &Connection, name: &str) -> Result<(), PostgresError> {
    for _ in 0..2 {
        connection.run("CHECKPOINT").await?;
        connection.advance_to(name, "pg_current_wal_flush_lsn()").await?;
    }
    Ok(())
}

fn refused(entry: &Entry, message: String, help: &str) -> Stop {
    let mut diagnostic = diagnose::entry(diagnose::FAULT, entry, message);
    diagnostic.help = Some(help.to_owned());
    diagnostic.into()
}

/// Waits until nobody reads the slot; whether there is one.
async fn released(connection: &Connection, name: &str) -> Result<bool, Stop> {
    let released = wait::until("the connector to let go of its slot", RELEASED, || async {
        let slot = connection.slot(name).await?;
        Ok::<_, PostgresError>(match slot.as_ref().map(|slot| slot.active_pid) {
            None => Look::Holds(false),
            Some(None) => Look::Holds(true),
            Some(Some(pid)) => Look::NotYet(format!("backend {pid} reads it")),
        })
    });
    released.await.map_err(|error| match error {
        WaitError::Look(error) => error.into(),
        WaitError::TimedOut(late) => Stop::Stack(late.to_string()),
    })
}
