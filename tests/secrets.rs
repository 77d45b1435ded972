//! Secrets of every kind, planted wherever an author's files and the environment can hold one, on the
//! real stack: nothing that a run leaves, prints or starts shows one, however the run ends.
//!
//! A planted secret is `pl4nt<number>xQ`, so that one look for `pl4nt` finds them all.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may start processes, read the environment and fail"
)]

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use changeproof::client::wait::{self, Look};
use changeproof::run::{How, recheck};
use rstest::rstest;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_changeproof");

/// How long a command may take, the start of a stack and others on a busy machine included.
const LIMIT: Duration = Duration::from_secs(240);

/// What every planted secret begins with.
const PLANTED: &str = "pl4nt";

const SOURCE: &str = "\
-- made from postgres://app:pl4nt01xQ@db.example/cards
CREATE TABLE rates (id int PRIMARY KEY, rate int NOT NULL, token text);
COMMENT ON TABLE rates IS 'host=db.example password=pl4nt02xQ user=app';
";

/// Options that the run owns or that no component reads, whatever else is refused.
const CONNECTOR: &str = r#"{
  "name": "production",
  "config": {
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "database.password": "pl4nt03xQ",
    "kafka.api.secret": "pl4nt04xQ",
    "kafka.api.key": "pl4nt05xQ",
    "producer.override.sasl.jaas.config": "x.PlainLoginModule required username=\"u\" password=\"pl4nt06xQ\";",
    "value.converter.schema.registry.basic.auth.user.info": "user:pl4nt07xQ",
    "signal.consumer.sasl.jaas.config": "x.PlainLoginModule required password=\"pl4nt08xQ\";",
    "ssl.keystore.password": "pl4nt09xQ",
    "ssl.keystore.key": "-----BEGIN PRIVATE KEY-----\nMIIpl4nt10xQ\n-----END PRIVATE KEY-----",
    "topic.prefix": "cdc"
  }
}
"#;

const STATEMENTS: &str = "\
SET 'fs.secret.key' = 'pl4nt11xQ';
CREATE TABLE rates (id INT, rate INT, PRIMARY KEY (id) NOT ENFORCED) WITH (
  'connector' = 'kafka', 'topic' = 'cdc.public.rates', 'format' = 'debezium-json', 'debezium-json.schema-include' = 'true',
  'scan.startup.mode' = 'earliest-offset',
  'properties.sasl.jaas.config' = 'x.PlainLoginModule required username=\"u\" password=\"pl4nt12xQ\";',
  'properties.ssl.key.password' = 'pl4nt13xQ');
CREATE TABLE mirror (id INT, rate INT, PRIMARY KEY (id) NOT ENFORCED) WITH (
  'connector' = 'upsert-kafka', 'topic' = 'mirror', 'key.format' = 'json', 'value.format' = 'json',
  'properties.ssl.keystore.password' = 'pl4nt14xQ');
INSERT INTO mirror SELECT id, rate -- Bearer pl4nt15xQ
FROM rates /*+ OPTIONS('properties.client.secret'='pl4nt16xQ') */ WHERE id > 0;
";

const PIPELINE: &str = "\
pipeline: v1
source: source.sql
connector: connector.json
dialect: flink
statements: statements.sql
sinks:
  mirror: SELECT id, rate FROM rates WHERE id > 0 -- password=pl4nt17xQ
";

const SCENARIO: &str = "\
scenario: v1
title: Secrets stay where they are
pipeline: pipeline.yaml
settings:
  replica_identity: full
  connector: {errors.sasl.password: pl4nt18xQ}
  flink: {s3.secret-key: pl4nt19xQ}
setup: INSERT INTO rates VALUES (1, 15, 'x')
timeline:
  - a: DO $$ BEGIN PERFORM 'host=h password=pl4nt20xQ'; END $$; UPDATE rates SET rate = 16
";

/// The environment of every command.
const ENVIRONMENT: [(&str, &str); 2] = [
    ("CHANGEPROOF_POSTGRES_URL", "postgres://u:pl4nt21xQ@h/d"),
    ("CHANGEPROOF_SCORE_TOKEN", "pl4nt22xQ"),
];

/// A folder with a pipeline and a scenario.
struct Place(tempfile::TempDir);

