//! Writes records as an application does, and tells where the broker has put each.

use std::time::Duration;

use rdkafka::error::KafkaError as RdError;
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _};

use super::forward::headers;
use super::{KafkaError, config};
use crate::client::reach::Reach;
use crate::history::event::Record;
use crate::scenario::application::Ending;

/// How long the broker may take to have a record, or to end a transaction.
const LIMIT: Duration = Duration::from_secs(20);
/// The same, as the client is told it.
const LIMIT_MS: &str = "20000";

/// What is written.
#[derive(Debug)]
pub struct Written {
    /// The topic on the broker.
    pub topic: String,
    /// The records, in order; their offsets count for nothing.
    pub records: Vec<Record>,
    /// A transactional id that nobody else has, and how its transaction ends.
    pub transaction: Option<(String, Ending)>,
}

/// Writes records, in order, and gives them with the offsets that the broker has acknowledged. In a
/// transaction this returns when that has ended.
pub async fn produce(reach: &Reach, written: Written) -> Result<Vec<Record>, KafkaError> {
    let mut config = config(reach);
    config
        .set("enable.idempotence", "true")
        .set("linger.ms", "0")
        .set("message.timeout.ms", LIMIT_MS)
        .set("message.max.bytes", "10485760");
    if let Some((id, _)) = &written.transaction {
        config.set("transactional.id", id).set("transaction.timeout.ms", LIMIT_MS);
    }
    let doing = format!("writing to {}", written.topic);
    let done = tokio::task::spawn_blocking(move || {
        let producer: FutureProducer = config.create()?;
        in_transaction(&producer, written)
    });
    let done = done.await.map_err(|error| KafkaError::new(doing.as_str(), &error))?;
    done.map_err(|error| KafkaError::new(doing, &error))
}

fn in_transaction(producer: &FutureProducer, written: Written) -> Result<Vec<Record>, RdError> {
    let Written { topic, records, transaction } = written;
    let Some((_, ending)) = transaction else { return write(producer, &topic, records) };
    producer.init_transactions(LIMIT)?;
    producer.begin_transaction()?;
    let records = write(producer, &topic, records)?;
    match ending {
        Ending::Commit => producer.commit_transaction(LIMIT)?,
        Ending::Abort => producer.abort_transaction(LIMIT)?,
    }
    Ok(records)
}

fn write(
    producer: &FutureProducer,
    topic: &str,
    records: Vec<Record>,
) -> Result<Vec<Record>, RdError> {
    let sent = records.iter().map(|record| send(producer, topic, record));
    let sent = sent.collect::<Result<Vec<_>, _>>()?;
    let mut acknowledged = Vec::with_capacity(records.len());
    for (record, delivery) in itertools::zip_eq(records, sent) {
        let delivered = futures::executor::block_on(delivery).map_err(|_| RdError::Canceled)?;
        let delivered = delivered.map_err(|(error, _)| error)?;
        let (partition, offset) = (delivered.partition, delivered.offset);
        acknowledged.push(Record { partition, offset, ..record });
    }
    Ok(acknowledged)
}

fn send(
    producer: &FutureProducer,
    topic: &str,
    record: &Record,
) -> Result<DeliveryFuture, RdError> {
    let mut message = FutureRecord::<[u8], [u8]>::to(topic).headers(headers(record));
    message = message.partition(record.partition);
    if let Some(key) = &record.key {
        message = message.key(&key.0);
    }
    if let Some(value) = &record.value {
        message = message.payload(&value.0);
    }
    if let Some(timestamp) = record.timestamp {
        message = message.timestamp(timestamp);
    }
    producer.send_result(message).map_err(|(error, _)| error)
}
