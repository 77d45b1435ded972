//! Placeholders that a tool fills in before Flink sees a statement: `${X}`, `{{ x }}`, and, where SQL
//! has no other meaning for them, `{x}` and `<X>`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::base::text::{Span, Text};
use crate::sql::edit::{Edit, splice};
use crate::sql::token::{Kind, Language, Token, tokens};

/// A placeholder in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placeholder {
    /// Its name (`X`).
    pub(super) name: String,
    /// As it is written (`${X}`).
    pub(super) written: String,
    /// What it says itself that it stands for (`${X:-earliest}`).
    default: Option<String>,
    /// Where it stands.
    pub(super) span: Span,
}

/// `text` with its placeholders filled, and those of which nothing says what they stand for. In their
/// place stands their name, so that the rest can be read.
pub(super) fn filled(
    text: &Text,
    variables: &BTreeMap<String, String>,
) -> (Text, Vec<Placeholder>) {
    let found = placeholders(&text.value);
    if found.is_empty() {
        return (text.clone(), found);
    }
    let value = |one: &Placeholder| variables.get(&one.name).or(one.default.as_ref()).cloned();
    let bare = |one: &Placeholder| one.name.replace(|c: char| !c.is_alphanumeric(), "_");
    let edits =
        found.iter().map(|one| Edit::new(one.span, value(one).unwrap_or_else(|| bare(one))));
    let edits: Vec<_> = edits.collect();
    (splice(text, &edits), found.into_iter().filter(|one| value(one).is_none()).collect())
}

/// Marks that mean nothing else wherever they stand, the name in the first group, what it stands for
/// by itself in the second.
static ANYWHERE: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    patterns(&[
        r"\$\{([A-Za-z_][A-Za-z0-9_.-]*)(?::?-([^}]*))?\}",
        r"\{\{-?\s*\.?([A-Za-z_][A-Za-z0-9_.-]*)[^}]*\}\}",
    ])
});

/// Marks that mean nothing else in names and outside of quotes.
static IN_NAMES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    patterns(&[r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}", r"<([A-Za-z_][A-Za-z0-9_.-]*)>"])
});

/// Marks that mean nothing else in the value of an option.
static IN_OPTIONS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    patterns(&[r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}", r"<([A-Za-z][A-Za-z0-9_. -]+)>"])
});

fn patterns(all: &[&str]) -> Vec<Regex> {
    all.iter().filter_map(|one| Regex::new(one).ok()).collect()
}

fn placeholders(sql: &str) -> Vec<Placeholder> {
    let mut found: Vec<Placeholder> = Vec::new();
    let all = tokens(Language::Flink, sql);
    let mut plain = 0;
    for (n, token) in all.iter().enumerate() {
        let is_quoted = matches!(token.kind, Kind::Text | Kind::Name | Kind::Open);
        let is_skipped = token.kind == Kind::Comment && !token.is_hint();
        if !is_quoted && !is_skipped {
            continue;
        }
        outside(sql, Span::new(plain, token.span.start), &mut found);
        plain = token.span.end;
        if is_skipped {
            continue;
        }
        let also = match token.kind {
            Kind::Name => Some(&*IN_NAMES),
            _ if is_value(&all, n) => Some(&*IN_OPTIONS),
            _ => None,
        };
        let anywhere = matches(&ANYWHERE, sql, token.span);
        let also = also.map(|also| matches(also, sql, token.span)).unwrap_or_default();
        // `#{Name.firstName}` is an expression of what makes rows up.
        let is_expression =
            |one: &Placeholder| sql.get(..one.span.start).unwrap_or("").ends_with('#');
        found.extend(anywhere);
        found.extend(also.into_iter().filter(|one| !is_expression(one)));
    }
    outside(sql, Span::new(plain, sql.len()), &mut found);
    found.sort_by_key(|one| one.span);
    let mut end = 0;
    found.retain(|one| {
        let is_apart = one.span.start >= end;
        end = if is_apart { one.span.end } else { end };
        is_apart
    });
    found
}

