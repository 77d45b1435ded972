//! An expectation on a table that the connector does not capture.

use super::Rule;
use super::case::{Case, Found};
use crate::scenario::settings::Options;
use crate::sql::postgres::SourceTable;

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0105",
    summary: "Something is expected of a table that the connector does not capture.",
    reason: "The lists of schemas and tables in the connector's options leave the table out: no record of it ever reaches a topic, so the expectation can only fail or say nothing.",
    fix: "add the table to `table.include.list` of the connector, or take the expectation out",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for source in case.sources.iter().filter(|source| !is_captured(case, source)) {
        let name = source.name.as_str();
        let message = || format!("the connector does not capture `{}.{name}`", source.schema);
        for life in case.trial.expect.life.get(name).into_iter().flat_map(|lives| lives.values()) {
            found.at_place(&life.place, message());
        }
        for demand in case.trial.expect.must_show.iter().filter(|demand| demand.place == name) {
            found.at_place(&demand.at, message());
        }
        for (text, table) in case.tables() {
            if case.source_of(table).is_some_and(|of| of.name == name) {
                found.at(text, table.name.span, message());
            }
        }
    }
}

/// Lists of patterns that are no plain names are not judged: the table counts as captured.
fn is_captured(case: &Case<'_>, source: &SourceTable) -> bool {
    case.connectors.iter().any(|options| is_captured_by(options, source))
}

fn is_captured_by(options: &Options, source: &SourceTable) -> bool {
    let option = |key: &str| options.get(key).filter(|list| !list.trim().is_empty());
    let table = format!("{}.{}", source.schema, source.name);
    let named = |key: &str, name: &str| option(key).map(|list| listed(list, name));
    let left_out = [
        named("table.include.list", &table) == Some(Some(false)),
        named("table.exclude.list", &table) == Some(Some(true)),
        named("schema.include.list", &source.schema) == Some(Some(false)),
        named("schema.exclude.list", &source.schema) == Some(Some(true)),
    ];
    !left_out.contains(&true)
}

/// Whether a list of patterns names this; `None` if one of them is more than a name.
fn listed(list: &str, name: &str) -> Option<bool> {
    let plain = |pattern: &str| pattern.trim().replace("\\.", ".");
    let patterns: Vec<String> = list.split(',').map(plain).collect();
    let is_name = |pattern: &String| {
        pattern.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
    };
    patterns
        .iter()
        .all(is_name)
        .then(|| patterns.iter().any(|pattern| pattern.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::lint::testing::warned;

    #[rstest]
    #[case("table.include.list: public.payments", true)]
    #[case("table.include.list: 'public.payments,public\\.customers, public.orders'", false)]
    #[case("table.include.list: 'public\\.c.*'", false)]
    #[case("table.exclude.list: public.customers", true)]
    fn a_table_outside_of_the_lists(#[case] option: &str, #[case] expected: bool) {
        let rest = format!(
            "settings:\n  connector:\n    {option}\n\
             timeline:\n  - a: INSERT INTO customers VALUES (1, 'Ann')\nexpect:\n  life:\n    customers:\n      1: c\n"
        );
        assert_eq!(warned(&rest, "W0105"), expected);
    }

    #[test]
    fn patterns_that_are_more_than_names_are_not_judged() {
        assert_eq!(listed("public.a, public.b", "public.b"), Some(true));
        assert_eq!(listed("public.(a|b)", "public.c"), None);
    }
}
