//! A topic that nobody writes.
//!
//! A run makes the topics of the captured tables and of the sinks, and no other, so that a statement
//! over any other topic would wait for ever. In production it may be a topic of somebody else, or a
//! name that is spelt wrong: nothing here could tell them apart.

use std::collections::BTreeSet;

use super::Rule;
use super::case::{Case, Found};
use crate::base::text::{Span, Text};
use crate::model::lists::of_table;
use crate::model::outbox;
use crate::model::pattern::Pattern;
use crate::model::routes::Routes;
use crate::scenario::nearest;
use crate::scenario::pipeline::Dialect;
use crate::sql::flink::{CreateTable, Name, Statement};
use crate::sql::postgres::created_table;
use crate::sql::token::{Kind, Language, Token, significant};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "E0421",
    summary: "A statement reads a topic that neither the connector, nor a statement, nor an application of `topics` writes.",
    reason: "A run makes the topics of the captured tables and those of the sinks. Of another one that `topics` does not name the statement would wait for records for ever, and nothing could be said about what it writes.",
    fix: "name a topic that is written here, declare one that an application writes under `topics`, correct `topic.prefix` or a route of the connector, or name the table in the source DDL",
    check,
};

/// The rule of topics with two writers.
pub(super) const TWICE: Rule = Rule {
    code: "E0422",
    summary: "A topic that an application writes is one that the connector or a statement writes too.",
    reason: "What stands on a topic of the pipeline's own is judged by what its writer must have written, so that records of an application would be records of nobody.",
    fix: "give the topic under `topics` the name that it has in production, or write bytes as they stand to the table's topic",
    check: check_twice,
};

fn check_twice(case: &Case<'_>, found: &mut Found<'_>) {
    let Some(written) = written(case) else { return };
    for (name, of) in &case.trial.pipeline.topics {
        if written.topics.contains(name) {
            let at = Span::new(0, of.text.value.len());
            found.at(&of.text, at, format!("the topic `{name}` has a writer in this pipeline"));
        }
    }
}

/// More topics than this are only counted.
const SHOWN: usize = 6;

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    let Some(mut written) = written(case) else { return };
    written.topics.extend(case.trial.pipeline.topics.keys().cloned());
    let mut told = BTreeSet::new();
    for (text, table) in read(case) {
        let at = Span::new(table.name.span.start, table.name.span.end);
        for topic in wanted(case, table) {
            let message = match &topic {
                Wanted::Topic(topic) if !written.topics.contains(topic) => {
                    sentence(case, table, topic, &written)
                }
                Wanted::Pattern(pattern) => match Pattern::of(pattern) {
                    Ok(regex) if !written.topics.iter().any(|topic| regex.holds(topic)) => format!(
                        "`{}` reads the topics `{pattern}`, and no topic is called so; {}",
                        table.name.table(),
                        written.listed()
                    ),
                    _ => continue,
                },
                Wanted::Topic(_) => continue,
            };
            if told.insert(message.clone()) {
                found.at(text, at, message);
            }
        }
    }
}

/// What is written here.
struct Written {
    topics: BTreeSet<String>,
    /// What the connectors put before the names of their topics.
    prefixes: Vec<String>,
}

impl Written {
    fn listed(&self) -> String {
        let shown: Vec<String> =
            self.topics.iter().take(SHOWN).map(|topic| format!("`{topic}`")).collect();
        let more = match self.topics.len().saturating_sub(SHOWN) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        format!("there are {}{more}", shown.join(", "))
    }
}

