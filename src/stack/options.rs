//! What the stack must be told by those who may read the environment.

use std::time::Duration;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::components::Component;
use super::infra;
use super::lane::Lane;
use super::network::Network;
use crate::plan::needs::{Processes, Sharing};
use crate::scenario::settings::{Options, StorageKind};

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
    /// The network that it listens on.
    #[serde(default)]
    pub network: Network,
    /// Options of its processes that differ from those of the shared stack.
    #[serde(default)]
    pub own: OwnOptions,
}

/// Options of processes over those of the shared stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OwnOptions {
    /// Of the Connect worker.
    pub worker: Options,
    /// Of the broker.
    pub kafka: Options,
    /// Of Postgres.
    pub postgres: Options,
    /// The SQL of its trials touches the whole Postgres server: each of them has the stack alone,
    /// and finds the server empty.
    #[serde(default)]
    pub server: bool,
    /// It has object storage.
    #[serde(default)]
    pub storage: bool,
    /// Its broker listens as a cloud's does too, encrypted and with a login.
    #[serde(default)]
    pub secured: bool,
    /// The versions of its components.
    #[serde(default)]
    pub lane: Lane,
    /// It is a Postgres alone, for the shadows of runs on a stack that somebody else keeps: a name for
    /// that stack.
    #[serde(default)]
    pub mirror: Option<String>,
}

/// The folder, below that of the shared stack, of the stacks with options of their own.
pub(super) const OWN: &str = "own";
/// Such a stack is used by few runs, one after the other.
const OWN_IDLE: Duration = Duration::from_secs(30);

impl OwnOptions {
    /// What a lease on a lane has to give of processes, and whether it needs a Postgres of its own.
    pub fn of(sharing: &Sharing, lane: &Lane) -> Self {
        let Processes { worker, kafka, postgres } = sharing.processes.clone();
        Self {
            worker,
            kafka,
            postgres,
            server: sharing.server,
            storage: sharing.storage == StorageKind::S3,
            secured: false,
            lane: lane.clone(),
            mirror: None,
        }
    }

    /// The components of such a stack.
    pub(super) fn components(&self) -> &'static [Component] {
        match (&self.mirror, self.storage) {
            (Some(_), _) => &[Component::Postgres],
            (None, true) => &Component::WITH_STORAGE,
            (None, false) => &Component::ALL,
        }
    }

    /// No process has an option of its own.
    fn is_plain(&self) -> bool {
        let is_whole = !self.server && !self.storage && !self.secured && self.mirror.is_none();
        is_whole && self.worker.is_empty() && self.kafka.is_empty() && self.postgres.is_empty()
    }
}

impl From<Lane> for OwnOptions {
    /// A lane without any option.
    fn from(lane: Lane) -> Self {
        Self { lane, ..Self::default() }
    }
}

impl StackOptions {
    /// The options of the stack that has these options of its own: the shared one without any.
    #[must_use]
    pub fn with(&self, own: OwnOptions) -> Self {
        if own == OwnOptions::default() {
            return self.clone();
        }
        let maps = [&own.worker, &own.kafka, &own.postgres];
        let texts =
            maps.map(|map| map.iter().map(|(k, v)| format!("{k}={v}\n")).collect::<String>());
        let server = own.server.then_some("server");
        let secured = own.secured.then_some("secured");
        let lane = Some(&own.lane).filter(|lane| !lane.is_default()).map(Lane::to_string);
        let storage = own.storage.then_some("storage");
        let words = server
            .into_iter()
            .chain(storage)
            .chain(secured)
            .chain(lane.as_deref())
            .chain(own.mirror.as_deref());
        let digest = infra::digest(texts.iter().map(String::as_str).chain(words));
        let name = digest.get(..8).unwrap_or(&digest);
        let state = self.state.join(OWN).join(name);
        let idle = if own.is_plain() { self.idle } else { self.idle.min(OWN_IDLE) };
        Self { state, idle, own, ..self.clone() }
    }
}
