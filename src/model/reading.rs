//! How many rows Flink's formats make of a record.
//!
//! Source: Flink's manual, Debezium format, "Format Options" (`schema-include`,
//! `ignore-parse-errors`) and "Consuming data produced by Debezium Postgres Connector"; Upsert
//! Kafka SQL connector (a null value is a delete). That debezium-json passes over tombstones, and
//! refuses `t` and an update without its old row, is seen on Flink 2.2.0 (scenarios
//! `silent/a-truncate-that-is-streamed-stops-the-statement` and
//! `silent/an-update-that-ignored-errors-swallow`).

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::codec::debezium::payload;
use crate::history::event::{Reading, Record, SinkMode};

/// What a record is to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The rows it stands for: none for a tombstone, two for an update in a changelog, else one.
    pub rows: u64,
    /// The format can read it.
    pub readable: bool,
}

#[derive(Deserialize)]
struct Change<'a> {
    #[serde(borrow)]
    op: Option<&'a str>,
    #[serde(borrow)]
    before: Option<&'a RawValue>,
    #[serde(borrow)]
    after: Option<&'a RawValue>,
}

/// What a record is to a reader; `None` for a format without a model.
pub fn held(reading: &Reading, record: &Record) -> Option<Held> {
    let Some(value) = &record.value else {
        let rows = u64::from(reading.mode == SinkMode::Upsert);
        return Some(Held { rows, readable: true });
    };
    match reading.format.as_str() {
        "json" => Some(Held { rows: 1, readable: is_object(&value.0) }),
        "debezium-json" => Some(change(&value.0, reading.schema_include)),
        _ => None,
    }
}

fn is_object(bytes: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(bytes).is_ok_and(|raw| raw.get().trim().starts_with('{'))
}

fn change(bytes: &[u8], schema_include: Option<bool>) -> Held {
    let unreadable = Held { rows: 1, readable: false };
    let Ok(whole) = serde_json::from_slice::<&RawValue>(bytes) else { return unreadable };
    let Ok(Some(raw)) = payload(bytes) else { return unreadable };
    let is_wrapped = raw.get().len() < whole.get().trim().len();
    if schema_include.is_some_and(|expected| expected != is_wrapped) {
        return unreadable;
    }
    let Ok(change) = serde_json::from_str::<Change<'_>>(raw.get()) else { return unreadable };
    match change.op {
        Some("c" | "r") => Held { rows: 1, readable: change.after.is_some() },
        Some("u") => Held { rows: 2, readable: change.before.is_some() && change.after.is_some() },
        Some("d") => Held { rows: 1, readable: change.before.is_some() },
        _ => unreadable,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::history::event::Bytes;

    fn read(format: &str, mode: SinkMode, value: Option<&str>) -> Option<(u64, bool)> {
        let reading = Reading {
            table: "t".to_owned(),
            topics: vec!["t".to_owned()],
            format: format.to_owned(),
            schema_include: None,
            mode,
            rows: None,
        };
        let record = Record {
            topic: "t".to_owned(),
            partition: 0,
            offset: 0,
            timestamp: None,
            key: None,
            value: value.map(|value| Bytes(value.as_bytes().to_vec())),
            headers: Vec::new(),
        };
        held(&reading, &record).map(|held| (held.rows, held.readable))
    }

    #[rstest]
    #[case::insert(r#"{"before":null,"after":{"id":1},"op":"c"}"#, (1, true))]
    #[case::update(r#"{"before":{"id":1},"after":{"id":1},"op":"u"}"#, (2, true))]
    #[case::update_without_its_old_row(r#"{"before":null,"after":{"id":1},"op":"u"}"#, (2, false))]
    #[case::delete(r#"{"before":{"id":1},"after":null,"op":"d"}"#, (1, true))]
    #[case::truncate(r#"{"before":null,"after":null,"op":"t"}"#, (1, false))]
    #[case::wrapped(r#"{"schema":{},"payload":{"after":{"id":1},"op":"r"}}"#, (1, true))]
    #[case::something_else("hello", (1, false))]
    fn a_changelog_makes_rows_of_images(#[case] value: &str, #[case] held: (u64, bool)) {
        assert_eq!(read("debezium-json", SinkMode::Retract, Some(value)), Some(held));
    }

    #[rstest]
    #[case(true, true, true)]
    #[case(false, false, true)]
    #[case(true, false, false)]
    #[case(false, true, false)]
    fn a_format_reads_records_behind_their_schema_only_if_it_is_told(
        #[case] include: bool,
        #[case] wrapped: bool,
        #[case] readable: bool,
    ) {
        let plain = r#"{"after":{"id":1},"op":"c"}"#;
        let wrapping = format!(r#" {{"schema":{{}},"payload":{plain}}}"#);
        let value = if wrapped { wrapping.as_str() } else { plain };
        assert_eq!(change(value.as_bytes(), Some(include)).readable, readable);
    }

    #[rstest]
    #[case(SinkMode::Append, Some("{}"), Some((1, true)))]
    #[case(SinkMode::Append, Some("17"), Some((1, false)))]
    #[case(SinkMode::Append, None, Some((0, true)))]
    #[case(SinkMode::Upsert, None, Some((1, true)))]
    fn a_tombstone_is_a_row_to_an_upsert_table_only(
        #[case] mode: SinkMode,
        #[case] value: Option<&str>,
        #[case] held: Option<(u64, bool)>,
    ) {
        assert_eq!(read("json", mode, value), held);
    }

    #[test]
    fn another_format_has_no_model() {
        assert_eq!(read("csv", SinkMode::Append, Some("1;2")), None);
    }
}
