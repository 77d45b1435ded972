//! A tap: reads every committed record of many partitions, all the time, and knows how far it is.
//!
//! *How far* is the consumer's position, not the offset of the last record: it also moves past
//! transaction markers and aborted transactions, which are offsets without a record. So "read up to
//! this end" is right although offsets have gaps. librdkafka moves the position past a control
//! batch when the queue it stands in is polled, in order with the records; no record comes with it,
//! so the tap polls whenever the queue gets something, and does not only wait for records.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as RdError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::watch;

use super::{Ends, KafkaError, Place, consumer_config};
use crate::client::reach::Reach;
use crate::client::wait::{self, Look, TimedOut};
use crate::history::event::{Bytes, Record, Topic};

/// Takes each record as it comes: within a partition in the order of offsets, with the topic's
/// logical name. It runs on the tap's own thread and must not block for long.
pub type Handler = Box<dyn FnMut(Record) + Send>;

/// A poll ends early when it meets a line of the client's log (a broker that went away), and what is
/// left in the queue then wakes nobody: it is looked at again after this time.
const UNWOKEN: Duration = Duration::from_millis(100);

/// Reads until it is dropped.
pub struct Tap {
    /// `None` only while it is dropped.
    consumer: Option<Arc<BaseConsumer>>,
    wake: SyncSender<Wake>,
    shared: Arc<Shared>,
    positions: watch::Receiver<BTreeMap<Place, i64>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Logical names, and how many partitions are read, by physical names.
    names: Mutex<BTreeMap<String, (String, i32)>>,
    /// Offsets of the records handed over, ascending.
    visible: Mutex<BTreeMap<Place, Vec<i64>>>,
    /// What the client complained about last.
    complaint: Mutex<Option<String>>,
}

enum Wake {
    Look,
    Stop,
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tap").field("positions", &*self.positions.borrow()).finish_non_exhaustive()
    }
}

impl Tap {
    /// Starts to read all partitions of these topics from their beginning.
    pub fn start(reach: &Reach, topics: &[Topic], handler: Handler) -> Result<Self, KafkaError> {
        let failed = |error: &dyn std::fmt::Display| KafkaError::new("starting a tap", &error);
        let mut consumer: BaseConsumer =
            consumer_config(reach, "read_committed").create().map_err(|e| failed(&e))?;
        // One place is enough: a look that is still to come sees whatever was added meanwhile.
        let (wake, woken) = sync_channel(1);
        let waker = wake.clone();
        consumer.set_nonempty_callback(move || {
            let _full_is_fine = waker.try_send(Wake::Look);
        });
        let consumer = Arc::new(consumer);
        let shared = Arc::new(Shared::default());
        let (publish, positions) = watch::channel(BTreeMap::new());
        let reader = Reader {
            consumer: Arc::clone(&consumer),
            shared: Arc::clone(&shared),
            publish,
            handler,
        };
        let thread = std::thread::Builder::new()
            .name("tap".to_owned())
            .spawn(move || reader.run(&woken))
            .map_err(|e| failed(&e))?;
        let tap = Self { consumer: Some(consumer), wake, shared, positions, thread: Some(thread) };
        tap.add(topics)?;
        Ok(tap)
    }

    /// Reads these topics too, or more partitions of them, from their beginning.
    pub fn add(&self, topics: &[Topic]) -> Result<(), KafkaError> {
        let failed = |error: RdError| KafkaError::new("adding topics to a tap", &error);
        let mut list = TopicPartitionList::new();
        for topic in topics {
            // Of a topic that has grown, the partitions that are read already are left alone.
            let mut names = lock(&self.shared.names);
            let read = names.insert(topic.physical.clone(), (topic.name.clone(), topic.partitions));
            drop(names);
            for partition in read.map_or(0, |(_, partitions)| partitions)..topic.partitions {
                // Offset 0 instead of "the beginning" saves a round trip; where it is gone already,
                // the reset policy goes to the first record that is left.
                list.add_partition_offset(&topic.physical, partition, Offset::Offset(0))
                    .map_err(failed)?;
            }
        }
        self.consumer
            .iter()
            .try_for_each(|consumer| consumer.incremental_assign(&list))
            .map_err(failed)
    }

    /// Waits until everything below the stable ends was read and handed over.
    pub async fn reached(&self, ends: &Ends, limit: Duration) -> Result<(), TimedOut> {
        let mut positions = self.positions.clone();
        let reached = wait::observe("the taps to reach the ends", limit, &mut positions, |at| {
            for (place, bounds) in ends {
                let position = at.get(place).copied().unwrap_or(0);
                if bounds.stable > bounds.low && position < bounds.stable {
                    let ((topic, partition), end) = (place, bounds.stable);
                    return Look::NotYet(format!(
                        "{topic}[{partition}] was read up to {position} of {end}{}",
                        self.complaint(),
                    ));
                }
            }
            Look::Holds(())
        });
        reached.await
    }

