//! Debezium's records: keys, envelopes and tombstones as the JSON converter writes them.
//!
//! Numbers stay as they are written, so that no digit goes through floating point.

mod encoding;
mod kinds;
mod row;
pub mod scan;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::base::position::{Lsn, RecordPosition, Xid};

pub use encoding::{Encoding, PLACEHOLDER};
pub use kinds::may_be_left_out;
pub use row::{Added, DELETED, Field, Form, RowRecord, Told, read_row};

/// A row image or a key: column → value, not read yet.
pub type Row<'a> = BTreeMap<String, &'a RawValue>;

/// What a record says happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// `r`: a row of a snapshot.
    Read,
    /// `c`.
    Create,
    /// `u`.
    Update,
    /// `d`.
    Delete,
    /// `t`.
    Truncate,
    /// `m`: a logical message.
    Message,
}

impl Op {
    /// The letter.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::Create => "c",
            Self::Update => "u",
            Self::Delete => "d",
            Self::Truncate => "t",
            Self::Message => "m",
        }
    }
}

/// Where an event comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// The change's own LSN; of a snapshot's row the slot's consistent point.
    pub lsn: Option<Lsn>,
    /// The transaction.
    pub xid: Option<Xid>,
    /// The phase: `first`, `true`, `last`, `false`, `incremental`…
    pub snapshot: Option<String>,
    /// The commit time in milliseconds since 1970.
    pub ts_ms: Option<i64>,
    /// The table's schema.
    pub schema: Option<String>,
    /// The table.
    pub table: Option<String>,
}

impl Source {
    /// It is a row of an incremental snapshot.
    pub fn is_incremental(&self) -> bool {
        self.snapshot.as_deref() == Some("incremental")
    }
}

/// A change event.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    /// What happened.
    pub op: Op,
    /// The row before.
    pub before: Option<Row<'a>>,
    /// The row after.
    pub after: Option<Row<'a>>,
    /// Where it comes from.
    pub source: Source,
    /// Its place in its transaction, where the connector tells it.
    pub transaction: Option<Block>,
}

/// The place of an event in its transaction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Block {
    /// The transaction's number, then the event's LSN: `727:22075944`.
    pub id: String,
    /// Among all events of the transaction, from 1.
    pub total_order: u64,
    /// Among those of its table, from 1.
    pub data_collection_order: u64,
}

/// The value of a record.
#[derive(Debug, Clone)]
pub enum Body<'a> {
    /// A null value, which follows a delete.
    Tombstone,
    /// A change event.
    Envelope(Box<Envelope<'a>>),
}

/// A record of a source topic.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// The key; `None` for a table without one.
    pub key: Option<Row<'a>>,
    /// The value.
    pub body: Body<'a>,
}

/// A record is not what Debezium writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {at}: {part} is no Debezium {expected}: {problem}")]
pub struct EnvelopeError {
    /// The record.
    pub at: RecordPosition,
    /// `key` or `value`.
    pub part: &'static str,
    /// `key`, `envelope` or `row`.
    pub expected: &'static str,
    /// What is wrong.
    pub problem: String,
}

/// Reads a record.
pub fn read<'a>(
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    at: &RecordPosition,
) -> Result<Message<'a>, EnvelopeError> {
    let error =
        |part, expected| move |problem| EnvelopeError { at: at.clone(), part, expected, problem };
    let key = key.map(read_key).transpose().map_err(error("key", "key"))?.flatten();
    let body = match value {
        Some(value) => read_value(value).map_err(error("value", "envelope"))?,
        None => Body::Tombstone,
    };
    Ok(Message { key, body })
}

/// With `schemas.enable` a converter wraps what it writes.
#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

/// What the JSON means without the converter's wrapper.
pub fn payload(bytes: &[u8]) -> Result<Option<&RawValue>, String> {
    let raw = serde_json::from_slice::<Option<&RawValue>>(bytes).map_err(|e| e.to_string())?;
    let Some(raw) = raw else { return Ok(None) };
    if !raw.get().trim_start().starts_with('{') {
        return Ok(Some(raw));
    }
    let members = serde_json::from_str::<Row<'_>>(raw.get()).map_err(|e| e.to_string())?;
    let wrapped = members.len() == 2 && members.contains_key("schema");
    if !(wrapped && members.contains_key("payload")) {
        return Ok(Some(raw));
    }
    let wrapped = serde_json::from_str::<Wrapped<'_>>(raw.get()).map_err(|e| e.to_string())?;
    Ok(wrapped.payload)
}

fn read_key(bytes: &[u8]) -> Result<Option<Row<'_>>, String> {
    let Some(raw) = payload(bytes)? else { return Ok(None) };
    serde_json::from_str(raw.get()).map(Some).map_err(|e| e.to_string())
}

#[derive(Deserialize)]
struct RawEnvelope<'a> {
    op: Option<String>,
    #[serde(borrow)]
    before: Option<&'a RawValue>,
    #[serde(borrow)]
    after: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    transaction: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawSource {
    lsn: Option<u64>,
    #[serde(rename = "txId")]
    xid: Option<u64>,
    snapshot: Option<serde_json::Value>,
    ts_ms: Option<i64>,
    schema: Option<String>,
    table: Option<String>,
}

