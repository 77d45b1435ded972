//! Functions that give another value at each call, or at each run: what they make cannot be
//! computed a second time.

use crate::base::text::{Span, Text};
use crate::client::postgres::{Connection, PostgresError, literal};
use crate::sql::token::{Kind, Language, Token, significant};

/// Stable within a statement, but another one at each run.
const OF_THE_CLOCK: [&str; 9] = [
    "now",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "tablesample",
];

/// A word that makes the result change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volatile {
    /// The function or keyword.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// The first call of a volatile function or of the clock in a statement.
///
/// The words that could be functions are read from the text; Postgres says which of them are
/// volatile. A function that its author left VOLATILE counts: only the author knows better.
pub async fn find(
    connection: &Connection,
    statement: &Text,
) -> Result<Option<Volatile>, PostgresError> {
    let candidates = candidates(statement);
    let clock = |found: &&Volatile| OF_THE_CLOCK.contains(&found.name.as_str());
    if let Some(found) = candidates.iter().find(clock) {
        return Ok(Some(found.clone()));
    }
    if candidates.is_empty() {
        return Ok(None);
    }
    let names: Vec<_> = candidates.iter().map(|found| literal(&found.name)).collect();
    let sql = format!(
        "SELECT proname FROM pg_proc WHERE proname IN ({}) GROUP BY proname \
         HAVING bool_and(provolatile = 'v')",
        names.join(", ")
    );
    let volatile = connection.rows(&sql).await?;
    let is_volatile =
        |found: &Volatile| volatile.iter().flatten().flatten().any(|name| *name == found.name);
    Ok(candidates.into_iter().find(is_volatile))
}

/// `ALTER TABLE … ADD … DEFAULT …`: the one statement that fills rows without a row event.
pub fn adds_default(statement: &Text) -> bool {
    let tokens = significant(Language::Postgres, &statement.value);
    let has = |keyword: &str| tokens.iter().any(|token| token.is(keyword));
    tokens.first().is_some_and(|token| token.is("ALTER")) && has("ADD") && has("DEFAULT")
}

/// Words before an opening parenthesis, and the words of the clock.
fn candidates(statement: &Text) -> Vec<Volatile> {
    let tokens = significant(Language::Postgres, &statement.value);
    let mut found = Vec::new();
    for (n, token) in tokens.iter().enumerate() {
        let Some(name) = name(token) else { continue };
        let called = tokens.get(n + 1).is_some_and(|next| next.is_symbol("("));
        let bare = token.kind == Kind::Word && OF_THE_CLOCK.contains(&name.as_str());
        // A column may be called `now`; only `now()` is the clock.
        if called || (bare && name != "now") {
            found.push(Volatile { name, span: token.span });
        }
    }
    found
}

fn name(token: &Token<'_>) -> Option<String> {
    let name = token.name()?;
    Some(if token.kind == Kind::Word { name.to_lowercase() } else { name })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn text(sql: &str) -> Text {
        Text::whole("a.sql".into(), sql.to_owned())
    }

    #[rstest]
    #[case("SELECT count(*), Random() FROM t WHERE now > 1", &["count", "random"])]
    #[case("SELECT CURRENT_DATE, 'now()', \"f\"(1)", &["current_date", "f"])]
    #[case("SELECT a -- now()\n FROM t", &[])]
    fn calls_and_clock_words_are_candidates(#[case] sql: &str, #[case] names: &[&str]) {
        let found: Vec<_> = candidates(&text(sql)).into_iter().map(|found| found.name).collect();
        assert_eq!(found, names);
    }

    #[rstest]
    #[case("ALTER TABLE t ADD COLUMN c uuid DEFAULT gen_random_uuid()", true)]
    #[case("ALTER TABLE t ALTER c SET DEFAULT now()", false)]
    #[case("CREATE TABLE t (c timestamptz DEFAULT now())", false)]
    fn only_an_added_column_fills_rows(#[case] sql: &str, #[case] adds: bool) {
        assert_eq!(adds_default(&text(sql)), adds);
    }
}