fn sentence(case: &Case<'_>, table: &CreateTable, topic: &str, written: &Written) -> String {
    let name = table.name.table();
    if case.trial.pipeline.dialect == Dialect::Confluent {
        return format!(
            "a statement reads `{name}`, which no statement writes; {}",
            written.listed()
        );
    }
    let near = nearest(topic, written.topics.iter().map(String::as_str));
    let prefix = topic.split_once('.').map_or(topic, |(prefix, _)| prefix);
    let after = topic.split_once('.').map_or("", |(_, rest)| rest);
    let others = written.prefixes.iter().filter(|other| *other != prefix);
    let mut same = others.map(|other| (other, format!("{other}.{after}")));
    let same = same.find(|(_, same)| written.topics.contains(same));
    let why = if let Some((prefix, same)) = same {
        format!("`topic.prefix` is `{prefix}` here: did you mean `{same}`?")
    } else if let Some(near) = near {
        format!("did you mean `{near}`?")
    } else {
        written.listed()
    };
    format!("`{name}` reads the topic `{topic}`, which nobody writes; {why}")
}

/// Every topic that the connector and the statements write; `None` where the files do not tell.
fn written(case: &Case<'_>) -> Option<Written> {
    if case.texts().any(may_make_tables) {
        return None;
    }
    let mut topics = BTreeSet::new();
    let mut prefixes = Vec::new();
    for (nth, options) in case.connectors.iter().enumerate() {
        let routes = Routes::of(options).ok()?;
        let is_own = |schema: &str, table: &str| {
            of_table(&case.connectors, schema, table).is_none_or(|of| of == nth)
        };
        for table in case.texts().filter_map(created_table) {
            if is_own(&table.schema, &table.name) {
                topics.insert(routes.table(&table.schema, &table.name));
            }
        }
        let outboxes = &case.trial.pipeline.outbox;
        if outbox::name(options).is_some() && outboxes.is_empty() {
            return None;
        }
        for (table, values) in outboxes {
            let (schema, table) = table.split_once('.').unwrap_or(("public", table));
            if is_own(schema, table) {
                topics.extend(values.iter().map(|value| routes.outbox(schema, table, value)));
            }
        }
        let own = ["notification.sink.topic.name", "signal.kafka.topic"];
        topics.extend(own.iter().filter_map(|option| options.get(*option).cloned()));
        topics.extend([routes.messages_routed(), routes.transaction(), routes.heartbeat()]);
        prefixes.push(routes.prefix().to_owned());
    }
    for insert in case.statements.iter().flat_map(|(_, statement)| statement.inserts()) {
        topics.insert(insert.target.table().to_owned());
        if let Some((_, table)) = case.table(&insert.target) {
            topics.extend(wanted(case, table).into_iter().filter_map(|wanted| match wanted {
                Wanted::Topic(topic) => Some(topic),
                Wanted::Pattern(_) => None,
            }));
        }
    }
    Some(Written { topics, prefixes })
}

/// Whether a statement may create tables without saying their names where they can be read.
fn may_make_tables(statement: &Text) -> bool {
    let tokens = significant(Language::Postgres, &statement.value);
    let is = |n: usize, word: &str| tokens.get(n).is_some_and(|token| token.is(word));
    let extends = is(0, "CREATE") && is(1, "EXTENSION") && !tokens.iter().any(is_plain_extension);
    let renames = is(0, "ALTER")
        && tokens.iter().any(|t| t.is("RENAME") || t.is("SCHEMA"))
        && crate::sql::changed::change(statement).is_some();
    let selects_into = is(0, "SELECT") && tokens.iter().any(|token| token.is("INTO"));
    let says = |text: &str| {
        let text = text.to_uppercase();
        text.contains("CREATE") && text.contains("TABLE") || text.contains("EXECUTE")
    };
    let in_a_body = tokens.iter().any(|token| token.kind == Kind::Text && says(token.text));
    extends || renames || selects_into || in_a_body
}

/// Extensions that make no table that anybody would capture.
fn is_plain_extension(token: &Token<'_>) -> bool {
    let plain = ["hstore", "citext", "ltree", "pgcrypto", "uuid-ossp", "pg_trgm", "btree_gist"];
    token.name().is_some_and(|name| plain.contains(&name.as_str()))
}

/// What a table is over.
enum Wanted {
    Topic(String),
    Pattern(String),
}

