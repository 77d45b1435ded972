//! Which tables a connector captures, by the lists in its options.
//!
//! Source: Debezium's manual, PostgreSQL connector, properties `table.include.list`,
//! `table.exclude.list`, `schema.include.list` and `schema.exclude.list`. Seen on 3.6.3 (scenario
//! `connectors/joined`).

use super::pattern::Pattern;
use crate::scenario::settings::Options;

/// Whether a list of Debezium's expressions, which do not look at upper and lower case, holds for a
/// name; `None` if one of them cannot be read here.
pub fn listed(list: &str, name: &str) -> Option<bool> {
    let patterns = list.split(',').map(|one| Pattern::of(&format!("(?i:{})", one.trim())));
    let patterns = patterns.collect::<Result<Vec<_>, _>>().ok()?;
    Some(patterns.iter().any(|pattern| pattern.holds(name)))
}

/// Whether a connector's lists of schemas and tables let a table through; `None` if one of them cannot
/// be read here.
pub fn captures(options: &Options, schema: &str, table: &str) -> Option<bool> {
    let full = format!("{schema}.{table}");
    let lists = [
        ("table.include.list", full.as_str(), true),
        ("table.exclude.list", full.as_str(), false),
        ("schema.include.list", schema, true),
        ("schema.exclude.list", schema, false),
    ];
    let mut is_whole = true;
    for (option, name, wanted) in lists {
        let Some(list) = options.get(option).filter(|list| !list.trim().is_empty()) else {
            continue;
        };
        match listed(list, name) {
            Some(holds) if holds == wanted => {}
            Some(_) => return Some(false),
            None => is_whole = false,
        }
    }
    is_whole.then_some(true)
}

/// The connector that captures a table, by its place; `None` where none of several does. What a single
/// connector leaves out is named by it all the same.
pub fn of_table(connectors: &[Options], schema: &str, table: &str) -> Option<usize> {
    if connectors.len() < 2 {
        return Some(0);
    }
    let place = |wanted| {
        let mut all = connectors.iter();
        all.position(|options| captures(options, schema, table) == wanted)
    };
    place(Some(true)).or_else(|| place(None))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("public.t.id", "public.t.id", Some(true))]
    #[case("public.t.ID, public.u.*", "public.t.id", Some(true))]
    #[case("public.t.i", "public.t.id", Some(false))]
    #[case(r".*\.id", "public.t.id", Some(true))]
    #[case("(?!a).*", "public.t.id", None)]
    fn lists_are_read_as_debezium_does(
        #[case] list: &str,
        #[case] name: &str,
        #[case] expected: Option<bool>,
    ) {
        assert_eq!(listed(list, name), expected);
    }

    fn options(pairs: &[(&str, &str)]) -> Options {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[rstest]
    #[case::no_list(&[], Some(true))]
    #[case::included(&[("table.include.list", "a.t,a.u")], Some(true))]
    #[case::another(&[("table.include.list", "a.u")], Some(false))]
    #[case::excluded(&[("table.exclude.list", "a.t")], Some(false))]
    #[case::of_its_schema(&[("schema.include.list", "A")], Some(true))]
    #[case::of_another(&[("schema.include.list", "b")], Some(false))]
    #[case::both(&[("schema.include.list", "a"), ("table.exclude.list", "a.t")], Some(false))]
    #[case::empty(&[("table.include.list", " ")], Some(true))]
    #[case::unread(&[("table.include.list", "(?!x)a.t")], None)]
    fn a_table_is_captured_where_every_list_lets_it_through(
        #[case] lists: &[(&str, &str)],
        #[case] expected: Option<bool>,
    ) {
        assert_eq!(captures(&options(lists), "a", "t"), expected);
    }

    #[test]
    fn a_table_belongs_to_the_connector_that_captures_it() {
        let one = options(&[("table.include.list", "a.t")]);
        let other = options(&[("schema.include.list", "b")]);
        let both = [one.clone(), other];
        assert_eq!(of_table(&both, "a", "t"), Some(0));
        assert_eq!(of_table(&both, "b", "t"), Some(1));
        assert_eq!(of_table(&both, "c", "t"), None);
        assert_eq!(of_table(&[one], "c", "t"), Some(0));
    }
}
