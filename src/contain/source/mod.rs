//! SQL that runs in Postgres (the source DDL, the set-up, the sessions, the references): what
//! reaches out of the run, refused by name; what touches the whole server, on one of its own; what
//! is about roles, databases and tablespaces that a run does not have, left out and listed.
//!
//! The rule reads tokens, so it sees what stands in the text, bodies of routines included. What a
//! routine puts together while it runs it cannot see: behind it stand the rights of the database
//! role that runs the SQL.

mod calls;
mod command;
mod cuts;
mod made;
mod outside;
mod server;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use self::command::Command;
use self::made::Made;
use self::outside::Outside;
use super::refusal;
use crate::base::diagnostic::Diagnostic;
use crate::base::difference::Difference;
use crate::base::text::Text;
use crate::scenario::pipeline::Sink;
use crate::scenario::timeline::Action;
use crate::scenario::trial::Trial;
use crate::sql::edit::{Edit, splice};
use crate::sql::token::{Language, Token, significant};
use crate::sql::{psql, split};

/// What of the source DDL is run.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    /// The statements, one a text.
    pub ddl: Vec<Text>,
    /// What was left out of the author's.
    pub differences: Vec<Difference>,
}

/// Statements that would reach out of the run.
pub(super) fn refuse(trial: &Trial, _sources: &[(Utf8PathBuf, String)]) -> Vec<Diagnostic> {
    let made = Made::by(source(trial).iter().chain(driven(trial))).connected(connected(trial));
    let mut refused = Vec::new();
    for statement in everything(trial) {
        refuse_statement(&statement, &made, &mut refused);
    }
    refused
}

/// What reaches out of the run in SQL that stands in an option: what it does, and what to write
/// instead.
pub(super) fn reaches(sql: &str) -> Vec<(String, String)> {
    let text = Text::whole("option".into(), sql.to_owned());
    let statements = split::postgres(&text).unwrap_or_default();
    let made = Made::by(statements.iter());
    let mut refused = Vec::new();
    for statement in &statements {
        refuse_statement(statement, &made, &mut refused);
    }
    refused.into_iter().map(|one| (one.message, one.help.unwrap_or_default())).collect()
}

fn refuse_statement(statement: &Text, made: &Made, refused: &mut Vec<Diagnostic>) {
    command::each(statement, &mut |text, command| {
        let mut found = outside::find(command);
        found.extend(outside::database(command, made));
        refused.extend(
            found
                .into_iter()
                .map(|Outside { span, message, help }| refusal(text, span, message, help)),
        );
    });
}

/// The source DDL without what it says of roles, databases and tablespaces that the run does not
/// have: who may do what, and where rows are stored, does not change what a run shows.
///
/// A text that does not split is passed on whole; Postgres says what is wrong with it.
pub fn prepare(trial: &Trial) -> Prepared {
    let source = source(trial);
    let made = Made::by(source.iter().chain(driven(trial))).connected(connected(trial));
    let differences = trial.pipeline.left_out.clone();
    let mut prepared = Prepared { ddl: Vec::new(), differences };
    for statement in &source {
        let cut = trimmed(statement, &made, &mut prepared.differences);
        prepared.ddl.extend(cut);
    }
    prepared
}

/// The trial's SQL touches the whole server (roles, databases, event triggers), so that it needs one
/// of its own.
pub fn needs_server(trial: &Trial) -> bool {
    prepare(trial).ddl.iter().chain(driven(trial)).any(server::is_touched)
}

/// The statement touches the whole server.
pub fn touches_server(statement: &Text) -> bool {
    server::is_touched(statement)
}

/// Only a superuser may run the statement, and it reaches nothing outside of the run: nothing in it
/// is code of the author's.
pub fn needs_superuser(statement: &Text) -> bool {
    let tokens = significant(Language::Postgres, &statement.value);
    server::is_superusers(Command(&tokens))
}

