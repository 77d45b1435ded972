//! FROM and JOIN: what stands in Postgres behind the tables that a query reads.

use super::{Why, Writer, close, gap, is_head, parts};
use crate::propose::scene::Read;
use crate::propose::tables::quoted;
use crate::sql::token::{Kind, Token};

/// Words that may follow a table and are no alias of it.
const NO_ALIAS: [&str; 32] = [
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "WINDOW",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "ON",
    "USING",
    "JOIN",
    "LEFT",
    "RIGHT",
    "FULL",
    "INNER",
    "CROSS",
    "NATURAL",
    "FOR",
    "MATCH_RECOGNIZE",
    "SEMI",
    "ANTI",
    "AND",
    "OR",
    "SELECT",
    "END",
    "TABLESAMPLE",
    "PARTITION",
    "SET",
    "AS",
];

/// Whether a FROM clause opens here: not of `IS DISTINCT FROM`.
pub(super) fn opens(tokens: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    tokens.get(at).is_some_and(|token| token.is("FROM"))
        && !before.is_some_and(|token| token.is("DISTINCT"))
}

impl Writer<'_, '_> {
    /// The table, query or function at `at` with its alias, and where it ends.
    pub(super) fn relation(
        &mut self,
        source: &str,
        tokens: &[Token<'_>],
        at: usize,
    ) -> Result<(String, usize), Why> {
        let Some(first) = tokens.get(at) else { return Ok((String::new(), at)) };
        if first.is_symbol("(") {
            let end = close(tokens, at);
            let inner = tokens.get(at + 1..end).unwrap_or_default();
            let is_query = inner.first().is_some_and(is_head);
            if !is_query {
                // Joins in brackets.
                let (head, next) = self.relation(source, inner, 0)?;
                let rest = self.joined(source, inner, next)?;
                return Ok((format!("({head}{rest})"), end + 1));
            }
            let written = self.group(source, inner, true)?;
            let (open, last) = (gap(source, tokens, at + 1), gap(source, tokens, end));
            let (alias, next) = self.named_as(tokens, end + 1);
            let alias = alias.unwrap_or_else(|| self.alias());
            return Ok((format!("({open}{written}{last}) AS {alias}"), next));
        }
        if let Some((written, next)) = self.windowed(source, tokens, at)? {
            let (alias, next) = self.named_as(tokens, next);
            let alias = alias.unwrap_or_else(|| self.alias());
            return Ok((format!("{written} AS {alias}"), next));
        }
        if tokens.get(at + 1).is_some_and(|next| next.is_symbol("(")) {
            if !first.is("UNNEST") {
                return Err(format!("it reads the function `{}` as a table", first.text));
            }
            let (written, next) = self.piece(source, tokens, at)?;
            let (alias, next) = self.named_as(tokens, next);
            let alias = alias.unwrap_or_else(|| self.alias());
            return Ok((format!("{written} AS {alias}"), next));
        }
        let (name, next) = name(tokens, at).ok_or("its FROM cannot be read")?;
        let table = self.table(&name)?;
        let (alias, next) = self.named_as(tokens, next);
        let last = quoted(name.last().map_or("", String::as_str));
        Ok((
            match alias {
                Some(alias) => format!("{table} AS {alias}"),
                None if table == last => table,
                None => format!("{table} AS {last}"),
            },
            next,
        ))
    }

    /// The rest of a FROM clause that stands in brackets.
    fn joined(&mut self, source: &str, tokens: &[Token<'_>], from: usize) -> Result<String, Why> {
        let (mut text, mut at) = (String::new(), from);
        while let Some(token) = tokens.get(at) {
            text += &gap(source, tokens, at);
            if token.is("JOIN") || token.is_symbol(",") {
                let (written, next) = self.relation(source, tokens, at + 1)?;
                text += &format!("{} {written}", token.text);
                at = next;
            } else {
                let (written, next) = self.piece(source, tokens, at)?;
                text += &written;
                at = next;
            }
        }
        Ok(text)
    }

    /// What stands behind a table or view of Flink's.
    pub(super) fn table(&mut self, name: &[String]) -> Result<String, Why> {
        let last = name.last().map_or("", String::as_str);
        if name.len() == 1 && self.own.iter().any(|own| own == last) {
            return Ok(quoted(last));
        }
        match self.scene.read(last)? {
            Read::Source(sql) => Ok(sql),
            Read::Named => {
                self.define(last)?;
                Ok(quoted(last))
            }
        }
    }

    /// The query of a view, or of the statements that write a table, before the query itself.
    fn define(&mut self, name: &str) -> Result<(), Why> {
        if self.named.iter().any(|(known, _)| known == name) {
            return Ok(());
        }
        if self.open.iter().any(|open| open == name) {
            return Err(format!("`{name}` reads itself"));
        }
        let mut open = self.open.clone();
        open.push(name.to_owned());
        let mut inner = Writer::new(self.scene, open);
        let sql = self.scene.definition(name, &mut inner)?;
        for (name, sql) in inner.named {
            if !self.named.iter().any(|(known, _)| *known == name) {
                self.named.push((name, sql));
            }
        }
        self.named.push((name.to_owned(), sql));
        Ok(())
    }

    /// An alias with its columns, and where it ends.
    fn named_as(&self, tokens: &[Token<'_>], at: usize) -> (Option<String>, usize) {
        let says = tokens.get(at).is_some_and(|token| token.is("AS"));
        let place = if says { at + 1 } else { at };
        let is_alias = |token: &&Token<'_>| match token.kind {
            Kind::Name => true,
            Kind::Word => says || !NO_ALIAS.iter().any(|word| token.is(word)),
            _ => false,
        };
        let Some(alias) = tokens.get(place).filter(is_alias) else { return (None, at) };
        let written = self.word(alias);
        if !tokens.get(place + 1).is_some_and(|next| next.is_symbol("(")) {
            return (Some(written), place + 1);
        }
        let end = close(tokens, place + 1);
        let list = tokens.get(place + 2..end).unwrap_or_default();
        let columns: Vec<String> =
            parts(list).iter().filter_map(|part| Some(self.word(part.first()?))).collect();
        (Some(format!("{written} ({})", columns.join(", "))), end + 1)
    }
}

/// A name of one to three parts, and where it ends.
fn name(tokens: &[Token<'_>], at: usize) -> Option<(Vec<String>, usize)> {
    let mut parts = vec![tokens.get(at)?.name()?];
    let mut next = at + 1;
    while tokens.get(next).is_some_and(|dot| dot.is_symbol(".")) {
        parts.push(tokens.get(next + 1)?.name()?);
        next += 2;
    }
    Some((parts, next))
}
