//! Tables that are files, as this crate's reader has them and as Flink's own does.

#![expect(clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use changeproof::base::grade::Grade;
use changeproof::base::position::Lsn;
use changeproof::base::text::Text;
use changeproof::base::value::Value;
use changeproof::capture::lake::{Lake, Room};
use changeproof::client::flink::JobManager;
use changeproof::client::gateway::Session;
use changeproof::history::event::{Event, Proof, SinkMode, SinkTable};
use changeproof::history::files::Kept;
use changeproof::history::written::Written;
use changeproof::model::sink::Shape;
use changeproof::sql::flink::{Statement, parse};

use crate::{LIMIT, Place};

/// Rows, each as its values in the order of the table's columns, sorted.
type Rows = Vec<Vec<Option<String>>>;

/// A table of files under test.
struct Table {
    name: &'static str,
    /// The columns and all that follows, without the place.
    ddl: &'static str,
    kept: Kept,
    /// What is selected of each change.
    select: &'static str,
}

const ICEBERG: &str = "'connector' = 'iceberg', 'catalog-name' = 'lk', 'catalog-type' = 'hadoop', \
                       'format-version' = '2'";

/// Which tables are written, from the same changes.
const TABLES: &[Table] = &[
    Table {
        name: "parted",
        ddl: "(id INT, depot STRING, weight INT, PRIMARY KEY (id) NOT ENFORCED) \
              PARTITIONED BY (depot) WITH (ICEBERG)",
        kept: Kept::Iceberg,
        select: "id, depot, weight",
    },
    Table {
        name: "whole",
        ddl: "(id INT, depot STRING, weight INT, PRIMARY KEY (id) NOT ENFORCED) WITH (ICEBERG)",
        kept: Kept::Iceberg,
        select: "id, depot, weight",
    },
    Table {
        name: "upserted",
        ddl: "(id INT, depot STRING, weight INT, PRIMARY KEY (id, depot) NOT ENFORCED) \
              PARTITIONED BY (depot) WITH (ICEBERG, 'write.upsert.enabled' = 'true')",
        kept: Kept::Iceberg,
        select: "id, COALESCE(depot, '-'), weight",
    },
    Table {
        name: "by_date",
        ddl: "(id INT, `day` DATE, weight INT, PRIMARY KEY (id) NOT ENFORCED) \
              PARTITIONED BY (`day`) WITH (ICEBERG)",
        kept: Kept::Iceberg,
        select: "id, DATE '1969-12-31' + INTERVAL '1' DAY * CHAR_LENGTH(depot), weight",
    },
    Table {
        name: "by_two",
        ddl: "(id INT, depot STRING, weight INT, PRIMARY KEY (id) NOT ENFORCED) \
              PARTITIONED BY (depot, weight) WITH (ICEBERG)",
        kept: Kept::Iceberg,
        select: "id, depot, weight",
    },
];

/// Changes as debezium-json has them, commit by commit.
const COMMITS: &[&[&str]] = &[
    &[
        r#"{"op":"c","before":null,"after":{"id":1,"depot":"north","weight":3}}"#,
        r#"{"op":"c","before":null,"after":{"id":2,"depot":"south","weight":4}}"#,
        r#"{"op":"c","before":null,"after":{"id":3,"depot":null,"weight":5}}"#,
        r#"{"op":"c","before":null,"after":{"id":4,"depot":"north","weight":6}}"#,
        r#"{"op":"c","before":null,"after":{"id":5,"depot":"east","weight":1}}"#,
        r#"{"op":"d","before":{"id":5,"depot":"east","weight":1},"after":null}"#,
    ],
    // One that is found, one of another partition, one of none.
    &[
        r#"{"op":"d","before":{"id":1,"depot":"north","weight":3},"after":null}"#,
        r#"{"op":"d","before":{"id":2,"depot":"","weight":null},"after":null}"#,
        r#"{"op":"d","before":{"id":3,"depot":null,"weight":5},"after":null}"#,
    ],
    // A key comes back, another moves, and one comes and goes within the commit.
    &[
        r#"{"op":"c","before":null,"after":{"id":1,"depot":"north","weight":7}}"#,
        r#"{"op":"u","before":{"id":4,"depot":"north","weight":6},"after":{"id":4,"depot":"south","weight":6}}"#,
        r#"{"op":"c","before":null,"after":{"id":6,"depot":"north","weight":8}}"#,
        r#"{"op":"d","before":{"id":6,"depot":"north","weight":8},"after":null}"#,
    ],
    &[
        r#"{"op":"d","before":{"id":4,"depot":"north","weight":6},"after":null}"#,
        r#"{"op":"u","before":{"id":1,"depot":"north","weight":7},"after":{"id":1,"depot":"north","weight":9}}"#,
    ],
];

