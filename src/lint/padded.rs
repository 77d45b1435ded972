//! A padded column that is compared with a shorter text.

use super::Rule;
use super::case::{Case, Found};
use crate::base::text::Span;
use crate::sql::columns::{Definition, definition};
use crate::sql::flink::Statement;
use crate::sql::flink::literals::compared;
use crate::sql::split;

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0127",
    summary: "A statement compares a `char(n)` column with a text that is shorter than it.",
    reason: "Postgres keeps a `char(n)` padded with spaces and Debezium writes it so, spaces included. Postgres ignores them in a comparison; Flink reads a text and does not, so that no value ever equals a shorter one.",
    fix: "compare `RTRIM(column)`, or make the column `varchar(n)` in the source",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    let padded = padded(case);
    for (text, statement) in &case.statements {
        let queries = statement.inserts().iter().map(|insert| (insert.span, &insert.reads));
        let whole = Span::new(0, text.value.len());
        let view = match statement {
            Statement::CreateView { reads, .. } => Some((whole, reads)),
            _ => None,
        };
        for (span, reads) in queries.chain(view) {
            let sql = text.value.get(span.start..span.end).unwrap_or_default();
            let tables = case.origins(reads);
            let sources = tables.iter().filter_map(|table| case.source_of(table));
            let sources = sources.map(|source| source.name.as_str()).collect::<Vec<_>>();
            let is_control = statement
                .inserts()
                .iter()
                .any(|insert| insert.span == span && case.is_control(&[insert.target.table()]));
            for one in compared(sql).into_iter().filter(|_| !is_control) {
                let of = |(table, column, length): &&(String, String, i64)| {
                    let is_short = i64::try_from(one.literal.chars().count());
                    *column == one.column
                        && sources.contains(&table.as_str())
                        && is_short.is_ok_and(|n| n < *length)
                };
                if let Some((table, column, length)) = padded.iter().find(of) {
                    let message = format!(
                        "`{column}` of `{table}` is char({length}) and never equals '{}'",
                        one.literal
                    );
                    found.at(text, one.span.shifted(span.start), message);
                }
            }
        }
    }
}

/// The padded columns of the source: table, column, length.
fn padded(case: &Case<'_>) -> Vec<(String, String, i64)> {
    let texts = case.trial.pipeline.source.iter();
    let statements = texts.flat_map(|text| split::postgres(text).unwrap_or_default());
    let mut padded = Vec::new();
    for statement in statements {
        let Some(Definition::Table { name, columns, .. }) = definition(&statement) else {
            continue;
        };
        for column in columns.iter().filter(|column| !column.data_type.is_array) {
            if matches!(column.data_type.name.as_str(), "char" | "character" | "bpchar") {
                let length = column.data_type.arguments.first().copied().unwrap_or(1);
                padded.push((name.clone(), column.name.clone(), length));
            }
        }
    }
    padded
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned_of;

    #[rstest]
    #[case("char(10)", "WHERE c = 'OPEN'", true)]
    #[case("char(10)", "WHERE c IN ('OPEN', 'CLOSED')", true)]
    #[case("char(4)", "WHERE c = 'OPEN'", false)]
    #[case("char(10)", "WHERE c = 'OPEN      '", false)]
    #[case("char(10)", "WHERE RTRIM(c) = 'OPEN'", false)]
    #[case("varchar(10)", "WHERE c = 'OPEN'", false)]
    #[case("char(10)", "", false)]
    fn a_padded_column_is_held_against_texts(
        #[case] source: &str,
        #[case] filter: &str,
        #[case] expected: bool,
    ) {
        let text = format!(
            "scenario: v1\ntitle: t\npipeline:\n  source: CREATE TABLE a (id int PRIMARY KEY, c {source})\n  \
             dialect: flink\n  statements: |\n    \
             CREATE TABLE a (id INT, c STRING) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.a', 'format' = 'debezium-json');\n    \
             CREATE TABLE b (id INT) WITH ('connector' = 'kafka', 'topic' = 'b', 'format' = 'json');\n    \
             INSERT INTO b SELECT id FROM a {filter}\n  sinks: {{b: unjudged}}\n\
             timeline:\n  - a: INSERT INTO a VALUES (1)\n"
        );
        assert_eq!(warned_of(&text, "W0127"), expected, "{text}");
    }
}