/// A string behind a key and an equals sign.
fn is_value(all: &[Token<'_>], n: usize) -> bool {
    let before =
        all.get(..n).unwrap_or_default().iter().rev().filter(|token| token.is_significant());
    let before: Vec<_> = before.take(2).collect();
    matches!(before.as_slice(), [equals, key] if equals.is_symbol("=") && key.kind == Kind::Text)
}

/// Those outside of quotes. Types have angle brackets too: `ARRAY<STRING>`.
fn outside(sql: &str, span: Span, found: &mut Vec<Placeholder>) {
    found.extend(matches(&ANYWHERE, sql, span));
    let is_type = |one: &Placeholder| {
        let before = sql.get(..one.span.start).unwrap_or("");
        let word = before.trim_end();
        let types = ["ARRAY", "MULTISET", "MAP", "ROW"];
        let is_named = types.iter().any(|name| word.to_uppercase().ends_with(name));
        let touches = before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ')');
        one.written.starts_with('<') && (is_named || touches)
    };
    found.extend(matches(&IN_NAMES, sql, span).into_iter().filter(|one| !is_type(one)));
}

fn matches(patterns: &[Regex], sql: &str, span: Span) -> Vec<Placeholder> {
    let part = sql.get(span.start..span.end).unwrap_or("");
    let one = |captures: Captures<'_>| {
        let (whole, name) = (captures.get(0)?, captures.get(1)?);
        Some(Placeholder {
            name: name.as_str().trim().to_owned(),
            written: whole.as_str().to_owned(),
            default: captures.get(2).map(|default| default.as_str().to_owned()),
            span: Span::new(whole.start(), whole.end()).shifted(span.start),
        })
    };
    patterns.iter().flat_map(|pattern| pattern.captures_iter(part).filter_map(one)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("INSERT INTO ${SINK} SELECT * FROM `{{ env }}.orders`", &["SINK", "env"])]
    #[case("WITH ('topic' = '<TOPIC>', 'a' = '{prefix}.b', 'c' = 'x-${C:-d}')", &["TOPIC", "prefix"])]
    #[case("SELECT * FROM <your-table> JOIN {catalog}.t", &["your-table", "catalog"])]
    #[case("CREATE TABLE t (a ARRAY<STRING>, b ROW <X INT>, c MAP<STRING, INT>, d ARRAY <INT>)", &[])]
    #[case("SELECT a < b, c > d, '<b>', '{x}', REGEXP_REPLACE(a, '(a){2}', '$1') FROM t", &[])]
    #[case("SELECT 1 -- ${X}\n/* {{ y }} */", &[])]
    #[case("WITH ('fields.a.expression' = '#{Name.firstName}', 'j' = '{\"a\": 1}')", &[])]
    #[case("SELECT * FROM t /*+ OPTIONS('scan.startup.mode' = '${MODE}') */", &["MODE"])]
    #[case("SELECT '${var.name}', '{{ .Values.topic | quote }}'", &["var.name", "Values.topic"])]
    fn placeholders_without_a_value_are_found(#[case] sql: &str, #[case] expected: &[&str]) {
        let text = Text::whole("a.sql".into(), sql.to_owned());
        let (_, unfilled) = filled(&text, &BTreeMap::new());
        let names: Vec<_> = unfilled.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn a_value_stands_in_its_place_and_what_follows_keeps_its_own() {
        let text = Text::whole("a.sql".into(), "FROM ${T} JOIN `<U>` x".to_owned());
        let values = [("T", "a"), ("U", "long name")];
        let variables = values.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let (filled, unfilled) = filled(&text, &variables.into());
        assert_eq!((filled.value.as_str(), unfilled.len()), ("FROM a JOIN `long name` x", 0));
        let at = filled.value.find("JOIN").unwrap();
        assert_eq!(filled.place(at).column, 11);
    }

    proptest! {
        #[test]
        fn what_has_no_marks_stays(sql in "[a-zA-Z0-9 '`(),.;=\\-/*\n]{0,60}") {
            let text = Text::whole("a.sql".into(), sql);
            let (filled, unfilled) = filled(&text, &BTreeMap::new());
            prop_assert_eq!(filled, text);
            prop_assert!(unfilled.is_empty());
        }
    }
}
