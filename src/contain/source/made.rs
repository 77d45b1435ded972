//! The roles and databases that the author's files make themselves.

use std::collections::BTreeSet;

use super::command::{self, Command};
use crate::base::text::Text;

/// Names of roles and databases that are there once the files have been run.
#[derive(Debug, Clone, Default)]
pub(super) struct Made {
    roles: BTreeSet<String>,
    databases: BTreeSet<String>,
    /// Databases that psql would connect to: the run's own stands for them.
    own: BTreeSet<String>,
    /// The schema `public` is dropped.
    without_public: bool,
}

impl Made {
    /// Those that these statements make, at whatever place.
    pub(super) fn by<'a>(statements: impl Iterator<Item = &'a Text>) -> Self {
        let mut made = Self::default();
        for statement in statements {
            command::each(statement, &mut |_, command| made.note(command));
        }
        made
    }

    /// Of a shadow, which is made of what is left of the source's own DDL, and has no roles.
    pub(super) fn of_shadow() -> Self {
        Self { without_public: true, ..Self::default() }
    }

    /// The same where psql would connect to these databases.
    pub(super) fn connected(mut self, names: BTreeSet<String>) -> Self {
        self.databases.retain(|name| !names.contains(name));
        self.own = names;
        self
    }

    fn note(&mut self, command: Command<'_>) {
        let drops = command.begins(&["DROP", "SCHEMA"]);
        self.without_public |= drops && command.0.iter().any(|token| token.is("PUBLIC"));
        let is_role = command.is_any(1, &ROLE_WORDS);
        let renamed = command.outside("RENAME").map(|n| n + 2);
        let at = if command.is(0, "CREATE") { Some(2) } else { renamed };
        let name = at.and_then(|n| command.name(n)).map(|(name, _)| name);
        if is_role && command.is_any(0, &["CREATE", "ALTER"]) {
            self.roles.extend(name);
        } else if command.is_any(0, &["CREATE", "ALTER"]) && command.is(1, "DATABASE") {
            self.databases.extend(name);
        }
    }

    /// The role is there: made by the files, or one that every server has. The server's superuser
    /// does not count: the author's SQL has no rights over it.
    pub(super) fn has_role(&self, name: &str) -> bool {
        const ALWAYS: [&str; 7] =
            ["public", "current_user", "current_role", "session_user", "user", "none", "all"];
        ALWAYS.contains(&name) || name.starts_with("pg_") || self.roles.contains(name)
    }

    /// The run's own database stands for it.
    pub(super) fn is_own(&self, name: &str) -> bool {
        self.own.contains(name)
    }

    /// The schema `public` is there, as in every database.
    pub(super) fn has_public(&self) -> bool {
        !self.without_public
    }

    /// The files make the database.
    pub(super) fn has_database(&self, name: &str) -> bool {
        self.databases.contains(name)
    }
}

/// The words that a role goes by.
pub(super) const ROLE_WORDS: [&str; 3] = ["ROLE", "USER", "GROUP"];
