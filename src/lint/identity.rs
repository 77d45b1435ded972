//! A changelog with old rows is read from a table that does not give them.

use super::Rule;
use super::case::{Case, Found};
use super::writes::Does;
use crate::scenario::settings::ReplicaIdentity;

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0108",
    summary: "A topic is read as debezium-json although its table's replica identity is not `full`.",
    reason: "The format takes the old row from `before`. Under the identity `default` an update has none, and the statement fails on the first one and restarts for ever; a delete has the key alone, and retracts a row that never was.",
    fix: "set `replica_identity: full` for the table, or read the topic as upsert-kafka with the value's `after`",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for (text, table) in case.tables() {
        let Some(source) = case.source_of(table) else { continue };
        let format = table
            .with
            .as_ref()
            .and_then(|with| with.get("format").or_else(|| with.get("value.format")));
        let is_debezium = format.is_some_and(|format| format.starts_with("debezium"));
        let changes = case
            .writes
            .iter()
            .any(|(_, write)| write.table == source.name && write.does != Does::Insert);
        let mut places = case.sinks_of_source(&source.name);
        places.push(&source.name);
        if !is_debezium
            || !changes
            || case.identity(&source.name) == ReplicaIdentity::Full
            || case.is_control(&places)
        {
            continue;
        }
        let message = format!(
            "`{}` needs the old rows of `{}`, whose replica identity is not `full`, and this scenario updates or deletes there",
            table.name.table(),
            source.name
        );
        found.at(text, table.name.span, message);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned;

    #[rstest]
    #[case("default", "UPDATE payments SET amount = 6", true)]
    #[case("full", "UPDATE payments SET amount = 6", false)]
    #[case("default", "INSERT INTO payments VALUES (1, 'ann', 5)", false)]
    fn a_changelog_over_an_identity(
        #[case] identity: &str,
        #[case] sql: &str,
        #[case] expected: bool,
    ) {
        let rest = format!("settings: {{replica_identity: {identity}}}\ntimeline:\n  - a: {sql}\n");
        assert_eq!(warned(&rest, "W0108"), expected);
    }

    #[test]
    fn a_control_knows() {
        let rest = "settings: {replica_identity: default}\ntimeline:\n  - a: DELETE FROM payments\n\
                    expect:\n  must_show:\n    - diverged-sink: totals\n";
        assert!(!warned(rest, "W0108"));
    }
}