/// Files of rows that are only added.
const FOLDERS: &[Table] = &[
    Table {
        name: "in_parquet",
        ddl: "(id INT, depot STRING, weight DECIMAL(6, 2)) PARTITIONED BY (depot) \
              WITH (FILES, 'format' = 'parquet')",
        kept: Kept::Parquet,
        select: "id, depot, weight",
    },
    Table {
        name: "in_csv",
        ddl: "(depot STRING, id INT, weight INT) PARTITIONED BY (id, depot) \
              WITH (FILES, 'format' = 'csv', 'sink.rolling-policy.file-size' = '1b')",
        kept: Kept::Csv,
        select: "depot, id, COALESCE(weight, 0)",
    },
    Table {
        name: "in_json",
        ddl: "(id INT, depot STRING, heavy BOOLEAN) PARTITIONED BY (heavy) \
              WITH (FILES, 'format' = 'json', 'partition.default-name' = 'none', \
              'sink.rolling-policy.file-size' = '1b')",
        kept: Kept::Json,
        select: "id, depot, COALESCE(weight > 4, FALSE)",
    },
];

/// Rows for these. None has NULL or an empty text for a partition: Flink writes the folder of such
/// rows, and its own reader then fails at the whole table ("Path should not be null or empty"). Nor
/// does that reader take the empty field that Flink writes for a NULL number in CSV.
const ROWS: &str = "(VALUES (1, 'north', 3), (2, 'south', 4), (3, 'west', 5), \
                    (4, 'a/b=c:%41 é', 6), (5, 'north', CAST(NULL AS INT))) AS t (id, depot, weight)";

impl Table {
    /// The statement that makes it.
    fn create(&self, place: &Place) -> String {
        let lake = &place.database.claim.lake;
        let iceberg = format!("{ICEBERG}, 'warehouse' = 'file://{lake}'");
        let files = format!("'connector' = 'filesystem', 'path' = 'file://{lake}/{}'", self.name);
        let rest = self.ddl.replace("ICEBERG", &iceberg).replace("FILES", &files);
        format!("CREATE TABLE {} {rest}", self.name)
    }

    /// What this crate's reader finds in its files.
    async fn read(&self, place: &Place, columns: &[(String, String)]) -> Rows {
        let create = match parse(&Text::whole("t.sql".into(), self.create(place))) {
            Statement::CreateTable(create) => *create,
            other => panic!("no table: {other:?}"),
        };
        let lake = &place.database.claim.lake;
        let is_lake = self.kept == Kept::Iceberg;
        let folder = if is_lake { lake.join("default_database") } else { lake.clone() };
        let sink = SinkTable {
            name: self.name.to_owned(),
            topic: self.name.to_owned(),
            kept: self.kept,
            mode: if is_lake { SinkMode::Upsert } else { SinkMode::Append },
            columns: columns.to_vec(),
            key: create.primary_key.clone(),
            statement: Text::whole("t.sql".into(), String::new()).place(0),
            written: Written::default(),
        };
        let room = Room::Folder(folder.join(self.name));
        let look = Lake::default().read(&sink, &room, create.with.as_ref()).await.unwrap();
        let files = look.events.iter().filter_map(|event| match event {
            Event::File(file) => Some(file),
            _ => None,
        });
        let files: Vec<_> = files.collect();
        let shape = Shape::of(&sink);
        let log = look.events.iter().filter_map(|event| match event {
            Event::Record(record) => Some(shape.read(record, &files).unwrap()),
            _ => None,
        });
        let log: Vec<_> = log.collect();
        let contents = shape.fold(&log, &proof(self.name, look.ends));
        let rows = contents.keyed.into_values().chain(contents.bag);
        let row = |row: BTreeMap<String, Value>| {
            let shown = |value: &Value| match value {
                Value::Null => None,
                other => Some(other.to_string()),
            };
            columns.iter().map(|(name, _)| row.get(name).and_then(shown)).collect()
        };
        let mut rows: Rows = rows.filter_map(|emitted| emitted.row).map(row).collect();
        rows.sort();
        rows
    }
}

fn proof(topic: &str, ends: Vec<(i64, i64)>) -> Proof {
    Proof {
        number: 0,
        entry: 0,
        grade: Grade::Checkpoint,
        last_commit_end: None,
        barrier_end: Lsn(0),
        confirmed: Lsn(0),
        ends: BTreeMap::from([(topic.to_owned(), ends)]),
        jobs: Vec::new(),
        watermarks: BTreeMap::new(),
        watermarks_at_most: BTreeMap::new(),
        gaps: Vec::new(),
        elapsed_ms: 0,
    }
}