fn read_value(bytes: &[u8]) -> Result<Body<'_>, String> {
    let Some(raw) = payload(bytes)? else { return Ok(Body::Tombstone) };
    let raw: RawEnvelope<'_> = serde_json::from_str(raw.get()).map_err(|e| e.to_string())?;
    let op = raw.op.as_deref().ok_or("it has no `op`")?;
    let op =
        operation(op).ok_or_else(|| format!("`op` is `{op}`, expected one of `r c u d t m`"))?;
    let source = raw.source.ok_or("it has no `source`")?;
    let source: RawSource =
        serde_json::from_str(source.get()).map_err(|e| format!("`source`: {e}"))?;
    Ok(Body::Envelope(Box::new(Envelope {
        op,
        transaction: block(raw.transaction)?,
        before: image("before", raw.before)?,
        after: image("after", raw.after)?,
        source: Source {
            lsn: source.lsn.map(Lsn),
            xid: source.xid.and_then(low_bits),
            snapshot: source.snapshot.map(|mark| match mark {
                serde_json::Value::String(mark) => mark,
                other => other.to_string(),
            }),
            ts_ms: source.ts_ms,
            schema: source.schema,
            table: source.table,
        },
    })))
}

/// The operation of a letter.
fn operation(letter: &str) -> Option<Op> {
    Some(match letter {
        "r" => Op::Read,
        "c" => Op::Create,
        "u" => Op::Update,
        "d" => Op::Delete,
        "t" => Op::Truncate,
        "m" => Op::Message,
        _ => return None,
    })
}

fn image<'a>(name: &str, raw: Option<&'a RawValue>) -> Result<Option<Row<'a>>, String> {
    let Some(raw) = raw else { return Ok(None) };
    serde_json::from_str(raw.get()).map_err(|problem| format!("`{name}`: {problem}"))
}

fn block(raw: Option<&RawValue>) -> Result<Option<Block>, String> {
    let Some(raw) = raw else { return Ok(None) };
    serde_json::from_str(raw.get()).map_err(|problem| format!("`transaction`: {problem}"))
}

/// pgoutput carries the low 32 bits of a transaction id.
fn low_bits(xid: u64) -> Option<Xid> {
    u32::try_from(xid & u64::from(u32::MAX)).ok().map(Xid)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn at() -> RecordPosition {
        RecordPosition { topic: "cdc.public.t".to_owned(), partition: 1, offset: 7, file: None }
    }

    fn value(text: &str) -> Result<Body<'_>, String> {
        let message = read(None, Some(text.as_bytes()), &at());
        message.map(|message| message.body).map_err(|error| error.to_string())
    }

    const CAPTURED: &str = r#"{"before":null,"after":{"id":2,"n":0.10},"source":{"version":"3.6.3.Final",
        "connector":"postgresql","name":"rf","ts_ms":5,"snapshot":"false","db":"postgres",
        "sequence":"[null,\"22075944\"]","schema":"public","table":"orders","txId":727,
        "lsn":22075944,"xmin":null},"transaction":null,"op":"c","ts_ms":6}"#;

    #[test]
    fn an_envelope_is_read_and_numbers_stay_as_written() {
        let Ok(Body::Envelope(envelope)) = value(CAPTURED) else { panic!() };
        assert_eq!(envelope.op, Op::Create);
        assert_eq!(envelope.after.unwrap()["n"].get(), "0.10");
        assert_eq!(envelope.source.lsn, Some(Lsn(22_075_944)));
        assert_eq!(envelope.source.xid, Some(Xid(727)));
        assert!(envelope.before.is_none());
    }

    #[test]
    fn a_converter_with_schemas_wraps_key_and_value() {
        let wrapped = format!("{{\"schema\":{{}},\"payload\":{CAPTURED}}}");
        assert!(matches!(value(&wrapped), Ok(Body::Envelope(_))));
        let key = b"{\"schema\":{},\"payload\":{\"id\":2}}";
        let message = read(Some(key), None, &at()).unwrap();
        assert_eq!(message.key.unwrap()["id"].get(), "2");
        assert!(matches!(message.body, Body::Tombstone));
    }

    #[rstest]
    #[case("{\"id\":1}", "it has no `op`")]
    #[case("{\"op\":\"x\",\"source\":{}}", "`op` is `x`, expected one of `r c u d t m`")]
    #[case("{\"op\":\"c\"}", "it has no `source`")]
    #[case(
        "{\"op\":\"c\",\"source\":{},\"after\":[1]}",
        "`after`: invalid type: sequence, expected a map at line 1 column 0"
    )]
    #[case("hello", "expected value at line 1 column 1")]
    fn what_is_no_envelope_is_refused_with_its_place(#[case] text: &str, #[case] problem: &str) {
        let sentence = value(text).unwrap_err();
        let expected = "record cdc.public.t[1]@7: value is no Debezium envelope: ";
        assert_eq!(sentence, format!("{expected}{problem}"));
    }

    proptest! {
        #[test]
        fn a_changed_byte_never_makes_it_panic(at_byte in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = CAPTURED.as_bytes().to_vec();
            let place = at_byte.index(bytes.len());
            bytes[place] = byte;
            let _ = read(Some(&bytes), Some(&bytes), &at()).is_ok();
        }
    }
}
