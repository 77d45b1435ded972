//! Avro behind a registry's frame, as the JSON that the same writer has for the same values: what
//! reads records then needs to know one form only.

mod measure;
mod write;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::Schema as AvroSchema;
use apache_avro::types::Value as AvroValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;

pub use write::row;

use crate::base::limits::{self, exceeds};
use crate::base::value::Value;

/// The first byte of a framed value.
const MAGIC: u8 = 0;

/// Who wrote a value: the logical types of dates and times have another JSON form in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// A converter of Connect: they are numbers, as Debezium counts them.
    Connect,
    /// Flink's format: they are texts.
    Flink,
}

/// Bytes are not what their schema says, or the schema is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AvroError {
    /// The text is no schema.
    #[error("it is no Avro schema: {0}")]
    Schema(String),
    /// The bytes are no value of the schema.
    #[error("it is not an Avro value of its schema: {0}")]
    Value(String),
}

/// The id of the writer's schema and the value's bytes, if the bytes are framed.
pub fn framed(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, body) = bytes.split_at_checked(5)?;
    let [MAGIC, id @ ..] = head else { return None };
    Some((u32::from_be_bytes(id.try_into().ok()?), body))
}

/// A writer's schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    root: AvroSchema,
    /// Named types by their full names, for references.
    named: BTreeMap<String, AvroSchema>,
}

impl Schema {
    /// Reads a schema.
    pub fn parse(text: &str) -> Result<Self, AvroError> {
        if exceeds(text.len(), limits::SCHEMA_BYTES) {
            let most = limits::size(limits::SCHEMA_BYTES);
            return Err(AvroError::Schema(format!("it is longer than {most}")));
        }
        let root = AvroSchema::parse_str(text);
        let root = root.map_err(|error| AvroError::Schema(error.to_string()))?;
        let mut named = BTreeMap::new();
        collect(&root, &mut named);
        Ok(Self { root, named })
    }

    /// A value without its frame, as JSON; numbers keep all their digits.
    pub fn json(&self, bytes: &[u8], writer: Writer) -> Result<String, AvroError> {
        measure::measure(&self.root, &self.named, bytes).map_err(AvroError::Value)?;
        let problem = |error: apache_avro::Error| AvroError::Value(error.to_string());
        let reader = GenericDatumReader::builder(&self.root).build().map_err(problem)?;
        let mut rest = bytes;
        let value = reader.read_value(&mut rest).map_err(problem)?;
        if !rest.is_empty() {
            return Err(AvroError::Value(format!("bytes left over: {}", rest.len())));
        }
        let mut printed = Printer { named: &self.named, writer, out: String::new() };
        printed.value(&self.root, &value)?;
        Ok(printed.out)
    }
}

fn collect(schema: &AvroSchema, named: &mut BTreeMap<String, AvroSchema>) {
    match schema {
        AvroSchema::Record(record) => {
            named.insert(record.name.to_string(), schema.clone());
            record.fields.iter().for_each(|field| collect(&field.schema, named));
        }
        AvroSchema::Enum(kind) => {
            named.insert(kind.name.to_string(), schema.clone());
        }
        AvroSchema::Fixed(kind) => {
            named.insert(kind.name.to_string(), schema.clone());
        }
        AvroSchema::Array(array) => collect(&array.items, named),
        AvroSchema::Map(map) => collect(&map.types, named),
        AvroSchema::Union(union) => union.variants().iter().for_each(|one| collect(one, named)),
        _ => {}
    }
}

/// Writes values as JSON.
struct Printer<'a> {
    named: &'a BTreeMap<String, AvroSchema>,
    writer: Writer,
    out: String,
}

