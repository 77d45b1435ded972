//! Tests of what statements may not say.

use std::collections::BTreeMap;

use rstest::rstest;

use super::*;
use crate::scenario::pipeline::{Format, Pipeline};
use crate::sql::split;

fn trial(sql: &str, dialect: Dialect) -> Trial {
    let text = Text::whole("p.sql".into(), sql.to_owned());
    let pipeline = Pipeline {
        file: None,
        source: Vec::new(),
        left_out: Vec::new(),
        connectors: Vec::new(),
        outbox: BTreeMap::new(),
        topics: BTreeMap::new(),
        format: Some(Format::Json),
        dialect,
        statements: split::flink(&text).unwrap(),
        sinks: BTreeMap::new(),
    };
    Trial::idle("t", "t", pipeline)
}

fn refused(sql: &str) -> Vec<String> {
    let refused = refuse(&trial(sql, Dialect::Flink), &[]);
    refused.iter().map(|one| format!("{}: {}", one.place, one.message)).collect()
}

const KAFKA: &str = "CREATE TABLE t (id INT) WITH ('connector' = 'kafka', 'topic' = 't'";
const LAKE: &str = "CREATE CATALOG lk WITH ('type' = 'iceberg', 'warehouse' = 's3://b');";

#[rstest]
#[case("ADD JAR '/opt/x.jar'", "ADD JAR brings programs")]
#[case("add jar 'http://h/x.jar'", "ADD JAR brings programs")]
#[case("CREATE FUNCTION f AS 'a.B' USING JAR 's3://b/x.jar'", "a function of one's own")]
#[case("CREATE TEMPORARY SYSTEM FUNCTION f AS 'a.B'", "a function of one's own")]
#[case("CREATE TEMPORARY FUNCTION IF NOT EXISTS f AS 'a.B' LANGUAGE PYTHON", "a function of one's")]
#[case("ALTER FUNCTION f AS 'a.B'", "a function of one's own")]
#[case("LOAD MODULE hive WITH ('hive-version' = '3.1.3')", "LOAD MODULE brings programs")]
#[case("EXECUTE PLAN '/tmp/p.json'", "EXECUTE PLAN reads a file")]
#[case(
    "COMPILE PLAN '/tmp/p.json' FOR INSERT INTO a SELECT * FROM b",
    "COMPILE PLAN writes a file"
)]
#[case("COMPILE AND EXECUTE PLAN '/tmp/p' FOR INSERT INTO a SELECT 1", "COMPILE PLAN writes")]
#[case("CALL lk.system.run('s3://b')", "CALL runs a procedure")]
#[case("STOP JOB '0f' WITH SAVEPOINT", "STOP JOB ends jobs of the stack")]
#[case("CREATE MATERIALIZED TABLE m AS SELECT 1", "a materialized table")]
#[case(
    "CREATE CATALOG c WITH ('type' = 'jdbc', 'base-url' = 'jdbc:postgresql://h')",
    "of the type `jdbc`"
)]
#[case(
    "CREATE CATALOG c WITH ('type' = 'hive', 'hive-conf-dir' = '/etc/hive')",
    "of the type `hive`"
)]
#[case("CREATE CATALOG c WITH ('type' = 'paimon', 'warehouse' = 's3://b')", "of the type `paimon`")]
#[case("SET 'pipeline.jars' = 'file:///x.jar'", "`pipeline.jars` brings programs")]
#[case("SET 'pipeline.classpaths' = 'file:///x'", "`pipeline.classpaths` brings programs")]
#[case("SET 'execution.savepoint.path' = 's3://b/s'", "`execution.savepoint.path` names state")]
#[case("SET 'execution.state-recovery.path' = 's3://b/s'", "names state")]
#[case("SET 'table.catalog-store.file.path' = '/x'", "names catalogs")]
#[case("SET 'table.some.new' = 'http://h/x'", "names an address")]
#[case("SET 'table.some.new-dir' = 'x'", "names a place")]
#[case("SET U&'rest.address' = 'h'", "cannot be read")]
#[case("RESET", "RESET takes options of the run")]
#[case("RESET pipeline.name", "this option cannot be read")]
#[case("ANALYZE SOMETHING NEW 's3://b/x'", "this statement names an address")]
#[case("CREATE TABLE (id INT) WITH ('path' = '/tmp/x')", "this statement names a path")]
fn a_statement_that_reaches_outside_is_refused(#[case] sql: &str, #[case] message: &str) {
    let refused = refused(sql);
    assert!(refused.iter().any(|one| one.contains(message)), "{refused:?}");
}

#[rstest]
#[case("jdbc")]
#[case("elasticsearch-7")]
#[case("hudi")]
#[case("mongodb")]
#[case("a-new-one")]
fn a_connector_that_nobody_owns_is_refused_by_name(#[case] connector: &str) {
    let sql = format!("CREATE TABLE t (id INT) WITH ('connector' = '{connector}', 'x' = 'y')");
    let refused = refused(&sql);
    let expected = format!(
        "p.sql:1:45: table `t` is of the connector `{connector}`, which reaches outside of the run"
    );
    assert_eq!(refused, [expected]);
}

