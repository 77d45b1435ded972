//! What a run has made, and its removal. Everything is removed by its name, so it does not matter
//! how far the run came or at which call it was interrupted.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::client::clock::Stopwatch;
use crate::client::kafka::Admin;
use crate::client::postgres::{self, CONTROL_DATABASE};
use crate::client::roles::Statements;
#[cfg(feature = "lake")]
use crate::client::storage::Bucket;
use crate::client::wait::{self, Look, WaitError};
use crate::run::context::RunContext;
use crate::run::names::Names;

/// What a run has made so far.
#[derive(Debug, Default)]
pub(super) struct Created(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    databases: Vec<String>,
    roles: Vec<String>,
    /// The run has the Postgres server for itself, and may have made anything in it.
    server: bool,
    topics: Vec<String>,
    connectors: Vec<String>,
    session: Option<Arc<dyn Statements>>,
    /// Jobs whose id is known.
    jobs: Vec<String>,
    /// INSERTs that were sent and whose job is not known (yet).
    submitting: usize,
}

impl Created {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A database is about to be created.
    pub(super) fn database(&self, name: &str) {
        self.inner().databases.push(name.to_owned());
    }

    /// A database that is dropped already.
    pub(super) fn dropped(&self, name: &str) {
        self.inner().databases.retain(|made| made != name);
    }

    /// Roles are about to be created; with the server for itself, the run may make anything in it.
    pub(super) fn roles(&self, names: [&str; 2], has_server: bool) {
        let mut inner = self.inner();
        inner.roles.extend(names.map(ToOwned::to_owned));
        inner.server = has_server;
    }

    /// Topics are about to be created.
    pub(super) fn topics(&self, names: impl IntoIterator<Item = String>) {
        self.inner().topics.extend(names);
    }

    /// A connector is about to be submitted.
    pub(super) fn connector(&self, name: String) {
        self.inner().connectors.push(name);
    }

    /// A session of the gateway was opened.
    pub(super) fn session(&self, session: Arc<dyn Statements>) {
        self.inner().session = Some(session);
    }

    /// A statement that starts a job is about to be submitted.
    pub(super) fn submitting(&self) {
        self.inner().submitting += 1;
    }

    /// The submission ended; with a job, if it was accepted.
    pub(super) fn submitted(&self, job: Option<&str>) {
        let mut inner = self.inner();
        inner.submitting = inner.submitting.saturating_sub(1);
        inner.jobs.extend(job.map(ToOwned::to_owned));
    }

    /// Ends what moves (jobs, the connector, slots) and leaves the rest; gives what stays, and what could
    /// not be ended, in sentences.
    pub(super) async fn keep(&self, site: Site<'_>) -> (KeptParts, Vec<String>) {
        let created = std::mem::take(&mut *self.inner());
        let limit = site.context.limits.clean_up;
        let removal = Removal { created: &created, site };
        let mut jobs = Vec::new();
        let (asked, connector) = futures::join!(
            within(limit, "Flink jobs", removal.ask_jobs(&mut jobs)),
            within(limit, "the connector", removal.connector()),
        );
        let ended = within(limit, "Flink jobs", removal.until_ended(&jobs, limit)).await;
        let slots = within(limit, "replication slots", removal.slots()).await;
        let left = [asked.or(ended), connector, slots].into_iter().flatten().collect();
        let session = created.session.as_ref().and_then(|session| session.address());
        (KeptParts { databases: created.databases, topics: created.topics, session }, left)
    }

    /// Removes everything; gives what could not be removed, in sentences.
    ///
    /// A run that was `cut` short may have left calls under way on the servers, so it is looked
    /// for what they make until nothing more comes.
    pub(super) async fn remove(&self, site: Site<'_>, cut: bool) -> Vec<String> {
        let created = std::mem::take(&mut *self.inner());
        let (watch, limit) = (Stopwatch::start(), site.context.limits.clean_up);
        let removal = Removal { created: &created, site };
        // In a box: six removals side by side are large.
        let mut left = Box::pin(removal.run(limit)).await;
        // A run that stops early may have left calls under way that nobody cut.
        if cut || !left.is_empty() {
            let swept = sweep(site, &created.topics);
            match within(limit, "what was under way", swept).await {
                // Of all that could not be removed before, the session alone is not looked for.
                None => left.retain(|sentence| sentence.starts_with(SESSION)),
                Some(sentence) => left.push(sentence),
            }
        }
        tracing::debug!(elapsed_ms = watch.elapsed_ms(), left = left.len(), "cleaned up");
        left
    }
}

