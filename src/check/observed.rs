//! What a run saw, decoded and in order, for a person to look at. It judges nothing.
//!
//! A finding shows the life of one key. This is the life of all of them: every commit, every record
//! at every hop, the faults, the proofs, and who feeds whom.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::case::Case;
use super::flow::Flow;
use super::lives::{in_short, raw_row, shortened};
use super::sinks::shown;
use super::topic::{envelope, letter};
use crate::base::position::{Lsn, RecordPosition, Xid};
use crate::history::History;
use crate::history::event::{EntryState, Event, Record, Role, SinkMode};
use crate::model::feed::lsn;
use crate::model::key::Key;
use crate::model::source::{Change, Journal};

/// What a run saw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Observed {
    /// The hops in the order in which rows go through them: the journal first.
    pub hops: Vec<Hop>,
    /// What happened, in the order in which it was recorded.
    pub sightings: Vec<Sighting>,
}

/// What a hop is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum HopKind {
    /// The journal: what Postgres committed.
    Journal,
    /// A topic that the connector writes.
    Topic,
    /// A sink of the statements.
    Sink,
}

/// A place that rows go through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Hop {
    /// `journal`, a topic's logical name or a sink's table.
    pub name: String,
    /// What it is.
    pub kind: HopKind,
    /// The hops that it reads.
    pub reads: Vec<String>,
    /// The columns of its key; empty where it has none, or several.
    pub key: Vec<String>,
    /// How many changes or records were seen there.
    pub seen: usize,
    /// It is a sink that the pipeline leaves out of the verdict.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unjudged: bool,
}

/// What kind of thing happened.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A row change of a committed transaction, in the journal.
    Change,
    /// A record of a topic, or a row of a sink.
    Record,
    /// Postgres acknowledged a commit to its session.
    Commit,
    /// A session rolled back, or Postgres aborted its transaction.
    Abort,
    /// An entry of the timeline began or ended.
    Entry,
    /// Something was done to a part of the pipeline.
    Fault,
    /// It was proven that nothing more can arrive.
    Proof,
    /// The run saw something go wrong.
    Trouble,
    /// The connector streams, is read by another process, or has another configuration.
    Connector,
    /// How the run ended.
    End,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Sighting {
    /// What kind of thing.
    pub what: What,
    /// Where: a hop, a session, `connector`, `faults`, `proofs`, `run`.
    pub lane: String,
    /// When it was recorded, in microseconds since the run began; absent in histories that carry no
    /// times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_us: Option<u64>,
    /// The entry of the timeline (from 0) that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<usize>,
    /// `insert`, `update`, `delete`; `r c u d t null`; `+U -D`; `began`, `held`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The key, its columns joined by `,`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The row in short, or what happened in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xid: Option<Xid>,
    /// The LSN of the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lsn: Option<Lsn>,
    /// The record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordPosition>,
}

impl Sighting {
    fn new(what: What, lane: impl Into<String>) -> Self {
        Self {
            what,
            lane: lane.into(),
            at_us: None,
            entry: None,
            event: None,
            key: None,
            text: String::new(),
            xid: None,
            lsn: None,
            record: None,
        }
    }

    fn event(mut self, event: &str) -> Self {
        self.event = Some(event.to_owned());
        self
    }

    fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    fn entry(mut self, entry: Option<usize>) -> Self {
        self.entry = entry;
        self
    }

    fn xid(mut self, xid: Xid) -> Self {
        self.xid = Some(xid);
        self
    }
}

/// The lane of the journal.
const JOURNAL: &str = "journal";

/// Everything that a history shows, decoded.
pub fn observed(history: &History) -> Observed {
    let case = Case::of(history);
    let decoded = decoded(&case);
    let mut journal = Journal::new(case.index.tables);
    let mut sightings = Vec::new();
    for (n, event) in history.events.iter().enumerate() {
        let mut seen: Vec<Sighting> = match event {
            Event::Wal { lsn, xid, data } => match journal.push(*lsn, *xid, data) {
                Ok(Some(transaction)) => {
                    transaction.changes.iter().map(|change| of_change(&case, change)).collect()
                }
                // The verdict says what cannot be read.
                Ok(None) | Err(_) => Vec::new(),
            },
            Event::Record(record) => of_record(&case, &decoded, record),
            other => of_run(other).into_iter().collect(),
        };
        for one in &mut seen {
            one.at_us = history.at_us(n);
        }
        sightings.append(&mut seen);
    }
    let hops = hops(&case, &sightings);
    Observed { hops, sightings }
}