    /// The offset of the last record before `below`; `None` if there is no record (whatever stands
    /// there are transaction markers, or nothing). Only right once the tap has reached `below`.
    pub fn last_visible(&self, physical: &str, partition: i32, below: i64) -> Option<i64> {
        let visible = lock(&self.shared.visible);
        let offsets = visible.get(&(physical.to_owned(), partition))?;
        let count = offsets.partition_point(|offset| *offset < below);
        offsets.get(count.checked_sub(1)?).copied()
    }

    fn complaint(&self) -> String {
        lock(&self.shared.complaint)
            .as_ref()
            .map(|text| format!(" (the client says: {text})"))
            .unwrap_or_default()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        // The thread may be waiting to be woken, or about to; `send` waits for a free place, and
        // fails only when the thread has ended already.
        let _ended_is_fine = self.wake.send(Wake::Stop);
        if let Some(thread) = self.thread.take() {
            // A handler that panicked has printed its message; there is no one to tell here.
            let _panicked = thread.join();
        }
        // Closing the consumer takes up to 100 ms, in which no handler is called any more.
        let consumer = self.consumer.take();
        let closer = std::thread::Builder::new().name("tap-closer".to_owned());
        let _closed_here_without_a_thread = closer.spawn(move || drop(consumer));
    }
}

/// The tap's own thread.
struct Reader {
    consumer: Arc<BaseConsumer>,
    shared: Arc<Shared>,
    publish: watch::Sender<BTreeMap<Place, i64>>,
    handler: Handler,
}

impl Reader {
    fn run(mut self, woken: &Receiver<Wake>) {
        while let Ok(Wake::Look) | Err(RecvTimeoutError::Timeout) = woken.recv_timeout(UNWOKEN) {
            self.drain();
            self.publish_positions();
        }
    }

    /// Takes everything the queue holds.
    fn drain(&mut self) {
        let consumer = Arc::clone(&self.consumer);
        let mut taken = 0_u32;
        while let Some(polled) = consumer.poll(Duration::ZERO) {
            match polled {
                Ok(message) => self.take(&message),
                Err(error) => *lock(&self.shared.complaint) = Some(error.to_string()),
            }
            taken += 1;
            // Who waits for an end must not wait until a long backlog is read whole.
            if taken.is_multiple_of(1000) {
                self.publish_positions();
            }
        }
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) {
        let place = (message.topic().to_owned(), message.partition());
        let name = lock(&self.shared.names).get(&place.0).cloned();
        let name = name.map_or_else(|| place.0.clone(), |(name, _)| name);
        (self.handler)(record(message, name));
        lock(&self.shared.visible).entry(place).or_default().push(message.offset());
    }

    fn publish_positions(&self) {
        match self.consumer.position() {
            Ok(list) => {
                let mut positions = BTreeMap::new();
                for element in list.elements() {
                    if let Offset::Offset(offset) = element.offset() {
                        positions.insert((element.topic().to_owned(), element.partition()), offset);
                    }
                }
                self.publish.send_replace(positions);
            }
            Err(error) => *lock(&self.shared.complaint) = Some(error.to_string()),
        }
    }
}

fn record(message: &BorrowedMessage<'_>, topic: String) -> Record {
    let bytes = |bytes: &[u8]| Bytes(bytes.to_vec());
    let headers = message.headers().map(|headers| {
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(bytes))).collect()
    });
    Record {
        topic,
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key().map(bytes),
        value: message.payload().map(bytes),
        headers: headers.unwrap_or_default(),
    }
}

/// A panic while the lock was held leaves plain data that is still right to read.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads these topics once, from their beginning to these stable ends, and stops.
pub async fn read_to(
    reach: &Reach,
    topics: &[Topic],
    ends: &Ends,
    limit: Duration,
) -> Result<Vec<Record>, KafkaError> {
    let records = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&records);
    let stable: BTreeMap<_, _> = topics
        .iter()
        .flat_map(|topic| (0..topic.partitions).map(move |partition| (topic, partition)))
        .filter_map(|(topic, partition)| {
            let end = ends.get(&(topic.physical.clone(), partition))?.stable;
            Some(((topic.name.clone(), partition), end))
        })
        .collect();
    let handler = Box::new(move |record: Record| {
        // A record beyond the end is none of the caller's business: it may or may not be there yet.
        let end = stable.get(&(record.topic.clone(), record.partition)).copied().unwrap_or(0);
        if record.offset < end {
            lock(&keep).push(record);
        }
    });
    let tap = Tap::start(reach, topics, handler)?;
    let asked = |place: &Place| topics.iter().any(|topic| topic.physical == place.0);
    let ends: Ends =
        ends.iter().filter(|(at, _)| asked(at)).map(|(at, b)| (at.clone(), *b)).collect();
    let reached = tap.reached(&ends, limit).await;
    drop(tap);
    reached.map_err(|late| KafkaError::new("reading topics to their ends", &late))?;
    let read = std::mem::take(&mut *lock(&records));
    Ok(read)
}
