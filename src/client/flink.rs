//! The JobManager's REST API.
//!
//! `GET /jobs/{job}` and what lies below it are answered from a copy of the execution graph that is
//! at most `web.refresh-interval` old; `/jobs/{job}/status`, triggers and their results are not
//! copies. Metrics are at most `metrics.fetcher.update-interval` old, and a read only *starts* the
//! next update: the values of a single read may be older by the time since the last one.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::cause::{self, Cause};
use super::http::{Http, HttpError, encode};
use super::reach::Reach;
use super::wait::{self, Look, TimedOut, WaitError};

/// Metric names of one request: a longer URL is refused.
const NAMES_IN_A_REQUEST: usize = 3000;

/// Flink's JobManager. Cheap to clone.
#[derive(Debug, Clone)]
pub struct JobManager {
    http: Http,
}

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum FlinkError {
    /// The JobManager is not there, or answered something else.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// What was waited for did not come.
    #[error(transparent)]
    Late(#[from] TimedOut),
    /// A checkpoint was triggered and failed.
    #[error("the checkpoint failed: {0}")]
    Checkpoint(Cause),
}

/// The cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Overview {
    /// How many `TaskManager`s are registered.
    pub taskmanagers: u32,
    /// Slots in all.
    #[serde(rename = "slots-total")]
    pub slots_total: u32,
    /// Slots that no task uses.
    #[serde(rename = "slots-available")]
    pub slots_available: u32,
    /// Flink's version.
    #[serde(rename = "flink-version")]
    pub version: String,
}

/// One line of the list of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JobLine {
    /// Its id.
    #[serde(rename = "jid")]
    pub id: String,
    /// Its name (`pipeline.name`, else made from the sinks).
    pub name: String,
    /// `RUNNING`, `FAILED`, …
    pub state: String,
}

/// A job and its graph.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Job {
    /// Its id.
    #[serde(rename = "jid")]
    pub id: String,
    /// Its name.
    pub name: String,
    /// `RUNNING`, `FAILED`, …
    pub state: String,
    /// Its vertices in topological order: chains of operators that run as one task.
    pub vertices: Vec<Vertex>,
    /// The edges.
    pub plan: Plan,
}

/// A vertex.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Vertex {
    /// Its id.
    pub id: String,
    /// Names of its operators, joined by arrows.
    pub name: String,
    /// How many subtasks it has.
    pub parallelism: u32,
    /// `RUNNING`, `FINISHED`, …
    pub status: String,
}

/// The edges of a job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Plan {
    /// One a vertex.
    pub nodes: Vec<Node>,
}

/// A vertex as the plan has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Node {
    /// The vertex.
    pub id: String,
    /// What it reads from.
    #[serde(default)]
    pub inputs: Vec<Input>,
}

/// An edge.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Input {
    /// The vertex at its other end.
    pub id: String,
}

/// One execution of one subtask.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt {
    /// The vertex.
    pub vertex: String,
    /// The subtask, from 0.
    pub subtask: u32,
    /// How often it was started before.
    pub attempt: u32,
    /// When it was started, in milliseconds since 1970; with the rest it names one execution.
    pub start_time: i64,
    /// `RUNNING`, `FINISHED`, …
    pub status: String,
}

impl Attempt {
    /// Names the execution; its status is left out, since a task may still be on its way to RUNNING.
    pub fn name(&self) -> String {
        let Self { vertex, subtask, attempt, start_time, .. } = self;
        format!("{vertex}_{subtask}_{attempt}@{start_time}")
    }
}

/// One failure of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFailure {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Why.
    pub cause: Cause,
}

#[derive(Deserialize)]
struct VertexDetail {
    subtasks: Vec<Subtask>,
}

#[derive(Deserialize)]
struct Subtask {
    #[serde(rename = "subtask")]
    number: u32,
    status: String,
    attempt: u32,
    #[serde(rename = "start-time")]
    start_time: i64,
}

#[derive(Deserialize)]
struct Metric {
    id: String,
    #[serde(default)]
    value: Option<String>,
}

#[derive(Deserialize)]
struct Triggered {
    #[serde(rename = "request-id")]
    id: String,
}

#[derive(Deserialize)]
struct Request {
    status: RequestStatus,
    #[serde(default)]
    operation: Option<Outcome>,
}

