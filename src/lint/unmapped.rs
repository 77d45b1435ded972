//! A column of a type that Debezium leaves out.

use super::Rule;
use super::case::{Case, Found};
use super::causes::Told;
use super::records::{Lacking, Why, lacking};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0144",
    summary: "A table reads a column of a type that Debezium leaves out of its records.",
    reason: "Debezium has no form for some types of Postgres (`box`, `path`, `pg_lsn`, multiranges and the like): unless `include.unknown.datatypes` is true, their columns are in no record, and a statement reads NULL.",
    fix: "keep the value in a column of another type (`text`, numbers) beside it, or set `include.unknown.datatypes` to true and decode the bytes",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for told in told(case) {
        told.warn(case, found);
    }
}

pub(super) fn told<'a>(case: &Case<'a>) -> Vec<Told<'a>> {
    let all = lacking(case).into_iter();
    all.filter(|lacking| matches!(lacking.why, Why::Unmapped(_))).map(Lacking::told).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::told_of;

    #[rstest]
    #[case("box", "", 1)]
    #[case("pg_lsn", "", 1)]
    #[case("int4multirange NOT NULL", "", 1)]
    #[case("box", "include.unknown.datatypes: 'true'", 0)]
    #[case("point", "", 0)]
    #[case("int4range", "", 0)]
    #[case("text", "", 0)]
    fn a_type_without_form(#[case] kind: &str, #[case] options: &str, #[case] n: usize) {
        let source = format!("CREATE TABLE t (id int PRIMARY KEY, v {kind})");
        let with = "'connector' = 'kafka', 'format' = 'debezium-json'";
        assert_eq!(told_of(&source, "id INT, v STRING", with, options, "W0144").len(), n);
    }
}
