//! Topics over Kafka's REST API, version 3.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Gateway;
use super::answer::{Answer, Refusal, empty, fine, json_of};
use super::statements::body;
use crate::client::kafka::{NewTopic, TopicOption, TopicShape};

/// The partitions of a topic for which nobody says how many, as in the cloud.
const PARTITIONS: i32 = 6;
/// Where topics are.
const PATH: &str = "/kafka/v3/clusters/{cluster}/topics";

/// The routes.
pub(super) fn routes() -> Router<Arc<Gateway>> {
    let one = format!("{PATH}/{{topic}}");
    Router::new()
        .route("/kafka/v3/clusters/{cluster}", get(cluster))
        .route(PATH, get(list).post(create))
        .route(&one, get(find).delete(delete))
        .route(&format!("{one}/partitions"), get(partitions))
        .route(&format!("{one}/configs"), get(configs))
        .route(&format!("{one}/configs:alter"), post(alter))
        .route(&format!("{one}/configs/{{name}}"), get(config))
}

type Named = (String, String);

fn broken(error: impl ToString) -> Refusal {
    Refusal::new(500, error)
}

impl Gateway {
    fn own_cluster(&self, cluster: &str) -> Result<(), Refusal> {
        if cluster == self.ids.cluster { Ok(()) } else { Err(Refusal::absent("cluster", cluster)) }
    }

    fn topics_at(&self) -> String {
        self.at(&format!("/kafka/v3/clusters/{}/topics", self.ids.cluster))
    }

    async fn known_topic(&self, cluster: &str, name: &str) -> Result<TopicShape, Refusal> {
        self.own_cluster(cluster)?;
        let found = self.topic(name).await.map_err(broken)?;
        found.ok_or_else(|| Refusal::absent("topic", name))
    }

    fn topic_json(&self, topic: &TopicShape) -> Value {
        let own = format!("{}/{}", self.topics_at(), topic.name);
        let cluster = &self.ids.cluster;
        json!({
            "kind": "KafkaTopic",
            "metadata": {"self": own, "resource_name": format!("crn:///kafka={cluster}/topic={}", topic.name)},
            "cluster_id": cluster,
            "topic_name": topic.name,
            "is_internal": false,
            "replication_factor": 1,
            "partitions_count": topic.partitions,
            "partitions": {"related": format!("{own}/partitions")},
            "configs": {"related": format!("{own}/configs")},
            "partition_reassignments": {"related": format!("{own}/partitions/-/reassignment")},
        })
    }

    fn config_json(&self, topic: &str, option: &TopicOption) -> Value {
        let cluster = &self.ids.cluster;
        let own = format!("{}/{topic}/configs/{}", self.topics_at(), option.name);
        let source = if option.is_set { "DYNAMIC_TOPIC_CONFIG" } else { "DEFAULT_CONFIG" };
        json!({
            "kind": "KafkaTopicConfig",
            "metadata": {"self": own,
                "resource_name": format!("crn:///kafka={cluster}/topic={topic}/config={}", option.name)},
            "cluster_id": cluster,
            "topic_name": topic,
            "name": option.name,
            "value": option.value,
            "is_default": !option.is_set,
            "is_read_only": option.is_read_only,
            "is_sensitive": option.is_sensitive,
            "source": source,
            "synonyms": [],
        })
    }
}

async fn cluster(State(gateway): State<Arc<Gateway>>, Path(id): Path<String>) -> Response {
    let found = || {
        gateway.own_cluster(&id)?;
        let own = gateway.at(&format!("/kafka/v3/clusters/{id}"));
        let related = |what: &str| json!({"related": format!("{own}/{what}")});
        fine(&json!({
            "kind": "KafkaCluster",
            "metadata": {"self": own, "resource_name": format!("crn:///kafka={id}")},
            "cluster_id": id,
            "acls": related("acls"), "brokers": related("brokers"),
            "broker_configs": related("broker-configs"),
            "consumer_groups": related("consumer-groups"), "topics": related("topics"),
            "partition_reassignments": related("topics/-/partitions/-/reassignment"),
        }))
    };
    gateway.answered("/kafka/", found())
}

fn listed(gateway: &Gateway, kind: &str, below: &str, data: Vec<Value>) -> Answer {
    let own = format!("{}{below}", gateway.topics_at());
    fine(&json!({"kind": kind, "metadata": {"self": own, "next": null}, "data": data}))
}

async fn list(State(gateway): State<Arc<Gateway>>, Path(cluster): Path<String>) -> Response {
    let all = async {
        gateway.own_cluster(&cluster)?;
        let topics = gateway.topics().await.map_err(broken)?;
        let data = topics.iter().map(|topic| gateway.topic_json(topic)).collect();
        listed(&gateway, "KafkaTopicList", "", data)
    };
    let all = all.await;
    gateway.answered("/kafka/", all)
}

/// What a client asks to be created.
#[derive(Debug, Deserialize)]
struct Wanted {
    topic_name: String,
    #[serde(default)]
    partitions_count: Option<i32>,
    #[serde(default)]
    configs: Vec<Setting>,
    #[serde(default)]
    validate_only: bool,
}

#[derive(Debug, Deserialize)]
struct Setting {
    name: String,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    operation: Option<String>,
}

