//! A stack that somebody else keeps. A run makes only things of its own there, each with the run's
//! token in its name and claimed before it is made, and removes them; the shadow lies on a Postgres of
//! the harness's own.

pub(super) mod check;
mod faults;
pub(super) mod reach;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

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
use crate::base::grade::Grade;
use crate::base::secret::Secrets;
use crate::client::reach::Reach;
use crate::plan::needs::{Capability, Sharing};
use crate::scenario::stack::Attached as Written;
use crate::scenario::timeline::{Target, Verb};
use faults::Commands;
use reach::Environment;

pub use check::{Checked, Line};

/// How long one waits for the runs of this user that have the stack alone, or keep one from it.
const RUNS_LIMIT: Duration = Duration::from_hours(1);
/// How long a part that was left down may take to be ready.
const MEND_LIMIT: Duration = Duration::from_mins(2);

/// What the stack of a file is and can do: known without looking any secret up. The file's path is
/// what reports call the stack.
pub fn profile(name: &str, written: &Written) -> Profile {
    let of = |(target, verbs): (&Target, &BTreeMap<Verb, String>)| {
        verbs.keys().map(|verb| Capability::Fault(*verb, *target)).collect::<Vec<_>>()
    };
    let mut capabilities: BTreeSet<Capability> = written.faults.iter().flat_map(of).collect();
    if !capabilities.is_empty() {
        // Whoever lets a run kill its parts has it for tests alone.
        capabilities.insert(Capability::Alone);
    }
    capabilities.extend(Capability::OPEN);
    if written.registry.is_some() {
        capabilities.insert(Capability::Registry);
    }
    // Its JobManager takes checkpoints.
    capabilities.extend(Grade::ALL.map(Capability::Proof));
    Profile { name: name.to_owned(), versions: BTreeMap::new(), capabilities }
}

/// A stack that somebody else keeps.
#[derive(Debug, Clone)]
pub struct Attached {
    profile: Profile,
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
            profile: profile(name, written),
            commands: Commands::new(written.faults.clone(), reach.clone(), folder.join("touched")),
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
        Box::pin(check::check(&self.reach, &self.profile)).await
    }

    /// Brings back what runs of this user took down that were killed, and removes what they left there.
    /// Gives a line for each thing.
    pub async fn sweep(&self, say: Say<'_>) -> Result<Vec<String>, StackError> {
        fs_err::create_dir_all(self.claims()).doing("make the folder of the claims")?;
        // A run that has the stack alone may have taken down what is down.
        let lock = Lock::try_take(&self.lock(), Mode::Shared).doing("lock the stack")?;
        self.swept(lock.as_ref(), say).await
    }

    /// The same for who holds a lock on the stack, or for whom somebody else has it alone.
    async fn swept(&self, lock: Option<&Lock>, say: Say<'_>) -> Result<Vec<String>, StackError> {
        let mut lines = Vec::new();
        if lock.is_some() {
            lines.extend(self.commands.bring_back(MEND_LIMIT).await?);
        }
        let swept = sweep::sweep(&self.claims(), &self.reach, say).await?;
        lines.extend(swept.into_iter().map(|thing| format!("removed  {thing}")));
        Ok(lines)
    }

    fn lock(&self) -> Utf8PathBuf {
        self.folder.join("lease.lock")
    }

    fn claims(&self) -> Utf8PathBuf {
        self.folder.join("claims")
    }

    async fn leased(&self, sharing: &Sharing, say: Say<'_>) -> Result<Arc<dyn Lease>, StackError> {
        fs_err::create_dir_all(self.claims()).doing("make the folder of the claims")?;
        let mode = if sharing.alone { Mode::Exclusive } else { Mode::Shared };
        let what = "the runs that use the stack";
        let lock = Lock::take(&self.lock(), mode, (RUNS_LIMIT, what), say).await?;
        say(&format!("looking at {}", self.profile.name));
        let back = self.commands.bring_back(MEND_LIMIT).await?;
        let checked = Box::pin(self.check()).await;
        checked.refuse(&self.profile.name)?;
        let swept = self.swept(None, say).await?;
        back.iter().chain(&swept).for_each(|line| say(line));
        let mirror = lease::lease(&self.mirror, Share::WithOthers, say).await?;
        let mut stack = self.clone();
        if checked.is_relocated {
            stack.reach = stack.reach.relocated();
        }
        Ok(Arc::new(Leased {
            stack,
            versions: checked.versions,
            mirror,
            logs: BTreeMap::new(),
            _lock: lock,
        }))
    }
}

impl Stack for Attached {
    fn profile(&self) -> Profile {
        self.profile.clone()
    }

    fn sweeper(&self) -> String {
        format!("`changeproof stack sweep {}`", self.profile.name)
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
        &self.stack.profile.name
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
        let name = &self.stack.profile.name;
        let error = StackError::Missing {
            what: format!("{name}: its Flink gets no jars from changeproof"),
            mend: "run scenarios with models on the local stack".to_owned(),
        };
        async move { Err(error) }.boxed()
    }

    fn forget<'a>(&'a self, name: &'a str) -> Later<'a, ()> {
        sweep::forget(&self.stack.reach, name).boxed()
    }

    fn hold(&self) -> Result<(), StackError> {
        self.mirror.hold()
    }
}
