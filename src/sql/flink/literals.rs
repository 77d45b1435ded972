//! Columns that a statement compares with texts.

use crate::base::text::Span;
use crate::sql::token::{Language, Token, significant};

/// A column and a text that it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The column, without the table before it.
    pub column: String,
    /// The text.
    pub literal: String,
    /// Where the comparison stands.
    pub span: Span,
}

/// The columns that `sql` compares as they are with texts, by `=`, `<>`, `!=` or `IN`.
pub fn compared(sql: &str) -> Vec<Compared> {
    let tokens = significant(Language::Flink, sql);
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let rest = tokens.get(at..).unwrap_or_default();
        let [one, rest @ ..] = rest else { continue };
        if let Some(after) = behind_equality(rest) {
            let column = column(after);
            found.extend(after.first().and_then(|literal| comparison(one, literal)));
            found.extend(column.and_then(|column| comparison(column, one)));
        }
        found.extend(listed(one, rest));
    }
    found
}

/// The column that `tokens` begin with, without the table before it; nothing for a call.
fn column<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<&'t Token<'a>> {
    match tokens {
        [_, dot, rest @ ..] if dot.is_symbol(".") => column(rest),
        [_, open, ..] if open.is_symbol("(") => None,
        [column, ..] => Some(column),
        [] => None,
    }
}

/// What follows an operator of equality in front.
fn behind_equality<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<&'t [Token<'a>]> {
    match tokens {
        [one, rest @ ..] if ["=", "<>", "!="].iter().any(|symbol| one.is_symbol(symbol)) => {
            Some(rest)
        }
        _ => None,
    }
}

fn comparison(column: &Token<'_>, literal: &Token<'_>) -> Option<Compared> {
    let (column_name, literal_text) = (column.name()?, literal.string()?);
    let start = column.span.start.min(literal.span.start);
    let end = column.span.end.max(literal.span.end);
    Some(Compared { column: column_name, literal: literal_text, span: Span::new(start, end) })
}

/// `column [NOT] IN ('a', 'b')`.
fn listed(column: &Token<'_>, rest: &[Token<'_>]) -> Vec<Compared> {
    let rest = match rest {
        [not, rest @ ..] if not.is("NOT") => rest,
        rest => rest,
    };
    match rest {
        [word, open, items @ ..] if word.is("IN") && open.is_symbol("(") && !column.is("NOT") => {
            let items = items.iter().take_while(|token| !token.is_symbol(")"));
            items.filter_map(|item| comparison(column, item)).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("WHERE state = 'OPEN'", &["state=OPEN"])]
    #[case("WHERE a.`state` <> 'OPEN' AND b != 'x'", &["state=OPEN", "b=x"])]
    #[case("WHERE 'OPEN' = c.state", &["state=OPEN"])]
    #[case("WHERE 'OPEN' = state", &["state=OPEN"])]
    #[case("WHERE state IN ('A', 'B') AND s NOT IN ('C')", &["state=A", "state=B", "s=C"])]
    #[case("WHERE TRIM(state) = 'OPEN' AND 'x' = UPPER(s)", &[])]
    #[case("CASE state WHEN 'OPEN' THEN 1 END", &[])]
    #[case("WHERE id = 1 AND a = b", &[])]
    fn comparisons_with_texts_are_found(#[case] sql: &str, #[case] expected: &[&str]) {
        let found = compared(sql);
        let found: Vec<_> =
            found.iter().map(|of| format!("{}={}", of.column, of.literal)).collect();
        assert_eq!(found, expected);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(sql in "\\PC{0,40}") {
            let _ = compared(&sql).len();
        }
    }
}
