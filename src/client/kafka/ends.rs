//! Where topics begin and end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError as RdError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};

use super::{KafkaError, consumer_config};
use crate::client::reach::Reach;
use crate::client::wait::{self, Look, WaitError};

/// How long the broker may take to answer.
const LIMIT: Duration = Duration::from_secs(15);
/// What is being done, for errors.
const DOING: &str = "reading the ends of topics";

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
    pub fn new(reach: &Reach) -> Result<Self, KafkaError> {
        let make = |isolation| {
            consumer_config(reach, isolation)
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
        let settled = wait::until("the broker to tell the ends of topics", LIMIT, || async {
            let clients = (Arc::clone(&self.committed), Arc::clone(&self.uncommitted));
            let topics = topics.to_vec();
            match tokio::task::spawn_blocking(move || read(&clients.0, &clients.1, &topics)).await {
                Ok(Ok(ends)) => Ok(Look::Holds(ends)),
                Ok(Err(error)) if is_passing(&error) => Ok(Look::NotYet(error.to_string())),
                Ok(Err(error)) => Err(KafkaError::new(DOING, &error)),
                Err(error) => Err(KafkaError::new(DOING, &error)),
            }
        });
        settled.await.map_err(|error| match error {
            WaitError::Look(error) => error,
            WaitError::TimedOut(late) => KafkaError::new(DOING, &late),
        })
    }
}

/// A topic that was created a moment ago has its leader on the broker before the broker knows that
/// it leads; a broker that was restarted tells the same for a while.
fn is_passing(error: &RdError) -> bool {
    use RDKafkaErrorCode as Code;
    let passing = [
        Code::NotLeaderForPartition,
        Code::LeaderNotAvailable,
        Code::UnknownTopicOrPartition,
        Code::UnknownPartition,
        Code::UnknownTopic,
        Code::BrokerTransportFailure,
        Code::AllBrokersDown,
        Code::NetworkException,
        Code::OffsetNotAvailable,
        Code::UnknownLeaderEpoch,
        Code::FencedLeaderEpoch,
    ];
    error.rdkafka_error_code().is_some_and(|code| passing.contains(&code))
}

fn read(
    committed: &BaseConsumer,
    uncommitted: &BaseConsumer,
    topics: &[(String, i32)],
) -> Result<Ends, RdError> {
    let stable = offsets(committed, topics, Offset::End)?;
    let high = offsets(uncommitted, topics, Offset::End)?;
    let low = offsets(committed, topics, Offset::Beginning)?;
    let mut ends = Ends::new();
    for (topic, partitions) in topics {
        for partition in 0..*partitions {
            let place = (topic.clone(), partition);
            let of = |map: &BTreeMap<Place, i64>| {
                let unknown = RdError::MetadataFetch(RDKafkaErrorCode::UnknownPartition);
                map.get(&place).copied().ok_or(unknown)
            };
            let bounds = Bounds { low: of(&low)?, stable: of(&stable)?, high: of(&high)? };
            ends.insert(place, bounds);
        }
    }
    Ok(ends)
}

/// One `ListOffsets` for all partitions at once. rdkafka has no name for a timestamp in a list; the
/// protocol's two special ones are those of the two offsets that are allowed here.
fn offsets(
    consumer: &BaseConsumer,
    topics: &[(String, i32)],
    at: Offset,
) -> Result<BTreeMap<Place, i64>, RdError> {
    let mut list = TopicPartitionList::new();
    for (topic, partitions) in topics {
        for partition in 0..*partitions {
            list.add_partition_offset(topic, partition, at)?;
        }
    }
    let answer = consumer.offsets_for_times(list, LIMIT)?;
    // Of a topic that has grown since, the client knows what it was; by itself it asks in minutes.
    let is_unknown = |element: &TopicPartitionListElem<'_>| {
        let code = element.error().err().and_then(|error| error.rdkafka_error_code());
        code == Some(RDKafkaErrorCode::UnknownPartition)
    };
    if let Some(unknown) = answer.elements().iter().find(|element| is_unknown(element)) {
        consumer.fetch_metadata(Some(unknown.topic()), LIMIT)?;
    }
    let mut found = BTreeMap::new();
    for element in answer.elements() {
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            found.insert((element.topic().to_owned(), element.partition()), offset);
        }
    }
    Ok(found)
}
