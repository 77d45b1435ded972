//! The statements API in the roles of whoever takes statements, and of whoever runs them. What a session
//! is elsewhere is here a label, properties, and a number for the next name.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use serde_json::Value;

use super::{LABEL, as_gateway};
use crate::base::text::Text;
use crate::client::cause;
use crate::client::cloud::CloudError;
use crate::client::cloud::results::folded;
use crate::client::cloud::statements::{New, Phase as Told, Statement, Statements as Api, offsets};
use crate::client::flink::JobFailure;
use crate::client::gateway::{Answer, Column, GatewayError};
use crate::client::roles::{Engine, Phase, Reported, Said, Split, Statements, Stopped};
use crate::client::wait::{self, Look, WaitError};
use crate::sql::flink;

/// How long the cloud may take until a statement runs, or has ended: pools start from nothing.
const LIMIT: Duration = Duration::from_mins(5);
/// A statement that is only looked at: its traits tell what it would give.
const DRY: &str = "sql.dry-run";

/// What statements of a run are made with.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) environment: String,
    pub(super) database: String,
    pub(super) compute_pool: String,
    pub(super) principal: Option<String>,
}

/// The statements of one run.
#[derive(Debug)]
pub(super) struct Session {
    api: Api,
    terms: Terms,
    /// `cp_<token>`, with which the names of the run's tables begin.
    base: String,
    token: String,
    properties: Mutex<BTreeMap<String, String>>,
    next: AtomicU32,
}

impl Session {
    /// `base` is `cp_<token>`; of the options those count that the cloud knows under a name of its own.
    pub(super) fn new(
        api: Api,
        terms: Terms,
        base: &str,
        options: &BTreeMap<String, String>,
    ) -> Self {
        let token = base.trim_start_matches(crate::stack::claim::PREFIX).to_owned();
        let mut properties = BTreeMap::from([
            ("sql.current-catalog".to_owned(), terms.environment.clone()),
            ("sql.current-database".to_owned(), terms.database.clone()),
        ]);
        let known = options.iter().filter_map(|(key, value)| Some((property(key)?, value)));
        properties.extend(known.map(|(key, value)| (key.to_owned(), value.clone())));
        let (properties, next) = (Mutex::new(properties), AtomicU32::new(1));
        Self { api, terms, base: base.to_owned(), token, properties, next }
    }

    fn properties(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.properties.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a statement, and waits until it is no more pending.
    async fn begin(&self, text: &str, is_dry: bool) -> Result<Statement, GatewayError> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let mut properties = self.properties().clone();
        if is_dry {
            properties.insert(DRY.to_owned(), "true".to_owned());
        }
        let new = New {
            name: format!("cp-{}-{n}", self.token),
            labels: [(LABEL.to_owned(), self.token.clone())].into(),
            statement: text.trim().to_owned(),
            properties,
            compute_pool: Some(self.terms.compute_pool.clone()),
            principal: self.terms.principal.clone(),
        };
        self.api.create(&new).await.map_err(as_gateway)?;
        self.until(&new.name, "to be accepted", |phase| *phase != Told::Pending).await
    }

    /// Waits for a phase; a statement that fails is refused with what it says.
    async fn until(
        &self,
        name: &str,
        what: &str,
        holds: impl Fn(&Told) -> bool + Send + Sync,
    ) -> Result<Statement, GatewayError> {
        let condition = format!("the statement `{name}` {what}");
        let found = wait::afar(&condition, LIMIT, || async {
            let found = self.api.get(name).await.map_err(as_gateway)?;
            let Some(found) = found else { return Ok(Look::NotYet("it is not there".to_owned())) };
            match &found.status.phase {
                Told::Failed => Err(GatewayError::Refused(cause::root(&found.status.detail))),
                phase if holds(phase) => Ok(Look::Holds(found)),
                phase => Ok(Look::NotYet(format!("it is {phase:?}: {}", found.status.detail))),
            }
        });
        found.await.map_err(WaitError::<GatewayError>::flatten)
    }

    async fn execute(&self, text: &str) -> Result<Answer, GatewayError> {
        match flink::parse(&Text::whole("statement".into(), text.to_owned())) {
            flink::Statement::Set { key, value } => {
                self.properties().insert(key, value);
                return Ok(Answer::default());
            }
            flink::Statement::Reset(key) => {
                self.properties().remove(&key);
                return Ok(Answer::default());
            }
            _ => {}
        }
        let begun = self.begin(text, false).await?;
        let ended = self.until(&begun.name, "to have ended", is_over).await?;
        let traits = ended.status.traits.unwrap_or_default();
        let columns: Vec<String> = traits
            .schema
            .and_then(|schema| schema.columns)
            .into_iter()
            .flatten()
            .map(|column| column.name)
            .collect();
        if columns.is_empty() {
            return Ok(Answer::default());
        }
        let changes = self.api.results(&begun.name, LIMIT).await.map_err(as_gateway)?;
        let rows = folded(changes, traits.upsert_columns.as_deref()).map_err(|gone| {
            as_gateway(CloudError::Unexpected(format!("the results of `{}`: {gone}", begun.name)))
        })?;
        let rows = rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect();
        Ok(Answer { columns, rows, job: None })
    }

