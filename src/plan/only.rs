//! `only`: the part of a pipeline that some of its sinks need.

use std::collections::BTreeSet;

use crate::base::text::Text;
use crate::scenario::pipeline::Pipeline;
use crate::sql::flink::{self, Name, Statement};
use crate::sql::table::alter;
use crate::sql::token::{Language, Token, significant};

/// Leaves out every INSERT that none of these sinks needs, and the sinks it writes.
pub(super) fn keep(pipeline: &mut Pipeline, only: &[String]) {
    if only.is_empty() {
        return;
    }
    let parsed: Vec<_> = pipeline.statements.iter().map(flink::parse).collect();
    let mut needed: BTreeSet<String> = only.iter().cloned().collect();
    loop {
        let before = needed.len();
        for statement in &parsed {
            let writes = statement.inserts().iter().any(|i| is_in(&i.target, &needed));
            if writes {
                let reads = statement.inserts().iter().flat_map(|insert| &insert.reads);
                needed.extend(reads.map(|name| name.table().to_owned()));
                let writes = statement.inserts().iter().map(|insert| &insert.target);
                needed.extend(writes.map(|name| name.table().to_owned()));
            }
            if let Statement::CreateView { name, reads } = statement
                && is_in(name, &needed)
            {
                needed.extend(reads.iter().map(|name| name.table().to_owned()));
            }
        }
        if needed.len() == before {
            break;
        }
    }
    let named = named(pipeline, &parsed, &needed);
    let mut kept = itertools::zip_eq(&pipeline.statements, &parsed)
        .map(|(text, statement)| {
            let inserts = statement.inserts();
            let writes = inserts.iter().any(|insert| is_in(&insert.target, &needed));
            let makes = made(text, statement).is_none_or(|name| named.contains(&name));
            if inserts.is_empty() { makes } else { writes }
        })
        .collect::<Vec<_>>()
        .into_iter();
    pipeline.statements.retain(|_| kept.next().unwrap_or(true));
    pipeline.sinks.retain(|sink, _| needed.contains(sink));
}

/// Every name that stands in an INSERT that stays, and in what makes or changes a table or view of
/// such a name: what bears none of them is not needed, and may be wrong.
fn named(pipeline: &Pipeline, parsed: &[Statement], needed: &BTreeSet<String>) -> BTreeSet<String> {
    let mut names = needed.clone();
    let mut open: Vec<(&Text, &Statement)> =
        itertools::zip_eq(&pipeline.statements, parsed).collect();
    loop {
        let before = open.len();
        open.retain(|(text, statement)| {
            let writes = statement.inserts().iter().any(|i| is_in(&i.target, needed));
            let makes = made(text, statement).is_some_and(|name| names.contains(&name));
            let stays = writes || (makes && statement.inserts().is_empty());
            if stays {
                let tokens = significant(Language::Flink, &text.value);
                names.extend(tokens.iter().filter_map(Token::name));
            }
            !stays
        });
        if open.len() == before {
            return names;
        }
    }
}

/// The table or view that a statement makes or changes.
fn made(text: &Text, statement: &Statement) -> Option<String> {
    match statement {
        Statement::CreateTable(create) => Some(create.name.table().to_owned()),
        Statement::CreateView { name, .. } => Some(name.table().to_owned()),
        _ => alter(text).map(|alter| alter.name.table().to_owned()),
    }
}

fn is_in(name: &Name, names: &BTreeSet<String>) -> bool {
    names.contains(name.table()) || names.contains(&name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::pipeline::{Dialect, Format, Sink};
    use crate::sql::split;

    fn kept(dialect: Dialect, sql: &str, only: &[&str]) -> Vec<String> {
        let statements = split::flink(&Text::whole("p.sql".into(), sql.to_owned())).unwrap();
        let sinks = ["copies", "totals"].map(|sink| (sink.to_owned(), Sink::Unjudged)).into();
        let mut pipeline = Pipeline {
            file: None,
            source: Vec::new(),
            left_out: Vec::new(),
            connectors: Vec::new(),
            outbox: std::collections::BTreeMap::new(),
            topics: std::collections::BTreeMap::new(),
            format: Some(Format::Json),
            dialect,
            statements,
            sinks,
        };
        let only: Vec<_> = only.iter().map(|sink| (*sink).to_owned()).collect();
        keep(&mut pipeline, &only);
        let texts = pipeline.statements.into_iter();
        texts.map(|text| text.value.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn tables_and_views_that_the_sinks_do_not_need_are_left_out() {
        let sql = "SET 'table.local-time-zone' = 'UTC'; CREATE TABLE a (id INT) WITH ('x' = 'y'); \
                   CREATE TABLE broken (id INTT) WITH ('x' = 'y'); \
                   CREATE VIEW refused AS SELECT * FROM nowhere; \
                   CREATE TABLE base (id INT) WITH ('x' = 'y'); \
                   CREATE TABLE copies LIKE base; CREATE TABLE totals (id INT) WITH ('x' = 'y'); \
                   CREATE VIEW v AS SELECT * FROM a; INSERT INTO copies SELECT * FROM v; \
                   INSERT INTO totals SELECT * FROM refused;";
        let expected = [
            "SET 'table.local-time-zone' = 'UTC'",
            "CREATE TABLE a (id INT) WITH ('x' = 'y')",
            "CREATE TABLE base (id INT) WITH ('x' = 'y')",
            "CREATE TABLE copies LIKE base",
            "CREATE VIEW v AS SELECT * FROM a",
            "INSERT INTO copies SELECT * FROM v",
        ];
        assert_eq!(kept(Dialect::Flink, sql, &["copies"]), expected);
        assert_eq!(kept(Dialect::Flink, sql, &[]).len(), 10);
    }

    #[test]
    fn what_alters_a_table_goes_with_it() {
        let sql = "ALTER TABLE `cdc.public.a` SET ('changelog.mode' = 'append'); \
                   ALTER TABLE `cdc.public.b` SET ('changelog.mode' = 'append'); \
                   CREATE TABLE copies AS SELECT id FROM `cdc.public.a`; \
                   CREATE TABLE totals AS SELECT id FROM `cdc.public.b`;";
        let expected = [
            "ALTER TABLE `cdc.public.a` SET ('changelog.mode' = 'append')",
            "CREATE TABLE copies AS SELECT id FROM `cdc.public.a`",
        ];
        assert_eq!(kept(Dialect::Confluent, sql, &["copies"]), expected);
    }
}