/// The topics that a table names; nothing where something else changes them, or where it is none of
/// Kafka's.
fn wanted(case: &Case<'_>, table: &CreateTable) -> Vec<Wanted> {
    if case.trial.pipeline.dialect == Dialect::Confluent {
        return vec![Wanted::Topic(table.name.table().to_owned())];
    }
    let option = |key: &str| option(case, table, key, 0);
    let is_kafka = option("connector").is_some_and(|c| c == "kafka" || c == "upsert-kafka");
    if !is_kafka || is_altered(case, table.name.table()) {
        return Vec::new();
    }
    let listed = |topics: String| -> Vec<Wanted> {
        let topics = topics.split(';').map(str::trim).filter(|topic| !topic.is_empty());
        topics.map(|topic| Wanted::Topic(topic.to_owned())).collect()
    };
    match (option("topic"), option("topic-pattern")) {
        (Some(topics), _) => listed(topics),
        (None, Some(pattern)) => vec![Wanted::Pattern(pattern)],
        (None, None) => Vec::new(),
    }
}

/// An option of a table: of the settings, else its own, else of the table that it is like.
fn option(case: &Case<'_>, table: &CreateTable, key: &str, depth: usize) -> Option<String> {
    let set = case.trial.settings.tables.get(table.name.table());
    let own = set.and_then(|options| options.get(key)).map(String::as_str);
    let own = own.or_else(|| table.with.as_ref()?.get(key)).map(ToOwned::to_owned);
    own.or_else(|| {
        let (_, other) = case.table(table.like.as_ref()?).filter(|_| depth < SHOWN)?;
        option(case, other, key, depth + 1)
    })
}

/// Whether a statement changes where the table is: options of it, or which table has the name.
fn is_altered(case: &Case<'_>, name: &str) -> bool {
    let mut others = case.statements.iter().filter(|(_, one)| *one == Statement::Other);
    let is_changed = others.any(|(text, _)| {
        let tokens = significant(Language::Flink, &text.value);
        let names = tokens.iter().any(|token| token.name().is_some_and(|word| word == name));
        let moves = ["topic", "topic-pattern", "connector"];
        let options = tokens.iter().filter(|token| token.kind == Kind::Text);
        let sets = options.filter_map(Token::string).any(|text| moves.contains(&text.as_str()));
        names && (sets || tokens.first().is_some_and(|token| token.is("DROP")))
    });
    // A hint may say another topic.
    let hinted = case.statements.iter().any(|(text, _)| {
        text.value.contains("/*+") && text.value.contains("topic") && text.value.contains(name)
    });
    let mut made = case.tables().filter(|(_, table)| table.name.table() == name);
    made.next();
    is_changed || hinted || made.next().is_some()
}

