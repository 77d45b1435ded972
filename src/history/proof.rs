//! The evidence of a proof of quiescence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::SinkMode;
use crate::base::grade::Grade;
use crate::base::position::Lsn;

/// Evidence that nothing more can arrive from what was committed before it (design: proof of
/// quiescence). Records of the proof's topics below its ends are all in the history before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// From 0.
    pub number: u32,
    /// The entry that awaited it.
    pub entry: usize,
    /// On which evidence of the engine it stands; a checkpoint in histories before 1.8.
    #[serde(default, skip_serializing_if = "Grade::is_full")]
    pub grade: Grade,
    /// The end LSN of the last commit it covers (barriers apart); `None` when there was none.
    pub last_commit_end: Option<Lsn>,
    /// The end LSN of the barrier's commit.
    pub barrier_end: Lsn,
    /// The slot's `confirmed_flush_lsn` that was seen; of several connectors' slots the least.
    pub confirmed: Lsn,
    /// End offsets by topic (logical name): one a partition, low and high.
    pub ends: BTreeMap<String, Vec<(i64, i64)>>,
    /// One a job, in topological order.
    pub jobs: Vec<JobProof>,
    /// Windows that end at or before this are closed: the proven event-time watermark by sink, in
    /// milliseconds; `None` while it has not left its start. A sink is absent where the engine tells
    /// no watermark.
    pub watermarks: BTreeMap<String, Option<i64>>,
    /// How far it may have come by then, in this attempt or in one before it, by sink and where that
    /// is more: windows that end after this are open.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub watermarks_at_most: BTreeMap<String, Option<i64>>,
    /// What could not be proven, in sentences; then the sinks named are `unknown`.
    pub gaps: Vec<ProofGap>,
    /// How long the proof took, in milliseconds.
    pub elapsed_ms: u64,
}

/// Why a sink's quiescence could not be proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofGap {
    /// The sink.
    pub sink: String,
    /// The missing evidence, in one sentence.
    pub sentence: String,
}

/// The evidence for one job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobProof {
    /// Flink's job id.
    pub job: String,
    /// The sinks it writes.
    pub sinks: Vec<String>,
    /// Task and attempt ids, which must not have changed while it was proven.
    pub attempts: Vec<String>,
    /// Per source operator and partition: operator, topic, partition, offset delivered.
    pub sources: Vec<(String, String, i32, i64)>,
    /// Per event-time operator: operator, watermark computed from the records, watermark seen.
    pub watermarks: Vec<(String, i64, i64)>,
    /// How windows reach its sinks; none in histories before 1.4.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firings: Vec<Firing>,
    /// The tables of which some subtasks of their sources read no partition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unassigned: Vec<Unassigned>,
    /// The id of the checkpoint that was triggered after that and completed; 0 where the proof is of
    /// another grade.
    pub checkpoint: u64,
    /// What the engine said of its input, where the proof stands on that: at least twice, at later times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Report>,
    /// Where it writes files: the second checkpoint after that one. It completes only once every
    /// task has taken in that the first is complete, and thus has committed the files of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<u64>,
    /// Per windowed operator: how many rows it says it dropped as late, so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<(String, u64)>,
    /// What the source operators gave on, of the tables whose format leaves out what it cannot
    /// read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
}

/// How far an engine says that a statement is in its input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The time of the report, in milliseconds since 1970.
    pub at_ms: i64,
    /// Topic, partition, and the last offset that was processed; `i64::MAX` where a bounded source has
    /// ended.
    pub processed: Vec<(String, i32, i64)>,
}

/// Subtasks of a source that read no partition: they give no watermark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unassigned {
    /// The Flink table.
    pub table: String,
    /// How many there are.
    pub without: u32,
    /// Of so many.
    pub subtasks: u32,
}

/// How windows reach a sink, by the graph of its job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firing {
    /// The sink.
    pub sink: String,
    /// The tasks that fire them; none where the statements before have fired them all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<String>,
    /// The topics whose rows these are made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<String>,
    /// The topics whose rows are windows already, which are passed on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<String>,
    /// The topics whose rows come to them after they have fired (a join with a table, a union).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
    /// A row of a window that has fired may be written again, because of other rows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reworked: bool,
    /// The time zone of their statement, where it is not UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoned: Option<Zoned>,
}

/// The time zone (`table.local-time-zone`) by which windows start and end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zoned {
    /// Its name.
    pub name: String,
    /// Event time is a `TIMESTAMP`: the watermark itself counts wall times. Else it counts points in
    /// time, and only the ends of the windows are wall times.
    pub wall: bool,
}

/// What a source operator made of the records of its topics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The Flink table.
    pub table: String,
    /// The logical names of its topics.
    pub topics: Vec<String>,
    /// The format of its values (`debezium-json`).
    pub format: String,
    /// Whether the format expects each value behind its schema (`schema-include`); `None` in
    /// histories before 1.4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_include: Option<bool>,
    /// How its topics are read.
    pub mode: SinkMode,
    /// The rows it gave on, from the first record on; `None` where nothing tells.
    pub rows: Option<u64>,
}
