//! Rows of the source DDL that are others at each run.

use std::collections::BTreeSet;

use super::Rule;
use super::case::{Case, Found};
use crate::base::text::Span;
use crate::sql::postgres::{inserted, is_volatile};
use crate::sql::schema::Schema;

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0149",
    summary: "Rows of the source DDL have different values at each run.",
    reason: "The rows that the source DDL leaves behind are the set-up, with the values that they have in this run. A clock, a random number or a new UUID in them, or in a default that they leave to the table, is another one next time: an expectation of it holds once.",
    fix: "write the value itself, or leave the column out of what is expected",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    let schema = Schema::of(&case.ddl);
    let mut told = BTreeSet::new();
    for statement in &case.ddl {
        let Some((table_schema, name, columns)) = inserted(statement) else { continue };
        let table = schema.table(&table_schema, &name);
        let left = |column: &str| {
            columns.as_ref().is_some_and(|named| !named.iter().any(|name| name == column))
        };
        let mut moving: Vec<&str> = table
            .iter()
            .flat_map(|table| &table.columns)
            .filter(|column| column.is_volatile && left(&column.name))
            .map(|column| column.name.as_str())
            .collect();
        moving.sort_unstable();
        let what = match (is_volatile(statement), moving.as_slice()) {
            (true, _) => "a value that it calculates is another one at each run".to_owned(),
            (false, []) => continue,
            (false, [one]) => format!("the default of `{one}` is another one at each run"),
            (false, all) => {
                let names: Vec<_> = all.iter().map(|name| format!("`{name}`")).collect();
                format!("the defaults of {} are others at each run", names.join(", "))
            }
        };
        // A dump may write a table with a statement for each row.
        if told.insert((table_schema, name.clone(), what.clone())) {
            let span = Span::new(0, statement.value.len().min(6));
            found.at(statement, span, format!("rows of the source DDL in `{name}`: {what}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::told_of;

    #[rstest]
    #[case("INSERT INTO t VALUES (1, now())", 1)]
    #[case("INSERT INTO t (id) VALUES (1); INSERT INTO t (id) VALUES (2)", 1)]
    #[case("INSERT INTO t (id, at) VALUES (1, '2024-01-01')", 0)]
    #[case("INSERT INTO t VALUES (1, '2024-01-01')", 0)]
    #[case(
        "ALTER TABLE t ALTER COLUMN at SET DEFAULT '2024-01-01'; INSERT INTO t (id) VALUES (1)",
        0
    )]
    #[case("SELECT now()", 0)]
    fn rows_that_move(#[case] rows: &str, #[case] n: usize) {
        let source =
            format!("CREATE TABLE t (id int PRIMARY KEY, at timestamptz DEFAULT now()); {rows}");
        let with = "'connector' = 'kafka', 'format' = 'debezium-json'";
        assert_eq!(told_of(&source, "id INT", with, "", "W0149").len(), n, "{rows}");
    }
}
