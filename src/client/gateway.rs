//! The SQL Gateway's REST API: sessions in which statements are executed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::cause::{self, Cause};
use super::clock::Stopwatch;
use super::flink::FlinkError;
use super::http::{Http, HttpError};
use super::reach::Reach;
use super::wait::{self, Look, TimedOut, WaitError};

/// How long one statement may take. A cold planner needs about 8 s for its first one.
const STATEMENT_LIMIT: Duration = Duration::from_mins(1);

/// A session. It is closed by [`Session::close`]; one that was forgotten ends after the gateway's
/// idle time-out.
#[derive(Debug, Clone)]
pub struct Session {
    http: Http,
    handle: String,
}

/// A statement, or a session, that did not work.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Flink refused the statement.
    #[error("{0}")]
    Refused(Cause),
    /// The gateway is not there, or answered something else.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The statement took too long.
    #[error(transparent)]
    Late(#[from] TimedOut),
}

impl From<FlinkError> for GatewayError {
    fn from(error: FlinkError) -> Self {
        match error {
            FlinkError::Http(error) => Self::Http(error),
            FlinkError::Late(late) => Self::Late(late),
            FlinkError::Checkpoint(cause) => Self::Refused(cause),
        }
    }
}

/// The whole result of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows; every value as JSON text without quotes, `None` for NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// The job that the statement started, if it started one.
    pub job: Option<String>,
}

/// A part of a statement's result, as the gateway gives it.
#[derive(Debug, Default)]
pub struct Page {
    /// There is nothing yet: the same part is to be asked for again.
    pub is_early: bool,
    /// The part behind it; `None` where there is none.
    pub next: Option<u64>,
    /// The job that the statement started, if it started one.
    pub job: Option<String>,
    /// The columns, with the JSON of their types.
    pub columns: Vec<(String, Value)>,
    /// Rows: `INSERT`, `UPDATE_BEFORE`, `UPDATE_AFTER` or `DELETE`, and the JSON of each value.
    pub rows: Vec<(String, Vec<Box<RawValue>>)>,
}

/// A column of a table, as `DESCRIBE` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type (`DECIMAL(10, 2)`), without the mark of a time attribute.
    pub type_name: String,
    /// The mark of a time attribute: `ROWTIME` or `PROCTIME`.
    pub time_attribute: Option<String>,
    /// It may be NULL.
    pub nullable: bool,
    /// It belongs to the primary key.
    pub in_key: bool,
    /// What makes it no physical column: `AS …` or `METADATA …`.
    pub extras: Option<String>,
    /// The expression of its watermark.
    pub watermark: Option<String>,
}

impl Column {
    /// It is stored: neither computed nor virtual. (A metadata column that is not virtual can be
    /// written, but stands outside of key and value.)
    pub fn is_physical(&self) -> bool {
        self.extras.is_none()
    }
}

#[derive(Deserialize)]
struct Opened {
    #[serde(rename = "sessionHandle")]
    handle: String,
}

#[derive(Deserialize)]
struct Submitted {
    #[serde(rename = "operationHandle")]
    handle: String,
}

#[derive(Deserialize)]
struct Fetched {
    #[serde(rename = "resultType")]
    kind: String,
    #[serde(rename = "jobID", default)]
    job: Option<String>,
    #[serde(default)]
    results: Option<Results>,
}

#[derive(Deserialize)]
struct FetchedPage {
    #[serde(rename = "resultType")]
    kind: String,
    #[serde(rename = "nextResultUri", default)]
    next: Option<String>,
    #[serde(rename = "jobID", default)]
    job: Option<String>,
    #[serde(default)]
    results: Option<PageResults>,
}

#[derive(Deserialize)]
struct PageResults {
    columns: Vec<TypedColumn>,
    data: Vec<KindOfRow>,
}

#[derive(Deserialize)]
struct TypedColumn {
    name: String,
    #[serde(rename = "logicalType")]
    logical_type: Value,
}