impl Place {
    /// With `change` made in whichever file holds it.
    fn new((from, to): (&str, &str)) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (name, text) in [
            ("source.sql", SOURCE),
            ("connector.json", CONNECTOR),
            ("statements.sql", STATEMENTS),
            ("pipeline.yaml", PIPELINE),
            ("s.yaml", SCENARIO),
        ] {
            fs::write(place.path().join(name), text.replace(from, to)).unwrap();
        }
        place
    }

    fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.0.path()).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.path()).args(args).envs(ENVIRONMENT).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end; gives its exit code. What it prints, and the arguments of every
    /// process meanwhile, show no secret.
    async fn discreet(&self, args: &[&str]) -> i32 {
        let mut command = self.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let out = std::thread::spawn(|| std::io::read_to_string(out).unwrap());
        let err = std::thread::spawn(|| std::io::read_to_string(err).unwrap());
        let ended = wait::until("the command to end", LIMIT, || {
            let seen = arguments();
            assert!(seen.is_empty(), "{args:?}: arguments of processes show {seen:?}");
            let look = match child.try_wait().unwrap() {
                Some(status) => Look::Holds(status),
                None => Look::NotYet("it runs".to_owned()),
            };
            async { Ok::<_, ()>(look) }
        });
        let status = ended.await.unwrap();
        for text in [out.join().unwrap(), err.join().unwrap()] {
            assert!(!text.contains(PLANTED), "{args:?} shows {:?}\n{text}", shown(&text));
        }
        status.code().unwrap()
    }

    /// Runs the scenario in one form of report, judges it again, and looks at all that it left.
    async fn runs(&self, format: &str) -> i32 {
        let code = self.discreet(&["-vvv", "run", "--format", format, "s.yaml"]).await;
        let folders = folders(&self.path().join(".changeproof/runs"));
        for folder in &folders {
            let left = holding(folder);
            assert!(left.is_empty(), "secrets in {left:?}");
        }
        for folder in folders.iter().filter(|folder| folder.join("verdict.json").exists()) {
            let judged = self.discreet(&["check", "--format", format, folder.as_str()]).await;
            assert_eq!(judged, code);
            let recorded = fs::read_to_string(folder.join("verdict.json")).unwrap();
            let again = recheck(folder, How::Whole).unwrap().verdict;
            assert_eq!(serde_json::from_str(&recorded).ok(), Some(again));
        }
        code
    }
}

/// The planted secrets in a text.
fn shown(text: &str) -> BTreeSet<&str> {
    let found = text.match_indices(PLANTED);
    found.filter_map(|(at, _)| text.get(at..at + "pl4nt00xQ".len())).collect()
}

/// The arguments of processes that show a secret.
fn arguments() -> BTreeSet<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.map(|entry| fs::read(entry.path().join("cmdline")).unwrap_or_default());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    lines.filter(|line| line.contains(PLANTED)).collect()
}

fn folders(runs: &Utf8Path) -> Vec<Utf8PathBuf> {
    let Ok(entries) = runs.read_dir_utf8() else { return Vec::new() };
    entries.map(|entry| entry.unwrap().into_path()).collect()
}

/// The files below a folder that hold a secret.
fn holding(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir_utf8().unwrap() {
        let path = entry.unwrap().into_path();
        if path.is_dir() {
            found.extend(holding(&path));
        } else if String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(PLANTED) {
            found.push(path);
        }
    }
    found
}

#[test]
fn at_least_twenty_secrets_are_planted() {
    let all = [SOURCE, CONNECTOR, STATEMENTS, PIPELINE, SCENARIO].concat();
    assert_eq!(shown(&all).len(), 20);
    let folder = tempfile::tempdir().unwrap();
    let folder = Utf8Path::from_path(folder.path()).unwrap();
    fs::write(folder.join("found"), "pl4nt00xQ").unwrap();
    assert_eq!(holding(folder).len(), 1, "what looks for them finds them");
}

/// The connector and the statements run, so that components see the secrets; the errors quote some.
#[rstest]
#[case::passes("human", 0, "", "")]
#[case::a_statement_is_refused("json", 10, "earliest-offset", "pl4nt13xQ")]
#[case::the_connector_is_refused(
    "junit",
    10,
    "\"topic.prefix\": \"cdc\"",
    "\"topic.prefix\": \"cdc\", \"decimal.handling.mode\": \"not pl4nt03xQ\""
)]
#[case::a_change_is_refused("human", 20, "rate = 16", "rate = 16, token = 'pl4nt03xQ'::int")]
#[case::a_role("json", 20, "UPDATE rates", "CREATE ROLE r PASSWORD 'pl4nt23xQ' OOPS; UPDATE rates")]
#[case::a_link("human", 20, "UPDATE rates", "SELECT dblink('password=pl4nt24xQ'); UPDATE rates")]
#[tokio::test]
async fn a_run_shows_no_secret(
    #[case] format: &str,
    #[case] code: i32,
    #[case] from: &str,
    #[case] to: &str,
) {
    assert_eq!(Place::new((from, to)).runs(format).await, code);
}

/// Errors that quote the lines of secrets, before anything runs.
#[rstest]
#[case::the_scenario("connector: {errors", "conector: {errors")]
#[case::the_connector("\"pl4nt04xQ\",", "\"pl4nt04xQ\"")]
#[case::the_statements("'pl4nt11xQ'", "'pl4nt11xQ")]
#[case::the_source("'host=db.example", "host=db.example")]
#[tokio::test]
async fn a_refusal_shows_no_secret(#[case] from: &str, #[case] to: &str) {
    let place = Place::new((from, to));
    for args in [
        &["lint", "s.yaml"][..],
        &["run", "s.yaml"],
        &["run", "--format", "json", "s.yaml"],
        &["explain", "s.yaml"],
        &["translate", "s.yaml"],
    ] {
        assert_eq!(place.discreet(&[&["-vvv"], args].concat()).await, 20, "{args:?}");
    }
}

#[tokio::test]
async fn what_is_shown_of_files_shows_no_secret() {
    let place = Place::new(("", ""));
    for (args, code) in [
        (&["lint", "s.yaml"][..], 0),
        (&["list", "."], 0),
        (&["explain", "s.yaml"], 0),
        (&["translate", "pipeline.yaml"], 0),
        (&["generate"], 30),
        (&["new", "--database", "--into", "proposed"], 2),
        (&["status"], 0),
    ] {
        assert_eq!(place.discreet(&[&["-vvv"], args].concat()).await, code, "{args:?}");
    }
}
