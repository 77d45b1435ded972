//! Removes from a running stack what no living run claims.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;

use camino::Utf8Path;

use super::claim::{PREFIX, is_kept};
use super::error::{Doing, StackError};
use super::files;
use super::lock::{Lock, Mode};
use super::paths::Paths;
use crate::client::connect::Connect;
use crate::client::flink::{JobManager, is_terminal};
use crate::client::kafka::Admin;
use crate::client::postgres;
use crate::client::reach::Reach;
use crate::client::registry::Registry;
#[cfg(feature = "lake")]
use crate::client::storage::Bucket;

/// How long a job may take to be cancelled.
const CANCEL_LIMIT: Duration = Duration::from_secs(20);
/// The database from which the others are dropped.
const HOME: &str = "postgres";

/// Whether a claim is there that nobody holds.
pub(super) fn is_needed(paths: &Paths) -> bool {
    let all = [paths.claims(), paths.topics()];
    all.iter().flat_map(|folder| claims(folder)).any(|(_, is_live)| !is_live)
}

/// The claims in a folder, and whether each holds: its run lives, or is kept.
fn claims(folder: &Utf8Path) -> Vec<(String, bool)> {
    let names = files::names(folder, "").into_iter();
    // What cannot be looked at is left alone.
    let is_live = |name: &String| {
        let file = folder.join(name);
        Lock::is_held(&file).unwrap_or(true) || is_kept(&file)
    };
    names.map(|name| (name.clone(), is_live(&name))).collect()
}

/// Removes connectors, jobs, topics, slots, databases, roles and folders whose name starts with `cp_` and
/// that no living run claims, the topics with names of production that dead runs claim, then the
/// claims of the dead. Gives a line for each thing removed.
///
/// A stack that is a Postgres alone has nothing but databases, roles and folders.
///
/// A Gateway cannot list its sessions; those of a killed run end after their idle time.
pub(super) async fn sweep(paths: &Paths, at: &Reach) -> Result<Vec<String>, StackError> {
    let mut swept = Vec::new();
    if at.connect.url.is_empty() {
        swept.extend(sweep_postgres(paths, at).await?);
        swept.extend(sweep_files(paths)?);
        return Ok(swept);
    }
    // Before what writes to them is listed and ended: whoever dies from now on is swept next time.
    let dead = topics_of_the_dead(paths);
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
    let there = kafka.list("").await.map_err(refused)?;
    let there: Vec<_> = there.into_iter().map(|topic| topic.name).collect();
    let mut topics: Vec<_> = dead.iter().filter(|name| there.contains(name)).cloned().collect();
    topics.extend(unclaimed_topics(paths, there));
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    kafka.delete(&names).await.map_err(refused)?;
    swept.extend(topics.iter().map(|topic| format!("topic {topic}")));
    swept.extend(sweep_postgres(paths, at).await?);
    #[cfg(feature = "lake")]
    for run in unclaimed(paths, Bucket::runs(at).await.map_err(refused)?) {
        if let Some(bucket) = Bucket::of(at, &run).map_err(refused)? {
            bucket.clear().await.map_err(refused)?;
        }
        swept.push(format!("objects {run}"));
    }
    swept.extend(sweep_files(paths)?);
    for name in &dead {
        files::remove(&paths.topics().join(name))?;
    }
    Ok(swept)
}

/// The names of production that dead runs claim for their topics.
fn topics_of_the_dead(paths: &Paths) -> Vec<String> {
    let dead = claims(&paths.topics()).into_iter().filter(|(_, is_live)| !is_live);
    dead.map(|(name, _)| name).collect()
}

/// Of some topics those whose name starts with `cp_` and that no living run claims in any way.
fn unclaimed_topics(paths: &Paths, topics: Vec<String>) -> Vec<String> {
    let mut topics = unclaimed(paths, topics);
    let claimed = files::names(&paths.topics(), "");
    topics.retain(|topic| !claimed.contains(topic));
    topics
}

/// Removes the subjects of runs that have ended, while no run is there: when one is deleted, Apicurio
/// removes the content of all that have no version yet, one that a run is registering too.
pub(super) async fn sweep_subjects(paths: &Paths, at: &Reach) -> Result<(), StackError> {
    let Some(registry) = Registry::of(at).map_err(refused)? else { return Ok(()) };
    let mut subjects = registry.subjects("").await.map_err(refused)?;
    // Those of topics with names of production do not say whose they are.
    let claimed = files::names(&paths.topics(), "");
    let is_claimed = |subject: &String| {
        let topic = subject.strip_suffix("-key").or_else(|| subject.strip_suffix("-value"));
        topic.is_some_and(|topic| claimed.iter().any(|name| name == topic))
    };
    let ours = unclaimed(paths, subjects.clone());
    subjects.retain(|one| ours.contains(one) || !(one.starts_with(PREFIX) || is_claimed(one)));
    for subject in subjects {
        registry.delete(&subject).await.map_err(refused)?;
    }
    Ok(())
}

