//! Statements of Flink SQL: each is a resource with a name, a text that never changes, and a phase.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, Ask, CloudError};
use super::paging;
use super::results::{Change, Page};
use crate::client::http::encode;
use crate::client::wait::{self, Look, WaitError};

/// What stands before the names of users' own labels.
pub const LABEL: &str = "user.confluent.io/";
/// The longest name.
pub const NAME_LIMIT: usize = 100;

/// A statement as it was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// When it was made, as it is told (RFC 3339).
    pub created_at: Option<String>,
    /// What was asked for.
    pub spec: Spec,
    /// What is there.
    pub status: Status,
    /// All of it, as a PUT sends it back.
    whole: Value,
}

#[derive(Deserialize)]
struct Read {
    name: String,
    #[serde(default)]
    metadata: Meta,
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize, Default)]
struct Meta {
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    created_at: Option<String>,
}

impl<'de> Deserialize<'de> for Statement {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let whole = Value::deserialize(from)?;
        let read = Read::deserialize(&whole).map_err(serde::de::Error::custom)?;
        let Read { name, metadata: Meta { labels, created_at }, spec, status } = read;
        Ok(Self { name, labels: labels.unwrap_or_default(), created_at, spec, status, whole })
    }
}

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Spec {
    /// The text.
    #[serde(default)]
    pub statement: String,
    /// `sql.current-catalog` and the like.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// The compute pool.
    #[serde(default)]
    pub compute_pool_id: Option<String>,
    /// As whom it runs.
    #[serde(default)]
    pub principal: Option<String>,
    /// It shall not run.
    #[serde(default)]
    pub stopped: bool,
}

/// What is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// How far it is.
    #[serde(default)]
    pub phase: Phase,
    /// What is said of it.
    #[serde(default)]
    pub detail: String,
    /// What it is; a statement that was just made may have none yet.
    #[serde(default)]
    pub traits: Option<Traits>,
    /// The last offsets that it has processed, by topic, each a text of its partitions.
    #[serde(default)]
    pub latest_offsets: Option<BTreeMap<String, String>>,
    /// When these were told (RFC 3339).
    #[serde(default)]
    pub latest_offsets_timestamp: Option<String>,
}

/// How far a statement is. The list is not closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Phase {
    /// It waits to be executed.
    #[default]
    Pending,
    /// It runs.
    Running,
    /// It has ended by itself.
    Completed,
    /// It is being deleted.
    Deleting,
    /// It is about to have failed.
    Failing,
    /// It has failed.
    Failed,
    /// It is being stopped.
    Stopping,
    /// It was stopped.
    Stopped,
    /// It runs, and not as it should.
    Degraded,
    /// A phase that nobody knew when this was written.
    Other(String),
}

impl From<String> for Phase {
    fn from(word: String) -> Self {
        match word.as_str() {
            "PENDING" | "" => Self::Pending,
            "RUNNING" => Self::Running,
            "COMPLETED" => Self::Completed,
            "DELETING" => Self::Deleting,
            "FAILING" => Self::Failing,
            "FAILED" => Self::Failed,
            "STOPPING" => Self::Stopping,
            "STOPPED" => Self::Stopped,
            "DEGRADED" => Self::Degraded,
            _ => Self::Other(word),
        }
    }
}

/// What a statement is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Traits {
    /// `SELECT`, `CREATE_TABLE`, `INSERT_INTO`, …
    #[serde(default)]
    pub sql_kind: Option<String>,
    /// Places of the columns by which rows replace each other.
    #[serde(default)]
    pub upsert_columns: Option<Vec<usize>>,
    /// The columns of its result.
    #[serde(default)]
    pub schema: Option<Schema>,
}

/// The columns of a result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Schema {
    /// In order.
    #[serde(default)]
    pub columns: Option<Vec<Column>>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub data_type: DataType,
}

/// A type as it is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct DataType {
    /// `DECIMAL`, `TIMESTAMP_WITH_LOCAL_TIME_ZONE`, …
    #[serde(rename = "type")]
    pub name: String,
    /// It may be NULL.
    #[serde(default)]
    pub nullable: bool,
    /// Of texts and binary values.
    #[serde(default)]
    pub length: Option<u32>,
    /// Of decimals and times.
    #[serde(default)]
    pub precision: Option<u32>,
    /// Of decimals.
    #[serde(default)]
    pub scale: Option<u32>,
    /// Of arrays and multisets.
    #[serde(default)]
    pub element_type: Option<Box<DataType>>,
    /// Of maps.
    #[serde(default)]
    pub key_type: Option<Box<DataType>>,
    /// Of maps.
    #[serde(default)]
    pub value_type: Option<Box<DataType>>,
    /// Of rows.
    #[serde(default)]
    pub fields: Option<Vec<Field>>,
}

