//! What becomes of an option of the connector: one closed rule for the linter, which refuses, and
//! for the run, which puts its own in and leaves out.

use crate::contain::fate::{self, Fate};
use crate::contain::place;
use crate::dialect::avro;
use crate::scenario::settings::Options;

const CHANNELS: &str = "only rows of the signal table reach a run's connector";
const CLOUD: &str = "it is an option of Confluent Cloud, which Debezium on Connect does not know";
const OPEN_BROKER: &str = "the stack's broker is used, and it asks for no credentials";
const OFFSETS: &str = "offsets are kept by the stack's worker";
const PLUGIN: &str = "the stack's worker has one version of each plugin";
const LATELY: &str = "the clients of a connector take only options that change neither where they \
                      connect nor as whom";
const NO_REGISTRY: &str = "this converter asks no registry";
/// Why a value has no stand-in.
const INDIRECT: &str = "names a value outside of the run";

/// Options that a run gives a value of its own, with the reason.
const OURS: &[(&str, &str)] = &[
    ("connector.class", "Debezium's connector for Postgres is under test"),
    ("plugin.name", "the stack's Postgres decodes with it"),
    ("publication.autocreate.mode", "the run makes the publication before the connector starts"),
    ("publication.name", "the publication is the run's"),
    ("signal.enabled.channels", CHANNELS),
    ("slot.name", "the slot is the run's"),
    ("tasks.max", "the connector has one task"),
];

/// Options that are left out, with the reason. What ends in a dot holds for all keys that begin so.
const LEFT_OUT: &[(&str, &str)] = &[
    ("after.state.only", CLOUD),
    ("bootstrap.servers", OPEN_BROKER),
    ("cloud.", CLOUD),
    ("confluent.", CLOUD),
    ("csfle.", CLOUD),
    ("database.", "the database is the run's"),
    ("driver.", "the database is the run's"),
    ("errors.deadletterqueue.", "only connectors that read topics have one"),
    ("kafka.", CLOUD),
    ("name", "the run names its connector"),
    ("notification.", "a run notifies nobody"),
    ("offset.flush.", OFFSETS),
    ("offset.storage", OFFSETS),
    ("offset.storage.", OFFSETS),
    ("offsets.storage.", OFFSETS),
    ("openlineage.", "a run reports its lineage to nobody"),
    ("output.data.format", CLOUD),
    ("output.key.format", CLOUD),
    ("sasl.", OPEN_BROKER),
    ("schema.context.name", CLOUD),
    ("schema.history.", "the connector for Postgres keeps no history of schemas"),
    ("security.", OPEN_BROKER),
    ("signal.consumer.", CHANNELS),
    ("signal.file", CHANNELS),
    ("signal.kafka.", CHANNELS),
    ("ssl.", OPEN_BROKER),
];

/// Options that would act on what is the run's own: what they would do, and what to write instead.
const REFUSED: &[(&str, (&str, &str))] = &[(
    "replica.identity.autoset.values",
    (
        "would have the connector alter tables, which it does not own in a run",
        "write the identities under `settings.replica_identity`, or in the source DDL",
    ),
)];

/// Options of Kafka's clients that a connector may set over those of the worker. The worker refuses
/// all others: `connector.client.config.override.allowlist` has the same list.
pub const CLIENT: [&str; 17] = [
    "acks",
    "batch.size",
    "buffer.memory",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "delivery.timeout.ms",
    "enable.idempotence",
    "linger.ms",
    "max.block.ms",
    "max.in.flight.requests.per.connection",
    "max.request.size",
    "request.timeout.ms",
    "retries",
    "retry.backoff.ms",
    "transaction.timeout.ms",
];

/// Converters of Kafka, which reach nothing.
const PLACELESS: [&str; 2] =
    ["org.apache.kafka.connect.json.", "org.apache.kafka.connect.storage."];

/// Options with words of the author's own, which may look like anything.
const FREE: [&str; 2] = ["topic.delimiter", "unavailable.value.placeholder"];

/// What becomes of an option of the connector. `all` are its options.
pub fn option(key: &str, value: &str, all: &Options) -> Fate {
    let is = |name: &str| key == name || (name.ends_with('.') && key.starts_with(name));
    if key.ends_with(".plugin.version") {
        return Fate::LeftOut(PLUGIN);
    }
    if let Some((what, help)) = REFUSED.iter().find_map(|(name, why)| is(name).then_some(*why))
        && !value.trim().is_empty()
    {
        return Fate::Refused(what.to_owned(), help.to_owned());
    }
    if let Some((_, why)) = OURS.iter().find(|(name, _)| is(name)) {
        return Fate::Ours(why);
    }
    if let Some((_, why)) = LEFT_OUT.iter().find(|(name, _)| is(name)) {
        return Fate::LeftOut(why);
    }
    if let Some(option) = of_a_client(key) {
        return if CLIENT.contains(&option) { Fate::Kept } else { Fate::LeftOut(LATELY) };
    }
    if let Some(fate) = of_a_converter(key, value, all) {
        return fate;
    }
    if FREE.contains(&key) { Fate::Kept } else { closed(key, value) }
}

/// `linger.ms` of `producer.override.linger.ms`.
fn of_a_client(key: &str) -> Option<&str> {
    ["producer.override.", "consumer.override.", "admin.override."]
        .iter()
        .find_map(|client| key.strip_prefix(client))
}

/// An option of a converter: the run has one for Avro, and Kafka's own reach nothing.
fn of_a_converter(key: &str, value: &str, all: &Options) -> Option<Fate> {
    let converters = ["key.converter", "value.converter", "header.converter"];
    let class = converters
        .into_iter()
        .find(|class| key.strip_prefix(class).is_some_and(|rest| rest.starts_with('.')))?;
    let reaches = place::kind(value).is_some()
        || ["schema.registry.", "basic.auth.", "bearer.auth.", "apicurio."]
            .iter()
            .any(|option| key.get(class.len() + 1..).is_some_and(|rest| rest.starts_with(option)));
    let name = all.get(class).map_or("", String::as_str);
    if avro::is_converter(name) {
        return Some(Fate::Ours("the stack writes Avro with a converter of its own"));
    }
    let is_placeless = name.is_empty() || PLACELESS.iter().any(|own| name.starts_with(own));
    (reaches && is_placeless).then_some(Fate::LeftOut(NO_REGISTRY))
}

/// What nobody knows is judged by its key and its value.
pub(super) fn closed(key: &str, value: &str) -> Fate {
    if is_indirect(value) {
        let help = "write the value itself: the workers of a run ask no config provider";
        return Fate::Refused(INDIRECT.to_owned(), help.to_owned());
    }
    fate::unknown(key, value)
}

/// `${file:/etc/secrets:password}`: what a config provider of the worker puts in.
fn is_indirect(value: &str) -> bool {
    value.split("${").skip(1).any(|rest| {
        rest.split_once('}').is_some_and(|(inside, _)| {
            let provider = inside.split_once(':').map_or("", |(provider, _)| provider);
            !provider.is_empty()
                && provider.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        })
    })
}
