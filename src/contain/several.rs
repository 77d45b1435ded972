//! Several connectors of one pipeline: none may get into another's way.
//!
//! Each reads the whole WAL through a slot of its own, and Postgres gives a slot to one reader. Debezium
//! names topics of messages, transactions and heartbeats, and its metrics, by `topic.prefix`, which its
//! documentation wants unique across all connectors: on one worker the second waits a minute for each of
//! its metrics that has the name already, and goes on without. With `publication.autocreate.mode=filtered` a
//! connector sets the tables of its publication to its own whenever it starts (`ALTER PUBLICATION … SET
//! TABLE`).

use camino::Utf8PathBuf;

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::text::{Span, Text};
use crate::dialect::connector::is_managed;
use crate::model::lists::captures;
use crate::model::routes::Routes;
use crate::scenario::code::Code;
use crate::scenario::pipeline::ConnectorFile;
use crate::scenario::settings::Options;
use crate::scenario::trial::Trial;
use crate::sql::schema::Schema;
use crate::sql::split;

/// One of several connectors.
struct One<'a> {
    text: Text,
    file: &'a ConnectorFile,
    options: Options,
}

/// What two connectors of a pipeline would fight over, each at the second of them.
pub(super) fn refuse(trial: &Trial, sources: &[(Utf8PathBuf, String)]) -> Vec<Diagnostic> {
    if !trial.has_several_connectors() {
        return Vec::new();
    }
    let text = |file: &ConnectorFile| {
        let text = sources.iter().find(|(path, _)| *path == file.path);
        Text::whole(file.path.clone(), text.map(|(_, text)| text.clone()).unwrap_or_default())
    };
    let both = itertools::zip_eq(&trial.pipeline.connectors, trial.connectors());
    let one = both.map(|(file, options)| One { text: text(file), file, options });
    let all: Vec<One<'_>> = one.collect();
    let mut refused = Vec::new();
    for (nth, second) in all.iter().enumerate() {
        for first in all.iter().take(nth) {
            refused.extend(slot(first, second));
            refused.extend(publication(first, second));
            refused.extend(prefix(first, second));
            refused.extend(tables(trial, first, second));
        }
    }
    refused
}

impl One<'_> {
    fn option(&self, key: &str) -> Option<&str> {
        self.options.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Where an option stands in its file, else the file's first line.
    fn place(&self, keys: &[&str]) -> Span {
        let quoted = keys.iter().map(|key| serde_json::Value::from(*key).to_string());
        let mut found = quoted
            .filter_map(|key| self.text.value.find(&key).map(|at| Span::new(at, at + key.len())));
        let head = || Span::new(0, self.text.value.lines().next().map_or(0, str::len));
        found.next().unwrap_or_else(head)
    }

    fn at(&self, keys: &[&str]) -> String {
        self.text.place(self.place(keys).start).to_string()
    }

    fn refused(&self, keys: &[&str], message: String, help: &str) -> Diagnostic {
        let span = self.place(keys);
        Diagnostic {
            code: Code::Several.name().to_owned(),
            severity: Severity::Error,
            message,
            place: self.text.place(span.start),
            span: self.text.in_file(span),
            label: String::new(),
            earlier: None,
            help: Some(help.to_owned()),
        }
    }
}

fn slot(first: &One<'_>, second: &One<'_>) -> Option<Diagnostic> {
    // A managed connector without a name for its slot is given one.
    let of = |one: &One<'_>| {
        let default = (!is_managed(&one.options)).then_some("debezium");
        one.option("slot.name").or(default).map(ToOwned::to_owned)
    };
    let name = of(second).filter(|name| of(first).as_ref() == Some(name))?;
    let message = format!(
        "both connectors have the slot `{name}` (the other at {}), and Postgres lets one of them read it",
        first.at(&["slot.name"])
    );
    let help = "give each a `slot.name` of its own; left out, it is `debezium`";
    Some(second.refused(&["slot.name"], message, help))
}

fn publication(first: &One<'_>, second: &One<'_>) -> Option<Diagnostic> {
    let name =
        |one: &One<'_>| one.option("publication.name").unwrap_or("dbz_publication").to_owned();
    let mode = "publication.autocreate.mode";
    let rewrites =
        |one: &&One<'_>| one.option(mode).is_some_and(|mode| mode.eq_ignore_ascii_case("filtered"));
    let rewriting = [second, first].into_iter().find(rewrites)?;
    if name(first) != name(second) {
        return None;
    }
    let keys = ["publication.name", mode];
    let message = format!(
        "both connectors have the publication `{}` (the other at {}), and with `{mode}=filtered` `{}` \
         takes the other's tables out of it whenever it starts",
        name(second),
        first.at(&keys),
        rewriting.file.path,
    );
    let help = "give each a `publication.name` of its own; left out, it is `dbz_publication`";
    Some(second.refused(&keys, message, help))
}

fn prefix(first: &One<'_>, second: &One<'_>) -> Option<Diagnostic> {
    let key = "topic.prefix";
    let prefix = second.option(key).filter(|prefix| first.option(key) == Some(prefix))?;
    let message = format!(
        "both connectors have the `{key}` `{prefix}` (the other at {}), by which Debezium names the \
         topics of messages, transactions and heartbeats, and its metrics",
        first.at(&[key])
    );
    Some(second.refused(
        &[key],
        message,
        "give each a `topic.prefix` of its own, as Debezium wants it",
    ))
}

