//! What is submitted to Connect is the author's file, plus and minus exactly what the list of
//! differences says; and what neither mentions has the worker's own default.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use changeproof::base::difference::Difference;
use changeproof::base::secret::is_secret_key;
use changeproof::base::text::Text;
use changeproof::cli;
use changeproof::cli::environment::Environment;
use changeproof::client::http::Http;
use changeproof::client::reach::{Address, Kafka, Postgres, Reach, Rest, Twice};
use changeproof::dialect::connector::Mapped;
use changeproof::dialect::{self, Applied};
use changeproof::plan::{self, Matrix};
use changeproof::run::names::Names;
use changeproof::run::prepare::connector::Connector;
use changeproof::scenario::settings::Options;
use changeproof::scenario::trial::Trial;
use changeproof::scenario::{load, load_pipeline};
use changeproof::stack::{self, Share};
use proptest::prelude::*;

fn reach() -> Reach {
    Reach {
        postgres: Postgres {
            at: Twice::same(Address::local(5432)),
            user: "changeproof".to_owned(),
            ..Postgres::default()
        },
        kafka: Twice::same(Kafka::plain("127.0.0.1:9092")),
        registry: Some(Twice::same(Rest::plain("http://127.0.0.1:8080"))),
        ..Reach::default()
    }
}

type Sources = Vec<(Utf8PathBuf, String)>;

/// Every trial of the repository, and every pipeline alone.
fn trials() -> Vec<(Trial, Sources)> {
    let mut found = Vec::new();
    for folder in ["scenarios", "tests/outcomes"] {
        for file in plan::list(Utf8Path::new(folder)).unwrap() {
            let loaded = load(&file.path);
            let sources = loaded.sources.into_iter().map(|one| (one.path, one.text));
            let sources: Sources = sources.collect();
            let scenario = loaded.scenario.into_iter();
            let trials = scenario.flat_map(|scenario| plan::trials(&scenario, Matrix::Full, 1));
            found.extend(trials.map(|trial| (trial, sources.clone())));
        }
    }
    for folder in Utf8Path::new("flink-sql").read_dir_utf8().unwrap() {
        let loaded = load_pipeline(&folder.unwrap().path().join("pipeline.yaml"));
        let (pipeline, settings) = loaded.pipeline.unwrap();
        let sources = loaded.sources.into_iter().map(|one| (one.path, one.text)).collect();
        found.push((Trial { settings, ..Trial::idle("p", "P", pipeline) }, sources));
    }
    assert!(found.len() > 150, "only {} trials were found", found.len());
    found
}

/// What an author wrote, and what becomes of it.
struct Submitted {
    theirs: Options,
    connector: Connector,
}

fn submitted((trial, sources): &(Trial, Sources), reach: &Reach) -> Option<Submitted> {
    let mut theirs =
        trial.pipeline.connectors.first().map(|file| file.options.clone()).unwrap_or_default();
    theirs.extend(trial.settings.connector.clone());
    // Statements that no dialect translates are none of the connector's business.
    let Applied { connectors, .. } =
        dialect::apply(&trial.pipeline, &trial.settings, sources).ok()?;
    let names = Names::from_parts("t", 7).with(&trial.naming);
    let connector =
        Connector::new(connectors.first()?, (0, None), &trial.settings.connector, &names, reach);
    Some(Submitted { theirs, connector: connector.unwrap() })
}

/// The author's options with the differences applied; each must be true of them.
fn applied(theirs: &Options, differences: &[Difference]) -> BTreeMap<String, Option<String>> {
    let mut options: BTreeMap<String, Option<String>> =
        theirs.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    for one in differences {
        assert_eq!(one.part, "connector");
        assert!(!one.why.is_empty(), "{one}");
        assert_ne!(one.theirs, one.ours, "{one}");
        let (theirs, ours) = (hidden(&one.key, theirs.get(&one.key).cloned()), one.ours.clone());
        assert_eq!(hidden(&one.key, one.theirs.clone()), theirs, "{one}");
        match ours {
            Some(ours) => options.insert(one.key.clone(), Some(ours)),
            None => options.remove(&one.key),
        };
    }
    options.into_iter().map(|(key, value)| (key.clone(), hidden(&key, value))).collect()
}

/// A secret is listed without its value.
fn hidden(key: &str, value: Option<String>) -> Option<String> {
    value.map(|value| if is_secret_key(key) { "…".to_owned() } else { value })
}

fn assert_listed(Submitted { theirs, connector }: &Submitted) {
    let config = connector.config.clone().into_iter();
    let config: BTreeMap<_, _> =
        config.map(|(key, value)| (key.clone(), hidden(&key, Some(value)))).collect();
    assert_eq!(applied(theirs, &connector.differences), config);
}

#[test]
fn every_connector_of_the_repository_is_submitted_as_listed() {
    let submitted: Vec<_> =
        trials().iter().filter_map(|trial| submitted(trial, &reach())).collect();
    assert!(submitted.len() > 150, "only {} connectors were looked at", submitted.len());
    submitted.iter().for_each(assert_listed);
}

