//! Where topics begin and end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::{KafkaError, consumer_config};
use crate::client::endpoints::Endpoints;

/// How long the broker may take to answer.
const LIMIT: Duration = Duration::from_secs(15);
/// "The first offset", where `ListOffsets` takes a timestamp.
const EARLIEST: i64 = -2;
/// "The end", where `ListOffsets` takes a timestamp.
const LATEST: i64 = -1;

/// The bounds of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounds {
    /// The first offset that may still be there.
    pub low: i64,
    /// The last stable offset: no transaction that began before it is open.
    pub stable: i64,
    /// The end: the next record gets this offset.
    pub high: i64,
}

/// A partition: physical topic, number.
pub type Place = (String, i32);

/// The bounds of partitions.
pub type Ends = BTreeMap<Place, Bounds>;

/// Reads bounds; keeps its connections, so a second look takes a few milliseconds. Cheap to clone.
#[derive(Clone)]
pub struct EndsReader {
    committed: Arc<BaseConsumer>,
    uncommitted: Arc<BaseConsumer>,
}

impl std::fmt::Debug for EndsReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndsReader").finish_non_exhaustive()
    }
}

impl EndsReader {
    /// A reader; it connects when it is first used.
    pub fn new(endpoints: &Endpoints) -> Result<Self, KafkaError> {
        let make = |isolation| {
            consumer_config(endpoints, isolation)
                .create()
                .map(Arc::new)
                .map_err(|error| KafkaError::new("making a consumer", &error))
        };
        Ok(Self { committed: make("read_committed")?, uncommitted: make("read_uncommitted")? })
    }

    /// The bounds of these topics (physical name, number of partitions) now.
    ///
    /// The stable end is read before the high one, so `stable == high` means that no transaction
    /// was open at the moment the stable end was read.
    pub async fn ends(&self, topics: &[(String, i32)]) -> Result<Ends, KafkaError> {
        let (committed, uncommitted) = (Arc::clone(&self.committed), Arc::clone(&self.uncommitted));
        let topics = topics.to_vec();
        let read = move || {
            let stable = offsets(&committed, &topics, LATEST)?;
            let high = offsets(&uncommitted, &topics, LATEST)?;
            let low = offsets(&committed, &topics, EARLIEST)?;
            let mut ends = Ends::new();
            for (place, stable) in stable {
                let of = |map: &BTreeMap<Place, i64>| {
                    map.get(&place).copied().ok_or_else(|| missing(&place))
                };
                let bounds = Bounds { low: of(&low)?, stable, high: of(&high)? };
                ends.insert(place, bounds);
            }
            for (topic, partitions) in topics {
                for partition in 0..partitions {
                    let place = (topic.clone(), partition);
                    if !ends.contains_key(&place) {
                        return Err(missing(&place));
                    }
                }
            }
            Ok(ends)
        };
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| KafkaError::new("reading the ends of topics", &error))?
    }
}

fn missing((topic, partition): &Place) -> KafkaError {
    let doing = format!("reading the ends of {topic}");
    KafkaError::new(doing, &format!("the broker named none for partition {partition}"))
}

/// One `ListOffsets` for all partitions at once.
fn offsets(
    consumer: &BaseConsumer,
    topics: &[(String, i32)],
    timestamp: i64,
) -> Result<BTreeMap<Place, i64>, KafkaError> {
    let failed = |error| KafkaError::new("reading the ends of topics", &error);
    let mut list = TopicPartitionList::new();
    for (topic, partitions) in topics {
        for partition in 0..*partitions {
            // rdkafka has no name for a timestamp in a list; these two are what the protocol says.
            let at = if timestamp == LATEST { Offset::End } else { Offset::Beginning };
            list.add_partition_offset(topic, partition, at).map_err(failed)?;
        }
    }
    let answer = consumer.offsets_for_times(list, LIMIT).map_err(failed)?;
    let mut found = BTreeMap::new();
    for element in answer.elements() {
        element.error().map_err(|error| {
            KafkaError::new(format!("reading the ends of {}", element.topic()), &error)
        })?;
        if let Offset::Offset(offset) = element.offset() {
            found.insert((element.topic().to_owned(), element.partition()), offset);
        }
    }
    Ok(found)
}
