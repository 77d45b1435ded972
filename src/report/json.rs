//! The report for programs. Its form is published as a JSON Schema (`changeproof schema report`);
//! a change that breaks readers raises its version.

use std::collections::BTreeMap;

use itertools::Itertools;
use serde::{Deserialize, Serialize};

use super::{Case, Kept, NotRun, Results};
use crate::base::diagnostic::Diagnostic;
use crate::base::exit::Exit;
use crate::check::verdict::Verdict;

/// The version of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The first.
    V1,
}

/// What a command found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Report {
    /// The version of this form.
    pub report: Form,
    /// The version of changeproof that made it.
    pub changeproof: String,
    /// How the command ended.
    pub exit: Exit,
    /// The exit code.
    pub exit_code: u8,
    /// How many trials ended how.
    pub summary: Summary,
    /// What is wrong with the files that were read; then nothing ran.
    pub diagnostics: Vec<Diagnostic>,
    /// The trials in the order they were selected.
    pub trials: Vec<TrialReport>,
    /// What else was asked for: files with errors, words that name nothing, trials that were not begun.
    #[serde(default)]
    pub not_run: Vec<NotRun>,
}

/// How many trials ended how.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Summary {
    /// Passed, positive controls included.
    pub passed: usize,
    /// Passed because a known fault was found.
    pub controls: usize,
    /// Failed.
    pub failed: usize,
    /// Undecided.
    pub unknown: usize,
    /// Ended for a reason that says nothing about the pipeline.
    pub other: usize,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TrialReport {
    /// `id [axis=value,…]`.
    pub name: String,
    /// The scenario's id.
    pub id: String,
    /// The cell of the matrix: axis → value.
    pub cell: BTreeMap<String, String>,
    /// The one sentence that is true if it passes.
    pub title: String,
    /// The scenario's labels.
    pub covers: Vec<String>,
    /// The seed of every draw.
    pub seed: u64,
    /// The stack it ran on.
    pub stack: String,
    /// Component → version.
    pub versions: BTreeMap<String, String>,
    /// What a script may conclude of this trial.
    pub exit: Exit,
    /// The judgement, if the run says anything about the pipeline.
    pub verdict: Option<Verdict>,
    /// Why it says nothing about the pipeline.
    pub sentence: Option<String>,
    /// What is wrong with the author's files, found by running them.
    pub diagnostics: Vec<Diagnostic>,
    /// What could not be cleaned up.
    pub leftovers: Vec<String>,
    /// What was kept on the stack (`--keep-run`).
    #[serde(default)]
    pub kept: Vec<Kept>,
    /// The run's folder.
    pub folder: Option<String>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: Option<u64>,
    /// The command that repeats it.
    pub command: String,
}

/// The report of a command.
pub fn report(results: &Results<'_>) -> Report {
    let Results { cases, not_run, diagnostics, exit } = *results;
    Report {
        report: Form::V1,
        changeproof: env!("CARGO_PKG_VERSION").to_owned(),
        exit,
        exit_code: exit.code(),
        summary: summary(cases),
        diagnostics: diagnostics.to_vec(),
        trials: cases.iter().map(trial).collect(),
        not_run: not_run.to_vec(),
    }
}

/// The report as text.
pub fn text(report: &Report) -> String {
    serde_json::to_string_pretty(report).expect("a report holds only text keys and finite numbers")
}

/// The published schema as text.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Report);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

fn summary(cases: &[Case<'_>]) -> Summary {
    let mut summary = Summary::default();
    for case in cases {
        match case.exit {
            Exit::Pass => summary.passed += 1,
            Exit::Anomaly => summary.failed += 1,
            Exit::Unknown => summary.unknown += 1,
            Exit::Usage
            | Exit::NothingRun
            | Exit::ScenarioInvalid
            | Exit::StackNotUp
            | Exit::CaptureBroken
            | Exit::Internal
            | Exit::Interrupted => summary.other += 1,
        }
        summary.controls += usize::from(case.is_control());
    }
    summary
}

/// One trial as the report has it.
pub(super) fn trial(case: &Case<'_>) -> TrialReport {
    let trial = case.trial;
    TrialReport {
        name: trial.name(),
        id: trial.id.clone(),
        cell: trial.cell.hidden().0.into_iter().collect(),
        title: trial.title.clone(),
        covers: trial.covers.clone(),
        seed: trial.seed,
        stack: case.stack.to_owned(),
        versions: case.versions.clone(),
        exit: case.exit,
        verdict: case.judgement().cloned(),
        sentence: case.excuse().map(str::to_owned),
        diagnostics: case.diagnostics.to_vec(),
        leftovers: case.leftovers.iter().cloned().collect_vec(),
        kept: case.kept.to_vec(),
        folder: case.folder.map(|folder| folder.as_str().to_owned()),
        elapsed_ms: case.elapsed_ms,
        command: case.command.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::examples;

    #[test]
    fn a_report_reads_back_and_is_as_published() {
        let header = examples::header();
        let (pass, fail) = (examples::pass(), examples::fail());
        let cases = [examples::case(&header, &pass), examples::case(&header, &fail)];
        let report = report(&Results::of(&cases, Exit::Anomaly));
        assert_eq!(serde_json::from_str::<Report>(&text(&report)).unwrap(), report);
        assert_eq!(report.summary, Summary { passed: 1, failed: 1, ..Summary::default() });
        insta::assert_snapshot!(text(&super::report(&Results::of(&cases[..1], Exit::Pass))));
    }

    #[test]
    fn the_published_schema_is_current() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/report.json");
        let published = fs_err::read_to_string(file).unwrap_or_default();
        assert!(published == schema(), "write it anew: changeproof schema report > {file}");
    }
}