/// What a run made that stays.
pub(super) struct KeptParts {
    pub(super) databases: Vec<String>,
    pub(super) topics: Vec<String>,
    /// The address of the session of its statements.
    pub(super) session: Option<String>,
}

/// Where a run has made things, and by which names.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) names: &'a Names,
    pub(super) admin: &'a Admin,
    pub(super) context: &'a RunContext,
}

const SESSION: &str = "the gateway's session";

/// Calls that a server had taken when their caller went away have ended after this time.
const UNDER_WAY: Duration = Duration::from_millis(400);

/// Removes what bears the run's name, and its `topics`, until nothing of it has been there for a
/// while.
async fn sweep(site: Site<'_>, topics: &[String]) -> anyhow::Result<()> {
    let Site { names, admin, context } = site;
    let limit = context.limits.clean_up;
    let servers = futures::try_join!(
        postgres::connect(context.reach(), CONTROL_DATABASE, "changeproof"),
        postgres::connect(context.mirror(), CONTROL_DATABASE, "changeproof"),
    )?;
    let connect = context.lease.connectors()?;
    let engine = context.lease.engine()?;
    let watch = Stopwatch::start();
    let gone = wait::until("nothing of the run to be left", limit, || async {
        let mut found = Vec::new();
        for name in connect.list(&names.base).await? {
            connect.delete(&name).await?;
            found.push(name);
        }
        for id in engine.named(&names.job()).await? {
            engine.cancel(&id).await?;
            engine.until_ended(&id, limit).await?;
            found.push(id);
        }
        let there = admin.list("").await?.into_iter().map(|topic| topic.name);
        let ours = |name: &String| topics.contains(name) || name.starts_with(&names.base);
        let there: Vec<String> = there.filter(ours).collect();
        admin.delete(&there.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        found.extend(there);
        for control in [&servers.0, &servers.1] {
            for name in control.databases(&names.base).await? {
                control.drop_database(&name).await?;
                found.push(name);
            }
            for name in control.roles(&names.base).await? {
                match control.drop_role(&name).await {
                    // 2BP01: a database of its is still being made, and is seen at the next look.
                    Err(error) if error.sqlstate.as_deref() != Some("2BP01") => {
                        return Err(error.into());
                    }
                    Ok(()) | Err(_) => found.push(name),
                }
            }
        }
        let quiet = found.is_empty() && watch.elapsed() > UNDER_WAY;
        anyhow::Ok(if quiet { Look::Holds(()) } else { Look::NotYet(found.join(", ")) })
    });
    gone.await.map_err(|error| match error {
        WaitError::Look(error) => error,
        WaitError::TimedOut(late) => late.into(),
    })
}

struct Removal<'a> {
    created: &'a Inner,
    site: Site<'a>,
}

