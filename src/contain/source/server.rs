//! Commands that touch more than their database: a trial with one of them gets a Postgres server of
//! its own.

use super::command::{self, Command};
use super::made::ROLE_WORDS;
use crate::base::text::Text;

/// A command of the statement, bodies of routines included, touches the whole server.
pub(super) fn is_touched(statement: &Text) -> bool {
    let mut touched = false;
    command::each(statement, &mut |_, command| touched |= touches(command));
    touched
}

fn touches(command: Command<'_>) -> bool {
    if command.is_any(0, &["CREATE", "ALTER", "DROP"]) {
        let role = command.is_any(1, &ROLE_WORDS) && !command.is(2, "MAPPING");
        let event = command.is(1, "EVENT") && command.is(2, "TRIGGER");
        return role || event || command.is_any(1, &["DATABASE", "OWNED"]);
    }
    if command.is_any(0, &["GRANT", "REVOKE"]) {
        // Without an object it is about membership in a role.
        return command
            .outside("ON")
            .is_none_or(|on| command.is_any(on + 1, &["DATABASE", "PARAMETER", "TABLESPACE"]));
    }
    if command.is(0, "COMMENT") || command.begins(&["SECURITY", "LABEL"]) {
        let shared = ["ROLE", "DATABASE", "TABLESPACE"];
        return command.outside("ON").is_some_and(|on| command.is_any(on + 1, &shared));
    }
    command.begins(&["REASSIGN", "OWNED"])
}

/// Extensions that Postgres does not trust everybody with, and that reach nothing but the database
/// or figures of the server.
const HARMLESS: [&str; 15] = [
    "amcheck",
    "autoinc",
    "bloom",
    "dict_xsyn",
    "earthdistance",
    "insert_username",
    "moddatetime",
    "pageinspect",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_prewarm",
    "pg_stat_statements",
    "pg_visibility",
    "pgrowlocks",
    "pgstattuple",
];

/// A command that only a superuser may run, without code of the author's in it: roles, event
/// triggers, publications of all tables, owners who may create nothing themselves, and extensions
/// that reach nothing.
pub(super) fn is_superusers(command: Command<'_>) -> bool {
    // Who that is depends on the session.
    const SELF: [&str; 3] = ["CURRENT_USER", "CURRENT_ROLE", "SESSION_USER"];
    let is_own = command.0.iter().any(|token| SELF.iter().any(|word| token.is(word)));
    if command.is_any(0, &["CREATE", "ALTER", "DROP"]) && command.is(1, "PUBLICATION") {
        return true;
    }
    if command.begins(&["CREATE", "EXTENSION"]) {
        let at = if command.is(2, "IF") { 5 } else { 2 };
        return command.name(at).is_some_and(|(name, _)| HARMLESS.contains(&name.as_str()));
    }
    let gives = command.is(0, "ALTER")
        && command
            .outside("OWNER")
            .is_some_and(|n| command.is(n + 1, "TO") && n + 3 == command.0.len());
    !is_own && (gives || touches(command))
}
