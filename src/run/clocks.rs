//! Event time: what the WATERMARK clauses of the source tables make of the records of their topics,
//! computed from the records as they were tapped.
//!
//! Flink evaluates the clause for every row that the format makes of a record: for debezium-json
//! the rows of both images of an update, and the old image of a delete. The watermark of a
//! partition is the greatest value so far; a row whose time is NULL moves nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::history::event::{Record, Table};
use crate::quiesce::{Clocks, Read};
use crate::scenario::pipeline::{Sink, WindowTime};
use crate::scenario::settings::Options;
use crate::sql::flink::{ColumnKind, CreateTable};

use super::statements::TopicTable;

/// Where the event time of a record is read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// A field of the value.
    Field(String),
    /// A field of the images of Debezium's envelope, as Flink's format reads it.
    Image(String),
    /// A column of a Postgres table in the images of Debezium's envelope; a number counts this
    /// many to the millisecond.
    Column {
        /// Of both images, as debezium-json reads them; else of the one row of the envelope.
        both: bool,
        /// The column.
        name: String,
        /// Ticks of the number in a millisecond (1,000 for microseconds).
        ticks: i64,
    },
    /// `source.ts_ms` of the envelope.
    Commit,
    /// The record's timestamp.
    Record,
}

/// The clock of one table.
#[derive(Debug, Clone)]
struct Clock {
    table: String,
    topics: Vec<String>,
    sources: Vec<Source>,
    delay_ms: i64,
    /// By logical topic and partition: after which offset the watermark was what; ascending in
    /// both.
    seen: BTreeMap<(String, i32), Vec<(i64, i64)>>,
}

/// The clocks of all tables with a WATERMARK clause that can be computed.
#[derive(Debug)]
pub struct Watermarks {
    clocks: Mutex<Vec<Clock>>,
    /// Logical names of topics by physical ones.
    logical: BTreeMap<String, String>,
}

/// What must be known to build the clocks.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The tables of the statements.
    pub tables: &'a BTreeMap<String, TopicTable>,
    /// Declared clocks, of the sinks' windows.
    pub declared: &'a [&'a WindowTime],
    /// Declared delay in milliseconds, where the clause does not show it.
    pub delay_ms: Option<u64>,
    /// The source tables.
    pub source: &'a [Table],
    /// The connector's configuration.
    pub connector: &'a Options,
}

/// The declared clocks of the sinks' windows, and their delay in milliseconds.
pub fn declared_by(sinks: &BTreeMap<String, Sink>) -> (Vec<&WindowTime>, Option<u64>) {
    let windows: Vec<_> = sinks
        .values()
        .filter_map(|sink| match sink {
            Sink::Judged { window, .. } => window.as_ref(),
            Sink::Unjudged => None,
        })
        .collect();
    let delay = windows.iter().find_map(|window| window.delay_ms);
    (windows.iter().map(|window| &window.time).collect(), delay)
}

/// Whether the clock of a table can be computed from its records.
pub fn is_known(table: &TopicTable, sinks: &BTreeMap<String, Sink>) -> bool {
    let (declared, delay_ms) = declared_by(sinks);
    let known = Known {
        tables: &BTreeMap::new(),
        declared: &declared,
        delay_ms,
        source: &[],
        connector: &Options::new(),
    };
    clock(table, &known).is_some()
}

impl Watermarks {
    /// The clocks of a run. `logical` names the topics of the run by their physical names.
    pub fn new(known: &Known<'_>, logical: BTreeMap<String, String>) -> Self {
        let clocks = known.tables.values().filter_map(|table| clock(table, known)).collect();
        Self { clocks: Mutex::new(clocks), logical }
    }

    fn clocks(&self) -> MutexGuard<'_, Vec<Clock>> {
        self.clocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a record, in the order of offsets.
    pub fn note(&self, record: &Record) {
        for clock in self.clocks().iter_mut() {
            if clock.topics.contains(&record.topic) {
                clock.note(record);
            }
        }
    }
}

impl Clocks for Watermarks {
    fn watermark(&self, read: &Read, partition: i32, below: i64) -> Option<i64> {
        let logical = self.logical.get(&read.topic)?;
        let clocks = self.clocks();
        let clock = clocks.iter().find(|clock| clock.table == read.table)?;
        let seen = clock.seen.get(&(logical.clone(), partition))?;
        let count = seen.partition_point(|(offset, _)| *offset < below);
        seen.get(count.checked_sub(1)?).map(|(_, watermark)| *watermark)
    }
}

