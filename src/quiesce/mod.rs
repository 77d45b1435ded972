//! The proof that nothing more can arrive.
//!
//! Its steps, for everything up to a commit and the barrier after it:
//! 1. The barrier was read back from its topic; of several connectors, from that of each.
//! 2. The connector's slot is confirmed past the end of the last commit: Debezium confirms a
//!    position only once Kafka has acknowledged every record before it. So is the slot of each of
//!    several connectors: every one reads the whole WAL, whatever it captures of it.
//! 3. The ends of all topics are read, with no transaction open in them.
//! 4. Job by job, in the order of who writes what others read: each source operator has delivered
//!    the last record below each end, and each task behind the sources has the watermark that the
//!    records make; then a checkpoint is triggered and completes; then the ends of the job's sinks
//!    are read, which are those that the jobs behind it must reach. A job that writes files commits
//!    them once it hears that a checkpoint is complete, so two more checkpoints follow: a task looks
//!    for such messages between two inputs, and so may take the next barrier first (seen on a busy
//!    machine), but never the one behind it.
//! 5. The tap has read everything up to the ends.
//! 6. Attempts of all tasks, slot and ends are read again: a difference starts the proof over.
//!
//! Steps 2 and 4 run side by side, since step 6 comes after both: if the ends that were proven
//! processed are still the ends once the slot is confirmed, they are the ends of step 3.
//!
//! After a fault that may have started tasks again, metrics prove nothing: the JobManager may show
//! those of the former attempt for one fetch interval, and a source that was restored past its last
//! record shows -1. Then step 4 waits for a checkpoint whose own files hold every source behind the
//! last record. No state holds a source's watermark: it is made again from the records behind the
//! restored offsets. Records that were stamped after the attempt began are surely among them, and all
//! of them together bound it from above; a watermark that is seen beyond what former attempts can
//! have had is this attempt's.
//!
//! Attempts are read from a copy of the graph that is up to `web.refresh-interval` old; without a
//! restart strategy that is harmless, since a job that lost a task has failed, and completes no
//! checkpoint; with one it is the checkpoint's files that count.
//!
//! An operator that waits for answers from outside (a model) is asked whether it holds records back.
//!
//! All of this is the proof of the grade `checkpoint`; `claimed` has those of the others.

mod asynchronous;
mod barrier;
mod claimed;
mod connector;
mod failing;
mod firing;
mod job;
mod log;
mod prove;
mod readings;
mod restored;
mod watermark;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::base::anomaly::Anomaly;
use crate::base::grade::Grade;
use crate::base::position::Lsn;
use crate::client::kafka::{EndsReader, Tap};
use crate::client::postgres::Connection;
use crate::client::roles::{Connectors, Engine};
use crate::history::event::{SinkMode, Topic, Zoned};
use crate::score::manners::Behaviour;

pub use crate::client::state::last_checkpoint;
pub use barrier::{BARRIER_PREFIX, Barriers, emit, is_barrier};
pub use claimed::flush;
pub use connector::{Streaming, position, stored, streaming};
pub use failing::{Asked, Disturbances, all, failed as jobs_failed, failure};
pub use job::watermark;
pub use log::ConnectorLog;
pub use prove::prove;

/// The clients that a proof asks.
#[derive(Clone, Copy)]
pub struct Clients<'a> {
    /// A control connection (any database of the server).
    pub postgres: &'a Connection,
    /// The database whose changes are captured.
    pub database: &'a Connection,
    /// Who keeps the connector.
    pub connect: &'a dyn Connectors,
    /// Reads the ends of topics.
    pub ends: &'a EndsReader,
    /// Who runs the statements.
    pub engine: &'a dyn Engine,
    /// Reads every topic of the pipeline.
    pub tap: &'a Tap,
    /// Barriers that came back; fed by the tap's handler.
    pub barriers: &'a Barriers,
    /// Knows the event time of records.
    pub clocks: &'a dyn Clocks,
    /// The service that jobs ask, if each record is asked for once and dropped where it is refused.
    pub asks_once: Option<&'a Behaviour>,
    /// What is done to what the jobs stand on.
    pub disturbances: &'a Disturbances,
    /// What Connect's worker says of the connector.
    pub log: &'a ConnectorLog,
}

