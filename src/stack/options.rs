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
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that a stack may have besides"
)]
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
    /// Its components tell their figures to Prometheus.
    #[serde(default)]
    pub metrics: bool,
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
            metrics: false,
            lane: lane.clone(),
            mirror: None,
        }
    }

    /// The components of such a stack.
    pub(super) fn components(&self) -> Vec<Component> {
        if self.mirror.is_some() {
            return vec![Component::Postgres];
        }
        let usual = if self.storage { &Component::WITH_STORAGE[..] } else { &Component::ALL[..] };
        let exporter = self.metrics.then_some(Component::Exporter);
        usual.iter().copied().chain(exporter).collect()
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
    /// The same, where every stack that runs are given exposes metrics.
    #[must_use]
    pub fn with_metrics(&self) -> Self {
        let own = OwnOptions { metrics: true, ..self.own.clone() };
        Self { own, ..self.clone() }
    }

    /// The options of the stack that has these options of its own: the shared one without any.
    #[must_use]
    pub fn with(&self, own: OwnOptions) -> Self {
        let metrics = own.metrics || (self.own.metrics && own.mirror.is_none());
        let own = OwnOptions { metrics, ..own };
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
        let metrics = own.metrics.then_some("metrics");
        let words = server.into_iter().chain(storage).chain(secured).chain(metrics);
        let words = words.chain(lane.as_deref()).chain(own.mirror.as_deref());
        let digest = infra::digest(texts.iter().map(String::as_str).chain(words));
        let name = digest.get(..8).unwrap_or(&digest);
        let state = self.state.join(OWN).join(name);
        let idle = if own.is_plain() { self.idle } else { self.idle.min(OWN_IDLE) };
        Self { state, idle, own, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared() -> StackOptions {
        StackOptions {
            program: "changeproof".into(),
            cache: "/cache".into(),
            state: "/state".into(),
            search: Vec::new(),
            java_home: None,
            postgres_bin: None,
            idle: Duration::from_mins(5),
            network: Network::Machine,
            own: OwnOptions::default(),
        }
    }

    #[test]
    fn a_stack_with_metrics_is_one_of_its_own_and_runs_with_metrics_find_it() {
        let shared = shared();
        let up = shared.with_metrics().with(Lane::default().into());
        assert_ne!(up.state, shared.state);
        assert_eq!(up.idle, shared.idle);
        let of_a_run = OwnOptions::of(&Sharing::default(), &Lane::default());
        assert_eq!(shared.with_metrics().with(of_a_run.clone()), up);
        assert_eq!(shared.with(of_a_run), shared);
        assert!(up.own.components().contains(&Component::Exporter));
        assert!(!shared.own.components().contains(&Component::Exporter));
    }

    #[test]
    fn a_postgres_alone_has_no_metrics() {
        let mirror = OwnOptions { mirror: Some("theirs".to_owned()), ..OwnOptions::default() };
        let shared = shared();
        assert_eq!(shared.with_metrics().with(mirror.clone()), shared.with(mirror));
    }
}
