//! Topics over Kafka's REST API, where the Kafka protocol is not spoken.

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, Ask, CloudError};
use crate::client::http::encode;

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Topic {
    /// Its name.
    pub topic_name: String,
    /// How many partitions it has.
    #[serde(default)]
    pub partitions_count: i32,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    data: Vec<Topic>,
}

/// Topics of one cluster.
#[derive(Debug, Clone)]
pub struct Topics {
    api: Api,
    path: String,
}

impl Topics {
    /// Those of a cluster (`lkc-…`), by its own REST API and key.
    pub fn new(api: Api, cluster: &str) -> Self {
        Self { api, path: format!("/kafka/v3/clusters/{}/topics", encode(cluster)) }
    }

    /// Topics whose names begin with `prefix`.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Topic>, CloudError> {
        // Kafka's API knows no pages here: the list is whole (its document, `listKafkaTopics`).
        let List { data: mut all } = self.api.get(&self.path).await?;
        all.retain(|topic| topic.topic_name.starts_with(prefix));
        Ok(all)
    }

    /// Creates a topic; the cluster chooses the replicas. One that is there already is an error.
    pub async fn create(&self, name: &str, partitions: i32) -> Result<(), CloudError> {
        let body = json!({"topic_name": name, "partitions_count": partitions});
        self.api.ask::<Value>(&self.path, &Ask::post(&body)).await.map(drop)
    }

    /// Deletes a topic; `false` if it is not there.
    pub async fn delete(&self, name: &str) -> Result<bool, CloudError> {
        self.api.delete(&format!("{}/{}", self.path, encode(name))).await
    }
}
