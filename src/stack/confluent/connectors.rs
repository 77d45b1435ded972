//! Managed connectors in the role of whoever keeps connectors.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt as _;
use serde_json::Value;

use super::check::CONNECTOR;
use crate::client::cloud::CloudError;
use crate::client::cloud::connectors::{Connectors as Api, Status as Told};
use crate::client::connect::{ConnectError, Part, State, Status};
use crate::client::http::HttpError;
use crate::client::roles::{Connectors, Kept};

/// How long the cloud may take to delete offsets.
const OFFSETS_LIMIT: Duration = Duration::from_mins(5);

/// The connectors of one cluster, so many at once at most.
#[derive(Debug, Clone)]
pub(super) struct Managed {
    pub(super) api: Api,
    pub(super) most: u32,
}

impl Managed {
    async fn put(&self, name: &str, config: &BTreeMap<String, String>) -> Result<(), ConnectError> {
        let wrong = self.api.validate(CONNECTOR, config).await.map_err(failed)?;
        if !wrong.is_empty() {
            let told: Vec<_> =
                wrong.iter().map(|one| format!("`{}`: {}", one.option, one.sentence)).collect();
            return Err(ConnectError::Refused(told.join("; ")));
        }
        let there = self.api.list("").await.map_err(failed)?;
        let is_new = !there.iter().any(|one| one == name);
        let ours = there.iter().filter(|one| one.starts_with(crate::stack::claim::PREFIX)).count();
        if is_new && u32::try_from(ours).unwrap_or(u32::MAX) >= self.most {
            return Err(ConnectError::Http(budget(self.most)));
        }
        self.api.put(name, config).await.map_err(failed)
    }

    async fn status(&self, name: &str) -> Result<Option<Status>, ConnectError> {
        Ok(self.api.status(name).await.map_err(failed)?.map(status))
    }
}

/// The budget of the stack file is used up, which is none of the pipeline's doing.
fn budget(most: u32) -> HttpError {
    HttpError {
        method: "POST".to_owned(),
        path: "/connectors".to_owned(),
        status: None,
        line: format!(
            "not asked: `budget.max_connectors` of the stack file is {most}, and so many connectors \
             of runs are there; end the other runs, sweep what they left, or raise the budget"
        ),
        body: String::new(),
    }
}

impl Connectors for Managed {
    fn put<'a>(&'a self, name: &'a str, config: &'a BTreeMap<String, String>) -> Kept<'a, ()> {
        self.put(name, config).boxed()
    }

    fn status<'a>(&'a self, name: &'a str) -> Kept<'a, Option<Status>> {
        self.status(name).boxed()
    }

    fn ask<'a>(&'a self, name: &'a str, what: &'a str) -> Kept<'a, ()> {
        async move { self.api.ask(name, what).await.map_err(failed) }.boxed()
    }

    fn offsets<'a>(&'a self, name: &'a str) -> Kept<'a, Vec<Value>> {
        async move { self.api.offsets(name).await.map_err(failed) }.boxed()
    }

    fn lose_offsets<'a>(&'a self, name: &'a str) -> Kept<'a, ()> {
        async move { self.api.lose_offsets(name, OFFSETS_LIMIT).await.map_err(failed) }.boxed()
    }

    fn delete<'a>(&'a self, name: &'a str) -> Kept<'a, ()> {
        async move { self.api.delete(name).await.map(drop).map_err(failed) }.boxed()
    }

    fn list<'a>(&'a self, prefix: &'a str) -> Kept<'a, Vec<String>> {
        async move { self.api.list(prefix).await.map_err(failed) }.boxed()
    }
}

fn status(told: Told) -> Status {
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let tasks = told.tasks.into_iter().flatten();
    Status {
        connector: Part { state: state(&told.connector.state), trace: some(told.connector.trace) },
        tasks: tasks
            .map(|task| Part { state: state(&task.state), trace: some(task.msg) })
            .collect(),
    }
}

/// A state of the cloud's. One that is degraded runs: what does not, its tasks tell.
fn state(word: &str) -> State {
    match word {
        "RUNNING" | "DEGRADED" => State::Running,
        "PAUSED" => State::Paused,
        "STOPPED" => State::Stopped,
        "FAILED" => State::Failed,
        "DELETED" => State::Destroyed,
        _ => State::Unassigned,
    }
}

fn failed(error: CloudError) -> ConnectError {
    match error {
        CloudError::Refused(refusal) if matches!(refusal.status, 400 | 422) => {
            ConnectError::Refused(refusal.sentence)
        }
        CloudError::Late { late, .. } => ConnectError::Late(late),
        other => ConnectError::Http(super::as_http(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::provisioned(r#"{"connector":{"state":"PROVISIONING"},"tasks":[]}"#, false)]
    #[case::without_tasks(r#"{"connector":{"state":"RUNNING"}}"#, false)]
    #[case::a_task_that_stands(
        r#"{"connector":{"state":"RUNNING"},"tasks":[{"state":"STOPPED"}]}"#,
        false
    )]
    #[case::running(r#"{"connector":{"state":"RUNNING"},"tasks":[{"state":"RUNNING"}]}"#, true)]
    fn a_connector_runs_once_its_tasks_do(#[case] told: &str, #[case] runs: bool) {
        assert_eq!(status(serde_json::from_str(told).unwrap()).is_running(), runs);
    }

    #[test]
    fn a_task_that_failed_says_why() {
        let told = r#"{"connector":{"state":"DEGRADED","trace":""},
            "tasks":[{"state":"FAILED","msg":"no such slot"}]}"#;
        let status = status(serde_json::from_str(told).unwrap());
        assert_eq!(status.failure().unwrap().sentence, "no such slot");
    }
}
