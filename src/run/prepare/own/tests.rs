//! Tests of what is the run's: nothing of production's is submitted, and the list of differences is
//! exact.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::client::reach::{
    Kafka, Login, Mechanism, Password, Pem, Reach, Rest, Sasl, Security, Tls, Twice,
};
use crate::contain::statements::refuse_one;
use crate::dialect;
use crate::plan::{Matrix, trials};
use crate::run::names::Names;
use crate::scenario::load::load;
use crate::scenario::pipeline::Dialect;
use crate::scenario::settings::Options;
use crate::sql::split;

fn reach() -> Reach {
    Reach {
        kafka: Twice::same(Kafka::plain("127.0.0.1:1")),
        registry: Some(Twice::same(Rest::plain("http://127.0.0.1:2"))),
        ..Reach::default()
    }
}

/// What becomes of statements, one after the other: whether one is refused, and the pairs of what
/// is written and what is submitted.
fn each(texts: &[Text], settings: &BTreeMap<String, Options>) -> (bool, Vec<(Text, Owned)>) {
    let (names, reach) = (Names::from_parts("t", 0), reach());
    let files = &Home::Folder("/runs/t/lake".into());
    let places = Places { names: &names, reach: &reach, files, topics: &[], committed: false };
    let mut scope = Scope::new();
    let (mut is_refused, mut all) = (false, Vec::new());
    for written in texts {
        let parsed = flink::parse(written);
        let set = match &parsed {
            Statement::CreateTable(create) => settings.get(create.name.table()),
            _ => None,
        };
        is_refused |= !refuse_one(&scope, written, &parsed, set).is_empty();
        let edited = with_settings(written, set);
        let owned = statement(&scope, (&edited, written), &places);
        all.push((edited, owned));
        scope.see(&parsed, set);
    }
    (is_refused, all)
}

fn options(text: &Text) -> Options {
    let with = match flink::parse(text) {
        Statement::CreateTable(create) => create.with,
        Statement::CreateCatalog(created)
        | Statement::CreateDatabase(created)
        | Statement::CreateModel(created) => created.with,
        Statement::Set { key, value } => return Options::from([(key, value)]),
        _ => None,
    };
    let options = with.into_iter().flat_map(|with| with.options);
    options.map(|option| (option.key, option.value)).collect()
}

/// Submitted is what is written, plus and minus exactly the list.
fn is_exact(edited: &Text, owned: &Owned) {
    // The words of a statement set are no options.
    if matches!(flink::parse(edited), Statement::StatementSet(_)) {
        return;
    }
    let mut expected = options(edited);
    for difference in &owned.differences {
        let Difference { key, theirs, ours, .. } = difference;
        assert_ne!(theirs, ours, "{difference}");
        assert_eq!(expected.remove(key), *theirs, "{difference}");
        expected.extend(ours.clone().map(|ours| (key.clone(), ours)));
    }
    let submitted = owned.submitted.as_ref().map(options).unwrap_or_default();
    assert_eq!(submitted, expected, "{}", edited.value);
    if owned.differences.is_empty() {
        assert_eq!(owned.submitted.as_ref(), Some(edited));
    }
}

fn texts(sql: &str) -> Vec<Text> {
    split::flink(&Text::whole("p.sql".into(), sql.to_owned())).unwrap()
}

