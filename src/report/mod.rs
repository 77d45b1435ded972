//! Verdicts as text, JSON, JUnit, OpenMetrics and HTML. Pure.
//!
//! Everything here is built from a [`Case`]: what was run and how it was judged. A report can
//! therefore be made again from a recorded run, and is the same one.

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use crate::base::diagnostic::Diagnostic;
use crate::base::exit::Exit;
use crate::check::verdict::Verdict;
use crate::history::event::Header;
use crate::history::stack;
use crate::scenario::trial::Trial;

pub mod annotations;
pub mod anomalies;
pub mod claims;
pub mod diagnostics;
pub mod differences;
pub mod ended;
pub mod explain;
pub mod html;
pub mod human;
pub mod json;
pub mod junit;
pub mod lanes;
pub mod listing;
pub mod openmetrics;
pub mod page;
pub mod repeat;
pub mod terms;

#[cfg(test)]
mod examples;
mod grid;
mod life;
mod room;

pub use room::Room;

/// How one trial ended.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What was run.
    pub trial: &'a Trial,
    /// What it ran on.
    pub stack: &'a str,
    /// Component → version.
    pub versions: &'a BTreeMap<String, String>,
    /// The one command that repeats it.
    pub command: &'a str,
    /// What a script may conclude.
    pub exit: Exit,
    /// How it was judged; `None` if it did not come so far.
    pub verdict: Option<&'a Verdict>,
    /// Why it says nothing about the pipeline, in a sentence.
    pub sentence: Option<&'a str>,
    /// What is wrong with the author's files, found by running them.
    pub diagnostics: &'a [Diagnostic],
    /// What could not be cleaned up, in sentences.
    pub leftovers: &'a [String],
    /// What was kept on the stack because it was asked for.
    pub kept: &'a [Kept],
    /// The run's folder, if there is one.
    pub folder: Option<&'a Utf8Path>,
    /// How long it took, in milliseconds; `None` for a recorded run.
    pub elapsed_ms: Option<u64>,
}

/// Something that a run keeps on the stack, because it was asked to and did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Kept {
    /// What it is.
    pub what: String,
    /// A command that shows it.
    pub look: String,
}

/// Something that a command was asked for and that did not come to a trial that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NotRun {
    /// A trial, the id of a scenario, or a word of the command line.
    pub name: String,
    /// It is itself what is wrong (a file with errors, a word that names nothing); else it was not begun
    /// because of something else.
    pub is_wrong: bool,
    /// What is wrong, or why it was not begun.
    pub sentence: String,
}

impl NotRun {
    /// Something wrong.
    pub fn wrong(name: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { name: name.into(), is_wrong: true, sentence: sentence.into() }
    }

    /// Something that was not begun.
    pub fn not_begun(name: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { name: name.into(), is_wrong: false, sentence: sentence.into() }
    }
}

/// All that a command found.
#[derive(Debug, Clone, Copy)]
pub struct Results<'a> {
    /// The trials that ended.
    pub cases: &'a [Case<'a>],
    /// What else it was asked for.
    pub not_run: &'a [NotRun],
    /// What is wrong with the files that were read.
    pub diagnostics: &'a [Diagnostic],
    /// How it ended.
    pub exit: Exit,
}

impl<'a> Results<'a> {
    /// Trials, and nothing besides.
    pub fn of(cases: &'a [Case<'a>], exit: Exit) -> Self {
        Self { cases, not_run: &[], diagnostics: &[], exit }
    }
}

impl<'a> Case<'a> {
    /// A recorded run with its judgement.
    pub fn recorded(
        header: &'a Header,
        verdict: &'a Verdict,
        folder: Option<&'a Utf8Path>,
    ) -> Self {
        Self {
            trial: &header.trial,
            stack: &header.stack,
            versions: &header.versions,
            command: &header.command,
            exit: verdict.exit(),
            verdict: Some(verdict),
            sentence: None,
            diagnostics: &[],
            leftovers: &[],
            kept: &[],
            folder,
            elapsed_ms: None,
        }
    }

    /// The verdict, unless the run ended in a way that says nothing about the pipeline; then its
    /// history is a torso, and what the checks make of it is beside the point.
    pub fn judgement(&self) -> Option<&'a Verdict> {
        let judged = matches!(self.exit, Exit::Pass | Exit::Anomaly | Exit::Unknown);
        self.verdict.filter(|_| judged)
    }

    /// What tells it from the others of a run.
    pub fn name(&self) -> String {
        self.trial.name() + &stack::suffix(self.stack)
    }

    /// It passed because a known fault was found.
    pub fn is_control(&self) -> bool {
        self.exit == Exit::Pass && self.verdict.is_some_and(|verdict| verdict.control)
    }

    /// Why it says nothing about the pipeline.
    pub fn excuse(&self) -> Option<&'a str> {
        let invalid = self.verdict.and_then(|verdict| verdict.invalid.as_ref());
        self.sentence.or(invalid.map(|invalid| invalid.sentence.as_str()))
    }
}

/// `1 file`, `2 files`.
pub fn plural(n: usize, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}
