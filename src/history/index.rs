//! The events of a history by kind, in the order they were seen.

use std::collections::{BTreeMap, BTreeSet};

use super::History;
use super::claims::Claims;
use super::event::{
    Clock, Cut, CutReference, End, Event, Header, Proof, Published, Question, Record, Reference,
    Role, Side, SinkTable, Table, Topic,
};
use super::files::DataFile;
use crate::base::anomaly::Anomaly;
use crate::base::position::{Lsn, Xid};
use crate::base::text::Place;
use crate::codec::pgoutput::{self, Message};
use crate::scenario::settings::Options;
use crate::scenario::timeline::Fault;

/// The prefix of the journal's messages that say what the tables are after a change of the schema.
pub const TURN: &str = "changeproof.note.tables";

/// One message of the journal's slot.
#[derive(Debug, Clone, Copy)]
pub struct Wal<'a> {
    /// Its LSN.
    pub lsn: Lsn,
    /// Its transaction.
    pub xid: Xid,
    /// Its bytes.
    pub data: &'a [u8],
}

/// One comparison of a source table with the replayed journal.
#[derive(Debug, Clone, Copy)]
pub struct Capture<'a> {
    /// The proof it belongs to.
    pub proof: u32,
    /// The table.
    pub table: &'a str,
    /// Rows and digest in the source.
    pub source: &'a (u64, String),
    /// Rows and digest in the shadow.
    pub shadow: &'a (u64, String),
}

/// Something the run itself saw go wrong.
#[derive(Debug, Clone, Copy)]
pub struct Trouble<'a> {
    /// Its name.
    pub finding: Anomaly,
    /// The sink, or `connector`.
    pub place: &'a str,
    /// Where in the author's files.
    pub at: Option<&'a Place>,
    /// The root cause in one sentence.
    pub sentence: &'a str,
    /// More of the cause.
    pub detail: &'a [String],
}

/// Something that was done to a part of the pipeline.
#[derive(Debug, Clone)]
pub struct Disturbance<'a> {
    /// The entry that did or armed it.
    pub entry: usize,
    /// What was done.
    pub fault: Fault,
    /// When it was done, in milliseconds since 1970; `None` if it was only begun.
    pub done_ms: Option<i64>,
    /// How many records of each topic were read before it began.
    pub read: BTreeMap<&'a str, usize>,
    /// How many proofs there were before it began.
    pub n_proofs: usize,
}

/// Who read the connector's slot at one moment.
#[derive(Debug, Clone)]
pub struct Walsender<'a> {
    /// The slot.
    pub slot: &'a str,
    /// The backend's process id; `None` when nobody did.
    pub pid: Option<i32>,
    /// How many records of each topic were read before.
    pub read: BTreeMap<&'a str, usize>,
    /// How many faults were begun before.
    pub n_faults: usize,
}

/// Topics were given more partitions.
#[derive(Debug, Clone)]
pub struct Growth<'a> {
    /// The entry of the timeline.
    pub entry: usize,
    /// The logical names of the topics.
    pub topics: &'a [String],
    /// How many partitions each topic had before.
    pub before: BTreeMap<&'a str, i32>,
    /// How many records of each topic were read before.
    pub read: BTreeMap<&'a str, usize>,
}

/// The connector was given another configuration.
#[derive(Debug, Clone)]
pub struct Reconfigured<'a> {
    /// The entry of the timeline.
    pub entry: usize,
    /// Which of several connectors it was.
    pub connector: Option<&'a str>,
    /// The configuration from there on.
    pub config: &'a Options,
    /// Every commit that ends here or before was captured under the configuration before.
    pub before: Lsn,
    /// Every commit that ends behind this is captured under this configuration.
    pub after: Lsn,
    /// How many records of each topic were read before.
    pub read: BTreeMap<&'a str, usize>,
}