/// The corpus: each names the place `OUTSIDE`, in one of its forms.
#[rstest]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='kafka','topic'='t','properties.bootstrap.servers'='OUTSIDE:9092')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='upsert-kafka','topic'='t','properties.bootstrap.servers'='OUTSIDE:9092')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='kafka','topic'='t','properties.sasl.jaas.config'='x url=\"http://OUTSIDE\"')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='kafka','topic'='t','properties.sasl.oauthbearer.token.endpoint.url'='http://OUTSIDE')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='kafka','topic'='t','properties.ssl.truststore.location'='/OUTSIDE')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='kafka','topic'='t','properties.config.providers.f.param.allowed.paths'='/OUTSIDE')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='kafka','topic'='t','format'='avro-confluent','avro-confluent.url'='http://OUTSIDE')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='kafka','topic'='t','format'='avro-confluent','avro-confluent.schema-registry.url'='http://OUTSIDE')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='kafka','topic'='t','value.debezium-avro-confluent.ssl.keystore.location'='/OUTSIDE')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='kafka','topic'='t','properties.elsewhere'='OUTSIDE:9092')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='filesystem','path'='file:///OUTSIDE','format'='csv')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='filesystem','path'='s3a://OUTSIDE/x','format'='orc')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='filesystem','path'='../../OUTSIDE','format'='raw')"
)]
#[case("CREATE TABLE t WITH ('path'='/OUTSIDE') LIKE f")]
#[case(
    "CREATE TABLE t WITH ('connector'='filesystem','path'='/OUTSIDE','format'='json') AS SELECT 1 AS i"
)]
#[case(
    "CREATE TEMPORARY TABLE t (i INT) WITH ('connector'='filesystem','path'='/OUTSIDE','format'='json')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='iceberg','catalog-name'='c','warehouse'='s3://OUTSIDE')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='iceberg','catalog-name'='c','catalog-type'='hive','uri'='thrift://OUTSIDE:9083')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='iceberg','catalog-name'='c','catalog-impl'='OUTSIDE.Catalog')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='iceberg','catalog-name'='c','hadoop-conf-dir'='/OUTSIDE')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='iceberg','catalog-name'='c','write.data.path'='s3://OUTSIDE')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='jdbc','url'='jdbc:postgresql://OUTSIDE/db','table-name'='t')"
)]
#[case(
    "CREATE TABLE t (i INT) WITH ('connector'='elasticsearch-7','hosts'='http://OUTSIDE:9200','index'='t')"
)]
#[case("CREATE TABLE t (i INT) WITH ('connector'='hudi','path'='s3://OUTSIDE')")]
#[case(
    "CREATE CATALOG k WITH ('type'='iceberg','catalog-type'='hadoop','warehouse'='s3://OUTSIDE')"
)]
#[case(
    "CREATE CATALOG k WITH ('type'='iceberg','catalog-type'='rest','uri'='http://OUTSIDE','s3.endpoint'='http://OUTSIDE','oauth2-server-uri'='http://OUTSIDE')"
)]
#[case(
    "CREATE CATALOG k WITH ('type'='iceberg','catalog-type'='jdbc','uri'='jdbc:postgresql://OUTSIDE/c','jdbc.user'='u')"
)]
#[case(
    "CREATE CATALOG k WITH ('type'='iceberg','catalog-type'='hive','uri'='thrift://OUTSIDE:9083','hive-conf-dir'='/OUTSIDE')"
)]
#[case(
    "CREATE CATALOG k WITH ('type'='iceberg','catalog-impl'='OUTSIDE.Catalog','io-impl'='OUTSIDE.Io')"
)]
#[case(
    "CREATE CATALOG k WITH ('type'='iceberg','table-default.write.metadata.path'='s3://OUTSIDE')"
)]
#[case("CREATE CATALOG k WITH ('type'='jdbc','base-url'='jdbc:postgresql://OUTSIDE')")]
#[case("CREATE CATALOG k WITH ('type'='paimon','warehouse'='s3://OUTSIDE')")]
#[case("CREATE DATABASE lk.d WITH ('location'='s3://OUTSIDE')")]
#[case(
    "CREATE TABLE lk.d.t (i INT) WITH ('location'='s3://OUTSIDE','write.metadata.path'='/OUTSIDE')"
)]
#[case("USE CATALOG lk; CREATE TABLE t (i INT) WITH ('write.data.path'='s3://OUTSIDE')")]
#[case("ALTER TABLE f SET ('path'='/OUTSIDE')")]
#[case("ALTER TABLE lk.d.t SET ('write.data.path'='s3://OUTSIDE')")]
#[case("ALTER CATALOG lk SET ('warehouse'='s3://OUTSIDE')")]
#[case("ALTER DATABASE lk.d SET ('location'='s3://OUTSIDE')")]
#[case("INSERT INTO f /*+ OPTIONS('path'='/OUTSIDE') */ SELECT 1")]
#[case(
    "INSERT INTO f SELECT * FROM g /*+ OPTIONS('properties.bootstrap.servers'='OUTSIDE:9092') */"
)]
#[case("CREATE VIEW v AS SELECT * FROM f /*+ OPTIONS('path'='s3://OUTSIDE') */")]
#[case("EXECUTE STATEMENT SET BEGIN INSERT INTO f /*+ OPTIONS('path'='/OUTSIDE') */ SELECT 1; END")]
#[case("ADD JAR 'http://OUTSIDE/x.jar'")]
#[case("CREATE FUNCTION f AS 'a.B' USING JAR 'hdfs://OUTSIDE/x.jar'")]
#[case("CREATE TEMPORARY SYSTEM FUNCTION f AS 'OUTSIDE.B'")]
#[case("LOAD MODULE hive WITH ('conf'='/OUTSIDE')")]
#[case("EXECUTE PLAN '/OUTSIDE/plan.json'")]
#[case("COMPILE PLAN '/OUTSIDE/plan.json' FOR INSERT INTO f SELECT 1")]
#[case("SET 'execution.checkpointing.dir'='s3://OUTSIDE'")]
#[case("SET 'state.savepoints.dir'='s3://OUTSIDE'")]
#[case("SET 'execution.savepoint.path'='s3://OUTSIDE'")]
#[case("SET 'high-availability.storageDir'='s3://OUTSIDE'")]
#[case("SET 'rest.address'='OUTSIDE'")]
#[case("SET 'execution.target'='OUTSIDE'")]
#[case("SET 'kubernetes.cluster-id'='OUTSIDE'")]
#[case("SET 'yarn.provided.lib.dirs'='hdfs://OUTSIDE'")]
#[case("SET 'security.kerberos.login.keytab'='/OUTSIDE'")]
#[case("SET 'pipeline.jars'='http://OUTSIDE/x.jar'")]
#[case("SET 'pipeline.classpaths'='file:///OUTSIDE'")]
#[case("SET 'python.files'='/OUTSIDE'")]
#[case("SET 'env.log.dir'='/OUTSIDE'")]
#[case("SET 'an.option.of.tomorrow'='OUTSIDE.example:80'")]
fn nothing_outside_is_submitted(#[case] sql: &str) {
    let before = "CREATE CATALOG lk WITH ('type'='iceberg','warehouse'='s3://b'); \
                  CREATE TABLE f (i INT) WITH ('connector'='filesystem','path'='x','format'='csv'); \
                  CREATE TABLE g (i INT) WITH ('connector'='kafka','topic'='g'); ";
    let (is_refused, all) = each(&texts(&format!("{before}{sql}")), &BTreeMap::new());
    let submitted = all.iter().filter_map(|(_, owned)| owned.submitted.as_ref());
    let places = submitted.filter(|text| {
        // The folder of the run has the names that production's has.
        text.value.replace("file:///runs/t/lake/OUTSIDE", "").contains("OUTSIDE")
    });
    let places: Vec<_> = places.map(|text| text.value.as_str()).collect();
    assert!(is_refused || places.is_empty(), "{places:?}");
    for (edited, owned) in &all {
        is_exact(edited, owned);
    }
}