#[derive(Deserialize)]
struct RequestStatus {
    id: String,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(rename = "checkpointId", default)]
    checkpoint: Option<u64>,
    /// A savepoint spells it otherwise than a checkpoint.
    #[serde(rename = "failureCause", alias = "failure-cause", default)]
    failure: Option<Failure>,
    #[serde(default)]
    location: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "stack-trace")]
    trace: String,
}

impl JobManager {
    /// The JobManager of a stack.
    pub fn new(reach: &Reach) -> Result<Self, FlinkError> {
        Ok(Self { http: Http::new(&reach.flink)? })
    }

    /// The value that the cluster's configuration gives an option; `None` where it gives none.
    pub async fn option(&self, name: &str) -> Result<Option<String>, FlinkError> {
        #[derive(Deserialize)]
        struct Pair {
            key: String,
            value: String,
        }
        let pairs: Vec<Pair> = self.http.get("/jobmanager/config").await?;
        Ok(pairs.into_iter().find(|pair| pair.key == name).map(|pair| pair.value))
    }

    /// The class path of the `JobManager`.
    pub async fn class_path(&self) -> Result<Vec<String>, FlinkError> {
        #[derive(Deserialize)]
        struct Environment {
            classpath: Vec<String>,
        }
        Ok(self.http.get::<Environment>("/jobmanager/environment").await?.classpath)
    }

    /// The cluster's overview.
    pub async fn overview(&self) -> Result<Overview, FlinkError> {
        Ok(self.http.get("/overview").await?)
    }

    /// All jobs that the JobManager remembers.
    pub async fn jobs(&self) -> Result<Vec<JobLine>, FlinkError> {
        #[derive(Deserialize)]
        struct Jobs {
            jobs: Vec<JobLine>,
        }
        Ok(self.http.get::<Jobs>("/jobs/overview").await?.jobs)
    }

    /// A job with its vertices; `None` if there is none of that id.
    pub async fn job(&self, job: &str) -> Result<Option<Job>, FlinkError> {
        found(self.http.get(&format!("/jobs/{job}")).await)
    }

    /// A job's state (`RUNNING`), from no copy; `None` if there is none of that id.
    pub async fn state(&self, job: &str) -> Result<Option<String>, FlinkError> {
        #[derive(Deserialize)]
        struct Status {
            status: String,
        }
        let status = found(self.http.get::<Status>(&format!("/jobs/{job}/status")).await)?;
        Ok(status.map(|status| status.status))
    }

    /// The current execution of every subtask of a vertex.
    pub async fn attempts(&self, job: &str, vertex: &str) -> Result<Vec<Attempt>, FlinkError> {
        let path = format!("/jobs/{job}/vertices/{vertex}");
        let detail: VertexDetail = self.http.get(&path).await?;
        let attempt = |task: Subtask| Attempt {
            vertex: vertex.to_owned(),
            subtask: task.number,
            attempt: task.attempt,
            start_time: task.start_time,
            status: task.status,
        };
        Ok(detail.subtasks.into_iter().map(attempt).collect())
    }

    /// The names of a vertex's metrics, `<subtask>.<operator>.<metric>`.
    pub async fn metric_names(&self, job: &str, vertex: &str) -> Result<Vec<String>, FlinkError> {
        let path = format!("/jobs/{job}/vertices/{vertex}/metrics");
        let metrics: Vec<Metric> = self.http.get(&path).await?;
        Ok(metrics.into_iter().map(|metric| metric.id).collect())
    }

    /// The values of these metrics; one that the JobManager does not have is absent.
    pub async fn metrics(
        &self,
        job: &str,
        vertex: &str,
        names: &[String],
    ) -> Result<BTreeMap<String, String>, FlinkError> {
        let mut values = BTreeMap::new();
        let mut rest = names;
        while !rest.is_empty() {
            let mut length = 0;
            let fits = rest.iter().take_while(|name| {
                length += name.len() + 1;
                length <= NAMES_IN_A_REQUEST
            });
            let (now, later) = rest.split_at(fits.count().max(1));
            let path =
                format!("/jobs/{job}/vertices/{vertex}/metrics?get={}", encode(&now.join(",")));
            let metrics: Vec<Metric> = self.http.get(&path).await?;
            let pairs = metrics.into_iter().filter_map(|metric| Some((metric.id, metric.value?)));
            values.extend(pairs);
            rest = later;
        }
        Ok(values)
    }

