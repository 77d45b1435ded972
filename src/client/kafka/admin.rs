//! Topics: create, list, delete.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigSource, NewPartitions, NewTopic as RdNewTopic,
    ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;

use super::{KafkaError, config};
use crate::client::reach::Reach;
use crate::client::wait::{self, Look, WaitError};

/// How long the broker may take for one request, or to show a topic that it has created.
const LIMIT: Duration = Duration::from_secs(15);

/// As many replicas as the brokers give a topic by default.
const REPLICATION: TopicReplication<'_> = TopicReplication::Fixed(-1);

/// Creates, lists and deletes topics. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    client: Arc<AdminClient<DefaultClientContext>>,
}

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// The name on the broker.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// Options (`cleanup.policy`).
    pub options: BTreeMap<String, String>,
}

/// An option of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicOption {
    /// Its name.
    pub name: String,
    /// Its value, unless it is a secret.
    pub value: Option<String>,
    /// It was set on the topic, and is not the brokers' default.
    pub is_set: bool,
    /// It cannot be set.
    pub is_read_only: bool,
    /// It is a secret.
    pub is_sensitive: bool,
}

/// A topic that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicShape {
    /// The name on the broker.
    pub name: String,
    /// How many partitions it has.
    pub partitions: i32,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

impl Admin {
    /// A client; it connects when it is first used.
    pub fn new(reach: &Reach) -> Result<Self, KafkaError> {
        let client = config(reach)
            .create()
            .map_err(|error| KafkaError::new("making an admin client", &error))?;
        Ok(Self { client: Arc::new(client) })
    }

    /// Creates topics and waits until the broker shows each with all its partitions led: a producer
    /// or consumer that looks earlier is told that the topic is unknown.
    pub async fn create(&self, topics: &[NewTopic]) -> Result<(), KafkaError> {
        let wanted: Vec<_> = topics
            .iter()
            .map(|topic| {
                let new = RdNewTopic::new(&topic.name, topic.partitions, REPLICATION);
                topic.options.iter().fold(new, |new, (key, value)| new.set(key, value))
            })
            .collect();
        let results = self
            .client
            .create_topics(&wanted, &options())
            .await
            .map_err(|error| KafkaError::new("creating topics", &error))?;
        for result in results {
            result
                .map_err(|(name, code)| KafkaError::new(format!("creating topic {name}"), &code))?;
        }
        let wanted: Vec<_> = topics.iter().map(|t| (t.name.as_str(), t.partitions)).collect();
        self.led("creating topics", &wanted).await
    }

    /// Waits until the broker shows each topic with all its partitions led.
    async fn led(&self, doing: &str, topics: &[(&str, i32)]) -> Result<(), KafkaError> {
        let shown = wait::until("the topics to be led", LIMIT, || async {
            let shapes = self.list("").await?;
            let missing = topics.iter().find(|(name, partitions)| {
                !shapes.iter().any(|s| s.name == *name && s.partitions == *partitions)
            });
            Ok(missing.map_or(Look::Holds(()), |(name, _)| {
                Look::NotYet(format!("{name} is not there with all its partitions"))
            }))
        });
        shown.await.map_err(|error| match error {
            WaitError::Look(error) => error,
            WaitError::TimedOut(late) => KafkaError::new(doing, &late),
        })
    }

    /// Gives a topic this many partitions, and waits until each is led.
    pub async fn grow(&self, name: &str, partitions: i32) -> Result<(), KafkaError> {
        let doing = format!("giving topic {name} more partitions");
        let count = usize::try_from(partitions).unwrap_or_default();
        let new = NewPartitions::new(name, count);
        let results = self.client.create_partitions([&new], &options()).await;
        for result in results.map_err(|error| KafkaError::new(doing.as_str(), &error))? {
            result.map_err(|(_, code)| KafkaError::new(doing.as_str(), &code))?;
        }
        self.led(&doing, &[(name, partitions)]).await
    }

    /// Gives a topic these options, and no others.
    pub async fn alter(
        &self,
        name: &str,
        topic_options: &BTreeMap<String, String>,
    ) -> Result<(), KafkaError> {
        let doing = format!("giving topic {name} other options");
        let config = AlterConfig::new(ResourceSpecifier::Topic(name));
        let config =
            topic_options.iter().fold(config, |config, (key, value)| config.set(key, value));
        let results = self.client.alter_configs([&config], &options()).await;
        for result in results.map_err(|error| KafkaError::new(doing.as_str(), &error))? {
            result.map_err(|(_, code)| KafkaError::new(doing.as_str(), &code))?;
        }
        Ok(())
    }