impl Removal<'_> {
    async fn run(&self, limit: Duration) -> Vec<String> {
        // Who writes to topics and reads the slot is told to end first; the rest goes side by side.
        // Subjects of a registry are left to the keeper: when one is deleted, Apicurio removes the
        // content of all that have no version yet, one that another run is registering too.
        let mut jobs = Vec::new();
        let (asked, connector) = futures::join!(
            within(limit, "Flink jobs", self.ask_jobs(&mut jobs)),
            within(limit, "the connector", self.connector()),
        );
        let (ended, shadows, topics, source, session) = futures::join!(
            within(limit, "Flink jobs", self.until_ended(&jobs, limit)),
            within(limit, "shadow databases", self.databases(false)),
            within(limit, "topics", self.topics()),
            within(limit, "the source database", self.databases(true)),
            within(limit, SESSION, self.session()),
        );
        // Roles cannot go before the databases in which they have something, nor groups before who
        // reads.
        let (server, traces, objects) = futures::join!(
            within(limit, "roles", self.roles()),
            within(limit, "consumer groups", self.traces()),
            within(limit, "objects", self.objects()),
        );
        let left =
            [asked.or(ended), connector, shadows, topics, source, server, session, traces, objects];
        left.into_iter().flatten().collect()
    }

    /// Asks the run's jobs to end; gives them.
    async fn ask_jobs(&self, jobs: &mut Vec<String>) -> anyhow::Result<()> {
        let engine = self.site.context.lease.engine()?;
        jobs.clone_from(&self.created.jobs);
        if self.created.submitting > 0 {
            jobs.extend(engine.named(&self.site.names.job()).await?);
        }
        jobs.sort();
        jobs.dedup();
        futures::future::try_join_all(jobs.iter().map(|job| engine.cancel(job))).await?;
        Ok(())
    }

    async fn until_ended(&self, jobs: &[String], limit: Duration) -> anyhow::Result<()> {
        let engine = self.site.context.lease.engine()?;
        let ended = jobs.iter().map(|job| engine.until_ended(job, limit));
        futures::future::try_join_all(ended).await?;
        Ok(())
    }

    async fn connector(&self) -> anyhow::Result<()> {
        if self.created.connectors.is_empty() {
            return Ok(());
        }
        let connect = self.site.context.lease.connectors()?;
        // Each is told to end, whatever becomes of the others.
        let ended = self.created.connectors.iter().map(|name| connect.delete(name));
        futures::future::join_all(ended).await.into_iter().collect::<Result<(), _>>()?;
        Ok(())
    }

    async fn topics(&self) -> anyhow::Result<()> {
        let names: Vec<_> = self.created.topics.iter().map(String::as_str).collect();
        if !names.is_empty() {
            self.site.admin.delete(&names).await?;
        }
        Ok(())
    }

    /// The source database takes its slots with it.
    async fn databases(&self, source: bool) -> anyhow::Result<()> {
        let wanted = |name: &&String| (**name == self.site.names.database()) == source;
        let names: Vec<_> = self.created.databases.iter().filter(wanted).collect();
        if names.is_empty() {
            return Ok(());
        }
        let context = self.site.context;
        let at = if source { context.reach() } else { context.mirror() };
        let control = postgres::connect(at, CONTROL_DATABASE, "changeproof").await?;
        for name in names {
            control.drop_database(name).await?;
        }
        Ok(())
    }

    #[cfg(feature = "lake")]
    async fn objects(&self) -> anyhow::Result<()> {
        let bucket = Bucket::of(self.site.context.reach(), &self.site.names.base)?;
        if let Some(bucket) = bucket {
            bucket.clear().await?;
        }
        Ok(())
    }

    #[cfg(not(feature = "lake"))]
    async fn objects(&self) -> anyhow::Result<()> {
        Ok(())
    }

    async fn traces(&self) -> anyhow::Result<()> {
        Ok(self.site.context.lease.forget(&self.site.names.base).await?)
    }

    /// Slots keep the WAL of the whole server.
    async fn slots(&self) -> anyhow::Result<()> {
        let reach = self.site.context.reach();
        let control = postgres::connect(reach, CONTROL_DATABASE, "changeproof").await?;
        for slot in control.slots(&self.site.names.base).await? {
            control.drop_slot(&slot).await?;
        }
        Ok(())
    }

    async fn roles(&self) -> anyhow::Result<()> {
        if self.created.roles.is_empty() {
            return Ok(());
        }
        let control =
            postgres::connect(self.site.context.mirror(), CONTROL_DATABASE, "changeproof").await?;
        if self.created.server {
            control.empty_server().await?;
        }
        for role in &self.created.roles {
            control.drop_role(role).await?;
        }
        Ok(())
    }

    async fn session(&self) -> anyhow::Result<()> {
        if let Some(session) = self.created.session.clone() {
            session.close().await?;
        }
        Ok(())
    }
}

/// What went wrong with a removal, or that it took too long, as a sentence.
async fn within(
    limit: Duration,
    what: &str,
    removal: impl Future<Output = anyhow::Result<()>>,
) -> Option<String> {
    let watch = Stopwatch::start();
    let ended = tokio::time::timeout(limit, removal).await;
    tracing::debug!(what, elapsed_ms = watch.elapsed_ms(), "removed");
    match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("{what} could not be removed: {error:#}")),
        Err(_) => Some(format!("{what} could not be removed within {limit:?}")),
    }
}
