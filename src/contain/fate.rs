//! What becomes of an option of a table, a catalog, a model or a session: one closed rule for the
//! linter, which refuses, and for the run, which puts its own in and leaves out.
//!
//! The lists name what is known. What they do not name is judged by its value and its key: if one of
//! them looks like a place, the option is refused.

use super::place;
use crate::dialect::avro;

/// What has options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A table on a topic (`kafka`, `upsert-kafka`).
    Topic,
    /// A table of the `filesystem` connector.
    Files,
    /// A table, catalog or database of Iceberg's.
    Iceberg,
    /// A table without a place: rows that are made up, printed or thrown away.
    Placeless,
    /// A catalog in memory, and what is in it.
    Memory,
    /// A model.
    Model,
    /// Something that is not known here: every rule applies.
    Unknown,
}

/// What becomes of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is submitted as written.
    Kept,
    /// The run puts its own value in the place of it; why.
    Ours(&'static str),
    /// It is left out; why.
    LeftOut(&'static str),
    /// It is refused: what it names, and what to write instead.
    Refused(String, String),
}

/// Patterns of keys with what becomes of them. A pattern that ends in a dot holds for all keys that
/// begin so.
type Rules = &'static [(&'static [&'static str], Fate)];

const TOPICS: &str = "topics carry the run's name";
const BROKER: &str = "the broker is the stack's";
const GROUPS: &str = "consumer groups carry the run's name";
const TRANSACTIONS: &str = "transactions carry the run's name";
const REGISTRY: &str = "the schema registry is the stack's";
const OPEN_BROKER: &str = "the stack's broker asks for no credentials";
const OPEN_REGISTRY: &str = "the stack's registry asks for no credentials";
const SECRETS: &str = "the run reads no secrets";
const MONITORING: &str = "nobody collects the run's metrics";
const FOLDER: &str = "files are kept in a folder of the run";
const CATALOG: &str = "the catalog is a folder of the run";
const SERVICE: &str = "the run has a scoring service of its own";

const TOPIC: Rules = &[
    (&["topic"], Fate::Ours(TOPICS)),
    (&["properties.bootstrap.servers"], Fate::Ours(BROKER)),
    (&["properties.group.id"], Fate::Ours(GROUPS)),
    (&["sink.transactional-id-prefix"], Fate::Ours(TRANSACTIONS)),
    (&["properties.security.", "properties.sasl.", "properties.ssl."], Fate::LeftOut(OPEN_BROKER)),
    (&["properties.config.providers", "properties.config.providers."], Fate::LeftOut(SECRETS)),
    (
        &["properties.schema.registry.", "properties.basic.auth.", "properties.bearer.auth."],
        Fate::LeftOut(REGISTRY),
    ),
    (&["properties.metric.reporters"], Fate::LeftOut(MONITORING)),
    // `partition:0,offset:42` is no host with a port.
    (&["scan.startup.specific-offsets", "scan.bounded.specific-offsets"], Fate::Kept),
];

/// Options of the formats with a registry, behind the format's name.
const REGISTERED: Rules = &[
    (&["url"], Fate::Ours(REGISTRY)),
    (&["schema-registry.url"], Fate::LeftOut(REGISTRY)),
    (
        &[
            "ssl.",
            "schema-registry.ssl.",
            "basic-auth.",
            "schema-registry.basic-auth.",
            "bearer-auth.",
            "schema-registry.bearer-auth.",
            "properties.ssl.",
            "properties.sasl.",
            "properties.basic.auth.",
            "properties.bearer.auth.",
            "properties.schema.registry.",
            "properties.proxy.",
        ],
        Fate::LeftOut(OPEN_REGISTRY),
    ),
];

const FILES: Rules = &[(&["path"], Fate::Ours(FOLDER))];

const ICEBERG: Rules = &[
    (&["warehouse", "catalog-type"], Fate::Ours(CATALOG)),
    (
        &[
            "adls.",
            "audience",
            "auth.",
            "authentication.",
            "catalog-impl",
            "client.",
            "credential",
            "dlf.",
            "dynamodb.",
            "ecs.",
            "encryption.",
            "fs.",
            "gcs.",
            "glue.",
            "hadoop-conf-dir",
            "hadoop.",
            "header.",
            "hive-conf-dir",
            "http-client.",
            "io-impl",
            "jdbc.",
            "location",
            "lock-impl",
            "lock.",
            "metrics-reporter-impl",
            "nessie.",
            "oauth2-server-uri",
            "oss.",
            "prefix",
            "resource",
            "rest.",
            "s3.",
            "scope",
            "src-catalog",
            "token",
            "token-exchange-enabled",
            "token-refresh-enabled",
            "uri",
            "write.data.path",
            "write.folder-storage.path",
            "write.location-provider.impl",
            "write.metadata.path",
            "write.object-storage.path",
        ],
        Fate::LeftOut(CATALOG),
    ),
];

const MODEL: Rules = &[
    (&["endpoint", "api-key"], Fate::Ours(SERVICE)),
    // What a model is told in words.
    (&["system-prompt"], Fate::Kept),
];

/// Options of a format that are signs, whatever they look like.
const SIGNS: [&str; 5] =
    ["delimiter", "null-literal", "quote-character", "escape-character", "map-null-key.literal"];

/// What becomes of an option with this value.
pub fn option(thing: Thing, key: &str, value: &str) -> Fate {
    let rules: &[Rules] = match thing {
        Thing::Topic => &[TOPIC],
        Thing::Files => &[FILES],
        Thing::Iceberg => &[ICEBERG],
        Thing::Model => &[MODEL],
        Thing::Placeless => return Fate::Kept,
        Thing::Memory => &[],
        Thing::Unknown => &[TOPIC, FILES, ICEBERG, MODEL],
    };
    // A catalog gives its tables options, each behind one of these words.
    let bare = ["table-default.", "table-override."].iter().find_map(|all| key.strip_prefix(all));
    let own = rules.iter().find_map(|rules| known(rules, bare.unwrap_or(key)));
    let own = own.or_else(|| registered(key).filter(|_| rules.contains(&TOPIC)));
    match own {
        // Of a table's options a catalog can only be told to leave one out.
        Some(Fate::Ours(why)) if bare.is_some() => Fate::LeftOut(why),
        Some(fate) => fate,
        None => unknown(key, value),
    }
}

/// The fate that the lists say.
fn known(rules: Rules, key: &str) -> Option<Fate> {
    let fits =
        |pattern: &&str| *pattern == key || (pattern.ends_with('.') && key.starts_with(*pattern));
    let found = rules.iter().find(|(patterns, _)| patterns.iter().any(fits));
    found.map(|(_, fate)| fate.clone())
}

/// The fate of an option of a format with a registry, of the key's or of the value's.
fn registered(key: &str) -> Option<Fate> {
    let bare = key.strip_prefix("key.").or_else(|| key.strip_prefix("value.")).unwrap_or(key);
    let (format, option) = bare.split_once('.')?;
    avro::is_format(format).then(|| known(REGISTERED, option))?
}

/// The fate of an option that nobody knows.
pub(super) fn unknown(key: &str, value: &str) -> Fate {
    if SIGNS.iter().any(|sign| key.ends_with(sign)) {
        return Fate::Kept;
    }
    let what = match place::kind(value) {
        Some(kind) => kind.to_string(),
        None if names_a_place(key) => "a place".to_owned(),
        None => return Fate::Kept,
    };
    let help = "leave it out; what a run cannot put its own in the place of is not submitted";
    Fate::Refused(format!("names {what} outside of the run"), help.to_owned())
}

/// Words for places with which a key may end.
const PLACES: &[&str] = &[
    "address",
    "addresses",
    "broker",
    "brokers",
    "bucket",
    "classpath",
    "classpaths",
    "dir",
    "directory",
    "dirs",
    "endpoint",
    "endpoints",
    "folder",
    "host",
    "hostname",
    "hostnames",
    "hosts",
    "jar",
    "jars",
    "location",
    "path",
    "port",
    "server",
    "servers",
    "uri",
    "uris",
    "url",
    "urls",
    "warehouse",
];

/// Whether a key says of itself that its value is a place.
fn names_a_place(key: &str) -> bool {
    let last = key.rsplit(['.', '-', '_']).next().unwrap_or(key);
    PLACES.iter().any(|place| last.eq_ignore_ascii_case(place))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Thing::Topic, "topic", "a", "ours")]
    #[case(Thing::Topic, "properties.bootstrap.servers", "b:9092", "ours")]
    #[case(Thing::Topic, "properties.sasl.jaas.config", "…", "left out")]
    #[case(Thing::Topic, "properties.ssl.truststore.location", "/etc/x", "left out")]
    #[case(Thing::Topic, "properties.security.protocol", "SASL_SSL", "left out")]
    #[case(Thing::Topic, "value.avro-confluent.url", "http://r", "ours")]
    #[case(Thing::Topic, "avro-confluent.basic-auth.user-info", "u:p", "left out")]
    #[case(Thing::Topic, "debezium-avro-confluent.ssl.keystore.location", "/x", "left out")]
    #[case(Thing::Topic, "avro-confluent.properties.proxy.host", "proxy", "left out")]
    #[case(Thing::Topic, "avro-confluent.subject", "a-value", "kept")]
    #[case(Thing::Topic, "scan.startup.specific-offsets", "partition:0,offset:4", "kept")]
    #[case(Thing::Topic, "properties.isolation.level", "read_committed", "kept")]
    #[case(Thing::Topic, "properties.other.servers", "x", "refused")]
    #[case(Thing::Topic, "properties.x", "telemetry:4317", "refused")]
    #[case(Thing::Topic, "csv.field-delimiter", "/t", "kept")]
    #[case(Thing::Files, "path", "s3://b/x", "ours")]
    #[case(Thing::Files, "sink.staging-path", "staging", "refused")]
    #[case(Thing::Files, "sink.rolling-policy.file-size", "1MB", "kept")]
    #[case(Thing::Iceberg, "warehouse", "s3://b", "ours")]
    #[case(Thing::Iceberg, "uri", "thrift://h:9083", "left out")]
    #[case(Thing::Iceberg, "s3.endpoint", "http://minio:9000", "left out")]
    #[case(Thing::Iceberg, "table-default.write.data.path", "s3://b/x", "left out")]
    #[case(Thing::Iceberg, "write.upsert.enabled", "true", "kept")]
    #[case(Thing::Model, "endpoint", "https://x", "ours")]
    #[case(Thing::Model, "system-prompt", "see https://x/", "kept")]
    #[case(Thing::Placeless, "fields.v.kind", "random", "kept")]
    #[case(Thing::Unknown, "path", "x", "ours")]
    #[case(Thing::Unknown, "hostname", "db", "refused")]
    fn an_option_is_kept_owned_left_out_or_refused(
        #[case] thing: Thing,
        #[case] key: &str,
        #[case] value: &str,
        #[case] expected: &str,
    ) {
        let fate = match option(thing, key, value) {
            Fate::Kept => "kept",
            Fate::Ours(_) => "ours",
            Fate::LeftOut(_) => "left out",
            Fate::Refused(..) => "refused",
        };
        assert_eq!(fate, expected, "{key} = {value}");
    }
}
