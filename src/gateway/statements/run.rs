//! A statement from its text to its job: translated, placed on the stack, submitted, watched.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::catalogue::{Parted, Source, names};
use super::kind::Kind;
use super::model::{Phase, Rows, Statement, now};
use super::offsets::Progress;
use super::placed::{placed, topic};
use super::properties::Properties;
use super::{fixed, information, wire};
use crate::base::text::Text;
use crate::client::clock::now_ms;
use crate::client::flink::is_terminal;
use crate::client::gateway::{GatewayError, Page, Session};
use crate::client::wait::{self, Look};
use crate::gateway::Gateway;

/// How long a query may take until its first part is there.
const FIRST_LIMIT: Duration = Duration::from_mins(2);
/// A query whose results nobody reads is stopped after this time, as in the cloud.
const UNREAD_MS: i64 = 5 * 60 * 1000;
/// Of the looks at a job, which come every 50 ms, one in so many asks for its metrics.
const LOOKS: u32 = 4;
/// What a query is made a view by, so that it is translated.
const VIEW: &str = "CREATE VIEW `changeproof$query` AS ";

/// What keeps a statement from running, as its `detail` says it.
pub(super) type Why = String;

/// Carries a statement out up to its job, or to its end where it has none.
pub(super) async fn begin(gateway: Arc<Gateway>, statement: Arc<Statement>) {
    if let Err(detail) = carried_out(&gateway, &statement).await {
        statement.change(|state| {
            state.phase = Phase::Failed;
            state.detail = detail;
        });
        return;
    }
    if statement.look(|state| state.job.is_some()) {
        watch(&gateway, &statement).await;
    }
}

async fn carried_out(gateway: &Gateway, statement: &Statement) -> Result<(), Why> {
    let properties =
        Properties::of(&statement.properties, &gateway.ids).map_err(|wrong| wrong.join("; "))?;
    match statement.kind {
        Kind::Select => query(gateway, statement, &properties).await,
        Kind::Insert | Kind::StatementSet => {
            let text = statement.text.clone();
            writes(gateway, statement, &text, &properties).await
        }
        Kind::CreateTableAs => create_as(gateway, statement, &properties).await,
        _ => fixed::done(gateway, statement, &properties).await,
    }
}

/// Opens a session for a statement.
pub(super) async fn session(
    gateway: &Gateway,
    statement: &Statement,
    properties: &Properties,
) -> Result<Session, Why> {
    let mut options = properties.session.clone();
    options.insert("pipeline.name".to_owned(), statement.name.clone());
    if let Some(savepoint) = statement.look(|state| state.savepoint.clone()) {
        options.insert("execution.state-recovery.path".to_owned(), savepoint);
    }
    Session::open(&gateway.reach, &statement.name, &options).await.map_err(|e| e.to_string())
}

/// What a statement becomes on the stack.
pub(super) async fn prepared(
    gateway: &Gateway,
    statement: &Statement,
    text: &Text,
    properties: &Properties,
) -> Result<Vec<Text>, Why> {
    let source = gateway.source(&names(text)).await?;
    let texts = gateway.catalogue.lock().await.translated(text, &source)?;
    let own = format!("{}-{}", statement.name, statement.uid);
    let place = |text: &Text| placed(text, &gateway.reach, &own, &properties.reads);
    Ok(texts.iter().map(place).collect())
}

/// Submits an INSERT or a set of them.
async fn writes(
    gateway: &Gateway,
    statement: &Statement,
    text: &Text,
    properties: &Properties,
) -> Result<(), Why> {
    let texts = prepared(gateway, statement, text, properties).await?;
    let traits = json!({
        "sql_kind": statement.kind.word(), "is_bounded": properties.is_bounded,
        "is_append_only": true, "upsert_columns": null,
    });
    let topics = texts.iter().filter_map(topic).collect();
    let submitted: Vec<String> = texts.into_iter().map(|text| text.value).collect();
    statement.change(|state| {
        state.traits = Some(traits);
        state.topics = topics;
        state.submitted.clone_from(&submitted);
    });
    if properties.is_dry_run {
        return explained(gateway, statement, properties, &submitted).await;
    }
    submit(gateway, statement, properties).await
}

/// Submits what a statement has become; its job is there then.
pub(super) async fn submit(
    gateway: &Gateway,
    statement: &Statement,
    properties: &Properties,
) -> Result<(), Why> {
    let session = session(gateway, statement, properties).await?;
    let texts = statement.look(|state| state.submitted.clone());
    let submitted = async {
        let (last, before) = texts.split_last().ok_or("the statement is empty")?;
        for text in before {
            session.execute(text).await.map_err(refused)?;
        }
        session.submit(last).await.map_err(refused)
    };
    let job = submitted.await;
    // Its jobs go on.
    session.close().await.map_err(refused)?;
    let job: String = job?;
    statement.change(|state| state.job = Some(job));
    Ok(())
}

