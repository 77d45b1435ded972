//! Event time: what the WATERMARK clause of a table makes of the records of its topics.
//!
//! Flink evaluates the clause for every row that the format makes of a record: for debezium-json
//! the rows of both images of an update, and the old image of a delete. The watermark of a
//! partition is the greatest value so far; a row whose time is NULL moves nothing.
//!
//! Source: Flink's manual, "Time Attributes" and "Generating Watermarks"; Kafka SQL connector,
//! "Source Per-Partition Watermarks". Which rows of an update move the watermark, and that the
//! old image is taken in before the new one moves it, is seen on 2.2.0 (scenarios
//! `windows/a-row-moved-after-the-firing-counts-twice` and
//! `windows/a-late-retraction-changes-nothing`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::zone::Zone;
use crate::history::event::{Clock, Record, Time};
use crate::sql::moment::{self, Moment};

/// Whether a watermark closes the windows that end at `end`: their last millisecond has passed.
///
/// Source: Flink's manual, "Time Zone": the row time of a window is its end less one millisecond.
/// Seen on 2.2.0 (scenario `windows/idle-partitions-let-windows-fire`).
pub fn closes(watermark: i64, end: i64) -> bool {
    end.saturating_sub(1) <= watermark
}

/// How far the partitions of a table's topics are.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// By topic and partition: after which offset the watermark was what; ascending in both.
    seen: BTreeMap<(String, i32), Vec<(i64, i64)>>,
    /// By topic and partition, every record.
    stamped: BTreeMap<(String, i32), Vec<Stamped>>,
}

/// A record that moves event time.
#[derive(Debug, Clone, Copy)]
struct Stamped {
    offset: i64,
    timestamp: i64,
    watermark: i64,
}

impl Progress {
    /// Takes note of a record of one of the clock's topics, in the order of offsets.
    pub fn note(&mut self, clock: &Clock, record: &Record) {
        let times = times_of(clock, record).into_iter();
        let Some(latest) = times.max().map(|time| time.saturating_sub(clock.delay_ms)) else {
            return;
        };
        let place = (record.topic.clone(), record.partition);
        if let Some(timestamp) = record.timestamp {
            let stamped = self.stamped.entry(place.clone()).or_default();
            stamped.push(Stamped { offset: record.offset, timestamp, watermark: latest });
        }
        let seen = self.seen.entry(place).or_default();
        if seen.last().is_none_or(|(_, before)| latest > *before) {
            seen.push((record.offset, latest));
        }
    }

    /// The watermark of a partition after the records below an offset.
    pub fn below(&self, topic: &str, partition: i32, offset: i64) -> Option<i64> {
        let seen = self.seen.get(&(topic.to_owned(), partition))?;
        let count = seen.partition_point(|(at, _)| *at < offset);
        seen.get(count.checked_sub(1)?).map(|(_, watermark)| *watermark)
    }

    /// The watermark that the records of a partition below an offset make, of those that were
    /// written after a time, and of the others.
    pub fn parted(
        &self,
        (topic, partition): (&str, i32),
        below: i64,
        since_ms: i64,
    ) -> (Option<i64>, Option<i64>) {
        let stamped = self.stamped.get(&(topic.to_owned(), partition));
        let records = || stamped.into_iter().flatten().filter(|record| record.offset < below);
        let after = records().filter(|record| record.timestamp > since_ms);
        let before = records().filter(|record| record.timestamp <= since_ms);
        (after.map(|one| one.watermark).max(), before.map(|one| one.watermark).max())
    }

    /// The offset of the record after which the partition's own watermark closes windows that end
    /// at `end`.
    pub fn passed(&self, topic: &str, partition: i32, end: i64) -> Option<i64> {
        let seen = self.seen.get(&(topic.to_owned(), partition))?;
        seen.iter().find(|(_, watermark)| closes(*watermark, end)).map(|(offset, _)| *offset)
    }
}

/// How many rows of a topic's records a window may have dropped as late, at most: those that are not
/// ahead of their own partition's watermark. The watermark of all partitions is behind that, unless
/// idle ones are left out: then that of any other partition may have come first.
///
/// Source: seen on Flink 2.2.0 (scenarios `windows/a-late-row-is-not-counted` and
/// `windows/idle-partitions-let-windows-fire`).
pub fn may_be_late<'r>(clock: &Clock, records: impl IntoIterator<Item = &'r Record>) -> u64 {
    if clock.idles {
        let rows: Vec<i64> =
            records.into_iter().flat_map(|record| times_of(clock, record)).collect();
        let latest = rows.iter().max().map(|time| time.saturating_sub(clock.delay_ms));
        return rows.iter().filter(|time| Some(**time) <= latest).map(|_| 1).sum();
    }
    let mut watermarks = BTreeMap::<i32, i64>::new();
    let mut late = 0;
    for record in records {
        let times = times_of(clock, record);
        let watermark = watermarks.entry(record.partition).or_insert(i64::MIN);
        late += times.iter().filter(|time| **time <= *watermark).map(|_| 1).sum::<u64>();
        let latest = times.iter().max().map(|time| time.saturating_sub(clock.delay_ms));
        *watermark = latest.map_or(*watermark, |latest| latest.max(*watermark));
    }
    late
}

