//! A query of Flink's said in Postgres' words, where that can be done: piece by piece of its tokens,
//! so that what is the same in both stays as its author wrote it.

mod calls;
mod from;
mod order;
#[cfg(test)]
mod tests;
pub(super) mod types;
mod windows;

use std::collections::BTreeSet;

use super::scene::Scene;
use super::tables::quoted;
use crate::sql::token::{Kind, Token};

/// Why a query cannot be said, as the end of a sentence that begins with "because".
pub(super) type Why = String;

/// Queries that others read by their names: views, and tables that other statements write.
type Named = Vec<(String, String)>;

/// What is known while one query is written.
pub(super) struct Writer<'s, 'a> {
    scene: &'s Scene<'a>,
    /// Queries that must stand in a WITH before it, in their order.
    pub(super) named: Named,
    /// Names that the query's own WITH defines.
    own: Vec<String>,
    /// Names with capital letters, which Postgres would fold.
    cased: BTreeSet<String>,
    /// Tables whose queries are being written, so that a circle ends.
    open: Vec<String>,
    n_aliases: usize,
}

/// Words that end a FROM clause.
const AFTER_FROM: [&str; 12] = [
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
    "SELECT",
];

/// Words before a bracket that call nothing.
const NO_CALL: [&str; 40] = [
    "IN",
    "EXISTS",
    "VALUES",
    "OVER",
    "AND",
    "OR",
    "NOT",
    "FILTER",
    "ON",
    "USING",
    "WHEN",
    "THEN",
    "ELSE",
    "BY",
    "SELECT",
    "WHERE",
    "AS",
    "ANY",
    "ALL",
    "SOME",
    "UNION",
    "HAVING",
    "DISTINCT",
    "LIKE",
    "BETWEEN",
    "FROM",
    "IS",
    "CASE",
    "INTERSECT",
    "EXCEPT",
    "JOIN",
    "WITH",
    "SETS",
    "CUBE",
    "ROLLUP",
    "LIMIT",
    "ARRAY",
    "SET",
    "GROUP",
    "INTO",
];

/// Words that need something which Postgres has not, and what that is.
const FOREIGN: [(&str, &str); 12] = [
    ("MATCH_RECOGNIZE", "it looks for patterns of rows (`MATCH_RECOGNIZE`)"),
    ("SYSTEM_TIME", "it joins what a table was at a time (`FOR SYSTEM_TIME AS OF`)"),
    ("CURRENT_TIMESTAMP", "`CURRENT_TIMESTAMP` is another value at each run"),
    ("LOCALTIMESTAMP", "`LOCALTIMESTAMP` is another value at each run"),
    ("CURRENT_DATE", "`CURRENT_DATE` is another value at each run"),
    ("CURRENT_TIME", "`CURRENT_TIME` is another value at each run"),
    ("LOCALTIME", "`LOCALTIME` is another value at each run"),
    ("CURRENT_ROW_TIMESTAMP", "`CURRENT_ROW_TIMESTAMP` is another value at each run"),
    ("$rowtime", "`$rowtime` is the time of a record, which no table of Postgres holds"),
    ("LATERAL", "it calls a function of tables (`LATERAL`)"),
    ("ML_PREDICT", "it asks a model"),
    ("SEMI", "`SEMI JOIN` has no form in Postgres"),
];

impl<'s, 'a> Writer<'s, 'a> {
    /// For a query whose text has these tokens.
    pub(super) fn new(scene: &'s Scene<'a>, open: Vec<String>) -> Self {
        let (named, own) = (Vec::new(), Vec::new());
        Self { scene, named, own, cased: scene.cased(), open, n_aliases: 0 }
    }

