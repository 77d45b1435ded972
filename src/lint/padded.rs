//! A `char(n)` compared with a shorter text.

use super::Rule;
use super::captures::Capture;
use super::case::{Case, Found};
use super::causes::Told;
use crate::scenario::pipeline::Dialect;
use crate::sql::flink::CreateTable;
use crate::sql::token::{Kind, Language, Token, significant};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0129",
    summary: "A `char(n)` column is compared with a text that is shorter.",
    reason: "Postgres pads a `char(n)` with spaces and takes no notice of them when it compares. Debezium writes them, and Flink compares texts as they are: 'OPEN' never equals 'OPEN      '.",
    fix: "write TRIM(TRAILING FROM column) = 'text', or give the source column the type `text` or `varchar`",
    check,
};

/// What compares.
const COMPARING: [&str; 3] = ["=", "<>", "!="];

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for told in told(case) {
        told.warn(case, found);
    }
}

pub(super) fn told<'a>(case: &Case<'a>) -> Vec<Told<'a>> {
    let mut all = Vec::new();
    if case.trial.pipeline.dialect != Dialect::Flink {
        return all;
    }
    for (text, statement) in &case.statements {
        for insert in statement.inserts() {
            let padded = padded(case, &case.reads(&insert.reads));
            let tokens = significant(Language::Flink, &text.value);
            let inside =
                |t: &Token<'_>| insert.span.start <= t.span.start && t.span.end <= insert.span.end;
            let of_insert: Vec<Token<'_>> = tokens.into_iter().filter(inside).collect();
            for (column, literal) in compared(&of_insert) {
                let Some((_, length)) = padded.iter().find(|(name, _)| *name == column) else {
                    continue;
                };
                let shorter = literal.string().filter(|text| text.chars().count() < *length);
                let Some(shorter) = shorter else { continue };
                let message = format!(
                    "`{column}` is a char({length}), padded with spaces: it never equals \
                     '{shorter}' in Flink"
                );
                let sinks = vec![insert.target.table().to_owned()];
                all.push(Told {
                    text,
                    span: literal.span,
                    message,
                    sinks,
                    column: None,
                    topic: None,
                });
            }
        }
    }
    all
}

/// The columns of tables that are a `char(n)` in the source, with their lengths; those whose name
/// another table has too are left out.
fn padded(case: &Case<'_>, tables: &[&CreateTable]) -> Vec<(String, usize)> {
    let mut found: Vec<(String, usize)> = Vec::new();
    for table in tables {
        let Some(capture) = case.capture_of(table) else { continue };
        for column in &table.columns {
            let is_text = column
                .data_type()
                .is_some_and(|kind| kind == "STRING" || kind.starts_with("VARCHAR"));
            let shared =
                tables.iter().filter(|other| other.columns.iter().any(|c| c.name == column.name));
            if let (true, Some(length), 1) =
                (is_text, length(capture, &column.name), shared.count())
            {
                found.push((column.name.clone(), length));
            }
        }
    }
    found
}

fn length(capture: &Capture, column: &str) -> Option<usize> {
    let kind = &capture.column(column)?.data_type;
    let is_char = ["char", "character", "bpchar"].contains(&kind.name.as_str()) && !kind.is_array;
    let length = kind.arguments.first().copied().or((kind.name != "bpchar").then_some(1));
    length.filter(|_| is_char).and_then(|length| usize::try_from(length).ok())
}

/// Columns that are compared with a literal, on either side.
fn compared<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<(String, &'t Token<'a>)> {
    let mut found = Vec::new();
    for (n, token) in tokens.iter().enumerate() {
        let at = |n: usize| tokens.get(n);
        let before = |k: usize| n.checked_sub(k).and_then(at);
        let compares = COMPARING.iter().any(|symbol| token.is_symbol(symbol));
        let (Some(left), Some(right)) = (before(1), at(n + 1)) else { continue };
        if compares && right.kind == Kind::Text {
            found.extend(left.name().map(|name| (name, right)));
        } else if compares && left.kind == Kind::Text {
            // The last part of the name; what follows must not make a call of it.
            let mut last = n + 1;
            while at(last + 1).is_some_and(|dot| dot.is_symbol(".")) {
                last += 2;
            }
            let is_call = at(last + 1).is_some_and(|open| open.is_symbol("("));
            found.extend(
                at(last).filter(|_| !is_call).and_then(Token::name).map(|name| (name, left)),
            );
        } else if token.is("IN") && right.is_symbol("(") {
            let not = left.is("NOT");
            let name = if not { before(2) } else { Some(left) }.and_then(Token::name);
            let list = tokens.iter().skip(n + 2).take_while(|t| !t.is_symbol(")"));
            let texts = list.filter(|t| t.kind == Kind::Text);
            found.extend(texts.filter_map(|text| Some((name.clone()?, text))));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned_of;

    #[rstest]
    #[case("state = 'OPEN'", true)]
    #[case("c.state <> 'OPEN'", true)]
    #[case("'OPEN' = c.`state`", true)]
    #[case("state IN ('OPEN', 'CLOSED')", true)]
    #[case("state NOT IN ('OPEN')", true)]
    #[case("state = 'OPEN      '", false)]
    #[case("TRIM(state) = 'OPEN'", false)]
    #[case("TRIM(TRAILING FROM state) = 'OPEN'", false)]
    #[case("code = 'DE'", false)]
    #[case("name = 'OPEN'", false)]
    #[case("'OPEN' = UPPER(state)", false)]
    #[case("state LIKE 'OPEN%'", false)]
    fn a_padded_text(#[case] condition: &str, #[case] expected: bool) {
        let text = format!(
            "scenario: v1\ntitle: t\npipeline:\n  source: CREATE TABLE c (code char(2) PRIMARY KEY, state character(10), name text)\n  \
             dialect: flink\n  statements: |\n    \
             CREATE TABLE c (code STRING, state STRING, name STRING) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.c', 'format' = 'debezium-json');\n    \
             CREATE TABLE b (code STRING) WITH ('connector' = 'kafka', 'topic' = 'b', 'format' = 'json');\n    \
             INSERT INTO b SELECT code FROM c WHERE {condition}\n  sinks: {{b: unjudged}}\n\
             timeline:\n  - a: INSERT INTO c VALUES ('DE', 'OPEN')\n"
        );
        assert_eq!(warned_of(&text, "W0129"), expected, "{text}");
    }
}