    async fn submit(&self, text: &str) -> Result<String, GatewayError> {
        Ok(self.begin(text, false).await?.name)
    }

    /// The columns of what a table is on this run's own name, from a statement that is never run.
    async fn describe(&self, table: &str) -> Result<Vec<Column>, GatewayError> {
        // Catalog and database are those of the session, by other names than they have here.
        let name = table.rsplit("`.`").next().unwrap_or(table);
        let name = name.trim().trim_matches('`').replace("``", "`");
        let own = format!("{}.{name}", self.base).replace('`', "``");
        let looked = self.begin(&format!("SELECT * FROM `{own}`"), true).await?;
        let found = self.until(&looked.name, "to tell its columns", is_over).await?;
        let schema = found.status.traits.and_then(|traits| traits.schema);
        let columns = schema.and_then(|schema| schema.columns).unwrap_or_default();
        let column = |column: crate::client::cloud::statements::Column| Column {
            type_name: column.data_type.sql(),
            nullable: column.data_type.nullable,
            name: column.name,
            time_attribute: None,
            in_key: false,
            extras: None,
            watermark: None,
        };
        Ok(columns.into_iter().map(column).collect())
    }

    /// Deletes every statement of the run.
    async fn close(&self) -> Result<(), GatewayError> {
        let all = self.api.list(Some((LABEL, &self.token))).await.map_err(as_gateway)?;
        let gone = all.iter().map(|one| self.api.delete(&one.name, LIMIT));
        futures::future::try_join_all(gone).await.map(drop).map_err(as_gateway)
    }
}

impl Statements for Session {
    fn execute<'a>(&'a self, statement: &'a str) -> Said<'a, Answer> {
        self.execute(statement).boxed()
    }

    fn submit<'a>(&'a self, statement: &'a str) -> Said<'a, String> {
        self.submit(statement).boxed()
    }

    fn describe<'a>(&'a self, table: &'a str) -> Said<'a, Vec<Column>> {
        self.describe(table).boxed()
    }

    fn explain<'a>(&'a self, kinds: &'a str, statement: &'a str) -> Said<'a, String> {
        let explained = async move {
            let answer = self.execute(&format!("EXPLAIN {kinds} {statement}")).await?;
            Ok(answer.rows.into_iter().flatten().flatten().collect())
        };
        explained.boxed()
    }

    fn close(&self) -> Said<'_, ()> {
        self.close().boxed()
    }
}

/// The cloud's name of an option of Flink's, if it has one.
pub(super) fn property(key: &str) -> Option<&str> {
    match key {
        "table.local-time-zone" => Some("sql.local-time-zone"),
        "table.exec.state.ttl" => Some("sql.state-ttl"),
        key if key.starts_with("sql.") => Some(key),
        _ => None,
    }
}

fn is_over(phase: &Told) -> bool {
    matches!(phase, Told::Completed | Told::Stopped)
}

fn cell(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// Who runs the statements, by their names.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) api: Api,
}

impl Runner {
    async fn phase(&self, id: &str) -> Result<Option<Phase>, GatewayError> {
        let found = self.api.get(id).await.map_err(as_gateway)?;
        Ok(found.map(|found| phase(&found.status.phase)))
    }

    /// What is told of this run's topics, under the time that the cloud gives it.
    async fn reported(&self, id: &str, splits: &[Split]) -> Result<Option<Reported>, GatewayError> {
        let Some(found) = self.api.get(id).await.map_err(as_gateway)? else { return Ok(None) };
        let (Some(told), Some(at)) =
            (found.status.latest_offsets, found.status.latest_offsets_timestamp)
        else {
            return Ok(None);
        };
        let Ok(at) = at.parse::<jiff::Timestamp>() else { return Ok(None) };
        let mut reported = Reported { at_ms: at.as_millisecond(), ..Reported::default() };
        for split in splits {
            let of_topic = told.get(&split.topic).map(|text| offsets(text)).unwrap_or_default();
            if let Some(Some(offset)) = of_topic.get(&split.partition) {
                reported.processed.insert((split.topic.clone(), split.partition), *offset);
            }
        }
        Ok(Some(reported))
    }

