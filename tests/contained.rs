//! Statements that name places outside of a run, on the real stack: they run, and nothing arrives at
//! any of the places, neither at a port nor in a folder.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "the program is run as its users run it")]

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};

/// A port and a folder that nobody may touch.
struct Outside {
    listener: TcpListener,
    folder: tempfile::TempDir,
}

impl Outside {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { listener, folder: tempfile::tempdir().unwrap() }
    }

    /// `sql` with the port in the place of `PORT`, and the folder in the place of `FOLDER`.
    fn named_in(&self, sql: &str) -> String {
        let port = self.listener.local_addr().unwrap().to_string();
        let folder = self.folder.path().join("canary");
        sql.replace("PORT", &port).replace("FOLDER", folder.to_str().unwrap())
    }

    /// A connection that was made waits until it is accepted.
    fn was_called(&self) -> bool {
        match self.listener.accept() {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                false
            }
        }
    }

    fn was_written(&self) -> bool {
        self.folder.path().read_dir().unwrap().next().is_some()
    }
}

fn changeproof(command: &str, folder: &Path) -> Output {
    let program = env!("CARGO_BIN_EXE_changeproof");
    Command::new(program).args([command, "scenario.yaml"]).current_dir(folder).output().unwrap()
}

fn scenario(statements: &str, sinks: &[&str]) -> String {
    let statements = statements.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let name = |sink: &&str| sink.rsplit('.').next().unwrap().to_owned();
    // A table that takes its options from another is not judged.
    let reference = |name: &str| if name == "more" { "unjudged" } else { "SELECT id, v FROM a" };
    let sinks = sinks.iter().map(name).map(|name| format!("    {name}: {}\n", reference(&name)));
    let sinks: String = sinks.collect();
    format!(
        "scenario: v1\ntitle: t\npipeline:\n  source: CREATE TABLE a (id int PRIMARY KEY, v text)\n  \
         dialect: flink\n  statements: |\n{statements}  sinks:\n{sinks}\
         settings:\n  replica_identity: full\ntimeline:\n  - a: INSERT INTO a VALUES (1, 'x')\n"
    )
}

const SOURCE: &str = "\
SET 'execution.checkpointing.dir' = 'file://FOLDER/checkpoints';
SET 'state.savepoints.dir' = 'file://FOLDER/savepoints';
SET 'high-availability.storageDir' = 'file://FOLDER/ha';
SET 'rest.address' = 'PORT';
SET 'execution.target' = 'remote';
CREATE TABLE a (`after` ROW<id INT, v STRING>) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.a', 'format' = 'json',
  'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'PORT', 'properties.security.protocol' = 'SASL_SSL',
  'properties.sasl.mechanism' = 'OAUTHBEARER', 'properties.sasl.oauthbearer.token.endpoint.url' = 'http://PORT/token',
  'properties.ssl.truststore.location' = 'FOLDER/truststore', 'properties.schema.registry.url' = 'http://PORT');
CREATE TABLE topic (id INT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'topic',
  'key.format' = 'json', 'value.format' = 'json', 'properties.bootstrap.servers' = 'PORT');
CREATE TABLE csv (id INT, v STRING) WITH ('connector' = 'filesystem', 'path' = 'file://FOLDER/csv', 'format' = 'csv');
CREATE TABLE json (id INT, v STRING) WITH ('connector' = 'filesystem', 'path' = 'FOLDER/json', 'format' = 'json');
CREATE TABLE more WITH ('path' = 'FOLDER/more') LIKE csv;
";

const LAKE: &str = "\
CREATE TABLE parquet (id INT, v STRING) WITH ('connector' = 'filesystem', 'path' = 'file://FOLDER/parquet', 'format' = 'parquet');
CREATE TABLE iceberg (id INT, v STRING) WITH ('connector' = 'iceberg', 'catalog-name' = 'c', 'catalog-type' = 'hive',
  'uri' = 'thrift://PORT', 'warehouse' = 'file://FOLDER/warehouse', 'write.data.path' = 'file://FOLDER/data', 'hadoop-conf-dir' = 'FOLDER');
CREATE CATALOG rest WITH ('type' = 'iceberg', 'catalog-type' = 'rest', 'uri' = 'http://PORT', 'oauth2-server-uri' = 'http://PORT/token',
  's3.endpoint' = 'http://PORT', 'table-default.write.metadata.path' = 'file://FOLDER/metadata');
