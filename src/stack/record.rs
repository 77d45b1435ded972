//! What a running stack says about itself: `stack.json`.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::error::StackError;
use super::files;
use super::lock::Lock;
use super::paths::Paths;
use super::process::Process;
use crate::client::reach::Reach;

/// A stack that is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Names this start.
    pub token: String,
    /// A digest of everything that decides what the stack is.
    pub recipe: String,
    /// Who owns the components.
    pub keeper: Process,
    /// The network that they listen on, as the kernel names it; `network` says how.
    #[serde(default)]
    pub network: String,
    /// Where they listen.
    pub reach: Reach,
    /// Component → version.
    pub versions: BTreeMap<String, String>,
    /// The components.
    pub components: Vec<ComponentRecord>,
    /// Where Prometheus finds its figures, if it tells them.
    #[serde(default)]
    pub metrics: Vec<Target>,
    /// Data, configuration and logs.
    pub folder: Utf8PathBuf,
    /// How long it took from the keeper's start until all were ready.
    pub ready_after_ms: u64,
}

/// One component of a running stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentRecord {
    /// Its name.
    pub name: String,
    /// Its process.
    pub process: Process,
    /// How long it took from the keeper's start until it was ready.
    pub ready_after_ms: u64,
    /// Its log.
    pub log: Utf8PathBuf,
}

/// What Prometheus scrapes, as its `file_sd_configs` reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `HOST:PORT`.
    pub targets: Vec<String>,
    /// `job` is the component, as the rules of `infra/monitoring` name it.
    pub labels: BTreeMap<String, String>,
}

impl Target {
    /// Addresses of one job.
    pub(super) fn of(job: &str, targets: Vec<String>) -> Self {
        Self { targets, labels: BTreeMap::from([("job".to_owned(), job.to_owned())]) }
    }
}

/// The record of the stack that runs, if one is ready.
pub(super) fn live(paths: &Paths) -> Result<Option<Record>, StackError> {
    let Some(record) = files::read_json::<Record>(&paths.record())? else { return Ok(None) };
    let held = Lock::is_held(&paths.keeper())
        .map_err(|error| StackError::io("look at the keeper's lock", &error))?;
    Ok(Some(record).filter(|record| held && record.keeper.is_alive()))
}
