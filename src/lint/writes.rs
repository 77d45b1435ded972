//! What a Postgres statement writes, as far as its tokens show.

use crate::base::text::{Span, Text};
use crate::sql::token::{Language, Token, significant};

/// What is done to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// `INSERT`, `COPY`, `MERGE`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Write<'a> {
    pub(super) text: &'a Text,
    pub(super) does: Does,
    /// The table, without its schema.
    pub(super) table: String,
    /// Of an UPDATE: the columns it sets, each with its place in the text.
    pub(super) sets: Vec<(String, Span)>,
    /// The keyword.
    pub(super) span: Span,
}

/// The writes of one statement.
pub(super) fn writes(text: &Text) -> Vec<Write<'_>> {
    let tokens = significant(Language::Postgres, &text.value);
    let mut found = Vec::new();
    for (n, token) in tokens.iter().enumerate() {
        let rest = tokens.get(n + 1..).unwrap_or_default();
        // `FOR UPDATE`, `DO UPDATE` and `ON DELETE` write nothing of their own.
        let before = n.checked_sub(1).and_then(|n| tokens.get(n));
        if before.is_some_and(|t| ["FOR", "DO", "ON", "NO", "KEY"].iter().any(|word| t.is(word))) {
            continue;
        }
        let (does, skipped) = match rest {
            [into, ..] if (token.is("INSERT") || token.is("MERGE")) && into.is("INTO") => {
                (Does::Insert, 1)
            }
            [from, ..] if token.is("DELETE") && from.is("FROM") => (Does::Delete, 1),
            _ if token.is("COPY") && n == 0 => (Does::Insert, 0),
            _ if token.is("UPDATE") => (Does::Update, 0),
            _ => continue,
        };
        let only = rest.get(skipped).is_some_and(|token| token.is("ONLY"));
        let Some((table, rest)) = name(rest.get(skipped + usize::from(only)..).unwrap_or_default())
        else {
            continue;
        };
        let sets = if does == Does::Update { sets(rest) } else { Vec::new() };
        found.push(Write { text, does, table, sets, span: token.span });
    }
    found
}

fn name<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(String, &'t [Token<'a>])> {
    match tokens {
        [_, dot, name, rest @ ..] if dot.is_symbol(".") => Some((name.name()?, rest)),
        [name, rest @ ..] => Some((name.name()?, rest)),
        [] => None,
    }
}

/// The columns between SET and WHERE, FROM or the end.
fn sets(tokens: &[Token<'_>]) -> Vec<(String, Span)> {
    let Some(start) = tokens.iter().position(|token| token.is("SET")) else { return Vec::new() };
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for pair in tokens.get(start..).unwrap_or_default().windows(2) {
        let [before, token] = pair else { continue };
        if before.is_symbol("(") {
            depth += 1;
        } else if before.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 && (token.is("WHERE") || token.is("FROM") || token.is("RETURNING")) {
            break;
        }
        if depth == 0 && (before.is("SET") || before.is_symbol(",")) {
            found.extend(token.name().map(|name| (name.to_lowercase(), token.span)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("UPDATE a.t SET x = 1, y = f(2, z) WHERE q = 3", &[("t", Does::Update, "x y")])]
    #[case("DELETE FROM ONLY t", &[("t", Does::Delete, "")])]
    #[case("INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET x = 1", &[("t", Does::Insert, "")])]
    #[case("SELECT * FROM t FOR UPDATE", &[])]
    #[case("WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM gone",
        &[("a", Does::Delete, ""), ("b", Does::Insert, "")])]
    fn what_is_written(#[case] sql: &str, #[case] expected: &[(&str, Does, &str)]) {
        let text = Text::whole("a.yaml".into(), sql.to_owned());
        let found: Vec<_> = writes(&text)
            .into_iter()
            .map(|write| {
                let sets: Vec<String> = write.sets.into_iter().map(|(name, _)| name).collect();
                (write.table, write.does, sets.join(" "))
            })
            .collect();
        let expected: Vec<_> =
            expected.iter().map(|(t, d, s)| ((*t).to_owned(), *d, (*s).to_owned())).collect();
        assert_eq!(found, expected);
    }
}
