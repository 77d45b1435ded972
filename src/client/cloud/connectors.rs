//! Managed connectors (Connect v1).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, Ask, CloudError};
use crate::client::http::encode;
use crate::client::wait::{self, Look, WaitError};

/// What a connector says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// The connector itself.
    pub connector: Part,
    /// Its tasks; none while it is provisioned.
    #[serde(default)]
    pub tasks: Option<Vec<Task>>,
}

/// A connector.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Part {
    /// `NONE`, `PROVISIONING`, `RUNNING`, `DEGRADED`, `FAILED`, `PAUSED`, `DELETED`.
    pub state: String,
    /// Why it is not well.
    #[serde(default)]
    pub trace: Option<String>,
}

/// A task of one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Task {
    /// As that of a connector; a task of one that runs may say `STOPPED` for a while.
    pub state: String,
    /// Why it is not well.
    #[serde(default)]
    pub msg: Option<String>,
}

/// A plugin.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Plugin {
    /// `PostgresCdcSourceV2`, for one.
    pub class: String,
    /// Its version.
    #[serde(default)]
    pub version: Option<String>,
}

/// What is wrong with an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The option.
    pub option: String,
    /// What is said of it.
    pub sentence: String,
}

#[derive(Deserialize)]
struct Validated {
    #[serde(default)]
    configs: Option<Vec<Setting>>,
}

#[derive(Deserialize)]
struct Setting {
    #[serde(default)]
    value: Option<OptionValue>,
}

#[derive(Deserialize)]
struct OptionValue {
    #[serde(default)]
    name: String,
    #[serde(default)]
    errors: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Described {
    #[serde(default)]
    config: BTreeMap<String, String>,
}

/// Connectors of one cluster.
#[derive(Debug, Clone)]
pub struct Connectors {
    api: Api,
    path: String,
}

impl Connectors {
    /// Those of a cluster (`lkc-…`) of an environment.
    pub fn new(api: Api, environment: &str, cluster: &str) -> Self {
        let (environment, cluster) = (encode(environment), encode(cluster));
        Self { api, path: format!("/connect/v1/environments/{environment}/clusters/{cluster}") }
    }

    fn at(&self, name: &str, below: &str) -> String {
        format!("{}/connectors/{}{below}", self.path, encode(name))
    }

    /// Everything that is wrong with a configuration; empty if it can be taken.
    pub async fn validate(
        &self,
        class: &str,
        config: &BTreeMap<String, String>,
    ) -> Result<Vec<Wrong>, CloudError> {
        let path = format!("{}/connector-plugins/{}/config/validate", self.path, encode(class));
        let found: Validated = self.api.ask(&path, &Ask::put(&json!(config))).await?;
        let values = found.configs.into_iter().flatten().filter_map(|one| one.value);
        let of = |value: OptionValue| {
            let OptionValue { name, errors } = value;
            let errors = errors.into_iter().flatten();
            errors.map(move |sentence| Wrong { option: name.clone(), sentence })
        };
        Ok(values.flat_map(of).collect())
    }