/// Plans a statement, and no more.
async fn explained(
    gateway: &Gateway,
    statement: &Statement,
    properties: &Properties,
    texts: &[String],
) -> Result<(), Why> {
    let session = session(gateway, statement, properties).await?;
    let planned = async {
        let (last, before) = texts.split_last().ok_or("the statement is empty")?;
        for text in before {
            session.execute(text).await.map_err(refused)?;
        }
        session.explain("", last).await.map_err(refused)
    };
    let planned = planned.await.map(drop);
    session.close().await.map_err(refused)?;
    planned?;
    statement.change(|state| state.phase = Phase::Completed);
    Ok(())
}

pub(super) fn refused(error: GatewayError) -> Why {
    error.to_string()
}

/// `CREATE TABLE … AS`: the table with the columns of the query, then an INSERT of it.
async fn create_as(
    gateway: &Gateway,
    statement: &Statement,
    properties: &Properties,
) -> Result<(), Why> {
    let parted = Parted::of(&statement.text).ok_or("this CREATE TABLE … AS cannot be read")?;
    let query = text(format!("{VIEW}{}", parted.query));
    let texts = prepared(gateway, statement, &query, properties).await?;
    let session = session(gateway, statement, properties).await?;
    let described = async {
        for text in &texts {
            session.execute(&text.value).await.map_err(refused)?;
        }
        session.describe("`changeproof$query`").await.map_err(refused)
    };
    let described = described.await;
    session.close().await.map_err(refused)?;
    let columns = described?.into_iter().map(|column| {
        let null = if column.nullable { "" } else { " NOT NULL" };
        format!("`{}` {}{null}", column.name.replace('`', "``"), column.type_name)
    });
    let create = parted.create(&columns.collect::<Vec<_>>());
    let name = fixed::create_table(gateway, &create, properties.is_dry_run).await?;
    if properties.is_dry_run {
        statement.change(|state| state.phase = Phase::Completed);
        return Ok(());
    }
    let insert = format!("INSERT INTO `{}` {}", name.replace('`', "``"), parted.query);
    writes(gateway, statement, &text(insert), properties).await
}

/// A text that is in no file.
pub(super) fn text(sql: String) -> Text {
    Text::whole("statement".into(), sql)
}

/// Begins a query, up to its first part.
async fn query(
    gateway: &Gateway,
    statement: &Statement,
    properties: &Properties,
) -> Result<(), Why> {
    let asked = information::Asked::of(&statement.text);
    let mut properties = properties.clone();
    let texts = match &asked {
        Some(asked) => {
            let batch = ("execution.runtime-mode".to_owned(), "batch".to_owned());
            properties.session.extend([batch]);
            let mut texts = information::views(gateway, asked).await?;
            texts.push(asked.query());
            texts
        }
        None => {
            let view = text(format!("{VIEW}{}", statement.text.value));
            let texts = prepared(gateway, statement, &view, &properties).await?;
            statement.change(|state| state.topics = texts.iter().filter_map(topic).collect());
            texts.into_iter().map(|text| text.value).collect()
        }
    };
    let session = session(gateway, statement, &properties).await?;
    let begun = started(statement, &session, &texts, &properties).await;
    // A session that is closed cancels its query, which must not be while that begins.
    let dry = statement.change(|state| state.job.take_if(|_| properties.is_dry_run));
    if let Some(job) = dry {
        super::ends::over(gateway, &job).await;
    }
    let is_kept = statement.look(|state| matches!(state.rows, Rows::Of { .. }));
    if begun.is_err() || !is_kept {
        session.close().await.map_err(refused)?;
    }
    begun
}

async fn started(
    statement: &Statement,
    session: &Session,
    texts: &[String],
    properties: &Properties,
) -> Result<(), Why> {
    let (last, before) = texts.split_last().ok_or("the statement is empty")?;
    for text in before {
        session.execute(text).await.map_err(refused)?;
    }
    let select = last.strip_prefix(VIEW).unwrap_or(last);
    let is_batch = properties.session.contains_key("execution.runtime-mode");
    let is_append_only = if is_batch {
        true
    } else {
        only_appends(&session.explain("CHANGELOG_MODE", select).await.map_err(refused)?)
    };
    // Of a dry run the columns are wanted alone.
    let none = format!("SELECT * FROM (\n{select}\n) WHERE FALSE");
    let run = if properties.is_dry_run { none.as_str() } else { select };
    let operation = session.begin(run).await.map_err(refused)?;
    let first = first(session, &operation).await?;
    let is_bounded =
        is_batch || properties.is_bounded || statement.look(|state| state.topics.is_empty());
    let column =
        |(name, kind): &(String, Value)| json!({"name": name, "type": wire::data_type(kind)});
    let columns: Vec<Value> = first.columns.iter().map(column).collect();
    let kinds = first.columns.into_iter().map(|(_, kind)| kind).collect();
    statement.change(|state| {
        state.traits = Some(json!({
            "sql_kind": "SELECT", "is_bounded": is_bounded, "is_append_only": is_append_only,
            "upsert_columns": null, "schema": {"columns": columns},
        }));
        state.job = first.job;
        state.read_ms = now_ms();
        if properties.is_dry_run {
            state.phase = Phase::Completed;
        } else {
            state.rows = Rows::Of { session: session.clone(), operation, kinds };
            if state.job.is_none() {
                // Whatever needs no job is there at once.
                state.phase = Phase::Completed;
            }
        }
    });
    Ok(())
}

