//! The topics of applications in a shadow: every record in a table of changes, and over it, under the
//! topic's own name, a view of the last row of each key.

use std::collections::BTreeMap;

use super::schema::CHANGES;
use crate::client::postgres::{Connection, PostgresError, ident, literal};
use crate::history::event::Cut;
use crate::model::application::{Change, Written, changes, postgres};
use crate::scenario::application::Application;

/// What applications wrote, and how much of it the shadow shows.
#[derive(Debug, Default)]
pub(super) struct Applications {
    topics: BTreeMap<String, Application>,
    written: Vec<Written>,
    /// Changes that are in the tables, by topic.
    shown: BTreeMap<String, usize>,
}

impl Applications {
    /// Makes the tables and views of these topics.
    pub(super) async fn build(
        connection: &Connection,
        topics: &BTreeMap<String, Application>,
    ) -> Result<Self, PostgresError> {
        let sql: Vec<_> = topics.iter().map(|(name, of)| defined(name, of)).collect();
        if !sql.is_empty() {
            connection.run(&sql.join("\n")).await?;
        }
        Ok(Self { topics: topics.clone(), ..Self::default() })
    }

    /// Takes note of records.
    pub(super) fn take(&mut self, written: Vec<Written>) {
        self.written.extend(written);
    }

    /// What was taken note of.
    pub(super) fn written(&self) -> &[Written] {
        &self.written
    }

    /// The statements that show what the tables lack.
    pub(super) fn follow(&mut self) -> Vec<String> {
        let mut sql = Vec::new();
        for (name, of) in &self.topics {
            let all = changes(of, &self.of_topic(name), None);
            let shown = self.shown.insert(name.clone(), all.len()).unwrap_or_default();
            sql.extend(inserted(name, of, &all, shown));
        }
        sql
    }

    /// The statements that make the tables show the records below a cut alone.
    pub(super) fn cut(&self, cut: &Cut) -> Vec<String> {
        let mut sql = Vec::new();
        for (name, of) in self.topics.iter().filter(|(name, _)| cut.0.contains_key(*name)) {
            sql.push(format!("DELETE FROM {}", table(name)));
            sql.extend(inserted(name, of, &changes(of, &self.of_topic(name), Some(cut)), 0));
        }
        sql
    }

    /// Whether `changes.` in a query stands before tables of captured rows too.
    pub(super) fn are_all_changes_of(&self, query: &str) -> bool {
        let query = query.to_lowercase().replace('"', "");
        let mut rest = query.split("changes.").skip(1);
        rest.all(|rest| {
            let is_it = |name: &String| {
                rest.strip_prefix(&name.to_lowercase()).is_some_and(|rest| {
                    !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
                })
            };
            self.topics.keys().any(is_it)
        })
    }

    fn of_topic(&self, name: &str) -> Vec<Written> {
        self.written.iter().filter(|one| one.record.topic == name).cloned().collect()
    }
}

fn table(name: &str) -> String {
    format!("{CHANGES}.{}", ident(name))
}

fn defined(name: &str, of: &Application) -> String {
    let column = |(name, kind): &(String, String)| format!("{} {}", ident(name), postgres(kind));
    let columns: Vec<_> = of.columns.iter().map(column).collect();
    let names: Vec<_> = of.columns.iter().map(|(name, _)| ident(name)).collect();
    let (changes, names) = (table(name), names.join(", "));
    let last = if of.key.is_empty() {
        changes.clone()
    } else {
        let key: Vec<_> = of.key.iter().map(|part| ident(part)).collect();
        let key = key.join(", ");
        format!("(SELECT DISTINCT ON ({key}) * FROM {changes} ORDER BY {key}, _pos DESC) AS last")
    };
    format!(
        "CREATE SCHEMA IF NOT EXISTS {CHANGES};
         CREATE TABLE {changes} ({}, _op text, _pos bigint, _timestamp timestamptz, \
         _partition integer, _offset bigint);
         CREATE VIEW public.{} AS SELECT {names} FROM {last} WHERE _op <> 'd';",
        columns.join(", "),
        ident(name)
    )
}

/// The statement that adds changes from a place on.
fn inserted(name: &str, of: &Application, all: &[Change], from: usize) -> Option<String> {
    let rows = all.iter().enumerate().skip(from).map(|(n, change)| {
        let cells = change.cells.iter().map(|cell| cell.as_deref().map_or("NULL".into(), literal));
        let at = change
            .timestamp
            .map_or("NULL".into(), |at| format!("to_timestamp({at}::numeric / 1000)"));
        let cells = cells.collect::<Vec<_>>().join(", ");
        let Change { op, partition, offset, .. } = change;
        format!("({cells}, '{op}', {}, {at}, {partition}, {offset})", n + 1)
    });
    let rows = rows.collect::<Vec<_>>();
    let names: Vec<_> = of.columns.iter().map(|(name, _)| ident(name)).collect();
    let names = names.join(", ");
    (!rows.is_empty()).then(|| {
        format!(
            "INSERT INTO {} ({names}, _op, _pos, _timestamp, _partition, _offset) VALUES {}",
            table(name),
            rows.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::application::Wire;

    fn topic() -> Application {
        Application {
            text: crate::base::text::Text::whole("p.yaml".into(), String::new()),
            columns: vec![("id".to_owned(), "INT".to_owned())],
            key: vec!["id".to_owned()],
            key_format: Wire::Json,
            value_format: Wire::Json,
            partitions: 1,
        }
    }

    #[test]
    fn a_topic_is_its_changes_and_a_view_of_the_last() {
        insta::assert_snapshot!(defined("shop.clicks", &topic()), @r#"
        CREATE SCHEMA IF NOT EXISTS changes;
                 CREATE TABLE changes."shop.clicks" ("id" integer, _op text, _pos bigint, _timestamp timestamptz, _partition integer, _offset bigint);
                 CREATE VIEW public."shop.clicks" AS SELECT "id" FROM (SELECT DISTINCT ON ("id") * FROM changes."shop.clicks" ORDER BY "id", _pos DESC) AS last WHERE _op <> 'd';
        "#);
    }

    #[test]
    fn a_query_is_over_changes_of_topics_alone_or_not() {
        let topics = [("clicks".to_owned(), topic())].into();
        let all = Applications { topics, ..Applications::default() };
        assert!(all.are_all_changes_of("SELECT id FROM changes.clicks"));
        assert!(all.are_all_changes_of("SELECT id FROM Changes.\"clicks\" c JOIN t USING (id)"));
        assert!(!all.are_all_changes_of("SELECT id FROM changes.clicks_old"));
        assert!(!all.are_all_changes_of("SELECT id FROM changes.clicks, changes.t"));
    }
}
