//! How statements end: stopped, so that they can go on; deleted.

use std::sync::Arc;
use std::time::Duration;

use super::model::{Phase, Rows, Statement};
use super::properties::Properties;
use super::run;
use crate::client::flink::{FlinkError, Vertex, is_terminal};
use crate::client::wait::{self, Look};
use crate::gateway::Gateway;

/// How long a job may take to stop or to be gone.
const LIMIT: Duration = Duration::from_mins(1);

/// Stops a statement: one that writes with a savepoint, once what it has read is delivered; a query at
/// once.
pub(super) async fn stop(gateway: &Gateway, statement: &Statement) {
    let begun = wait::until("the statement to begin", LIMIT, || async {
        Ok::<_, wait::TimedOut>(match statement.look(|state| state.phase) {
            Phase::Pending => Look::NotYet("it is PENDING".to_owned()),
            phase => Look::Holds(phase),
        })
    });
    // One that never begins is stopped as it is.
    begun.await.ok();
    let job = statement.change(|state| {
        if !matches!(state.phase, Phase::Pending | Phase::Running) {
            return None;
        }
        state.phase = Phase::Stopping;
        state.job.clone()
    });
    let Some(job) = job else { return };
    let stopped = if statement.kind.writes() {
        savepoint(gateway, &job).await.map(Some)
    } else {
        cancel(gateway, statement, &job).await.map(|()| None)
    };
    let rows = statement.change(|state| {
        match stopped {
            Ok(savepoint) => {
                state.phase = Phase::Stopped;
                state.savepoint = savepoint;
            }
            Err(error) => {
                state.phase = Phase::Failed;
                state.detail = format!("it could not be stopped: {error}");
            }
        }
        std::mem::replace(&mut state.rows, Rows::None)
    });
    close(rows).await;
}

/// Cancels a job; a query's once its tasks have begun. Flink's TaskManager dies of a query that is
/// cancelled while its sink is being opened.
async fn cancel(gateway: &Gateway, statement: &Statement, job: &str) -> Result<(), FlinkError> {
    if !statement.kind.writes() {
        begun(gateway, job).await;
    }
    gateway.flink.cancel(job, LIMIT).await
}

/// Waits until all tasks of a job have begun, or it has ended.
async fn begun(gateway: &Gateway, job: &str) {
    let begun = wait::until("the tasks to begin", LIMIT, || async {
        let found = gateway.flink.job(job).await?;
        let is_early = |vertex: &Vertex| {
            ["CREATED", "SCHEDULED", "DEPLOYING", "INITIALIZING"].contains(&vertex.status.as_str())
        };
        let is_open =
            found.is_some_and(|job| !is_terminal(&job.state) && job.vertices.iter().any(is_early));
        Ok::<_, FlinkError>(if is_open {
            Look::NotYet("a task has not begun".to_owned())
        } else {
            Look::Holds(())
        })
    });
    // One that never begins is cancelled all the same.
    begun.await.ok();
}

/// Waits until a job that ends by itself has ended.
pub(super) async fn over(gateway: &Gateway, job: &str) {
    gateway.flink.until_ended(job, LIMIT).await.ok();
}

/// Stops a job with a savepoint; again while its tasks have not all begun.
async fn savepoint(gateway: &Gateway, job: &str) -> Result<String, FlinkError> {
    let stopped = wait::until("the job to stop", LIMIT, || async {
        match gateway.flink.stop(job, LIMIT).await {
            Ok(savepoint) => Ok(Look::Holds(savepoint)),
            Err(FlinkError::Checkpoint(cause))
                if gateway.flink.state(job).await?.as_deref() == Some("RUNNING") =>
            {
                Ok(Look::NotYet(cause.to_string()))
            }
            Err(error) => Err(error),
        }
    });
    stopped.await.map_err(wait::WaitError::flatten)
}

async fn close(rows: Rows) {
    if let Rows::Of { session, .. } = rows {
        // A session that is left ends after its idle time-out.
        session.close().await.ok();
    }
}

/// Lets a stopped statement go on from where it was stopped.
pub(super) async fn resume(gateway: Arc<Gateway>, statement: Arc<Statement>) {
    let gone_on = async {
        let properties = Properties::of(&statement.properties, &gateway.ids)
            .map_err(|wrong| wrong.join("; "))?;
        run::submit(&gateway, &statement, &properties).await
    };
    if let Err(detail) = gone_on.await {
        statement.change(|state| {
            state.phase = Phase::Failed;
            state.detail = detail;
        });
        return;
    }
    run::watch(&gateway, &statement).await;
}

/// Ends a statement and takes it away.
pub(super) async fn delete(gateway: &Gateway, statement: &Statement) {
    let begun = wait::until("the statement to have a job, or to end", LIMIT, || async {
        let is_open = statement.look(|s| s.phase == Phase::Pending && s.job.is_none());
        Ok::<_, wait::TimedOut>(if is_open {
            Look::NotYet("it is PENDING".to_owned())
        } else {
            Look::Holds(())
        })
    });
    begun.await.ok();
    let (job, rows) = statement.change(|state| {
        state.phase = Phase::Deleting;
        (state.job.take(), std::mem::replace(&mut state.rows, Rows::None))
    });
    if let Some(job) = job {
        // A job that has ended, or that the cluster has lost, is gone.
        cancel(gateway, statement, &job).await.ok();
    }
    close(rows).await;
    gateway.statements().remove(&statement.name);
}