/// Tables that both capture, and topics that both write.
fn tables(trial: &Trial, first: &One<'_>, second: &One<'_>) -> Option<Diagnostic> {
    let keys =
        ["table.include.list", "schema.include.list", "table.exclude.list", "schema.exclude.list"];
    let source = trial.pipeline.source.iter().chain(&trial.setup);
    let ddl: Vec<Text> =
        source.flat_map(|text| split::postgres(text).unwrap_or_default()).collect();
    let all: Vec<_> = Schema::of(&ddl).sources().collect();
    let captured = |one: &One<'_>| {
        let own = all.iter().map(|table| (table.schema.clone(), table.name.clone()));
        let own = own.filter(|(schema, table)| captures(&one.options, schema, table) == Some(true));
        own.collect::<Vec<_>>()
    };
    let (of_first, of_second) = (captured(first), captured(second));
    if let Some((schema, table)) = of_second.iter().find(|table| of_first.contains(table)) {
        let message = format!(
            "both connectors capture the table `{schema}.{table}` (the other at {})",
            first.at(&keys)
        );
        let help = "leave each table to one of them, by `table.include.list` or \
                    `schema.include.list`: without a list a connector captures every table";
        return Some(second.refused(&keys, message, help));
    }
    let topics = |one: &One<'_>, tables: &[(String, String)]| {
        let routes = Routes::of(&one.options).ok();
        let names =
            tables.iter().map(move |(schema, table)| Some(routes.as_ref()?.table(schema, table)));
        names.flatten().collect::<Vec<_>>()
    };
    let metadata = |one: &One<'_>| {
        let routes = Routes::of(&one.options).ok();
        let is_on = one.option("provide.transaction.metadata") == Some("true");
        routes.filter(|_| is_on).map(|routes| routes.transaction())
    };
    let mut written = topics(first, &of_first);
    written.extend(metadata(first));
    let mut own = topics(second, &of_second).into_iter().chain(metadata(second));
    let topic = own.find(|topic| written.contains(topic))?;
    let routers = ["transforms", "topic.naming.strategy", "topic.prefix"];
    let message = format!(
        "both connectors write to the topic `{topic}` (the other at {}), and nothing says in which order",
        first.at(&routers)
    );
    Some(second.refused(&routers, message, "route the tables of each to topics of their own"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::scenario::pipeline::{Dialect, Pipeline};

    const A: &[(&str, &str)] = &[
        ("topic.prefix", "a"),
        ("slot.name", "a"),
        ("publication.name", "a"),
        ("table.include.list", "public.t"),
    ];

    fn told(second: &[(&str, &str)]) -> Vec<String> {
        let options = |own: &[(&str, &str)]| {
            own.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Options>()
        };
        let base = [
            ("topic.prefix", "b"),
            ("slot.name", "b"),
            ("publication.name", "b"),
            ("table.include.list", "public.u"),
        ];
        let mut other = options(&base);
        other.extend(options(second));
        other.retain(|_, value| value != "-");
        let file = |name: &str, options: Options| ConnectorFile {
            path: format!("{name}.json").into(),
            name: Some(name.to_owned()),
            options,
        };
        let source = "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)";
        let pipeline = Pipeline {
            file: None,
            source: vec![Text::whole("s.sql".into(), source.to_owned())],
            left_out: Vec::new(),
            connectors: vec![file("a", options(A)), file("b", other.clone())],
            outbox: std::collections::BTreeMap::new(),
            topics: std::collections::BTreeMap::new(),
            format: None,
            dialect: Dialect::Flink,
            statements: Vec::new(),
            sinks: std::collections::BTreeMap::new(),
        };
        let text = |options: &Options| serde_json::to_string_pretty(options).unwrap();
        let sources = [("a.json".into(), text(&options(A))), ("b.json".into(), text(&other))];
        let told = refuse(&Trial::idle("t", "t", pipeline), &sources);
        told.iter().map(|one| format!("{}: {}", one.place, one.message)).collect()
    }

    #[test]
    fn connectors_with_their_own_of_everything_run_side_by_side() {
        assert_eq!(told(&[]), Vec::<String>::new());
        let shared = [("publication.name", "a")];
        assert_eq!(told(&shared), Vec::<String>::new(), "a publication may serve both");
    }

    #[rstest]
    #[case::slot(&[("slot.name", "a")], "b.json:3:3: both connectors have the slot `a` (the other at a.json:3:3)")]
    #[case::publication(
        &[("publication.name", "a"), ("publication.autocreate.mode", "filtered")],
        "b.json:3:3: both connectors have the publication `a` (the other at a.json:2:3)"
    )]
    #[case::prefix(&[("topic.prefix", "a")], "b.json:5:3: both connectors have the `topic.prefix` `a`")]
    #[case::tables(
        &[("table.include.list", "public.*")],
        "b.json:4:3: both connectors capture the table `public.t` (the other at a.json:4:3)"
    )]
    #[case::no_list(&[("table.include.list", "-")], "b.json:1:1: both connectors capture the table `public.t`")]
    #[case::topic(
        &[
            ("transforms", "r"),
            ("transforms.r.type", "org.apache.kafka.connect.transforms.RegexRouter"),
            ("transforms.r.regex", ".*"),
            ("transforms.r.replacement", "a.public.t"),
        ],
        "b.json:6:3: both connectors write to the topic `a.public.t`"
    )]
    fn what_two_would_fight_over_is_told_with_both_places(
        #[case] second: &[(&str, &str)],
        #[case] message: &str,
    ) {
        let told = told(second);
        assert!(told.len() == 1 && told[0].starts_with(message), "{told:#?}");
    }
}
