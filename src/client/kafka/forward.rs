//! Passes records on from one topic to another, as they are.

use std::time::Duration;

use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::{KafkaError, config};
use crate::client::reach::Reach;
use crate::history::event::Record;

/// How long the broker may take to have what was passed on.
const LIMIT: Duration = Duration::from_secs(5);

/// Writes records as it is given them, in that order.
pub struct Forward {
    producer: BaseProducer,
}

impl std::fmt::Debug for Forward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forward").finish_non_exhaustive()
    }
}

impl Forward {
    /// A producer that writes each record once and gives a key the partition that Kafka's own does.
    pub fn new(reach: &Reach) -> Result<Self, KafkaError> {
        let mut config = config(reach);
        config
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "0");
        let producer = config.create();
        let producer = producer.map_err(|error| KafkaError::new("starting a producer", &error))?;
        Ok(Self { producer })
    }

    /// Writes a record: its key, value, headers and time. Whether the producer took it.
    pub fn send(&self, topic: &str, record: &Record) -> bool {
        let mut message = BaseRecord::<[u8], [u8]>::to(topic).headers(headers(record));
        if let Some(key) = &record.key {
            message = message.key(&key.0);
        }
        if let Some(value) = &record.value {
            message = message.payload(&value.0);
        }
        if let Some(timestamp) = record.timestamp {
            message = message.timestamp(timestamp);
        }
        let sent = self.producer.send(message);
        self.producer.poll(Duration::ZERO);
        sent.is_ok()
    }

    /// Waits until the broker has all of it; whether it does.
    pub fn flush(&self) -> bool {
        self.producer.flush(LIMIT).is_ok()
    }
}

/// The headers of a record, as a producer takes them.
pub(super) fn headers(record: &Record) -> OwnedHeaders {
    record.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: value.as_ref().map(|bytes| bytes.0.as_slice()) })
    })
}
