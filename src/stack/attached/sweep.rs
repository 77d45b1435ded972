//! Removes what killed runs of this user left on a stack of somebody else's. Only names that such a
//! run has claimed are looked for: what others run there is none of ours.

use std::fmt::Display;
use std::time::Duration;

use camino::Utf8Path;

use crate::client::connect::Connect;
use crate::client::flink::{JobManager, is_terminal};
use crate::client::kafka::Admin;
use crate::client::postgres::{self, CONTROL_DATABASE};
use crate::client::reach::Reach;
use crate::client::registry::Registry;
use crate::stack::claim::PREFIX;
use crate::stack::error::Doing as _;
use crate::stack::lock::{Lock, Mode};
use crate::stack::{Say, StackError, files};

/// How long a job may take to be cancelled.
const CANCEL_LIMIT: Duration = Duration::from_secs(30);

/// Sweeps what the claims of dead runs name, then these claims.
pub(super) async fn sweep(
    claims: &Utf8Path,
    at: &Reach,
    say: Say<'_>,
) -> Result<Vec<String>, StackError> {
    let mut swept = Vec::new();
    for token in files::names(claims, "") {
        let file = claims.join(&token);
        let Some(_dead) = Lock::try_take(&file, Mode::Exclusive).doing("lock a claim")? else {
            continue;
        };
        say(&format!("sweeping what the run {token} left"));
        swept.extend(one(&format!("{PREFIX}{token}"), at).await?);
        files::remove(&file)?;
    }
    Ok(swept)
}

/// Who writes is ended first.
async fn one(base: &str, at: &Reach) -> Result<Vec<String>, StackError> {
    let mut swept = Vec::new();
    let connect = Connect::new(at).map_err(refused)?;
    for connector in connect.list(base).await.map_err(refused)? {
        connect.delete(&connector).await.map_err(refused)?;
        swept.push(format!("connector {connector}"));
    }
    let flink = JobManager::new(at).map_err(refused)?;
    for job in flink.jobs().await.map_err(refused)? {
        if job.name.starts_with(base) && !is_terminal(&job.state) {
            flink.cancel(&job.id, CANCEL_LIMIT).await.map_err(refused)?;
            swept.push(format!("job {}", job.name));
        }
    }
    let kafka = Admin::new(at).map_err(refused)?;
    let topics = kafka.list(base).await.map_err(refused)?;
    let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
    kafka.delete(&names).await.map_err(refused)?;
    swept.extend(names.iter().map(|name| format!("topic {name}")));
    if let Some(registry) = Registry::of(at).map_err(refused)? {
        for subject in registry.subjects(base).await.map_err(refused)? {
            registry.delete(&subject).await.map_err(refused)?;
            swept.push(format!("subject {subject}"));
        }
    }
    let session = postgres::connect(at, CONTROL_DATABASE, "changeproof sweep");
    let session = session.await.map_err(refused)?;
    for slot in session.slots(base).await.map_err(refused)? {
        session.drop_slot(&slot).await.map_err(refused)?;
        swept.push(format!("slot {slot}"));
    }
    for database in session.databases(base).await.map_err(refused)? {
        session.drop_database(&database).await.map_err(refused)?;
        swept.push(format!("database {database}"));
    }
    Ok(swept)
}

fn refused(error: impl Display) -> StackError {
    StackError::Refused { doing: "sweep what a run left".to_owned(), cause: error.to_string() }
}