/// Whether a row of a record has an event time.
pub fn shows_time(clock: &Clock, record: &Record) -> bool {
    clock.times.iter().any(|time| !times(time, record).is_empty())
}

/// The event times of the rows of a record, in milliseconds since 1970, as a clock counts them.
fn times_of(clock: &Clock, record: &Record) -> Vec<i64> {
    let zone = clock.zone.as_deref().and_then(Zone::of);
    let times = clock.times.iter().flat_map(|time| times(time, record));
    times.map(|time| zone.as_ref().map_or(time, |zone| zone.wall(time))).collect()
}

/// The event times of the rows of a record, in milliseconds since 1970.
fn times(time: &Time, record: &Record) -> Vec<i64> {
    if *time == Time::Record {
        return record.timestamp.into_iter().collect();
    }
    let value = record.value.as_ref().and_then(|bytes| serde_json::from_slice(&bytes.0).ok());
    let Some(value) = value else { return Vec::new() };
    let value: Value = value;
    // An envelope may stand behind its schema; a field is read where the format looks for it.
    let envelope = value.get("payload").filter(|_| value.get("schema").is_some());
    let envelope = envelope.unwrap_or(&value);
    let images = || ["before", "after"].into_iter().filter_map(|image| envelope.get(image));
    match time {
        Time::Field(name) => value.get(name).and_then(|time| millis(time, 1)).into_iter().collect(),
        Time::Image(name) => images().filter_map(|image| millis(image.get(name)?, 1)).collect(),
        Time::Column { name, ticks, one_row } => rows(envelope, *one_row)
            .into_iter()
            .filter_map(|row| millis(row.get(name)?, *ticks))
            .collect(),
        Time::Computed { expression, one_row } => computed(expression, *one_row, envelope),
        Time::Commit => envelope
            .get("source")
            .and_then(|source| source.get("ts_ms")?.as_i64())
            .into_iter()
            .collect(),
        Time::Record => Vec::new(),
    }
}

/// The rows that a format makes of a record's value: an unwrapped value is one itself. Of an envelope they
/// are the images; a stream of appended rows has the new one, and of a delete the old one.
fn rows(value: &Value, is_one_row: bool) -> Vec<&Value> {
    let images = ["after", "before"].map(|image| value.get(image));
    if value.get("op").is_none() || images.iter().all(Option::is_none) {
        return vec![value];
    }
    let images = images.into_iter().flatten().filter(|image| !image.is_null());
    images.take(if is_one_row { 1 } else { 2 }).collect()
}

/// The times that an expression makes of the rows of a record.
fn computed(expression: &str, is_one_row: bool, value: &Value) -> Vec<i64> {
    let Ok(moment) = Moment::parse(expression) else { return Vec::new() };
    let time = |row: &Value| moment.millis(&|column| field(row, column));
    rows(value, is_one_row).into_iter().filter_map(time).collect()
}