/// Everything that may fail while something is waited for.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Who keeps the connector.
    pub connect: Arc<dyn Connectors>,
    /// The connectors on it.
    pub connectors: Vec<Connector>,
    /// Who runs the statements.
    pub engine: Arc<dyn Engine>,
    /// The jobs that run.
    pub jobs: Vec<Job>,
    /// What is done to what they stand on.
    pub disturbances: Disturbances,
    /// What Connect's worker says of the connector.
    pub log: ConnectorLog,
}

impl Watch {
    /// Ends only when the connector or a job has failed, or waits for what cannot come; not within
    /// `limit`.
    pub async fn failed(&self, limit: Duration) -> Unproven {
        tokio::select! {
            failed = connector::failed((&*self.connect, &self.log), &self.connectors, limit) => failed,
            failed = jobs_failed((&*self.engine, &self.disturbances), &self.jobs, limit) => failed,
        }
    }
}

/// What a watermark clause makes of the records of a topic, as the caller computes it from the
/// records that the tap handed over.
pub trait Clocks: Sync {
    /// The watermark, in milliseconds, that source table `read.table` has emitted for one partition
    /// after the records below offset `below`; `None` while there is no such record.
    fn watermark(&self, read: &Read, partition: i32, below: i64) -> Option<i64>;

    /// The same of the records alone that were written after a time (in milliseconds since 1970),
    /// and of the others; `None` where no record's stamp tells when it was written.
    fn parted(
        &self,
        read: &Read,
        partition: i32,
        below: i64,
        since_ms: i64,
    ) -> Option<(Option<i64>, Option<i64>)>;
}

/// What is proven quiet.
#[derive(Debug, Clone, Copy)]
pub struct Pipeline<'a> {
    /// The connectors that were started.
    pub connectors: &'a [Connector],
    /// Every topic of the run: captured ones, the barrier's, the statements'.
    pub topics: &'a [Topic],
    /// The jobs, in any order. They run until they are cancelled.
    pub jobs: &'a [Job],
    /// Topics on the broker that are held: their readers see what stands before an open transaction.
    pub held: &'a [String],
}

/// A connector of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// Its name on Connect.
    pub name: String,
    /// What the author calls it, where there are several.
    pub called: Option<String>,
    /// Its slot.
    pub slot: String,
    /// The topic on which barriers come back through it, by its logical name.
    pub barriers: String,
    /// It confirms to the slot what it has written; else somebody else does, and what Connect has
    /// stored tells how far it is.
    pub confirms: bool,
}

impl Connector {
    /// What to call it in a sentence.
    fn subject(&self) -> String {
        match &self.called {
            Some(name) => format!("the connector `{name}`"),
            None => "the connector".to_owned(),
        }
    }

    /// A sentence about it that names it, where there are several.
    pub fn says(&self, sentence: String) -> String {
        match &self.called {
            Some(name) => format!("the connector `{name}`: {sentence}"),
            None => sentence,
        }
    }
}

/// A statement that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Flink's id.
    pub id: String,
    /// The sinks it writes (Flink tables).
    pub sinks: Vec<SinkTopic>,
    /// Some of its sinks are files, which it commits when it hears that a checkpoint is complete.
    pub commits_files: bool,
    /// The source tables it reads.
    pub reads: Vec<Read>,
    /// Why quiescence of its sinks cannot be proven whatever is seen, in sentences (processing
    /// time, state that expires); it is then proven as far as it can be, with these gaps.
    pub gaps: Vec<String>,
    /// It goes on from a state that an earlier job left.
    pub restored: bool,
    /// It waits for answers from outside, record by record.
    pub asynchronous: bool,
}