async fn sweep_postgres(paths: &Paths, at: &Reach) -> Result<Vec<String>, StackError> {
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
    for role in unclaimed(paths, session.roles(PREFIX).await.map_err(refused)?) {
        session.drop_role(&role).await.map_err(refused)?;
        swept.push(format!("role {role}"));
    }
    Ok(swept)
}

/// Removes whatever was made in the server of a stack that the caller has alone.
pub(super) async fn empty(at: &Reach) -> Result<(), StackError> {
    let session = postgres::connect(at, HOME, "changeproof sweep").await.map_err(refused)?;
    session.empty_server().await.map_err(refused)
}

fn sweep_files(paths: &Paths) -> Result<Vec<String>, StackError> {
    let mut swept = Vec::new();
    for folder in unclaimed(paths, files::names(&paths.work(), PREFIX)) {
        files::remove(&paths.work().join(&folder))?;
        swept.push(format!("folder {folder}"));
    }
    for token in files::names(&paths.claims(), "") {
        let path = paths.claims().join(&token);
        let free = Lock::try_take(&path, Mode::Exclusive).doing("lock a claim")?;
        if free.is_some() && !is_kept(&path) {
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
    let live = claims(&paths.claims()).into_iter().filter(|(_, is_live)| *is_live);
    let live: BTreeSet<String> = live.map(|(token, _)| token).collect();
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
    use super::*;
    use crate::stack::claim::let_go;
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
            network: crate::stack::Network::Machine,
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

    #[test]
    fn a_name_of_production_is_one_runs_until_it_is_released_or_swept() {
        let temporary = tempfile::tempdir().unwrap();
        let options = options(Utf8Path::from_path(temporary.path()).unwrap());
        let paths = Paths::of(&options);
        let (one, two) = (claim(&options, "one").unwrap(), claim(&options, "two").unwrap());
        assert_eq!(one.topic("cdc.public.t").unwrap(), None);
        assert_eq!(one.topic("cdc.public.t").unwrap(), None);
        assert_eq!(two.topic("cdc.public.t").unwrap().unwrap(), "the run `one` has it");
        assert_eq!(two.topic("cp_t").unwrap(), None);
        let there = ["cdc.public.t", "cp_t", "cp_x"].map(ToOwned::to_owned).to_vec();
        assert_eq!(unclaimed_topics(&paths, there), ["cp_x"]);
        assert_eq!(topics_of_the_dead(&paths), Vec::<String>::new());
        drop(one);
        assert!(is_needed(&paths));
        assert!(two.topic("cdc.public.t").unwrap().unwrap().contains("was killed"));
        assert_eq!(topics_of_the_dead(&paths), ["cdc.public.t"]);
        two.release().unwrap();
        assert_eq!(files::names(&paths.topics(), ""), ["cdc.public.t"]);
    }

    #[test]
    fn what_a_run_keeps_is_not_swept_until_it_is_let_go() {
        let temporary = tempfile::tempdir().unwrap();
        let options = options(Utf8Path::from_path(temporary.path()).unwrap());
        let paths = Paths::of(&options);
        let one = claim(&options, "one").unwrap();
        assert_eq!(one.topic("cdc.public.t").unwrap(), None);
        one.keep().unwrap();
        let (name, token, folder) = (one.name(), one.token.clone(), one.folder.clone());
        drop(one);
        assert!(!is_needed(&paths));
        assert_eq!(unclaimed(&paths, vec![name.clone()]), Vec::<String>::new());
        assert_eq!(topics_of_the_dead(&paths), Vec::<String>::new());
        sweep_files(&paths).unwrap();
        assert!(folder.exists());
        let two = claim(&options, "two").unwrap();
        let holder = two.topic("cdc.public.t").unwrap().unwrap();
        assert!(holder.starts_with("the run `one` is kept"), "{holder}");
        assert_eq!(let_go(&options, |other| other != token).unwrap(), Vec::<String>::new());
        assert_eq!(let_go(&options, |other| other == token).unwrap(), ["one"]);
        assert!(is_needed(&paths));
        assert_eq!(unclaimed(&paths, vec![name.clone()]), [name]);
        assert_eq!(topics_of_the_dead(&paths), ["cdc.public.t"]);
    }

    #[test]
    fn what_is_no_name_of_a_topic_is_not_claimed() {
        let temporary = tempfile::tempdir().unwrap();
        let options = options(Utf8Path::from_path(temporary.path()).unwrap());
        let one = claim(&options, "one").unwrap();
        for name in ["../t", "a/b", "..", ""] {
            assert_eq!(one.topic(name).unwrap(), None);
        }
        assert_eq!(files::names(&Paths::of(&options).topics(), ""), Vec::<String>::new());
    }
}
