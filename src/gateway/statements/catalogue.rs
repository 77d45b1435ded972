//! The tables and views that statements have made, and what a statement becomes over them.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::diagnostic::Diagnostic;
use crate::base::text::{Span, Text};
use crate::dialect::{self, Described, World};
use crate::scenario::settings::Options;
use crate::sql::edit::{Edit, splice};
use crate::sql::flink::{self, Name, Statement};
use crate::sql::table::{alter, parts};
use crate::sql::token::{Language, significant};

/// What a statement did to the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Table,
    View,
    Change,
}

/// One statement that has changed it.
#[derive(Debug, Clone)]
struct Entry {
    name: String,
    made: Made,
    text: Text,
    reads: Vec<String>,
}

/// All of them, in order.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Catalogue(Vec<Entry>);

/// What is known of a connector whose topics are tables.
#[derive(Debug, Clone, Default)]
pub(in crate::gateway) struct Source {
    /// Its options, those of the managed connector mapped.
    pub(in crate::gateway) options: Options,
    /// The DDL of the database that it reads.
    pub(in crate::gateway) ddl: Vec<Text>,
    /// Options of its topics that differ from the brokers', by table.
    pub(in crate::gateway) topics: BTreeMap<String, Options>,
}

impl Source {
    /// The topics that it writes.
    pub(in crate::gateway) fn topic_names(&self) -> Vec<String> {
        let none = (BTreeMap::new(), BTreeMap::new());
        dialect::topics(&self.world(&none.0, &none.1))
    }

    fn world<'a>(
        &'a self,
        applications: &'a BTreeMap<String, crate::scenario::application::Application>,
        tables: &'a BTreeMap<String, Options>,
    ) -> World<'a> {
        World {
            source: &self.ddl,
            connectors: std::slice::from_ref(&self.options),
            topics: &self.topics,
            applications,
            tables,
            registry: true,
        }
    }
}

/// All that is wrong, in sentences.
fn told(wrong: Vec<Diagnostic>) -> String {
    let one = |one: Diagnostic| match one.help {
        Some(help) => format!("{}; {help}", one.message),
        None => one.message,
    };
    wrong.into_iter().map(one).collect::<Vec<_>>().join(". ")
}

/// The tables and views that a statement names.
pub(super) fn names(text: &Text) -> Vec<String> {
    let table = |name: &Name| name.table().to_owned();
    if let Some(alter) = alter(text) {
        return vec![table(&alter.name)];
    }
    match flink::parse(text) {
        Statement::CreateView { reads, .. } => reads.iter().map(table).collect(),
        Statement::CreateTable(create) => {
            let own = create.writes.iter().flat_map(|insert| insert.reads.iter());
            own.chain(&create.like).map(table).collect()
        }
        other => {
            let inserts = other.inserts().iter();
            inserts.flat_map(|i| i.reads.iter().chain([&i.target])).map(table).collect()
        }
    }
}

impl Catalogue {
    /// Whether a statement has made this table or view.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|entry| entry.name == name && entry.made != Made::Change)
    }

    /// The names of tables, or of views, that statements have made.
    pub(in crate::gateway) fn made(&self, views: bool) -> BTreeSet<String> {
        let kind = if views { Made::View } else { Made::Table };
        let made = self.0.iter().filter(|entry| entry.made == kind);
        made.map(|entry| entry.name.clone()).collect()
    }

    /// Remembers a `CREATE TABLE`, `CREATE VIEW` or `ALTER TABLE`.
    pub(super) fn add(&mut self, text: &Text) {
        let reads = names(text);
        let entry = match (alter(text), flink::parse(text)) {
            (Some(alter), _) => (alter.name.table().to_owned(), Made::Change),
            (None, Statement::CreateView { name, .. }) => (name.table().to_owned(), Made::View),
            (None, Statement::CreateTable(create)) => (create.name.table().to_owned(), Made::Table),
            (None, _) => return,
        };
        let (name, made) = entry;
        self.0.push(Entry { name, made, text: text.clone(), reads });
    }

    /// Forgets a table whose topic is gone.
    pub(in crate::gateway) fn forget_topic(&mut self, name: &str) {
        self.forget(name);
    }

    /// Forgets a table or view, with every change of it.
    pub(super) fn forget(&mut self, name: &str) {
        self.0.retain(|entry| entry.name != name);
    }

    /// Everything that these names stand on, themselves included.
    pub(in crate::gateway) fn behind(&self, names: &[String]) -> BTreeSet<String> {
        let mut open = names.to_vec();
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            if seen.insert(name.clone()) {
                let entries = self.0.iter().filter(|entry| entry.name == name);
                open.extend(entries.flat_map(|entry| entry.reads.clone()));
            }
        }
        seen
    }

    fn before(&self, names: &[String]) -> Vec<Text> {
        let behind = self.behind(names);
        let entries = self.0.iter().filter(|entry| behind.contains(&entry.name));
        entries.map(|entry| entry.text.clone()).collect()
    }

    /// The open-source statements that a statement becomes, with those that make what it names; the
    /// error says why it becomes nothing.
    pub(super) fn translated(&self, text: &Text, source: &Source) -> Result<Vec<Text>, String> {
        let mut statements = self.before(&names(text));
        statements.push(text.clone());
        let (applications, tables) = (BTreeMap::new(), BTreeMap::new());
        let world = source.world(&applications, &tables);
        let translation = dialect::translate(&statements, &world).map_err(told)?;
        Ok(translation.texts().cloned().collect())
    }

    /// A table in both forms, with `text` behind what has been made so far.
    pub(super) fn described(
        &self,
        name: &str,
        text: Option<&Text>,
        source: &Source,
    ) -> Result<Described, String> {
        let mut named = vec![name.to_owned()];
        named.extend(text.iter().flat_map(|text| names(text)));
        let mut statements = self.before(&named);
        statements.extend(text.cloned());
        let (applications, tables) = (BTreeMap::new(), BTreeMap::new());
        dialect::described(name, &statements, &source.world(&applications, &tables)).map_err(told)
    }
}

