//! What the machine lacks, each thing with what mends it.

use camino::Utf8Path;
use serde::Serialize;

use super::confine::{self, Holds};
use super::error::StackError;
use super::limits::{self, Limit};
use super::machine;
use super::network::{self, Network};
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
/// What the stack cannot even start without: one at rest holds 256 MiB, most of it Flink's planner
/// as each of its processes unpacks it.
const STATE_LEAST: u64 = 320 * MIB;
/// With less, what a component writes next may not fit: a segment of Postgres' log has so many.
const FULL: u64 = 16 * MIB;
/// Jars, templates and class archives.
const CACHE_SPACE: u64 = 1200 * MIB;

/// The open files that one process may need: a TaskManager at rest has 550.
const FILES: u64 = 1024;
/// With fewer, no JVM of a stack gets to its end of the start.
const FILES_LEAST: u64 = 600;
/// The threads of a stack and a few runs: one at rest has 250.
const THREADS: u64 = 1024;
/// With fewer, a stack does not get up.
const THREADS_LEAST: u64 = 300;

/// Looks at everything that the local stack needs.
pub async fn doctor(options: &StackOptions) -> Vec<Finding> {
    let paths = Paths::of(options);
    let fetched = jars::cached(&paths, &options.own);
    let mut findings = vec![
        graded("setpriv", machine::setpriv(options).map(|path| path.to_string())),
        graded("Java", machine::find_java(options).await),
        graded("Postgres", machine::find_postgres(options).await),
        graded(
            "state folder",
            paths.prepare().and_then(|()| enterable(paths.state(), "CHANGEPROOF_STATE")),
        ),
        graded("cache folder", enterable(&options.cache, "CHANGEPROOF_CACHE")),
        user(),
        wall(),
        others(options).await,
    ];
    findings.push(match &fetched {
        Ok(_) => cached(&paths),
        Err(missing) => match machine::maven(options) {
            Ok(maven) => good("jars", format!("{missing}; {maven} will fetch them, once")),
            Err(error) => of_error("jars", error),
        },
    });
    findings.push(space("disk of the state folder", options, &options.state, STATE_SPACE).await);
    if fetched.is_err() {
        findings.push(space("disk of the cache", options, &options.cache, CACHE_SPACE).await);
    }
    findings.extend([memory(), open_files(), processes()]);
    findings
}

/// Jars that are all there: whether they are what was fetched.
fn cached(paths: &Paths) -> Finding {
    match jars::damaged(paths) {
        None => good("jars", format!("all in {}", paths.jars())),
        Some(damaged) => Finding {
            name: "jars".to_owned(),
            grade: Grade::Missing,
            found: damaged.what,
            mend: Some(format!("rm -r {}; the next start fetches it again", damaged.folder)),
        },
    }
}

/// Whether there is room for a start. What cannot be found out is no obstacle.
pub(super) async fn room_to_start(options: &StackOptions) -> Result<(), StackError> {
    for finding in [open_files(), processes()] {
        if let (Grade::Missing, Some(mend)) = (finding.grade, finding.mend) {
            return Err(StackError::Missing {
                what: format!("too few {}: {}", finding.name, finding.found),
                mend,
            });
        }
    }
    match free_bytes(options, &options.state).await {
        Some(free) if free < STATE_LEAST => Err(StackError::NoSpace {
            place: options.state.to_string(),
            cause: format!("{} MiB are free, {} are needed", free / MIB, STATE_LEAST / MIB),
            mend: "free some space, or name a folder on another disk in CHANGEPROOF_STATE"
                .to_owned(),
        }),
        Some(_) | None => Ok(()),
    }
}

/// Whether the disk of the state folder has no room left for a component to go on.
pub(super) async fn is_full(options: &StackOptions) -> bool {
    free_bytes(options, &options.state).await.is_some_and(|free| free < FULL)
}

