//! What the machine lacks, each thing with what mends it.

use camino::Utf8Path;
use serde::Serialize;

use super::error::StackError;
use super::machine;
use super::paths::Paths;
use super::{StackOptions, jars};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is: "Java".
    pub name: String,
    /// Whether it will do.
    pub grade: Grade,
    /// What was found.
    pub found: String,
    /// What mends it; nothing if it will do.
    pub mend: Option<String>,
}

/// How good a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should be.
    Good,
    /// The stack will start, and may not do well.
    Doubtful,
    /// The stack cannot start.
    Missing,
}

const MIB: u64 = 1 << 20;
/// The memory that a stack and a few runs occupy.
const MEMORY: u64 = 3 * 1024 * MIB;
/// What a stack writes below the state folder: data, logs, checkpoints.
const STATE_SPACE: u64 = 1024 * MIB;
/// What the stack cannot even start without.
pub(super) const STATE_LEAST: u64 = 200 * MIB;
/// Jars, templates and class archives.
const CACHE_SPACE: u64 = 1200 * MIB;

/// Looks at everything that the local stack needs.
pub async fn doctor(options: &StackOptions) -> Vec<Finding> {
    let paths = Paths::of(options);
    let fetched = jars::cached(&paths);
    let mut findings = vec![
        graded("setpriv", machine::setpriv(options).map(|path| path.to_string())),
        graded("Java", machine::find_java(options).await),
        graded("Postgres", machine::find_postgres(options).await),
        graded(
            "user for Postgres",
            machine::unprivileged().map(|user| match user {
                Some(user) => format!("uid {}, because Postgres refuses root", user.uid),
                None => "this one".to_owned(),
            }),
        ),
    ];
    findings.push(match &fetched {
        Ok(_) => good("jars", format!("all in {}", paths.jars())),
        Err(missing) => match machine::maven(options) {
            Ok(maven) => good("jars", format!("{missing}; {maven} will fetch them, once")),
            Err(error) => of_error("jars", error),
        },
    });
    findings.push(folder("state folder", &paths));
    findings.push(space("disk of the state folder", options, &options.state, STATE_SPACE).await);
    if fetched.is_err() {
        findings.push(space("disk of the cache", options, &options.cache, CACHE_SPACE).await);
    }
    findings.push(memory());
    findings
}

/// Whether there is room for a start. What cannot be found out is no obstacle.
pub(super) async fn room_to_start(options: &StackOptions) -> Result<(), StackError> {
    let Some(df) = machine::df(options) else { return Ok(()) };
    let free = machine::free_bytes(&machine::setpriv(options)?, &df, &options.state).await?;
    match free {
        Some(free) if free < STATE_LEAST => Err(StackError::NoSpace {
            place: options.state.to_string(),
            cause: format!("{} MiB are free, {} are needed", free / MIB, STATE_LEAST / MIB),
            mend: "free some space, or name a folder on another disk in CHANGEPROOF_STATE"
                .to_owned(),
        }),
        Some(_) | None => Ok(()),
    }
}

fn good(name: &str, found: String) -> Finding {
    Finding { name: name.to_owned(), grade: Grade::Good, found, mend: None }
}

fn of_error(name: &str, error: StackError) -> Finding {
    let (found, mend) = if let StackError::Missing { what, mend } = error {
        (what, Some(mend))
    } else {
        (error.to_string(), None)
    };
    Finding { name: name.to_owned(), grade: Grade::Missing, found, mend }
}

fn graded(name: &str, found: Result<String, StackError>) -> Finding {
    found.map_or_else(|error| of_error(name, error), |found| good(name, found))
}

/// Postgres may run as another user, which must get to its data.
fn folder(name: &str, paths: &Paths) -> Finding {
    match paths.prepare().and_then(|()| machine::can_be_entered(paths.state())) {
        Ok(()) => good(name, paths.state().to_string()),
        Err(error) => of_error(name, error),
    }
}

async fn space(name: &str, options: &StackOptions, folder: &Utf8Path, needed: u64) -> Finding {
    // A folder that is not there yet will be on the disk of the nearest one above that is.
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Utf8Path::new("/"));
    let free = match (machine::setpriv(options), machine::df(options)) {
        (Ok(setpriv), Some(df)) => machine::free_bytes(&setpriv, &df, there).await.ok().flatten(),
        _ => None,
    };
    let Some(free) = free else {
        return good(name, format!("what is free at {there} could not be found out"));
    };
    let found = format!("{} MiB are free at {there}", free / MIB);
    if free >= needed {
        return good(name, found);
    }
    Finding {
        name: name.to_owned(),
        grade: if free < STATE_LEAST { Grade::Missing } else { Grade::Doubtful },
        found: format!("{found}, {} should be", needed / MIB),
        mend: Some("free some space, or set CHANGEPROOF_STATE and CHANGEPROOF_CACHE".to_owned()),
    }
}

fn memory() -> Finding {
    let Some(available) = machine::available_memory() else {
        return good("memory", "what is available could not be found out".to_owned());
    };
    let found = format!("{} MiB are available", available / MIB);
    if available >= MEMORY {
        return good("memory", found);
    }
    Finding {
        name: "memory".to_owned(),
        grade: Grade::Doubtful,
        found: format!("{found}, {} should be", MEMORY / MIB),
        mend: Some("end other programs".to_owned()),
    }
}