async fn create(
    State(gateway): State<Arc<Gateway>>,
    Path(cluster): Path<String>,
    bytes: Bytes,
) -> Response {
    let created = async {
        gateway.own_cluster(&cluster)?;
        let wanted: Wanted = body(&bytes)?;
        if gateway.topic(&wanted.topic_name).await.map_err(broken)?.is_some() {
            // What the API says for it is 400, not 409.
            let why = format!("Topic '{}' already exists.", wanted.topic_name);
            return Err(Refusal::new(400, why));
        }
        let settings = wanted.configs.into_iter().filter_map(|one| Some((one.name, one.value?)));
        let topic = NewTopic {
            name: wanted.topic_name.clone(),
            partitions: wanted.partitions_count.unwrap_or(PARTITIONS),
            options: settings.collect(),
        };
        if !wanted.validate_only {
            gateway
                .admin
                .create(std::slice::from_ref(&topic))
                .await
                .map_err(|e| Refusal::new(400, e))?;
        }
        let shape = TopicShape { name: topic.name, partitions: topic.partitions };
        Ok(json_of(201, &gateway.topic_json(&shape)))
    };
    let created = created.await;
    gateway.answered("/kafka/", created)
}

async fn find(
    State(gateway): State<Arc<Gateway>>,
    Path((cluster, topic)): Path<Named>,
) -> Response {
    let found = gateway.known_topic(&cluster, &topic).await;
    let found = found.and_then(|topic| fine(&gateway.topic_json(&topic)));
    gateway.answered("/kafka/", found)
}

async fn delete(
    State(gateway): State<Arc<Gateway>>,
    Path((cluster, topic)): Path<Named>,
) -> Response {
    let deleted = async {
        gateway.known_topic(&cluster, &topic).await?;
        gateway.admin.delete(&[&topic]).await.map_err(broken)?;
        gateway.catalogue.lock().await.forget_topic(&topic);
        empty(204)
    };
    let deleted = deleted.await;
    gateway.answered("/kafka/", deleted)
}

async fn partitions(
    State(gateway): State<Arc<Gateway>>,
    Path((cluster, topic)): Path<Named>,
) -> Response {
    let found = async {
        let shape = gateway.known_topic(&cluster, &topic).await?;
        let one = |n: i32| {
            let own = format!("{}/{topic}/partitions/{n}", gateway.topics_at());
            json!({
                "kind": "KafkaPartition", "metadata": {"self": own}, "cluster_id": cluster,
                "topic_name": topic, "partition_id": n,
                "leader": {"related": format!("{own}/replicas/1")},
                "replicas": {"related": format!("{own}/replicas")},
                "reassignment": {"related": format!("{own}/reassignment")},
            })
        };
        let data = (0..shape.partitions).map(one).collect();
        listed(&gateway, "KafkaPartitionList", &format!("/{topic}/partitions"), data)
    };
    let found = found.await;
    gateway.answered("/kafka/", found)
}

async fn configs(
    State(gateway): State<Arc<Gateway>>,
    Path((cluster, topic)): Path<Named>,
) -> Response {
    let found = async {
        gateway.known_topic(&cluster, &topic).await?;
        let options = gateway.admin.options(&topic).await.map_err(broken)?;
        let data = options.iter().map(|option| gateway.config_json(&topic, option)).collect();
        listed(&gateway, "KafkaTopicConfigList", &format!("/{topic}/configs"), data)
    };
    let found = found.await;
    gateway.answered("/kafka/", found)
}

async fn config(
    State(gateway): State<Arc<Gateway>>,
    Path((cluster, topic, name)): Path<(String, String, String)>,
) -> Response {
    let found = async {
        gateway.known_topic(&cluster, &topic).await?;
        let options = gateway.admin.options(&topic).await.map_err(broken)?;
        let option = options.iter().find(|option| option.name == name);
        let option = option.ok_or_else(|| Refusal::absent("option", &name))?;
        fine(&gateway.config_json(&topic, option))
    };
    let found = found.await;
    gateway.answered("/kafka/", found)
}

/// Options that are to be set or deleted.
#[derive(Debug, Deserialize)]
struct Changes {
    data: Vec<Setting>,
    #[serde(default)]
    validate_only: bool,
}

async fn alter(
    State(gateway): State<Arc<Gateway>>,
    Path((cluster, topic)): Path<Named>,
    bytes: Bytes,
) -> Response {
    let altered = async {
        gateway.known_topic(&cluster, &topic).await?;
        let changes: Changes = body(&bytes)?;
        let options = gateway.admin.options(&topic).await.map_err(broken)?.into_iter();
        let set = options.filter(|option| option.is_set);
        let mut set: BTreeMap<String, String> =
            set.filter_map(|option| Some((option.name, option.value?))).collect();
        for Setting { name, value, operation } in changes.data {
            match value.filter(|_| operation.as_deref() != Some("DELETE")) {
                Some(value) => set.insert(name, value),
                None => set.remove(&name),
            };
        }
        if !changes.validate_only {
            gateway.admin.alter(&topic, &set).await.map_err(|error| Refusal::new(400, error))?;
        }
        empty(204)
    };
    let altered = altered.await;
    gateway.answered("/kafka/", altered)
}
