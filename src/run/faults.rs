//! What the timeline does to parts of the pipeline: at once, or armed to act by progress.
//!
//! Everything here works from any task, because an armed fault acts while an entry runs. What has to
//! be opened anew afterwards is the timeline's, when it starts the target again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::outcome::Stop;
use super::trouble::Troubles;
use crate::base::anomaly::Anomaly;
use crate::base::text::Place;
use crate::capture::recorder::Recorder;
use crate::client::clock;
use crate::client::connect::{Connect, State};
use crate::client::endpoints::Endpoints;
use crate::client::flink::{FlinkError, JobManager};
use crate::client::postgres::Outage;
use crate::client::wait::{self, Look, WaitError};
use crate::history::event::Event;
use crate::quiesce::{self, Asked, Disturbances, Job, Unproven};
use crate::scenario::timeline::{Fault, Target, Verb};
use crate::stack::{Component, Control, Deed};

/// How long a target may take to follow.
pub(super) const LIMIT: Duration = Duration::from_mins(1);

/// How many records of each topic were read, by logical name.
pub(super) type Counts = BTreeMap<String, u64>;

/// Does things to parts of the pipeline. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Hand {
    /// `None` on a stack that somebody else keeps.
    control: Option<Control>,
    connector: String,
    connect: Connect,
    flink: JobManager,
    recorder: Recorder,
    troubles: Troubles,
    outage: Outage,
    disturbances: Disturbances,
    state: Arc<Mutex<Known>>,
}

/// What is known of the targets.
#[derive(Debug, Default)]
struct Known {
    /// Components that are down or paused.
    touched: Vec<Target>,
    /// The jobs that run.
    jobs: Vec<Job>,
    /// Where the statements stand that write the sinks.
    places: BTreeMap<String, Place>,
    /// By job, from what its start goes on.
    kept: BTreeMap<String, String>,
}

impl Hand {
    /// A hand over the parts of one run.
    pub(super) fn new(
        endpoints: &Endpoints,
        control: Option<Control>,
        connector: String,
        (recorder, troubles): (Recorder, Troubles),
    ) -> Result<Self, Stop> {
        Ok(Self {
            control,
            connector,
            connect: Connect::new(endpoints)?,
            flink: JobManager::new(endpoints)?,
            recorder,
            troubles,
            outage: Outage::default(),
            disturbances: Disturbances::default(),
            state: Arc::default(),
        })
    }

    /// Whether Postgres was taken away.
    pub(super) fn outage(&self) -> &Outage {
        &self.outage
    }

