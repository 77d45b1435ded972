//! Records in Avro as the rest reads them: in JSON. The file keeps the bytes and, by id, the schemas
//! that they were written with; so a history is decoded wherever it is read, without a registry.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Bytes, Event, Part, Record};
use crate::codec::avro::{self, Schema, Writer};

/// What a history has said so far of its records' schemas.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    /// Topics that the connector writes.
    captured: BTreeSet<String>,
    schemas: BTreeMap<(String, Part, u32), Schema>,
}

impl Decoder {
    /// The event as the rest reads it. A record whose schema is not known, or whose bytes do not fit
    /// it, stays as it is: whoever reads it says so.
    pub fn decoded(&mut self, event: Event) -> Event {
        match event {
            Event::Record(record) => Event::Record(self.record(record)),
            Event::Produced { entry, records } => {
                let records = records.into_iter().map(|record| self.record(record)).collect();
                Event::Produced { entry, records }
            }
            event => {
                self.note(&event);
                event
            }
        }
    }

    /// Takes note of what an event says of records.
    fn note(&mut self, event: &Event) {
        match event {
            Event::Topics { topics } => {
                let captured = topics.iter().filter(|topic| topic.role.is_connectors());
                self.captured.extend(captured.map(|topic| topic.name.clone()));
            }
            Event::Schema { topic, part, id, schema } => {
                if let Ok(schema) = Schema::parse(schema) {
                    self.schemas.insert((topic.clone(), *part, *id), schema);
                }
            }
            _ => {}
        }
    }

    /// The record in JSON.
    pub fn record(&self, mut record: Record) -> Record {
        if self.schemas.is_empty() {
            return record;
        }
        record.key = record.key.map(|bytes| self.part(&record.topic, Part::Key, bytes));
        record.value = record.value.map(|bytes| self.part(&record.topic, Part::Value, bytes));
        record
    }

    fn part(&self, topic: &str, part: Part, bytes: Bytes) -> Bytes {
        let Some((id, body)) = avro::framed(&bytes.0) else { return bytes };
        let Some(schema) = self.schemas.get(&(topic.to_owned(), part, id)) else { return bytes };
        let writer = if self.captured.contains(topic) { Writer::Connect } else { Writer::Flink };
        match schema.json(body, writer) {
            Ok(json) => Bytes(json.into_bytes()),
            Err(_) => bytes,
        }
    }

    /// The id of the schema that a part of a record was written with, if the part is framed and the
    /// schema is not known.
    pub fn unknown(&self, topic: &str, part: Part, bytes: Option<&Bytes>) -> Option<u32> {
        let (id, _) = avro::framed(&bytes?.0)?;
        (!self.schemas.contains_key(&(topic.to_owned(), part, id))).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::event::{Role, Topic};
    use crate::scenario::settings::Options;

    fn record(key: &[u8]) -> Record {
        Record {
            topic: "totals".to_owned(),
            partition: 0,
            offset: 0,
            timestamp: None,
            key: Some(Bytes(key.to_vec())),
            value: None,
            headers: Vec::new(),
        }
    }

    fn key(decoder: &mut Decoder, bytes: &[u8]) -> Vec<u8> {
        match decoder.decoded(Event::Record(record(bytes))) {
            Event::Record(record) => record.key.unwrap().0,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_record_is_decoded_by_the_schema_of_its_topic_and_part_and_once_only() {
        let mut decoder = Decoder::default();
        let framed = [0, 0, 0, 0, 9, 4];
        assert_eq!(key(&mut decoder, &framed), framed);
        assert_eq!(decoder.unknown("totals", Part::Key, Some(&Bytes(framed.to_vec()))), Some(9));
        decoder.decoded(Event::Topics {
            topics: vec![Topic {
                name: "totals".to_owned(),
                physical: "cp_x.totals".to_owned(),
                partitions: 1,
                role: Role::Sink { sink: "totals".to_owned() },
                options: Options::new(),
                connector: None,
            }],
        });
        decoder.decoded(Event::Schema {
            topic: "totals".to_owned(),
            part: Part::Key,
            id: 9,
            schema: r#"{"type":"record","name":"r","fields":[{"name":"day","type":
                {"type":"int","logicalType":"date"}}]}"#
                .to_owned(),
        });
        let json = b"{\"day\":\"1970-01-03\"}";
        assert_eq!(key(&mut decoder, &framed), json);
        assert_eq!(key(&mut decoder, json), json);
        // Bytes that do not fit stay for whoever reads them to refuse.
        assert_eq!(key(&mut decoder, &[0, 0, 0, 0, 9, 4, 4]), [0, 0, 0, 0, 9, 4, 4]);
        assert_eq!(decoder.unknown("totals", Part::Key, Some(&Bytes(framed.to_vec()))), None);
        let value = decoder.unknown("totals", Part::Value, Some(&Bytes(framed.to_vec())));
        assert_eq!(value, Some(9));
    }
}
