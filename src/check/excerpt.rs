//! What is known of a whole run where a history holds only some of its keys.

use std::collections::BTreeMap;

use crate::base::position::{Lsn, Position};
use crate::model::source::Transaction;

/// What is known of the whole; nothing where the history is the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// Which changes of its transactions the history holds, where it does not hold all of them.
    places: BTreeMap<Lsn, Vec<u32>>,
    /// How many changes of captured tables were committed.
    pub(super) n_captured: usize,
    /// By topic and partition: when the last record that could be read was written, in milliseconds
    /// since 1970; the least number where none says it.
    read: BTreeMap<String, BTreeMap<i32, i64>>,
    /// The names of the sinks, which are not judged.
    pub(super) sinks: Vec<String>,
    /// The point that the snapshot's rows say, where there are rows.
    pub(super) point: Option<Lsn>,
    /// The first change whose record was streamed.
    pub(super) first_streamed: Option<Position>,
    /// When the last row of the snapshot was written, in milliseconds since 1970.
    pub(super) read_until: Option<i64>,
}

impl Excerpt {
    /// The changes that are held of a transaction stood at these places among all of it.
    pub(super) fn holds(&mut self, commit: Lsn, places: Vec<u32>) {
        self.places.insert(commit, places);
    }

    /// Gives the changes of a transaction the positions that they have in the whole journal.
    pub(super) fn restore(&self, transaction: &mut Transaction) {
        let n = transaction.changes.len();
        let places = self.places.get(&transaction.commit).filter(|places| places.len() == n);
        let Some(places) = places else { return };
        for (change, index) in itertools::zip_eq(&mut transaction.changes, places) {
            let change = std::sync::Arc::make_mut(change);
            change.position = Position { index: *index, ..change.position };
        }
    }

    /// Records of a partition were read, the last of them written at this time.
    pub(super) fn was_read(&mut self, (topic, partition): (&str, i32), last_ms: i64) {
        self.read.entry(topic.to_owned()).or_default().insert(partition, last_ms);
    }

    /// Whether records of any topic were read.
    pub(super) fn has_read(&self) -> bool {
        !self.read.is_empty()
    }

    /// The partitions of a topic of which records were read.
    pub(super) fn partitions(&self, topic: &str) -> impl Iterator<Item = i32> + Clone + '_ {
        self.read.get(topic).into_iter().flat_map(BTreeMap::keys).copied()
    }

    /// Whether a record of the topic was written at that time or later.
    pub(super) fn was_written_since(&self, topic: &str, ms: i64) -> bool {
        let lasts = self.read.get(topic).into_iter().flat_map(BTreeMap::values);
        lasts.into_iter().any(|last| *last >= ms)
    }
}
