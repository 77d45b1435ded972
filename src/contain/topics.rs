//! The topics: a run makes each of them, so it must know before it starts what the connector calls
//! them and how they are created.

use camino::Utf8PathBuf;

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::text::{Span, Text};
use crate::model::creation::Creation;
use crate::model::routes::Routes;
use crate::scenario::code::Code;
use crate::scenario::pipeline::ConnectorFile;
use crate::scenario::settings::Options;
use crate::scenario::trial::Trial;

/// What Debezium or Connect refuses of it, and what cannot be told here.
pub(super) fn refuse(trial: &Trial, sources: &[(Utf8PathBuf, String)]) -> Vec<Diagnostic> {
    let all = trial.connectors();
    let told = all.iter().enumerate().flat_map(|(nth, options)| {
        let file = trial.pipeline.connectors.get(nth);
        let problems = problems(file, options).into_iter();
        problems.map(move |problem| refusal(file, sources, problem))
    });
    told.collect()
}

/// What is wrong with the options of one connector, in sentences.
fn problems(file: Option<&ConnectorFile>, options: &Options) -> Vec<String> {
    let mut problems = Routes::of(options).err().unwrap_or_default();
    problems.extend(Creation::of(options).err().into_iter().flatten());
    let prefix = "topic.prefix";
    if file.is_some() && !options.contains_key(prefix) {
        let old = "database.server.name";
        let was = if options.contains_key(old) {
            format!("; `{old}`, which it does have, was the name of it before Debezium 2.0")
        } else {
            String::new()
        };
        problems.push(format!("Debezium refuses a connector without `{prefix}`{was}"));
    }
    problems
}

/// At the head of the connector file; where there is none, of the scenario.
fn refusal(
    file: Option<&ConnectorFile>,
    sources: &[(Utf8PathBuf, String)],
    message: String,
) -> Diagnostic {
    let source = match file {
        Some(file) => sources.iter().find(|(path, _)| *path == file.path),
        None => sources.first(),
    };
    let (path, text) = source.cloned().unwrap_or_default();
    let line = text.lines().next().map_or(0, str::len);
    let span = Span::new(0, line);
    let text = Text::whole(path, text);
    Diagnostic {
        code: Code::Topics.name().to_owned(),
        severity: Severity::Error,
        message,
        place: text.place(span.start),
        span: text.in_file(span),
        label: String::new(),
        earlier: None,
        help: Some("write the option as the message says, in production's file too".to_owned()),
    }
}
