//! A stack that somebody else keeps. A run makes only things of its own there, each with the run's
//! token in its name and claimed before it is made, and removes them; the shadow lies on a Postgres of
//! the harness's own.

mod check;
mod faults;
mod reach;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::Utf8PathBuf;
use futures::FutureExt as _;

use super::claim::{self, Claim};
use super::error::{Doing as _, StackError};
use super::lease::{self, LocalLease, Share};
use super::lock::{Lock, Mode};
use super::options::{OwnOptions, StackOptions};
use super::profile::Profile;
use super::seam::{Faults, Later, Lease, Stack};
use super::{Say, infra};
use crate::base::secret::Secrets;
use crate::client::reach::Reach;
use crate::plan::needs::{Capability, Sharing};
use crate::scenario::stack::Attached as Written;
use faults::Commands;
use reach::Environment;

pub use check::{Checked, Line};

/// How long one waits for the runs of this user that have the stack alone, or keep one from it.
const RUNS_LIMIT: std::time::Duration = std::time::Duration::from_hours(1);

/// A stack that somebody else keeps.
#[derive(Debug, Clone)]
pub struct Attached {
    /// The stack file's path, which is what reports call the stack.
    name: String,
    reach: Reach,
    commands: Commands,
    /// Of the harness's own Postgres.
    mirror: StackOptions,
    /// Locks and claims, which outlive a start of the machine.
    folder: Utf8PathBuf,
}

impl Attached {
    /// The stack that a stack file tells of. `variable` looks a variable of the environment up, and
    /// `options` are those of changeproof's own stack.
    pub fn new(
        (name, written): (&str, &Written),
        variable: Environment<'_>,
        options: &StackOptions,
    ) -> Result<Self, StackError> {
        let reach = reach::of(written, variable)?;
        let places = [
            reach.postgres.at.outside.to_string(),
            reach.kafka.outside.bootstrap.clone(),
            reach.connect.url.clone(),
            reach.flink.url.clone(),
            reach.gateway.url.clone(),
        ];
        let mut digest = infra::digest(places.iter().map(String::as_str));
        digest.truncate(8);
        let folder = options.cache.join("attached").join(&digest);
        let own = OwnOptions { mirror: Some(digest), ..OwnOptions::default() };
        Ok(Self {
            name: name.to_owned(),
            commands: Commands::new(written.faults.clone(), reach.clone()),
            reach,
            mirror: options.with(own),
            folder,
        })
    }

    /// What must never be shown of it.
    pub fn secrets(&self) -> Secrets {
        self.reach.secrets()
    }

    /// Connects to every part, and says what is there and what a run would lack.
    pub async fn check(&self) -> Checked {
        check::check(&self.reach, &self.profile()).await
    }

    /// Removes what runs of this user left there that were killed. Gives a line for each thing.
    pub async fn sweep(&self, say: Say<'_>) -> Result<Vec<String>, StackError> {
        fs_err::create_dir_all(self.claims()).doing("make the folder of the claims")?;
        sweep::sweep(&self.claims(), &self.reach, say).await
    }

    fn claims(&self) -> Utf8PathBuf {
        self.folder.join("claims")
    }

    async fn leased(&self, sharing: &Sharing, say: Say<'_>) -> Result<Arc<dyn Lease>, StackError> {
        fs_err::create_dir_all(self.claims()).doing("make the folder of the claims")?;
        let mode = if sharing.alone { Mode::Exclusive } else { Mode::Shared };
        let what = "the runs that use the stack";
        let lock =
            Lock::take(&self.folder.join("lease.lock"), mode, (RUNS_LIMIT, what), say).await?;
        say(&format!("looking at {}", self.name));
        let checked = self.check().await;
        checked.refuse(&self.name)?;
        let mirror = lease::lease(&self.mirror, Share::WithOthers, say).await?;
        Ok(Arc::new(Leased {
            stack: self.clone(),
            versions: checked.versions,
            mirror,
            logs: BTreeMap::new(),
            _lock: lock,
        }))
    }
}

impl Stack for Attached {
    fn profile(&self) -> Profile {
        let mut capabilities: BTreeSet<Capability> = self.commands.capabilities();
        if !capabilities.is_empty() {
            // Whoever lets a run kill its parts has it for tests alone.
            capabilities.insert(Capability::Alone);
        }
        if self.reach.registry.is_some() {
            capabilities.insert(Capability::Registry);
        }
        Profile { name: self.name.clone(), versions: BTreeMap::new(), capabilities }
    }

    fn lease<'a>(&'a self, sharing: &'a Sharing, say: Say<'a>) -> Later<'a, Arc<dyn Lease>> {
        self.leased(sharing, say).boxed()
    }
}

/// The right to use it, and the harness's own Postgres.
#[derive(Debug)]
struct Leased {
    stack: Attached,
    versions: BTreeMap<String, String>,
    mirror: LocalLease,
    logs: BTreeMap<String, Utf8PathBuf>,
    _lock: Lock,
}

impl Lease for Leased {
    fn name(&self) -> &str {
        &self.stack.name
    }

    fn reach(&self) -> &Reach {
        &self.stack.reach
    }

    fn mirror(&self) -> &Reach {
        &self.mirror.reach
    }

    fn versions(&self) -> &BTreeMap<String, String> {
        &self.versions
    }

    fn logs(&self) -> &BTreeMap<String, Utf8PathBuf> {
        &self.logs
    }

    fn claim(&self, run: &str) -> Result<Claim, StackError> {
        claim::claim(&self.stack.mirror, run)?.also_in(&self.stack.claims(), run)
    }

    fn faults(&self) -> Option<Arc<dyn Faults>> {
        Some(Arc::new(self.stack.commands.clone()))
    }

    fn has_server(&self) -> bool {
        false
    }

    fn model_jar(&self) -> Later<'_, String> {
        let name = &self.stack.name;
        let error = StackError::Missing {
            what: format!("{name}: its Flink gets no jars from changeproof"),
            mend: "run scenarios with models on the local stack".to_owned(),
        };
        async move { Err(error) }.boxed()
    }

    fn hold(&self) -> Result<(), StackError> {
        self.mirror.hold()
    }
}