/// A field of a row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub field_type: DataType,
}

impl DataType {
    /// As Flink SQL writes it, without whether it may be NULL.
    pub fn sql(&self) -> String {
        let of = |one: &Option<Box<Self>>| one.as_ref().map(|one| one.sql()).unwrap_or_default();
        let with = |word: &str, n: Option<u32>| match n {
            Some(n) => format!("{word}({n})"),
            None => word.to_owned(),
        };
        match self.name.as_str() {
            "DECIMAL" => match (self.precision, self.scale) {
                (Some(precision), scale) => {
                    format!("DECIMAL({precision}, {})", scale.unwrap_or_default())
                }
                (None, _) => "DECIMAL".to_owned(),
            },
            "INTEGER" => "INT".to_owned(),
            "VARCHAR" if self.length.is_none_or(|n| n == i32::MAX.cast_unsigned()) => {
                "STRING".to_owned()
            }
            "VARBINARY" if self.length.is_none_or(|n| n == i32::MAX.cast_unsigned()) => {
                "BYTES".to_owned()
            }
            word @ ("CHAR" | "VARCHAR" | "BINARY" | "VARBINARY") => with(word, self.length),
            "TIMESTAMP_WITHOUT_TIME_ZONE" | "TIMESTAMP" => with("TIMESTAMP", self.precision),
            "TIMESTAMP_WITH_LOCAL_TIME_ZONE" => with("TIMESTAMP_LTZ", self.precision),
            "TIME_WITHOUT_TIME_ZONE" | "TIME" => with("TIME", self.precision),
            "ARRAY" => format!("ARRAY<{}>", of(&self.element_type)),
            "MULTISET" => format!("MULTISET<{}>", of(&self.element_type)),
            "MAP" => format!("MAP<{}, {}>", of(&self.key_type), of(&self.value_type)),
            "ROW" => {
                let fields = self.fields.iter().flatten();
                let fields = fields.map(|one| format!("`{}` {}", one.name, one.field_type.sql()));
                format!("ROW<{}>", fields.collect::<Vec<_>>().join(", "))
            }
            word => word.to_owned(),
        }
    }
}

/// Something that went wrong while a statement ran.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Thrown {
    /// Its class.
    #[serde(default)]
    pub name: String,
    /// What it says.
    #[serde(default)]
    pub message: String,
    /// When (RFC 3339).
    #[serde(default)]
    pub timestamp: String,
}

/// The offsets of a topic's text, by partition; `None` for one that is no offset, as the largest
/// number of 64 bits and one more that stands for "not told".
pub fn offsets(text: &str) -> BTreeMap<i32, Option<i64>> {
    let one = |part: &str| {
        let (partition, offset) = part.trim().split_once(',')?;
        let partition = partition.trim().strip_prefix("partition:")?.trim().parse().ok()?;
        let offset = offset.trim().strip_prefix("offset:")?.trim().parse::<i64>().ok();
        Some((partition, offset.filter(|offset| *offset < i64::MAX)))
    };
    text.split(';').filter_map(one).collect()
}

/// A statement that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// Its name: small letters, digits and dashes.
    pub name: String,
    /// Its labels, without what stands before all of them.
    pub labels: BTreeMap<String, String>,
    /// The text.
    pub statement: String,
    /// `sql.current-catalog` and the like.
    pub properties: BTreeMap<String, String>,
    /// The compute pool; the default one if left out.
    pub compute_pool: Option<String>,
    /// As whom it runs; whoever holds the key if left out.
    pub principal: Option<String>,
}

impl New {
    fn labels(&self) -> BTreeMap<String, String> {
        self.labels.iter().map(|(key, value)| (format!("{LABEL}{key}"), value.clone())).collect()
    }

    fn body(&self, organization: &str, environment: &str) -> Value {
        let mut spec = json!({
            "statement": self.statement,
            "properties": self.properties,
            "stopped": false,
        });
        for (key, value) in
            [("compute_pool_id", &self.compute_pool), ("principal", &self.principal)]
        {
            if let (Some(value), Some(spec)) = (value, spec.as_object_mut()) {
                spec.insert(key.to_owned(), json!(value));
            }
        }
        json!({
            "name": self.name,
            "organization_id": organization,
            "environment_id": environment,
            "metadata": {"labels": self.labels()},
            "spec": spec,
        })
    }

