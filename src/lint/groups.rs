//! Two groups of a statement that write one key.

use super::Rule;
use super::case::{Case, Found};
use super::causes::Told;
use crate::base::text::Span;
use crate::sql::flink::{CreateTable, Insert};
use crate::sql::token::{Language, Token, significant};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0147",
    summary: "A statement groups by more columns than its sink's primary key has.",
    reason: "Two groups that differ only in a column outside of the key write the same key: the last one to change stands there, and the delete of one takes away the other.",
    fix: "take the column into the primary key of the sink, or out of GROUP BY",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for told in told(case) {
        told.warn(case, found);
    }
}

pub(super) fn told<'a>(case: &Case<'a>) -> Vec<Told<'a>> {
    let mut all = Vec::new();
    for (text, statement) in &case.statements {
        for insert in statement.inserts() {
            let sink = insert.target.table();
            let Some((_, table)) = case.table(&insert.target) else { continue };
            if table.primary_key.is_empty() {
                continue;
            }
            let tokens = significant(Language::Flink, &text.value);
            let inside =
                |t: &Token<'_>| insert.span.start <= t.span.start && t.span.end <= insert.span.end;
            let own: Vec<Token<'_>> = tokens.into_iter().filter(inside).collect();
            for (column, span) in outside(case, insert, table, &own).unwrap_or_default() {
                let message = format!(
                    "`{sink}` is grouped by `{column}`, which is not in its key: two groups write \
                     one row"
                );
                all.push(Told {
                    text,
                    span,
                    message,
                    sinks: vec![sink.to_owned()],
                    column: None,
                    topic: None,
                });
            }
        }
    }
    all
}

/// The columns of GROUP BY that the sink's key does not determine; `None` where the text does not
/// tell.
fn outside(
    case: &Case<'_>,
    insert: &Insert,
    table: &CreateTable,
    tokens: &[Token<'_>],
) -> Option<Vec<(String, Span)>> {
    let query = Query::of(tokens)?;
    // More than one table may determine a column in ways that are not followed here.
    let [source] = insert.reads.as_slice() else { return None };
    let targets = targets(tokens, table)?;
    if targets.len() != query.items.len() {
        return None;
    }
    let in_key = |column: &str| {
        let mut items = itertools::zip_eq(&query.items, &targets);
        items.any(|(item, target)| {
            item.column.as_deref() == Some(column) && table.primary_key.contains(target)
        })
    };
    // What a computed key column determines is not followed here.
    let is_computed = |(item, target): (&Item, &String)| {
        item.column.is_none() && table.primary_key.contains(target)
    };
    if itertools::zip_eq(&query.items, &targets).any(is_computed) {
        return None;
    }
    let groups: Vec<&(String, Span)> = query.groups.iter().collect();
    let is_window = |column: &str| column.starts_with("window_");
    let has_window = groups.iter().any(|(column, _)| is_window(column) && in_key(column));
    // A row's own key determines the rest of the row.
    let own_key = case.table(source).map(|(_, source)| source.primary_key.clone());
    let is_of_row = own_key.is_none_or(|key| !key.is_empty() && key.iter().all(|k| in_key(k)));
    if is_of_row {
        return None;
    }
    let outside = groups
        .into_iter()
        .filter(|(column, _)| !(in_key(column) || is_window(column) && has_window));
    Some(outside.cloned().collect())
}

/// A query with one SELECT and a GROUP BY of plain columns.
struct Query {
    items: Vec<Item>,
    groups: Vec<(String, Span)>,
}

/// An item of the select list.
struct Item {
    /// The column that it is, if it is one.
    column: Option<String>,
}

impl Query {
    fn of(tokens: &[Token<'_>]) -> Option<Self> {
        let refused =
            ["UNION", "INTERSECT", "EXCEPT", "WITH", "JOIN", "OVER", "ROLLUP", "CUBE", "GROUPING"];
        let selects = tokens.iter().filter(|token| token.is("SELECT")).count();
        if selects != 1 || tokens.iter().any(|t| refused.iter().any(|word| t.is(word))) {
            return None;
        }
        let select = tokens.iter().position(|token| token.is("SELECT"))?;
        let list = parted(tokens.get(select + 1..)?, &["FROM"]);
        let group = tokens
            .windows(2)
            .position(|two| matches!(two, [a, b] if a.is("GROUP") && b.is("BY")))?;
        let ends = ["HAVING", "ORDER", "LIMIT"];
        let mut groups = Vec::new();
        for item in parted(tokens.get(group + 2..)?, &ends) {
            groups.push((column(item)?, item.last()?.span));
        }
        let items = list.into_iter().map(|item| Item { column: column(item) }).collect();
        Some(Self { items, groups })
    }
}

/// The columns of the sink that the items go to.
fn targets(tokens: &[Token<'_>], table: &CreateTable) -> Option<Vec<String>> {
    let select = tokens.iter().position(|token| token.is("SELECT"))?;
    let open = tokens.iter().take(select).position(|token| token.is_symbol("("));
    match open {
        Some(open) => {
            let list = parted(tokens.get(open + 1..select)?, &[]);
            list.into_iter().map(column).collect()
        }
        None => {
            if table.derived.is_some() {
                return None;
            }
            let written = table.columns.iter().filter(|column| column.is_written());
            Some(written.map(|column| column.name.clone()).collect())
        }
    }
}

/// The items that commas part, up to one of these words or the end of the parentheses.
fn parted<'t, 'a>(tokens: &'t [Token<'a>], ends: &[&str]) -> Vec<&'t [Token<'a>]> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    let mut end = tokens.len();
    for (n, token) in tokens.iter().enumerate() {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            if depth == 0 {
                end = n;
                break;
            }
            depth -= 1;
        }
        if depth > 0 {
            continue;
        }
        if token.is_symbol(";") || ends.iter().any(|word| token.is(word)) {
            end = n;
            break;
        }
        if token.is_symbol(",") {
            found.extend(tokens.get(start..n));
            start = n + 1;
        }
    }
    found.extend(tokens.get(start..end).filter(|item| !item.is_empty()));
    found
}

