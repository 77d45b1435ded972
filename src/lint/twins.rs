//! A second table that is captured only because its name differs in case.

use itertools::Itertools as _;

use super::Rule;
use super::case::{Case, Found};
use crate::model::lists::listed;

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0145",
    summary: "A list of tables matches a second table whose name differs only in case.",
    reason: "Debezium's lists do not look at case: `public.orders` captures `public.\"Orders\"` too, whose records go to a topic that nobody asked for (or, where case is lost on the way, into the same).",
    fix: "give one of the tables another name, or leave one out by an expression that looks at case: `(?-i:public\\.orders)`",
    check,
};

const LISTS: [&str; 2] = ["table.include.list", "table.exclude.list"];

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for (options, option) in case.connectors.iter().cartesian_product(LISTS) {
        let Some(list) = options.get(option).filter(|list| !list.trim().is_empty()) else {
            continue;
        };
        for (n, one) in case.captures.iter().enumerate() {
            for other in case.captures.iter().skip(n + 1) {
                let (one, other) = (one.full(), other.full());
                let are_twins = one != other && one.eq_ignore_ascii_case(&other);
                let hold = listed(list, &one) == Some(true) && listed(list, &other) == Some(true);
                // Who names both means both.
                let names =
                    |name: &str| list.replace('\\', "").split(',').any(|l| l.trim() == name);
                if are_twins && hold && !(names(&one) && names(&other)) {
                    let does = if option.contains("include") { "captures" } else { "leaves out" };
                    let message = format!(
                        "`{option}` {does} both `{one}` and `{other}`: it does not look at case"
                    );
                    found.at_key(option, message);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::told_of;

    #[rstest]
    #[case("table.include.list: public.orders", "\"Orders\"", 1)]
    #[case("table.exclude.list: public.orders", "\"ORDERS\"", 1)]
    #[case("table.include.list: 'public\\.o.*'", "\"Orders\"", 1)]
    #[case("table.include.list: 'public.orders,public.Orders'", "\"Orders\"", 0)]
    #[case("table.include.list: '(?-i:public\\.orders)'", "\"Orders\"", 0)]
    #[case("table.include.list: public.orders", "orders2", 0)]
    #[case("schema.include.list: public", "\"Orders\"", 0)]
    fn a_twin(#[case] option: &str, #[case] other: &str, #[case] n: usize) {
        let source = format!(
            "CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE {other} (id int PRIMARY KEY)"
        );
        let with = "'connector' = 'kafka', 'format' = 'debezium-json'";
        assert_eq!(told_of(&source, "id INT", with, option, "W0145").len(), n);
    }
}
