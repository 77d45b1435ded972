//! A table with a key that several statements write.

use super::Rule;
use super::case::{Case, Found};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0130",
    summary: "Several statements write one table by its key.",
    reason: "Nothing determines the order between two statements: where both write a key, either may come last, and what one takes back may take away the other's row. A run shows one order, and the next another.",
    fix: "write the table with one statement (a UNION ALL, or one filter for both); where it does not matter which comes last, let the reference return a row for each: any of them is then right",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for (_, table) in case.tables() {
        let sink = table.name.table();
        let with = table.with.as_ref();
        let upserts = with.is_some_and(|with| with.get("connector") == Some("upsert-kafka"));
        let is_keyed = upserts || !table.primary_key.is_empty();
        if !is_keyed || case.is_control(&[sink]) {
            continue;
        }
        let writes = case.statements.iter().flat_map(|(text, statement)| {
            let own = statement.inserts().iter().filter(|insert| insert.target.table() == sink);
            own.map(move |insert| (*text, insert))
        });
        for (text, insert) in writes.skip(1) {
            let message = format!(
                "`{sink}` is written by another statement too, and which of them comes last for a \
                 key is not determined"
            );
            found.at(text, insert.target.span, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned_with;

    #[rstest]
    #[case::one("INSERT INTO totals SELECT account, 1 FROM payments", false)]
    #[case::two(
        "INSERT INTO totals SELECT account, 1 FROM payments;\n    INSERT INTO totals SELECT account, 2 FROM payments",
        true
    )]
    #[case::one_set(
        "EXECUTE STATEMENT SET BEGIN INSERT INTO totals SELECT account, 1 FROM payments; INSERT INTO totals SELECT account, 2 FROM payments; END",
        true
    )]
    #[case::without_a_key(
        "INSERT INTO totals SELECT account, 1 FROM payments;\n    INSERT INTO done SELECT id FROM payments",
        false
    )]
    fn tables_that_several_statements_write(#[case] statements: &str, #[case] expected: bool) {
        assert_eq!(
            warned_with(statements, "timeline:\n  - a: DELETE FROM payments\n", "W0130"),
            expected
        );
    }
}
