//! An update of the primary key is expected as an update.

use super::Rule;
use super::case::{Case, Found};
use super::writes::{Does, Write};
use crate::sql::token::{Kind, Language, significant};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0104",
    summary: "An update of a primary key is expected as `u`.",
    reason: "The connector writes a change of the key as a delete of the old key with a tombstone, and a create of the new one: no record with `u` ever carries it.",
    fix: "expect `d null` as the end of the old key's life, and `c` as the beginning of the new one's",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    // The key of the records may be another than that of the table.
    if case.trial.settings.connector.contains_key("message.key.columns") {
        return;
    }
    for (_, write) in case.writes.iter().filter(|(_, write)| write.does == Does::Update) {
        let Some(source) = case.source(&write.table) else { continue };
        if case.is_control(&[&source.name])
            || !write.sets.iter().any(|(column, _)| source.primary_key.contains(column))
        {
            continue;
        }
        let Some(old) = old_key(write, &source.primary_key) else { continue };
        let lives = case.trial.expect.life.get(&source.name);
        let Some(life) = lives.and_then(|lives| lives.get(&old)) else { continue };
        let has =
            |event: &str| life.items.iter().any(|item| item.events.iter().any(|own| own == event));
        if has("u") && !has("d") {
            let message = format!(
                "the primary key {old} of `{}` is changed in this scenario: that is a delete of this key, not an update",
                source.name
            );
            found.at_place(&life.place, message);
        }
    }
}

/// The value after `WHERE key =`, for a key of one column.
fn old_key(write: &Write<'_>, key: &[String]) -> Option<String> {
    let [column] = key else { return None };
    let tokens = significant(Language::Postgres, &write.text.value);
    let at = tokens.iter().position(|token| token.is("WHERE"))?;
    let [name, equals, value, ..] = tokens.get(at + 1..)? else { return None };
    if !name.is(column) || !equals.is_symbol("=") {
        return None;
    }
    value.string().or_else(|| (value.kind == Kind::Number).then(|| value.text.to_owned()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned;

    #[rstest]
    #[case("UPDATE customers SET id = 2 WHERE id = 1", "r u", true)]
    #[case("UPDATE customers SET id = 2 WHERE id = 1", "r d null", false)]
    #[case("UPDATE customers SET name = 'Eve' WHERE id = 1", "r u", false)]
    fn a_changed_key(#[case] sql: &str, #[case] life: &str, #[case] expected: bool) {
        let rest =
            format!("timeline:\n  - a: {sql}\nexpect:\n  life:\n    customers:\n      1: {life}\n");
        assert_eq!(warned(&rest, "W0104"), expected);
    }
}
