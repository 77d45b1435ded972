//! Which options of a connector change its records in ways that nothing here has a model of. All
//! others either change no record, or are read where records are judged: values by
//! `codec::debezium::Encoding`, columns and transforms by `model::feed::shape`, what is left out and
//! the snapshot by `model::feed::Rules`, topics by `model::routes`, outbox events by `model::outbox`.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Connector properties", each option on its
//! own. Seen on 3.6.3 (scenarios `records/options-without-effect` and
//! `records/an-option-without-a-model`).

use crate::scenario::settings::Options;

/// An option without a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unmodelled {
    /// Its name; what ends in a dot stands for all options that begin so.
    pub option: &'static str,
    /// Values under which it changes nothing.
    pub harmless: &'static [&'static str],
    /// What it does.
    pub does: &'static str,
}

const fn option(
    option: &'static str,
    harmless: &'static [&'static str],
    does: &'static str,
) -> Unmodelled {
    Unmodelled { option, harmless, does }
}

/// All of them.
pub const ALL: &[Unmodelled] = &[
    option("converters", &[], "hands values to classes of its own"),
    option(
        "event.processing.failure.handling.mode",
        &["fail"],
        "leaves out changes that cannot be processed",
    ),
    option(
        "header.converter",
        &[
            "org.apache.kafka.connect.storage.SimpleHeaderConverter",
            "org.apache.kafka.connect.storage.StringConverter",
        ],
        "writes headers in a form of its own",
    ),
    option(
        "incremental.snapshot.watermarking.strategy",
        &["insert_insert"],
        "marks the chunks of incremental snapshots otherwise",
    ),
    option("post.processors", &[], "hands records to classes of its own"),
    option("read.only", &["false"], "takes incremental snapshots without its signal table"),
    option("signal.enabled.channels", &["source"], "takes signals from elsewhere"),
    option(
        "snapshot.isolation.mode",
        &["serializable", "repeatable_read"],
        "may show tables at several points in one snapshot",
    ),
    option("snapshot.query.mode", &["select_all"], "takes snapshots of other rows"),
    option("snapshot.include.collection.list", &[], "takes snapshots of some tables only"),
    option("snapshot.select.statement.overrides", &[], "takes snapshots of other rows"),
    option("snapshot.select.statement.overrides.", &[], "takes snapshots of other rows"),
    option(
        "sourceinfo.struct.maker",
        &["io.debezium.connector.postgresql.PostgresSourceInfoStructMaker"],
        "writes `source` in a form of its own",
    ),
    option(
        "transaction.metadata.factory",
        &["io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory"],
        "writes transactions in a form of its own",
    ),
];

/// The options of a configuration that have no model, by their names as written.
pub fn found(config: &Options) -> impl Iterator<Item = (&str, &str, &'static Unmodelled)> {
    config.iter().filter_map(|(key, value)| {
        let is_it = |one: &&Unmodelled| {
            let family = one.option.ends_with('.') && key.starts_with(one.option);
            key == one.option || family
        };
        let one = ALL.iter().find(is_it)?;
        let value = value.trim();
        let is_harmless = value.is_empty()
            || one.harmless.iter().any(|harmless| value.eq_ignore_ascii_case(harmless));
        (!is_harmless).then_some((key.as_str(), value, one))
    })
}

/// The same in sentences.
pub fn without_model(config: &Options) -> Vec<String> {
    let told = |(key, value, one): (&str, &str, &Unmodelled)| {
        format!("`{key}={value}` {}, which has no model", one.does)
    };
    found(config).map(told).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("converters", "isbn", true)]
    #[case("converters", "", false)]
    #[case("event.processing.failure.handling.mode", "Fail", false)]
    #[case("event.processing.failure.handling.mode", "skip", true)]
    #[case("snapshot.select.statement.overrides.public.a", "SELECT 1", true)]
    #[case("poll.interval.ms", "5", false)]
    fn an_option_without_a_model_is_told(
        #[case] key: &str,
        #[case] value: &str,
        #[case] is_told: bool,
    ) {
        let config = Options::from([(key.to_owned(), value.to_owned())]);
        assert_eq!(!without_model(&config).is_empty(), is_told);
    }
}