/// Keys that some rule is about, and values of every form.
fn drawn() -> impl Strategy<Value = Options> {
    let keys = prop::sample::select(vec![
        "name",
        "connector.class",
        "tasks.max",
        "topic.prefix",
        "database.hostname",
        "database.password",
        "producer.override.bootstrap.servers",
        "producer.override.linger.ms",
        "producer.override.sasl.jaas.config",
        "signal.enabled.channels",
        "signal.kafka.bootstrap.servers",
        "notification.enabled.channels",
        "heartbeat.interval.ms",
        "lsn.flush.mode",
        "key.converter",
        "key.converter.schemas.enable",
        "value.converter",
        "value.converter.schema.registry.url",
        "message.prefix.include.list",
        "message.prefix.exclude.list",
        "transforms",
        "transforms.a.type",
        "transforms.a.predicate",
        "predicates",
        "predicates.p.type",
        "predicates.p.pattern",
        "poll.interval.ms",
        "slot.name",
        "kafka.api.secret",
        "an.option.nobody.knows",
    ])
    .prop_map(ToOwned::to_owned);
    let values = prop::sample::select(vec![
        "",
        "a",
        "a, b",
        "5",
        "true",
        "source,kafka",
        "db:5432",
        "https://user:hunter2@registry.example/",
        "connector_and_driver",
        "org.apache.kafka.connect.json.JsonConverter",
        "io.confluent.connect.avro.AvroConverter",
        "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
    ])
    .prop_map(ToOwned::to_owned);
    prop::collection::btree_map(keys, values, 0..16)
}

proptest! {
    #[test]
    fn every_drawn_connector_is_submitted_as_listed(
        written in drawn(),
        settings in drawn(),
        is_file in any::<bool>(),
    ) {
        let written = if is_file { written } else { Options::new() };
        let mapped = if is_file {
            Mapped::as_written(&written, &Text::whole("c.json".into(), String::new()))
        } else {
            Mapped::none()
        };
        let names = Names::from_parts("t", 7);
        let Ok(connector) = Connector::new(&mapped, (0, None), &settings, &names, &reach()) else {
            return Ok(());
        };
        let mut theirs = written;
        theirs.extend(settings);
        let secret = |one: &Difference| one.to_string().contains("hunter2");
        prop_assert!(!connector.differences.iter().any(secret));
        // An address may hold a password: then its value is listed without it.
        if !theirs.values().any(|value| value.contains("hunter2")) {
            assert_listed(&Submitted { theirs, connector });
        }
    }
}

/// An option as the worker knows it.
struct Known {
    default: Option<String>,
    value: Option<String>,
}

/// What the worker makes of a configuration, by option.
async fn asked(http: &Http, config: &Options) -> BTreeMap<String, Known> {
    let class = config.get("connector.class").unwrap();
    let path = format!("/connector-plugins/{class}/config/validate");
    let answer: serde_json::Value = http.put(&path, &serde_json::json!(config)).await.unwrap();
    let text = |one: &serde_json::Value, path: &str| {
        one.pointer(path).and_then(|value| value.as_str()).map(ToOwned::to_owned)
    };
    let known = answer.pointer("/configs").and_then(|all| all.as_array()).unwrap().iter();
    let known = known.map(|one| {
        let default = text(one, "/definition/default_value");
        (text(one, "/value/name").unwrap(), Known { default, value: text(one, "/value/value") })
    });
    known.collect()
}

#[tokio::test]
async fn what_a_file_leaves_out_has_the_workers_default() {
    let program = Utf8Path::new(env!("CARGO_BIN_EXE_changeproof"));
    let options = cli::stack::options(&Environment::read().unwrap(), program, None).unwrap();
    let lease = stack::lease(&options, Share::WithOthers, &|_| {}).await.unwrap();
    let http = Http::new(&lease.reach.connect).unwrap();
    let is_part = |key: &str| {
        ["key.converter.", "value.converter.", "header.converter.", "transforms.", "predicates."]
            .iter()
            .any(|part| key.starts_with(part))
    };
    // Scenarios share most of their configurations.
    let mut seen = BTreeSet::new();
    let mut looked_at = BTreeSet::new();
    for trial in trials() {
        let Some(Submitted { theirs, connector }) = submitted(&trial, &lease.reach) else {
            continue;
        };
        let parts: Vec<_> = connector
            .config
            .iter()
            .filter(|(key, _)| is_part(key) || key.ends_with(".converter") || *key == "transforms")
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        if !seen.insert(parts) {
            continue;
        }
        let listed = |key: &str| connector.differences.iter().any(|one| one.key == key);
        for (key, known) in asked(&http, &connector.config).await {
            // Which part a converter is for, only the worker says.
            let is_told = key.ends_with(".converter.type");
            if !is_part(&key) || is_told || theirs.contains_key(&key) || listed(&key) {
                continue;
            }
            assert_eq!(known.value, known.default, "`{key}` of {}", trial.0.name());
            looked_at.insert((key, known.default));
        }
    }
    let has = |key: &str, default: &str| {
        let default = Some(default.to_owned());
        assert!(looked_at.contains(&(key.to_owned(), default)), "{key}: {looked_at:?}");
    };
    has("key.converter.schemas.enable", "true");
    has("value.converter.schemas.enable", "true");
    has("value.converter.replace.null.with.default", "true");
    has("value.converter.decimal.format", "BASE64");
    has("transforms.unwrap.delete.tombstone.handling.mode", "tombstone");
}
