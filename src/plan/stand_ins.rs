//! Stand-ins: tables of connectors that are not on the stack become topics that are told the same
//! changes, and what no statement that is run needs is left out.

use std::collections::BTreeSet;

use crate::base::difference::Difference;
use crate::base::text::Text;
use crate::contain::fate::Thing;
use crate::contain::scope::{Scope, of_connector};
use crate::contain::statements::refuse_one;
use crate::scenario::pipeline::{Dialect, Sink};
use crate::scenario::trial::Trial;
use crate::sql::edit::with_options;
use crate::sql::flink::{self, CreateTable, Statement};
use crate::sql::table::alter;

/// Options of any connector that a topic has too.
const KEPT: [&str; 2] = ["sink.parallelism", "connector"];

/// Puts stand-ins into a trial, and leaves out what would be refused although nothing needs it.
pub fn stand_in(trial: &mut Trial) {
    if trial.pipeline.dialect != Dialect::Flink {
        return;
    }
    let uses = Uses::of(&trial.pipeline.statements);
    let mut scope = Scope::new();
    let mut kept = Vec::new();
    let mut gone: BTreeSet<String> = BTreeSet::new();
    for text in std::mem::take(&mut trial.pipeline.statements) {
        let statement = flink::parse(&text);
        let set = match &statement {
            Statement::CreateTable(create) => trial.settings.tables.get(create.name.table()),
            _ => None,
        };
        let refused = refuse_one(&scope, &text, &statement, set);
        if let Some(altered) = alter(&text).filter(|one| gone.contains(one.name.table())) {
            let why = format!("`{}` is left out", altered.name.table());
            let difference = Difference::new("statements", "ALTER TABLE", why);
            trial.stand_ins.push(difference.at(text.place(0)));
            continue;
        }
        let is_unneeded = uses.are_free_of(&statement);
        if let (true, Some(first)) = (is_unneeded, refused.first()) {
            let name = made(&statement).unwrap_or_default();
            let why = format!("no statement that is run needs it, and {}", first.message);
            let difference = Difference::new("statements", format!("`{name}`"), why);
            trial.stand_ins.push(difference.at(text.place(0)));
            gone.insert(name);
            continue;
        }
        let stood_in = match &statement {
            Statement::CreateTable(create) if set.is_none() && trial.settings.stands_in() => {
                let is_judged = matches!(
                    trial.pipeline.sinks.get(create.name.table()),
                    Some(Sink::Judged { .. })
                );
                let needs = uses.written.contains(create.name.table())
                    && needs_one(&scope, create, is_judged);
                needs.then(|| topic(&text, create))
            }
            _ => None,
        };
        let text = match stood_in {
            Some((text, differences)) => {
                trial.stand_ins.extend(differences);
                text
            }
            None => text,
        };
        scope.see(&flink::parse(&text), set);
        kept.push(text);
    }
    trial.pipeline.statements = kept;
}

/// The names that the INSERTs write, and all that they need.
struct Uses {
    written: BTreeSet<String>,
    needed: BTreeSet<String>,
}

impl Uses {
    fn of(statements: &[Text]) -> Self {
        let parsed: Vec<_> = statements.iter().map(flink::parse).collect();
        let inserts = || parsed.iter().flat_map(Statement::inserts);
        let written: BTreeSet<_> = inserts().map(|one| one.target.table().to_owned()).collect();
        let mut needed = written.clone();
        needed.extend(inserts().flat_map(|one| &one.reads).map(|name| name.table().to_owned()));
        loop {
            let before = needed.len();
            for statement in &parsed {
                match statement {
                    Statement::CreateView { name, reads } if needed.contains(name.table()) => {
                        needed.extend(reads.iter().map(|name| name.table().to_owned()));
                    }
                    Statement::CreateTable(table) if needed.contains(table.name.table()) => {
                        needed.extend(table.like.iter().map(|name| name.table().to_owned()));
                    }
                    _ => {}
                }
            }
            if needed.len() == before {
                return Self { written, needed };
            }
        }
    }

    /// Whether a statement makes something that no INSERT needs.
    fn are_free_of(&self, statement: &Statement) -> bool {
        statement.inserts().is_empty()
            && made(statement).is_some_and(|name| !self.needed.contains(&name))
    }
}

