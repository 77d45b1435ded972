//! The connector file and the settings of connector, worker and broker: options that name a place,
//! owned or refused.

pub mod known;
mod options;
mod processes;
#[cfg(test)]
mod tests;

use camino::Utf8PathBuf;

use super::fate::Fate;
use super::{refusal, source, written};
use crate::base::diagnostic::Diagnostic;
use crate::base::secret::redacted_value;
use crate::base::text::{Span, Text};
use crate::scenario::pipeline::ConnectorFile;
use crate::scenario::settings::{Options, Settings};
use crate::scenario::timeline::Action;
use crate::scenario::trial::Trial;
use processes::Process;

pub use options::{CLIENT, option};

/// Options whose values are SQL for the source database: the heartbeat's statement, and those that
/// read a snapshot.
const SQL: [&str; 2] = ["heartbeat.action.query", "snapshot.select.statement.overrides."];

/// Options of the connector (file and settings), the worker and the broker that would reach outside
/// of the run.
pub(super) fn refuse(trial: &Trial, sources: &[(Utf8PathBuf, String)]) -> Vec<Diagnostic> {
    let mut refused = Vec::new();
    let files = &trial.pipeline.connectors;
    for nth in 0..files.len().max(1) {
        refuse_connector(trial, files.get(nth), sources, &mut refused);
    }
    let at = |key: &str, value: &str| written::setting(key, value, sources);
    for settings in settings(trial) {
        let processes = [(Process::Worker, &settings.worker), (Process::Broker, &settings.kafka)];
        for (process, options) in processes {
            for (key, value) in options {
                let fate = processes::option(process, key, value);
                let of = format!("`settings.{}`", process.name());
                refused.extend(refused_as(&of, (key, value), fate, &at));
            }
        }
    }
    refused
}

/// The same of one connector.
fn refuse_connector(
    trial: &Trial,
    file: Option<&ConnectorFile>,
    sources: &[(Utf8PathBuf, String)],
    refused: &mut Vec<Diagnostic>,
) {
    let mut all = file.map(|file| file.options.clone()).unwrap_or_default();
    for settings in settings(trial) {
        all.extend(settings.connector.clone());
    }
    if let Some(file) = file {
        let text = sources.iter().find(|(path, _)| *path == file.path);
        let text = text.map(|(_, text)| text.clone()).unwrap_or_default();
        let text = Text::whole(file.path.clone(), text);
        let at = |key: &str, _: &str| (text.clone(), in_json(key, &text));
        refuse_options("the connector file", (&file.options, &all), &at, refused);
    }
    let at = |key: &str, value: &str| written::setting(key, value, sources);
    for settings in settings(trial) {
        let of_settings = (&settings.connector, &all);
        refuse_options("`settings.connector`", of_settings, &at, refused);
    }
}

/// The settings of a trial, and those that its timeline sets.
fn settings(trial: &Trial) -> impl Iterator<Item = &Settings> {
    let sets = trial.timeline.iter().filter_map(|entry| match &entry.action {
        Action::Set(set) => Some(set.as_ref()),
        _ => None,
    });
    std::iter::once(&trial.settings).chain(sets)
}

/// Where an option stands: the text, and its place in it.
type Where<'a> = &'a dyn Fn(&str, &str) -> (Text, Span);

fn refuse_options(
    of: &str,
    (options, all): (&Options, &Options),
    at: Where<'_>,
    refused: &mut Vec<Diagnostic>,
) {
    for (key, value) in options {
        if SQL.iter().any(|sql| key.starts_with(sql)) {
            let (text, span) = at(key, value);
            let found = source::reaches(value).into_iter().map(|(message, help)| {
                refusal(&text, span, format!("`{key}` of {of}: {message}"), help)
            });
            refused.extend(found);
            continue;
        }
        refused.extend(refused_as(of, (key, value), option(key, value, all), at));
    }
}

fn refused_as(
    of: &str,
    (key, value): (&str, &str),
    fate: Fate,
    at: Where<'_>,
) -> Option<Diagnostic> {
    let Fate::Refused(what, help) = fate else { return None };
    let (text, span) = at(key, value);
    let message = format!("`{key}` of {of} {what}: `{}`", redacted_value(key, value));
    Some(refusal(&text, span, message, help))
}

/// Where a key stands in a file of JSON.
fn in_json(key: &str, file: &Text) -> Span {
    let quoted = serde_json::Value::from(key).to_string();
    let at = file.value.find(&quoted);
    at.map_or(Span::default(), |at| Span::new(at, at + quoted.len()))
}