    /// The query that these tokens of `source` are.
    pub(super) fn query(&mut self, source: &str, tokens: &[Token<'_>]) -> Result<String, Why> {
        self.cased.extend(aliases(tokens).filter(|name| has_capital(name)));
        self.own.extend(defined(tokens));
        Ok(self.group(source, tokens, true)?.trim().to_owned())
    }

    /// Tokens between brackets, or all of a text.
    fn group(&mut self, source: &str, tokens: &[Token<'_>], is_query: bool) -> Result<String, Why> {
        let mut text = String::new();
        let (mut at, mut is_from) = (0, false);
        while let Some(token) = tokens.get(at) {
            text += &gap(source, tokens, at);
            if order::begins(tokens, at) {
                let (written, next) = self.order(source, tokens, at)?;
                text += &written;
                (at, is_from) = (next, false);
                continue;
            }
            let opens = is_query && from::opens(tokens, at);
            if opens || is_from && (token.is("JOIN") || token.is_symbol(",")) {
                is_from = true;
                text += token.text;
                text += &gap(source, tokens, at + 1);
                let (written, next) = self.relation(source, tokens, at + 1)?;
                text += &written;
                at = next;
                continue;
            }
            is_from &= !AFTER_FROM.iter().any(|word| token.is(word));
            let (written, next) = self.piece(source, tokens, at)?;
            text += &written;
            at = next;
        }
        Ok(text)
    }

    /// One token, or a call or brackets with all that stands between them.
    fn piece(
        &mut self,
        source: &str,
        tokens: &[Token<'_>],
        at: usize,
    ) -> Result<(String, usize), Why> {
        let Some(token) = tokens.get(at) else { return Ok((String::new(), at)) };
        let name = token.name().unwrap_or_default();
        if let Some((_, why)) = FOREIGN.iter().find(|(word, _)| name.eq_ignore_ascii_case(word)) {
            return Err((*why).to_owned());
        }
        if token.is_symbol("(") {
            let close = close(tokens, at);
            let inner = tokens.get(at + 1..close).unwrap_or_default();
            let is_query = inner.first().is_some_and(|first| is_head(first));
            let written = self.group(source, inner, is_query)?;
            let end = gap(source, tokens, close);
            return Ok((format!("({}{written}{end})", gap(source, tokens, at + 1)), close + 1));
        }
        let calls = tokens.get(at + 1).is_some_and(|next| next.is_symbol("("));
        let is_word = token.kind == Kind::Word && !NO_CALL.iter().any(|word| token.is(word));
        if calls && is_word && !is_list_of_names(tokens, at) {
            let close = close(tokens, at + 1);
            let inner = tokens.get(at + 2..close).unwrap_or_default();
            return Ok((self.call(source, &token.text.to_uppercase(), inner)?, close + 1));
        }
        if token.is("INTERVAL")
            && let Some((written, next)) = windows::interval(tokens, at)
        {
            return Ok((written, next));
        }
        Ok((self.word(token), at + 1))
    }

    /// A name as Postgres must have it; everything else as it is.
    fn word(&self, token: &Token<'_>) -> String {
        match token.kind {
            Kind::Name => quoted(&token.name().unwrap_or_default()),
            Kind::Word if self.cased.contains(token.text) => quoted(token.text),
            _ => token.text.to_owned(),
        }
    }

    /// An alias that nothing else has.
    fn alias(&mut self) -> String {
        self.n_aliases += 1;
        format!("q{}", self.n_aliases)
    }
}

fn is_head(token: &Token<'_>) -> bool {
    ["SELECT", "WITH", "VALUES"].iter().any(|word| token.is(word))
}

fn has_capital(name: &str) -> bool {
    name.chars().any(char::is_uppercase)
}

/// `name (a, b) AS (` of a WITH, and `AS name (a, b)` of a FROM.
fn is_list_of_names(tokens: &[Token<'_>], at: usize) -> bool {
    let end = close(tokens, at + 1);
    let after = |n: usize| tokens.get(end + n);
    let defines = after(1).is_some_and(|token| token.is("AS"))
        && after(2).is_some_and(|token| token.is_symbol("("));
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    defines || before.is_some_and(|token| token.is("AS"))
}

/// The place of the bracket that closes the one at `open`; the end where none does.
fn close(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at;
            }
        }
    }
    tokens.len()
}

/// The parts between the commas outside of brackets.
pub(super) fn parts<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let (mut depth, mut start, mut found) = (0_usize, 0, Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        if token.is_symbol("(") || token.is_symbol("[") {
            depth += 1;
        } else if token.is_symbol(")") || token.is_symbol("]") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is_symbol(",") {
            found.extend(tokens.get(start..at));
            start = at + 1;
        }
    }
    found.extend(tokens.get(start..).filter(|last| !last.is_empty() || start > 0));
    found
}

/// What stands between a token and the one before it, without comments.
fn gap(source: &str, tokens: &[Token<'_>], at: usize) -> String {
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    let (Some(before), Some(token)) = (before, tokens.get(at)) else { return String::new() };
    let between = source.get(before.span.end..token.span.start).unwrap_or_default();
    match between.rsplit_once('\n') {
        _ if between.is_empty() => String::new(),
        Some((_, indent)) => {
            let indent: String = indent.chars().take_while(|c| c.is_whitespace()).collect();
            format!("\n{indent}")
        }
        None => " ".to_owned(),
    }
}

/// Names behind AS.
fn aliases<'t>(tokens: &'t [Token<'_>]) -> impl Iterator<Item = String> + 't {
    tokens.windows(2).filter_map(|two| match two {
        [word, name] if word.is("AS") => name.name(),
        _ => None,
    })
}

/// Names that a WITH defines: before `AS (`, with a list of columns or without.
fn defined<'t>(tokens: &'t [Token<'_>]) -> impl Iterator<Item = String> + 't {
    tokens.iter().enumerate().filter_map(|(at, token)| {
        let name = token.name()?;
        let begins = at.checked_sub(1).and_then(|at| tokens.get(at));
        let begins = begins.is_some_and(|token| token.is("WITH") || token.is_symbol(","));
        let next = tokens.get(at + 1)?;
        let after = if next.is_symbol("(") { close(tokens, at + 1) + 1 } else { at + 1 };
        let is_defined = tokens.get(after)?.is("AS") && tokens.get(after + 1)?.is_symbol("(");
        (begins && is_defined).then_some(name)
    })
}
