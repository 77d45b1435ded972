//! Options of the connector that Debezium's connector for Postgres does not know.

use super::Rule;
use super::case::{Case, Found};
pub use crate::contain::connector::known::LISTED;
use crate::contain::connector::known::UNLISTED;
use crate::dialect::connector::is_managed;
use crate::scenario::nearest;
use crate::scenario::settings::Options;

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0112",
    summary: "The connector has an option that Debezium's connector for Postgres does not know.",
    reason: "Connect accepts every option, and Debezium ignores those that it does not know, without a word: what the line was written for does not happen, in production as here.",
    fix: "write the option that is meant, or take the line out, which changes nothing",
    check,
};

/// What options begin with whose rest is free: other classes read them.
const FAMILIES: &[&str] = &[
    "admin.override.",
    "column.",
    "consumer.override.",
    "custom.",
    "database.",
    "driver.",
    "errors.",
    "header.converter.",
    "internal.",
    "key.converter.",
    "notification.",
    "offsets.",
    "openlineage.",
    "predicates.",
    "producer.override.",
    "signal.",
    "snapshot.select.statement.overrides.",
    "topic.creation.",
    "transforms.",
    "value.converter.",
];

/// What options are called today.
const RENAMED: &[(&str, &str)] = &[
    ("column.blacklist", "column.exclude.list"),
    ("column.whitelist", "column.include.list"),
    ("database.server.name", "topic.prefix"),
    ("database.ssl.mode", "database.sslmode"),
    ("sanitize.field.names", "field.name.adjustment.mode"),
    ("schema.blacklist", "schema.exclude.list"),
    ("schema.whitelist", "schema.include.list"),
    ("table.blacklist", "table.exclude.list"),
    ("table.whitelist", "table.include.list"),
    ("toasted.value.placeholder", "unavailable.value.placeholder"),
    ("transaction.topic", "topic.transaction"),
];

/// Options of Debezium's other connectors: exact names, and beginnings that end in a dot.
const OF_OTHERS: &[(&str, &str)] = &[
    ("bigint.unsigned.handling.mode", "MySQL"),
    ("binlog.", "MySQL"),
    ("capture.mode", "MongoDB"),
    ("capture.scope", "MongoDB"),
    ("capture.target", "MongoDB"),
    ("collection.exclude.list", "MongoDB"),
    ("collection.include.list", "MongoDB"),
    ("connect.keep.alive", "MySQL"),
    ("database.connection.adapter", "Oracle"),
    ("database.exclude.list", "MySQL"),
    ("database.history.", "MySQL, Oracle or SQL Server"),
    ("database.include.list", "MySQL"),
    ("database.instance", "SQL Server"),
    ("database.names", "SQL Server"),
    ("database.pdb.name", "Oracle"),
    ("database.server.id", "MySQL"),
    ("enable.time.adjuster", "MySQL"),
    ("field.exclude.list", "MongoDB"),
    ("field.renames", "MongoDB"),
    ("gtid.", "MySQL"),
    ("include.query", "MySQL"),
    ("include.schema.changes", "MySQL, Oracle or SQL Server"),
    ("inconsistent.schema.handling.mode", "MySQL"),
    ("log.mining.", "Oracle"),
    ("mongodb.", "MongoDB"),
    ("schema.history.internal.", "MySQL, Oracle or SQL Server"),
    ("schema.history.internal", "MySQL, Oracle or SQL Server"),
];

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    // What the managed connector does not know is refused as it is mapped.
    for options in case.connectors.iter().filter(|options| !is_managed(options)) {
        for key in options.keys() {
            if let Some(message) = told(key, options) {
                found.at_key(key, message);
            }
        }
    }
}

/// What becomes of an option that has no effect.
fn told(key: &str, options: &Options) -> Option<String> {
    let is = |name: &str| key == name || (name.ends_with('.') && key.starts_with(name));
    if let Some((_, new)) = RENAMED.iter().find(|(old, _)| key == *old) {
        return Some(format!("Debezium 3 ignores `{key}`: it is called `{new}` now"));
    }
    if let Some((_, database)) = OF_OTHERS.iter().find(|(name, _)| is(name)) {
        return Some(format!(
            "Debezium's connector for Postgres ignores `{key}`, an option of that for {database}"
        ));
    }
    if known().any(is) || FAMILIES.iter().any(|family| is(family)) || is_of_class(key, options) {
        return None;
    }
    let near = nearest(key, known()).map(|near| format!("; did you mean `{near}`?"));
    Some(format!(
        "Debezium's connector for Postgres has no option `{key}`, and ignores it{}",
        near.unwrap_or_default()
    ))
}

fn known() -> impl Iterator<Item = &'static str> {
    LISTED.lines().chain(UNLISTED.iter().copied())
}

/// Whether an option belongs to a converter or post processor that the configuration names.
fn is_of_class(key: &str, options: &Options) -> bool {
    let lists = ["converters", "post.processors"].into_iter().filter_map(|list| options.get(list));
    let mut names = lists.flat_map(|list| list.split(',')).map(str::trim);
    names.any(|name| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::lint::testing::warned;

    #[rstest]
    #[case("database.server.name", "it is called `topic.prefix` now")]
    #[case("table.whitelist", "it is called `table.include.list` now")]
    #[case("database.server.id", "an option of that for MySQL")]
    #[case("mongodb.connection.string", "an option of that for MongoDB")]
    #[case("schema.history.internal.kafka.topic", "an option of that for MySQL, Oracle")]
    #[case("snapshot.mod", "did you mean `snapshot.mode`?")]
    #[case("tombstone.on.delete", "did you mean `tombstones.on.delete`?")]
    #[case("quite.another", "has no option `quite.another`, and ignores it")]
    fn an_option_without_effect_is_told(#[case] key: &str, #[case] message: &str) {
        let found = told(key, &Options::new()).unwrap();
        assert!(found.contains(message), "{found}");
    }

    #[rstest]
    #[case("snapshot.mode")]
    #[case("topic.delimiter")]
    #[case("column.mask.with.5.chars")]
    #[case("transforms.route.regex")]
    #[case("database.sslmode")]
    #[case("isbn.type")]
    fn an_option_with_effect_is_not(#[case] key: &str) {
        let options = Options::from([("converters".to_owned(), "uuid, isbn".to_owned())]);
        assert_eq!(told(key, &options), None);
    }

    #[test]
    fn the_lists_tell_each_option_once() {
        let listed: Vec<_> = LISTED.lines().collect();
        assert!(UNLISTED.iter().all(|option| !listed.contains(option)));
        assert!(RENAMED.iter().all(|(old, new)| {
            !known().any(|option| option == *old) && known().any(|option| option == *new)
        }));
    }

    #[test]
    fn a_scenario_is_warned() {
        let rest = "settings: {connector: {snapshot.mod: never}}\n\
                    timeline:\n  - a: INSERT INTO payments VALUES (1, 'ann', 5)\n";
        assert!(warned(rest, "W0112"));
        assert!(!warned(&rest.replace("mod:", "mode:"), "W0112"));
    }
}