    fn state(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was done to what the jobs stand on.
    pub(super) fn disturbances(&self) -> &Disturbances {
        &self.disturbances
    }

    /// The statements run as these jobs from now on; `places` are those of their sinks.
    pub(super) fn jobs_are(&self, jobs: Vec<Job>, places: BTreeMap<String, Place>) {
        let mut state = self.state();
        (state.jobs, state.places) = (jobs, places);
    }

    /// From what the start of a job's statement goes on, if it does.
    pub(super) fn kept(&self, job: &str) -> Option<String> {
        self.state().kept.get(job).cloned()
    }

    /// Does it, and records that it began and was done.
    pub(super) async fn act(&self, entry: usize, fault: Fault) -> Result<(), Stop> {
        self.recorder.record(Event::Fault { entry, fault, done_ms: None })?;
        if fault.verb.disturbs() {
            self.state().touched.push(fault.target);
            if is_under_jobs(fault.target) {
                self.disturbances.begin();
            }
        }
        self.disturb(fault).await?;
        if !fault.verb.disturbs() {
            let mut state = self.state();
            state.touched.retain(|target| *target != fault.target);
            let whole = !state.touched.iter().any(|target| is_under_jobs(*target));
            if is_under_jobs(fault.target) && whole {
                self.disturbances.end(now_ms());
            }
        }
        let done_ms = Some(now_ms());
        Ok(self.recorder.record(Event::Fault { entry, fault, done_ms })?)
    }

    async fn disturb(&self, fault: Fault) -> Result<(), Stop> {
        match (fault.target, fault.verb) {
            (Target::Connector, verb) => self.connector(verb).await,
            (Target::Statements, _) => self.statements(fault.savepoint).await,
            (Target::Postgres, Verb::Start | Verb::Resume) => {
                self.component(Component::Postgres, fault.verb).await?;
                self.outage.end();
                Ok(())
            }
            (Target::Postgres, verb) => {
                if verb != Verb::Pause {
                    self.outage.begin();
                }
                self.component(Component::Postgres, verb).await
            }
            (Target::Jobmanager, verb @ (Verb::Kill | Verb::Stop)) => {
                let folders = self.checkpoints().await?;
                self.component(Component::JobManager, verb).await?;
                self.keep_last(folders);
                Ok(())
            }
            (Target::Jobmanager, verb) => self.component(Component::JobManager, verb).await,
            (Target::Kafka, verb) => self.component(Component::Kafka, verb).await,
            (Target::Worker, verb) => self.component(Component::Connect, verb).await,
            (Target::Taskmanager, verb) => self.component(Component::TaskManager, verb).await,
        }
    }

    async fn component(&self, component: Component, verb: Verb) -> Result<(), Stop> {
        let Some(control) = &self.control else {
            let name = component.name();
            return Err(Stop::Stack(format!("nothing can be done to {name} on this stack")));
        };
        let deed = match verb {
            Verb::Kill => Deed::Kill,
            Verb::Pause => Deed::Pause,
            Verb::Resume => Deed::Resume,
            Verb::Stop => Deed::Stop,
            Verb::Start => Deed::Start,
        };
        let done = control.carry_out(deed, component, LIMIT).await;
        done.map_err(|error| Stop::Stack(error.to_string()))
    }

    /// Connect answers before it has followed.
    async fn connector(&self, verb: Verb) -> Result<(), Stop> {
        let (what, wanted) = match verb {
            Verb::Pause => ("pause", State::Paused),
            Verb::Stop | Verb::Kill => ("stop", State::Stopped),
            Verb::Resume | Verb::Start => ("resume", State::Running),
        };
        self.connect.ask(&self.connector, what).await?;
        let condition = format!("the connector to {what}");
        let followed = wait::until(&condition, LIMIT, || async {
            let status = self.connect.status(&self.connector).await.map_err(Stop::from)?;
            let Some(status) = status else { return Ok(Look::NotYet("it is not there".into())) };
            if let Some(cause) = status.failure().filter(|_| wanted == State::Running) {
                self.troubles.record(Event::Trouble {
                    finding: Anomaly::ConnectorFailed,
                    place: "connector".to_owned(),
                    at: None,
                    sentence: cause.sentence,
                    detail: cause.detail,
                })?;
                return Err(Stop::Trouble);
            }
            let tasks = status.tasks.iter().all(|task| task.state == wanted);
            let has_tasks = wanted == State::Stopped || !status.tasks.is_empty();
            Ok::<_, Stop>(if status.connector.state == wanted && tasks && has_tasks {
                Look::Holds(())
            } else {
                Look::NotYet(format!("it is {:?}", status.connector.state))
            })
        });
        followed.await.map_err(|error| match error {
            WaitError::Look(stop) => stop,
            WaitError::TimedOut(late) => {
                let late = Unproven::at_connector(Anomaly::Stalled, late.to_string(), Vec::new());
                self.troubles.unproven(late, &BTreeMap::new()).unwrap_or_else(|stop| stop)
            }
        })
    }

    /// Ends all jobs, with a savepoint or by cancelling them. A job that fails meanwhile, or that had
    /// failed before, has failed.
    async fn statements(&self, savepoint: bool) -> Result<(), Stop> {
        let (jobs, places) = {
            let mut state = self.state();
            state.kept.clear();
            (state.jobs.clone(), state.places.clone())
        };
        let flink = (&self.flink, &self.disturbances);
        let mut failures = Vec::new();
        for job in jobs {
            let of_job = std::slice::from_ref(&job);
            let stopped = tokio::select! {
                stopped = self.end(&job, savepoint) => stopped,
                failed = quiesce::jobs_failed(flink, of_job, LIMIT), if savepoint => {
                    failures.push(failed);
                    continue;
                }
            };
            let failed = quiesce::failure(flink.0, flink.1, &job, Asked::End).await;
            match (stopped, failed) {
                (_, Some(failed)) => failures.push(failed),
                (Ok(path), None) => {
                    let kept = path.map(|path| (job.id, path));
                    self.state().kept.extend(kept);
                }
                (Err(error), None) => failures.push(not_ended(&job, error)?),
            }
        }
        match quiesce::all(failures) {
            Some(failed) => Err(self.troubles.unproven(failed, &places)?),
            None => Ok(()),
        }
    }

    /// Ends one job; gives its savepoint, if one is wanted.
    async fn end(&self, job: &Job, savepoint: bool) -> Result<Option<String>, FlinkError> {
        if savepoint {
            self.flink.stop(&job.id, LIMIT).await.map(Some)
        } else {
            self.flink.cancel(&job.id, LIMIT).await.map(|()| None)
        }
    }

    /// The jobs, each with the folder of its checkpoints.
    async fn checkpoints(&self) -> Result<Vec<(String, String)>, Stop> {
        let mut folders = Vec::new();
        let jobs = self.state().jobs.clone();
        for job in jobs {
            let folder = self.flink.checkpoints_of(&job.id).await?;
            folders.push((job.id, folder));
        }
        Ok(folders)
    }

    /// What a JobManager that is gone would find again if it kept its jobs elsewhere.
    fn keep_last(&self, folders: Vec<(String, String)>) {
        let last = |(job, folder): (String, String)| {
            quiesce::last_checkpoint(&folder).map(|checkpoint| (job, checkpoint))
        };
        self.state().kept = folders.into_iter().filter_map(last).collect();
    }

    /// Brings back what the timeline left down or paused; nobody else could use the stack.
    pub(super) async fn mend(&self) -> Option<String> {
        let touched = self.state().touched.iter().any(|target| target.is_process());
        let control = self.control.as_ref().filter(|_| touched)?;
        let mended = control.mend(LIMIT).await;
        mended.err().map(|error| format!("a component could not be brought back: {error}"))
    }
}

/// A job that could not be ended as it was asked, and that names no exception.
fn not_ended(job: &Job, error: FlinkError) -> Result<Unproven, Stop> {
    let sentence = match error {
        FlinkError::Http(error) if error.status.is_none() => return Err(error.into()),
        FlinkError::Http(error) => error.line,
        FlinkError::Late(late) => late.to_string(),
        FlinkError::Checkpoint(cause) => match cause.of_the_stack(&job.id) {
            Some(sentence) => return Err(Stop::Stack(sentence)),
            None => cause.sentence,
        },
    };
    let sentence = format!("the statement could not be stopped with a savepoint: {sentence}");
    Ok(Unproven::at_sinks(job, Anomaly::StatementFailed, &sentence, &[]))
}

/// Jobs fail that are right while it is away.
fn is_under_jobs(target: Target) -> bool {
    target.is_process() && target.restarts_statements()
}

/// A fault that acts later.
#[derive(Debug)]
pub(super) struct Armed {
    pub(super) entry: usize,
    pub(super) fault: Fault,
    task: JoinHandle<Result<(), Stop>>,
    /// What there is of what it waits for.
    seen: watch::Receiver<String>,
}

impl Armed {
    /// Acts once `ready` has ended; `seen` tells how far that is.
    pub(super) fn new(
        hand: Hand,
        (entry, fault): (usize, Fault),
        ready: impl Future<Output = Result<(), Stop>> + Send + 'static,
        seen: watch::Receiver<String>,
    ) -> Self {
        let task = tokio::spawn(async move {
            ready.await?;
            hand.act(entry, fault).await
        });
        Self { entry, fault, task, seen }
    }