    /// Whether what is there is what this asked for.
    fn made(&self, found: &Statement) -> bool {
        let labels = self.labels();
        let has = |(key, value): (&String, &String)| found.labels.get(key) == Some(value);
        found.spec.statement == self.statement && labels.iter().all(has)
    }
}

/// Statements of one environment, in one region.
#[derive(Debug, Clone)]
pub struct Statements {
    api: Api,
    organization: String,
    environment: String,
    path: String,
}

impl Statements {
    /// Those that the API of a region knows.
    pub fn new(api: Api, organization: &str, environment: &str) -> Self {
        let path = format!(
            "/sql/v1/organizations/{}/environments/{}/statements",
            encode(organization),
            encode(environment)
        );
        let (organization, environment) = (organization.to_owned(), environment.to_owned());
        Self { api, organization, environment, path }
    }

    fn at(&self, name: &str) -> String {
        format!("{}/{}", self.path, encode(name))
    }

    /// Makes a statement. Where the answer is unclear, or the name is taken, what is there is looked at:
    /// one with the same text and labels is this one, any other is an error.
    pub async fn create(&self, new: &New) -> Result<Statement, CloudError> {
        const TRIES: u32 = 3;
        let body = new.body(&self.organization, &self.environment);
        let mut n = 0;
        loop {
            n += 1;
            let error = match self.api.ask(&self.path, &Ask::post(&body)).await {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            let is_taken = error.status() == Some(409);
            if !is_taken && !matches!(error, CloudError::Unclear(_)) {
                return Err(error);
            }
            match self.get(&new.name).await? {
                Some(found) if new.made(&found) => return Ok(found),
                Some(_) => {
                    return Err(CloudError::Unexpected(format!(
                        "a statement `{}` is there already, and is none of this run",
                        new.name
                    )));
                }
                None if n < TRIES => {}
                None => return Err(error),
            }
        }
    }

    /// A statement; `None` if there is none of that name.
    pub async fn get(&self, name: &str) -> Result<Option<Statement>, CloudError> {
        match self.api.get(&self.at(name)).await {
            Err(error) if error.is_missing() => Ok(None),
            other => other.map(Some),
        }
    }

    /// Statements with a label of this value; with any value of it, or none, if left out.
    pub async fn list(&self, label: Option<(&str, &str)>) -> Result<Vec<Statement>, CloudError> {
        let selector = label.map(|(key, value)| {
            format!("?label_selector={}", encode(&format!("{LABEL}{key}={value}")))
        });
        self.api.all(&format!("{}{}", self.path, selector.unwrap_or_default())).await
    }

    /// Stops or resumes a statement by sending all of it back. Somebody else may have changed it
    /// meanwhile, so it is read again then.
    pub async fn set_stopped(&self, name: &str, stopped: bool) -> Result<(), CloudError> {
        const TRIES: u32 = 5;
        let mut n = 0;
        loop {
            n += 1;
            let Some(Statement { mut whole, .. }) = self.get(name).await? else {
                return Err(CloudError::Unexpected(format!("there is no statement `{name}`")));
            };
            if let Some(at) = whole.pointer_mut("/spec/stopped") {
                *at = json!(stopped);
            } else if let Some(spec) = whole.pointer_mut("/spec").and_then(Value::as_object_mut) {
                spec.insert("stopped".to_owned(), json!(stopped));
            }
            // What only the service says is not sent back.
            if let Some(whole) = whole.as_object_mut() {
                whole.remove("status");
                whole.remove("result");
            }
            match self.api.tell(&self.at(name), &Ask::put(&whole)).await {
                Err(error) if error.status() == Some(409) && n < TRIES => {}
                other => return other,
            }
        }
    }

    /// The same by a patch; gives what is there then.
    pub async fn patch_stopped(&self, name: &str, stopped: bool) -> Result<Statement, CloudError> {
        let patch = json!([{"op": "replace", "path": "/spec/stopped", "value": stopped}]);
        self.api.ask(&self.at(name), &Ask::patch("application/json-patch+json", &patch)).await
    }

    /// Asks for the end and removal of a statement; `false` if there is none.
    pub async fn ask_to_delete(&self, name: &str) -> Result<bool, CloudError> {
        self.api.delete(&self.at(name)).await
    }

    /// Deletes a statement, and waits until it is gone; `false` if there was none.
    pub async fn delete(&self, name: &str, limit: Duration) -> Result<bool, CloudError> {
        if !self.ask_to_delete(name).await? {
            return Ok(false);
        }
        let condition = format!("the statement `{name}` to be gone");
        let gone = wait::afar(&condition, limit, || async {
            Ok::<_, CloudError>(match self.get(name).await? {
                None => Look::Holds(()),
                Some(found) => Look::NotYet(format!("it is {:?}", found.status.phase)),
            })
        });
        gone.await.map_err(WaitError::flatten)?;
        Ok(true)
    }

    /// One page of a statement's changes, and the token of the next; without a next one, that was all.
    pub async fn page(
        &self,
        name: &str,
        token: Option<&str>,
    ) -> Result<(Vec<Change>, Option<String>), CloudError> {
        let query = token.map(|token| format!("?page_token={token}")).unwrap_or_default();
        let path = format!("{}/results{query}", self.at(name));
        let page: Page = self.api.get(&path).await?;
        let next = paging::token(&path, page.metadata.next.as_deref())?;
        Ok((page.changes(), next))
    }

    /// All changes of a statement that ends, within a limit.
    pub async fn results(&self, name: &str, limit: Duration) -> Result<Vec<Change>, CloudError> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        let watch = crate::client::clock::Stopwatch::start();
        loop {
            let left = limit.saturating_sub(watch.elapsed());
            let condition = format!("the results of `{name}`");
            let at = token.clone();
            let fetched = wait::afar(&condition, left, || async {
                let (changes, next) = self.page(name, at.as_deref()).await?;
                // Nothing new yet: the same page is asked for again after a pause.
                let is_idle = changes.is_empty() && next.is_some() && next == at;
                Ok::<_, CloudError>(if is_idle {
                    Look::NotYet("no more rows, and no end".to_owned())
                } else {
                    Look::Holds((changes, next))
                })
            });
            let (changes, next) = fetched.await.map_err(WaitError::flatten)?;
            all.extend(changes);
            match next {
                Some(_) if watch.elapsed() >= limit => {
                    return Err(CloudError::Unexpected(format!(
                        "the results of `{name}` have no end within {limit:?}"
                    )));
                }
                Some(next) => token = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// What went wrong while a statement ran, the latest first.
    pub async fn exceptions(&self, name: &str) -> Result<Vec<Thrown>, CloudError> {
        #[derive(Deserialize)]
        struct List {
            #[serde(default)]
            data: Option<Vec<Thrown>>,
        }
        let list: List = self.api.get(&format!("{}/exceptions", self.at(name))).await?;
        Ok(list.data.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_and_what_is_none_is_not_told() {
        let text =
            "partition:0,offset:100;partition:1,offset:9223372036854775808; partition:2,offset:-1";
        assert_eq!(offsets(text), [(0, Some(100)), (1, None), (2, Some(-1))].into());
        assert_eq!(offsets(""), BTreeMap::new());
    }

    #[rstest::rstest]
    #[case::decimal(r#"{"type":"DECIMAL","precision":10,"scale":2}"#, "DECIMAL(10, 2)")]
    #[case::text(r#"{"type":"VARCHAR","length":2147483647,"nullable":true}"#, "STRING")]
    #[case::time(r#"{"type":"TIMESTAMP_WITH_LOCAL_TIME_ZONE","precision":3}"#, "TIMESTAMP_LTZ(3)")]
    #[case::array(r#"{"type":"ARRAY","element_type":{"type":"INTEGER"}}"#, "ARRAY<INT>")]
    #[case::row(
        r#"{"type":"ROW","fields":[{"name":"a","field_type":{"type":"BIGINT"}}]}"#,
        "ROW<`a` BIGINT>"
    )]
    fn a_type_is_written_as_in_sql(#[case] told: &str, #[case] sql: &str) {
        assert_eq!(serde_json::from_str::<DataType>(told).unwrap().sql(), sql);
    }

    #[test]
    fn a_phase_that_nobody_knows_and_a_status_without_traits_are_read() {
        let text = r#"{"name":"s","spec":{"statement":"SELECT 1"},"status":{"phase":"RESTING"}}"#;
        let read: Statement = serde_json::from_str(text).unwrap();
        assert_eq!(read.status.phase, Phase::Other("RESTING".to_owned()));
        assert_eq!(read.status.traits, None);
        let bare: Statement = serde_json::from_str(r#"{"name":"s","spec":{}}"#).unwrap();
        assert_eq!(bare.status.phase, Phase::Pending);
    }
}