/// `CREATE TABLE … AS query` in two: the query, and what makes the table once its columns are known.
pub(super) struct Parted {
    text: Text,
    /// The query behind `AS`.
    pub(super) query: String,
}

impl Parted {
    /// `None` where the statement is no such one.
    pub(super) fn of(text: &Text) -> Option<Self> {
        let tail = parts(text)?.tail.filter(|tail| tail.is_query)?;
        let words = text.value.get(tail.span.start..tail.span.end)?;
        let first = significant(Language::Flink, words).into_iter().find(|token| token.is("AS"))?;
        let query = words.get(first.span.end..)?.trim().to_owned();
        Some(Self { text: text.clone(), query })
    }

    /// The `CREATE TABLE` with these columns, each as SQL declares it.
    pub(super) fn create(&self, columns: &[String]) -> Text {
        let Some(parts) = parts(&self.text) else { return self.text.clone() };
        let all = columns.join(", ");
        let mut edits = Vec::new();
        match &parts.list {
            Some(list) if list.items.is_empty() => {
                edits.push(Edit::new(Span::new(list.open.end, list.open.end), all));
            }
            Some(list) => {
                edits.push(Edit::new(Span::new(list.open.end, list.open.end), format!("{all}, ")));
            }
            None => {
                let end = parts.name.span.end;
                edits.push(Edit::new(Span::new(end, end), format!(" ({all})")));
            }
        }
        edits.extend(parts.tail.map(|tail| Edit::new(tail.span, "")));
        edits.sort_by_key(|edit| edit.span);
        splice(&self.text, &edits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(sql: &str) -> Text {
        Text::whole("statement".into(), sql.to_owned())
    }

    fn translated(made: &[&str], sql: &str) -> Result<Vec<String>, String> {
        let mut catalogue = Catalogue::default();
        for one in made {
            catalogue.add(&text(one));
        }
        let all = catalogue.translated(&text(sql), &Source::default())?;
        Ok(all.into_iter().map(|text| text.value).collect())
    }

    const A: &str = "CREATE TABLE a (id INT, PRIMARY KEY (id) NOT ENFORCED)";

    #[test]
    fn a_statement_brings_what_it_names_and_no_more() {
        let made = [A, "CREATE TABLE b (x INT)", "CREATE VIEW v AS SELECT id FROM a"];
        let all = translated(&made, "INSERT INTO a SELECT id + 1 FROM v").unwrap();
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(all.iter().all(|sql| !sql.contains("TABLE b")), "{all:?}");
        // As in the cloud, a format that nobody wrote is Avro.
        assert!(all[0].contains("'value.format' = 'avro-confluent'"), "{}", all[0]);
    }

    #[test]
    fn a_table_that_is_gone_is_unknown() {
        let mut catalogue = Catalogue::default();
        catalogue.add(&text(A));
        catalogue.add(&text("ALTER TABLE a SET ('scan.startup.mode' = 'latest-offset')"));
        assert!(catalogue.has("a"));
        catalogue.forget("a");
        let insert = text("INSERT INTO a SELECT 1");
        let refused = catalogue.translated(&insert, &Source::default()).unwrap_err();
        assert!(refused.contains("`a`"), "{refused}");
    }

    #[test]
    fn a_table_of_a_query_gets_its_columns() {
        let all = [
            ("CREATE TABLE t AS SELECT 1 AS x", "CREATE TABLE t (`x` INT NOT NULL) "),
            (
                "CREATE TABLE t (PRIMARY KEY (x) NOT ENFORCED) WITH ('k'='v') AS SELECT 1 AS x",
                "CREATE TABLE t (`x` INT NOT NULL, PRIMARY KEY (x) NOT ENFORCED) WITH ('k'='v') ",
            ),
        ];
        for (sql, expected) in all {
            let parted = Parted::of(&text(sql)).unwrap();
            assert_eq!(parted.query, "SELECT 1 AS x");
            assert_eq!(parted.create(&["`x` INT NOT NULL".to_owned()]).value, expected);
        }
        assert!(Parted::of(&text(A)).is_none());
    }
}