/// The tables that statements read, with their places.
fn read<'a, 'c>(case: &'c Case<'a>) -> Vec<(&'a Text, &'c CreateTable)> {
    let inserts = case.statements.iter().flat_map(|(_, statement)| statement.inserts());
    let names: Vec<Name> = inserts.flat_map(|insert| insert.reads.clone()).collect();
    let read = case.reads(&names);
    let is_read = |table: &&CreateTable| read.iter().any(|one| one.name == table.name);
    case.tables().filter(|(_, table)| is_read(table)).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::told;

    fn file(options: &str, rest: &str) -> String {
        format!(
            "scenario: v1\ntitle: t\npipeline:\n  source: |\n    CREATE TABLE t (id int PRIMARY KEY);\n    \
             CREATE TABLE s.u (id int PRIMARY KEY)\n  dialect: flink\n  statements: |\n    \
             CREATE TABLE r (id INT) WITH ({options});\n    \
             CREATE TABLE b (id INT) WITH ('connector' = 'kafka', 'topic' = 'bb', 'format' = 'json');\n    \
             INSERT INTO b SELECT id FROM r\n  sinks: {{b: unjudged}}\n{rest}"
        )
    }

    const RUN: &str = "timeline:\n  - a: INSERT INTO t VALUES (1)\n";

    #[rstest]
    #[case("shop.public.t", "`topic.prefix` is `cdc` here: did you mean `cdc.public.t`?")]
    #[case("cdc.public.tt", "did you mean `cdc.public.t`?")]
    #[case("cdc.public.u", "did you mean `cdc.public.t`?")]
    #[case("cdc.public.t;clicks", "reads the topic `clicks`, which nobody writes; there are")]
    fn a_topic_of_nobody(#[case] topic: &str, #[case] message: &str) {
        let options = format!("'connector' = 'kafka', 'topic' = '{topic}', 'format' = 'json'");
        let told = told(&file(&options, RUN), "E0421");
        assert!(told.len() == 1 && told[0].contains(message), "{told:?}");
    }

    #[rstest]
    #[case("'topic-pattern' = 'shop\\..*'", true)]
    #[case("'topic-pattern' = 'cdc\\.public\\..*'", false)]
    #[case("'topic-pattern' = 'public'", true)]
    #[case("'topic' = 'cdc.public.t'", false)]
    #[case("'topic' = 'cdc.s.u'", false)]
    #[case("'topic' = 'cdc.public.t; cdc.s.u'", false)]
    #[case("'topic' = 'bb'", false)]
    #[case("'topic' = 'cdc.transaction'", false)]
    #[case("'topic' = '__debezium-heartbeat.cdc'", false)]
    fn topics_and_patterns(#[case] topics: &str, #[case] expected: bool) {
        let options = format!("'connector' = 'kafka', {topics}, 'format' = 'json'");
        assert_eq!(!told(&file(&options, RUN), "E0421").is_empty(), expected);
    }

    #[rstest]
    #[case("settings: {connector: {topic.prefix: shop}}\ntimeline: []\n", false)]
    #[case("settings: {connector: {topic.prefix: shop2}}\ntimeline: []\n", true)]
    #[case("timeline:\n  - a: CREATE TABLE v (id int PRIMARY KEY)\n", true)]
    #[case("timeline:\n  - a: DO $$ BEGIN EXECUTE 'CREATE TABLE x (id int)'; END $$\n", false)]
    #[case("timeline:\n  - a: ALTER TABLE t RENAME TO v\n", false)]
    #[case("settings: {tables: {r: {topic: cdc.public.t}}}\ntimeline: []\n", false)]
    fn what_may_be_written_is_not_refused(#[case] rest: &str, #[case] expected: bool) {
        let options = "'connector' = 'kafka', 'topic' = 'shop.public.t', 'format' = 'json'";
        assert_eq!(!told(&file(options, rest), "E0421").is_empty(), expected);
    }

    #[test]
    fn a_table_that_is_made_on_the_way_has_its_topic() {
        let options = "'connector' = 'kafka', 'topic' = 'cdc.public.v', 'format' = 'json'";
        let rest = "timeline:\n  - a: CREATE TABLE v (id int PRIMARY KEY)\n";
        assert_eq!(told(&file(options, rest), "E0421"), [""; 0]);
    }

    #[rstest]
    #[case("", true)]
    #[case("INSERT INTO r SELECT id FROM `cdc.public.t`;", false)]
    fn a_table_of_confluents_that_no_statement_writes(#[case] more: &str, #[case] expected: bool) {
        let sinks = if more.is_empty() { "b: unjudged" } else { "b: unjudged, r: unjudged" };
        let text = format!(
            "scenario: v1\ntitle: t\npipeline:\n  source: CREATE TABLE t (id int PRIMARY KEY)\n  \
             statements: |\n    CREATE TABLE r (id INT);\n    CREATE TABLE b (id INT);\n    {more}\n    \
             INSERT INTO b SELECT id FROM r\n  sinks: {{{sinks}}}\n{RUN}"
        );
        assert_eq!(!told(&text, "E0421").is_empty(), expected);
    }
}
