//! What of a trial cannot be run or judged, as its files alone tell.

use super::connector::Connector;
use super::statements::Statements;
use super::table::{ISOLATION, TopicTable};
use crate::base::diagnostic::Diagnostic;
use crate::base::text::Text;
use crate::capture::diagnose::{self, FAULT, PIPELINE};
use crate::dialect::{Translation, avro};
use crate::history::event::Part;
use crate::scenario::pipeline::Sink;
use crate::scenario::settings::Options;
use crate::scenario::timeline::{Action, Condition, Entry, Trigger};
use crate::scenario::trial::Trial;
use crate::sql::flink::{self, Derived};

/// What cannot be run, awaited or judged.
pub(in crate::run) fn refuse(trial: &Trial, statements: &Statements) -> Vec<Diagnostic> {
    let mut refused = of_files(trial, statements);
    refused.extend(no_watermark(trial, statements));
    refused.extend(in_avro_by_several(trial, statements));
    refused.extend(not_held(trial, statements));
    refused
}

/// Statements without an INSERT start nothing that could be judged.
pub(in crate::run) fn in_vain(trial: &Trial, translation: &Translation) -> Vec<Diagnostic> {
    let writes = |text: &Text| !flink::parse(text).inserts().is_empty();
    let last = trial.pipeline.statements.last();
    let last = last.filter(|_| !translation.texts().any(writes));
    let told = |last: &Text| {
        let message =
            "nothing is written: none of the statements is an INSERT or a CREATE TABLE AS";
        let mut diagnostic = diagnose::at(PIPELINE, last, message);
        let help = "write the INSERT of each sink; to judge the connector's topics alone, leave \
                    `statements` out";
        diagnostic.help = Some(help.to_owned());
        diagnostic
    };
    last.map(told).into_iter().collect()
}

/// Entries that wait for a watermark that no statement has.
fn no_watermark(trial: &Trial, statements: &Statements) -> Vec<Diagnostic> {
    let awaits = |entry: &&Entry| match &entry.action {
        Action::Await { condition, .. } => matches!(condition, Condition::Watermark(_)),
        Action::Session(session) => matches!(session.until, Some(Condition::Watermark(_))),
        _ => false,
    };
    let inserts = statements.prepared.iter().map(|prepared| prepared.statement.inserts());
    let mut read = inserts.flat_map(|inserts| statements.sources(inserts));
    // Of a table that is made like another one the clause may stand there.
    if read.any(|table| table.create.watermark.is_some() || table.create.derived.is_some()) {
        return Vec::new();
    }
    let told = |entry| {
        let message =
            "no statement that runs reads a table with a WATERMARK, so that there is none";
        let mut diagnostic = diagnose::entry(FAULT, entry, message);
        diagnostic.help = Some("declare one, or await `processed`".to_owned());
        diagnostic
    };
    trial.timeline.iter().filter(awaits).map(told).collect()
}

/// Configurations that the timeline gives the connector, by which it would write other topics, or
/// another format. `made` is the connector with such settings.
pub(in crate::run) fn reconfigured(
    trial: &Trial,
    first: &Connector,
    made: impl Fn(&Options) -> Result<Connector, Vec<String>>,
) -> Vec<Diagnostic> {
    let mut refused = Vec::new();
    let mut settings = trial.settings.connector.clone();
    for entry in &trial.timeline {
        let Action::Set(set) = &entry.action else { continue };
        if set.connector.is_empty() {
            continue;
        }
        settings.extend(set.connector.clone());
        let formats = |of: &Connector| [Part::Key, Part::Value].map(|part| of.writes_avro(part));
        let problems = match made(&settings) {
            Err(problems) => problems,
            Ok(new) if new.routes != first.routes => {
                vec!["by this configuration the connector writes to other topics".to_owned()]
            }
            Ok(new) if formats(&new) != formats(first) => {
                vec!["by this configuration the connector writes another format".to_owned()]
            }
            Ok(_) => Vec::new(),
        };
        refused.extend(problems.into_iter().map(|problem| {
            let mut diagnostic = diagnose::entry(FAULT, entry, problem);
            let help = "topics and formats stay as they are during a run: write it under \
                        `settings: {connector: …}`";
            diagnostic.help = Some(help.to_owned());
            diagnostic
        }));
    }
    refused
}

/// Topics that are held, and tables that read them past open transactions.
fn not_held(trial: &Trial, statements: &Statements) -> Vec<Diagnostic> {
    let dirty = |table: &&TopicTable| {
        let level = table.create.with.as_ref().and_then(|with| with.get(ISOLATION));
        level == Some("read_uncommitted") && statements.is_read(&table.name)
    };
    let mut refused = Vec::new();
    for (entry, place) in trial.held() {
        let last = format!(".{}", place.rsplit('.').next().unwrap_or(place));
        let reads = |table: &&TopicTable| {
            table.name == place || table.topics.iter().any(|topic| topic.ends_with(&last))
        };
        let tables = statements.tables.values().filter(dirty).filter(reads);
        refused.extend(tables.map(|table| {
            let message = format!(
                "`{}` reads what is not committed, so that holding the topic of `{place}` keeps \
                 nothing from it",
                table.name
            );
            let mut diagnostic = diagnose::entry(FAULT, entry, message);
            diagnostic.help = Some(format!(
                "write '{ISOLATION}' = 'read_committed' in the table, or hold another"
            ));
            diagnostic
        }));
    }
    refused
}

/// Sinks of which nobody knows the schema before they are written, although several tasks write them.
fn in_avro_by_several(trial: &Trial, statements: &Statements) -> Vec<Diagnostic> {
    let inserts = statements.prepared.iter().flat_map(|prepared| prepared.statement.inserts());
    let tables = inserts.filter_map(|insert| statements.tables.get(insert.target.table()));
    let unknown = tables.filter(|table| table.create.derived == Some(Derived::As));
    let unknown = unknown.filter(|table| is_parallel(trial) && !in_avro(table).is_empty());
    let why = "its columns are known once CREATE TABLE AS has made it";
    unknown.map(|table| by_several(table, why)).collect()
}

/// The parts of a sink's records that are in Avro.
pub(in crate::run) fn in_avro(table: &TopicTable) -> Vec<Part> {
    let is_avro = |part: &Part| table.format_of(*part).is_some_and(avro::is_format);
    [Part::Key, Part::Value].into_iter().filter(is_avro).collect()
}

pub(in crate::run) fn is_parallel(trial: &Trial) -> bool {
    trial.settings_in_turn().any(|settings| settings.parallelism.is_some_and(|n| n > 1))
}

pub(in crate::run) fn by_several(table: &TopicTable, why: &str) -> Diagnostic {
    let message = format!("`{}` is written in Avro by several subtasks: {why}", table.name);
    let mut diagnostic = diagnose::at(PIPELINE, &table.written, message);
    let help = "its schema has to be registered before they run, because the stack's registry fails \
                one of two that register it at once: set `parallelism: 1`, or `format: json`";
    diagnostic.help = Some(help.to_owned());
    diagnostic
}

/// What cannot be judged of the tables that are files.
fn of_files(trial: &Trial, statements: &Statements) -> Vec<Diagnostic> {
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
            let mut diagnostic = diagnose::entry(FAULT, entry, message);
            diagnostic.help = Some("count the records of a topic, or checkpoints".to_owned());
            diagnostic
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