fn of_change(case: &Case<'_>, change: &Change) -> Sighting {
    let table = case.columns.get(change.table);
    let row = change.new.as_ref().or(change.old.as_ref());
    let place = table.map_or_else(String::new, |columns| case.place_of(&columns.table));
    let row = row.map_or_else(String::new, |row| in_short(&change.columns, row));
    let key = table.and_then(|columns| {
        let (row, encoding) =
            (change.new.as_ref().or(change.old.as_ref())?, &case.rules_of(change.table)?.encoding);
        let at = columns.at(change.lsn);
        let part = |name: &String| {
            let place = change.columns.iter().position(|column| column == name)?;
            at.value(name, row.get(place)?, encoding).ok()
        };
        let values: Option<Vec<_>> = at.key.iter().map(part).collect();
        values.filter(|values| !values.is_empty()).map(|values| Key::of(&values).to_string())
    });
    let mut seen = Sighting::new(What::Change, JOURNAL)
        .event(change.kind.name())
        .text(shortened(format!("{place}: {row}")))
        .xid(change.xid);
    (seen.key, seen.lsn) = (key, Some(change.lsn));
    seen
}

/// What a record says.
struct Decoded {
    lane: String,
    event: String,
    key: Option<String>,
    text: String,
    xid: Option<Xid>,
    lsn: Option<Lsn>,
}

/// A record's place: topic, partition, offset.
type At<'a> = (&'a str, i32, i64);

fn at(record: &Record) -> At<'_> {
    (&record.topic, record.partition, record.offset)
}

/// The records that could be read, several where one holds several rows.
fn decoded<'c>(case: &'c Case<'_>) -> BTreeMap<At<'c>, Vec<Decoded>> {
    let mut all = BTreeMap::<At<'c>, Vec<Decoded>>::new();
    for topic in &case.topics {
        for logged in &topic.log {
            let envelope = envelope(logged);
            let row = envelope.and_then(|e| e.after.as_ref().or(e.before.as_ref()));
            let row = row.or(logged.message.key.as_ref()).map_or_else(String::new, raw_row);
            all.entry(at(logged.record)).or_default().push(Decoded {
                lane: topic.topic.name.clone(),
                event: letter(logged).to_owned(),
                key: logged.key.as_ref().map(ToString::to_string),
                text: shortened(row),
                xid: envelope.and_then(|envelope| envelope.source.xid),
                lsn: lsn(&logged.message),
            });
        }
    }
    for sink in &case.sinks {
        for emitted in &sink.log {
            let event = match (sink.shape.table.mode, &emitted.row) {
                (SinkMode::Append, _) | (SinkMode::Retract, Some(_)) => "+I",
                (SinkMode::Upsert, Some(_)) => "+U",
                (SinkMode::Upsert | SinkMode::Retract, None) => "-D",
            };
            let row = emitted.row.as_ref().or(emitted.old.as_ref());
            all.entry(at(emitted.record)).or_default().push(Decoded {
                lane: sink.name.to_owned(),
                event: event.to_owned(),
                key: emitted.key.as_ref().map(ToString::to_string),
                text: shortened(row.map_or_else(String::new, shown)),
                xid: None,
                lsn: None,
            });
        }
    }
    all
}

/// A record at its hop; none of the harness's own topics.
fn of_record(
    case: &Case<'_>,
    decoded: &BTreeMap<At<'_>, Vec<Decoded>>,
    record: &Record,
) -> Vec<Sighting> {
    let position = super::topic::position(record);
    if let Some(rows) = decoded.get(&at(record)) {
        let seen = |row: &Decoded| {
            let mut seen = Sighting::new(What::Record, &row.lane).event(&row.event).text(&row.text);
            (seen.key, seen.xid, seen.lsn) = (row.key.clone(), row.xid, row.lsn);
            seen.record = Some(position.clone());
            seen
        };
        return rows.iter().map(seen).collect();
    }
    let topic = case.index.topics.iter().find(|topic| topic.name == record.topic);
    match topic.map(|topic| &topic.role) {
        Some(Role::Barrier | Role::Transaction) | None => Vec::new(),
        Some(Role::Source { .. } | Role::Outbox { .. } | Role::Messages | Role::Application) => {
            vec![raw(record, &record.topic, position)]
        }
        Some(Role::Sink { sink }) => vec![raw(record, sink, position)],
    }
}

/// A record that has no model here: as it stands.
fn raw(record: &Record, lane: &str, position: RecordPosition) -> Sighting {
    let text =
        |bytes: &crate::history::event::Bytes| String::from_utf8_lossy(&bytes.0).into_owned();
    let mut seen = Sighting::new(What::Record, lane);
    seen.event = record.value.is_none().then(|| "null".to_owned());
    seen.key = record.key.as_ref().map(text).map(shortened);
    seen.text = shortened(record.value.as_ref().map(text).unwrap_or_default());
    seen.record = Some(position);
    seen
}

