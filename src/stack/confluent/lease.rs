//! The right to use an environment, until the budget of the stack file is used up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use futures::FutureExt as _;

use super::connectors::Managed;
use super::reach::Services;
use super::statements::{Runner, Session, Terms};
use super::{Confluent, sweep};
use crate::base::grade::Grade;
use crate::client::clock::Stopwatch;
use crate::client::cloud::Patience;
use crate::client::gateway::GatewayError;
use crate::client::reach::Reach;
use crate::client::roles::{Connectors, Engine, Said, Statements};
use crate::plan::needs::Sharing;
use crate::stack::Say;
use crate::stack::claim::{self, Claim};
use crate::stack::error::{Doing as _, StackError};
use crate::stack::lease::{self, LocalLease, Share};
use crate::stack::lock::{Lock, Mode};
use crate::stack::profile::Profile;
use crate::stack::seam::{Faults, Later, Lease, Stack};

/// How long one waits for the runs of this user that have the stack alone, or keep one from it.
const RUNS_LIMIT: Duration = Duration::from_hours(1);

impl Stack for Confluent {
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

impl Confluent {
    async fn leased(&self, sharing: &Sharing, say: Say<'_>) -> Result<Arc<dyn Lease>, StackError> {
        fs_err::create_dir_all(self.claims()).doing("make the folder of the claims")?;
        let mode = if sharing.alone { Mode::Exclusive } else { Mode::Shared };
        let what = "the runs that use the stack";
        let lock =
            Lock::take(&self.folder.join("lease.lock"), mode, (RUNS_LIMIT, what), say).await?;
        say(&format!("looking at {}", self.profile.name));
        let checked = self.check().await;
        checked.refuse(&self.profile.name)?;
        for line in sweep::sweep(self, None, say).await? {
            say(&format!("removed  {line}"));
        }
        let (services, environment) = self.services(Patience::default()).await?;
        let mirror = lease::lease(&self.mirror, Share::WithOthers, say).await?;
        let cluster = &self.written.cluster;
        let terms = Terms {
            environment,
            database: cluster.name.clone().unwrap_or_else(|| cluster.id.clone()),
            compute_pool: self.written.compute_pool.clone(),
            principal: self.written.principal.clone(),
        };
        Ok(Arc::new(Leased {
            stack: self.clone(),
            services,
            terms,
            versions: checked.versions,
            mirror,
            logs: BTreeMap::new(),
            watch: Stopwatch::start(),
            _lock: lock,
        }))
    }
}

/// The right to use it, and the harness's own Postgres.
#[derive(Debug)]
struct Leased {
    stack: Confluent,
    services: Services,
    terms: Terms,
    versions: BTreeMap<String, String>,
    mirror: LocalLease,
    logs: BTreeMap<String, Utf8PathBuf>,
    watch: Stopwatch,
    _lock: Lock,
}

impl Leased {
    /// That there is time left.
    fn within_budget(&self) -> Result<(), StackError> {
        let minutes = self.stack.written.budget.max_minutes;
        if self.watch.elapsed() < Duration::from_mins(minutes.into()) {
            return Ok(());
        }
        Err(StackError::Missing {
            what: format!(
                "`budget.max_minutes` of {} is used up: {minutes} minutes have passed",
                self.stack.profile.name
            ),
            mend: "select fewer scenarios, or raise the budget".to_owned(),
        })
    }
}

impl Lease for Leased {
    fn name(&self) -> &str {
        &self.stack.profile.name
    }

    fn reach(&self) -> &Reach {
        &self.stack.places.reach
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

    fn connectors(&self) -> Result<Arc<dyn Connectors>, StackError> {
        let api = self.services.connectors.clone();
        Ok(Arc::new(Managed { api, most: self.stack.written.budget.max_connectors }))
    }

    fn open<'a>(
        &'a self,
        name: &'a str,
        options: &'a BTreeMap<String, String>,
    ) -> Said<'a, Arc<dyn Statements>> {
        let (api, terms) = (self.services.statements.clone(), self.terms.clone());
        let opened: Arc<dyn Statements> = Arc::new(Session::new(api, terms, name, options));
        async move { Ok::<_, GatewayError>(opened) }.boxed()
    }

    fn engine(&self) -> Result<Arc<dyn Engine>, StackError> {
        Ok(Arc::new(Runner { api: self.services.statements.clone() }))
    }

    fn claim(&self, run: &str) -> Result<Claim, StackError> {
        self.within_budget()?;
        claim::claim_with_time(&self.stack.mirror, run)?.also_in(&self.stack.claims(), run)
    }

    fn faults(&self) -> Option<Arc<dyn Faults>> {
        None
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
        sweep::forget(&self.stack, name).boxed()
    }

    /// In the middle of a timeline the statements only report; the last proof stops them.
    fn grade(&self) -> Grade {
        Grade::Stopped
    }

    fn takes_as_written(&self) -> bool {
        true
    }

    fn hold(&self) -> Result<(), StackError> {
        self.mirror.hold()
    }
}
