//! The schemas that a run's records were written with: fetched from the registry when the first
//! record names one, and recorded in front of it.

use std::collections::{BTreeMap, BTreeSet};

use tokio::runtime::Handle;

use crate::capture::recorder::Recorder;
use crate::client::reach::Reach;
use crate::client::registry::Registry;
use crate::dialect::avro;
use crate::history::decode::Decoder;
use crate::history::event::{Event, Part, Record, Topic};
use crate::run::outcome::Stop;
use crate::run::prepare::connectors::Connectors;
use crate::run::prepare::statements::Statements;
use crate::scenario::application::{Application, Wire};

/// What a tap needs to read records in Avro.
#[derive(Debug)]
pub(in crate::run) struct Schemas {
    /// `None` where no part of any topic is Avro.
    registry: Option<(Registry, Handle)>,
    /// The parts of topics that are.
    framed: BTreeSet<(String, Part)>,
    decoder: Decoder,
    recorder: Recorder,
}

impl Schemas {
    /// Those of a run; to be called inside of its runtime.
    pub(in crate::run) fn new(
        reach: &Reach,
        framed: BTreeSet<(String, Part)>,
        topics: &[Topic],
        recorder: Recorder,
    ) -> Result<Self, Stop> {
        let registry = if framed.is_empty() {
            None
        } else {
            Registry::of(reach).map_err(|error| Stop::Stack(error.to_string()))?
        };
        if registry.is_none() && !framed.is_empty() {
            let sentence = "records are to be Avro, and the stack has no schema registry";
            return Err(Stop::Stack(sentence.to_owned()));
        }
        let mut decoder = Decoder::default();
        decoder.decoded(Event::Topics { topics: topics.to_vec() });
        let registry = registry.map(|registry| (registry, Handle::current()));
        Ok(Self { registry, framed, decoder, recorder })
    }

    /// Records the record, the schemas that it names in front of it, and gives it in JSON. Waits for
    /// the registry, so it must not be called by the runtime's own threads.
    pub(in crate::run) fn record(&mut self, record: Record) -> Record {
        for (part, bytes) in [(Part::Key, &record.key), (Part::Value, &record.value)] {
            let of = (record.topic.clone(), part);
            let unknown = self.decoder.unknown(&record.topic, part, bytes.as_ref());
            let Some(id) = unknown.filter(|_| self.framed.contains(&of)) else { continue };
            let Some((registry, handle)) = &self.registry else { continue };
            match handle.block_on(registry.schema(id)) {
                Ok(schema) => {
                    let event = Event::Schema { topic: of.0, part, id, schema };
                    self.decoder.decoded(event.clone());
                    self.write(event);
                }
                // The record is kept as it is, and whoever judges it says that it cannot be read.
                Err(error) => tracing::warn!("schema {id} was not to be had: {error}"),
            }
        }
        let decoded = self.decoder.record(record.clone());
        self.write(Event::Record(record));
        decoded
    }

    fn write(&self, event: Event) {
        if let Err(error) = self.recorder.record(event) {
            // The recorder keeps its first failure; the next proof ends the run with it.
            tracing::debug!("{error}");
        }
    }
}

/// The parts of topics that are written in Avro.
pub(in crate::run) fn framed(
    topics: &[Topic],
    (connectors, applications): (&Connectors, &BTreeMap<String, Application>),
    statements: &Statements,
) -> BTreeSet<(String, Part)> {
    let parts = [Part::Key, Part::Value];
    let all = topics.iter().flat_map(|topic| parts.map(|part| (topic, part)));
    let is_avro = |(topic, part): &(&Topic, Part)| {
        if let Some(connector) = connectors.of_topic(topic) {
            return connector.writes_avro(*part);
        }
        if let Some(of) = applications.get(&topic.name) {
            let format = if *part == Part::Key { of.key_format } else { of.value_format };
            return format == Wire::AvroRegistry;
        }
        let mut tables = statements.tables.values();
        let table = tables.find(|table| table.topics.contains(&topic.name));
        table.and_then(|table| table.format_of(*part)).is_some_and(avro::is_format)
    };
    all.filter(is_avro).map(|(topic, part)| (topic.name.clone(), part)).collect()
}
