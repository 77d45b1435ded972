//! Statements of Flink's that no `;` parts, as files have them that are submitted one statement at a
//! time: a line that can only begin a statement begins one.

use super::token::{Kind, Token};

/// First words of statements that are over where another begins. What explains or executes another
/// statement is none of them.
const WHOLE: [&str; 7] = ["ALTER", "CREATE", "DROP", "INSERT", "RESET", "SET", "USE"];

/// What may stand behind the first word of a statement, and behind the same word within none.
const PAIRS: [(&str, &[&str]); 6] = [
    ("ALTER", &["TABLE", "VIEW", "CATALOG", "DATABASE", "MODEL"]),
    ("CREATE", &["TABLE", "TEMPORARY", "VIEW", "CATALOG", "DATABASE", "MODEL", "FUNCTION", "OR"]),
    ("DROP", &["TABLE", "TEMPORARY", "VIEW", "CATALOG", "DATABASE", "MODEL"]),
    ("EXECUTE", &["STATEMENT"]),
    ("BEGIN", &["STATEMENT"]),
    ("INSERT", &["INTO", "OVERWRITE"]),
];

/// Whether a token begins another statement behind the tokens of one so far.
pub(super) fn begins(
    sql: &str,
    statement: &[Token<'_>],
    (token, next): (&Token<'_>, Option<&Token<'_>>),
) -> bool {
    let (Some(first), Some(last)) = (statement.first(), statement.last()) else { return false };
    let between = sql.get(last.span.end..token.span.start).unwrap_or("");
    if !between.contains('\n') || !WHOLE.iter().any(|word| first.is(word)) {
        return false;
    }
    let count = |symbol: &str| statement.iter().filter(|token| token.is_symbol(symbol)).count();
    if count("(") != count(")") {
        return false;
    }
    let is_option = token.is("SET") || token.is("RESET");
    if is_option {
        let is_bare = token.is("RESET") && !next.is_some_and(|next| next.is_symbol("("));
        return is_bare || next.is_some_and(|next| next.kind == Kind::Text);
    }
    let behind = PAIRS.iter().find(|(word, _)| token.is(word)).map(|(_, behind)| *behind);
    behind.is_some_and(|behind| next.is_some_and(|next| behind.iter().any(|word| next.is(word))))
}
