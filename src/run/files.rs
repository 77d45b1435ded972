//! Tables that are files: where production keeps them, and the folder of the run that stands for it.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::statements::{Statements, TopicTable};
use crate::base::diagnostic::Diagnostic;
use crate::capture::diagnose::{self, FAULT, PIPELINE};
use crate::contain::fate::Thing;
use crate::history::files::Kept;
use crate::scenario::pipeline::Sink;
use crate::scenario::timeline::{Action, Condition, Entry, Trigger};
use crate::scenario::trial::Trial;
use crate::sql::flink::{CreateTable, With};

/// How a table's rows are kept, by what it is; `None` where that is not followed.
pub(super) fn kept(thing: Thing, with: Option<&With>) -> Option<Kept> {
    match thing {
        Thing::Iceberg => Some(Kept::Iceberg),
        Thing::Files => match with?.get("format")? {
            "parquet" => Some(Kept::Parquet),
            "csv" => Some(Kept::Csv),
            "json" => Some(Kept::Json),
            _ => None,
        },
        Thing::Topic | Thing::Placeless | Thing::Memory | Thing::Model | Thing::Unknown => None,
    }
}

/// Where production keeps a table of Iceberg's that names its catalog itself: the warehouse, and the
/// table's folder in it.
pub(super) fn lake(create: &CreateTable, with: &With) -> (String, String) {
    let warehouse = with.get("warehouse").or_else(|| with.get("catalog-name")).unwrap_or("iceberg");
    let database = with.get("catalog-database").unwrap_or("default_database");
    let table = with.get("catalog-table").unwrap_or_else(|| create.name.table());
    let folder = format!("{}/{database}/{table}", warehouse.trim_end_matches('/'));
    (warehouse.to_owned(), folder)
}

/// A folder of this machine as Flink is told it.
pub(super) fn url(folder: &Utf8Path) -> String {
    format!("file://{folder}")
}

/// The folder below `base` that stands for a place in production (`s3://bucket/deletes`).
pub(super) fn below(base: &Utf8Path, place: &str) -> Utf8PathBuf {
    let path = place.split_once(':').map_or(place, |(_, path)| path);
    let names = Utf8Path::new(path).components().filter_map(|component| match component {
        Utf8Component::Normal(name) => Some(name),
        _ => None,
    });
    names.fold(base.to_owned(), |folder, name| folder.join(name))
}

/// What cannot be judged of the tables that are files.
pub(super) fn refuse(trial: &Trial, statements: &Statements) -> Vec<Diagnostic> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_production_becomes_a_folder_of_the_run() {
        let folder = |place| below(Utf8Path::new("/runs/r/lake"), place).to_string();
        assert_eq!(folder("s3://bucket/deletes/"), "/runs/r/lake/bucket/deletes");
        assert_eq!(folder("file:///tmp/../x"), "/runs/r/lake/tmp/x");
        assert_eq!(folder("deletes"), "/runs/r/lake/deletes");
    }
}