impl Printer<'_> {
    fn value(&mut self, schema: &AvroSchema, value: &AvroValue) -> Result<(), AvroError> {
        if let AvroSchema::Ref { name } = schema {
            let known = self.named.get(&name.to_string());
            let known = known.ok_or_else(|| AvroError::Schema(format!("`{name}` is not there")))?;
            return self.value(known, value);
        }
        match (schema, value) {
            (AvroSchema::Union(union), AvroValue::Union(place, inner)) => {
                let place = usize::try_from(*place).unwrap_or(usize::MAX);
                let one = union.variants().get(place).ok_or_else(|| unlike(value))?;
                self.value(one, inner)
            }
            (AvroSchema::Record(record), AvroValue::Record(fields))
                if record.fields.len() == fields.len() =>
            {
                let schemas = record.fields.iter().map(|field| &field.schema);
                let fields = itertools::zip_eq(fields, schemas);
                self.members(fields.map(|((name, value), schema)| (name, schema, value)))
            }
            (AvroSchema::Map(map), AvroValue::Map(entries)) => {
                // Their order means nothing, and the same bytes must give the same text.
                let entries = entries.iter().collect::<BTreeMap<_, _>>();
                self.members(entries.into_iter().map(|(name, value)| (name, &*map.types, value)))
            }
            (AvroSchema::Array(array), AvroValue::Array(items)) => {
                self.out.push('[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        self.out.push(',');
                    }
                    self.value(&array.items, item)?;
                }
                self.out.push(']');
                Ok(())
            }
            (AvroSchema::Decimal(decimal), AvroValue::Decimal(unscaled)) => {
                let scale = i64::try_from(decimal.scale).unwrap_or(i64::MAX);
                let number = BigDecimal::new(BigInt::from(unscaled.clone()), scale);
                self.out.push_str(&number.to_plain_string());
                Ok(())
            }
            _ => self.scalar(value),
        }
    }

    fn members<'v>(
        &mut self,
        members: impl Iterator<Item = (&'v String, &'v AvroSchema, &'v AvroValue)>,
    ) -> Result<(), AvroError> {
        self.out.push('{');
        for (n, (name, schema, value)) in members.enumerate() {
            if n > 0 {
                self.out.push(',');
            }
            self.text(name);
            self.out.push(':');
            self.value(schema, value)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn scalar(&mut self, value: &AvroValue) -> Result<(), AvroError> {
        match value {
            AvroValue::Null => self.out.push_str("null"),
            AvroValue::Boolean(value) => self.shown(value),
            AvroValue::Int(value) => self.shown(value),
            AvroValue::Long(value) => self.shown(value),
            AvroValue::Float(value) if value.is_finite() => self.shown(value),
            AvroValue::Double(value) if value.is_finite() => self.shown(value),
            AvroValue::Float(value) => self.text(&special(f64::from(*value))),
            AvroValue::Double(value) => self.text(&special(*value)),
            AvroValue::Bytes(bytes) | AvroValue::Fixed(_, bytes) => {
                self.text(&STANDARD.encode(bytes));
            }
            AvroValue::String(text) | AvroValue::Enum(_, text) => self.text(text),
            AvroValue::Uuid(value) => self.text(&value.to_string()),
            AvroValue::Date(days) => self.time(i64::from(*days), Value::Date(i64::from(*days))),
            AvroValue::TimeMillis(count) => {
                let count = i64::from(*count);
                self.time(count, Value::Time(micros(count)));
            }
            AvroValue::TimeMicros(count) => self.time(*count, Value::Time(*count)),
            AvroValue::TimestampMillis(count) | AvroValue::LocalTimestampMillis(count) => {
                self.time(*count, Value::Timestamp(micros(*count)));
            }
            AvroValue::TimestampMicros(count) | AvroValue::LocalTimestampMicros(count) => {
                self.time(*count, Value::Timestamp(*count));
            }
            _ => return Err(unlike(value)),
        }
        Ok(())
    }

    fn time(&mut self, count: i64, value: Value) {
        match self.writer {
            Writer::Connect => self.shown(&count),
            Writer::Flink => self.text(&value.to_string()),
        }
    }

    fn shown(&mut self, value: &dyn std::fmt::Display) {
        // Writing to a text cannot fail.
        write!(self.out, "{value}").ok();
    }

    fn text(&mut self, text: &str) {
        self.out.push_str(&serde_json::Value::from(text).to_string());
    }
}

fn micros(millis: i64) -> i64 {
    millis.saturating_mul(1000)
}

fn special(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        _ if value > 0.0 => "Infinity".to_owned(),
        _ => "-Infinity".to_owned(),
    }
}