/// A field of a row as an expression sees it.
fn field(row: &Value, column: &str) -> moment::Value {
    match row.get(column) {
        Some(Value::String(text)) => moment::Value::Text(text.clone()),
        Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => moment::Value::Whole(whole.into()),
            (None, Some(real)) => moment::Value::Real(real),
            (None, None) => moment::Value::Null,
        },
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => {
            moment::Value::Null
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
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!("2025-01-01 10:00:00.123456"), Some(1_735_725_600_123))]
    #[case(json!("2025-01-01T11:00:00.5+01:00"), Some(1_735_725_600_500))]
    #[case(json!("2025-01-01 10:00:00Z"), Some(1_735_725_600_000))]
    #[case(json!(null), None)]
    #[case(json!("soon"), None)]
    fn times_are_read_in_every_form(#[case] value: Value, #[case] expected: Option<i64>) {
        assert_eq!(millis(&value, 1), expected);
    }

    /// Three records of a topic whose clock is one millisecond behind: offset, timestamp and time.
    fn progress() -> Progress {
        let clock = Clock {
            table: "t".to_owned(),
            topics: vec!["t".to_owned()],
            sinks: Vec::new(),
            times: vec![Time::Field("at".to_owned())],
            delay_ms: 1,
            idles: false,
            zone: None,
        };
        let mut progress = Progress::default();
        for (offset, timestamp, at) in [(1, 100, 11), (3, 200, 31), (5, 300, 21)] {
            progress.note(&clock, &record(offset, timestamp, &json!({"at": at})));
        }
        progress
    }

    fn record(offset: i64, timestamp: i64, value: &Value) -> Record {
        Record {
            topic: "t".to_owned(),
            partition: 0,
            offset,
            timestamp: Some(timestamp),
            key: None,
            value: Some(crate::history::event::Bytes(value.to_string().into_bytes())),
            headers: Vec::new(),
        }
    }

    #[rstest]
    #[case(1, None)]
    #[case(2, Some(10))]
    #[case(3, Some(10))]
    #[case(4, Some(30))]
    #[case(9, Some(30))]
    fn a_watermark_is_the_greatest_of_the_records_below(
        #[case] offset: i64,
        #[case] expected: Option<i64>,
    ) {
        assert_eq!(progress().below("t", 0, offset), expected);
    }

    #[rstest]
    #[case(6, 99, Some(30), None)]
    #[case(6, 100, Some(30), Some(10))]
    #[case(6, 200, Some(20), Some(30))]
    #[case(6, 300, None, Some(30))]
    #[case(5, 100, Some(30), Some(10))]
    #[case(3, 100, None, Some(10))]
    fn what_was_written_after_a_time_makes_a_watermark_of_its_own(
        #[case] below: i64,
        #[case] since_ms: i64,
        #[case] after: Option<i64>,
        #[case] before: Option<i64>,
    ) {
        assert_eq!(progress().parted(("t", 0), below, since_ms), (after, before));
    }

    #[rstest]
    #[case(11, Some(1))]
    #[case(12, Some(3))]
    #[case(31, Some(3))]
    #[case(32, None)]
    fn the_first_record_that_closes_a_window_is_found(
        #[case] end: i64,
        #[case] offset: Option<i64>,
    ) {
        assert_eq!(progress().passed("t", 0, end), offset);
    }

    #[rstest]
    #[case::both_images(false, json!({"op": "u", "before": {"at": 1}, "after": {"at": 2}}), &[2, 1])]
    #[case::the_new_one(true, json!({"op": "u", "before": {"at": 1}, "after": {"at": 2}}), &[2])]
    #[case::the_old_one_of_a_delete(true, json!({"op": "d", "before": {"at": 1}, "after": null}), &[1])]
    #[case::an_unwrapped_row(true, json!({"id": 7, "at": 3}), &[3])]
    #[case::columns_that_are_named_like_images(true, json!({"at": 3, "after": 4, "before": 5}), &[3])]
    fn the_rows_of_a_record_have_the_times_of_their_images(
        #[case] one_row: bool,
        #[case] value: Value,
        #[case] expected: &[i64],
    ) {
        let time = Time::Column { name: "at".to_owned(), ticks: 1, one_row };
        assert_eq!(times(&time, &record(0, 0, &value)), expected);
    }

    #[rstest]
    #[case::both_images(false, json!({"op": "u", "before": {"at": 1}, "after": {"at": 2}}), &[2_000, 1_000])]
    #[case::the_new_one(true, json!({"op": "u", "before": {"at": 1}, "after": {"at": 2}}), &[2_000])]
    #[case::a_row(false, json!({"at": 3}), &[3_000])]
    #[case::a_row_without(false, json!({"at": null}), &[])]
    fn an_expression_is_worked_out_for_each_row(
        #[case] one_row: bool,
        #[case] value: Value,
        #[case] expected: &[i64],
    ) {
        let time =
            Time::Computed { expression: "TO_TIMESTAMP_LTZ(t.at * 1000, 3)".to_owned(), one_row };
        assert_eq!(times(&time, &record(0, 0, &value)), expected);
    }

    /// A row is late at the watermark of the rows before it, and where idle partitions are left out at
    /// that of any row.
    #[rstest]
    #[case::none(false, &[11, 12, 31], 0)]
    #[case::at_the_watermark(false, &[11, 31, 30], 1)]
    #[case::behind_it(false, &[11, 31, 30, 29], 2)]
    #[case::of_idle_partitions(true, &[11, 31, 30, 29], 3)]
    fn rows_up_to_the_watermark_may_be_late(
        #[case] idles: bool,
        #[case] times: &[i64],
        #[case] expected: u64,
    ) {
        let clock = Clock {
            table: "t".to_owned(),
            topics: vec!["t".to_owned()],
            sinks: Vec::new(),
            times: vec![Time::Field("at".to_owned())],
            delay_ms: 1,
            idles,
            zone: None,
        };
        let records = times.iter().map(|at| record(0, 0, &json!({"at": at}))).collect::<Vec<_>>();
        assert_eq!(may_be_late(&clock, &records), expected);
    }
}
