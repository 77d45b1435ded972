//! Tableflow: topics that the cloud keeps as Iceberg tables, too.

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, Ask, CloudError};
use crate::client::http::encode;

/// A topic with Tableflow on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Table {
    /// What was asked for.
    pub spec: TableSpec,
    /// What is there; absent at first.
    #[serde(default)]
    pub status: TableStatus,
}

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct TableSpec {
    /// The topic.
    #[serde(default)]
    pub display_name: String,
    /// Nothing is written for now.
    #[serde(default)]
    pub suspended: bool,
    /// Where the files lie.
    #[serde(default)]
    pub storage: Storage,
}

/// Where files lie.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Storage {
    /// `Managed`, `ByobAws`, `AzureDataLakeStorageGen2`.
    #[serde(default)]
    pub kind: String,
    /// The folder of the table.
    #[serde(default)]
    pub table_path: Option<String>,
}

/// How far it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct TableStatus {
    /// `PENDING`, `RUNNING`, `FAILED`.
    #[serde(default)]
    pub phase: String,
    /// Why it failed.
    #[serde(default)]
    pub error_message: Option<String>,
    /// `APPEND`, `UPSERT`, `UPSERT_HISTORY`.
    #[serde(default)]
    pub write_mode: String,
}

/// Tables of one cluster.
#[derive(Debug, Clone)]
pub struct Tables {
    api: Api,
    environment: String,
    cluster: String,
}

const PATH: &str = "/tableflow/v1/tableflow-topics";

impl Tables {
    /// Those of a cluster (`lkc-…`) of an environment.
    pub fn new(api: Api, environment: &str, cluster: &str) -> Self {
        Self { api, environment: environment.to_owned(), cluster: cluster.to_owned() }
    }

    fn query(&self) -> String {
        let (environment, cluster) = (encode(&self.environment), encode(&self.cluster));
        format!("environment={environment}&spec.kafka_cluster={cluster}")
    }

    fn at(&self, topic: &str) -> String {
        format!("{PATH}/{}?{}", encode(topic), self.query())
    }

    /// Turns it on for a topic, with storage that the cloud keeps.
    pub async fn create(&self, topic: &str) -> Result<Table, CloudError> {
        let body = json!({"spec": {
            "display_name": topic,
            "storage": {"kind": "Managed"},
            "table_formats": ["ICEBERG"],
            "environment": {"id": self.environment},
            "kafka_cluster": {"id": self.cluster},
        }});
        self.api.ask(PATH, &Ask::post(&body)).await
    }

    /// The table of a topic; `None` if there is none.
    pub async fn get(&self, topic: &str) -> Result<Option<Table>, CloudError> {
        match self.api.get(&self.at(topic)).await {
            Err(error) if error.is_missing() => Ok(None),
            other => other.map(Some),
        }
    }

    /// Tables of topics whose names begin with `prefix`.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Table>, CloudError> {
        let mut all: Vec<Table> = self.api.all(&format!("{PATH}?{}", self.query())).await?;
        all.retain(|table| table.spec.display_name.starts_with(prefix));
        Ok(all)
    }

    /// Turns it off; `false` if it was not on.
    pub async fn delete(&self, topic: &str) -> Result<bool, CloudError> {
        self.api.delete(&self.at(topic)).await
    }

    /// Stops or resumes what it writes.
    pub async fn suspend(&self, topic: &str, suspended: bool) -> Result<(), CloudError> {
        let body = json!({"spec": {
            "suspended": suspended,
            "environment": {"id": self.environment},
            "kafka_cluster": {"id": self.cluster},
        }});
        let path = format!("{PATH}/{}", encode(topic));
        self.api.ask::<Value>(&path, &Ask::patch(super::api::JSON, &body)).await.map(drop)
    }
}