    /// The options of a topic, those that nobody has set too.
    pub async fn options(&self, name: &str) -> Result<Vec<TopicOption>, KafkaError> {
        let doing = format!("reading the options of topic {name}");
        let topic = ResourceSpecifier::Topic(name);
        let results = self.client.describe_configs([&topic], &options()).await;
        let results = results.map_err(|error| KafkaError::new(doing.as_str(), &error))?;
        let mut found = Vec::new();
        for result in results {
            let resource = result.map_err(|code| KafkaError::new(doing.as_str(), &code))?;
            found.extend(resource.entries.into_iter().map(|entry| TopicOption {
                is_set: entry.source == ConfigSource::DynamicTopic,
                is_read_only: entry.is_read_only,
                is_sensitive: entry.is_sensitive,
                name: entry.name,
                value: entry.value,
            }));
        }
        Ok(found)
    }

    /// Topics whose name starts with `prefix`, by name; partitions without a leader do not count.
    pub async fn list(&self, prefix: &str) -> Result<Vec<TopicShape>, KafkaError> {
        let client = Arc::clone(&self.client);
        let failed = |message: String| KafkaError::new("listing topics", &message);
        let metadata =
            tokio::task::spawn_blocking(move || client.inner().fetch_metadata(None, LIMIT))
                .await
                .map_err(|error| failed(error.to_string()))?
                .map_err(|error| failed(error.to_string()))?;
        let mut shapes: Vec<_> = metadata
            .topics()
            .iter()
            .filter(|topic| topic.name().starts_with(prefix))
            .map(|topic| {
                let led = topic.partitions().iter().filter(|p| p.error().is_none());
                TopicShape {
                    name: topic.name().to_owned(),
                    partitions: i32::try_from(led.count()).unwrap_or(i32::MAX),
                }
            })
            .collect();
        shapes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(shapes)
    }

    /// Whether a topic of this name may be created; none is.
    pub async fn may_create(&self, name: &str) -> Result<(), KafkaError> {
        let failed = |error: &dyn std::fmt::Display| KafkaError::new("creating a topic", &error);
        let topic = RdNewTopic::new(name, 1, REPLICATION);
        let options = options().validate_only(true);
        let results = self.client.create_topics([&topic], &options).await;
        match results.map_err(|error| failed(&error))?.into_iter().next() {
            Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => {
                Err(failed(&code))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Names of consumer groups that start with `prefix`.
    pub async fn groups(&self, prefix: &str) -> Result<Vec<String>, KafkaError> {
        let failed = |error: &dyn std::fmt::Display| KafkaError::new("listing groups", &error);
        let (client, prefix) = (Arc::clone(&self.client), prefix.to_owned());
        let listed = tokio::task::spawn_blocking(move || {
            let listed = client.inner().fetch_group_list(None, LIMIT)?;
            let names = listed.groups().iter().map(|group| group.name().to_owned());
            let names = names.filter(|name| name.starts_with(&prefix)).collect();
            Ok::<Vec<String>, rdkafka::error::KafkaError>(names)
        });
        listed.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
    }

    /// Deletes consumer groups; one that is not there is no error.
    pub async fn delete_groups(&self, names: &[&str]) -> Result<(), KafkaError> {
        if names.is_empty() {
            return Ok(());
        }
        let results = self.client.delete_groups(names, &options()).await;
        for result in results.map_err(|error| KafkaError::new("deleting groups", &error))? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::GroupIdNotFound)) => {}
                Err((name, code)) => {
                    return Err(KafkaError::new(format!("deleting group {name}"), &code));
                }
            }
        }
        Ok(())
    }

    /// Deletes topics; one that is not there is no error.
    pub async fn delete(&self, names: &[&str]) -> Result<(), KafkaError> {
        if names.is_empty() {
            return Ok(());
        }
        let results = self
            .client
            .delete_topics(names, &options())
            .await
            .map_err(|error| KafkaError::new("deleting topics", &error))?;
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
                Err((name, code)) => {
                    return Err(KafkaError::new(format!("deleting topic {name}"), &code));
                }
            }
        }
        Ok(())
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(LIMIT)).operation_timeout(Some(LIMIT))
}