    /// Waits until it has acted; `Err` with what there was instead if it does not in time.
    pub(super) async fn acted(&mut self, limit: Duration) -> Result<Result<(), Stop>, String> {
        match tokio::time::timeout(limit, &mut self.task).await {
            Ok(Ok(acted)) => Ok(acted),
            Ok(Err(error)) => Ok(Err(Stop::Internal(format!("an armed fault panicked: {error}")))),
            Err(_) => Err(self.seen.borrow().clone()),
        }
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends when so many more records of a topic were read.
pub(super) async fn more_records(
    mut counts: watch::Receiver<Counts>,
    topic: String,
    more: u64,
    tell: watch::Sender<String>,
) -> Result<(), Stop> {
    let of = |counts: &Counts| counts.get(&topic).copied().unwrap_or(0);
    let before = of(&counts.borrow());
    let reached = counts.wait_for(|counts| {
        let seen = of(counts) - before;
        tell.send_replace(format!("{seen} of {more} records came to {topic}"));
        seen >= more
    });
    match reached.await {
        Ok(_) => Ok(()),
        Err(_) => Err(Stop::Internal("the tap ended before an armed fault acted".to_owned())),
    }
}

/// Ends when every job has completed so many more checkpoints.
pub(super) async fn more_checkpoints(
    flink: JobManager,
    jobs: Vec<String>,
    more: u64,
    tell: watch::Sender<String>,
) -> Result<(), Stop> {
    let count = || async {
        let counts = jobs.iter().map(|job| flink.completed_checkpoints(job));
        futures::future::try_join_all(counts).await
    };
    let before = count().await?;
    let reached = wait::until("more checkpoints", Duration::MAX, || async {
        let pairs = itertools::zip_eq(count().await?, before.iter().copied());
        let least = pairs.map(|(now, before)| now.saturating_sub(before)).min().unwrap_or(0);
        tell.send_replace(format!("{least} of {more} checkpoints completed"));
        Ok::<_, Stop>(if least >= more {
            Look::Holds(())
        } else {
            Look::NotYet(format!("{least} completed"))
        })
    });
    reached.await.map_err(|error| match error {
        WaitError::Look(stop) => stop,
        WaitError::TimedOut(late) => Stop::Internal(late.to_string()),
    })
}

fn now_ms() -> i64 {
    let since = clock::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
