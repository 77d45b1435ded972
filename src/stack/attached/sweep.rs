//! Removes what killed runs of this user left on a stack of somebody else's. Only names that such a
//! run has claimed are looked for: what others run there is none of ours.
//!
//! A Gateway cannot list its sessions; those of a killed run end after their idle time.

use std::fmt::Display;
use std::time::Duration;

use camino::Utf8Path;

use crate::client::clock::Stopwatch;
use crate::client::connect::Connect;
use crate::client::flink::{JobManager, is_terminal};
use crate::client::kafka::Admin;
use crate::client::postgres::{self, CONTROL_DATABASE, Connection};
use crate::client::reach::Reach;
use crate::client::registry::Registry;
use crate::client::wait::{self, Look, WaitError};
use crate::stack::claim::{PREFIX, is_kept};
use crate::stack::error::Doing as _;
use crate::stack::lock::{Lock, Mode};
use crate::stack::{Say, StackError, files};

/// How long a job may take to be cancelled.
const CANCEL_LIMIT: Duration = Duration::from_secs(30);
/// How long a sweep may take in all.
const LIMIT: Duration = Duration::from_mins(3);
/// What a server had taken when its caller was killed, such as a statement that is being planned, has
/// been made and is seen after this time.
const UNDER_WAY: Duration = Duration::from_secs(3);

/// Sweeps what the claims of dead runs name, then these claims. Gives a line for each thing.
pub(super) async fn sweep(
    claims: &Utf8Path,
    at: &Reach,
    say: Say<'_>,
) -> Result<Vec<String>, StackError> {
    // The locks are held until all is gone, so that nobody else sweeps the same.
    let mut dead = Vec::new();
    for token in files::names(claims, "") {
        let file = claims.join(&token);
        if let Some(lock) = Lock::try_take(&file, Mode::Exclusive).doing("lock a claim")?
            && !is_kept(&file)
        {
            say(&format!("sweeping what the run {token} left"));
            dead.push((format!("{PREFIX}{token}"), file, lock));
        }
    }
    if dead.is_empty() {
        return Ok(Vec::new());
    }
    let bases: Vec<&str> = dead.iter().map(|(base, ..)| base.as_str()).collect();
    let swept = until_quiet(&Broom::new(at).await?, &bases).await?;
    for (_, file, _) in &dead {
        files::remove(file)?;
    }
    Ok(swept)
}

/// Sweeps again and again until nothing of the runs has been there for a while.
async fn until_quiet(broom: &Broom, bases: &[&str]) -> Result<Vec<String>, StackError> {
    let (watch, swept) = (Stopwatch::start(), std::sync::Mutex::new(Vec::new()));
    let quiet = wait::until("nothing of the runs to be left", LIMIT, || async {
        let found = broom.pass(bases).await?;
        let is_quiet = found.is_empty() && watch.elapsed() > UNDER_WAY;
        let last = found.join(", ");
        swept.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(found);
        Ok(if is_quiet { Look::Holds(()) } else { Look::NotYet(last) })
    });
    quiet.await.map_err(WaitError::<StackError>::flatten)?;
    let mut swept = swept.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    swept.sort();
    swept.dedup();
    Ok(swept)
}

/// What one sweeps with.
struct Broom {
    connect: Connect,
    flink: JobManager,
    kafka: Admin,
    registry: Option<Registry>,
    postgres: Connection,
}

impl Broom {
    async fn new(at: &Reach) -> Result<Self, StackError> {
        let postgres = postgres::connect(at, CONTROL_DATABASE, "changeproof sweep").await;
        Ok(Self {
            connect: Connect::new(at).map_err(refused)?,
            flink: JobManager::new(at).map_err(refused)?,
            kafka: Admin::new(at).map_err(refused)?,
            registry: Registry::of(at).map_err(refused)?,
            postgres: postgres.map_err(refused)?,
        })
    }

    /// Removes what is there of these runs, who writes before what is written; gives a line for each
    /// thing.
    async fn pass(&self, bases: &[&str]) -> Result<Vec<String>, StackError> {
        let mut swept = self.jobs(bases).await?;
        for base in bases {
            for connector in self.connect.list(base).await.map_err(refused)? {
                self.connect.delete(&connector).await.map_err(refused)?;
                swept.push(format!("connector {connector}"));
            }
            swept.extend(self.records(base).await?);
            swept.extend(self.source(base).await?);
        }
        Ok(swept)
    }

    async fn jobs(&self, bases: &[&str]) -> Result<Vec<String>, StackError> {
        let mut swept = Vec::new();
        for job in self.flink.jobs().await.map_err(refused)? {
            if bases.contains(&job.name.as_str()) && !is_terminal(&job.state) {
                self.flink.cancel(&job.id, CANCEL_LIMIT).await.map_err(refused)?;
                swept.push(format!("job {}", job.name));
            }
        }
        Ok(swept)
    }

    async fn records(&self, base: &str) -> Result<Vec<String>, StackError> {
        let topics = self.kafka.list(base).await.map_err(refused)?;
        let topics: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        self.kafka.delete(&topics).await.map_err(refused)?;
        let mut swept: Vec<_> = topics.iter().map(|topic| format!("topic {topic}")).collect();
        swept.extend(traces(&self.kafka, self.registry.as_ref(), base).await?);
        Ok(swept)
    }

    /// Slots and databases, with the publications in them.
    async fn source(&self, base: &str) -> Result<Vec<String>, StackError> {
        let mut swept = Vec::new();
        for slot in self.postgres.slots(base).await.map_err(refused)? {
            self.postgres.drop_slot(&slot).await.map_err(refused)?;
            swept.push(format!("slot {slot}"));
        }
        for database in self.postgres.databases(base).await.map_err(refused)? {
            self.postgres.drop_database(&database).await.map_err(refused)?;
            swept.push(format!("database {database}"));
        }
        Ok(swept)
    }
}

/// Removes groups and subjects of a run that has ended.
pub(super) async fn forget(at: &Reach, base: &str) -> Result<(), StackError> {
    let kafka = Admin::new(at).map_err(refused)?;
    let registry = Registry::of(at).map_err(refused)?;
    traces(&kafka, registry.as_ref(), base).await.map(drop)
}

async fn traces(
    kafka: &Admin,
    registry: Option<&Registry>,
    base: &str,
) -> Result<Vec<String>, StackError> {
    let groups = kafka.groups(base).await.map_err(refused)?;
    let names: Vec<&str> = groups.iter().map(String::as_str).collect();
    kafka.delete_groups(&names).await.map_err(refused)?;
    let mut swept: Vec<_> = groups.iter().map(|group| format!("group {group}")).collect();
    let Some(registry) = registry else { return Ok(swept) };
    for subject in registry.subjects(base).await.map_err(refused)? {
        registry.delete(&subject).await.map_err(refused)?;
        swept.push(format!("subject {subject}"));
    }
    Ok(swept)
}

fn refused(error: impl Display) -> StackError {
    StackError::Refused { doing: "sweep what a run left".to_owned(), cause: error.to_string() }
}
