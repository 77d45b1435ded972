//! Tables of a statement where the local stack has them, written and read as Confluent Cloud does.

use std::collections::BTreeMap;

use crate::base::text::Text;
use crate::client::reach::Reach;
use crate::client::registry;
use crate::sql::edit::with_options;
use crate::sql::flink::{self, Statement};

/// How long a transaction of a sink may be open: what a killed job leaves open holds readers up for as
/// long.
const TRANSACTION_LIMIT: &str = "60000";

/// What the properties of a statement say of all tables that it reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reads(pub(super) BTreeMap<String, String>);

/// The statement with the addresses of the stack, and with sinks that are exactly once; `own` begins the
/// ids of their transactions.
pub(super) fn placed(text: &Text, reach: &Reach, own: &str, reads: &Reads) -> Text {
    let Statement::CreateTable(create) = flink::parse(text) else { return text.clone() };
    let Some(with) = &create.with else { return text.clone() };
    let get = |key: &str| with.get(key);
    if !matches!(get("connector"), Some("kafka" | "upsert-kafka")) {
        return text.clone();
    }
    let is_upsert = get("connector") == Some("upsert-kafka");
    let registry = reach.registry_inside(registry::API);
    let mut set = vec![
        ("properties.bootstrap.servers".to_owned(), reach.kafka.inside.bootstrap.clone()),
        ("sink.delivery-guarantee".to_owned(), "exactly-once".to_owned()),
        ("sink.transactional-id-prefix".to_owned(), format!("{own}-{}", create.name.table())),
        ("properties.transaction.timeout.ms".to_owned(), TRANSACTION_LIMIT.to_owned()),
    ];
    for part in ["key", "value"] {
        let format = get(&format!("{part}.format")).unwrap_or_default();
        if format.ends_with("avro-confluent") {
            set.push((format!("{part}.{format}.url"), registry.clone()));
        }
    }
    for (key, value) in &reads.0 {
        // An upsert table is always read from the start.
        let fits = !is_upsert || key.starts_with("scan.bounded.");
        if fits {
            set.push((key.clone(), value.clone()));
        }
    }
    with_options(text, set.iter().map(|(key, value)| (key.as_str(), Some(value.as_str()))))
}

/// The topic of a table, if the statement makes one.
pub(super) fn topic(text: &Text) -> Option<String> {
    let Statement::CreateTable(create) = flink::parse(text) else { return None };
    create.with.as_ref()?.get("topic").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::reach::{Kafka, Rest, Twice};

    #[test]
    fn a_table_is_where_the_stack_has_it() {
        let reach = Reach {
            kafka: Twice::same(Kafka::plain("b:1")),
            registry: Some(Twice::same(Rest::plain("r"))),
            ..Reach::default()
        };
        let sql = "CREATE TABLE t (x INT) WITH ('connector' = 'kafka', 'topic' = 't', \
                   'properties.bootstrap.servers' = 'kafka', 'value.format' = 'avro-confluent')";
        let text = Text::whole("s".into(), sql.to_owned());
        let bounded =
            BTreeMap::from([("scan.bounded.mode".to_owned(), "latest-offset".to_owned())]);
        let made = placed(&text, &reach, "s-1", &Reads(bounded)).value;
        for option in [
            "'properties.bootstrap.servers' = 'b:1'",
            "'value.avro-confluent.url' = 'r/apis/ccompat/v7'",
            "'sink.transactional-id-prefix' = 's-1-t'",
            "'scan.bounded.mode' = 'latest-offset'",
        ] {
            assert!(made.contains(option), "{option}: {made}");
        }
        assert_eq!(topic(&text).as_deref(), Some("t"));
        let view = Text::whole("s".into(), "CREATE VIEW v AS SELECT 1".to_owned());
        assert_eq!(placed(&view, &reach, "s-1", &Reads::default()), view);
    }
}