    /// How much processor time each `TaskManager` says it has used. Metrics of a `TaskManager` come all
    /// at once, so a number that has changed tells that the others were fetched anew too.
    pub async fn processor_times(&self) -> Result<BTreeMap<String, Option<String>>, FlinkError> {
        #[derive(Deserialize)]
        struct All {
            taskmanagers: Vec<One>,
        }
        #[derive(Deserialize)]
        struct One {
            id: String,
        }
        let mut times = BTreeMap::new();
        for one in self.http.get::<All>("/taskmanagers").await?.taskmanagers {
            let path = format!("/taskmanagers/{}/metrics?get=Status.JVM.CPU.Time", encode(&one.id));
            let metrics: Vec<Metric> = self.http.get(&path).await?;
            let time = metrics.into_iter().find_map(|metric| metric.value);
            times.insert(one.id, time);
        }
        Ok(times)
    }

    /// Triggers a checkpoint and waits until it is COMPLETED; gives its id.
    ///
    /// A checkpoint that fails is tried again while the job goes on: its first ones are declined
    /// because not all tasks run yet, later ones because one of them is failing.
    pub async fn checkpoint(&self, job: &str, limit: Duration) -> Result<u64, FlinkError> {
        let completed = wait::until("a triggered checkpoint to complete", limit, || async {
            let trigger = json!({"checkpointType": "FULL"});
            let path = format!("/jobs/{job}/checkpoints");
            let triggered: Triggered = self.http.post(&path, &trigger).await?;
            let outcome = self.outcome(&format!("{path}/{}", triggered.id), limit).await?;
            if let Some(id) = outcome.checkpoint {
                return Ok(Look::Holds(id));
            }
            let cause = outcome.failure.map(|failure| cause::root(&failure.trace));
            let cause = cause.unwrap_or_default();
            match self.state(job).await? {
                Some(state) if !is_terminal(&state) => Ok(Look::NotYet(cause.sentence)),
                _ => Err(FlinkError::Checkpoint(cause)),
            }
        });
        completed.await.map_err(WaitError::flatten)
    }

    async fn outcome(&self, path: &str, limit: Duration) -> Result<Outcome, FlinkError> {
        let outcome = wait::until("a triggered checkpoint to end", limit, || async {
            let request: Request = self.http.get(path).await?;
            Ok(match (request.status.id.as_str(), request.operation) {
                ("COMPLETED", Some(outcome)) => Look::Holds(outcome),
                (status, _) => Look::NotYet(format!("it is {status}")),
            })
        });
        outcome.await.map_err(WaitError::flatten)
    }

    /// The id of the last checkpoint that completed.
    pub async fn last_checkpoint(&self, job: &str) -> Result<Option<u64>, FlinkError> {
        #[derive(Deserialize)]
        struct Checkpoints {
            latest: Latest,
        }
        #[derive(Deserialize)]
        struct Latest {
            #[serde(default)]
            completed: Option<Completed>,
        }
        #[derive(Deserialize)]
        struct Completed {
            id: u64,
        }
        let checkpoints: Checkpoints = self.http.get(&format!("/jobs/{job}/checkpoints")).await?;
        Ok(checkpoints.latest.completed.map(|completed| completed.id))
    }

    /// Whether a job, or a task of it, has gone on from state that was kept.
    pub async fn is_restored(&self, job: &str) -> Result<bool, FlinkError> {
        #[derive(Deserialize)]
        struct Checkpoints {
            latest: Latest,
        }
        #[derive(Deserialize)]
        struct Latest {
            #[serde(default)]
            restored: Option<serde::de::IgnoredAny>,
        }
        let checkpoints: Checkpoints = self.http.get(&format!("/jobs/{job}/checkpoints")).await?;
        Ok(checkpoints.latest.restored.is_some())
    }

    /// How many checkpoints have completed.
    pub async fn completed_checkpoints(&self, job: &str) -> Result<u64, FlinkError> {
        #[derive(Deserialize)]
        struct Checkpoints {
            counts: Counts,
        }
        #[derive(Deserialize)]
        struct Counts {
            completed: u64,
        }
        let checkpoints: Checkpoints = self.http.get(&format!("/jobs/{job}/checkpoints")).await?;
        Ok(checkpoints.counts.completed)
    }

