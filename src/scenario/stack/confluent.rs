//! Confluent Cloud, as a stack file tells of it.

use super::{PemFile, PostgresAt, Variable};

/// An environment of Confluent Cloud, with a cluster and a compute pool in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confluent {
    /// The organisation's id.
    pub organization: String,
    /// The environment's id or name.
    pub environment: String,
    /// The Kafka cluster.
    pub cluster: ClusterAt,
    /// The URL of the registry.
    pub registry: Option<String>,
    /// The URL of the cloud's own API.
    pub cloud: String,
    /// The URL of Flink's API.
    pub flink: String,
    /// Who may have signed their certificates; whom the system trusts if left out.
    pub ca: Option<PemFile>,
    /// The compute pool.
    pub compute_pool: String,
    /// As whom statements run.
    pub principal: Option<String>,
    /// The API keys.
    pub keys: Keys,
    /// The source.
    pub postgres: PostgresAt,
    /// What a command may use at most.
    pub budget: Budget,
}

/// A Kafka cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAt {
    /// `lkc-…`.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// `host:port`, several separated by commas.
    pub bootstrap: String,
    /// The URL of its REST API.
    pub rest: Option<String>,
}

/// API keys, one an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Of the cloud's own API.
    pub cloud: KeyAt,
    /// Of Flink's.
    pub flink: KeyAt,
    /// Of the brokers.
    pub kafka: KeyAt,
    /// Of the registry.
    pub registry: Option<KeyAt>,
}

/// Where a key and its secret stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAt {
    /// The key.
    pub key: Variable,
    /// Its secret.
    pub secret: Variable,
}

/// What a command may use at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Units of Flink that the compute pool may have while a run begins.
    pub max_cfu: u32,
    /// Minutes.
    pub max_minutes: u32,
    /// Connectors at once.
    pub max_connectors: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { max_cfu: 10, max_minutes: 60, max_connectors: 4 }
    }
}

impl Confluent {
    /// Every variable that must be set.
    pub fn variables(&self) -> Vec<&Variable> {
        let Keys { cloud, flink, kafka, registry } = &self.keys;
        let keys = [cloud, flink, kafka].into_iter().chain(registry);
        let keys = keys.flat_map(|key| [&key.key, &key.secret]);
        self.postgres.password.iter().chain(keys).collect()
    }
}