fn clock(table: &TopicTable, known: &Known<'_>) -> Option<Clock> {
    let watermark = table.create.watermark.as_ref()?;
    let delay = watermark.delay_ms.or(known.delay_ms)?;
    let debezium = table.format == "debezium-json";
    let sources = match physical(&table.create, &watermark.column) {
        true if debezium => vec![Source::Image(watermark.column.clone())],
        true => vec![Source::Field(watermark.column.clone())],
        false => declared(table, known),
    };
    (!sources.is_empty()).then(|| Clock {
        table: table.name.clone(),
        topics: table.topics.clone(),
        sources,
        delay_ms: i64::try_from(delay).unwrap_or(i64::MAX),
        seen: BTreeMap::new(),
    })
}

fn physical(create: &CreateTable, name: &str) -> bool {
    let found = create.columns.iter().find(|column| column.name == name);
    found.is_some_and(|column| matches!(column.kind, ColumnKind::Physical(_)))
}

/// A computed time column cannot be read from the record; the author has declared what it is.
fn declared(table: &TopicTable, known: &Known<'_>) -> Vec<Source> {
    let mut sources = Vec::new();
    for time in known.declared {
        match time {
            WindowTime::Commit => sources.push(Source::Commit),
            WindowTime::Record => sources.push(Source::Record),
            WindowTime::Columns(columns) => {
                for (source, column) in columns {
                    let ours = |topic: &String| topic.ends_with(&format!(".{source}"));
                    if table.topics.iter().any(ours) {
                        let ticks = ticks(source, column, known);
                        let both = table.format == "debezium-json";
                        sources.push(Source::Column { both, name: column.clone(), ticks });
                    }
                }
            }
        }
    }
    sources.dedup();
    sources
}

/// How Debezium counts a timestamp of this column.
fn ticks(table: &str, column: &str, known: &Known<'_>) -> i64 {
    let mode = known.connector.get("time.precision.mode").map_or("adaptive", String::as_str);
    let table = table.rsplit('.').next().unwrap_or(table);
    let found = known
        .source
        .iter()
        .filter(|candidate| candidate.name == table)
        .flat_map(|candidate| &candidate.columns)
        .find(|candidate| candidate.name == column);
    let type_name = found.map_or("", |column| column.type_name.as_str());
    let coarse = ["(0)", "(1)", "(2)", "(3)"].iter().any(|digits| type_name.contains(digits));
    match mode {
        "connect" => 1,
        "nanoseconds" => 1_000_000,
        "adaptive" | "adaptive_time_microseconds" if coarse => 1,
        _ => 1_000,
    }
}

impl Clock {
    fn note(&mut self, record: &Record) {
        let times = self.sources.iter().flat_map(|source| source.times(record));
        let Some(latest) = times.max().map(|time| time.saturating_sub(self.delay_ms)) else {
            return;
        };
        let seen = self.seen.entry((record.topic.clone(), record.partition)).or_default();
        if seen.last().is_none_or(|(_, before)| latest > *before) {
            seen.push((record.offset, latest));
        }
    }
}

impl Source {
    /// The event times of the rows of a record, in milliseconds since 1970.
    fn times(&self, record: &Record) -> Vec<i64> {
        if *self == Self::Record {
            return record.timestamp.into_iter().collect();
        }
        let value = record.value.as_ref().and_then(|bytes| serde_json::from_slice(&bytes.0).ok());
        let Some(value) = value else { return Vec::new() };
        let value: Value = value;
        let images = || ["before", "after"].into_iter().filter_map(|image| value.get(image));
        // Read as an append stream the envelope is one row: the new one, of a delete the old one.
        let row = || {
            let rows = ["after", "before"].into_iter().filter_map(|image| value.get(image));
            rows.filter(|image| !image.is_null()).take(1)
        };
        match self {
            Self::Field(name) => {
                value.get(name).and_then(|time| millis(time, 1)).into_iter().collect()
            }
            Self::Image(name) => images().filter_map(|image| millis(image.get(name)?, 1)).collect(),
            Self::Column { both: true, name, ticks } => {
                images().filter_map(|image| millis(image.get(name)?, *ticks)).collect()
            }
            Self::Column { both: false, name, ticks } => {
                row().filter_map(|image| millis(image.get(name)?, *ticks)).collect()
            }
            Self::Commit => value
                .get("source")
                .and_then(|source| source.get("ts_ms")?.as_i64())
                .into_iter()
                .collect(),
            Self::Record => Vec::new(),
        }
    }
}

