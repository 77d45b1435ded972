//! Tables that are files of which something is asked that nobody can tell.

use super::statements::Statements;
use super::table::TopicTable;
use crate::base::diagnostic::Diagnostic;
use crate::capture::diagnose::{self, FAULT, PIPELINE};
use crate::scenario::pipeline::Sink;
use crate::scenario::timeline::{Action, Condition, Entry, Trigger};
use crate::scenario::trial::Trial;

/// What cannot be judged of the tables that are files.
pub(in crate::run) fn refuse(trial: &Trial, statements: &Statements) -> Vec<Diagnostic> {
    let sinks = &trial.pipeline.sinks;
    let is_judged = |name: &str| matches!(sinks.get(name), Some(Sink::Judged { .. }));
    let tables = statements.tables.values().filter(|table| !table.kept.is_topic());
    let mut folders: Vec<(&str, &str)> = Vec::new();
    let mut refused = Vec::new();
    for table in tables.clone().filter(|table| is_judged(&table.name)) {
        let name = table.name.as_str();
        let folder = table.topics.first().map_or("", String::as_str);
        if table.kept.is_columnar() && !cfg!(feature = "lake") {
            let message = format!(
                "sink `{name}` is files, and this changeproof was built without what reads them"
            );
            let help = "build it with its feature `lake`: cargo build --features lake";
            refused.push(refusal(table, message, help));
        } else if let Some((other, _)) = folders.iter().find(|(_, other)| *other == folder) {
            let message = format!("sinks `{other}` and `{name}` share the folder {folder}");
            refused.push(refusal(table, message, "give each a folder of its own"));
        }
        folders.push((name, folder));
    }
    let unread = statements.unread.iter().filter(|(name, _)| is_judged(name));
    refused.extend(unread.map(|(name, unread)| {
        let message = format!("sink `{name}` cannot be judged: it is {}", unread.what);
        let mut diagnostic = diagnose::at(PIPELINE, &unread.written, message);
        diagnostic.help = Some(unread.help.to_owned());
        diagnostic
    }));
    refused.extend(tables.clone().filter(|table| statements.is_read(&table.name)).map(|table| {
        let message = format!("`{}` is files, and a statement reads it", table.name);
        refusal(table, message, "nothing tells how far a statement has read files: read a topic")
    }));
    let is_files = |place: &str| tables.clone().any(|table| table.name == place);
    refused.extend(trial.timeline.iter().filter(|entry| counts(entry).is_some_and(is_files)).map(
        |entry| {
            let message =
                "a sink of files has no records that could be counted while it is written";
            diagnose::entry(FAULT, entry, message)
        },
    ));
    refused
}

/// The place whose records an entry waits for.
fn counts(entry: &Entry) -> Option<&str> {
    match &entry.action {
        Action::Arm { at: Trigger::Records { place, .. }, .. } => Some(place),
        Action::Await { condition: Condition::Compacted { place, .. }, .. } => Some(place),
        _ => None,
    }
}

fn refusal(table: &TopicTable, message: String, help: &str) -> Diagnostic {
    let mut diagnostic = diagnose::at(PIPELINE, &table.written, message);
    diagnostic.help = Some(help.to_owned());
    diagnostic
}
