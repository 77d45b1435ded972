//! Every kind of place that a connector file or the settings of its processes can name.

use rstest::rstest;

use super::*;
use crate::scenario::pipeline::{ConnectorFile, Dialect, Format, Pipeline};

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";
const AVRO: &str = "io.confluent.connect.avro.AvroConverter";
const PROTOBUF: &str = "io.confluent.connect.protobuf.ProtobufConverter";

fn options(pairs: &[(&str, &str)]) -> Options {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[rstest]
#[case("database.hostname", "db.example", "left out")]
#[case("database.sslrootcert", "/etc/ssl/ca.pem", "left out")]
#[case("database.sslkey", "/etc/ssl/key.pk8", "left out")]
#[case("database.initial.statements", "COPY t TO PROGRAM 'sh'", "left out")]
#[case("driver.socketFactory", "com.google.cloud.sql.postgres.SocketFactory", "left out")]
#[case("slot.name", "debezium", "ours")]
#[case("publication.name", "dbz", "ours")]
#[case("tasks.max", "4", "ours")]
#[case("bootstrap.servers", "kafka:9092", "left out")]
#[case("kafka.endpoint", "SASL_SSL://pkc.example:9092", "left out")]
#[case("confluent.topic.bootstrap.servers", "kafka:9092", "left out")]
#[case("producer.override.bootstrap.servers", "127.0.0.1:18779", "left out")]
#[case("producer.override.sasl.jaas.config", "…", "left out")]
#[case("producer.override.security.protocol", "SASL_SSL", "left out")]
#[case("producer.override.ssl.truststore.location", "/etc/x.jks", "left out")]
#[case("producer.override.interceptor.classes", "x.Interceptor", "left out")]
#[case("producer.override.linger.ms", "5", "kept")]
#[case("consumer.override.bootstrap.servers", "kafka:9092", "left out")]
#[case("admin.override.bootstrap.servers", "kafka:9092", "left out")]
#[case("admin.override.request.timeout.ms", "5000", "kept")]
#[case("signal.enabled.channels", "source,kafka", "ours")]
#[case("signal.kafka.bootstrap.servers", "127.0.0.1:18780", "left out")]
#[case("signal.kafka.topic", "signals", "left out")]
#[case("signal.consumer.sasl.jaas.config", "…", "left out")]
#[case("signal.file", "/var/run/signals", "left out")]
#[case("signal.data.collection", "public.signals", "kept")]
#[case("notification.enabled.channels", "sink,log", "left out")]
#[case("notification.sink.topic.name", "notifications", "left out")]
#[case("schema.history.internal.kafka.bootstrap.servers", "kafka:9092", "left out")]
#[case("schema.history.internal.file.filename", "/var/lib/history", "left out")]
#[case("openlineage.integration.config.file.path", "/etc/openlineage.yml", "left out")]
#[case("openlineage.integration.job.namespace", "x", "left out")]
#[case("errors.deadletterqueue.topic.name", "dead", "left out")]
#[case("offset.storage.file.filename", "/var/lib/offsets", "left out")]
#[case("offsets.storage.topic", "offsets", "left out")]
#[case("ssl.truststore.location", "/etc/x.jks", "left out")]
#[case("key.converter", JSON, "kept")]
#[case("key.converter.schema.registry.url", "http://registry:8081", "left out")]
#[case("value.converter.schema.registry.url", "http://registry:8081", "ours")]
#[case("value.converter.basic.auth.user.info", "u:p", "ours")]
#[case("header.converter.schema.registry.url", "http://registry:8081", "refused")]
#[case("converters", "isbn", "kept")]
#[case("isbn.type", "example.Isbn", "kept")]
#[case("isbn.lookup", "https://isbn.example/", "refused")]
#[case("isbn.lookup.url", "isbn", "refused")]
#[case("transforms.enrich.table", "file:/etc/table.csv", "refused")]
#[case("transforms.enrich.servers", "cache", "refused")]
#[case("transforms.enrich.cache", "cache:6379", "refused")]
#[case("transforms.route.regex", r"(.*)\.public\.(.*)", "kept")]
#[case("transforms.route.replacement", "$1", "kept")]
#[case("transforms.enrich.key", "${file:/etc/secrets.properties:key}", "refused")]
#[case("transforms.enrich.region", "${env:REGION}", "refused")]
#[case("transforms.outbox.route.topic.replacement", "${routedByValue}.events", "kept")]
#[case("topic.prefix", "cdc", "kept")]
#[case("topic.delimiter", "/x", "kept")]
#[case("table.include.list", r"public\.a, public\.b", "kept")]
#[case("message.key.columns", "public.a:id;public.b:id,at", "kept")]
#[case("column.mask.with.12.chars", "public.a.name", "kept")]
#[case("an.option.nobody.knows", "../elsewhere", "refused")]
#[case("another.location", "x", "refused")]
fn every_place_of_a_connector_is_owned_or_refused(
    #[case] key: &str,
    #[case] value: &str,
    #[case] expected: &str,
) {
    let all = options(&[
        ("key.converter", JSON),
        ("value.converter", AVRO),
        ("header.converter", PROTOBUF),
    ]);
    let fate = match option(key, value, &all) {
        Fate::Kept => "kept",
        Fate::Ours(_) => "ours",
        Fate::LeftOut(_) => "left out",
        Fate::Refused(..) => "refused",
    };
    assert_eq!(fate, expected, "{key} = {value}");
}

#[rstest]
#[case("worker", "plugin.path", "/usr/share/java")]
#[case("worker", "config.providers", "file")]
#[case("worker", "config.providers.file.class", "org.apache.kafka.common.config.provider.X")]
#[case("worker", "producer.bootstrap.servers", "kafka:9092")]
#[case("worker", "producer.sasl.jaas.config", "x")]
#[case("worker", "rest.extension.classes", "x.Extension")]
#[case("worker", "access.control.allow.origin", "*")]
#[case("worker", "connector.client.config.override.policy", "All")]
#[case("worker", "value.converter", AVRO)]
#[case("worker", "value.converter.schema.registry.url", "http://registry:8081")]
#[case("worker", "group.instance", "${env:HOST}")]
#[case("kafka", "listener.security.protocol.map", "A:SSL")]
#[case("kafka", "log.dir", "topics")]
#[case("kafka", "metadata.log.dir", "/var/lib/kafka")]
#[case("kafka", "remote.log.storage.manager.class.path", "x")]
#[case("kafka", "metric.reporters", "x.Reporter")]
#[case("kafka", "authorizer.class.name", "x.Authorizer")]
#[case("kafka", "create.topic.policy.class.name", "x.Policy")]
#[case("kafka", "ssl.keystore.location", "keys")]
#[case("kafka", "an.option.nobody.knows", "s3://bucket/x")]
fn an_option_of_a_process_that_reaches_out_is_refused(
    #[case] of: &str,
    #[case] key: &str,
    #[case] value: &str,
) {
    let process = if of == "worker" { Process::Worker } else { Process::Broker };
    assert!(matches!(processes::option(process, key, value), Fate::Refused(..)), "{key}");
}

#[rstest]
#[case(Process::Worker, "offset.flush.interval.ms", "2000")]
#[case(Process::Worker, "exactly.once.source.support", "enabled")]
#[case(Process::Worker, "task.shutdown.graceful.timeout.ms", "3000")]
#[case(Process::Worker, "value.converter", JSON)]
#[case(Process::Worker, "value.converter.schemas.enable", "false")]
#[case(Process::Broker, "log.cleaner.backoff.ms", "200")]
#[case(Process::Broker, "log.retention.ms", "1000")]
fn other_options_of_a_process_are_kept(
    #[case] process: Process,
    #[case] key: &str,
    #[case] value: &str,
) {
    assert_eq!(processes::option(process, key, value), Fate::Kept, "{key}");
}

#[test]
fn a_refusal_names_the_option_its_place_and_what_to_write() {
    let json = "{\n  \"heartbeat.action.query\": \"COPY t FROM PROGRAM 'id'\",\n  \
                \"isbn.lookup\": \"https://user:hunter2@isbn.example/\"\n}\n";
    let file: serde_json::Value = serde_json::from_str(json).unwrap();
    let written = file.as_object().unwrap().iter();
    let written = written.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()));
    let pipeline = Pipeline {
        file: None,
        source: Vec::new(),
        left_out: Vec::new(),
        connectors: vec![ConnectorFile {
            path: "c.json".into(),
            name: None,
            options: written.collect(),
        }],
        outbox: std::collections::BTreeMap::new(),
        topics: std::collections::BTreeMap::new(),
        format: Some(Format::Json),
        dialect: Dialect::Flink,
        statements: Vec::new(),
        sinks: std::collections::BTreeMap::new(),
    };
    let mut trial = Trial::idle("t", "T", pipeline);
    trial.settings.worker = options(&[("plugin.path", "/usr/share/java")]);
    let yaml = "settings:\n  worker: {plugin.path: /usr/share/java}\n";
    let sources = [("t.yaml".into(), yaml.to_owned()), ("c.json".into(), json.to_owned())];
    let refused = refuse(&trial, &sources);
    let shown = refused.iter().map(|one| {
        format!("{}: {}\n  {}\n", one.place, one.message, one.help.as_deref().unwrap_or(""))
    });
    insta::assert_snapshot!(shown.collect::<String>());
}

/// The worker itself refuses what the rule would let through.
#[test]
fn the_worker_allows_the_same_client_options() {
    let template = include_str!("../../../infra/local/connect.properties.jinja");
    let wall = format!("connector.client.config.override.allowlist={}\n", CLIENT.join(","));
    assert!(
        template.contains("connector.client.config.override.policy={{ lane.override_policy }}\n")
    );
    let lanes = include_str!("../../../infra/lanes.yaml");
    assert!(lanes.contains("    template: {override_policy: Allowlist}\n"));
    assert!(template.contains(&wall), "{wall}");
}
