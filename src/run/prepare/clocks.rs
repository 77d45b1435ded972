//! The clocks of the tables that the statements read, and how far they are by the records that were
//! tapped.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::history::event::{Clock, Record, Table, Time, Topic};
use crate::model::watermark::Progress;
use crate::quiesce::{Clause, Clocks, Job, Read};
use crate::scenario::application::Application;
use crate::scenario::pipeline::{Sink, WindowTime};
use crate::scenario::settings::Options;
use crate::sql::flink::{ColumnKind, CreateTable};
use crate::sql::token::{Language, significant};

use crate::run::prepare::table::{TopicTable, is_debezium};

/// The clocks of all tables with a WATERMARK clause that can be computed.
#[derive(Debug)]
pub struct Watermarks {
    clocks: Mutex<Vec<(Clock, Progress)>>,
    /// Logical names of topics by physical ones.
    logical: BTreeMap<String, String>,
    /// Those that the connector writes.
    captured: BTreeMap<String, String>,
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
    /// The topics of applications.
    pub applications: &'a BTreeMap<String, Application>,
    /// The configuration of each connector, by its name where there are several.
    pub connectors: &'a BTreeMap<Option<String>, Options>,
    /// The time zones of the statements that read the tables, by table and where it is not UTC.
    pub zones: &'a BTreeMap<String, String>,
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
pub fn is_known(
    table: &TopicTable,
    sinks: &BTreeMap<String, Sink>,
    applications: &BTreeMap<String, Application>,
) -> bool {
    let (declared, delay_ms) = declared_by(sinks);
    let known = Known {
        tables: &BTreeMap::new(),
        declared: &declared,
        delay_ms,
        source: &[],
        applications,
        connectors: &BTreeMap::new(),
        zones: &BTreeMap::new(),
    };
    clock(table, &known).is_some()
}

impl Watermarks {
    /// The clocks of a run over these topics.
    pub fn new(known: &Known<'_>, topics: &[Topic]) -> Self {
        let names = |topic: &Topic| (topic.physical.clone(), topic.name.clone());
        let captured = topics.iter().filter(|topic| topic.role.is_captured()).map(names).collect();
        let logical = topics.iter().map(names).collect();
        let clocks = known.tables.values().filter_map(|table| clock(table, known));
        let clocks = clocks.map(|clock| (clock, Progress::default())).collect();
        Self { clocks: Mutex::new(clocks), logical, captured }
    }

    fn clocks(&self) -> MutexGuard<'_, Vec<(Clock, Progress)>> {
        self.clocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The clocks, each with the sinks of the jobs that read it.
    pub(in crate::run) fn read_by(&self, jobs: &[Job]) -> Vec<Clock> {
        let read_by = |clock: &Clock| {
            let reads = |job: &&Job| job.reads.iter().any(|read| read.table == clock.table);
            let idle = |job: &&Job| {
                let read = job.reads.iter().find(|read| read.table == clock.table);
                read.is_some_and(|read| read.watermark == Clause::Idle)
            };
            let sinks = jobs.iter().filter(reads).flat_map(|job| &job.sinks);
            Clock {
                sinks: sinks.map(|sink| sink.sink.clone()).collect(),
                idles: jobs.iter().any(|job| idle(&job)),
                ..clock.clone()
            }
        };
        self.clocks().iter().map(|(clock, _)| read_by(clock)).collect()
    }

    /// Takes note of a record, in the order of offsets.
    pub fn note(&self, record: &Record) {
        for (clock, progress) in self.clocks().iter_mut() {
            if clock.topics.contains(&record.topic) {
                progress.note(clock, record);
            }
        }
    }
}

impl Clocks for Watermarks {
    fn watermark(&self, read: &Read, partition: i32, below: i64) -> Option<i64> {
        let logical = self.logical.get(&read.topic)?;
        let clocks = self.clocks();
        let (_, progress) = clocks.iter().find(|(clock, _)| clock.table == read.table)?;
        progress.below(logical, partition, below)
    }

