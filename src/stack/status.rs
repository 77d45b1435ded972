//! What runs.

use camino::Utf8PathBuf;
use serde::Serialize;

use super::StackOptions;
use super::claim;
use super::error::{Doing, StackError};
use super::files;
use super::lock::{Lock, Mode};
use super::paths::Paths;
use super::record::{self, Record};

/// The state of the local stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// One word.
    pub state: State,
    /// The stack, if it is ready.
    pub stack: Option<Record>,
    /// The memory that its components occupy, in bytes.
    pub resident_bytes: u64,
    /// It stays up until `down`.
    pub held: bool,
    /// Somebody has a lease.
    pub in_use: bool,
    /// The runs that claim names on it.
    pub runs: Vec<String>,
    /// The logs of the last stack that failed, if one did.
    pub last_failure: Option<Utf8PathBuf>,
}

/// Whether the stack is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Ready.
    Up,
    /// A keeper is there, the stack is not ready: it starts or ends.
    Changing,
    /// No keeper.
    Down,
}

/// Looks, without changing anything.
pub fn status(options: &StackOptions) -> Result<Status, StackError> {
    let paths = Paths::of(options);
    paths.is_ours()?;
    let stack = record::live(&paths)?;
    let keeper = Lock::is_held(&paths.keeper()).doing("look at the keeper's lock")?;
    let in_use = paths.lease().exists()
        && Lock::try_take(&paths.lease(), Mode::Exclusive).doing("look at the leases")?.is_none();
    let components = stack.iter().flat_map(|stack| &stack.components);
    Ok(Status {
        state: match (&stack, keeper) {
            (Some(_), _) => State::Up,
            (None, true) => State::Changing,
            (None, false) => State::Down,
        },
        resident_bytes: components.filter_map(|c| c.process.resident_bytes()).sum(),
        stack,
        held: paths.held().exists(),
        in_use,
        runs: runs(&paths),
        last_failure: Some(paths.last_failure()).filter(|folder| folder.is_dir()),
    })
}

/// The names of the runs whose claims are locked, or kept.
fn runs(paths: &Paths) -> Vec<String> {
    let files = files::names(&paths.claims(), "").into_iter().map(|name| paths.claims().join(name));
    let holds =
        |file: &Utf8PathBuf| matches!(Lock::is_held(file), Ok(true)) || claim::is_kept(file);
    let said = |file: Utf8PathBuf| fs_err::read_to_string(file).ok();
    // A kept one says so in its second line.
    files.filter(holds).filter_map(said).map(|text| text.replace('\n', ", ")).collect()
}