    /// The folder of a job's checkpoints, as a URI: each is a folder `chk-<id>` in it. The REST API
    /// tells of single checkpoints too, but from a copy that may be older than they are.
    pub async fn checkpoints_of(&self, job: &str) -> Result<String, FlinkError> {
        let folder = self.option("execution.checkpointing.dir").await?.unwrap_or_default();
        Ok(format!("{}/{job}", folder.trim_end_matches('/')))
    }

    /// Stops a job with a savepoint; gives where that is kept, as a URI.
    pub async fn stop(&self, job: &str, limit: Duration) -> Result<String, FlinkError> {
        let body = json!({"drain": false});
        let triggered: Triggered = self.http.post(&format!("/jobs/{job}/stop"), &body).await?;
        let path = format!("/jobs/{job}/savepoints/{}", triggered.id);
        let outcome = self.outcome(&path, limit).await?;
        outcome.location.ok_or_else(|| {
            let cause = outcome.failure.map(|failure| cause::root(&failure.trace));
            FlinkError::Checkpoint(cause.unwrap_or_default())
        })
    }

    /// Removes a savepoint.
    pub async fn dispose(&self, savepoint: &str, limit: Duration) -> Result<(), FlinkError> {
        let body = json!({"savepoint-path": savepoint});
        let triggered: Triggered = self.http.post("/savepoint-disposal", &body).await?;
        let path = format!("/savepoint-disposal/{}", triggered.id);
        match self.outcome(&path, limit).await?.failure {
            Some(failure) => Err(FlinkError::Checkpoint(cause::root(&failure.trace))),
            None => Ok(()),
        }
    }

    /// Why the job failed, or failed last before it was restarted; `None` if it never did.
    pub async fn failure(&self, job: &str) -> Result<Option<Cause>, FlinkError> {
        let failures = self.failures(job).await?.into_iter();
        Ok(failures.map(|failure| failure.cause).next())
    }

    /// The job's failures, the last one first, also those after which it was restarted. Flink keeps
    /// the last sixteen; a job that is gone has none.
    pub async fn failures(&self, job: &str) -> Result<Vec<JobFailure>, FlinkError> {
        #[derive(Deserialize)]
        struct Exceptions {
            #[serde(rename = "exceptionHistory")]
            history: History,
        }
        #[derive(Deserialize)]
        struct History {
            entries: Vec<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            #[serde(default)]
            stacktrace: Option<String>,
            #[serde(default)]
            timestamp: i64,
        }
        let path = format!("/jobs/{job}/exceptions");
        let Some(exceptions) = found(self.http.get::<Exceptions>(&path).await)? else {
            return Ok(Vec::new());
        };
        let entries = exceptions.history.entries.into_iter();
        let failure = |entry: Entry| {
            let cause = cause::root(&entry.stacktrace?);
            Some(JobFailure { at_ms: entry.timestamp, cause })
        };
        Ok(entries.filter_map(failure).collect())
    }

    /// Cancels a job and waits until it is gone; one that has ended or is not there is no error.
    pub async fn cancel(&self, job: &str, limit: Duration) -> Result<(), FlinkError> {
        self.ask_to_cancel(job).await?;
        self.until_ended(job, limit).await
    }

    /// Asks for a job to be cancelled; it ends a little later.
    pub async fn ask_to_cancel(&self, job: &str) -> Result<(), FlinkError> {
        match self.http.patch(&format!("/jobs/{job}?mode=cancel")).await {
            // 404: there is no such job. 409: it has ended already.
            Err(error) if matches!(error.status, Some(404 | 409)) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Waits until a job that was asked to is gone.
    pub async fn until_ended(&self, job: &str, limit: Duration) -> Result<(), FlinkError> {
        let ended = wait::until("a cancelled job to end", limit, || async {
            let state = self.state(job).await?;
            Ok(match state {
                None => Look::Holds(()),
                Some(state) if is_terminal(&state) => Look::Holds(()),
                Some(state) => Look::NotYet(format!("job {job} is {state}")),
            })
        });
        ended.await.map_err(WaitError::flatten)
    }
}

/// The job has ended and will not go on.
pub fn is_terminal(state: &str) -> bool {
    matches!(state, "FINISHED" | "FAILED" | "CANCELED")
}

fn found<T>(result: Result<T, HttpError>) -> Result<Option<T>, FlinkError> {
    match result {
        Err(error) if error.status == Some(404) => Ok(None),
        other => Ok(Some(other?)),
    }
}