/// A sink and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkTopic {
    /// The Flink table.
    pub sink: String,
    /// Its topic on the broker; of a sink of files, their folder.
    pub topic: String,
}

/// A source table of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The Flink table, as its operator is named after it.
    pub table: String,
    /// Its topic on the broker.
    pub topic: String,
    /// Its watermark.
    pub watermark: Clause,
    /// The time zone of windows over it, where it is not UTC.
    pub zoned: Option<Zoned>,
    /// It leaves out what it cannot read.
    pub lenient: Option<Lenient>,
    /// It does not wait for transactions to be committed.
    pub uncommitted: bool,
    /// The last record of an aborted transaction by partition, as far as the run wrote them itself: who
    /// reads uncommitted records reads these too.
    pub aborted: BTreeMap<i32, i64>,
}

impl Read {
    /// The last record of a partition that it reads, where the last committed one is known.
    fn last(&self, partition: i32, committed: Option<i64>, below: i64) -> Option<i64> {
        let aborted = self.aborted.get(&partition).filter(|_| self.uncommitted);
        committed.max(aborted.copied().filter(|offset| *offset < below))
    }
}

/// A source table that leaves out what it cannot read, instead of failing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lenient {
    /// The format of its values.
    pub format: String,
    /// The format expects each value behind its schema.
    pub schema_include: bool,
    /// How its topics are read.
    pub mode: SinkMode,
    /// It reads them from the first record on.
    pub whole: bool,
}

/// What a source table says about its watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clause {
    /// It has none.
    None,
    /// It has a `WATERMARK` clause, and every partition counts.
    Strict,
    /// It has one, but partitions are left out while they are idle (`scan.watermark.idle-timeout`,
    /// `table.exec.source.idle-timeout`): which ones were is not to be told from the records.
    Idle,
}

/// Which proof is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// From 0.
    pub number: u32,
    /// The entry that awaits it.
    pub entry: usize,
    /// The end LSN of the last commit to cover (barriers apart); `None` when there was none.
    pub last_commit_end: Option<Lsn>,
    /// The barrier that was emitted after it.
    pub barrier: Barrier,
    /// How long it may take.
    pub limit: Duration,
    /// On which evidence of the engine.
    pub grade: Grade,
}

/// A barrier: a logical message in the WAL, after everything it is to prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Barrier {
    /// Its content, which no other barrier of the run has.
    pub content: String,
    /// The end LSN of its commit, as the journal has it.
    pub end: Lsn,
}

/// Why there is no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The pipeline is at fault: it stopped moving within the limit, or a part of it failed. One a
    /// place, at least one.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", and "))]
    Trouble(Vec<Trouble>),
    /// A component did not answer as it should; says nothing about the pipeline.
    #[error("{0}")]
    Broken(String),
}

/// What `history::event::Event::Trouble` says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {place}: {sentence}", finding.name())]
pub struct Trouble {
    /// `stalled`, `connector-failed` or `statement-failed`.
    pub finding: Anomaly,
    /// The sink, or `connector`.
    pub place: String,
    /// One sentence.
    pub sentence: String,
    /// What was there when the limit passed, or more of the cause.
    pub detail: Vec<String>,
}

impl Unproven {
    /// The same trouble at every sink of a job.
    pub fn at_sinks(job: &Job, finding: Anomaly, sentence: &str, detail: &[String]) -> Self {
        let at = |sink: &SinkTopic| Trouble {
            finding,
            place: sink.sink.clone(),
            sentence: sentence.to_owned(),
            detail: detail.to_vec(),
        };
        Self::Trouble(job.sinks.iter().map(at).collect())
    }

    /// Trouble of the connector.
    pub fn at_connector(finding: Anomaly, sentence: String, detail: Vec<String>) -> Self {
        let place = "connector".to_owned();
        Self::Trouble(vec![Trouble { finding, place, sentence, detail }])
    }

    fn broken(error: &dyn std::fmt::Display) -> Self {
        Self::Broken(error.to_string())
    }
}
