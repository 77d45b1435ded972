//! The events of a history. The format is versioned apart from the crate: a reader refuses another
//! major version and ignores nothing it does not know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::clock::{Clock, Time};
pub use super::column::Column;
pub use super::proof::{Firing, JobProof, Proof, ProofGap, Reading, Report, Unassigned, Zoned};
pub use super::question::Question;
pub use super::written::SinkTable;
use crate::base::anomaly::Anomaly;
use crate::base::difference::Difference;
use crate::base::exit::Exit;
use crate::base::position::{Lsn, Xid};
use crate::base::text::Place;
use crate::history::files::DataFile;
use crate::scenario::settings::{Options, ReplicaIdentity};
use crate::scenario::timeline::{Condition, Fault};
use crate::scenario::trial::Trial;

/// The version of the format that this crate writes.
pub const FORMAT: Version = Version { major: 1, minor: 8 };

/// A major version changes what old fields mean; a minor one adds fields or events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// Readers refuse another one.
    pub major: u32,
    /// Readers refuse a higher one.
    pub minor: u32,
}

/// The first line of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The format's version.
    pub format: Version,
    /// The version of changeproof that wrote it.
    pub changeproof: String,
    /// The run's own name, `<time>-<id>`; physical names of databases and topics derive from it.
    pub run: String,
    /// What was run, whole; secrets are overwritten.
    pub trial: Trial,
    /// The stack (`local`).
    pub stack: String,
    /// Component → version, as the components report them.
    pub versions: BTreeMap<String, String>,
    /// The one command that repeats the run.
    pub command: String,
}

