//! The fault injector: what the timeline does to parts of the pipeline.
//!
//! Everything here works from any task, because an armed fault acts while an entry runs. What has to
//! be opened anew afterwards is the timeline's, when it starts the target again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::anomaly::Anomaly;
use crate::base::text::Place;
use crate::capture::recorder::Recorder;
use crate::client::clock;
use crate::client::connect::State;
use crate::client::gateway::GatewayError;
use crate::client::postgres::Outage;
use crate::client::roles::{Connectors, Engine};
use crate::client::wait::{self, Look, WaitError};
use crate::history::event::Event;
use crate::quiesce::{self, Asked, Disturbances, Job, Unproven};
use crate::run::outcome::Stop;
use crate::run::trouble::Troubles;
use crate::scenario::timeline::{Fault, Target, Verb};
use crate::stack::Faults;

/// How long a target may take to follow.
pub(super) const LIMIT: Duration = Duration::from_mins(1);

/// Does things to parts of the pipeline. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Hand {
    /// `None` on a stack to whose parts nothing can be done.
    stack: Option<Arc<dyn Faults>>,
    connectors: Vec<quiesce::Connector>,
    connect: Arc<dyn Connectors>,
    engine: Arc<dyn Engine>,
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
    /// The places of the connectors that are stopped.
    stopped: BTreeSet<usize>,
    /// The jobs that run.
    jobs: Vec<Job>,
    /// Where the statements stand that write the sinks.
    places: BTreeMap<String, Place>,
    /// By job, from what its start goes on.
    kept: BTreeMap<String, String>,
    /// Savepoints that were made.
    savepoints: Vec<String>,
}

