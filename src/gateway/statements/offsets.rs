//! How far a statement has come: the offsets up to which everything that it read is delivered.
//!
//! A source's metric says what was read. What was read when a checkpoint was complete is part of the
//! next but one, since one may have been under way; and what a sink has written for a checkpoint is
//! committed when the one behind it is complete. So a reading is told three checkpoints later, and is
//! never ahead of what a reader of committed records sees.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use crate::client::flink::{FlinkError, JobManager};
use crate::client::metric::{current_offset, sanitised};

/// Checkpoints that must have completed since a reading.
const CHECKPOINTS: u64 = 3;

/// The last offset that was processed, by topic and partition; -1 where none was yet.
pub(super) type Offsets = BTreeMap<(String, i32), i64>;

/// What was read at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reading {
    /// The last checkpoint that was complete then.
    after: u64,
    at: Timestamp,
    offsets: Offsets,
}

/// The readings of a statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Progress {
    waiting: VecDeque<Reading>,
    told: Option<(Timestamp, Offsets)>,
}

impl Progress {
    /// A reading, taken before `completed` was found to be the last complete checkpoint.
    fn add(&mut self, at: Timestamp, offsets: Offsets, completed: u64) {
        // One a checkpoint is enough: the last of them.
        if self.waiting.back().is_some_and(|last| last.after == completed) {
            self.waiting.pop_back();
        }
        self.waiting.push_back(Reading { after: completed, at, offsets });
        while self.waiting.front().is_some_and(|first| first.after + CHECKPOINTS <= completed) {
            self.told = self.waiting.pop_front().map(|ripe| (ripe.at, ripe.offsets));
        }
    }

    /// What may be told, and since when it holds.
    pub(super) fn told(&self) -> Option<&(Timestamp, Offsets)> {
        self.told.as_ref()
    }

    /// The last reading, delivered or not: for a fault.
    pub(super) fn ahead(&self) -> Option<(Timestamp, Offsets)> {
        self.waiting.back().map(|last| (last.at, last.offsets.clone()))
    }

    /// What was not told yet will not be: the job is another one from here on.
    pub(super) fn begin_anew(&mut self) {
        self.waiting.clear();
    }

    /// Takes a reading of a job. `topics` are those that it may read.
    pub(super) async fn read(
        flink: &JobManager,
        job: &str,
        topics: &[String],
    ) -> Result<Option<(Timestamp, Offsets, u64)>, FlinkError> {
        let at = Timestamp::try_from(crate::client::clock::now()).unwrap_or_default();
        let Some(found) = flink.job(job).await? else { return Ok(None) };
        let mut offsets = Offsets::new();
        let sources = found.vertices.iter().filter(|vertex| vertex.name.contains("Source: "));
        for vertex in sources {
            let mut names = flink.metric_names(job, &vertex.id).await?;
            names.retain(|name| current_offset(name).is_some());
            for (name, value) in flink.metrics(job, &vertex.id, &names).await? {
                let topic = |topic: &&String| {
                    current_offset(&name).is_some_and(|metric| metric.topic == sanitised(topic))
                };
                let (Some(metric), Some(topic)) =
                    (current_offset(&name), topics.iter().find(topic))
                else {
                    continue;
                };
                let last = value.parse::<i64>().unwrap_or(-1);
                let place = offsets.entry((topic.clone(), metric.partition)).or_insert(last);
                // Where two sources read a topic, the one that is behind counts.
                *place = last.min(*place);
            }
        }
        let completed = flink.last_checkpoint(job).await?.unwrap_or(0);
        Ok(Some((at, offsets, completed)))
    }

    /// Adds what [`Self::read`] gave.
    pub(super) fn learn(&mut self, (at, offsets, completed): (Timestamp, Offsets, u64)) {
        if !offsets.is_empty() {
            self.add(at, offsets, completed);
        }
    }
}

/// As the API writes them: `partition:0,offset:100;partition:1,offset:200` by topic. A partition of
/// which nothing was processed is left out.
pub(super) fn written(offsets: &Offsets) -> BTreeMap<String, String> {
    let mut topics: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ((topic, partition), offset) in offsets.iter().filter(|(_, offset)| **offset >= 0) {
        let one = format!("partition:{partition},offset:{offset}");
        topics.entry(topic.clone()).or_default().push(one);
    }
    topics.into_iter().map(|(topic, all)| (topic, all.join(";"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64) -> Offsets {
        BTreeMap::from([(("t".to_owned(), 0), offset)])
    }

    fn told(progress: &Progress) -> Option<i64> {
        progress.told().and_then(|(_, offsets)| offsets.values().next().copied())
    }

    #[test]
    fn a_reading_is_told_three_checkpoints_later() {
        let mut progress = Progress::default();
        let mut seen = Vec::new();
        for (offset, completed) in [(5, 1), (7, 1), (9, 2), (11, 3), (12, 4), (13, 4), (14, 5)] {
            progress.add(Timestamp::UNIX_EPOCH, at(offset), completed);
            seen.push(told(&progress));
        }
        assert_eq!(seen, [None, None, None, None, Some(7), Some(7), Some(9)]);
        progress.begin_anew();
        progress.add(Timestamp::UNIX_EPOCH, at(20), 9);
        assert_eq!(told(&progress), Some(9));
    }

    #[test]
    fn offsets_are_written_by_topic() {
        let mut offsets = at(100);
        offsets.insert(("t".to_owned(), 1), 200);
        offsets.insert(("t".to_owned(), 2), -1);
        let expected = "partition:0,offset:100;partition:1,offset:200".to_owned();
        assert_eq!(written(&offsets), BTreeMap::from([("t".to_owned(), expected)]));
    }
}