/// A time as text (`2025-01-01 10:00:00.5`, with `T` and a zone or without) or as a number.
fn millis(value: &Value, ticks: i64) -> Option<i64> {
    match value {
        Value::Number(number) => Some(number.as_i64()?.div_euclid(ticks)),
        Value::String(text) => text_millis(text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn text_millis(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    let time: jiff::civil::DateTime = text.trim_end_matches('Z').parse().ok()?;
    let zoned = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use crate::quiesce::Clause;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::base::text::Text;
    use crate::history::event::{Bytes, SinkMode};
    use crate::sql::flink::{Statement, parse};

    fn table(sql: &str, format: &str) -> TopicTable {
        let text = Text::whole("p.sql".into(), sql.to_owned());
        let Statement::CreateTable(create) = parse(&text) else { panic!("{sql}") };
        TopicTable {
            name: create.name.table().to_owned(),
            topics: vec!["cdc.public.payments".to_owned()],
            mode: SinkMode::Append,
            format: format.to_owned(),
            place: text.place(0),
            create: *create,
        }
    }

    fn record(partition: i32, offset: i64, value: &Value) -> Record {
        Record {
            topic: "cdc.public.payments".to_owned(),
            partition,
            offset,
            timestamp: Some(7),
            key: None,
            value: Some(Bytes(value.to_string().into_bytes())),
            headers: Vec::new(),
        }
    }

    fn watermarks(table: TopicTable, declared: &[&WindowTime]) -> Watermarks {
        let tables = BTreeMap::from([(table.name.clone(), table)]);
        let known = Known {
            tables: &tables,
            declared,
            delay_ms: None,
            source: &[],
            connector: &Options::new(),
        };
        let logical = ("physical".to_owned(), "cdc.public.payments".to_owned());
        Watermarks::new(&known, BTreeMap::from([logical]))
    }

    fn read() -> Read {
        Read { table: "t".to_owned(), topic: "physical".to_owned(), watermark: Clause::Strict }
    }

    const PHYSICAL: &str =
        "CREATE TABLE t (ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)";
    const COMPUTED: &str = "CREATE TABLE t (paid_at BIGINT, ts AS TO_TIMESTAMP_LTZ(paid_at / 1000, 3), \
                            WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)";

    #[test]
    fn both_images_of_an_envelope_move_the_watermark() {
        let clocks = watermarks(table(PHYSICAL, "debezium-json"), &[]);
        let at = |time: &str| json!({"ts": time});
        let update = json!({"op": "u", "before": at("2025-01-01 10:00:00"), "after": at("2025-01-01 09:00:00")});
        clocks.note(&record(
            0,
            4,
            &json!({"op": "c", "before": null, "after": at("2025-01-01 08:00:00.5")}),
        ));
        clocks.note(&record(0, 7, &update));
        clocks.note(&record(0, 9, &json!({"op": "d", "before": {"ts": null}, "after": null})));
        let ten = 1_735_725_600_000;
        assert_eq!(clocks.watermark(&read(), 0, 4), None);
        assert_eq!(clocks.watermark(&read(), 0, 7), Some(ten - 7_200_000 + 500 - 5_000));
        assert_eq!(clocks.watermark(&read(), 0, 8), Some(ten - 5_000));
        assert_eq!(clocks.watermark(&read(), 0, 10), Some(ten - 5_000));
        assert_eq!(clocks.watermark(&read(), 1, 10), None);
    }

    #[test]
    fn an_upsert_table_has_its_time_in_the_value() {
        let clocks = watermarks(table(PHYSICAL, "json"), &[]);
        clocks.note(&record(2, 0, &json!({"ts": "2025-01-01T10:00:00Z"})));
        assert_eq!(clocks.watermark(&read(), 2, 1), Some(1_735_725_595_000));
    }

    #[test]
    fn a_computed_time_is_read_where_the_window_declares_it() {
        let time = WindowTime::Columns(vec![("payments".to_owned(), "paid_at".to_owned())]);
        let clocks = watermarks(table(COMPUTED, "debezium-json"), &[&time]);
        let image = json!({"paid_at": 1_735_725_600_000_999_i64});
        clocks.note(&record(0, 0, &json!({"op": "c", "after": image})));
        assert_eq!(clocks.watermark(&read(), 0, 1), Some(1_735_725_595_000));
        assert!(!is_known(&table(COMPUTED, "debezium-json"), &BTreeMap::new()));
        assert!(is_known(&table(PHYSICAL, "debezium-json"), &BTreeMap::new()));
    }

    #[rstest]
    #[case(json!("2025-01-01 10:00:00.123456"), Some(1_735_725_600_123))]
    #[case(json!("2025-01-01T11:00:00.5+01:00"), Some(1_735_725_600_500))]
    #[case(json!("2025-01-01 10:00:00Z"), Some(1_735_725_600_000))]
    #[case(json!(null), None)]
    #[case(json!("soon"), None)]
    fn times_are_read_in_every_form(#[case] value: Value, #[case] expected: Option<i64>) {
        assert_eq!(millis(&value, 1), expected);
    }
}
