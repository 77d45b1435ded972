//! `settings.statements`: statements that take the place of the pipeline's.

use super::Reader;
use crate::base::text::Text;
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::pipeline::Pipeline;
use crate::sql::flink::{self, Statement};

/// What makes two statements the same one: its kind and what it creates, writes or sets.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    Table(String),
    View(String),
    Insert(String),
    Model(String),
    Catalog(String),
    Database(String),
    Set(Vec<String>),
    Option(String),
}

fn identity(statement: &Text) -> Option<Identity> {
    match flink::parse(statement) {
        Statement::CreateTable(table) => Some(Identity::Table(table.name.to_string())),
        Statement::CreateView { name, .. } => Some(Identity::View(name.to_string())),
        Statement::Insert(insert) => Some(Identity::Insert(insert.target.to_string())),
        Statement::StatementSet(inserts) => {
            let mut targets: Vec<String> = inserts.iter().map(|i| i.target.to_string()).collect();
            targets.sort();
            Some(Identity::Set(targets))
        }
        Statement::Set { key, .. } => Some(Identity::Option(key)),
        Statement::CreateModel(model) => Some(Identity::Model(model.name.to_string())),
        Statement::CreateCatalog(catalog) => Some(Identity::Catalog(catalog.name.to_string())),
        Statement::CreateDatabase(database) => Some(Identity::Database(database.name.to_string())),
        Statement::Reset(_) | Statement::UseCatalog(_) | Statement::Use(_) | Statement::Other => {
            None
        }
    }
}

/// `statements` with each of `overrides` in the place of the one with the same kind and target; the
/// rest stands before the first INSERT.
pub(crate) fn overridden(statements: &[Text], overrides: &[Text]) -> Vec<Text> {
    let mut result = statements.to_vec();
    let mut rest = Vec::new();
    for new in overrides {
        let wanted = identity(new);
        let found = result.iter_mut().find(|old| wanted.is_some() && identity(old) == wanted);
        match found {
            Some(old) => *old = new.clone(),
            None => rest.push(new.clone()),
        }
    }
    let insert = result.iter().position(|old| !flink::parse(old).inserts().is_empty());
    let at = insert.unwrap_or(result.len());
    result.splice(at..at, rest);
    result
}

impl Reader<'_> {
    /// What is wrong with overrides only in the light of the pipeline's statements.
    pub(super) fn check_overrides(&mut self, pipeline: &Pipeline, overrides: &[Text]) {
        for new in overrides {
            let replaces = pipeline.statements.iter().any(|old| identity(old) == identity(new));
            if replaces {
                continue;
            }
            for insert in flink::parse(new).inserts() {
                let writes = |old: &&Text| {
                    flink::parse(old)
                        .inserts()
                        .iter()
                        .any(|i| i.target.parts == insert.target.parts)
                };
                let Some(old) = pipeline.statements.iter().find(writes) else { continue };
                let place = old.place(0);
                let message = format!("`{}` would be written twice", insert.target);
                let help = format!(
                    "the pipeline writes it in a statement with other targets ({place}): override \
                     that statement as a whole"
                );
                let at = At::of(new, insert.target.span);
                self.error(Code::Override, &at, message).help(help);
            }
        }
        let sinks: Vec<&str> = pipeline.sinks.keys().map(String::as_str).collect();
        self.check_targets(overrides, &sinks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_kind_and_target_are_replaced_and_the_rest_comes_before_the_first_insert() {
        let texts = |sql: &[&str]| -> Vec<Text> {
            sql.iter().map(|sql| Text::whole("a.sql".into(), (*sql).to_owned())).collect()
        };
        let base =
            texts(&["CREATE TABLE a (x INT)", "INSERT INTO a SELECT 1", "INSERT INTO b SELECT 2"]);
        let overrides = texts(&["CREATE VIEW a AS SELECT 3", "INSERT INTO b SELECT 4"]);
        let values: Vec<String> =
            overridden(&base, &overrides).into_iter().map(|text| text.value).collect();
        assert_eq!(
            values,
            [
                "CREATE TABLE a (x INT)",
                "CREATE VIEW a AS SELECT 3",
                "INSERT INTO a SELECT 1",
                "INSERT INTO b SELECT 4",
            ]
        );
    }
}