impl Hand {
    /// A hand over the parts of one run.
    pub(super) fn new(
        stack: Option<Arc<dyn Faults>>,
        (connect, engine): (Arc<dyn Connectors>, Arc<dyn Engine>),
        connectors: Vec<quiesce::Connector>,
        (recorder, troubles): (Recorder, Troubles),
    ) -> Self {
        Self {
            stack,
            connectors,
            connect,
            engine,
            recorder,
            troubles,
            outage: Outage::default(),
            disturbances: Disturbances::default(),
            state: Arc::default(),
        }
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
                self.disturbances.end(clock::now_ms());
            }
        }
        let done_ms = Some(clock::now_ms());
        Ok(self.recorder.record(Event::Fault { entry, fault, done_ms })?)
    }

    async fn disturb(&self, fault: Fault) -> Result<(), Stop> {
        match (fault.target, fault.verb) {
            (Target::Connector, verb) => self.connectors(verb, fault.connector).await,
            (Target::Statements, _) => self.statements(fault.savepoint).await,
            (Target::Postgres, Verb::Start | Verb::Resume) => {
                self.process(fault.verb, Target::Postgres).await?;
                self.outage.end();
                Ok(())
            }
            (Target::Postgres, verb) => {
                if verb != Verb::Pause {
                    self.outage.begin();
                }
                self.process(verb, Target::Postgres).await
            }
            (Target::Jobmanager, verb @ (Verb::Kill | Verb::Stop)) => {
                let folders = self.checkpoints().await?;
                self.process(verb, Target::Jobmanager).await?;
                self.keep_last(folders);
                Ok(())
            }
            (
                target
                @ (Target::Jobmanager | Target::Kafka | Target::Worker | Target::Taskmanager),
                verb,
            ) => self.process(verb, target).await,
        }
    }

    async fn process(&self, verb: Verb, target: Target) -> Result<(), Stop> {
        let Some(stack) = &self.stack else {
            return Err(Stop::Stack(format!("nothing can be done to {target} on this stack")));
        };
        let done = stack.act(verb, target, LIMIT).await;
        done.map_err(|error| Stop::Stack(error.to_string()))
    }

    /// Does it to a connector, or to all of them side by side.
    async fn connectors(&self, verb: Verb, one: Option<usize>) -> Result<(), Stop> {
        let all = self.connectors.iter().enumerate();
        let meant = all.filter(|(nth, _)| one.is_none_or(|one| one == *nth));
        let meant: Vec<_> = meant.collect();
        let done = meant.iter().map(|(_, connector)| self.connector(verb, connector));
        futures::future::try_join_all(done).await?;
        let stopped = &mut self.state().stopped;
        for (nth, _) in meant {
            match verb {
                Verb::Stop | Verb::Kill => drop(stopped.insert(nth)),
                Verb::Start => drop(stopped.remove(&nth)),
                Verb::Pause | Verb::Resume => {}
            }
        }
        Ok(())
    }

    /// The connectors that are at rest: those that are stopped; all of them while the worker is down.
    pub(super) fn at_rest(&self) -> Vec<quiesce::Connector> {
        let state = self.state();
        let all = state.touched.contains(&Target::Worker) || state.stopped.is_empty();
        let at_rest = self.connectors.iter().enumerate();
        let at_rest = at_rest.filter(|(nth, _)| all || state.stopped.contains(nth));
        at_rest.map(|(_, connector)| connector.clone()).collect()
    }

    /// Connect answers before it has followed.
    async fn connector(&self, verb: Verb, connector: &quiesce::Connector) -> Result<(), Stop> {
        let (what, wanted) = match verb {
            Verb::Pause => ("pause", State::Paused),
            Verb::Stop | Verb::Kill => ("stop", State::Stopped),
            Verb::Resume | Verb::Start => ("resume", State::Running),
        };
        self.connect.ask(&connector.name, what).await?;
        let condition = format!("the connector to {what}");
        let followed = wait::until(&condition, LIMIT, || async {
            let status = self.connect.status(&connector.name).await.map_err(Stop::from)?;
            let Some(status) = status else { return Ok(Look::NotYet("it is not there".into())) };
            if let Some(cause) = status.failure().filter(|_| wanted == State::Running) {
                self.troubles.record(Event::Trouble {
                    finding: Anomaly::ConnectorFailed,
                    place: "connector".to_owned(),
                    at: None,
                    sentence: connector.says(cause.sentence),
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
                let late = connector.says(late.to_string());
                let late = Unproven::at_connector(Anomaly::Stalled, late, Vec::new());
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
        let engine = (&*self.engine, &self.disturbances);
        let mut failures = Vec::new();
        for job in jobs {
            let of_job = std::slice::from_ref(&job);
            let stopped = tokio::select! {
                stopped = self.end(&job, savepoint) => stopped,
                failed = quiesce::jobs_failed(engine, of_job, LIMIT), if savepoint => {
                    failures.push(failed);
                    continue;
                }
            };
            let failed = quiesce::failure(engine.0, engine.1, &job, Asked::End).await;
            match (stopped, failed) {
                (_, Some(failed)) => failures.push(failed),
                (Ok(path), None) => {
                    let mut state = self.state();
                    state.savepoints.extend(path.clone());
                    state.kept.extend(path.map(|path| (job.id, path)));
                }
                (Err(error), None) => failures.push(not_ended(&job, error)?),
            }
        }
        match quiesce::all(failures) {
            Some(failed) => Err(self.troubles.unproven(failed, &places)?),
            None => Ok(()),
        }
    }

    /// Removes the savepoints that it has made; gives what could not be removed, in sentences.
    pub(super) async fn dispose(&self) -> Vec<String> {
        let (savepoints, mut left) = (std::mem::take(&mut self.state().savepoints), Vec::new());
        for savepoint in savepoints.into_iter().chain(self.disturbances.all_kept()) {
            if let Err(error) = self.engine.dispose(&savepoint, LIMIT).await {
                left.push(format!("the savepoint {savepoint} could not be removed: {error}"));
            }
        }
        left
    }

    /// Ends one job; gives its savepoint, if one is wanted.
    async fn end(&self, job: &Job, savepoint: bool) -> Result<Option<String>, GatewayError> {
        if savepoint {
            return self.engine.stop(&job.id, LIMIT).await;
        }
        self.engine.cancel(&job.id).await?;
        self.engine.until_ended(&job.id, LIMIT).await.map(|()| None)
    }

    /// The jobs, each with the folder of its checkpoints.
    async fn checkpoints(&self) -> Result<Vec<(String, String)>, Stop> {
        let mut folders = Vec::new();
        let Some(flink) = self.engine.job_manager() else { return Ok(folders) };
        let jobs = self.state().jobs.clone();
        for job in jobs {
            let folder = flink.checkpoints_of(&job.id).await?;
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
        let stack = self.stack.as_ref().filter(|_| touched)?;
        let mended = stack.mend(LIMIT).await;
        mended.err().map(|error| format!("a component could not be brought back: {error}"))
    }
}

/// A job that could not be ended as it was asked, and that names no exception.
fn not_ended(job: &Job, error: GatewayError) -> Result<Unproven, Stop> {
    let sentence = match error {
        GatewayError::Http(error) if error.status.is_none() => return Err(error.into()),
        GatewayError::Http(error) => error.line,
        GatewayError::Late(late) => late.to_string(),
        GatewayError::Refused(cause) => match cause.of_the_stack(&job.id) {
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
