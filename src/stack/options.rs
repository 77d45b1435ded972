//! What the stack must be told by those who may read the environment.

use std::time::Duration;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

/// Where things are and how long the stack may idle. Filled in by the command line, because only
/// that reads the environment; handed to the keeper as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackOptions {
    /// The `changeproof` binary, which is started again as the keeper. Tests are other binaries,
    /// so this is not simply the current one.
    pub program: Utf8PathBuf,
    /// Jars, templates and class archives: made once, kept.
    pub cache: Utf8PathBuf,
    /// Locks, claims and the data of a running stack. Postgres may run as another user, so every
    /// folder above it must be open to all for entering.
    pub state: Utf8PathBuf,
    /// The folders of PATH in order.
    pub search: Vec<Utf8PathBuf>,
    /// `JAVA_HOME`, if set.
    pub java_home: Option<Utf8PathBuf>,
    /// `CHANGEPROOF_POSTGRES_BIN`, if set: then no other place is tried.
    pub postgres_bin: Option<Utf8PathBuf>,
    /// The stack ends after this time without a lease.
    pub idle: Duration,
}
