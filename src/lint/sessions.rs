//! A session that does nothing.

use std::collections::BTreeMap;

use super::Rule;
use super::case::{Case, Found};
use crate::base::text::{Place, Text};
use crate::scenario::timeline::{Action, SessionEntry};
use crate::sql::postgres::{Kind, kind};
use crate::sql::token::{Language, significant};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0106",
    summary: "A session writes nothing, locks nothing, and nothing waits for it.",
    reason: "Usually the statement that matters was forgotten, or stands under the name of another session; the scenario then passes without having tried what its title says.",
    fix: "write the missing statement, or take the session out",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    let mut sessions: BTreeMap<&str, Vec<(&Place, &SessionEntry)>> = BTreeMap::new();
    let mut awaited: Vec<&str> = Vec::new();
    for entry in &case.trial.timeline {
        let Action::Session(session) = &entry.action else { continue };
        sessions.entry(&session.session).or_default().push((&entry.place, session));
        awaited.extend(session.blocks_on.as_deref());
    }
    for (name, entries) in sessions {
        let idles =
            |entry: &SessionEntry| entry.error.is_none() && entry.statements.iter().all(is_idle);
        if awaited.contains(&name) || !entries.iter().all(|(_, entry)| idles(entry)) {
            continue;
        }
        if let Some((place, _)) = entries.first() {
            found.at_place(
                place,
                format!("session `{name}` does nothing that anybody could notice"),
            );
        }
    }
}

/// Begins or ends a transaction, or reads without a lock.
fn is_idle(statement: &Text) -> bool {
    let tokens = significant(Language::Postgres, &statement.value);
    let reads = tokens.first().is_some_and(|token| token.is("SELECT") || token.is("SHOW"));
    // A function may do anything, so that only a read without a call counts as idle.
    let calls =
        tokens.iter().any(|token| token.is_symbol("(") || token.is("FOR") || token.is("INTO"));
    match kind(statement) {
        Kind::Begin
        | Kind::Commit
        | Kind::Chain
        | Kind::Rollback
        | Kind::Savepoint
        | Kind::RollbackTo => true,
        _ => reads && !calls,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned;

    #[rstest]
    #[case("  - b: BEGIN\n  - b: COMMIT\n", true)]
    #[case("  - b: SELECT * FROM customers\n", true)]
    #[case("  - b: SELECT * FROM customers FOR UPDATE\n", false)]
    #[case("  - b: SELECT pg_logical_emit_message(true, 'outbox', 'x')\n", false)]
    #[case("  - b: BEGIN; DELETE FROM customers; COMMIT\n", false)]
    fn a_session_beside_one_that_writes(#[case] entries: &str, #[case] expected: bool) {
        let rest = format!("timeline:\n  - a: INSERT INTO customers VALUES (1, 'Ann')\n{entries}");
        assert_eq!(warned(&rest, "W0106"), expected);
    }
}