    /// Makes a connector, or gives the one of that name another configuration. Where the answer to the
    /// making is unclear, it is there or not: giving the configuration settles both.
    pub async fn put(
        &self,
        name: &str,
        config: &BTreeMap<String, String>,
    ) -> Result<(), CloudError> {
        let path = self.at(name, "/config");
        if self.config(name).await?.is_some() {
            return self.api.ask::<Value>(&path, &Ask::put(&json!(config))).await.map(drop);
        }
        let body = json!({"name": name, "config": config});
        let all = format!("{}/connectors", self.path);
        match self.api.ask::<Value>(&all, &Ask::post(&body)).await {
            Ok(_) => Ok(()),
            Err(CloudError::Unclear(_)) => {
                self.api.ask::<Value>(&path, &Ask::put(&json!(config))).await.map(drop)
            }
            Err(error) if error.status() == Some(409) && self.is_ours(name, config).await? => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the connector of that name reads what this configuration reads.
    async fn is_ours(
        &self,
        name: &str,
        config: &BTreeMap<String, String>,
    ) -> Result<bool, CloudError> {
        let Some(found) = self.config(name).await? else { return Ok(false) };
        let same = |key: &str| found.get(key) == config.get(key);
        Ok(["database.dbname", "slot.name", "topic.prefix"].into_iter().all(same))
    }

    /// The configuration of a connector, secrets hidden; `None` if there is none of that name.
    pub async fn config(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, CloudError> {
        match self.api.get::<Described>(&self.at(name, "")).await {
            Err(error) if error.is_missing() => Ok(None),
            other => other.map(|described| Some(described.config)),
        }
    }

    /// The state of a connector; `None` if there is none of that name (or none yet).
    pub async fn status(&self, name: &str) -> Result<Option<Status>, CloudError> {
        match self.api.get(&self.at(name, "/status")).await {
            Err(error) if error.is_missing() => Ok(None),
            other => other.map(Some),
        }
    }

    /// How many tasks a connector has.
    pub async fn tasks(&self, name: &str) -> Result<usize, CloudError> {
        let tasks: Vec<Value> = self.api.get(&self.at(name, "/tasks")).await?;
        Ok(tasks.len())
    }

    /// Asks for `pause` or `resume`; it follows a little later.
    pub async fn ask(&self, name: &str, what: &str) -> Result<(), CloudError> {
        self.api.tell(&self.at(name, &format!("/{what}")), &Ask::put_nothing()).await
    }

    /// Deletes a connector; `false` if it is not there.
    pub async fn delete(&self, name: &str) -> Result<bool, CloudError> {
        self.api.delete(&self.at(name, "")).await
    }

    /// Names of connectors that start with `prefix`.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, CloudError> {
        let mut names: Vec<String> = self.api.get(&format!("{}/connectors", self.path)).await?;
        names.retain(|name| name.starts_with(prefix));
        names.sort();
        Ok(names)
    }

    /// The plugins that a cluster offers.
    pub async fn plugins(&self) -> Result<Vec<Plugin>, CloudError> {
        self.api.get(&format!("{}/connector-plugins", self.path)).await
    }

    /// The offsets that are stored for a connector, one a source partition.
    pub async fn offsets(&self, name: &str) -> Result<Vec<Value>, CloudError> {
        #[derive(Deserialize)]
        struct Stored {
            #[serde(default)]
            offsets: Option<Vec<One>>,
        }
        #[derive(Deserialize)]
        struct One {
            #[serde(default)]
            offset: Value,
        }
        let stored: Stored = self.api.get(&self.at(name, "/offsets")).await?;
        Ok(stored.offsets.into_iter().flatten().map(|one| one.offset).collect())
    }

    /// Deletes the offsets that are stored for a connector, and waits until that is done.
    pub async fn lose_offsets(&self, name: &str, limit: Duration) -> Result<(), CloudError> {
        #[derive(Deserialize)]
        struct Told {
            status: ToldStatus,
        }
        #[derive(Deserialize)]
        struct ToldStatus {
            phase: String,
            #[serde(default)]
            message: Option<String>,
        }
        let request = self.at(name, "/offsets/request");
        let ask = Ask::post(&json!({"type": "DELETE"}));
        // Asked twice it changes nothing more, and what was asked for is looked at below anyway.
        match self.api.ask::<Value>(&request, &ask).await {
            Ok(_) | Err(CloudError::Unclear(_)) => {}
            Err(error) => return Err(error),
        }
        let done = wait::afar("the connector's offsets to be deleted", limit, || async {
            let Told { status } = self.api.get(&format!("{request}/status")).await?;
            match status.phase.as_str() {
                "APPLIED" => Ok(Look::Holds(())),
                "FAILED" => Err(CloudError::Unexpected(format!(
                    "the offsets of `{name}` were not deleted: {}",
                    status.message.unwrap_or_default()
                ))),
                other => Ok(Look::NotYet(format!("the request is {other}"))),
            }
        });
        done.await.map_err(WaitError::flatten)
    }
}