/// The rows with one spelling for each number: Flink writes none of the zeros at a decimal's end.
fn by_value(rows: Rows) -> Rows {
    let plain = |text: String| match text.parse::<BigDecimal>() {
        Ok(number) => number.normalized().to_plain_string(),
        Err(_) => text,
    };
    let row = |row: Vec<Option<String>>| row.into_iter().map(|cell| cell.map(plain)).collect();
    let mut rows: Rows = rows.into_iter().map(row).collect();
    rows.sort();
    rows
}

/// A session over the tables.
struct Writer<'a> {
    place: &'a Place,
    session: Session,
    flink: JobManager,
}

impl<'a> Writer<'a> {
    async fn new(place: &'a Place) -> Self {
        let properties = [("restart-strategy.type", "none"), ("parallelism.default", "1")];
        let properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let reach = &place.database.lease.reach;
        let session = Session::open(reach, "lake", &BTreeMap::from(properties)).await.unwrap();
        let flink = JobManager::new(reach).unwrap();
        Self { place, session, flink }
    }

    async fn run(&self, statement: &str) {
        if let Err(error) = self.session.execute(statement).await {
            panic!("{statement}: {error}");
        }
    }

    async fn finish(&self, statement: &str) {
        let job = self.session.submit(statement).await.unwrap();
        self.flink.until_ended(&job, LIMIT).await.unwrap();
        let state = self.flink.state(&job).await.unwrap();
        assert_eq!(state.as_deref(), Some("FINISHED"), "{statement}");
    }

    /// A table over a topic of its own.
    async fn topic(&self, name: &str, end: &str, columns: &str, format: &str) {
        let (topic, kafka) =
            (self.place.name(end), &self.place.database.lease.reach.kafka.inside.bootstrap);
        self.run(&format!(
            "CREATE TABLE {name} {columns} WITH ('connector' = 'kafka', 'topic' = '{topic}', \
             'properties.bootstrap.servers' = '{kafka}', 'format' = '{format}', \
             'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset')"
        ))
        .await;
    }

    /// Every table holds for Flink's own reader what it holds for this crate's.
    async fn compare(&self, tables: &[Table]) {
        self.run("SET 'execution.runtime-mode' = 'batch'").await;
        for table in tables {
            let columns = self.session.describe(table.name).await.unwrap();
            let columns = columns.into_iter().map(|column| (column.name, column.type_name));
            let columns: Vec<_> = columns.collect();
            let query = format!("SELECT * FROM {}", table.name);
            let answer = self.session.execute(&query).await;
            let expected = answer.unwrap_or_else(|error| panic!("{query}: {error}")).rows;
            assert!(!expected.is_empty(), "{}", table.name);
            let read = by_value(table.read(self.place, &columns).await);
            assert_eq!(read, by_value(expected), "{}", table.name);
        }
    }
}

#[tokio::test]
async fn iceberg_tables_hold_what_flinks_own_reader_gives() {
    let place = Place::new().await;
    let writer = Writer::new(&place).await;
    for table in TABLES {
        writer.run(&table.create(&place)).await;
    }
    for (n, changes) in COMMITS.iter().enumerate() {
        let end = format!(".c{n}");
        place.topic(&end).await;
        writer.topic(&format!("raw{n}"), &end, "(line STRING)", "raw").await;
        let columns = "(id INT, depot STRING, weight INT)";
        writer.topic(&format!("c{n}"), &end, columns, "debezium-json").await;
        let lines: Vec<String> = changes.iter().map(|change| format!("('{change}')")).collect();
        writer.finish(&format!("INSERT INTO raw{n} VALUES {}", lines.join(", "))).await;
        let inserts = TABLES
            .iter()
            .map(|table| format!("INSERT INTO {} SELECT {} FROM c{n};", table.name, table.select));
        let inserts = inserts.collect::<Vec<_>>().join(" ");
        writer.finish(&format!("EXECUTE STATEMENT SET BEGIN {inserts} END")).await;
    }
    writer.compare(TABLES).await;
    writer.session.close().await.unwrap();
    place.end(None).await;
}

#[tokio::test]
async fn folders_in_partitions_hold_what_flinks_own_reader_gives() {
    let place = Place::new().await;
    let writer = Writer::new(&place).await;
    for table in FOLDERS {
        writer.run(&table.create(&place)).await;
        let insert = format!("INSERT INTO {} SELECT {} FROM {ROWS}", table.name, table.select);
        writer.finish(&insert).await;
    }
    writer.compare(FOLDERS).await;
    writer.session.close().await.unwrap();
    place.end(None).await;
}