#[test]
fn what_is_owned_is_named_with_its_place() {
    let sql = "CREATE TABLE t (id INT) WITH ('connector' = 'kafka', 'topic' = 'a', 'format' = 'json',\n\
               'properties.bootstrap.servers' = 'h:9092', 'properties.sasl.mechanism' = 'PLAIN');\n\
               CREATE CATALOG lk WITH ('type' = 'iceberg', 'catalog-type' = 'rest', 'uri' = 'http://h');\n\
               SET 'state.checkpoints.dir' = 's3://b/c';";
    let (is_refused, all) = each(&texts(sql), &BTreeMap::new());
    assert!(!is_refused);
    let differences = all.iter().flat_map(|(_, owned)| &owned.differences);
    let shown = differences.map(|difference| match &difference.at {
        Some(at) => format!("{at}: {difference}"),
        None => difference.to_string(),
    });
    insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"));
}

/// Every scenario of the repository.
fn scenarios() -> Vec<Utf8PathBuf> {
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("scenarios"), root.join("tests"), root.join("flink-sql")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir_utf8().unwrap() {
            let path = entry.unwrap().into_path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension() == Some("yaml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_pipeline_of_the_repository_is_submitted_as_written_plus_and_minus_the_list() {
    let mut n_differences = 0;
    for file in scenarios() {
        let loaded = load(&file);
        let Some(scenario) = loaded.scenario else { continue };
        let sources: Vec<_> = loaded.sources.into_iter().map(|s| (s.path, s.text)).collect();
        for trial in trials(&scenario, Matrix::First, 1) {
            let applied = dialect::apply(&trial.pipeline, &trial.settings, &sources);
            let Ok(applied) = applied else { continue };
            let settings = match trial.pipeline.dialect {
                Dialect::Flink => trial.settings.tables.clone(),
                Dialect::Confluent => BTreeMap::new(),
            };
            let texts: Vec<Text> = applied.translation.texts().cloned().collect();
            let (is_refused, all) = each(&texts, &settings);
            let says = sources.iter().any(|(_, text)| text.starts_with("# exit: 20\n"));
            assert!(says || !is_refused, "{file}");
            for (edited, owned) in &all {
                is_exact(edited, owned);
                n_differences += owned.differences.len();
            }
        }
    }
    assert!(n_differences > 1000, "{n_differences}");
}

/// Options of all kinds, a few of which nobody knows.
fn drawn() -> impl Strategy<Value = Options> {
    let keys = prop::sample::select(vec![
        "topic",
        "path",
        "warehouse",
        "uri",
        "format",
        "key.format",
        "catalog-type",
        "catalog-database",
        "properties.bootstrap.servers",
        "properties.group.id",
        "properties.sasl.jaas.config",
        "properties.ssl.truststore.location",
        "avro-confluent.url",
        "value.avro-confluent.url",
        "avro-confluent.basic-auth.user-info",
        "s3.endpoint",
        "write.data.path",
        "table-default.write.data.path",
        "sink.transactional-id-prefix",
        "properties.register.consumer.metrics",
        "scan.startup.mode",
        "io-impl",
        "type",
        "other",
    ]);
    let values = prop_oneof![
        "[a-z';]{0,6}",
        Just("avro-confluent".to_owned()),
        Just("s3://bucket/x".to_owned()),
        Just("host:9092".to_owned()),
        Just("false".to_owned()),
    ];
    prop::collection::btree_map(keys.prop_map(ToOwned::to_owned), values, 0..8)
}

proptest! {
    #[test]
    fn the_list_is_exact_whatever_the_options(
        connector in prop::sample::select(vec![
            "kafka", "upsert-kafka", "filesystem", "iceberg", "print", "",
        ]),
        make in prop::sample::select(vec![
            "CREATE TABLE t (i INT)", "CREATE TEMPORARY TABLE t (i INT)", "CREATE TABLE lk.d.t (i INT)",
            "CREATE CATALOG c", "CREATE DATABASE lk.d",
        ]),
        options in drawn(),
        set in drawn(),
    ) {
        let connector = Some(connector).filter(|connector| !connector.is_empty());
        let connector = connector.map(|connector| ("connector".to_owned(), connector.to_owned()));
        let all = connector.into_iter().chain(options);
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let all: Vec<_> = all.map(|(k, v)| format!("{} = {}", quoted(&k), quoted(&v))).collect();
        let sql = format!(
            "CREATE CATALOG lk WITH ('type' = 'iceberg'); {make} WITH ({})", all.join(", ")
        );
        let settings = BTreeMap::from([("t".to_owned(), set)]);
        let (_, all) = each(&texts(&sql), &settings);
        for (edited, owned) in &all {
            is_exact(edited, owned);
        }
    }
}

#[test]
fn a_table_is_told_how_brokers_and_registry_are_protected_in_the_place_of_what_production_says() {
    let login = || Login { user: "u".to_owned(), password: Password("p\"w".to_owned()) };
    let security = Security {
        sasl: Some(Sasl { mechanism: Mechanism::Plain, login: login(), relocated: false }),
        tls: Some(Tls { ca: Some(Pem("-----BEGIN…\n…END-----\n".to_owned())), identity: None }),
    };
    let kafka = Kafka { bootstrap: "kafka:9092".to_owned(), security };
    let registry = Rest { login: Some(login()), ..Rest::plain("https://registry") };
    let reach = Reach {
        kafka: Twice { outside: Kafka::plain("127.0.0.1:1"), inside: kafka.clone() },
        registry: Some(Twice { outside: Rest::plain("https://localhost"), inside: registry }),
        ..Reach::default()
    };
    let names = Names::from_parts("t", 0);
    let files = &Home::Folder("/runs/t/lake".into());
    let places = Places { names: &names, reach: &reach, files, topics: &[], committed: false };
    let sql = "CREATE TABLE t (i INT) WITH ('connector'='kafka','topic'='t', \
               'value.format'='avro-confluent','properties.bootstrap.servers'='prod:9092', \
               'properties.sasl.jaas.config'='theirs','properties.sasl.client.id'='theirs', \
               'value.avro-confluent.url'='https://prod')";
    let written = &texts(sql)[0];
    let owned = statement(&Scope::new(), (written, written), &places);
    is_exact(written, &owned);
    let told = options(owned.submitted.as_ref().unwrap());
    for (key, value) in kafka.security.java() {
        assert_eq!(told.get(&format!("properties.{key}")), Some(&value), "{key}");
    }
    assert_eq!(told["properties.bootstrap.servers"], "kafka:9092");
    assert_eq!(told["value.avro-confluent.basic-auth.user-info"], "u:p\"w");
    assert_eq!(told["value.avro-confluent.url"], format!("https://registry{}", registry::API));
    assert!(!told.contains_key("properties.sasl.client.id"));
}
