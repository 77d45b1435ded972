//! Kafka: topics, their ends, and a tap that reads everything. The only user of rdkafka.
//!
//! No consumer here joins a group or commits: partitions are assigned, from their beginning on.

mod admin;
mod ends;
mod forward;
mod tap;

use rdkafka::ClientConfig;

pub use admin::{Admin, NewTopic, TopicShape};
pub use ends::{Bounds, Ends, EndsReader, Place};
pub use forward::Forward;
pub use tap::{Handler, Tap, read_to};

use super::endpoints::Endpoints;

/// The broker refused something, or is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {message}")]
pub struct KafkaError {
    /// What was being done, with the topic's name where there is one.
    pub doing: String,
    /// What the broker or the client said.
    pub message: String,
}

impl KafkaError {
    /// The broker takes no such option of a topic, or not this value; it does not say more.
    pub fn is_refused_option(&self) -> bool {
        self.message.contains("InvalidConfig")
    }

    fn new(doing: impl Into<String>, message: &impl ToString) -> Self {
        Self { doing: doing.into(), message: message.to_string() }
    }
}

/// What every client has in common: loopback, so quick to try again.
fn config(endpoints: &Endpoints) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &endpoints.kafka)
        .set("client.id", "changeproof")
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "200")
        .set("socket.nagle.disable", "true")
        .set("topic.metadata.refresh.fast.interval.ms", "20")
        .set("retry.backoff.ms", "20")
        .set_log_level(rdkafka::config::RDKafkaLogLevel::Error);
    config
}

/// A consumer that is only ever assigned to. It needs a group's name or librdkafka hands out no
/// records, but it never joins or commits.
fn consumer_config(endpoints: &Endpoints, isolation: &str) -> ClientConfig {
    let mut config = config(endpoints);
    config
        .set("group.id", "changeproof")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", isolation)
        .set("check.crcs", "true")
        .set("fetch.min.bytes", "1")
        // The broker answers as soon as there is a byte; this only bounds how long a fetch that is
        // under way keeps a partition waiting that was assigned after it was sent.
        .set("fetch.wait.max.ms", "50")
        .set("fetch.queue.backoff.ms", "5")
        .set("fetch.error.backoff.ms", "20");
    config
}
