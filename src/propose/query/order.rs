//! ORDER BY: Flink puts NULL first where it ascends, Postgres last.

use super::{Why, Writer, gap, parts};
use crate::sql::token::Token;

/// Words that end the list.
const ENDS: [&str; 9] =
    ["ROWS", "RANGE", "LIMIT", "OFFSET", "FETCH", "UNION", "INTERSECT", "EXCEPT", "GROUPS"];

/// Whether an ORDER BY stands here.
pub(super) fn begins(tokens: &[Token<'_>], at: usize) -> bool {
    let next = tokens.get(at + 1);
    tokens.get(at).is_some_and(|token| token.is("ORDER")) && next.is_some_and(|by| by.is("BY"))
}

impl Writer<'_, '_> {
    /// The clause at `at`, with the place of NULL written out, and where it ends.
    pub(super) fn order(
        &mut self,
        source: &str,
        tokens: &[Token<'_>],
        at: usize,
    ) -> Result<(String, usize), Why> {
        let from = at + 2;
        let mut depth = 0_usize;
        let ends = |token: &Token<'_>| {
            if token.is_symbol("(") {
                depth += 1;
            } else if token.is_symbol(")") {
                depth = depth.saturating_sub(1);
            }
            depth == 0 && ENDS.iter().any(|word| token.is(word))
        };
        let rest = tokens.get(from..).unwrap_or_default();
        let end = rest.iter().position(ends).map_or(tokens.len(), |n| from + n);
        let list = tokens.get(from..end).unwrap_or_default();
        let mut items = Vec::new();
        for item in parts(list) {
            let written = self.group(source, item, false)?;
            let says = item.iter().any(|token| token.is("NULLS"));
            let nulls = match item.iter().any(|token| token.is("DESC")) {
                _ if says => "",
                true => " NULLS LAST",
                false => " NULLS FIRST",
            };
            items.push(format!("{written}{nulls}"));
        }
        let gap = gap(source, tokens, from);
        Ok((format!("ORDER BY{gap}{}", items.join(", ")), end))
    }
}