/// Whether the set-up or the timeline may change the schema, so that the source has to note what its
/// tables are from there on.
pub fn needs_notes(trial: &Trial) -> bool {
    const MAKES: [&str; 4] = ["CREATE", "ALTER", "DROP", "EXECUTE"];
    let changes = |statement: &Text| {
        let tokens = significant(Language::Postgres, &statement.value);
        let begins = |words: &[&str]| tokens.first().is_some_and(|t| words.iter().any(|w| t.is(w)));
        let is_into = |pair: &[Token<'_>]| match pair {
            [before, token] => token.is("INTO") && !before.is("INSERT") && !before.is("MERGE"),
            _ => false,
        };
        let makes_table = begins(&["SELECT", "WITH"]) && tokens.windows(2).any(is_into);
        // What runs in a block or a procedure, their text does not say for certain.
        begins(&["CREATE", "ALTER", "DROP", "DO", "CALL", "SECURITY", "IMPORT"]) || makes_table
    };
    let hides = |statement: &Text| {
        let tokens = significant(Language::Postgres, &statement.value);
        let is_code = tokens.iter().take(4).any(|t| t.is("FUNCTION") || t.is("PROCEDURE"));
        let text = statement.value.to_ascii_uppercase();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        // The first of them makes the function itself.
        is_code && words.filter(|word| MAKES.contains(word)).count() > 1
    };
    driven(trial).any(changes) || prepare(trial).ddl.iter().any(hides)
}

/// Whether the source DDL holds what only a superuser may run.
pub fn asks_superuser(trial: &Trial) -> bool {
    prepare(trial).ddl.iter().any(needs_superuser)
}

/// What a shadow needs of a statement: tables, types and functions, but nothing that belongs to the
/// whole server, which both databases share, and no rights.
pub fn for_shadow(statement: &Text) -> Option<Text> {
    const RIGHTS: [&[&str]; 7] = [
        &["GRANT"],
        &["REVOKE"],
        &["ALTER", "DEFAULT", "PRIVILEGES"],
        &["RESET", "ROLE"],
        &["RESET", "SESSION"],
        &["SET", "ROLE"],
        &["SET", "SESSION", "AUTHORIZATION"],
    ];
    let mut needed = !server::is_touched(statement);
    command::each(statement, &mut |_, command| {
        let outer = command.is_any(0, &["CREATE", "ALTER", "DROP"])
            && command.is_any(1, &["POLICY", "PUBLICATION"]);
        needed &= !outer && !RIGHTS.iter().any(|words| command.begins(words));
    });
    needed.then(|| trimmed(statement, &Made::of_shadow(), &mut Vec::new())).flatten()
}

/// A statement without its cuts; `None` if nothing is left.
fn trimmed(statement: &Text, made: &Made, differences: &mut Vec<Difference>) -> Option<Text> {
    let tokens = significant(Language::Postgres, &statement.value);
    let all = Command(&tokens);
    let cuts = cuts::of(all, made);
    let edits: Vec<Edit> = cuts.iter().map(|cut| Edit::new(cut.span, "")).collect();
    let is_whole = cuts.iter().any(|cut| cut.span == all.span(0, tokens.len()));
    differences.extend(cuts.into_iter().map(|cut| {
        let words = statement.value.get(cut.span.start..cut.span.end).unwrap_or_default();
        let key =
            words.trim_matches([',', ' ', '\n']).lines().next().unwrap_or_default().to_owned();
        Difference::new("source", key, cut.why).theirs(words).at(statement.place(cut.span.start))
    }));
    (!is_whole).then(|| splice(statement, &edits))
}

/// The databases that psql would connect to.
fn connected(trial: &Trial) -> BTreeSet<String> {
    let lines = trial.pipeline.left_out.iter().filter_map(|one| one.theirs.as_deref());
    lines.filter_map(psql::connected).map(ToOwned::to_owned).collect()
}

/// The source DDL, one statement a text.
fn source(trial: &Trial) -> Vec<Text> {
    let texts = trial.pipeline.source.iter();
    texts.flat_map(|text| split::postgres(text).unwrap_or_else(|_| vec![text.clone()])).collect()
}

/// What the set-up and the sessions run.
fn driven(trial: &Trial) -> impl Iterator<Item = &Text> {
    let sessions = trial.timeline.iter().filter_map(|entry| match &entry.action {
        Action::Session(session) => Some(&session.statements),
        _ => None,
    });
    trial.setup.iter().chain(sessions.flatten())
}

/// Everything of a trial that Postgres runs, one statement a text.
fn everything(trial: &Trial) -> Vec<Text> {
    let mut all = prepare(trial).ddl;
    all.extend(driven(trial).cloned());
    all.extend(trial.pipeline.sinks.values().filter_map(|sink| match sink {
        Sink::Judged { reference, .. } => Some(reference.clone()),
        Sink::Unjudged => None,
    }));
    all
}
