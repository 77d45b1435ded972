//! What an application writes: the records of an entry, in their formats, to the run's own topic.

use super::live::Live;
use crate::capture::diagnose;
use crate::client::clock;
use crate::client::kafka::{self, Written};
use crate::client::registry::Registry;
use crate::codec::{avro, written};
use crate::dialect::written as schemas;
use crate::history::event::{Bytes, EntryState, Event, Part, Record, Topic};
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
        let forms = self.forms(topic, application).await?;
        let mut records = Vec::new();
        let mut keyless = 0;
        for draft in produce.drafts(application) {
            let record = record(topic, &forms, &draft, produce);
            let record = record.map_err(|problem| refused(entry, problem))?;
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
        if !produce.counts() {
            let at = |record: &Record| (topic.physical.clone(), record.partition, record.offset);
            self.aborted.extend(records.iter().map(at));
        }
        self.run.recorder.record(Event::Produced { entry: index, records })?;
        self.run.log(&format!("records are written to {}", produce.topic));
        self.note(index, EntryState::Finished)
    }
}

/// How a part of a record is written.
enum Form {
    Json,
    Raw,
    /// In Avro, with the id of its schema.
    Avro(u32, String),
}

impl Live<'_> {
    /// How keys and values of a topic are written; what is written in Avro gets its schema.
    async fn forms(
        &self,
        topic: &Topic,
        application: Option<&Application>,
    ) -> Result<[Form; 2], Stop> {
        let Some(of) = application else { return Ok([Form::Raw, Form::Raw]) };
        let (keys, values): (Vec<_>, Vec<_>) = (of.of_key().collect(), of.of_value().collect());
        let key = self.form((of.key_format, &keys), (topic, Part::Key)).await?;
        let value = self.form((of.value_format, &values), (topic, Part::Value)).await?;
        Ok([key, value])
    }

    async fn form(
        &self,
        (wire, columns): (Wire, &[&(String, String)]),
        (topic, part): (&Topic, Part),
    ) -> Result<Form, Stop> {
        match wire {
            Wire::Json => return Ok(Form::Json),
            Wire::Raw => return Ok(Form::Raw),
            // There is nothing to write.
            Wire::AvroRegistry if columns.is_empty() => return Ok(Form::Raw),
            Wire::AvroRegistry => {}
        }
        let stack = |why: &dyn std::fmt::Display| Stop::Stack(why.to_string());
        let fields = columns.iter().map(|(name, kind)| (name.as_str(), kind.as_str(), true));
        let schema = schemas::schema(&fields.collect::<Vec<_>>()).map_err(|why| stack(&why))?;
        let registry = Registry::of(self.run.context.reach()).map_err(|error| stack(&error))?;
        let none = "records are to be Avro, and the stack has no schema registry";
        let registry = registry.ok_or_else(|| stack(&none))?;
        let name = if part == Part::Key { "key" } else { "value" };
        let subject = format!("{}-{name}", topic.physical);
        let id = registry.register(&subject, &schema).await.map_err(|error| stack(&error))?;
        // In front of all that was written with it.
        let (of, text) = (topic.name.clone(), schema.clone());
        self.run.recorder.record(Event::Schema { topic: of, part, id, schema: text })?;
        Ok(Form::Avro(id, schema))
    }
}

/// A record without its place.
fn record(
    topic: &Topic,
    [key, value]: &[Form; 2],
    draft: &Draft<'_>,
    produce: &Produce,
) -> Result<Record, String> {
    let header =
        |(name, value): &(String, String)| (name.clone(), Some(Bytes(value.as_bytes().to_vec())));
    Ok(Record {
        topic: topic.name.clone(),
        partition: 0,
        offset: 0,
        timestamp: Some(draft.timestamp.and_then(millis).unwrap_or_else(clock::now_ms)),
        key: bytes(&draft.key, key)?,
        value: bytes(&draft.value, value)?,
        headers: produce.headers.iter().map(header).collect(),
    })
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

fn bytes(content: &Content<'_>, form: &Form) -> Result<Option<Bytes>, String> {
    let bytes = match (content, form) {
        (Content::Null, _) => return Ok(None),
        (Content::Bytes(bytes), _) => bytes.clone(),
        (Content::Row(fields), Form::Json) => written::json(fields),
        (Content::Row(fields), Form::Avro(id, schema)) => {
            avro::row(*id, schema, fields).map_err(|error| error.to_string())?
        }
        (Content::Row(fields), Form::Raw) => match fields.first() {
            Some((_, kind, Some(text))) => written::raw(kind, text),
            Some((_, _, None)) | None => return Ok(None),
        },
    };
    Ok(Some(Bytes(bytes)))
}

fn refused(entry: &Entry, message: String) -> Stop {
    diagnose::entry(diagnose::FAULT, entry, message).into()
}