CREATE CATALOG hadoop WITH ('type' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = 'file://FOLDER/hadoop');
CREATE CATALOG jdbc WITH ('type' = 'iceberg', 'catalog-type' = 'jdbc', 'uri' = 'jdbc:postgresql://PORT/c', 'warehouse' = 'file://FOLDER/jdbc');
CREATE DATABASE hadoop.d WITH ('location' = 'file://FOLDER/location');
CREATE TABLE rest.d.in_rest (id INT, v STRING) WITH ('write.metadata.path' = 'file://FOLDER/metadata');
CREATE TABLE hadoop.d.in_hadoop (id INT, v STRING);
CREATE TABLE jdbc.d.in_jdbc (id INT, v STRING);
";

#[test]
fn nothing_arrives_where_the_statements_of_production_go() {
    let outside = Outside::new();
    let mut sinks = vec!["topic", "csv", "json", "more"];
    let mut statements = SOURCE.to_owned();
    if cfg!(feature = "lake") {
        statements.push_str(LAKE);
        sinks.extend([
            "parquet",
            "iceberg",
            "rest.d.in_rest",
            "hadoop.d.in_hadoop",
            "jdbc.d.in_jdbc",
        ]);
    }
    statements.push_str("EXECUTE STATEMENT SET BEGIN\n");
    for sink in &sinks {
        statements.push_str(&format!("INSERT INTO {sink} SELECT `after`.id, `after`.v FROM a;\n"));
    }
    statements.push_str("END");
    let text = scenario(&outside.named_in(&statements), &sinks);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scenario.yaml"), text).unwrap();

    let ended = changeproof("run", folder.path());
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(!outside.was_called(), "{said}");
    assert!(!outside.was_written(), "{said}");

    // The listener would have noticed.
    let _connection = TcpStream::connect(outside.listener.local_addr().unwrap()).unwrap();
    assert!(outside.was_called());
}

/// A connector file as production has it, with places that a run must not reach.
const CONNECTOR: &str = r#"{
  "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
  "topic.prefix": "cdc",
  "database.hostname": "PORT",
  "database.sslrootcert": "FOLDER/root.crt",
  "signal.kafka.bootstrap.servers": "PORT",
  "schema.history.internal.kafka.bootstrap.servers": "PORT",
  "producer.override.bootstrap.servers": "PORT",
  "producer.override.security.protocol": "SASL_SSL",
  "admin.override.bootstrap.servers": "PORT",
  "consumer.override.bootstrap.servers": "PORT",
  "key.converter": "org.apache.kafka.connect.json.JsonConverter",
  "key.converter.schemas.enable": "false",
  "value.converter": "org.apache.kafka.connect.json.JsonConverter",
  "value.converter.schemas.enable": "false",
  "value.converter.schema.registry.url": "http://PORT"
}
"#;

#[test]
fn nothing_arrives_where_the_connector_of_production_goes() {
    let outside = Outside::new();
    let folder = tempfile::tempdir().unwrap();
    let text = "scenario: v1\ntitle: t\npipeline:\n  \
                source: CREATE TABLE a (id int PRIMARY KEY, v text)\n  connector: connector.json\n\
                timeline:\n  - a: INSERT INTO a VALUES (1, 'x')\n";
    std::fs::write(folder.path().join("scenario.yaml"), text).unwrap();
    std::fs::write(folder.path().join("connector.json"), outside.named_in(CONNECTOR)).unwrap();

    let ended = changeproof("run", folder.path());
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(!outside.was_called(), "{said}");
    assert!(!outside.was_written(), "{said}");
}

#[test]
fn what_cannot_be_contained_is_refused_before_anything_is_started() {
    let outside = Outside::new();
    let statements = "\
ADD JAR 'http://PORT/x.jar';
CREATE FUNCTION f AS 'a.B' USING JAR 'file://FOLDER/x.jar';
CREATE CATALOG p WITH ('type' = 'jdbc', 'base-url' = 'jdbc:postgresql://PORT');
CREATE TABLE a (id INT, v STRING) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.a', 'format' = 'debezium-json');
CREATE TABLE b (id INT, v STRING) WITH ('connector' = 'jdbc', 'url' = 'jdbc:postgresql://PORT', 'table-name' = 'b');
COMPILE PLAN 'FOLDER/plan.json' FOR INSERT INTO b SELECT id, v FROM a;
INSERT INTO b SELECT id, v FROM a /*+ OPTIONS('properties.bootstrap.servers' = 'PORT') */";
    let text = scenario(&outside.named_in(statements), &["b"]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scenario.yaml"), text).unwrap();

    for command in ["lint", "run"] {
        let ended = changeproof(command, folder.path());
        let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(20), "{command}: {said}");
        // A topic would stand in for the JDBC sink.
        assert_eq!(said.matches("E0408").count(), 5, "{command}: {said}");
    }
    assert!(!outside.was_called());
    assert!(!outside.was_written());
}
