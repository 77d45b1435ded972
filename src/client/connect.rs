//! Kafka Connect's REST API.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::cause::{self, Cause};
use super::http::{Http, HttpError, encode};
use super::reach::Reach;
use super::wait::{self, Look, TimedOut, WaitError};

/// How long the worker may be busy with a rebalance.
const REBALANCE_LIMIT: Duration = Duration::from_secs(20);

/// Connect's worker. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connect {
    http: Http,
}

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The worker refused the configuration.
    #[error("Connect refuses the connector: {0}")]
    Refused(String),
    /// The worker is not there, or answered something else.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It was busy for too long.
    #[error(transparent)]
    Late(#[from] TimedOut),
}

/// What a connector or task is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Not yet on a worker.
    Unassigned,
    /// It works.
    Running,
    /// It was paused.
    Paused,
    /// It was stopped.
    Stopped,
    /// It gave up.
    Failed,
    /// It is being restarted.
    Restarting,
    /// It was deleted.
    Destroyed,
}

/// A connector's state.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// The connector itself.
    pub connector: Part,
    /// Its tasks; a running connector without tasks has not started yet.
    pub tasks: Vec<Part>,
}

/// A connector or a task of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Part {
    /// What it is doing.
    pub state: State,
    /// The stack trace of its failure; [`Status::failure`] has the cause.
    #[serde(default)]
    pub trace: Option<String>,
}

/// A plugin that the worker has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Plugin {
    /// Its class.
    pub class: String,
    /// Its version.
    #[serde(default)]
    pub version: Option<String>,
}

/// What a worker says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Worker {
    /// Kafka's version, as it was built with.
    pub version: String,
    /// The cluster that it writes to.
    #[serde(default)]
    pub kafka_cluster_id: Option<String>,
}

impl Status {
    /// The connector and at least one task run, and all tasks do.
    pub fn is_running(&self) -> bool {
        self.connector.state == State::Running
            && !self.tasks.is_empty()
            && self.tasks.iter().all(|task| task.state == State::Running)
    }

    /// Why the connector or a task failed, if one did.
    pub fn failure(&self) -> Option<Cause> {
        let failed = |part: &&Part| part.state == State::Failed;
        let part = self.tasks.iter().find(failed).or(Some(&self.connector).filter(failed))?;
        Some(cause::root(part.trace.as_deref().unwrap_or_default()))
    }
}

impl Connect {
    /// The worker of a stack.
    pub fn new(reach: &Reach) -> Result<Self, ConnectError> {
        Ok(Self { http: Http::new(&reach.connect)? })
    }

