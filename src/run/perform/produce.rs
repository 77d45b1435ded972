//! What an application writes: the records of an entry, in their formats, to the run's own topic.

use super::live::Live;
use crate::capture::diagnose;
use crate::client::clock;
use crate::client::kafka::{self, Written};
use crate::codec::written;
use crate::history::event::{Bytes, EntryState, Event, Record, Topic};
use crate::model::partitioner::default_partition;
use crate::run::outcome::Stop;
use crate::scenario::application::{Application, Content, Draft, Produce, Wire, millis};
use crate::scenario::timeline::Entry;

impl Live<'_> {
    /// Writes the records of an entry, and records what the broker has acknowledged.
    pub(in crate::run) async fn produce(
        &mut self,
        (index, entry): (usize, &Entry),
        produce: &Produce,
    ) -> Result<(), Stop> {
        self.note(index, EntryState::Started)?;
        let topics = self.topics_of(&produce.topic)?;
        let [topic] = topics.as_slice() else {
            return Err(refused(entry, format!("`{}` has several topics", produce.topic)));
        };
        let application = self.run.trial.pipeline.topics.get(&produce.topic);
        let mut records = Vec::new();
        let mut keyless = 0;
        for draft in produce.drafts(application) {
            let record = record(topic, application, &draft, produce);
            records.push(placed(record, draft.partition, topic, &mut keyless));
        }
        let is_beyond = |record: &&Record| record.partition >= topic.partitions;
        if let Some(record) = records.iter().find(is_beyond) {
            let last = topic.partitions - 1;
            let partition = record.partition;
            let name = &produce.topic;
            let message = format!(
                "`{name}` has no partition {partition} in this cell: the last one is {last}"
            );
            return Err(refused(entry, message));
        }
        let id = self.run.names.own(&format!("produce.{index}"));
        let written = Written {
            topic: topic.physical.clone(),
            records,
            transaction: produce.transaction.map(|ending| (id, ending)),
        };
        let records = kafka::produce(self.run.context.reach(), written).await?;
        self.run.recorder.record(Event::Produced { entry: index, records })?;
        self.run.log(&format!("records are written to {}", produce.topic));
        self.note(index, EntryState::Finished)
    }
}

/// A record without its place.
fn record(
    topic: &Topic,
    application: Option<&Application>,
    draft: &Draft<'_>,
    produce: &Produce,
) -> Record {
    let header =
        |(name, value): &(String, String)| (name.clone(), Some(Bytes(value.as_bytes().to_vec())));
    let (key, value) = match application {
        Some(of) => (of.key_format, of.value_format),
        None => (Wire::Raw, Wire::Raw),
    };
    Record {
        topic: topic.name.clone(),
        partition: 0,
        offset: 0,
        timestamp: Some(draft.timestamp.and_then(millis).unwrap_or_else(clock::now_ms)),
        key: bytes(&draft.key, key),
        value: bytes(&draft.value, value),
        headers: produce.headers.iter().map(header).collect(),
    }
}

/// The record at its partition: the one that is asked for, else that of its key, else one after the
/// other.
fn placed(mut record: Record, asked: Option<i32>, topic: &Topic, keyless: &mut i32) -> Record {
    record.partition = match (asked, &record.key) {
        (Some(asked), _) => asked,
        (None, Some(key)) => default_partition(&key.0, topic.partitions),
        (None, None) => {
            let next = *keyless % topic.partitions.max(1);
            *keyless += 1;
            next
        }
    };
    record
}

fn bytes(content: &Content<'_>, wire: Wire) -> Option<Bytes> {
    match (content, wire) {
        (Content::Null, _) => None,
        (Content::Bytes(bytes), _) => Some(Bytes(bytes.clone())),
        (Content::Row(fields), Wire::Raw) => {
            let (_, kind, text) = fields.first()?;
            text.map(|text| Bytes(written::raw(kind, text)))
        }
        (Content::Row(fields), Wire::Json | Wire::AvroRegistry) => {
            Some(Bytes(written::json(fields)))
        }
    }
}

fn refused(entry: &Entry, message: String) -> Stop {
    diagnose::entry(diagnose::FAULT, entry, message).into()
}
