//! A generated column, which is not in the WAL.

use super::Rule;
use super::case::{Case, Found};
use super::causes::Told;
use super::records::{Lacking, Why, lacking};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0143",
    summary: "A table reads a generated column, which only rows of a snapshot have.",
    reason: "A stored generated column is not in the WAL: Postgres leaves it out of logical decoding (before `publish_generated_columns` of Postgres 18 at all). The snapshot reads it with a SELECT, and each change after it brings NULL.",
    fix: "compute the column in the statement, from the columns that it is generated of",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for told in told(case) {
        told.warn(case, found);
    }
}

pub(super) fn told<'a>(case: &Case<'a>) -> Vec<Told<'a>> {
    let all = lacking(case).into_iter();
    all.filter(|lacking| matches!(lacking.why, Why::Generated)).map(Lacking::told).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::told_of;

    const DEBEZIUM: &str = "'connector' = 'kafka', 'format' = 'debezium-json'";
    const JSON: &str = "'connector' = 'kafka', 'format' = 'json'";

    #[rstest]
    #[case("id INT, twice INT", DEBEZIUM, 1)]
    #[case("`after` ROW<id INT, twice INT>, `before` ROW<twice INT>", JSON, 2)]
    #[case("id INT, twice AS id * 2", DEBEZIUM, 0)]
    #[case("id INT, serial INT", DEBEZIUM, 0)]
    fn a_generated_column(#[case] columns: &str, #[case] with: &str, #[case] n: usize) {
        let source = "CREATE TABLE t (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED, serial int GENERATED ALWAYS AS IDENTITY)";
        assert_eq!(told_of(source, columns, with, "", "W0143").len(), n);
    }
}
