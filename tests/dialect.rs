//! The corpus of the Confluent dialect: small statements with what becomes of them.
//!
//! A file of `tests/dialect/` holds cases, each under a line `-- case: what is shown`. Every case
//! begins with the same catalogue (`source.ddl` behind a managed connector, which writes Avro for the
//! cases of `06-avro.sql` and Connect's own times for those of `08-times.sql`, and three sinks). The
//! translation, or the refusal, is a snapshot that people read: review it with `cargo insta`.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its corpus fails")]

use std::collections::BTreeMap;

use changeproof::base::text::Text;
use changeproof::dialect::{World, avro, connector, print, translate};
use changeproof::scenario::settings::Options;
use changeproof::sql::split;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dialect");

/// Tables that a case may write.
const SINKS: &str = "\
CREATE TABLE `out` (id BIGINT, amount DECIMAL(10, 2), PRIMARY KEY (id) NOT ENFORCED);
CREATE TABLE kept (id BIGINT);
CREATE TABLE stamped (id BIGINT, seen TIMESTAMP_LTZ(3));
";

struct Case {
    title: String,
    sql: String,
}

fn read(name: &str) -> String {
    std::fs::read_to_string(format!("{FOLDER}/{name}")).unwrap()
}

fn cases(file: &str) -> Vec<Case> {
    let mut found: Vec<Case> = Vec::new();
    for line in read(file).lines() {
        if let Some(title) = line.strip_prefix("-- case: ") {
            found.push(Case { title: title.to_owned(), sql: String::new() });
        } else {
            let case = found.last_mut().expect("a file begins with a case");
            case.sql += line;
            case.sql += "\n";
        }
    }
    found
}

fn options(pairs: &[(&str, &str)]) -> Options {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn translated(case: &Case, connector: &Options) -> String {
    let source = [Text::whole("source.ddl".into(), read("source.ddl"))];
    let compacted = options(&[("cleanup.policy", "compact")]);
    let topics = BTreeMap::from([("compacted".to_owned(), compacted)]);
    let tables = BTreeMap::new();
    let applications = BTreeMap::new();
    let world = World {
        source: &source,
        connectors: std::slice::from_ref(connector),
        topics: &topics,
        applications: &applications,
        tables: &tables,
        registry: false,
    };
    let sinks = split::flink(&Text::whole("sinks.sql".into(), SINKS.to_owned())).unwrap();
    let own = split::flink(&Text::whole("case.sql".into(), case.sql.clone())).unwrap();
    let statements: Vec<Text> = sinks.into_iter().chain(own).collect();
    match translate(&statements, &world) {
        Ok(mut translation) => {
            translation.statements.drain(..3);
            print::sql(&translation)
        }
        Err(wrong) => {
            let lines: Vec<_> = wrong
                .iter()
                .map(|d| {
                    format!(
                        "{}: {}\n  help: {}",
                        d.place,
                        d.message,
                        d.help.as_deref().unwrap_or("")
                    )
                })
                .collect();
            format!("REFUSED\n{}", lines.join("\n"))
        }
    }
}

fn corpus() -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    files.sort();
    files
}

#[test]
fn every_statement_of_the_corpus_is_translated_or_refused_as_recorded() {
    let mut n_cases = 0;
    for file in corpus() {
        let mut shown = String::new();
        let connector = if file.ends_with("avro.sql") {
            options(&[("topic.prefix", "card-tx"), ("value.converter", avro::CONVERTER)])
        } else if file.ends_with("times.sql") {
            let times = ("time.precision.mode", "connect");
            options(&[("topic.prefix", "card-tx"), ("output.data.format", "JSON_SR"), times])
        } else {
            options(&[("topic.prefix", "card-tx"), ("output.data.format", "JSON_SR")])
        };
        for case in cases(&file) {
            n_cases += 1;
            shown += &format!("=== {}\n{}\n\n", case.title, translated(&case, &connector));
        }
        let name = file.trim_end_matches(".sql").to_owned();
        insta::with_settings!({ snapshot_path => "dialect", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, shown);
        });
    }
    assert!(n_cases >= 60, "{n_cases} cases");
}

#[test]
fn every_managed_connector_is_mapped_or_refused_key_by_key() {
    let mut shown = String::new();
    for line in read("connectors.jsonl").lines() {
        let written: Options = serde_json::from_str(line).unwrap();
        let file = Text::whole("connector.json".into(), line.to_owned());
        shown += &format!("=== {line}\n");
        match connector::mapped(&written, &file) {
            Ok(mapped) => {
                for note in &mapped.notes {
                    shown += &format!("# {note}\n");
                }
                for (key, value) in mapped.options() {
                    shown += &format!("{key} = {value}\n");
                }
            }
            Err(wrong) => {
                for diagnostic in wrong {
                    let help = diagnostic.help.as_deref().unwrap_or("");
                    shown += &format!(
                        "REFUSED {}: {}\n  help: {help}\n",
                        diagnostic.place, diagnostic.message
                    );
                }
            }
        }
        shown += "\n";
    }
    insta::with_settings!({ snapshot_path => "dialect", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("connectors", shown);
    });
}

#[test]
fn each_of_two_connectors_infers_the_tables_that_it_captures() {
    let ddl = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);";
    let source = [Text::whole("source.ddl".into(), ddl.to_owned())];
    let json = options(&[("topic.prefix", "x"), ("table.include.list", "public.a")]);
    let avro = options(&[
        ("topic.prefix", "z"),
        ("table.include.list", "public.b"),
        ("key.converter", "io.confluent.connect.avro.AvroConverter"),
        ("value.converter", "io.confluent.connect.avro.AvroConverter"),
    ]);
    let (topics, tables, applications) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let connectors = [json, avro];
    let world = World {
        source: &source,
        connectors: &connectors,
        topics: &topics,
        applications: &applications,
        tables: &tables,
        registry: false,
    };
    let read = |topic: &str| {
        let sql = format!(
            "CREATE TABLE s (id INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('changelog.mode' = 'upsert'); \
             INSERT INTO s SELECT id FROM `{topic}`;"
        );
        let statements = split::flink(&Text::whole("case.sql".into(), sql)).unwrap();
        translate(&statements, &world).map(|translation| print::sql(&translation))
    };
    assert!(read("x.public.a").unwrap().contains("'debezium-json'"));
    assert!(read("z.public.b").unwrap().contains("'debezium-avro-confluent'"));
    assert!(read("x.public.b").is_err() && read("z.public.a").is_err());
}