/// One thing seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The source tables as Postgres' catalog has them after the DDL.
    Tables {
        /// In the order of their names.
        tables: Vec<Table>,
    },
    /// The connector as it was submitted; of several, each.
    Connector {
        /// Which of several it is (since 1.8).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connector: Option<String>,
        /// The effective configuration; secrets are hidden.
        config: Options,
        /// Keys of the author's file that the harness replaced, as histories before 1.4 tell them;
        /// see [`Event::Differences`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        replaced: Vec<String>,
    },
    /// How what is submitted differs from what the author's files say.
    Differences {
        /// Part by part; what an earlier event lists too counts once.
        differences: Vec<Difference>,
    },
    /// Records that an entry of the timeline wrote to a topic, as the broker has acknowledged them:
    /// what an application's topic must hold (since 1.7).
    Produced {
        /// Index into the trial's timeline.
        entry: usize,
        /// The records, in the order of the entry's rows.
        records: Vec<Record>,
    },
    /// The topics of the run.
    Topics {
        /// Source topics, sinks, barrier and transaction topics.
        topics: Vec<Topic>,
    },
    /// The tables that the statements write.
    Sinks {
        /// By name.
        sinks: Vec<SinkTable>,
    },
    /// The connector's slot has a consistent point: the snapshot shows exactly the commits before.
    Slot {
        /// Which of several connectors it is of (since 1.8).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connector: Option<String>,
        /// Its `confirmed_flush_lsn` when it was first seen.
        point: Lsn,
    },
    /// A barrier came back from its topic: the connector streams, and of several all that were
    /// submitted so far.
    Streaming {
        /// The end LSN of the barrier's commit.
        barrier_end: Lsn,
    },
    /// Which backend of Postgres reads the connector's slot. Another one than before was started
    /// since: the connector's task was, whoever did it.
    Walsender {
        /// The slot.
        slot: String,
        /// The backend's process id; `None` while nobody reads the slot.
        pid: Option<i32>,
    },
    /// An entry of the timeline began or ended (`setup` is entry `None`).
    Entry {
        /// Index into the trial's timeline.
        entry: Option<usize>,
        /// How it went.
        state: EntryState,
    },
    /// Postgres acknowledged a commit of a session (or of `setup`) that had an xid.
    Commit {
        /// Index into the trial's timeline; `None` for `setup`.
        entry: Option<usize>,
        /// The session; `setup` for the set-up.
        session: String,
        /// The transaction.
        xid: Xid,
    },
    /// A session rolled back a transaction that had an xid, or Postgres aborted it.
    Abort {
        /// Index into the trial's timeline; `None` for `setup`.
        entry: Option<usize>,
        /// The session.
        session: String,
        /// The transaction.
        xid: Xid,
    },
    /// One message of the journal's slot (pgoutput, protocol version 1, messages on).
    Wal {
        /// The message's LSN as the slot reports it; for a row change this is Debezium's `lsn`.
        lsn: Lsn,
        /// The transaction.
        xid: Xid,
        /// The message's bytes, in hexadecimal.
        #[serde(with = "hex_bytes")]
        data: Vec<u8>,
    },
    /// A schema that a part of a topic's records was written with, before the first such record.
    Schema {
        /// The topic's logical name.
        topic: String,
        /// Which part of its records.
        part: Part,
        /// The schema's id in the frame of that part.
        id: u32,
        /// The Avro schema.
        schema: String,
    },
    /// One record of a topic, read committed.
    Record(Record),
    /// A file of a sink was seen committed.
    File(DataFile),
    /// Quiescence was proven.
    Proof(Proof),
    /// Statements go on, with all their state, that a proof had stopped (since 1.8).
    Resumed {
        /// The entry of the timeline that they go on for.
        entry: usize,
        /// Each by its id before and its id from here on.
        jobs: Vec<(String, String)>,
    },
    /// What the reference query of a sink gave at a proven quiescence.
    Reference(Reference),
    /// What the connector's publication held at a proof: every table of the database.
    Publication {
        /// The proof.
        proof: u32,
        /// The tables, those that are not published too.
        tables: Vec<Published>,
    },
    /// How the tables that the statements read tell event time.
    Clocks {
        /// Those that can be computed from records.
        clocks: Vec<Clock>,
    },
    /// What the reference query of a windowed sink gave at a cut at which a window may have fired.
    CutReference(CutReference),
    /// What the judge asked for at a proof: what it did not is no missing evidence (since 1.6).
    Asked {
        /// The proof.
        proof: u32,
        /// The questions that it knows; those that the run gives no cause for among them.
        questions: Vec<Question>,
    },
    /// The journal was checked against the source: both as multisets.
    Capture {
        /// The proof it belongs to.
        proof: u32,
        /// The source table.
        table: String,
        /// Rows and digest in the source database.
        source: (u64, String),
        /// Rows and digest in the shadow database, which replays the journal.
        shadow: (u64, String),
    },
    /// What EXPLAIN says of the statement that writes a sink.
    Plan {
        /// The sink.
        sink: String,
        /// The text.
        text: String,
    },
    /// Something was done to a part of the pipeline, twice: as it begins, so that whatever follows
    /// from it stands behind this, and when it is done.
    Fault {
        /// Index into the trial's timeline: the entry that did or armed it.
        entry: usize,
        /// What was done.
        fault: Fault,
        /// When it was done, in milliseconds since 1970; `None` as it begins.
        done_ms: Option<i64>,
    },
    /// The timeline has given topics more partitions or other options. What stands before was read
    /// from the topics as they were.
    Reshaped {
        /// Index into the trial's timeline.
        entry: usize,
        /// The logical names of the topics that have more partitions than before.
        grown: Vec<String>,
        /// All topics of the run, as they are from here on.
        topics: Vec<Topic>,
    },
    /// The timeline gives the connector, which is stopped, another configuration.
    Reconfigured {
        /// Index into the trial's timeline.
        entry: usize,
        /// Which of several connectors it is (since 1.8).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connector: Option<String>,
        /// The effective configuration from here on; secrets are hidden.
        config: Options,
        /// The end LSN of a barrier that came back before the connector was stopped: every commit
        /// up to it was captured under the configuration before.
        before: Lsn,
        /// The end LSN of a barrier that was written once it was stopped: every commit behind it is
        /// captured under this configuration.
        after: Lsn,
    },
    /// Something that the run itself saw go wrong in the pipeline: connector or statement failed
    /// or rejected, a condition not met within its limit.
    Trouble {
        /// `stalled`, `connector-failed`, `statement-failed`, `statement-rejected`, `slot-retained`.
        finding: Anomaly,
        /// The sink, or `connector`.
        place: String,
        /// Where in the author's files, if it can be told.
        at: Option<Place>,
        /// One sentence: the root cause, not a stack trace.
        sentence: String,
        /// What was there when the limit passed, or more of the cause.
        detail: Vec<String>,
    },
    /// The last event of every complete history.
    End(End),
}

/// How an entry went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// It began.
    Started,
    /// It was seen waiting for a lock that another session holds.
    Waiting {
        /// The sessions that hold it.
        on: Vec<String>,
    },
    /// It ended well.
    Finished,
    /// Postgres refused it, as the entry expects.
    Refused {
        /// The error's SQLSTATE.
        sqlstate: String,
        /// The error's message.
        message: String,
    },
    /// Its connection was lost to a fault of this timeline; whether the statement under way was
    /// committed, only the journal knows.
    Lost,
    /// A wait ended: the condition held.
    Held {
        /// The condition.
        condition: Condition,
    },
}

/// A source table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its OID, by which pgoutput names it.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns in order, generated ones apart.
    pub columns: Vec<Column>,
    /// The primary key's columns in key order; empty without one.
    pub key: Vec<String>,
    /// Its replica identity.
    pub identity: ReplicaIdentity,
    /// The connector captures it.
    pub captured: bool,
    /// Its rows are those of its partitions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partitioned: bool,
    /// The partitioned tables that it is a part of, as `schema.name`, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<String>,
    /// Which of several connectors captures it (since 1.8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<String>,
}

