//! Where secrets stand in SQL, told from tokens: a column may be called `token` or `password`, and
//! what is written into it is data.

use std::borrow::Cow;

use super::token::{Kind, Language, Token, significant, tokens};
use crate::base::secret::{self, Secrets, is_secret_key};
use crate::base::text::{Span, Text};

/// The values of secrets in `sql`, in order: `PASSWORD 'x'`, `'a.password' = 'x'` as an option, and
/// what is one by its form within a string, a comment or a hint (an address, a line of JAAS).
pub fn spans(language: Language, sql: &str) -> Vec<Span> {
    let mut found = values_of_keys(&significant(language, sql));
    let texts = tokens(language, sql).into_iter();
    for token in texts.filter(|token| matches!(token.kind, Kind::Text | Kind::Comment | Kind::Open))
    {
        let within = secret::spans(token.text).into_iter();
        found.extend(within.map(|span| span.shifted(token.span.start)));
    }
    secret::disjoint(found)
}

/// The SQL with `…` in the place of every secret.
pub fn redacted(language: Language, sql: &str) -> Cow<'_, str> {
    secret::redacted_at(sql, &spans(language, sql))
}

/// The text with every secret overwritten, those that are known too; each byte that remains stands
/// where it stood.
#[must_use]
pub fn masked(language: Language, text: &Text, known: &Secrets) -> Text {
    let value = secret::masked_at(&text.value, &spans(language, &text.value));
    Text { value: known.known_masked(&value).into_owned(), ..text.clone() }
}

/// Learns the secrets in SQL.
pub fn learn(secrets: &mut Secrets, language: Language, sql: &str) {
    for span in spans(language, sql) {
        let value = sql.get(span.start..span.end).unwrap_or("");
        secrets.learn(&value.replace("''", "'"));
    }
}

/// Strings behind `PASSWORD`, and behind the name of a secret and `=`.
fn values_of_keys(tokens: &[Token<'_>]) -> Vec<Span> {
    let behind_password = tokens.windows(2).filter_map(|two| match two {
        [key, value] => (key.is("PASSWORD") && value.kind == Kind::Text).then_some(value),
        _ => None,
    });
    let behind_equals = tokens.windows(3).filter_map(|three| match three {
        [key, equals, value] => {
            let is_secret = key.string().is_some_and(|key| is_secret_key(&key));
            let is_option = equals.is_symbol("=") && value.kind == Kind::Text;
            (is_secret && is_option).then_some(value)
        }
        _ => None,
    });
    behind_password.chain(behind_equals).map(within_quotes).collect()
}

/// A string without what opens and closes it.
fn within_quotes(token: &Token<'_>) -> Span {
    let Span { start, end } = token.span;
    if token.text.starts_with('$') {
        let tag = token.text.match_indices('$').nth(1).map_or(0, |(at, _)| at + 1);
        return Span::new(start + tag, end.saturating_sub(tag).max(start + tag));
    }
    let open = token.text.find('\'').map_or(0, |at| at + 1);
    Span::new(start + open, end.saturating_sub(1).max(start + open))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "CREATE ROLE app LOGIN PASSWORD 'it''s' VALID UNTIL 'x'",
        "CREATE ROLE app LOGIN PASSWORD '…' VALID UNTIL 'x'"
    )]
    #[case("ALTER ROLE app PASSWORD\n$p$hunter2$p$", "ALTER ROLE app PASSWORD\n$p$…$p$")]
    #[case("ALTER ROLE app PASSWORD E'a\\'b'", "ALTER ROLE app PASSWORD E'…'")]
    #[case(
        "SELECT dblink('host=h password=hunter2', 'SELECT 1')",
        "SELECT dblink('host=h password=…', 'SELECT 1')"
    )]
    #[case("SELECT 1 -- postgres://u:hunter2@h/d", "SELECT 1 -- postgres://u:…@h/d")]
    #[case(
        "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''hunter2'''; END $$",
        "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''…'''; END $$"
    )]
    #[case(
        "UPDATE u SET token = 'abc', password = 'def' WHERE secret = 'ghi'",
        "UPDATE u SET token = 'abc', password = 'def' WHERE secret = 'ghi'"
    )]
    #[case(
        "CREATE TABLE u (password TEXT DEFAULT 'x')",
        "CREATE TABLE u (password TEXT DEFAULT 'x')"
    )]
    fn postgres_secrets_are_hidden_and_data_is_not(#[case] sql: &str, #[case] expected: &str) {
        assert_eq!(redacted(Language::Postgres, sql), expected);
    }

    #[rstest]
    #[case(
        "WITH ('a.sasl.jaas.config' = 'x password=\"p\";', 'a' = 'b')",
        "WITH ('a.sasl.jaas.config' = '…', 'a' = 'b')"
    )]
    #[case("SET 'a.password' = 'hunter2'", "SET 'a.password' = '…'")]
    #[case(
        "SELECT * FROM t /*+ OPTIONS('a.password'='hunter2') */",
        "SELECT * FROM t /*+ OPTIONS('a.password'='…') */"
    )]
    #[case("WITH ('url' = 'https://u:hunter2@h')", "WITH ('url' = 'https://u:…@h')")]
    #[case(
        "INSERT INTO a SELECT * FROM b WHERE token = 'abc'",
        "INSERT INTO a SELECT * FROM b WHERE token = 'abc'"
    )]
    fn flink_secrets_are_hidden_and_data_is_not(#[case] sql: &str, #[case] expected: &str) {
        assert_eq!(redacted(Language::Flink, sql), expected);
    }

    #[test]
    fn a_masked_text_keeps_its_places() {
        let text =
            Text::whole("a.sql".into(), "SET 'a.password' = 'hunter2';\nSET 'b' = 'd4ta'".into());
        let mut known = Secrets::none();
        known.learn("d4ta");
        let masked = masked(Language::Flink, &text, &known);
        assert_eq!(masked.value, "SET 'a.password' = '*******';\nSET 'b' = '****'");
        assert_eq!(masked.anchors, text.anchors);
    }

    #[test]
    fn a_secret_of_sql_is_known_as_it_is_meant() {
        let mut secrets = Secrets::none();
        learn(
            &mut secrets,
            Language::Postgres,
            "ALTER ROLE a PASSWORD 'it''s7'; UPDATE u SET token = 'abc7'",
        );
        assert_eq!(secrets.hidden("it's7 and abc7"), "… and abc7");
    }
}
