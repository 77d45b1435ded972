//! Keeps what is written to topics from those who read committed records alone.
//!
//! A reader of committed records stops before the first transaction that is open, whatever stands
//! behind it. So one that stays open on each partition holds back everything that comes later, and
//! touches nothing but these topics; it is aborted in the end, and its records are never seen.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::KafkaError as RdError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::{KafkaError, config};
use crate::client::reach::Reach;

/// How long the broker may take.
const LIMIT: Duration = Duration::from_secs(15);
/// After this time the broker aborts the transaction by itself: the most that brokers allow where
/// nothing else is set (`transaction.max.timeout.ms`).
const OPEN_AT_MOST_MS: &str = "900000";

/// A transaction that is open. Dropped without [`Hold::release`], it ends when the broker ends it.
pub struct Hold {
    producer: Arc<BaseProducer>,
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

impl Hold {
    /// Opens a transaction on all partitions of these topics (physical name, number of partitions);
    /// `id` is a transactional id that nobody else has.
    pub async fn open(
        reach: &Reach,
        id: &str,
        topics: Vec<(String, i32)>,
    ) -> Result<Self, KafkaError> {
        let mut config = config(reach);
        config.set("transactional.id", id).set("transaction.timeout.ms", OPEN_AT_MOST_MS);
        let doing = "holding a topic";
        let opened = tokio::task::spawn_blocking(move || {
            let producer: BaseProducer = config.create()?;
            producer.init_transactions(LIMIT)?;
            producer.begin_transaction()?;
            for (topic, partitions) in &topics {
                for partition in 0..*partitions {
                    let record = BaseRecord::to(topic).partition(partition).key("").payload("");
                    producer.send(record).map_err(|(error, _)| error)?;
                }
            }
            producer.flush(LIMIT)?;
            Ok::<_, RdError>(producer)
        });
        let opened = opened.await.map_err(|error| KafkaError::new(doing, &error))?;
        let producer = opened.map_err(|error| KafkaError::new(doing, &error))?;
        Ok(Self { producer: Arc::new(producer) })
    }

    /// Ends it: readers go on.
    pub async fn release(self) -> Result<(), KafkaError> {
        let doing = "releasing a topic";
        let producer = self.producer;
        let ended = tokio::task::spawn_blocking(move || producer.abort_transaction(LIMIT));
        let ended = ended.await.map_err(|error| KafkaError::new(doing, &error))?;
        ended.map_err(|error| KafkaError::new(doing, &error))
    }
}