/// What a topic is there for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Changes of one source table.
    Source {
        /// The table, as `schema.name`.
        table: String,
    },
    /// Events of an outbox table, as the connector's router writes them.
    Outbox {
        /// The table, as `schema.name`.
        table: String,
        /// What stands in the routing column of its rows.
        value: String,
    },
    /// Barriers.
    Barrier,
    /// Logical messages of the author's, without the barriers that the connector writes among them.
    Messages,
    /// Transaction metadata.
    Transaction,
    /// Written by an application: by entries of the timeline.
    Application,
    /// Written by statements, perhaps read by others.
    Sink {
        /// The Flink table.
        sink: String,
    },
}

/// A part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The key.
    Key,
    /// The value.
    Value,
}

/// A topic of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// The name as production has it.
    pub name: String,
    /// The name on the broker.
    pub physical: String,
    /// How many partitions it has.
    pub partitions: i32,
    /// What it is for.
    pub role: Role,
    /// Options that were set on it.
    pub options: Options,
    /// Which of several connectors writes it (since 1.8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<String>,
}

/// How a sink's records are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SinkMode {
    /// upsert-kafka: the key's last value counts, a null value deletes.
    Upsert,
    /// kafka, insert-only: a multiset.
    Append,
    /// kafka with debezium-json: every record adds a row or takes one back.
    Retract,
}

/// One record of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The topic's logical name.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The record's timestamp, in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// The key's bytes; `None` for a null key.
    pub key: Option<Bytes>,
    /// The value's bytes; `None` for a tombstone.
    pub value: Option<Bytes>,
    /// The headers in order; a header may be null.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Option<Bytes>)>,
}

/// Bytes as they were; written as text where they are UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Bytes(pub Vec<u8>);

/// Which side a reference was computed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The shadow of the journal: what Postgres holds.
    Journal,
    /// The fold of the input topics as recorded: tells which hop diverged first.
    Topics,
}

/// The result of a reference query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The proof at which it holds.
    pub proof: u32,
    /// The sink.
    pub sink: String,
    /// Over what.
    pub side: Side,
    /// Columns in order: name, and the Flink type of the sink's column they were cast to (the
    /// Postgres type name where the sink has no such column).
    pub columns: Vec<(String, String)>,
    /// The Postgres types that the query's columns have, in the same order; empty in histories
    /// before 1.5. A sink's text is compared as what the reference says it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Values as Postgres writes them; `None` for NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

/// A table as the catalogue has it during the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The table, as `schema.name`.
    pub table: String,
    /// The connector's publication names it.
    pub published: bool,
    /// Its replica identity as the catalogue writes it: `d`, `f`, `i` or `n`.
    pub identity: char,
}

/// A cut through the source topics: by logical name, for each partition the offset below which
/// every record counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cut(pub BTreeMap<String, Vec<i64>>);

/// The result of a reference query over the source tables as the records below a cut make them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutReference {
    /// The sink.
    pub sink: String,
    /// The cut.
    pub cut: Cut,
    /// As in [`Reference`].
    pub columns: Vec<(String, String)>,
    /// As in [`Reference`].
    pub rows: Vec<Vec<Option<String>>>,
}

/// How the run came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum End {
    /// Every entry ran, and the last proof holds.
    Completed,
    /// It ended early because the pipeline did what a [`Event::Trouble`] says.
    Trouble,
    /// It ended early for a reason that says nothing about the pipeline.
    Aborted {
        /// The code it ends with (`scenario_invalid`, `stack_not_up`, `capture_broken`,
        /// `nothing_run`, `interrupted`, `internal`).
        exit: Exit,
        /// One sentence.
        sentence: String,
    },
}

/// Bytes as a hexadecimal text.
mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(from)?).map_err(de::Error::custom)
    }
}

/// A JSON text where the bytes are UTF-8, else `{"hex": "…"}`.
mod bytes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use super::Bytes;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        Hex { hex: String },
    }

    impl Serialize for Bytes {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            match std::str::from_utf8(&self.0) {
                Ok(text) => to.serialize_str(text),
                Err(_) => Form::Hex { hex: hex::encode(&self.0) }.serialize(to),
            }
        }
    }

    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            match Form::deserialize(from)? {
                Form::Text(text) => Ok(Self(text.into_bytes())),
                Form::Hex { hex } => hex::decode(hex).map(Self).map_err(de::Error::custom),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_json_whether_text_or_not() {
        for bytes in [b"{\"id\":1}".to_vec(), vec![0, 255, 7], Vec::new()] {
            let bytes = Bytes(bytes);
            let json = serde_json::to_string(&bytes).unwrap();
            assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap(), bytes);
        }
    }
}
