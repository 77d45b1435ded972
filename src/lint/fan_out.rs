//! Rows are parted by a column that changes, and read as an append stream.

use super::Rule;
use super::case::{Case, Found, is_changelog};
use super::writes::Does;
use crate::sql::token::{Language, Token, significant};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0109",
    summary: "A filter on a column that is updated, over a topic that is read as an append stream.",
    reason: "An append stream has no retractions: when the column changes, the row enters the other filter's table and never leaves this one.",
    fix: "read the topic as a changelog (debezium-json with replica identity full, or upsert-kafka), so that leaving the filter is a delete",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for (text, statement) in &case.statements {
        let sinks: Vec<&str> =
            statement.inserts().iter().map(|insert| insert.target.table()).collect();
        for insert in statement.inserts() {
            let sink = insert.target.table();
            let origins = case.reads(&insert.reads);
            let append = origins.iter().filter(|table| !is_changelog(table));
            let sources: Vec<&str> =
                append.filter_map(|table| case.source_of(table)).map(|s| s.name.as_str()).collect();
            if sources.is_empty() || case.is_control(&sinks) {
                continue;
            }
            let sql = text.value.get(insert.span.start..insert.span.end).unwrap_or("");
            for column in filtered(&significant(Language::Flink, sql)) {
                let updates = case.writes.iter().any(|(_, write)| {
                    write.does == Does::Update
                        && sources.contains(&write.table.as_str())
                        && write.sets.iter().any(|(set, _)| *set == column)
                });
                if updates {
                    let message = format!(
                        "rows whose `{column}` changes stay in `{sink}`: they are read as an append stream"
                    );
                    found.at(text, insert.target.span, message);
                }
            }
        }
    }
}

/// The names after WHERE that are compared.
fn filtered(tokens: &[Token<'_>]) -> Vec<String> {
    let after = tokens.iter().skip_while(|token| !token.is("WHERE")).skip(1);
    let until = after.take_while(|token| !token.is("GROUP") && !token.is("ORDER"));
    let mut names: Vec<String> =
        until.filter_map(Token::name).map(|name| name.to_lowercase()).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned;

    #[rstest]
    #[case("UPDATE orders SET status = 'DONE'", true)]
    #[case("UPDATE orders SET note = 'x'", false)]
    #[case("INSERT INTO orders VALUES (1, 'NEW')", false)]
    fn a_filter_over_an_append_stream(#[case] sql: &str, #[case] expected: bool) {
        assert_eq!(warned(&format!("timeline:\n  - a: {sql}\n"), "W0109"), expected);
    }
}
