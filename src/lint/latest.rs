//! A changelog that is read from its end.

use super::Rule;
use super::case::{Case, Found, is_changelog};
use super::causes::Told;

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0146",
    summary: "A changelog source is read from its latest offset.",
    reason: "An update or a delete takes back a row that was written before: a reader that begins at the end of the topic has never seen it, so that sums, joins and filters are wrong from the first change on, and rows that never change again are missing.",
    fix: "write 'scan.startup.mode' = 'earliest-offset'; with a compacted topic that is one record a key",
    check,
};

const MODE: &str = "scan.startup.mode";

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for told in told(case) {
        told.warn(case, found);
    }
}

pub(super) fn told<'a>(case: &Case<'a>) -> Vec<Told<'a>> {
    let mut all = Vec::new();
    for (text, table) in case.tables() {
        let name = table.name.table();
        let Some(with) = table.with.as_ref().filter(|_| is_changelog(table)) else { continue };
        let sinks = case.sinks_over(name).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>();
        let set = case.trial.settings.tables.get(name).and_then(|options| options.get(MODE));
        let written = with.options.iter().find(|option| option.key == MODE);
        let mode = set.or(written.map(|option| &option.value));
        if sinks.is_empty() || mode.is_none_or(|mode| mode != "latest-offset") {
            continue;
        }
        let span = written.map_or(table.name.span, |option| option.span);
        let message = format!("`{name}` is a changelog and is read from its end only");
        all.push(Told { text, span, message, sinks, column: None, topic: None });
    }
    all
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::told_of;

    #[rstest]
    #[case("'format' = 'debezium-json', 'scan.startup.mode' = 'latest-offset'", 1)]
    #[case("'value.format' = 'debezium-avro-confluent', 'scan.startup.mode' = 'latest-offset'", 1)]
    #[case("'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset'", 0)]
    #[case("'format' = 'debezium-json'", 0)]
    #[case("'format' = 'json', 'scan.startup.mode' = 'latest-offset'", 0)]
    fn a_changelog_from_its_end(#[case] with: &str, #[case] n: usize) {
        let with = format!("'connector' = 'kafka', {with}");
        let source = "CREATE TABLE t (id int PRIMARY KEY)";
        assert_eq!(told_of(source, "id INT", &with, "", "W0146").len(), n);
    }
}
