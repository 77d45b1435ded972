//! A topic that is written in transactions, read without waiting for their commits.

use super::Rule;
use super::case::{Case, Found};
use super::causes::Told;
use crate::scenario::pipeline::Dialect;
use crate::scenario::timeline::Action;
use crate::sql::flink::CreateTable;

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0148",
    summary: "A statement reads a topic that is written in transactions, and does not wait for commits.",
    reason: "Kafka's reader returns records of open and of aborted transactions unless it is told otherwise: after a restart, what the writer wrote since its last checkpoint is read although it was taken back, and read again.",
    fix: "write 'properties.isolation.level' = 'read_committed' in the reading table",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for told in told(case) {
        told.warn(case, found);
    }
}

pub(super) fn told<'a>(case: &Case<'a>) -> Vec<Told<'a>> {
    let mut all = Vec::new();
    if case.trial.pipeline.dialect != Dialect::Flink {
        return all;
    }
    for (text, table) in case.tables() {
        let name = table.name.table();
        let sinks = case.sinks_over(name).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>();
        let Some(topic) = case.topic_of(table).filter(|_| !sinks.is_empty()) else { continue };
        let by_connector = case.capture_of(table).is_some() && writes_transactions(case);
        let waits = option(case, table, "properties.isolation.level") == Some("read_committed");
        let is_produced = writes_in_transactions(case, &topic);
        if waits || !(by_connector || is_produced || is_exactly_once(case, &topic)) {
            continue;
        }
        let message = format!(
            "`{name}` reads `{topic}`, which is written in transactions, without waiting for their \
             commits"
        );
        all.push(Told { text, span: table.name.span, message, sinks, column: None, topic: None });
    }
    all
}

/// Whether a table that an INSERT writes exactly once is over the topic.
fn is_exactly_once(case: &Case<'_>, topic: &str) -> bool {
    let inserts = case.statements.iter().flat_map(|(_, statement)| statement.inserts());
    let written = inserts.filter_map(|insert| case.table(&insert.target));
    let mut of_topic = written.filter(|(_, table)| case.topic_of(table).as_deref() == Some(topic));
    let guarantee = |table| option(case, table, "sink.delivery-guarantee");
    of_topic.any(|(_, table)| guarantee(table) == Some("exactly-once"))
}

fn option<'c>(case: &'c Case<'_>, table: &'c CreateTable, key: &str) -> Option<&'c str> {
    let set = case.trial.settings.tables.get(table.name.table());
    let set = set.and_then(|options| options.get(key)).map(String::as_str);
    set.or_else(|| table.with.as_ref()?.get(key))
}

/// Whether the timeline writes to it in transactions.
fn writes_in_transactions(case: &Case<'_>, topic: &str) -> bool {
    case.trial.timeline.iter().any(|entry| match &entry.action {
        Action::Produce(produce) => produce.topic == topic && produce.transaction.is_some(),
        _ => false,
    })
}

/// Whether the connector itself writes in transactions.
fn writes_transactions(case: &Case<'_>) -> bool {
    let worker = case.trial.settings.worker.get("exactly.once.source.support");
    worker.is_some_and(|support| support == "enabled")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned_of;

    const ONCE: &str =
        ", 'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = 'm'";
    const WAITS: &str = ", 'properties.isolation.level' = 'read_committed'";

    #[rstest]
    #[case(ONCE, "", "", true)]
    #[case(ONCE, WAITS, "", false)]
    #[case("", "", "", false)]
    #[case(ONCE, ", 'properties.isolation.level' = 'read_uncommitted'", "", true)]
    #[case(
        ONCE,
        "",
        "settings: {tables: {again: {properties.isolation.level: read_committed}}}\n",
        false
    )]
    #[case("", "", "settings: {tables: {mid: {sink.delivery-guarantee: exactly-once}}}\n", true)]
    fn a_topic_of_transactions(
        #[case] writer: &str,
        #[case] reader: &str,
        #[case] settings: &str,
        #[case] expected: bool,
    ) {
        let text = format!(
            "scenario: v1\ntitle: t\npipeline:\n  source: CREATE TABLE a (id int PRIMARY KEY)\n  \
             dialect: flink\n  statements: |\n    \
             CREATE TABLE a (id INT) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.a', 'format' = 'debezium-json');\n    \
             CREATE TABLE mid (id INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'mid', 'key.format' = 'json', 'value.format' = 'json'{writer});\n    \
             CREATE TABLE again (id INT) WITH ('connector' = 'kafka', 'topic' = 'mid', 'format' = 'json'{reader});\n    \
             CREATE TABLE b (id INT) WITH ('connector' = 'kafka', 'topic' = 'b', 'format' = 'json');\n    \
             INSERT INTO mid SELECT id FROM a;\n    \
             INSERT INTO b SELECT id FROM again\n  sinks: {{b: unjudged, mid: unjudged}}\n{settings}\
             timeline:\n  - a: INSERT INTO a VALUES (1)\n"
        );
        assert_eq!(warned_of(&text, "W0148"), expected, "{text}");
    }
}
