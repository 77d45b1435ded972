//! Kafka: topics, their ends, and a tap that reads everything. The only user of rdkafka.
//!
//! No consumer here joins a group or commits: partitions are assigned, from their beginning on.

mod admin;
mod ends;
mod entry;
mod forward;
mod hold;
mod produce;
mod tap;

use rdkafka::ClientConfig;

pub use admin::{Admin, NewTopic, TopicOption, TopicShape};
pub use ends::{Bounds, Ends, EndsReader, Place};
pub use entry::{Cluster, cluster};
pub use forward::Forward;
pub use hold::Hold;
pub use produce::{Written, produce};
pub use tap::{Handler, Tap, read_to};

use super::reach::{Identity, Reach, Sasl, Security};

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
fn config(reach: &Reach) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &reach.kafka.outside.bootstrap)
        .set("client.id", "changeproof")
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "200")
        .set("socket.nagle.disable", "true")
        .set("topic.metadata.refresh.fast.interval.ms", "20")
        .set("retry.backoff.ms", "20")
        .set_log_level(rdkafka::config::RDKafkaLogLevel::Error);
    protect(&mut config, &reach.kafka.outside.security);
    config
}

/// How the connection is encrypted, and who logs in.
fn protect(config: &mut ClientConfig, security: &Security) {
    config.set("security.protocol", security.protocol());
    if let Some(Sasl { mechanism, login, .. }) = &security.sasl {
        config
            .set("sasl.mechanism", mechanism.word())
            .set("sasl.username", &login.user)
            .set("sasl.password", &login.password.0);
    }
    let Some(tls) = &security.tls else { return };
    match &tls.ca {
        Some(ca) => config.set("ssl.ca.pem", &ca.0),
        // The first of the places where a system keeps those that it trusts.
        None => config.set("ssl.ca.location", "probe"),
    };
    if let Some(Identity { certificate, key }) = &tls.identity {
        config.set("ssl.certificate.pem", &certificate.0).set("ssl.key.pem", &key.0.0);
    }
}

/// A consumer that is only ever assigned to. It needs a group's name or librdkafka hands out no
/// records, but it never joins or commits.
fn consumer_config(reach: &Reach, isolation: &str) -> ClientConfig {
    let mut config = config(reach);
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