fn unlike(value: &AvroValue) -> AvroError {
    AvroError::Value(format!("{value:?} has no form in JSON"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As Debezium's envelopes: a named row, a reference to it, a decimal, logical types.
    const SCHEMA: &str = r#"{"type":"record","name":"Envelope","namespace":"cdc.public.t","fields":[
        {"name":"before","default":null,"type":["null",{"type":"record","name":"Value","fields":[
            {"name":"id","type":"int"},
            {"name":"amount","type":{"type":"bytes","scale":2,"precision":10,"logicalType":"decimal",
             "connect.version":1,"connect.name":"org.apache.kafka.connect.data.Decimal"}},
            {"name":"status","default":"P","type":[{"type":"string","connect.default":"P"},"null"]},
            {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
            {"name":"day","type":{"type":"int","logicalType":"date"}}]}]},
        {"name":"after","type":["null","Value"]},
        {"name":"op","type":"string"}]}"#;

    /// `before` null, `after` (7, 10.00, null, 2025-01-01 10:00:00.5, 1970-01-02), `op` `c`.
    fn bytes() -> Vec<u8> {
        let mut bytes = vec![0, 2, 14, 4, 3, 0xE8, 2];
        bytes.extend([0xE8, 0xBB, 0xF6, 0x94, 0x84, 0x65, 2]);
        bytes.extend([2, b'c']);
        bytes
    }

    #[test]
    fn an_envelope_is_the_json_that_its_writer_has() {
        let schema = Schema::parse(SCHEMA).unwrap();
        assert_eq!(
            schema.json(&bytes(), Writer::Connect).unwrap(),
            "{\"before\":null,\"after\":{\"id\":7,\"amount\":10.00,\"status\":null,\
             \"at\":1735725600500,\"day\":1},\"op\":\"c\"}"
        );
        let flink = schema.json(&bytes(), Writer::Flink).unwrap();
        assert!(flink.contains("\"at\":\"2025-01-01 10:00:00.5\",\"day\":\"1970-01-02\""));
    }

    #[test]
    fn a_frame_names_the_writers_schema() {
        assert_eq!(framed(&[0, 0, 0, 1, 2, 9]), Some((258, &[9][..])));
        assert_eq!(framed(b"{\"id\":1}"), None);
        assert_eq!(framed(&[0, 0, 0]), None);
    }

    #[test]
    fn bytes_behind_a_value_and_bytes_that_are_missing_are_refused() {
        let schema = Schema::parse(SCHEMA).unwrap();
        let mut long = bytes();
        long.push(0);
        let error = schema.json(&long, Writer::Connect).unwrap_err().to_string();
        assert_eq!(error, "it is not an Avro value of its schema: bytes left over: 1");
        assert!(schema.json(&bytes()[..8], Writer::Connect).is_err());
        assert!(matches!(Schema::parse("{"), Err(AvroError::Schema(_))));
    }

    proptest! {
        #[test]
        fn a_changed_byte_never_makes_it_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let schema = Schema::parse(SCHEMA).unwrap();
            let mut bytes = bytes();
            let place = at.index(bytes.len());
            bytes[place] = byte;
            for writer in [Writer::Connect, Writer::Flink] {
                if let Ok(json) = schema.json(&bytes, writer) {
                    serde_json::from_str::<serde_json::Value>(&json).unwrap();
                }
            }
        }
    }
}