    /// Creates the connector, or gives it another configuration.
    pub async fn put(
        &self,
        name: &str,
        config: &BTreeMap<String, String>,
    ) -> Result<(), ConnectError> {
        let (path, body) = (format!("/connectors/{}/config", encode(name)), json!(config));
        let put = || async { settled(self.http.put::<Value>(&path, &body).await) };
        match patiently("Connect to take the connector", put).await {
            Err(ConnectError::Http(error)) if error.status == Some(400) => {
                Err(ConnectError::Refused(refusal(&error)))
            }
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }

    /// The connector's state; `None` if there is none of that name (or none yet).
    pub async fn status(&self, name: &str) -> Result<Option<Status>, ConnectError> {
        let path = format!("/connectors/{}/status", encode(name));
        let get = || async { settled(self.http.get::<Status>(&path).await) };
        match patiently("Connect to tell a connector's state", get).await {
            Err(ConnectError::Http(error)) if error.status == Some(404) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Deletes a connector; one that is not there is no error. Its task may end a little later.
    pub async fn delete(&self, name: &str) -> Result<(), ConnectError> {
        let path = format!("/connectors/{}", encode(name));
        let delete = || async { settled(self.http.delete(&path).await) };
        match patiently("Connect to delete a connector", delete).await {
            Err(ConnectError::Http(error)) if error.status == Some(404) => Ok(()),
            other => other,
        }
    }

    /// Restarts a connector with all its tasks.
    pub async fn restart(&self, name: &str) -> Result<(), ConnectError> {
        let path = format!("/connectors/{}/restart?includeTasks=true", encode(name));
        let restart = || async { settled(self.http.post::<Value>(&path, &json!({})).await) };
        patiently("Connect to restart a connector", restart).await.map(|_| ())
    }

    /// Asks for `pause`, `resume` or `stop` of a connector; it follows a little later.
    pub async fn ask(&self, name: &str, what: &str) -> Result<(), ConnectError> {
        let path = format!("/connectors/{}/{what}", encode(name));
        let put = || async { settled(self.http.put_plain(&path).await) };
        patiently(&format!("Connect to {what} a connector"), put).await
    }

    /// The offsets that Connect has stored for a connector, one a source partition.
    pub async fn offsets(&self, name: &str) -> Result<Vec<Value>, ConnectError> {
        #[derive(Deserialize)]
        struct Offsets {
            offsets: Vec<Stored>,
        }
        #[derive(Deserialize)]
        struct Stored {
            #[serde(default)]
            offset: Value,
        }
        let path = format!("/connectors/{}/offsets", encode(name));
        let get = || async { settled(self.http.get::<Offsets>(&path).await) };
        let offsets = patiently("Connect to tell a connector's offsets", get).await?.offsets;
        Ok(offsets.into_iter().map(|stored| stored.offset).collect())
    }

    /// Deletes the offsets that are stored for a connector, which must be stopped.
    pub async fn lose_offsets(&self, name: &str) -> Result<(), ConnectError> {
        let path = format!("/connectors/{}/offsets", encode(name));
        let delete = || async { settled(self.http.delete(&path).await) };
        patiently("Connect to delete a connector's offsets", delete).await
    }

    /// Names of connectors that start with `prefix`.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, ConnectError> {
        let get = || async { settled(self.http.get::<Vec<String>>("/connectors").await) };
        let mut names = patiently("Connect to list connectors", get).await?;
        names.retain(|name| name.starts_with(prefix));
        names.sort();
        Ok(names)
    }

    /// The worker itself.
    pub async fn worker(&self) -> Result<Worker, ConnectError> {
        Ok(self.http.get("/").await?)
    }

    /// The connector plugins that the worker has.
    pub async fn plugins(&self) -> Result<Vec<Plugin>, ConnectError> {
        Ok(self.http.get("/connector-plugins").await?)
    }
}

/// 409 is how a worker says that a rebalance is going on.
fn settled<T>(result: Result<T, HttpError>) -> Result<Look<T>, HttpError> {
    match result {
        Err(error) if error.status == Some(409) => Ok(Look::NotYet(error.to_string())),
        other => other.map(Look::Holds),
    }
}

async fn patiently<T, F>(condition: &str, call: impl FnMut() -> F) -> Result<T, ConnectError>
where
    F: Future<Output = Result<Look<T>, HttpError>>,
{
    wait::until(condition, REBALANCE_LIMIT, call).await.map_err(|error| match error {
        WaitError::Look(error) => error.into(),
        WaitError::TimedOut(late) => late.into(),
    })
}

/// The worker's own words: `{"error_code": 400, "message": "…"}`, with a list of the options it
/// minds and a final hint at another endpoint, which is left out.
fn refusal(error: &HttpError) -> String {
    let message = serde_json::from_str::<Value>(&error.body)
        .ok()
        .and_then(|body| Some(body.get("message")?.as_str()?.to_owned()))
        .unwrap_or_else(|| error.line.clone());
    let lines = message.lines().map(str::trim);
    let kept: Vec<_> =
        lines.filter(|l| !l.is_empty() && !l.starts_with("You can also find")).collect();
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(text: &str) -> Status {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_connector_without_tasks_does_not_run_yet() {
        let text = r#"{"name":"c","connector":{"state":"RUNNING","worker_id":"w"},"tasks":[],
            "type":"source"}"#;
        assert!(!status(text).is_running());
        assert_eq!(status(text).failure(), None);
    }

    #[test]
    fn a_failed_task_names_its_root_cause() {
        let text = r#"{"name":"c","connector":{"state":"RUNNING","worker_id":"w"},"tasks":[{"id":0,
            "state":"FAILED","worker_id":"w","trace":"org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSourceTask due to unrecoverable exception.\n\tat a.B.c(B.java:1)\nCaused by: org.postgresql.util.PSQLException: ERROR: publication \"p\" does not exist\n\tat d.E.f(E.java:2)\n"}]}"#;
        let status = status(text);
        assert!(!status.is_running());
        let cause = status.failure().unwrap();
        assert_eq!(cause.sentence, "ERROR: publication \"p\" does not exist");
        assert_eq!(cause.detail, Vec::<String>::new());
    }

    #[test]
    fn a_refusal_is_said_in_the_workers_words() {
        let body = r#"{"error_code":400,"message":"Connector configuration is invalid and contains the following 1 error(s):\nError while validating connector config: FATAL: database \"nodb\" does not exist\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`"}"#;
        let error = HttpError {
            method: "PUT".to_owned(),
            path: "/connectors/c/config".to_owned(),
            status: Some(400),
            line: String::new(),
            body: body.to_owned(),
        };
        assert_eq!(
            refusal(&error),
            "Connector configuration is invalid and contains the following 1 error(s): Error while \
             validating connector config: FATAL: database \"nodb\" does not exist"
        );
    }
}