/// The free bytes of the disk of a folder, if that can be found out.
async fn free_bytes(options: &StackOptions, folder: &Utf8Path) -> Option<u64> {
    let (setpriv, df) = (machine::setpriv(options).ok()?, machine::df(options)?);
    machine::free_bytes(&setpriv, &df, folder).await.ok().flatten()
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

/// The components may run as another user, which must get to what it needs.
fn enterable(folder: &Utf8Path, variable: &str) -> Result<String, StackError> {
    machine::can_be_entered(folder, variable).map(|()| folder.to_string())
}

/// Who else reaches a stack.
async fn others(options: &StackOptions) -> Finding {
    let name = "other users of this machine";
    match (options.network, network::can_be_made(options).await) {
        (Network::Machine, _) => good(name, OTHERS.to_owned()),
        (Network::Own, Ok(())) => good(name, "the stack has a network of its own".to_owned()),
        (Network::Own, Err(error)) => of_error(name, error),
    }
}

/// What no look at the machine could change.
const OTHERS: &str = "while a stack is up they reach Kafka, Connect and Flink on 127.0.0.1, and nothing \
                      else of it; CHANGEPROOF_NETWORK=own closes these too (docs/security.md)";

/// Whether the kernel keeps the components to their own files.
fn wall() -> Finding {
    let name = "wall around the components";
    match confine::holds() {
        Holds::All => good(name, "Landlock: they reach their own files alone".to_owned()),
        Holds::Some => {
            let found = "Landlock of an older kernel: they write to their own files alone";
            good(name, found.to_owned())
        }
        Holds::Nothing => Finding {
            name: name.to_owned(),
            grade: Grade::Doubtful,
            found: "none: they reach whatever their user may".to_owned(),
            mend: Some("start Linux 5.13 or newer with `landlock` in its option `lsm`".to_owned()),
        },
    }
}

/// Whom the components run as.
fn user() -> Finding {
    let name = "user of the components";
    match machine::unprivileged() {
        Ok(None) => good(name, "this one".to_owned()),
        Ok(Some(user)) if machine::has_own_user() => {
            good(name, format!("{} (uid {}), because this is root", machine::OWN_USER, user.uid))
        }
        Ok(Some(user)) => Finding {
            name: name.to_owned(),
            grade: Grade::Doubtful,
            found: format!("nobody (uid {}), which other services may run as too", user.uid),
            mend: Some(format!("useradd --system {}", machine::OWN_USER)),
        },
        Err(error) => of_error(name, error),
    }
}

async fn space(name: &str, options: &StackOptions, folder: &Utf8Path, needed: u64) -> Finding {
    // A folder that is not there yet will be on the disk of the nearest one above that is.
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Utf8Path::new("/"));
    let Some(free) = free_bytes(options, there).await else {
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
    let Some(available) = limits::available_memory() else {
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

fn open_files() -> Finding {
    limit("open files", limits::open_files(), (FILES_LEAST, FILES), "raise the hard limit")
}

fn processes() -> Finding {
    let mend = "raise the limit of this user or of the container";
    limit("processes and threads", limits::processes(), (THREADS_LEAST, THREADS), mend)
}

fn limit(name: &str, limit: Option<Limit>, (least, needed): (u64, u64), mend: &str) -> Finding {
    let Some((which, most)) = limit else { return good(name, "without a limit".to_owned()) };
    let found = format!("at most {most} ({which})");
    if most >= needed {
        return good(name, found);
    }
    Finding {
        name: name.to_owned(),
        grade: if most < least { Grade::Missing } else { Grade::Doubtful },
        found: format!("{found}, {needed} should be allowed"),
        mend: Some(mend.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::none(None, Grade::Good, "without a limit")]
    #[case::enough(Some(1024), Grade::Good, "at most 1024 (ulimit -Hn)")]
    #[case::few(Some(1023), Grade::Doubtful, "at most 1023 (ulimit -Hn), 1024 should be allowed")]
    #[case::too_few(Some(599), Grade::Missing, "at most 599 (ulimit -Hn), 1024 should be allowed")]
    fn a_limit_is_graded_by_what_a_stack_needs(
        #[case] most: Option<u64>,
        #[case] grade: Grade,
        #[case] found: &str,
    ) {
        let most = most.map(|most| ("ulimit -Hn", most));
        let finding = limit("open files", most, (FILES_LEAST, FILES), "raise it");
        assert_eq!((finding.grade, finding.found.as_str()), (grade, found));
        assert_eq!(finding.mend.is_some(), grade != Grade::Good);
    }
}