    fn parted(
        &self,
        read: &Read,
        partition: i32,
        below: i64,
        since_ms: i64,
    ) -> Option<(Option<i64>, Option<i64>)> {
        // Statements stamp what they write with event time.
        let logical = self.captured.get(&read.topic)?;
        let clocks = self.clocks();
        let (_, progress) = clocks.iter().find(|(clock, _)| clock.table == read.table)?;
        Some(progress.parted((logical, partition), below, since_ms))
    }
}

fn clock(table: &TopicTable, known: &Known<'_>) -> Option<Clock> {
    let watermark = table.create.watermark.as_ref()?;
    let delay = watermark.delay_ms.or(known.delay_ms)?;
    let debezium = is_debezium(&table.format);
    let times = match physical(&table.create, &watermark.column) {
        true if debezium => vec![Time::Image(watermark.column.clone())],
        true => vec![Time::Field(watermark.column.clone())],
        false => declared(table, known),
    };
    (!times.is_empty()).then(|| Clock {
        table: table.name.clone(),
        topics: table.topics.clone(),
        sinks: Vec::new(),
        times,
        delay_ms: i64::try_from(delay).unwrap_or(i64::MAX),
        idles: false,
        zone: known.zones.get(&table.name).filter(|_| is_local(table, &watermark.column)).cloned(),
    })
}

/// Whether a rowtime column makes wall times of the session's zone of the points in time that the
/// records hold.
fn is_local(table: &TopicTable, column: &str) -> bool {
    let found = table.create.columns.iter().find(|known| known.name == column);
    match found.map(|column| &column.kind) {
        Some(ColumnKind::Metadata { data_type, .. }) => !is_instant(data_type),
        Some(ColumnKind::Computed) => {
            let words = expression(&table.written.value, column);
            let has = |word: &str| words.iter().any(|other| other == word);
            let cast = words.first().is_some_and(|word| word == "CAST" || word == "TRY_CAST");
            let to = words.iter().rposition(|word| word == "AS").filter(|_| cast);
            let last = to.and_then(|to| words.get(to + 1..)).unwrap_or(&words);
            let to_instant = ["TO_TIMESTAMP_LTZ", "TIMESTAMP_LTZ", "LOCAL"]
                .iter()
                .any(|word| last.iter().any(|other| other == word));
            !to_instant && (has("FROM_UNIXTIME") || has("TO_TIMESTAMP_LTZ") || has("TIMESTAMP_LTZ"))
        }
        Some(ColumnKind::Physical(_)) | None => false,
    }
}

/// Whether values of a type are points in time.
fn is_instant(data_type: &str) -> bool {
    data_type.contains("TIMESTAMP_LTZ") || data_type.contains("LOCAL TIME ZONE")
}

/// The words of the expression of a computed column, in upper case.
fn expression(statement: &str, column: &str) -> Vec<String> {
    let tokens = significant(Language::Flink, statement);
    let starts = tokens.windows(3).position(|three| match three {
        [before, name, word] => {
            let own = name.name().is_some_and(|name| name == column);
            own && word.is("AS") && !before.is("FOR")
        }
        _ => false,
    });
    let Some(starts) = starts else { return Vec::new() };
    let mut depth = 0_i32;
    let inside = tokens.iter().skip(starts + 3).take_while(|token| {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth -= 1;
        }
        depth > 0 || depth == 0 && !token.is_symbol(",")
    });
    inside.map(|token| token.text.to_ascii_uppercase()).collect()
}

fn physical(create: &CreateTable, name: &str) -> bool {
    let found = create.columns.iter().find(|column| column.name == name);
    found.is_some_and(|column| matches!(column.kind, ColumnKind::Physical(_)))
}

/// A computed time column cannot be read from the record; the author has declared what it is.
fn declared(table: &TopicTable, known: &Known<'_>) -> Vec<Time> {
    let mut times = Vec::new();
    for time in known.declared {
        match time {
            WindowTime::Commit => times.push(Time::Commit),
            WindowTime::Record => times.push(Time::Record),
            WindowTime::Columns(columns) => times.extend(columns_of(table, columns, known)),
            WindowTime::Computed { columns, expressions } => {
                times.extend(columns_of(table, columns, known));
                let ours = expressions.iter().filter(|(source, _)| is_over(table, source, known));
                times.extend(ours.map(|(_, expression)| Time::Computed {
                    expression: expression.clone(),
                    one_row: !is_debezium(&table.format),
                }));
            }
        }
    }
    times.dedup();
    times
}

/// Whether a table reads the topic of a source table.
fn is_over(table: &TopicTable, source: &str, known: &Known<'_>) -> bool {
    if known.applications.contains_key(source) {
        return table.topics.iter().any(|topic| topic == source);
    }
    table.topics.iter().any(|topic| topic.ends_with(&format!(".{source}")))
}

/// Declared columns of the source tables and of the topics of applications that a table reads.
fn columns_of(table: &TopicTable, columns: &[(String, String)], known: &Known<'_>) -> Vec<Time> {
    let ours = columns.iter().filter(|(source, _)| is_over(table, source, known));
    let time = |(source, column): &(String, String)| {
        if known.applications.contains_key(source) {
            return Time::Field(column.clone());
        }
        Time::Column {
            name: column.clone(),
            ticks: ticks(source, column, known),
            one_row: !is_debezium(&table.format),
        }
    };
    ours.map(time).collect()
}

