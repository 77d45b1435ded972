//! Names of tables in statements: `` `environment`.`cluster`.`topic` `` is one table of the session.

use super::captured::ticked;
use crate::base::text::{Span, Text};
use crate::sql::edit::{Edit, splice};
use crate::sql::token::{Language, Token, significant};

/// `text` with environment and cluster taken off the names of these tables, where a table can stand.
pub(super) fn shortened(text: &Text, is_table: impl Fn(&str) -> bool) -> (Text, bool) {
    let tokens = significant(Language::Flink, &text.value);
    let mut edits = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let before = at.checked_sub(1).and_then(|n| tokens.get(n));
        let chain = chain(tokens.get(at..).unwrap_or_default());
        if let [first, .., last] = chain.as_slice()
            && before.is_some_and(opens_a_table)
            && let Some(name) = last.name().filter(|name| is_table(name))
        {
            edits.push(Edit::new(Span::new(first.span.start, last.span.end), ticked(&name)));
        }
        // A chain of n names is 2n - 1 tokens.
        at += chain.len().saturating_mul(2).saturating_sub(1).max(1);
    }
    let changed = !edits.is_empty();
    (splice(text, &edits), changed)
}

/// Whether the statement reads the record's timestamp.
pub(super) fn uses_rowtime(text: &Text) -> bool {
    let tokens = significant(Language::Flink, &text.value);
    tokens.iter().any(|token| token.name().is_some_and(|name| name == "$rowtime"))
}

fn opens_a_table(token: &Token<'_>) -> bool {
    ["FROM", "JOIN", "TABLE", "INTO", "EXISTS", "VIEW"].iter().any(|word| token.is(word))
        || token.is_symbol(",")
}

/// The names joined by dots that the tokens begin with.
fn chain<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t Token<'a>> {
    let mut found = Vec::new();
    let mut rest = tokens;
    while let [name, tail @ ..] = rest {
        if name.name().is_none() {
            break;
        }
        found.push(name);
        match tail {
            [dot, after @ ..] if dot.is_symbol(".") => rest = after,
            _ => break,
        }
    }
    found
}
