//! SQL that runs in Postgres (the source DDL, the set-up, the sessions, the references): what
//! reaches out of the run, refused by name.
//!
//! The rule reads tokens, so it sees what stands in the text, bodies of routines included. What a
//! routine puts together while it runs it cannot see: behind it stand the rights of the database
//! role that runs the SQL.

mod calls;
mod command;
mod outside;
#[cfg(test)]
mod tests;

use camino::Utf8PathBuf;

use self::outside::Outside;
use super::refusal;
use crate::base::diagnostic::Diagnostic;
use crate::base::text::Text;
use crate::scenario::pipeline::Sink;
use crate::scenario::timeline::Action;
use crate::scenario::trial::Trial;
use crate::sql::split;

/// Statements that would reach out of the run.
pub(super) fn refuse(trial: &Trial, _sources: &[(Utf8PathBuf, String)]) -> Vec<Diagnostic> {
    let mut refused = Vec::new();
    for statement in statements(trial) {
        refuse_statement(&statement, &mut refused);
    }
    refused
}

/// What reaches out of the run in SQL that stands in an option: what it does, and what to write
/// instead.
pub(super) fn reaches(sql: &str) -> Vec<(String, String)> {
    let text = Text::whole("option".into(), sql.to_owned());
    let mut refused = Vec::new();
    for statement in split::postgres(&text).unwrap_or_default() {
        refuse_statement(&statement, &mut refused);
    }
    refused.into_iter().map(|one| (one.message, one.help.unwrap_or_default())).collect()
}

fn refuse_statement(statement: &Text, refused: &mut Vec<Diagnostic>) {
    command::each(statement, &mut |text, command| {
        let found = outside::find(command);
        refused.extend(
            found
                .into_iter()
                .map(|Outside { span, message, help }| refusal(text, span, message, help)),
        );
    });
}

/// Everything of a trial that Postgres runs, one statement a text.
fn statements(trial: &Trial) -> Vec<Text> {
    let source = trial.pipeline.source.iter();
    let mut all: Vec<Text> =
        source.flat_map(|text| split::postgres(text).unwrap_or_default()).collect();
    all.extend(trial.setup.iter().cloned());
    for entry in &trial.timeline {
        if let Action::Session(session) = &entry.action {
            all.extend(session.statements.iter().cloned());
        }
    }
    all.extend(trial.pipeline.sinks.values().filter_map(|sink| match sink {
        Sink::Judged { reference, .. } => Some(reference.clone()),
        Sink::Unjudged => None,
    }));
    all
}