/// The first part of a result, rows or not: its columns are known then.
async fn first(session: &Session, operation: &str) -> Result<Page, Why> {
    let first = wait::until("the query to begin", FIRST_LIMIT, || async {
        let page = session.page(operation, 0).await?;
        Ok::<_, GatewayError>(if page.is_early {
            Look::NotYet("it is being planned".to_owned())
        } else {
            Look::Holds(page)
        })
    });
    first.await.map_err(|error| error.flatten().to_string())
}

/// Whether a plan with changelog modes gives rows that no later one takes back.
fn only_appends(plan: &str) -> bool {
    let physical = plan.split("== Optimized Physical Plan ==").nth(1).unwrap_or(plan);
    let mode = physical.split("changelogMode=[").nth(1).and_then(|rest| rest.split(']').next());
    mode.is_none_or(|mode| mode == "I")
}

/// Follows a statement's job until it ends, or somebody asks for its end.
pub(super) async fn watch(gateway: &Gateway, statement: &Statement) {
    let mut looks: u32 = 0;
    let watched = wait::until("the job to end", Duration::MAX, || {
        looks = looks.wrapping_add(1);
        let is_due = looks.is_multiple_of(LOOKS);
        async move {
            if !is_due {
                return Ok::<_, wait::TimedOut>(Look::NotYet(String::new()));
            }
            Ok(if seen(gateway, statement).await {
                Look::Holds(())
            } else {
                Look::NotYet(String::new())
            })
        }
    });
    // It waits without a limit, and a look never fails.
    watched.await.ok();
}

/// One look at a job; whether there is nothing more to see.
async fn seen(gateway: &Gateway, statement: &Statement) -> bool {
    let (job, phase, topics) = statement.look(|s| (s.job.clone(), s.phase, s.topics.clone()));
    let Some(job) = job.filter(|_| matches!(phase, Phase::Pending | Phase::Running)) else {
        return true;
    };
    // A JobManager that does not answer is asked again.
    let Ok(found) = gateway.flink.state(&job).await else { return false };
    match found.as_deref() {
        Some("RUNNING") => {
            statement.change(|state| {
                if state.phase == Phase::Pending {
                    state.phase = Phase::Running;
                }
            });
            if let Ok(Some(reading)) = Progress::read(&gateway.flink, &job, &topics).await {
                statement.change(|state| {
                    if state.job.as_ref() == Some(&job) {
                        state.progress.learn(reading);
                    }
                });
            }
            unread(gateway, statement).await
        }
        Some(state) if !is_terminal(state) => false,
        Some("FINISHED") => ended(statement, Phase::Completed, String::new()),
        Some("CANCELED") => ended(statement, Phase::Stopped, String::new()),
        Some(_) => {
            let failure = gateway.flink.failure(&job).await.ok().flatten();
            let detail = failure.map_or_else(|| "the job failed".to_owned(), |c| c.sentence);
            ended(statement, Phase::Failed, detail)
        }
        None => ended(statement, Phase::Failed, "the cluster has lost the job".to_owned()),
    }
}

fn ended(statement: &Statement, phase: Phase, detail: String) -> bool {
    statement.change(|state| {
        if matches!(state.phase, Phase::Pending | Phase::Running) {
            state.phase = phase;
            state.detail = detail;
            state.updated = now();
        }
    });
    true
}

/// Stops a query whose results nobody asks for; whether it did.
async fn unread(gateway: &Gateway, statement: &Statement) -> bool {
    let is_old = statement.look(|state| {
        matches!(state.rows, Rows::Of { .. }) && now_ms() - state.read_ms > UNREAD_MS
    });
    if is_old {
        super::ends::stop(gateway, statement).await;
        statement.change(|s| "its results were not read for 5 minutes".clone_into(&mut s.detail));
    }
    is_old
}

/// The source of a statement's tables that a connector writes.
impl Gateway {
    /// What is known of the connector that writes some of these topics.
    pub(super) async fn source(&self, names: &[String]) -> Result<Source, Why> {
        let behind: Vec<String> = self.catalogue.lock().await.behind(names).into_iter().collect();
        let mut found: Option<Source> = None;
        for source in self.sources().await? {
            if source.topic_names().iter().any(|topic| behind.contains(topic)) {
                if found.is_some() {
                    return Err(
                        "a statement here reads topics of one connector; write one for each, \
                                or read tables that statements made of them"
                            .to_owned(),
                    );
                }
                found = Some(source);
            }
        }
        Ok(found.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::only_appends;

    #[test]
    fn a_plan_says_whether_rows_are_taken_back() {
        let plan = |mode: &str| {
            format!(
                "== AST ==\nx\n== Optimized Physical Plan ==\nCalc(a, changelogMode=[{mode}])\n\
                     +- Source(changelogMode=[I])"
            )
        };
        assert!(only_appends(&plan("I")));
        assert!(!only_appends(&plan("I,UB,UA")));
    }
}
