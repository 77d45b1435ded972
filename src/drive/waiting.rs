//! Who waits for whom, as Postgres sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::base::position::Xid;
use crate::client::postgres::{Connection, PostgresError};
use crate::client::wait::{self, Look, WaitError};

/// How a statement ended: the transaction it wrote in, or Postgres' refusal.
pub(super) type Ending = Result<Option<Xid>, PostgresError>;

/// How long a statement may run before anybody asks whether it waits.
const PATIENCE: Duration = Duration::from_millis(15);

/// A statement under way in its own task; it is given up when this is dropped.
#[derive(Debug)]
pub(super) struct Running(JoinHandle<Ending>);

/// What became of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// It ended; its result can be taken.
    Ended,
    /// It waits for locks that these sessions hold.
    Blocked(Vec<String>),
}

impl Running {
    /// Takes over a task.
    pub(super) fn new(task: JoinHandle<Ending>) -> Self {
        Self(task)
    }

    /// The result, if it comes within a few milliseconds.
    pub(super) async fn soon(&mut self) -> Option<Ending> {
        let joined = tokio::time::timeout(PATIENCE, &mut self.0).await.ok()?;
        Some(joined.unwrap_or_else(|error| Err(lost(&error.to_string()))))
    }

    /// The result of a statement that was seen to have ended.
    pub(super) async fn result(mut self) -> Ending {
        (&mut self.0).await.unwrap_or_else(|error| Err(lost(&error.to_string())))
    }

    /// Waits until the statement has ended or waits for one of `sessions` (name by backend).
    ///
    /// A wait in a circle is none that lasts: Postgres breaks it by refusing one of the statements,
    /// so it is waited through.
    pub(super) async fn settle(
        &self,
        control: &Connection,
        pid: i32,
        sessions: &BTreeMap<i32, String>,
        limit: Duration,
    ) -> Result<Seen, WaitError<PostgresError>> {
        wait::until("the statement to end", limit, || async {
            if self.0.is_finished() {
                return Ok(Look::Holds(Seen::Ended));
            }
            let blockers = control.blockers(pid).await?;
            let ours: Vec<_> = blockers.iter().filter_map(|pid| sessions.get(pid)).collect();
            if ours.is_empty() {
                let what = if blockers.is_empty() {
                    "it runs".to_owned()
                } else {
                    format!("it waits for backends {blockers:?}, which are no session's")
                };
                return Ok(Look::NotYet(what));
            }
            if in_circle(control, pid, &blockers).await? {
                return Ok(Look::NotYet("it waits in a circle".to_owned()));
            }
            // It may have ended between the two looks.
            if self.0.is_finished() {
                Ok(Look::Holds(Seen::Ended))
            } else {
                Ok(Look::Holds(Seen::Blocked(ours.into_iter().cloned().collect())))
            }
        })
        .await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether who keeps `pid` waiting waits, over however many others, for `pid`.
async fn in_circle(
    control: &Connection,
    pid: i32,
    blockers: &[i32],
) -> Result<bool, PostgresError> {
    let mut open = blockers.to_vec();
    let mut seen = BTreeSet::new();
    while let Some(next) = open.pop() {
        if next == pid {
            return Ok(true);
        }
        if seen.insert(next) {
            open.extend(control.blockers(next).await?);
        }
    }
    Ok(false)
}

fn lost(message: &str) -> PostgresError {
    PostgresError {
        doing: "running SQL".to_owned(),
        message: message.to_owned(),
        ..PostgresError::default()
    }
}