    async fn until(
        &self,
        id: &str,
        limit: Duration,
        holds: impl Fn(Option<Phase>) -> bool + Send + Sync,
    ) -> Result<(), GatewayError> {
        let condition = format!("the statement `{id}` to follow");
        let held = wait::afar(&condition, limit, || async {
            let phase = self.phase(id).await?;
            Ok(if holds(phase) {
                Look::Holds(())
            } else {
                Look::NotYet(format!("it is {phase:?}"))
            })
        });
        held.await.map_err(WaitError::<GatewayError>::flatten)
    }

    async fn stop(&self, id: &str, limit: Duration) -> Result<Option<String>, GatewayError> {
        if self.phase(id).await? == Some(Phase::Completed) {
            return Ok(None);
        }
        self.api.set_stopped(id, true).await.map_err(as_gateway)?;
        self.until(id, limit, |phase| phase.is_none_or(Phase::is_over)).await?;
        Ok(Some(id.to_owned()))
    }

    async fn resume(
        &self,
        session: &dyn Statements,
        stopped: Stopped<'_>,
    ) -> Result<String, GatewayError> {
        // Without its state it begins anew, under another name.
        let Some(state) = stopped.state else { return session.submit(stopped.text).await };
        self.api.set_stopped(state, false).await.map_err(as_gateway)?;
        self.until(state, LIMIT, |phase| {
            matches!(phase, Some(Phase::Running | Phase::Failed | Phase::Completed))
        })
        .await?;
        Ok(state.to_owned())
    }

    async fn named(&self, name: &str) -> Result<Vec<String>, GatewayError> {
        let token = name.trim_start_matches(crate::stack::claim::PREFIX);
        let all = self.api.list(Some((LABEL, token))).await.map_err(as_gateway)?;
        let runs = all.into_iter().filter(|one| !phase(&one.status.phase).is_over());
        Ok(runs.map(|one| one.name).collect())
    }

    async fn failures(&self, id: &str) -> Result<Vec<JobFailure>, GatewayError> {
        let Some(found) = self.api.get(id).await.map_err(as_gateway)? else {
            return Ok(Vec::new());
        };
        let thrown = self.api.exceptions(id).await.map_err(as_gateway)?;
        let failure = |at: &str, text: &str| JobFailure {
            at_ms: at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond),
            cause: cause::root(text),
        };
        let mut failures: Vec<_> =
            thrown.iter().map(|one| failure(&one.timestamp, &one.message)).collect();
        failures.sort_by_key(|failure| std::cmp::Reverse(failure.at_ms));
        if failures.is_empty() && phase(&found.status.phase) == Phase::Failed {
            failures.push(failure("", &found.status.detail));
        }
        Ok(failures)
    }
}

impl Engine for Runner {
    fn phase<'a>(&'a self, id: &'a str) -> Said<'a, Option<Phase>> {
        self.phase(id).boxed()
    }

    fn reported<'a>(&'a self, id: &'a str, splits: &'a [Split]) -> Said<'a, Option<Reported>> {
        self.reported(id, splits).boxed()
    }

    /// The cloud does not tell.
    fn executions<'a>(&'a self, _id: &'a str) -> Said<'a, Vec<String>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn stop<'a>(&'a self, id: &'a str, limit: Duration) -> Said<'a, Option<String>> {
        self.stop(id, limit).boxed()
    }

    fn resume<'a>(&'a self, session: &'a dyn Statements, stopped: Stopped<'a>) -> Said<'a, String> {
        self.resume(session, stopped).boxed()
    }

    fn runs<'a>(&'a self, id: &'a str, limit: Duration) -> Said<'a, ()> {
        self.until(id, limit, |phase| matches!(phase, Some(Phase::Running | Phase::Completed)))
            .boxed()
    }

    fn named<'a>(&'a self, name: &'a str) -> Said<'a, Vec<String>> {
        self.named(name).boxed()
    }

    fn cancel<'a>(&'a self, id: &'a str) -> Said<'a, ()> {
        async move { self.api.ask_to_delete(id).await.map(drop).map_err(as_gateway) }.boxed()
    }

    fn until_ended<'a>(&'a self, id: &'a str, limit: Duration) -> Said<'a, ()> {
        self.until(id, limit, |phase| phase.is_none_or(Phase::is_over)).boxed()
    }

    fn failures<'a>(&'a self, id: &'a str) -> Said<'a, Vec<JobFailure>> {
        self.failures(id).boxed()
    }
}

/// One that is degraded runs, and so does what is in a phase that nobody knows.
fn phase(told: &Told) -> Phase {
    match told {
        Told::Pending => Phase::Pending,
        Told::Running | Told::Degraded | Told::Other(_) => Phase::Running,
        Told::Failing | Told::Failed => Phase::Failed,
        Told::Stopping | Told::Deleting => Phase::Stopping,
        Told::Stopped => Phase::Stopped,
        Told::Completed => Phase::Completed,
    }
}
