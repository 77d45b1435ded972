//! `set`: settings that change while the timeline runs.

use super::Reader;
use super::settings::{Of, has_objects};
use super::timeline::Around;
use crate::scenario::code::Code;
use crate::scenario::settings::Settings;
use crate::scenario::timeline::Action;
use crate::scenario::yaml::{Key, Node};

/// Options of the connector that decide which topics there are and what is captured: exact names,
/// and prefixes that end in a dot. A transform that names other topics, and a converter of another
/// format, are refused once the whole configuration is known.
const FIXED: [&str; 10] = [
    "exactly.once.support",
    "heartbeat.interval.ms",
    "lsn.flush.mode",
    "plugin.name",
    "provide.transaction.metadata",
    "publication.",
    "schema.include.list",
    "schema.exclude.list",
    "table.",
    "topic.",
];

impl Reader<'_> {
    /// `{partitions: {orders: 3}}`.
    pub(super) fn change(&mut self, node: &Node, around: Around<'_>) -> Option<Action> {
        let errors = self.diagnostics.len();
        let file = node.at.place.file.clone();
        let found = self.settings(node, (&file, around.catalogue), Of::Set);
        if self.diagnostics.len() > errors {
            return None;
        }
        let manners =
            found.iter().find(|setting| setting.path.first().is_some_and(|of| of == "s3"));
        if let Some(manners) = manners.filter(|_| !has_objects(around.settings)) {
            let message = "nothing is kept in object storage here, so that nobody meets this";
            self.error(Code::UnreadAxis, &manners.at, message)
                .help("write `storage: s3` under `settings`");
            return None;
        }
        let mut settings = Settings::default();
        for setting in &found {
            for choice in &setting.choices {
                settings.set(&setting.path, &choice.value);
            }
        }
        if settings == Settings::default() {
            self.error(Code::NoValue, &node.at, "the entry sets nothing")
                .help("write what changes, e.g. `set: {partitions: {orders: 3}}`");
            return None;
        }
        Some(Action::Set(Box::new(settings)))
    }

    /// Refuses an option that cannot change while records are written.
    pub(super) fn check_fixed(&mut self, path: &[String], option: &Key) {
        let name = option.name.as_str();
        let is_it =
            |fixed: &&&str| **fixed == name || (fixed.ends_with('.') && name.starts_with(**fixed));
        let is_fixed = FIXED.iter().any(|fixed| is_it(&fixed));
        if path.first().is_none_or(|first| first != "connector") || !is_fixed {
            return;
        }
        let message = format!(
            "`{name}` decides which topics there are or how they are read, and these stay as they \
             are during a run"
        );
        self.error(Code::OwnedOption, &option.at, message)
            .help("write it under `settings: {connector: …}`; a list there compares its values");
    }
}
