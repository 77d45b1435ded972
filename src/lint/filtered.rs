//! A column that the connector's own list leaves out of the records.

use super::Rule;
use super::case::{Case, Found};
use super::causes::Told;
use super::records::{Lacking, Why, lacking};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0142",
    summary: "A table reads a column that the connector's column list leaves out.",
    reason: "The values of the records do not have it, so that it is always NULL; a column of the primary key stays in the record's key alone, where Flink's debezium formats do not look.",
    fix: "take the column out of `column.exclude.list` or into `column.include.list`, or take it out of the table",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for told in told(case) {
        told.warn(case, found);
    }
}

pub(super) fn told<'a>(case: &Case<'a>) -> Vec<Told<'a>> {
    let all = lacking(case).into_iter();
    all.filter(|lacking| matches!(lacking.why, Why::Filtered(_))).map(Lacking::told).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::told_of;

    #[rstest]
    #[case("column.exclude.list: public.t.id", "id INT, v STRING", "the key column `id`")]
    #[case("column.exclude.list: 'public.u.v, PUBLIC.T.V'", "id INT, v STRING", "the column `v`")]
    #[case("column.include.list: public.t.v", "id INT, v STRING", "the key column `id`")]
    #[case("column.exclude.list: '.*\\.v'", "v STRING", "`column.exclude.list` leaves")]
    #[case("column.exclude.list: public.t.v", "id INT", "")]
    #[case("column.include.list: 'public.t.(id|v)'", "id INT, v STRING", "")]
    #[case("column.exclude.list: public.tt.v", "id INT, v STRING", "")]
    #[case("column.exclude.list: '(?!x)v'", "v STRING", "")]
    fn a_column_that_is_filtered_out(
        #[case] option: &str,
        #[case] columns: &str,
        #[case] message: &str,
    ) {
        let source = "CREATE TABLE t (id int PRIMARY KEY, v text)";
        let with = "'connector' = 'kafka', 'format' = 'debezium-json'";
        let told = told_of(source, columns, with, option, "W0142");
        match message {
            "" => assert_eq!(told, [""; 0]),
            message => assert!(told.iter().any(|told| told.contains(message)), "{told:?}"),
        }
    }
}
