//! Tables of the statements whose rows are on a topic or in files, and the places of a run that stand
//! for those of production.

use super::files::Home;
use crate::base::text::{Place, Text};
use crate::client::reach::Reach;
use crate::history::event::{Part, SinkMode};
use crate::history::files::Kept;
use crate::model::pattern::Pattern;
use crate::run::names::Names;
use crate::sql::flink::{CreateTable, With};

/// The option of a table that says which records its reader sees.
pub(in crate::run) const ISOLATION: &str = "properties.isolation.level";

/// A table of the statements that stands on a topic, or in a folder of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicTable {
    /// The Flink table.
    pub name: String,
    /// Its topics' logical names; one, unless it reads a list. Of files: where production keeps
    /// them.
    pub topics: Vec<String>,
    /// How its rows are kept.
    pub kept: Kept,
    /// How it is written.
    pub mode: SinkMode,
    /// Its format of values (`debezium-json`, `json`).
    pub format: String,
    /// The clause as read.
    pub create: CreateTable,
    /// The statement.
    pub written: Text,
    /// Where it is created.
    pub place: Place,
}

/// A table whose rows are not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run) struct Unread {
    /// What it is (`files in orc`).
    pub(in crate::run) what: String,
    /// What to write instead.
    pub(in crate::run) help: &'static str,
    /// The statement.
    pub(in crate::run) written: Text,
}

/// Where tables are during a run.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The names of the run.
    pub names: &'a Names,
    /// The addresses of the components.
    pub reach: &'a Reach,
    /// Where the run keeps files.
    pub files: &'a Home,
    /// The topics that a pattern may mean.
    pub topics: &'a [String],
    /// Readers of topics see committed records alone, since the timeline holds topics.
    pub committed: bool,
}

impl Places<'_> {
    /// The topics that a pattern matches.
    pub(in crate::run) fn matching(&self, pattern: &str) -> Vec<String> {
        let Ok(pattern) = Pattern::of(pattern) else { return Vec::new() };
        self.topics.iter().filter(|topic| pattern.holds(topic)).cloned().collect()
    }

    /// What stands for a place of files in production, as Flink is told it.
    pub fn folder(&self, place: &str) -> String {
        self.files.url(place)
    }
}

/// Whether a format reads Debezium's envelope as a changelog.
pub fn is_debezium(format: &str) -> bool {
    format.starts_with("debezium-")
}

pub(in crate::run) fn format(with: &With) -> &str {
    with.get("value.format").or_else(|| with.get("format")).unwrap_or("json")
}

impl TopicTable {
    /// The format of a part of its records.
    pub fn format_of(&self, part: Part) -> Option<&str> {
        let with = self.create.with.as_ref()?;
        match part {
            Part::Key => with.get("key.format"),
            Part::Value => Some(format(with)),
        }
    }
}