/// The column that an item is: `a`, `t.a`, with an alias or not.
fn column(item: &[Token<'_>]) -> Option<String> {
    match item {
        [name] => name.name(),
        [_, dot, name] if dot.is_symbol(".") => name.name(),
        [name, word, _] if word.is("AS") => name.name(),
        [_, dot, name, word, _] if dot.is_symbol(".") && word.is("AS") => name.name(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned_of;

    #[rstest]
    #[case(
        "a STRING, b STRING, n BIGINT, PRIMARY KEY (a)",
        "SELECT a, b, COUNT(*) FROM t GROUP BY a, b",
        true
    )]
    #[case("a STRING, n BIGINT, PRIMARY KEY (a)", "SELECT a, COUNT(*) FROM t GROUP BY a, b", true)]
    #[case(
        "n BIGINT, a STRING, PRIMARY KEY (a)",
        "SELECT COUNT(*), t.a FROM t GROUP BY t.a, t.b",
        true
    )]
    #[case(
        "a STRING, b STRING, n BIGINT, PRIMARY KEY (a, b)",
        "SELECT a, b, COUNT(*) FROM t GROUP BY a, b",
        false
    )]
    #[case(
        "x STRING, n BIGINT, PRIMARY KEY (x)",
        "SELECT a AS x, COUNT(*) FROM t GROUP BY a",
        false
    )]
    #[case(
        "id INT, b STRING, n BIGINT, PRIMARY KEY (id)",
        "SELECT id, b, COUNT(*) FROM t GROUP BY id, b",
        false
    )]
    #[case(
        "ws TIMESTAMP(3), n BIGINT, PRIMARY KEY (ws)",
        "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end",
        false
    )]
    #[case(
        "ws TIMESTAMP(3), n BIGINT, PRIMARY KEY (ws)",
        "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, a",
        true
    )]
    #[case(
        "a STRING, n BIGINT, PRIMARY KEY (a)",
        "SELECT UPPER(a), COUNT(*) FROM t GROUP BY UPPER(a)",
        false
    )]
    #[case(
        "a STRING, n BIGINT, PRIMARY KEY (a)",
        "SELECT a, COUNT(*) FROM (SELECT a, b FROM t) GROUP BY a, b",
        false
    )]
    fn groups_and_keys(#[case] sink: &str, #[case] query: &str, #[case] expected: bool) {
        let text = format!(
            "scenario: v1\ntitle: t\npipeline:\n  source: CREATE TABLE t (id int PRIMARY KEY, a text, b text, ts timestamp(3))\n  \
             dialect: flink\n  statements: |\n    \
             CREATE TABLE t (id INT, a STRING, b STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.t', 'format' = 'debezium-json');\n    \
             CREATE TABLE s ({sink} NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 's', 'key.format' = 'json', 'value.format' = 'json');\n    \
             INSERT INTO s {query}\n  sinks: {{s: unjudged}}\ntimeline:\n  - a: INSERT INTO t VALUES (1)\n"
        );
        assert_eq!(warned_of(&text, "W0147"), expected, "{text}");
    }
}
