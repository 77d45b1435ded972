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