#[derive(Deserialize)]
struct KindOfRow {
    kind: String,
    fields: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Results {
    columns: Vec<ResultColumn>,
    data: Vec<ResultRow>,
}

#[derive(Deserialize)]
struct ResultColumn {
    name: String,
}

#[derive(Deserialize)]
struct ResultRow {
    fields: Vec<Value>,
}

/// Flink's version, as the gateway says it.
pub async fn version(reach: &Reach) -> Result<String, HttpError> {
    #[derive(Deserialize)]
    struct Info {
        version: String,
    }
    let http = Http::below(&reach.gateway, "/v3")?;
    Ok(http.get::<Info>("/info").await?.version)
}

impl Session {
    /// Opens a session with these options (`pipeline.name`, `parallelism.default`, …).
    pub async fn open(
        reach: &Reach,
        name: &str,
        properties: &BTreeMap<String, String>,
    ) -> Result<Self, GatewayError> {
        let http = Http::below(&reach.gateway, "/v3")?;
        let body = json!({"sessionName": name, "properties": properties});
        let opened: Opened = http.post("/sessions", &body).await.map_err(refused)?;
        Ok(Self { http, handle: opened.handle })
    }

    /// The address of the session.
    pub fn address(&self) -> String {
        self.http.address(&format!("/sessions/{}", self.handle))
    }

    /// Executes one statement and fetches its whole result; an INSERT or statement set is over when
    /// its job is submitted.
    pub async fn execute(&self, statement: &str) -> Result<Answer, GatewayError> {
        let path = format!("/sessions/{}/statements", self.handle);
        let submitted: Submitted =
            self.http.post(&path, &json!({"statement": statement})).await.map_err(refused)?;
        let operation = format!("/sessions/{}/operations/{}", self.handle, submitted.handle);
        let result = self.fetch_all(&operation).await;
        // The gateway keeps a finished operation until its session ends; a failure to close it
        // changes nothing about the statement.
        let _kept = self.http.delete(&format!("{operation}/close")).await;
        result
    }

    /// Begins a statement whose result is fetched by [`Session::page`]; gives its handle.
    pub async fn begin(&self, statement: &str) -> Result<String, GatewayError> {
        let path = format!("/sessions/{}/statements", self.handle);
        let submitted: Submitted =
            self.http.post(&path, &json!({"statement": statement})).await.map_err(refused)?;
        Ok(submitted.handle)
    }

    /// A part of a result, from 0; the one that was given last may be asked for again.
    pub async fn page(&self, handle: &str, token: u64) -> Result<Page, GatewayError> {
        let operation = format!("/sessions/{}/operations/{handle}", self.handle);
        let path = format!("{operation}/result/{token}?rowFormat=JSON");
        let fetched: FetchedPage = self.http.get(&path).await.map_err(refused)?;
        let mut page = Page {
            is_early: fetched.kind == "NOT_READY",
            next: if fetched.kind == "EOS" {
                None
            } else {
                fetched.next.as_deref().and_then(part_of)
            },
            job: fetched.job,
            ..Page::default()
        };
        if let Some(results) = fetched.results {
            let columns = results.columns.into_iter();
            page.columns = columns.map(|column| (column.name, column.logical_type)).collect();
            page.rows = results.data.into_iter().map(|row| (row.kind, row.fields)).collect();
        }
        Ok(page)
    }

    /// Submits an INSERT or a statement set; gives the id of its job.
    pub async fn submit(&self, statement: &str) -> Result<String, GatewayError> {
        self.execute(statement).await?.job.ok_or_else(|| {
            GatewayError::Refused(Cause {
                sentence: "the statement started no job".to_owned(),
                ..Cause::default()
            })
        })
    }

    /// The columns of a table or view; `table` is written as in SQL (with backticks if needed).
    pub async fn describe(&self, table: &str) -> Result<Vec<Column>, GatewayError> {
        let answer = self.execute(&format!("DESCRIBE {table}")).await?;
        Ok(answer.rows.into_iter().map(column).collect())
    }

    /// The plan of a query or INSERT; `kinds` as in `EXPLAIN CHANGELOG_MODE` (may be empty).
    pub async fn explain(&self, kinds: &str, statement: &str) -> Result<String, GatewayError> {
        let answer = self.execute(&format!("EXPLAIN {kinds} {statement}")).await?;
        Ok(answer.rows.into_iter().flatten().flatten().collect())
    }

    /// Ends the session. Its jobs go on.
    pub async fn close(self) -> Result<(), GatewayError> {
        Ok(self.http.delete(&format!("/sessions/{}", self.handle)).await?)
    }

