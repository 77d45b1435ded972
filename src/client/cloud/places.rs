//! Where everything lies: organisations, environments, clusters, registries, compute pools, with what each
//! says of its state.

use serde::Deserialize;

use super::api::{Api, CloudError};
use crate::client::http::encode;

/// Something with an id and a name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// `env-…`, or the UUID of an organisation.
    pub id: String,
    /// What people call it.
    #[serde(default)]
    pub display_name: String,
}

/// A Kafka cluster, or a registry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Cluster {
    /// `lkc-…` or `lsrc-…`.
    pub id: String,
    /// What was asked for.
    pub spec: ClusterSpec,
    /// What is there.
    #[serde(default)]
    pub status: Phase,
}

/// What a cluster is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct ClusterSpec {
    /// What people call it, and Flink its database.
    #[serde(default)]
    pub display_name: String,
    /// `SASL_SSL://HOST:PORT` of a Kafka cluster.
    #[serde(default)]
    pub kafka_bootstrap_endpoint: String,
    /// Its REST API.
    #[serde(default)]
    pub http_endpoint: String,
    /// `AWS`, `GCP` or `AZURE`.
    #[serde(default)]
    pub cloud: String,
    /// `us-east-1`, for one.
    #[serde(default)]
    pub region: String,
}

/// How far something is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Phase {
    /// `PROVISIONED`, for one.
    #[serde(default)]
    pub phase: String,
}

/// A compute pool.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pool {
    /// `lfcp-…`.
    pub id: String,
    /// What was asked for.
    pub spec: PoolSpec,
    /// What is there.
    #[serde(default)]
    pub status: PoolStatus,
}

/// What a compute pool may become.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct PoolSpec {
    /// What people call it.
    #[serde(default)]
    pub display_name: String,
    /// `AWS`, `GCP` or `AZURE`.
    #[serde(default)]
    pub cloud: String,
    /// Its region.
    #[serde(default)]
    pub region: String,
    /// Confluent's units of Flink that it may have at most.
    #[serde(default)]
    pub max_cfu: u32,
}

/// What a compute pool is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct PoolStatus {
    /// `PROVISIONING`, `PROVISIONED`, `FAILED` or `DEPROVISIONING`.
    #[serde(default)]
    pub phase: String,
    /// The units that it has now.
    #[serde(default)]
    pub current_cfu: u32,
}

impl Api {
    /// The organisations that the key belongs to: one.
    pub async fn organizations(&self) -> Result<Vec<Named>, CloudError> {
        self.all("/org/v2/organizations").await
    }

    /// All environments that the key sees.
    pub async fn environments(&self) -> Result<Vec<Named>, CloudError> {
        self.all("/org/v2/environments").await
    }

    /// Kafka clusters of an environment.
    pub async fn clusters(&self, environment: &str) -> Result<Vec<Cluster>, CloudError> {
        self.all(&format!("/cmk/v2/clusters?environment={}", encode(environment))).await
    }

    /// Registries of an environment: one, or none.
    pub async fn registries(&self, environment: &str) -> Result<Vec<Cluster>, CloudError> {
        self.all(&format!("/srcm/v3/clusters?environment={}", encode(environment))).await
    }

    /// A compute pool.
    pub async fn pool(&self, environment: &str, pool: &str) -> Result<Pool, CloudError> {
        let (pool, environment) = (encode(pool), encode(environment));
        self.get(&format!("/fcpm/v2/compute-pools/{pool}?environment={environment}")).await
    }

    /// Compute pools of an environment.
    pub async fn pools(&self, environment: &str) -> Result<Vec<Pool>, CloudError> {
        self.all(&format!("/fcpm/v2/compute-pools?environment={}", encode(environment))).await
    }
}