#[rstest]
#[case(&format!("{KAFKA}, 'properties.telemetry' = 'collector.example:4317')"), "a host and a port")]
#[case(&format!("{KAFKA}, 'properties.other.dir' = 'x')"), "a place")]
#[case(&format!("{KAFKA}, 'topic' = 'u')"), "is written twice")]
#[case(&format!("{KAFKA}, U&'properties.bootstrap.servers' = 'h:1')"), "cannot be read")]
#[case(&format!("{KAFKA}, 'properties.bootstrap.servers' = 'h'\n':9092')"), "cannot be read")]
#[case(&format!("{KAFKA}); ALTER TABLE t SET ('properties.bootstrap.servers' = 'h:1')"), "is the run's own")]
#[case(&format!("{KAFKA}); ALTER TABLE t SET ('connector' = 'filesystem')"), "makes another table")]
#[case(&format!("{KAFKA}); ALTER TABLE t RESET ('topic')"), "is the run's own")]
#[case(&format!("{KAFKA}); ALTER TABLE t SET ('path' = '/tmp/x')"), "names a path")]
#[case(&format!("{KAFKA}); SELECT * FROM t /*+ OPTIONS('topic' = 'other') */"), "is the run's own")]
#[case("SELECT * FROM nobody /*+ OPTIONS('path' = 'x') */", "is the run's own")]
#[case("INSERT INTO t /*+ OPTIONS(path) */ SELECT 1", "this option cannot be read")]
#[case("INSERT INTO t /*+ OPTIONS */ SELECT 1", "this hint cannot be read")]
#[case("CREATE VIEW v AS SELECT * FROM t /*+ OPTIONS('warehouse'='/x') */", "is the run's own")]
#[case(&format!("{LAKE} CREATE TABLE lk.db.`../../t` (id INT)"), "no name for a folder")]
#[case(&format!("{LAKE} CREATE DATABASE lk.`../x`"), "no name for a folder")]
#[case(&format!("{LAKE} ALTER TABLE lk.db.t SET ('write.data.path' = 's3://c')"), "is the run's own")]
#[case(&format!("{LAKE} ALTER CATALOG lk SET ('warehouse' = '/tmp/x')"), "is the run's own")]
#[case(
    "CREATE CATALOG lk WITH ('type' = 'iceberg', 'base-namespace' = 'a/../x')",
    "no name for a folder"
)]
#[case(
    "CREATE TABLE t (id INT) WITH ('connector' = 'iceberg', 'catalog-database' = 'a/../..')",
    "no name"
)]
#[case(
    "CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'path' = 'x', 'sink.staging-path' = 'y')",
    "a place"
)]
#[case(
    "CREATE MODEL m INPUT (a STRING) OUTPUT (b STRING) WITH ('provider' = 'x', 'proxy-url' = 'h')",
    "a place"
)]
fn an_option_that_reaches_outside_is_refused(#[case] sql: &str, #[case] message: &str) {
    let refused = refused(sql);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains(message), "{refused:?}");
}

#[rstest]
#[case("SELECT 'https://a.example/x' AS url")]
#[case("INSERT INTO t SELECT 'file:///x' FROM t")]
#[case("CREATE TABLE t (id INT) COMMENT 'see https://a.example' WITH ('connector' = 'print')")]
#[case(
    "CREATE TABLE t (id INT COMMENT '/x') WITH ('connector' = 'datagen', 'fields.id.min' = '1')"
)]
#[case("LOAD MODULE core")]
#[case("USE CATALOG lk; USE db; USE lk.db; SHOW TABLES; DROP TABLE IF EXISTS t")]
#[case("CREATE CATALOG m WITH ('type' = 'generic_in_memory', 'default-database' = 'd')")]
#[case("SET 'table.exec.state.ttl' = '1 h'; SET 'state.checkpoints.dir' = 's3://b/c'; RESET 'a.b'")]
#[case("SET 'execution.target' = 'kubernetes-session'; SET 'rest.address' = 'flink.example'")]
#[case(
    "CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'path' = '/x', 'format' = 'csv', 'csv.null-literal' = '/N')"
)]
#[case(
    "CREATE TABLE t (id INT) WITH ('connector' = 'kafka', 'topic' = 't', 'properties.sasl.jaas.config' = 'x', 'properties.ssl.truststore.location' = '/etc/x')"
)]
#[case("SELECT * FROM t /*+ OPTIONS('scan.startup.mode' = 'latest-offset') */")]
#[case("ALTER TABLE t ADD v STRING COMMENT 'https://a.example'")]
fn what_stays_inside_is_not_refused(#[case] sql: &str) {
    assert_eq!(refused(sql), [""; 0]);
}

#[test]
fn options_of_the_settings_are_refused_at_their_places() {
    let mut trial = trial(&format!("{KAFKA})"), Dialect::Flink);
    let owned = |pairs: &[(&str, &str)]| -> Options {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    trial.settings.flink = owned(&[("pipeline.jars", "x.jar"), ("parallelism.default", "2")]);
    let options = owned(&[("properties.x", "h:9092"), ("topic", "u")]);
    trial.settings.tables.insert("t".to_owned(), options);
    let yaml =
        "settings:\n  flink: {pipeline.jars: x.jar}\n  tables: {t: {properties.x: 'h:9092'}}\n";
    let refused = refuse(&trial, &[("s.yaml".into(), yaml.to_owned())]);
    let refused: Vec<_> =
        refused.iter().map(|one| format!("{}: {}", one.place, one.message)).collect();
    assert_eq!(
        refused,
        [
            "s.yaml:3:16: the option `properties.x` of table `t` names a host and a port outside of the run",
            "s.yaml:2:11: the option `pipeline.jars` of Flink's session brings programs into the run",
        ]
    );
}

#[test]
fn a_table_of_confluents_stands_on_a_topic() {
    let sql = "CREATE TABLE t (id INT) WITH ('kafka.retention.time' = '7 d'); \
               ALTER TABLE t SET ('scan.startup.specific-offsets' = 'partition:0,offset:1'); \
               CREATE TABLE u (id INT) WITH ('connector' = 'confluent', 'x' = 'http://h')";
    let refused = refuse(&trial(sql, Dialect::Confluent), &[]);
    let refused: Vec<_> = refused.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(refused, ["the option `x` of table `u` names an address outside of the run"]);
}
