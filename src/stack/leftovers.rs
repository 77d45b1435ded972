//! What a killed keeper left: processes, shared memory, folders.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8Path;

use super::StackOptions;
use super::error::StackError;
use super::lock::{Lock, Mode};
use super::paths::Paths;
use super::process::{self, Launch, Process, Surroundings};
use super::{files, machine};
use crate::client::wait::{self, Look};

/// The programs that a stack is made of.
const PROGRAMS: [&str; 4] = ["java", "postgres", "initdb", "setpriv"];
/// How long a killed process may take to be gone.
const GONE_LIMIT: Duration = Duration::from_secs(10);

/// Removes everything of earlier stacks, except what belongs to the start named `keep`. Only for
/// whoever knows that no keeper runs. Gives a line for each thing worth telling.
pub(super) async fn sweep(
    options: &StackOptions,
    paths: &Paths,
    keep: Option<&str>,
) -> Result<Vec<String>, StackError> {
    let mut swept = Vec::new();
    let own = keep.map(|token| format!("run-{token}"));
    for name in files::names(paths.state(), "run-") {
        if own.as_ref() == Some(&name) {
            continue;
        }
        let folder = paths.state().join(&name);
        let processes = end_processes(&folder).await;
        release_shared_memory(options, &folder).await;
        files::remove(&folder)?;
        swept.push(format!("removed {folder} ({processes} processes were left)"));
    }
    let own = keep.map(|token| format!("start-{token}."));
    for name in files::names(paths.state(), "start-") {
        if own.as_ref().is_none_or(|own| !name.starts_with(own)) {
            files::remove(&paths.state().join(name))?;
        }
    }
    for path in [paths.record(), paths.held(), paths.work()] {
        files::remove(&path)?;
    }
    // First the names of topics: they share the locks of the claims.
    for folder in [paths.topics(), paths.claims()] {
        for name in files::names(&folder, "") {
            let path = folder.join(name);
            let free = Lock::try_take(&path, Mode::Exclusive);
            if free.is_ok_and(|lock| lock.is_some()) {
                files::remove(&path)?;
            }
        }
    }
    Ok(swept)
}

/// Kills what still works in a folder; gives how many there were.
async fn end_processes(folder: &Utf8Path) -> usize {
    let found: Vec<Process> = process::working_in(folder, &PROGRAMS);
    for process in &found {
        process.kill();
    }
    let gone = wait::until::<(), (), _>("killed processes to be gone", GONE_LIMIT, || async {
        Ok(match process::working_in(folder, &PROGRAMS).first() {
            Some(process) => Look::NotYet(format!("process {} is there", process.pid)),
            None => Look::Holds(()),
        })
    });
    if let Err(error) = gone.await {
        tracing::warn!("{folder}: {error:?}");
    }
    found.len()
}

/// A Postgres that was killed leaves a few bytes of System V shared memory, whose number is in its
/// pid file. An orderly end removes both.
pub(super) async fn release_shared_memory(options: &StackOptions, folder: &Utf8Path) {
    let text = fs_err::read_to_string(folder.join("postgres/postmaster.pid")).unwrap_or_default();
    let segment = text.lines().nth(6).and_then(|line| line.split_whitespace().nth(1));
    let Some(segment) = segment else { return };
    let ipcrm = options.search.iter().map(|folder| folder.join("ipcrm")).find(|p| p.is_file());
    let (Some(program), Ok(setpriv)) = (ipcrm, machine::setpriv(options)) else { return };
    let launch = Launch {
        setpriv,
        program,
        args: vec!["-m".to_owned(), segment.to_owned()],
        environment: Surroundings::Only(BTreeMap::new()),
        folder: "/".into(),
        user: machine::unprivileged().ok().flatten(),
        wall: None,
    };
    if let Err(error) = launch.output(GONE_LIMIT).await {
        tracing::warn!("shared memory {segment}: {error}");
    }
}
