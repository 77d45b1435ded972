//! The source tables as the records of their topics show them.

use crate::base::text::Text;
use crate::model::lists::{listed, of_table};
use crate::model::routes::Routes;
use crate::scenario::settings::Options;
use crate::sql::changed::{Change, change};
use crate::sql::columns::{Column, Definition, definition};
use crate::sql::postgres::created_table;

/// One source table.
#[derive(Debug, Clone)]
pub(super) struct Capture {
    pub(super) schema: String,
    pub(super) name: String,
    /// The topic of its records; `None` if the options do not tell.
    pub(super) topic: Option<String>,
    /// Its columns, the generated ones left out.
    pub(super) columns: Vec<Column>,
    /// Its generated columns.
    pub(super) generated: Vec<String>,
    /// The columns of its primary key.
    pub(super) key: Vec<String>,
    /// Its text shows all its columns, at every time of the scenario.
    pub(super) is_whole: bool,
}

impl Capture {
    /// All that the DDL creates; `later` is what changes it while it runs.
    pub(super) fn all(ddl: &[Text], later: &[&Text], connectors: &[Options]) -> Vec<Self> {
        let routes: Vec<_> = connectors.iter().map(|options| Routes::of(options).ok()).collect();
        let topic = |schema: &str, name: &str| {
            let nth = of_table(connectors, schema, name)?;
            routes.get(nth)?.as_ref().map(|routes| routes.table(schema, name))
        };
        let mut found: Vec<Self> = Vec::new();
        for statement in ddl.iter().chain(later.iter().copied()) {
            let at = |found: &mut Vec<Self>, schema: &str, name: &str| {
                found.iter().position(|one| one.schema == schema && one.name == name)
            };
            match definition(statement) {
                Some(Definition::Table { schema, name, columns, generated, is_partial }) => {
                    let key = created_table(statement).map(|t| t.primary_key).unwrap_or_default();
                    let topic = topic(&schema, &name);
                    let is_whole = !is_partial;
                    found.push(Self { schema, name, topic, columns, generated, key, is_whole });
                }
                Some(Definition::Added { schema, name, column }) => {
                    if let Some(table) =
                        at(&mut found, &schema, &name).and_then(|n| found.get_mut(n))
                    {
                        table.columns.push(column);
                    }
                }
                Some(Definition::Enum(_) | Definition::Domain(..)) | None => {}
            }
            if let Some((schema, name, change)) = change(statement)
                && let Some(table) = at(&mut found, &schema, &name).and_then(|n| found.get_mut(n))
            {
                match change {
                    Change::Key(key) => table.key = key,
                    Change::Other => table.is_whole = false,
                }
            }
        }
        found
    }

    /// `schema.table`.
    pub(super) fn full(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The option by which the connector leaves a column out of the values of its records.
    pub(super) fn filter(&self, column: &str, options: &Options) -> Option<&'static str> {
        let full = format!("{}.{column}", self.full());
        let is_listed = |option: &str| {
            let list =
                options.get(option).map(|list| list.trim()).filter(|list| !list.is_empty())?;
            listed(list, &full)
        };
        if is_listed("column.exclude.list") == Some(true) {
            return Some("column.exclude.list");
        }
        (is_listed("column.include.list") == Some(false)).then_some("column.include.list")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_later_is_known() {
        let text = |sql: &str| Text::whole("a.sql".into(), sql.to_owned());
        let ddl = [
            text("CREATE TABLE t (a int, b int, c int GENERATED ALWAYS AS (a) STORED)"),
            text("ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY (b)"),
            text("CREATE TABLE u (a int PRIMARY KEY)"),
        ];
        let later = [text("ALTER TABLE t ADD d text"), text("ALTER TABLE u RENAME a TO b")];
        let later: Vec<&Text> = later.iter().collect();
        let found = Capture::all(&ddl, &later, &[Options::new()]);
        let names: Vec<&str> = found[0].columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!((names, found[0].key.clone()), (vec!["a", "b", "d"], vec!["b".to_owned()]));
        assert_eq!(found[0].generated, ["c"]);
        assert_eq!(found[0].topic.as_deref(), Some("cdc.public.t"));
        assert!(found[0].is_whole && !found[1].is_whole);
    }
}