/// How Debezium counts a timestamp of this column.
fn ticks(table: &str, column: &str, known: &Known<'_>) -> i64 {
    let table = table.rsplit('.').next().unwrap_or(table);
    let named = known.source.iter().filter(|candidate| candidate.name == table);
    let mut columns = named.flat_map(|table| table.columns.iter().map(move |own| (table, own)));
    let found = columns.find(|(_, candidate)| candidate.name == column);
    let type_name = found.map_or("", |(_, column)| column.type_name.as_str());
    let connector = found.and_then(|(table, _)| table.connector.clone());
    let config = known.connectors.get(&connector);
    let mode = config.and_then(|config| config.get("time.precision.mode"));
    let mode = mode.map_or("adaptive", String::as_str);
    let coarse = ["(0)", "(1)", "(2)", "(3)"].iter().any(|digits| type_name.contains(digits));
    match mode {
        "connect" => 1,
        "nanoseconds" => 1_000_000,
        "adaptive" | "adaptive_time_microseconds" if coarse => 1,
        _ => 1_000,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::base::text::Text;
    use crate::history::event::{Bytes, Role, SinkMode};
    use crate::history::files::Kept;
    use crate::quiesce::Clause;
    use crate::sql::flink::{Statement, parse};

    fn table(sql: &str, format: &str) -> TopicTable {
        let text = Text::whole("p.sql".into(), sql.to_owned());
        let Statement::CreateTable(create) = parse(&text) else { panic!("{sql}") };
        TopicTable {
            name: create.name.table().to_owned(),
            topics: vec!["cdc.public.payments".to_owned()],
            kept: Kept::Topic,
            mode: SinkMode::Append,
            format: format.to_owned(),
            place: text.place(0),
            create: *create,
            written: text,
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
            applications: &BTreeMap::new(),
            connectors: &BTreeMap::new(),
            zones: &BTreeMap::new(),
        };
        let topic = Topic {
            name: "cdc.public.payments".to_owned(),
            physical: "physical".to_owned(),
            partitions: 3,
            role: Role::Source { table: "public.payments".to_owned() },
            options: Options::new(),
            connector: None,
        };
        Watermarks::new(&known, &[topic])
    }

    fn read() -> Read {
        Read {
            table: "t".to_owned(),
            topic: "physical".to_owned(),
            watermark: Clause::Strict,
            zoned: None,
            lenient: None,
            uncommitted: false,
            aborted: BTreeMap::new(),
        }
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
    fn what_was_written_after_a_time_is_told_apart() {
        let clocks = watermarks(table(PHYSICAL, "debezium-json"), &[]);
        let at = |stamp: i64, offset: i64, time: &str| Record {
            timestamp: Some(stamp),
            ..record(0, offset, &json!({"op": "c", "before": null, "after": {"ts": time}}))
        };
        clocks.note(&at(100, 0, "2025-01-01 10:00:10"));
        clocks.note(&at(200, 1, "2025-01-01 10:00:05"));
        clocks.note(&at(300, 2, "2025-01-01 10:00:20"));
        let ten = 1_735_725_600_000;
        let parted = |below| clocks.parted(&read(), 0, below, 100);
        assert_eq!(parted(2), Some((Some(ten), Some(ten + 5_000))));
        assert_eq!(parted(3), Some((Some(ten + 15_000), Some(ten + 5_000))));
        assert_eq!(clocks.parted(&read(), 1, 3, 100), Some((None, None)));
    }

    #[test]
    fn an_upsert_table_has_its_time_in_the_value() {
        let clocks = watermarks(table(PHYSICAL, "json"), &[]);
        clocks.note(&record(2, 0, &json!({"ts": "2025-01-01T10:00:00Z"})));
        assert_eq!(clocks.watermark(&read(), 2, 1), Some(1_735_725_595_000));
    }

    #[rstest]
    #[case("TO_TIMESTAMP_LTZ(paid_at, 3)", false)]
    #[case("TO_TIMESTAMP(FROM_UNIXTIME(paid_at / 1000))", true)]
    #[case("CAST(TO_TIMESTAMP_LTZ(paid_at, 3) AS TIMESTAMP(3))", true)]
    #[case("CAST(TO_TIMESTAMP(FROM_UNIXTIME(paid_at)) AS TIMESTAMP_LTZ(3))", false)]
    #[case("TO_TIMESTAMP(REPLACE(paid_at, 'T', ' '))", false)]
    fn a_rowtime_may_be_a_wall_time_of_the_sessions_zone(
        #[case] expression: &str,
        #[case] expected: bool,
    ) {
        let sql = format!(
            "CREATE TABLE t (paid_at BIGINT, ts AS {expression}, \
             WATERMARK FOR ts AS ts - INTERVAL '5' SECOND, n INT)"
        );
        assert_eq!(is_local(&table(&sql, "debezium-json"), "ts"), expected);
    }

    #[test]
    fn a_computed_time_is_read_where_the_window_declares_it() {
        let time = WindowTime::Columns(vec![("payments".to_owned(), "paid_at".to_owned())]);
        let clocks = watermarks(table(COMPUTED, "debezium-json"), &[&time]);
        let image = json!({"paid_at": 1_735_725_600_000_999_i64});
        clocks.note(&record(0, 0, &json!({"op": "c", "after": image})));
        assert_eq!(clocks.watermark(&read(), 0, 1), Some(1_735_725_595_000));
        assert!(!is_known(&table(COMPUTED, "debezium-json"), &BTreeMap::new(), &BTreeMap::new()));
        assert!(is_known(&table(PHYSICAL, "debezium-json"), &BTreeMap::new(), &BTreeMap::new()));
    }
}