/// The events of one history by kind.
#[derive(Debug, Clone)]
pub struct Index<'a> {
    /// What was run.
    pub header: &'a Header,
    /// The source tables.
    pub tables: &'a [Table],
    /// The effective configuration of each connector that was submitted, with its name where there
    /// are several.
    pub connectors: Vec<(Option<&'a str>, &'a Options)>,
    /// The configurations that they were given later.
    pub reconfigured: Vec<Reconfigured<'a>>,
    /// The topics, as they were in the end.
    pub topics: &'a [Topic],
    /// When topics were given more partitions.
    pub grown: Vec<Growth<'a>>,
    /// The tables that the statements write.
    pub sinks: &'a [SinkTable],
    /// The consistent point of each connector's slot, by its name.
    pub slots: BTreeMap<Option<&'a str>, Lsn>,
    /// The connector was seen streaming.
    pub streaming: Option<Lsn>,
    /// Who read the connector's slot, in order.
    pub walsenders: Vec<Walsender<'a>>,
    /// Acknowledged commits: entry, session, transaction.
    pub commits: Vec<(Option<usize>, &'a str, Xid)>,
    /// Transactions that were rolled back.
    pub aborts: Vec<Xid>,
    /// The journal's messages.
    pub wal: Vec<Wal<'a>>,
    /// What entries of the timeline wrote: the entry, and its records.
    pub produced: Vec<(usize, &'a [Record])>,
    /// Records by topic, in the order they were read.
    pub records: BTreeMap<&'a str, Vec<&'a Record>>,
    /// The files of sinks by their folder, in the order in which they were seen committed.
    pub files: BTreeMap<&'a str, Vec<&'a DataFile>>,
    /// The schema was changed on the way.
    pub turned: bool,
    /// The proofs in order.
    pub proofs: Vec<&'a Proof>,
    /// How many proofs there were before statements went on that one of them had stopped.
    pub resumed: Vec<usize>,
    /// What came after the engine had said that all was there.
    pub claims: Claims<'a>,
    /// Results of reference queries.
    pub references: BTreeMap<(u32, &'a str, Side), &'a Reference>,
    /// How the tables that the statements read tell event time.
    pub clocks: &'a [Clock],
    /// Results of the reference queries of windowed sinks at cuts.
    pub cuts: BTreeMap<(&'a str, &'a Cut), &'a CutReference>,
    /// What the connector's publication held, by proof.
    pub publications: Vec<(u32, &'a [Published])>,
    /// What the judge of the run asked for; `None` where the history does not tell.
    pub asked: Option<BTreeSet<Question>>,
    /// The journal's own checks.
    pub captures: Vec<Capture<'a>>,
    /// Plans by the sink that their statement writes.
    pub plans: BTreeMap<&'a str, &'a str>,
    /// What was done to parts of the pipeline, in order; starts are among them.
    pub faults: Vec<Disturbance<'a>>,
    /// What the run saw go wrong.
    pub troubles: Vec<Trouble<'a>>,
    /// How it ended; `None` when the recording stopped before.
    pub end: Option<&'a End>,
    /// Events stand after the end, which no complete history has.
    pub after_end: bool,
}

/// Whether a message of the journal says that the schema was changed.
fn is_turn(data: &[u8]) -> bool {
    if data.first() != Some(&b'M') {
        return false;
    }
    let message = pgoutput::parse(data);
    matches!(message, Ok(Message::Logical(logical)) if logical.prefix == TURN)
}

impl<'a> Index<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let mut index = Self {
            header: &history.header,
            tables: &[],
            connectors: Vec::new(),
            reconfigured: Vec::new(),
            topics: &[],
            grown: Vec::new(),
            sinks: &[],
            slots: BTreeMap::new(),
            streaming: None,
            walsenders: Vec::new(),
            commits: Vec::new(),
            aborts: Vec::new(),
            wal: Vec::new(),
            produced: Vec::new(),
            records: BTreeMap::new(),
            files: BTreeMap::new(),
            turned: false,
            proofs: Vec::new(),
            resumed: Vec::new(),
            claims: Claims::default(),
            references: BTreeMap::new(),
            clocks: &[],
            publications: Vec::new(),
            cuts: BTreeMap::new(),
            asked: None,
            captures: Vec::new(),
            plans: BTreeMap::new(),
            faults: Vec::new(),
            troubles: Vec::new(),
            end: None,
            after_end: false,
        };
        for event in &history.events {
            index.after_end |= index.end.is_some();
            index.claims.add(event);
            index.add(event);
        }
        index
    }

    fn add(&mut self, event: &'a Event) {
        match event {
            Event::Tables { tables } => self.tables = tables,
            Event::Connector { connector, config, .. } => {
                self.connectors.retain(|(name, _)| *name != connector.as_deref());
                self.connectors.push((connector.as_deref(), config));
            }
            Event::Topics { topics } => self.topics = topics,
            Event::Sinks { sinks } => self.sinks = sinks,
            Event::Slot { connector, point } => {
                self.slots.entry(connector.as_deref()).or_insert(*point);
            }
            Event::Streaming { barrier_end } => {
                self.streaming = self.streaming.or(Some(*barrier_end));
            }
            Event::Walsender { slot, pid } => {
                let (read, n_faults) = (self.n_read(), self.faults.len());
                self.walsenders.push(Walsender { slot, pid: *pid, read, n_faults });
            }
            // Records are decoded before they get here.
            Event::Entry { .. } | Event::Schema { .. } | Event::Differences { .. } => {}
            Event::Commit { entry, session, xid } => self.commits.push((*entry, session, *xid)),
            Event::Abort { xid, .. } => self.aborts.push(*xid),
            Event::Wal { lsn, xid, data } => {
                self.turned |= is_turn(data);
                self.wal.push(Wal { lsn: *lsn, xid: *xid, data });
            }
            Event::Record(record) => {
                self.records.entry(&record.topic).or_default().push(record);
            }
            Event::Produced { entry, records } => self.produced.push((*entry, records)),
            Event::Resumed { .. } => self.resumed.push(self.proofs.len()),
            Event::File(file) => self.files.entry(&file.topic).or_default().push(file),
            Event::Proof(proof) => self.proofs.push(proof),
            Event::Asked { questions, .. } => {
                self.asked.get_or_insert_default().extend(questions);
            }
            Event::Reference(reference) => {
                let key = (reference.proof, reference.sink.as_str(), reference.side);
                self.references.insert(key, reference);
            }
            Event::Publication { proof, tables } => self.publications.push((*proof, tables)),
            Event::Clocks { clocks } => self.clocks = clocks,
            Event::CutReference(reference) => {
                self.cuts.insert((reference.sink.as_str(), &reference.cut), reference);
            }
            Event::Capture { proof, table, source, shadow } => {
                self.captures.push(Capture { proof: *proof, table, source, shadow });
            }
            Event::Plan { sink, text } => {
                self.plans.insert(sink, text);
            }
            Event::Fault { entry, fault, done_ms } => self.add_fault(*entry, *fault, *done_ms),
            Event::Reshaped { entry, grown, topics } => {
                self.reshape(*entry, grown, topics);
            }
            Event::Reconfigured { entry, connector, config, before, after } => {
                let (entry, before, after, read) = (*entry, *before, *after, self.n_read());
                let connector = connector.as_deref();
                let changed = Reconfigured { entry, connector, config, before, after, read };
                self.reconfigured.push(changed);
            }
            Event::Trouble { finding, place, at, sentence, detail } => {
                let (finding, at) = (*finding, at.as_ref());
                self.troubles.push(Trouble { finding, place, at, sentence, detail });
            }
            Event::End(end) => self.end = Some(end),
        }
    }

    fn reshape(&mut self, entry: usize, grown: &'a [String], topics: &'a [Topic]) {
        if !grown.is_empty() {
            let before = self.topics.iter().map(|t| (t.name.as_str(), t.partitions));
            let (before, read) = (before.collect(), self.n_read());
            self.grown.push(Growth { entry, topics: grown, before, read });
        }
        self.topics = topics;
    }

    fn add_fault(&mut self, entry: usize, fault: Fault, done_ms: Option<i64>) {
        let begun =
            self.faults.iter_mut().rev().find(|begun| {
                begun.entry == entry && begun.fault == fault && begun.done_ms.is_none()
            });
        match begun {
            Some(begun) if done_ms.is_some() => begun.done_ms = done_ms,
            _ => {
                let (read, n_proofs) = (self.n_read(), self.proofs.len());
                self.faults.push(Disturbance { entry, fault, done_ms, read, n_proofs });
            }
        }
    }

    /// How many records of each topic were read so far.
    fn n_read(&self) -> BTreeMap<&'a str, usize> {
        self.records.iter().map(|(topic, records)| (*topic, records.len())).collect()
    }

    /// The topics of the source tables: topic and table (`schema.name`).
    pub fn sources(&self) -> impl Iterator<Item = (&'a Topic, &'a str)> {
        self.topics.iter().filter_map(|topic| match &topic.role {
            Role::Source { table } => Some((topic, table.as_str())),
            Role::Outbox { .. }
            | Role::Barrier
            | Role::Messages
            | Role::Transaction
            | Role::Application
            | Role::Sink { .. } => None,
        })
    }

    /// The effective configuration of the connector that captures a table, as it was first.
    pub fn config_of(&self, table: &Table) -> Option<&'a Options> {
        let name = table.connector.as_deref();
        let own = self.connectors.iter().find(|(known, _)| *known == name);
        own.or(self.connectors.first()).map(|(_, config)| *config)
    }

    /// The records of a topic.
    pub fn of_topic(&self, topic: &str) -> &[&'a Record] {
        self.records.get(topic).map_or(&[], Vec::as_slice)
    }

    /// Whether statements went on between two proofs that the first, or one after it, had stopped.
    pub fn has_resumed(&self, before: u32, after: u32) -> bool {
        let proofs = self.proofs.iter().map(|proof| proof.number);
        let at = |number: u32| proofs.clone().position(|other| other == number);
        let (Some(before), Some(after)) = (at(before), at(after)) else { return false };
        self.resumed.iter().any(|n| (before + 1..=after).contains(n))
    }

    /// The last proof.
    pub fn last_proof(&self) -> Option<&'a Proof> {
        self.proofs.last().copied()
    }
}