/// The table, view or model that a statement makes.
fn made(statement: &Statement) -> Option<String> {
    match statement {
        Statement::CreateTable(create) => Some(create.name.table().to_owned()),
        Statement::CreateView { name, .. } => Some(name.table().to_owned()),
        _ => None,
    }
}

/// Formats of files that Flink writes here.
const FORMATS: [&str; 4] = ["csv", "json", "parquet", "raw"];

/// Whether a sink is of a connector that is not on the stack, or of one whose rows nobody can read
/// although they are to be judged.
fn needs_one(scope: &Scope, create: &CreateTable, is_judged: bool) -> bool {
    if scope.lake(create).is_some() {
        return false;
    }
    let get = |key: &str| create.with.as_ref().and_then(|with| with.get(key));
    let Some(connector) = get("connector") else { return false };
    match of_connector(connector) {
        Err(_) => true,
        Ok(Thing::Placeless) => is_judged,
        Ok(Thing::Files) => get("format").is_some_and(|format| !FORMATS.contains(&format)),
        Ok(_) => false,
    }
}

/// The same table on a topic of its name, and how it differs.
fn topic(text: &Text, create: &CreateTable) -> (Text, Vec<Difference>) {
    let with = create.with.iter().flat_map(|with| &with.options);
    let connector = create.with.as_ref().and_then(|with| with.get("connector")).unwrap_or("");
    // What prints or throws away takes every change, with a key or without.
    let takes_all = of_connector(connector) == Ok(Thing::Placeless);
    let ours: &[(&str, &str)] = match (create.primary_key.is_empty(), takes_all) {
        (false, _) => {
            &[("connector", "upsert-kafka"), ("key.format", "json"), ("value.format", "json")]
        }
        (true, true) => &[("connector", "kafka"), ("format", "debezium-json")],
        (true, false) => &[("connector", "kafka"), ("format", "json")],
    };
    let name = create.name.table();
    let why = format!(
        "a stand-in: {}, so that a topic is told the same changes",
        if takes_all {
            format!("nobody can read the rows of `{connector}`")
        } else {
            format!("`{connector}` is not on the stack")
        }
    );
    let part = format!("table `{}`", create.name);
    let mut differences = Vec::new();
    let mut changes: Vec<(&str, Option<&str>)> = Vec::new();
    for option in with.filter(|option| !KEPT.contains(&option.key.as_str())) {
        if ours.iter().any(|(key, _)| *key == option.key) {
            continue;
        }
        changes.push((&option.key, None));
        let left_out = format!("an option of `{connector}`, for which a topic stands in");
        let difference = Difference::new(&part, &option.key, left_out).theirs(&option.value);
        differences.push(difference.at(text.place(option.span.start)));
    }
    let at = text.place(create.name.span.start);
    for (key, value) in ours.iter().copied().chain([("topic", name)]) {
        changes.push((key, Some(value)));
        let mut difference = Difference::new(&part, key, &why).ours(value).at(at.clone());
        difference.theirs = create.with.as_ref().and_then(|with| with.get(key)).map(Into::into);
        differences.push(difference);
    }
    (with_options(text, changes), differences)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::scenario::pipeline::Pipeline;
    use crate::sql::split;

    const SOURCE: &str = "CREATE TABLE a (id INT, v STRING) WITH ('connector' = 'kafka', \
                          'topic' = 'cdc.public.a', 'format' = 'debezium-json'); ";

    fn stood_in(sql: &str, stand_ins: Option<bool>) -> Trial {
        let text = Text::whole("p.sql".into(), format!("{SOURCE}{sql}"));
        let judged = Sink::Judged { reference: text.clone(), window: None };
        let pipeline = Pipeline {
            file: None,
            source: Vec::new(),
            left_out: Vec::new(),
            connectors: Vec::new(),
            outbox: std::collections::BTreeMap::new(),
            topics: std::collections::BTreeMap::new(),
            format: None,
            dialect: Dialect::Flink,
            statements: split::flink(&text).unwrap(),
            sinks: [("b".to_owned(), judged)].into(),
        };
        let mut trial = Trial::idle("t", "t", pipeline);
        trial.settings.stand_ins = stand_ins;
        stand_in(&mut trial);
        trial
    }

    const JDBC: &str = "CREATE TABLE b (id INT, PRIMARY KEY (id) NOT ENFORCED) WITH \
                        ('connector' = 'jdbc', 'url' = 'jdbc:mysql://h/d', 'table-name' = 'b'); \
                        INSERT INTO b SELECT id FROM a";

    #[rstest]
    #[case(JDBC, "upsert-kafka json")]
    #[case(
        "CREATE TABLE b (id INT) WITH ('connector' = 'jdbc', 'url' = 'x'); INSERT INTO b SELECT id FROM a",
        "kafka json"
    )]
    #[case(
        "CREATE TABLE b (id INT) WITH ('connector' = 'print'); INSERT INTO b SELECT id FROM a",
        "kafka debezium-json"
    )]
    #[case(
        "CREATE TABLE b (id INT) WITH ('connector' = 'filesystem', 'path' = '/x', 'format' = 'orc'); INSERT INTO b SELECT id FROM a",
        "kafka json"
    )]
    #[case(
        "CREATE TABLE b (id INT) WITH ('connector' = 'filesystem', 'path' = '/x', 'format' = 'json'); INSERT INTO b SELECT id FROM a",
        "filesystem json"
    )]
    // Nobody judges it, so that it runs as it is.
    #[case(
        "CREATE TABLE c (id INT) WITH ('connector' = 'print'); INSERT INTO c SELECT id FROM a",
        "print "
    )]
    fn a_sink_that_is_not_here_becomes_a_topic(#[case] sql: &str, #[case] expected: &str) {
        let trial = stood_in(sql, None);
        let Statement::CreateTable(create) = flink::parse(&trial.pipeline.statements[1]) else {
            panic!("no table");
        };
        let with = create.with.unwrap();
        let format = with.get("value.format").or_else(|| with.get("format")).unwrap_or("");
        assert_eq!(format!("{} {format}", with.get("connector").unwrap()), expected);
        let is_listed = !trial.stand_ins.is_empty();
        assert_eq!(
            is_listed,
            with.get("connector") != Some("print") && !expected.starts_with("file")
        );
        assert_eq!(with.get("url"), None);
    }

    #[test]
    fn every_option_that_is_put_in_or_left_out_is_listed() {
        let trial = stood_in(JDBC, None);
        let listed: Vec<_> = trial
            .stand_ins
            .iter()
            .map(|one| format!("{} {:?} {:?}", one.key, one.theirs, one.ours))
            .collect();
        let expected = [
            "url Some(\"jdbc:mysql://h/d\") None",
            "table-name Some(\"b\") None",
            "connector Some(\"jdbc\") Some(\"upsert-kafka\")",
            "key.format None Some(\"json\")",
            "value.format None Some(\"json\")",
            "topic None Some(\"b\")",
        ];
        assert_eq!(listed, expected);
    }

    #[rstest]
    #[case::not_wanted(JDBC, Some(false))]
    #[case::only_read(
        "CREATE TABLE c (id INT) WITH ('connector' = 'jdbc', 'url' = 'x'); \
                       CREATE TABLE b (id INT) WITH ('connector' = 'kafka', 'topic' = 'b'); \
                       INSERT INTO b SELECT id FROM c",
        None
    )]
    fn what_has_no_stand_in_stays(#[case] sql: &str, #[case] stand_ins: Option<bool>) {
        let trial = stood_in(sql, stand_ins);
        assert!(trial.pipeline.statements[1].value.contains("jdbc"));
        assert!(trial.stand_ins.is_empty());
    }

    #[test]
    fn what_nothing_needs_is_left_out_where_it_would_be_refused() {
        let sql = "CREATE TABLE c (id INT) WITH ('connector' = 'mysql-cdc', 'hostname' = 'h'); \
                   CREATE TABLE d (id INT) WITH ('connector' = 'print'); \
                   CREATE TABLE b (id INT) WITH ('connector' = 'kafka', 'topic' = 'b'); \
                   INSERT INTO b SELECT id FROM a";
        let trial = stood_in(sql, None);
        let texts: Vec<_> =
            trial.pipeline.statements.iter().map(|text| &text.value[..14]).collect();
        assert_eq!(texts, ["CREATE TABLE a", "CREATE TABLE d", "CREATE TABLE b", "INSERT INTO b "]);
        assert_eq!(trial.stand_ins[0].key, "`c`");
    }
}