/// What the run itself did and saw.
fn of_run(event: &Event) -> Option<Sighting> {
    let seen = match event {
        Event::Entry { entry, state } => {
            let (event, text) = match state {
                EntryState::Started => ("began", String::new()),
                EntryState::Waiting { on } => ("waits", format!("for {}", on.join(", "))),
                EntryState::Finished => ("ended", String::new()),
                EntryState::Refused { sqlstate, message } => {
                    ("refused", format!("{sqlstate}: {message}"))
                }
                EntryState::Lost => ("lost", "its connection was lost".to_owned()),
                EntryState::Held { .. } => ("held", String::new()),
            };
            Sighting::new(What::Entry, "timeline").event(event).text(text).entry(*entry)
        }
        Event::Commit { entry, session, xid } => {
            Sighting::new(What::Commit, format!("session {session}")).entry(*entry).xid(*xid)
        }
        Event::Abort { entry, session, xid } => {
            Sighting::new(What::Abort, format!("session {session}")).entry(*entry).xid(*xid)
        }
        Event::Fault { entry, fault, done_ms } => {
            let event = if done_ms.is_some() { "done" } else { "began" };
            let text = fault.to_string();
            Sighting::new(What::Fault, "faults").event(event).text(text).entry(Some(*entry))
        }
        Event::Proof(proof) => {
            let text = format!(
                "proof {}: nothing before {} can still arrive ({} ms)",
                proof.number, proof.barrier_end, proof.elapsed_ms
            );
            Sighting::new(What::Proof, "proofs").text(text).entry(Some(proof.entry))
        }
        Event::Trouble { finding, place, sentence, .. } => {
            let text = format!("{finding} at {place}: {sentence}");
            Sighting::new(What::Trouble, "run").event("trouble").text(text)
        }
        Event::Slot { connector, point } => {
            let of = connector.as_ref().map_or_else(String::new, |name| format!("`{name}`: "));
            let text = format!("{of}its slot has a consistent point, {point}");
            Sighting::new(What::Connector, "connector").text(text)
        }
        Event::Streaming { .. } => Sighting::new(What::Connector, "connector").text("streams"),
        Event::Walsender { pid, .. } => {
            let text = match pid {
                Some(pid) => format!("backend {pid} reads its slot"),
                None => "nobody reads its slot".to_owned(),
            };
            Sighting::new(What::Connector, "connector").text(text)
        }
        Event::Reconfigured { entry, .. } => Sighting::new(What::Connector, "connector")
            .text("has another configuration")
            .entry(Some(*entry)),
        Event::Reshaped { entry, grown, .. } => Sighting::new(What::Fault, "faults")
            .text(format!("topics were changed; more partitions: {}", grown.join(", ")))
            .entry(Some(*entry)),
        Event::End(end) => {
            let text = match end {
                crate::history::event::End::Completed => "every entry ran",
                crate::history::event::End::Trouble => "it ended early: see the trouble",
                crate::history::event::End::Aborted { sentence, .. } => sentence,
            };
            Sighting::new(What::End, "run").text(text)
        }
        _ => return None,
    };
    Some(seen)
}

fn hops(case: &Case<'_>, sightings: &[Sighting]) -> Vec<Hop> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for seen in sightings.iter().filter(|seen| matches!(seen.what, What::Change | What::Record)) {
        *counts.entry(&seen.lane).or_default() += 1;
    }
    let hop = |name: &str, kind, reads: Vec<String>| Hop {
        name: name.to_owned(),
        kind,
        reads,
        key: Vec::new(),
        seen: counts.get(name).copied().unwrap_or_default(),
        unjudged: false,
    };
    let mut hops = vec![hop(JOURNAL, HopKind::Journal, Vec::new())];
    for topic in case.index.topics {
        if !topic.role.is_captured() && ![Role::Messages, Role::Application].contains(&topic.role) {
            continue;
        }
        let mut hop = hop(&topic.name, HopKind::Topic, vec![JOURNAL.to_owned()]);
        if let Some(read) = case.topics.iter().find(|read| read.topic.name == topic.name) {
            hop.key = case.key_columns(read.table).to_vec();
        }
        hops.push(hop);
    }
    let known: BTreeSet<String> = hops.iter().map(|hop| hop.name.clone()).collect();
    let flow = Flow::of(&case.index);
    for sink in &case.sinks {
        let inputs = flow.inputs(sink.name);
        let reads = inputs.topics.into_iter().filter(|topic| known.contains(topic));
        let reads = reads.chain(inputs.sinks).collect();
        let mut hop = hop(sink.name, HopKind::Sink, reads);
        hop.key.clone_from(&sink.shape.table.key);
        hop.unjudged = !sink.judged;
        hops.push(hop);
    }
    hops
}