    async fn fetch_all(&self, operation: &str) -> Result<Answer, GatewayError> {
        let mut answer = Answer::default();
        let watch = Stopwatch::start();
        for token in 0_u32.. {
            if watch.elapsed() > STATEMENT_LIMIT {
                let sentence = format!("its result has no end within {STATEMENT_LIMIT:?}");
                return Err(GatewayError::Refused(Cause { sentence, ..Cause::default() }));
            }
            let path = format!("{operation}/result/{token}?rowFormat=JSON");
            let fetched = wait::until("the statement's result", STATEMENT_LIMIT, || async {
                let fetched: Fetched = self.http.get(&path).await.map_err(refused)?;
                Ok::<_, GatewayError>(match fetched.kind.as_str() {
                    "NOT_READY" => Look::NotYet("the statement is still being executed".to_owned()),
                    _ => Look::Holds(fetched),
                })
            });
            let fetched = fetched.await.map_err(WaitError::flatten)?;
            let last = fetched.kind == "EOS";
            answer.job = answer.job.or(fetched.job);
            if let Some(results) = fetched.results {
                answer.columns = results.columns.into_iter().map(|column| column.name).collect();
                let rows = results.data.into_iter();
                answer.rows.extend(rows.map(|row| row.fields.into_iter().map(cell).collect()));
            }
            if last {
                break;
            }
        }
        Ok(answer)
    }
}

/// The number of the part that an address of a result names: `…/result/3?rowFormat=JSON`.
fn part_of(address: &str) -> Option<u64> {
    let (_, rest) = address.rsplit_once("/result/")?;
    rest.split('?').next()?.parse().ok()
}

fn cell(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Some(other.to_string())
        }
    }
}

fn column(row: Vec<Option<String>>) -> Column {
    let mut cells = row.into_iter();
    let mut next = || cells.next().flatten();
    let name = next().unwrap_or_default();
    let written = next().unwrap_or_default();
    let mark = written.strip_suffix('*').and_then(|text| text.rsplit_once(" *"));
    let (type_name, time_attribute) = match mark {
        Some((type_name, mark)) => (type_name.to_owned(), Some(mark.to_owned())),
        None => (written, None),
    };
    let nullable = next().is_some_and(|text| text == "true");
    let in_key = next().is_some();
    Column { name, type_name, time_attribute, nullable, in_key, extras: next(), watermark: next() }
}

/// The gateway answers a refused statement with status 500 and `{"errors": ["…", "<trace>"]}`.
fn refused(error: HttpError) -> GatewayError {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<String>,
    }
    match serde_json::from_str::<Errors>(&error.body) {
        Ok(Errors { errors }) => match errors.last() {
            Some(trace) => GatewayError::Refused(cause::root(trace)),
            None => GatewayError::Http(error),
        },
        Err(_) => GatewayError::Http(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(fields: &str) -> Column {
        let fields: Vec<Value> = serde_json::from_str(fields).unwrap();
        column(fields.into_iter().map(cell).collect())
    }

    #[test]
    fn a_described_column_is_read() {
        let key = described(r#"["id","INT",false,"PRI(id)",null,null]"#);
        assert!(key.in_key && !key.nullable && key.is_physical());
        let time = described(
            r#"["ts","TIMESTAMP(3) *ROWTIME*",true,null,null,"`ts` - INTERVAL '5' SECOND"]"#,
        );
        assert_eq!(time.type_name, "TIMESTAMP(3)");
        assert_eq!(time.time_attribute.as_deref(), Some("ROWTIME"));
        assert_eq!(time.watermark.as_deref(), Some("`ts` - INTERVAL '5' SECOND"));
        assert!(time.nullable && !time.in_key);
        let virtual_one =
            described(r#"["m","STRING",true,null,"METADATA FROM 'topic' VIRTUAL",null]"#);
        assert!(!virtual_one.is_physical());
    }

    #[test]
    fn an_answer_that_is_no_list_of_errors_stays_an_http_error() {
        let error = HttpError {
            method: "GET".to_owned(),
            path: "/sessions".to_owned(),
            status: Some(404),
            line: "gone".to_owned(),
            body: "gone".to_owned(),
        };
        assert!(matches!(refused(error.clone()), GatewayError::Http(found) if found == error));
        let body = r#"{"errors":["Internal server error.","a.b.C: the cause"]}"#.to_owned();
        assert_eq!(refused(HttpError { body, ..error }).to_string(), "the cause");
    }
}
