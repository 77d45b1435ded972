//! Patterns of dates whose letters mean something else than they look like.

use super::Rule;
use super::case::{Case, Found};
use crate::sql::token::{Kind, Language, Token, significant};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0111",
    summary: "A letter in the pattern of a date or time does not mean what it seems to.",
    reason: "`Y` is the year of the week, which differs around New Year; `D` is the day of the year; `hh` is the hour of half a day; `mm` is minutes and `MM` months; `S` is a fraction of a second. The query runs, and a few days a year are wrong.",
    fix: "write `yyyy-MM-dd HH:mm:ss`, with `SSS` for the fraction after the seconds",
    check,
};

const FUNCTIONS: [&str; 6] =
    ["DATE_FORMAT", "TO_TIMESTAMP", "TO_DATE", "FROM_UNIXTIME", "UNIX_TIMESTAMP", "CONVERT_TZ"];

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for (text, statement) in &case.statements {
        let sinks: Vec<&str> =
            statement.inserts().iter().map(|insert| insert.target.table()).collect();
        if case.is_control(&sinks) {
            continue;
        }
        let tokens = significant(Language::Flink, &text.value);
        for (n, token) in tokens.iter().enumerate() {
            if !FUNCTIONS.iter().any(|function| token.is(function)) {
                continue;
            }
            for argument in arguments(tokens.get(n + 1..).unwrap_or_default()) {
                let pattern = argument.string().unwrap_or_default();
                if let Some(trap) = trap(&pattern) {
                    found.at(text, argument.span, format!("in the pattern `{pattern}` {trap}"));
                }
            }
        }
    }
}

/// The strings in the call's own parentheses, not in those of calls within.
fn arguments<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t Token<'a>> {
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for token in tokens {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && token.kind == Kind::Text {
            found.push(token);
        }
    }
    found
}

/// What is wrong with a pattern.
fn trap(pattern: &str) -> Option<&'static str> {
    // Text in quotes is not of the pattern.
    let letters: String = pattern.split('\'').step_by(2).collect();
    let has = |what: &str| letters.contains(what);
    let is_date = has("yy") || has("Y") || has("d");
    if has("Y") && !has("w") {
        return Some("`Y` is the year of the week: write `y`");
    }
    if has("D") && is_date {
        return Some("`D` is the day of the year: write `d`");
    }
    if has("h") && !has("a") && !has("K") {
        return Some("`h` is the hour of half a day, without its half: write `H`");
    }
    if has("-mm") || has("/mm") || has("yyyymm") {
        return Some("`m` is minutes: write `M` for the month");
    }
    if has(":MM") {
        return Some("`M` is the month: write `m` for minutes");
    }
    if has(":SS") {
        return Some("`S` is a fraction of a second: write `s` for seconds");
    }
    None
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::lint::testing::warned_with;

    #[rstest]
    #[case("YYYY-MM-dd", true)]
    #[case("yyyy-MM-DD", true)]
    #[case("yyyy-mm-dd", true)]
    #[case("yyyy-MM-dd hh:mm:ss", true)]
    #[case("yyyy-MM-dd HH:MM:ss", true)]
    #[case("yyyy-MM-dd HH:mm:SS", true)]
    #[case("yyyy-MM-dd HH:mm:ss.SSS", false)]
    #[case("hh:mm a", false)]
    #[case("YYYY-'W'ww", false)]
    #[case("yyyy-MM-dd'T'HH:mm:ss'Z'", false)]
    #[case("UTC", false)]
    fn traps(#[case] pattern: &str, #[case] expected: bool) {
        assert_eq!(trap(pattern).is_some(), expected);
    }

    #[rstest]
    #[case("DATE_FORMAT(account, 'YYYY-MM-dd')", true)]
    #[case("DATE_FORMAT(account, 'yyyy-MM-dd')", false)]
    #[case("CONCAT('YYYY-MM-dd', DATE_FORMAT(account, 'yyyy'))", false)]
    fn a_pattern_in_a_statement(#[case] function: &str, #[case] expected: bool) {
        let insert = format!("INSERT INTO totals SELECT {function}, 1 FROM payments");
        assert_eq!(warned_with(&insert, "timeline: []\n", "W0111"), expected);
    }
}
