//! Options that stand elsewhere than in the WITH of what they make: in an ALTER, and in hints.

use super::{Name, With};
use crate::base::text::{Span, Text};
use crate::sql::reader::Reader;
use crate::sql::token::{Kind, Language, Token, significant, tokens};

/// `ALTER … name SET (…)` or `… RESET (…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Altered {
    /// `TABLE`, `CATALOG`, `DATABASE` or `MODEL`, upper case.
    pub what: String,
    /// What is changed.
    pub name: Name,
    /// What is set; of a RESET the keys stand in `reset`.
    pub set: Option<With>,
    /// The keys that go back to their default, with their places.
    pub reset: Vec<(String, Span)>,
}

/// What an ALTER does to options; `None` for other statements and other changes.
pub fn altered(statement: &Text) -> Option<Altered> {
    let tokens = significant(Language::Flink, &statement.value);
    let mut reader = Reader { tokens: &tokens, at: 0 };
    reader.eat(&["ALTER"]).then_some(())?;
    let mut what = reader.next()?.text.to_uppercase();
    if what == "MATERIALIZED" {
        what = reader.next()?.text.to_uppercase();
    }
    reader.eat(&["IF", "EXISTS"]);
    let name = reader.name()?;
    let at = reader.rest().windows(2).position(|two| {
        matches!(two, [word, open] if (word.is("SET") || word.is("RESET")) && open.is_symbol("("))
    })?;
    reader.at += at;
    let is_set = reader.next()?.is("SET");
    if is_set {
        return Some(Altered { what, name, set: Some(reader.with()?), reset: Vec::new() });
    }
    let (items, _) = reader.list()?;
    let key = |item: &&[Token<'_>]| {
        let first = item.first()?;
        Some((first.string()?, first.span))
    };
    Some(Altered { what, name, set: None, reset: items.iter().filter_map(key).collect() })
}

/// A hint with options: `/*+ OPTIONS('key' = 'value') */`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The table before it.
    pub table: Option<Name>,
    /// Its options, by their places in the statement; `None` if they cannot be read.
    pub with: Option<With>,
    /// The whole hint.
    pub span: Span,
}

/// The hints of a statement that have options, or that cannot be read.
pub fn hints(statement: &Text) -> Vec<Hint> {
    let all = tokens(Language::Flink, &statement.value);
    let mut found = Vec::new();
    for (n, token) in all.iter().enumerate().filter(|(_, token)| token.is_hint()) {
        let before: Vec<Token<'_>> =
            all.iter().take(n).copied().filter(Token::is_significant).collect();
        let inner = token.text.trim_start_matches("/*+").trim_end_matches("*/");
        let inside = significant(Language::Flink, inner);
        let hint = |with| Hint { table: last_name(&before), with, span: token.span };
        if inside.iter().any(|token| token.kind == Kind::Open) {
            found.push(hint(None));
            continue;
        }
        let options = inside.iter().enumerate().filter(|(_, token)| token.is("OPTIONS"));
        for (at, _) in options {
            let with = Reader { tokens: &inside, at: at + 1 }.with();
            found.push(hint(with.map(|with| shifted(with, token.span.start + "/*+".len()))));
        }
    }
    found
}

/// The name that these tokens end with; an alias is one too.
fn last_name(tokens: &[Token<'_>]) -> Option<Name> {
    let mut start = tokens.len().checked_sub(1)?;
    while let Some(before) = start.checked_sub(2) {
        if !tokens.get(start - 1).is_some_and(|token| token.is_symbol(".")) {
            break;
        }
        start = before;
    }
    Reader { tokens, at: start }.name()
}

fn shifted(mut with: With, by: usize) -> With {
    with.open = with.open.shifted(by);
    with.close = with.close.shifted(by);
    for option in &mut with.options {
        option.span = option.span.shifted(by);
        option.value_span = option.value_span.shifted(by);
    }
    for span in &mut with.unread {
        *span = span.shifted(by);
    }
    with
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn text(sql: &str) -> Text {
        Text::whole("a.sql".into(), sql.to_owned())
    }

    #[rstest]
    #[case("ALTER TABLE a.b SET ('x' = 'y')", "TABLE a.b [x=y] []")]
    #[case("ALTER TABLE IF EXISTS t SET ('x' = 'y', 'z' = 'w')", "TABLE t [x=y z=w] []")]
    #[case("ALTER CATALOG c RESET ('x', 'y')", "CATALOG c [] [x y]")]
    #[case("ALTER DATABASE d SET ('x' = 'y')", "DATABASE d [x=y] []")]
    fn an_alter_says_which_options_it_changes(#[case] sql: &str, #[case] expected: &str) {
        let altered = altered(&text(sql)).unwrap();
        let set = altered.set.iter().flat_map(|with| &with.options);
        let set: Vec<_> = set.map(|option| format!("{}={}", option.key, option.value)).collect();
        let reset: Vec<_> = altered.reset.iter().map(|(key, _)| key.as_str()).collect();
        let shown =
            format!("{} {} [{}] [{}]", altered.what, altered.name, set.join(" "), reset.join(" "));
        assert_eq!(shown, expected);
    }

    #[rstest]
    #[case("ALTER TABLE a ADD b INT")]
    #[case("ALTER TABLE a RENAME TO b")]
    #[case("CREATE TABLE a (b INT) WITH ('x' = 'y')")]
    fn other_statements_change_none(#[case] sql: &str) {
        assert_eq!(altered(&text(sql)), None);
    }

    #[test]
    fn hints_are_found_with_their_tables_and_places() {
        let sql = "INSERT INTO s SELECT * FROM c.d.t /*+ OPTIONS('path' = '/x') */ AS a /* + */ \
                   JOIN u /*+ BROADCAST(u), OPTIONS ('k'='v') */ ON TRUE";
        let hints = hints(&text(sql));
        let names: Vec<_> = hints.iter().map(|h| h.table.as_ref().unwrap().to_string()).collect();
        assert_eq!(names, ["c.d.t", "u"]);
        let option = &hints[0].with.as_ref().unwrap().options[0];
        assert_eq!(&sql[option.span.start..option.span.end], "'path' = '/x'");
        assert_eq!(&sql[option.value_span.start..option.value_span.end], "'/x'");
    }

    #[rstest]
    // To Flink the string holds the end of the comment.
    #[case("SELECT * FROM t /*+ OPTIONS('path' = '/tmp/*/x') */")]
    #[case("SELECT * FROM t /*+ OPTIONS */")]
    fn a_hint_that_cannot_be_read_says_so(#[case] sql: &str) {
        let hints = hints(&text(sql));
        assert_eq!(hints.len(), 1);
        assert_eq!(hints[0].with, None);
    }
}
