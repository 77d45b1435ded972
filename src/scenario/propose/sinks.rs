//! The reference query of a sink, where its statement can be said in Postgres' words.

use super::tables::{Table, quoted};
use crate::base::text::{Span, Text};
use crate::sql::edit::{Edit, splice};
use crate::sql::flink::{CreateTable, Insert};
use crate::sql::token::{Kind, Language, Token, tokens};

/// Functions and words in parentheses that mean the same to both.
const PORTABLE: [&str; 14] = [
    "COUNT", "SUM", "MIN", "MAX", "COALESCE", "UPPER", "LOWER", "ABS", "IN", "AND", "OR", "NOT",
    "VALUES", "NULLIF",
];

/// The statement's query over the source tables; the error says why there is none, as the end of a
/// sentence.
pub(super) fn reference(
    statement: &Text,
    insert: &Insert,
    tables: &[Table],
    creates: &[&CreateTable],
) -> Result<String, String> {
    let sink = creates.iter().find(|table| table.name.table() == insert.target.table());
    let sink = sink.ok_or("its CREATE TABLE was not found")?;
    let query = query(statement, insert).ok_or("its query was not found")?;
    let mut edits = Vec::new();
    for name in &insert.reads {
        if read(name.table(), creates, tables).is_none() {
            return Err(format!(
                "it reads `{}`, which is no plain changelog of a source table",
                name.table()
            ));
        }
    }
    let all = tokens(Language::Flink, &query.value);
    let significant: Vec<&Token<'_>> = all.iter().filter(|token| token.is_significant()).collect();
    for (n, token) in significant.iter().enumerate() {
        let is_call = token.kind == Kind::Word
            && significant.get(n + 1).is_some_and(|next| next.is_symbol("("));
        if is_call && !PORTABLE.iter().any(|word| token.is(word)) {
            return Err(format!("it calls `{}`", token.text));
        }
        let foreign =
            ["OVER", "TABLE", "LATERAL", "TEMPORAL", "DESCRIPTOR", "INTERVAL", "STATEMENT", "CAST"];
        if foreign.iter().any(|word| token.is(word)) {
            return Err(format!("it uses `{}`", token.text));
        }
        let of = token.name().and_then(|name| read(&name, creates, tables));
        let after = n.checked_sub(1).and_then(|n| significant.get(n));
        let is_table = after
            .is_some_and(|before| before.is("FROM") || before.is("JOIN") || before.is_symbol(","));
        if let (Some(of), true) = (of, is_table) {
            let table = quoted(&of.name);
            let written = token.name().unwrap_or_default();
            let alias = if of.name == written {
                String::new()
            } else {
                format!(" AS {}", quoted(&written))
            };
            edits.push(Edit::new(token.span, format!("{table}{alias}")));
        } else if token.kind == Kind::Name && token.text.starts_with('`') {
            edits.push(Edit::new(token.span, quoted(&token.name().unwrap_or_default())));
        }
    }
    let query = if edits.is_empty() { query } else { splice(&query, &edits) };
    let columns: Vec<String> = sink
        .columns
        .iter()
        .filter(|column| column.is_written())
        .map(|column| quoted(&column.name))
        .collect();
    Ok(format!("SELECT * FROM (\n  {}\n) AS q ({})\n", query.value.trim(), columns.join(", ")))
}

/// The source table that a Flink table of this name gives as it is; one that no statement creates is
/// inferred from the topic that bears its name.
fn read<'t>(name: &str, creates: &[&CreateTable], tables: &'t [Table]) -> Option<&'t Table> {
    match creates.iter().find(|table| table.name.table() == name) {
        Some(table) => source(table, tables),
        None => tables.iter().find(|table| table.prefix_of(name).is_some()),
    }
}

/// The source table that a Flink table gives as it is: a changelog, or rows by key.
fn source<'t>(table: &CreateTable, tables: &'t [Table]) -> Option<&'t Table> {
    let with = table.with.as_ref()?;
    let format = with.get("format").or_else(|| with.get("value.format"))?;
    if !format.starts_with("debezium") {
        return None;
    }
    let topic = with.get("topic")?;
    tables.iter().find(|source| source.prefix_of(topic).is_some())
}

/// What an INSERT selects. A list of the columns it writes is not read.
fn query(statement: &Text, insert: &Insert) -> Option<Text> {
    let all = tokens(Language::Flink, &statement.value);
    let after = all
        .iter()
        .filter(|token| token.is_significant() && token.span.start >= insert.target.span.end);
    let first = after.clone().next()?;
    if !(first.is("SELECT") || first.is("WITH")) {
        return None;
    }
    Some(statement.slice(Span::new(first.span.start, insert.span.end)))
}
