//! Removes from a running stack what no living run claims.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;

use super::claim::PREFIX;
use super::error::{Doing, StackError};
use super::files;
use super::lock::{Lock, Mode};
use super::paths::Paths;
use crate::client::connect::Connect;
use crate::client::endpoints::Endpoints;
use crate::client::flink::{JobManager, is_terminal};
use crate::client::kafka::Admin;
use crate::client::postgres;
use crate::client::registry::Registry;

/// How long a job may take to be cancelled.
const CANCEL_LIMIT: Duration = Duration::from_secs(20);
/// The database from which the others are dropped.
const HOME: &str = "postgres";

/// Whether a claim is there that nobody holds.
pub(super) fn is_needed(paths: &Paths) -> bool {
    let names = files::names(&paths.claims(), "");
    names.iter().any(|name| !is_live(paths, name))
}

fn is_live(paths: &Paths, token: &str) -> bool {
    // What cannot be looked at is left alone.
    Lock::is_held(&paths.claims().join(token)).unwrap_or(true)
}

/// Removes connectors, jobs, topics, slots, databases and folders whose name starts with `cp_` and
/// that no living run claims, then the claims of the dead. Gives a line for each thing removed.
///
/// A Gateway cannot list its sessions; those of a killed run end after their idle time.
pub(super) async fn sweep(paths: &Paths, at: &Endpoints) -> Result<Vec<String>, StackError> {
    let mut swept = Vec::new();
    let connect = Connect::new(at).map_err(refused)?;
    for connector in unclaimed(paths, connect.list(PREFIX).await.map_err(refused)?) {
        connect.delete(&connector).await.map_err(refused)?;
        swept.push(format!("connector {connector}"));
    }
    let flink = JobManager::new(at).map_err(refused)?;
    let mut jobs = flink.jobs().await.map_err(refused)?;
    jobs.retain(|job| !is_terminal(&job.state));
    let names = unclaimed(paths, jobs.iter().map(|job| job.name.clone()).collect());
    for job in jobs.iter().filter(|job| names.contains(&job.name)) {
        flink.cancel(&job.id, CANCEL_LIMIT).await.map_err(refused)?;
        swept.push(format!("job {}", job.name));
    }
    let kafka = Admin::new(at).map_err(refused)?;
    let topics = kafka.list(PREFIX).await.map_err(refused)?;
    let topics = unclaimed(paths, topics.into_iter().map(|topic| topic.name).collect());
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    kafka.delete(&names).await.map_err(refused)?;
    swept.extend(topics.iter().map(|topic| format!("topic {topic}")));
    swept.extend(sweep_postgres(paths, at).await?);
    swept.extend(sweep_files(paths)?);
    Ok(swept)
}

/// Removes the subjects of runs that have ended, while no run is there: when one is deleted, Apicurio
/// removes the content of all that have no version yet, one that a run is registering too.
pub(super) async fn sweep_subjects(paths: &Paths, at: &Endpoints) -> Result<(), StackError> {
    let Some(registry) = Registry::of(at).map_err(refused)? else { return Ok(()) };
    for subject in unclaimed(paths, registry.subjects(PREFIX).await.map_err(refused)?) {
        registry.delete(&subject).await.map_err(refused)?;
    }
    Ok(())
}

async fn sweep_postgres(paths: &Paths, at: &Endpoints) -> Result<Vec<String>, StackError> {
    let mut swept = Vec::new();
    let session = postgres::connect(at, HOME, "changeproof sweep").await.map_err(refused)?;
    for slot in unclaimed(paths, session.slots(PREFIX).await.map_err(refused)?) {
        session.drop_slot(&slot).await.map_err(refused)?;
        swept.push(format!("slot {slot}"));
    }
    for database in unclaimed(paths, session.databases(PREFIX).await.map_err(refused)?) {
        session.drop_database(&database).await.map_err(refused)?;
        swept.push(format!("database {database}"));
    }
    Ok(swept)
}

fn sweep_files(paths: &Paths) -> Result<Vec<String>, StackError> {
    let mut swept = Vec::new();
    for folder in unclaimed(paths, files::names(&paths.work(), PREFIX)) {
        files::remove(&paths.work().join(&folder))?;
        swept.push(format!("folder {folder}"));
    }
    for token in files::names(&paths.claims(), "") {
        let path = paths.claims().join(&token);
        if let Some(_dead) = Lock::try_take(&path, Mode::Exclusive).doing("lock a claim")? {
            files::remove(&path)?;
            swept.push(format!("claim {token}"));
        }
    }
    Ok(swept)
}

/// Of some names those that no living run claims. The claims are read *after* the names were
/// listed: a run claims its name before it makes anything, so whatever was listed and is not
/// claimed now belongs to nobody.
fn unclaimed(paths: &Paths, mut names: Vec<String>) -> Vec<String> {
    let tokens = files::names(&paths.claims(), "");
    let live: BTreeSet<String> = tokens.into_iter().filter(|token| is_live(paths, token)).collect();
    names.retain(|name| {
        let rest = name.strip_prefix(PREFIX);
        rest.is_some_and(|rest| !live.iter().any(|token| rest.starts_with(token.as_str())))
    });
    names
}

fn refused(error: impl Display) -> StackError {
    StackError::Refused { doing: "sweep what a run left".to_owned(), cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;
    use crate::stack::{StackOptions, claim};

    fn options(folder: &Utf8Path) -> StackOptions {
        StackOptions {
            program: "/changeproof".into(),
            cache: folder.join("cache"),
            state: folder.join("state"),
            search: Vec::new(),
            java_home: None,
            postgres_bin: None,
            idle: Duration::from_secs(1),
            own: crate::stack::OwnOptions::default(),
        }
    }

    #[test]
    fn what_a_living_run_claims_is_not_swept() {
        let temporary = tempfile::tempdir().unwrap();
        let options = options(Utf8Path::from_path(temporary.path()).unwrap());
        let paths = Paths::of(&options);
        let living = claim(&options, "a run").unwrap();
        let dead = claim(&options, "another run").unwrap();
        let names = vec![
            living.name(),
            format!("{}_shadow", living.name()),
            format!("{}.public.t", dead.name()),
            "cp_x".to_owned(),
        ];
        assert!(!is_needed(&paths));
        let (dead_folder, dead_name) = (dead.folder.clone(), dead.name());
        drop(dead);
        assert!(is_needed(&paths));
        let expected = vec![format!("{dead_name}.public.t"), "cp_x".to_owned()];
        assert_eq!(unclaimed(&paths, names), expected);
        sweep_files(&paths).unwrap();
        assert!(!is_needed(&paths) && !dead_folder.exists() && living.folder.exists());
        let folder = living.folder.clone();
        living.release().unwrap();
        assert!(!folder.exists());
        assert_eq!(files::names(&paths.claims(), ""), Vec::<String>::new());
    }
}
