//! Functions that give another value each time, in a query that takes rows back.

use super::Rule;
use super::case::{Case, Found, is_changelog};
use crate::sql::token::{Language, significant};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0110",
    summary: "A function that gives a different value each time, in a query over changing rows.",
    reason: "A retraction calculates the row again and gets a different value than the one it should take back: the old row stays, or the statement is refused.",
    fix: "take the value from the row (a column of the table, or the record's timestamp), or set it in a table that is only appended to",
    check,
};

const FUNCTIONS: [&str; 8] = [
    "UUID",
    "RAND",
    "RAND_INTEGER",
    "NOW",
    "CURRENT_ROW_TIMESTAMP",
    "PROCTIME",
    "UNIX_TIMESTAMP",
    "CURRENT_WATERMARK",
];
const WORDS: [&str; 5] =
    ["CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "LOCALTIMESTAMP", "LOCALTIME"];

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for (text, statement) in &case.statements {
        for insert in statement.inserts() {
            let sink = insert.target.table();
            if case.is_control(&[sink])
                || !case.reads(&insert.reads).iter().any(|table| is_changelog(table))
            {
                continue;
            }
            let tokens = significant(Language::Flink, &text.value);
            for (n, token) in tokens.iter().enumerate() {
                let inside =
                    insert.span.start <= token.span.start && token.span.end <= insert.span.end;
                let next = |at: usize, symbol: &str| {
                    tokens.get(n + at).is_some_and(|next| next.is_symbol(symbol))
                };
                // With an argument it is a function of the row.
                let takes_nothing = next(1, "(") && (next(2, ")") || !token.is("UNIX_TIMESTAMP"));
                let is_call = FUNCTIONS.iter().any(|name| token.is(name)) && takes_nothing;
                if inside && (is_call || WORDS.iter().any(|word| token.is(word))) {
                    found.at(
                        text,
                        token.span,
                        format!(
                            "`{}` gives another value when `{sink}` takes a row back",
                            token.text
                        ),
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned_with;

    #[rstest]
    #[case("UUID()", true)]
    #[case("CAST(CURRENT_TIMESTAMP AS STRING)", true)]
    #[case("CAST(UNIX_TIMESTAMP(account) AS STRING)", false)]
    #[case("UPPER(account)", false)]
    fn a_function_in_an_updating_query(#[case] function: &str, #[case] expected: bool) {
        let insert = format!("INSERT INTO totals SELECT {function}, 1 FROM payments");
        assert_eq!(warned_with(&insert, "timeline: []\n", "W0110"), expected);
    }
}
