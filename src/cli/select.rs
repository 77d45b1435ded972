//! Which trials a command is about: words to files, files to scenarios, scenarios to cells.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, ValueEnum};

use super::chosen::Chosen;
use super::console::Console;
use super::known;
use super::outside::Project;
use super::project::{self, ROOTS};
use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::exit::Exit;
use crate::base::limits;
use crate::base::secret::Secrets;
use crate::lint::lint;
use crate::plan::{self, Matrix, SelectError};
use crate::report::repeat;
use crate::run;
use crate::scenario::code::Code;
use crate::scenario::trial::Trial;
use crate::scenario::{Scenario, load_as};

/// The scenarios a command is about.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Scenarios: files, folders, ids (paths below `scenarios/`) or labels
    #[arg(value_name = "PATH|ID|LABEL")]
    pub(super) words: Vec<String>,
    /// The cells of each scenario's matrix
    #[arg(long, value_enum, default_value_t = Cells::Full, help_heading = "Cells")]
    matrix: Cells,
    /// Only the cells with these values, as in `partitions=3`
    #[arg(long, value_name = "K=V,…", value_parser = axes, help_heading = "Cells")]
    cell: Vec<Axes>,
    /// The seed of every draw
    #[arg(long, default_value_t = 1, value_name = "N", help_heading = "Cells")]
    seed: u64,
}

/// The cells of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Cells {
    /// Every combination of the listed values
    Full,
    /// The first value of every list
    First,
}

/// Values of axes.
type Axes = Vec<(String, String)>;

/// `k=v,k=v`. A value may hold a comma itself: what follows one is a new axis if it has a `=`.
fn axes(text: &str) -> Result<Axes, String> {
    let mut axes = Axes::new();
    for part in text.split(',') {
        match (part.split_once('='), axes.last_mut()) {
            (Some((name, value)), _) if !name.trim().is_empty() => {
                axes.push((name.trim().to_owned(), value.to_owned()));
            }
            (None, Some((_, value))) => {
                value.push(',');
                value.push_str(part);
            }
            (Some(_), _) | (None, None) => {
                return Err("expected AXIS=VALUE, as `changeproof list` shows it".to_owned());
            }
        }
    }
    Ok(axes)
}

/// A trial and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    /// What is to be run.
    pub(super) trial: Trial,
    /// The scenario's file.
    pub(super) file: Utf8PathBuf,
    /// The files that were read for it, path and text.
    pub(super) sources: Vec<(Utf8PathBuf, String)>,
    /// What it runs on.
    pub(super) on: Chosen,
}

impl Planned {
    /// The same on a stack.
    pub(super) fn on(&self, stack: &Chosen) -> Self {
        Self { on: stack.clone(), ..self.clone() }
    }

    /// The command that repeats it.
    pub(super) fn command(&self) -> String {
        let option = self.on.option();
        let option = option.as_ref().map(|(option, value)| (*option, value.as_str()));
        repeat::command(&self.file, &self.trial, option)
    }

    /// What tells it from the others of a command.
    pub(super) fn name(&self) -> String {
        let on = self.on.option().map_or_else(String::new, |(_, value)| format!(" on {value}"));
        format!("{}{on}", self.trial.name())
    }
}

/// What was selected.
#[derive(Debug, Default)]
pub(super) struct Selected {
    /// The trials in the order of the files and of their cells.
    pub(super) trials: Vec<Planned>,
    /// What is wrong with the files, warnings included.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Every file that was read.
    pub(super) sources: BTreeMap<Utf8PathBuf, String>,
    /// How many scenario files were selected.
    pub(super) n_files: usize,
}

/// Nothing was selected.
#[derive(Debug)]
pub(super) enum Nothing {
    /// A sentence for people.
    Because(String),
    /// Why has been shown.
    Shown(Exit),
}

impl Nothing {
    /// Says so, and gives the exit code.
    pub(super) fn tell(&self, console: Console) -> Exit {
        match self {
            Self::Because(sentence) => console.failed(sentence, Exit::NothingRun),
            Self::Shown(exit) => *exit,
        }
    }
}

impl Selection {
    /// All cells of what one word names.
    pub(super) fn of(word: &str) -> Self {
        Self { words: vec![word.to_owned()], matrix: Cells::Full, cell: Vec::new(), seed: 1 }
    }

    /// Reads what the words name. Files with errors give diagnostics and no trials.
    pub(super) fn select(&self, console: Console) -> Result<Selected, Nothing> {
        let root = project::scenarios(console).map_err(Nothing::Shown)?;
        let nothing = |error: SelectError| Nothing::Because(self.nothing(&error, &root));
        let plan::Found { files, nameless } = plan::select(&root, &self.words).map_err(nothing)?;
        console.nameless(&nameless);
        let mut selected = Selected { n_files: files.len(), ..Selected::default() };
        for file in files {
            let loaded = load_as(&file.path, &file.id);
            let sources = loaded.sources.into_iter().map(|source| (source.path, source.text));
            let sources: Vec<(Utf8PathBuf, String)> = sources.collect();
            let project = Project::of(&file.path);
            let ours = sources.iter().filter(|(path, _)| project.holds(path));
            selected.sources.extend(ours.cloned());
            let mut diagnostics = loaded.diagnostics;
            let trials = loaded.scenario.map(|scenario| self.trials(&scenario));
            learn(trials.as_deref(), &sources);
            for trial in trials.iter().flatten() {
                diagnostics.extend(run::refuse(trial, &sources));
                diagnostics.extend(lint(trial, &sources));
            }
            selected.diagnostics.extend(few(once(project.shown(diagnostics))));
            selected.trials.extend(trials.unwrap_or_default().into_iter().map(|trial| Planned {
                trial,
                file: file.path.clone(),
                sources: sources.clone(),
                on: Chosen::default(),
            }));
        }
        let known = known::all();
        selected.diagnostics.iter_mut().for_each(|diagnostic| diagnostic.hide(&known));
        // Several scenarios read the same pipeline: what is wrong with it is said once.
        let mut said = Vec::new();
        selected.diagnostics.retain(|diagnostic| {
            let new = !said.contains(diagnostic);
            if new {
                said.push(diagnostic.clone());
            }
            new
        });
        if selected.trials.is_empty() && !selected.refused() {
            return Err(Nothing::Because(self.no_cell(&root)));
        }
        Ok(selected)
    }

    fn trials(&self, scenario: &Scenario) -> Vec<Trial> {
        let matrix = match self.matrix {
            Cells::Full => Matrix::Full,
            Cells::First => Matrix::First,
        };
        let wanted =
            |trial: &Trial| self.cell.iter().flatten().all(|pair| trial.cell.0.contains(pair));
        let mut trials = plan::trials(scenario, matrix, self.seed);
        trials.retain(wanted);
        trials
    }

    fn nothing(&self, error: &SelectError, root: &Utf8Path) -> String {
        match error {
            SelectError::Folder { folder, .. } if folder == root && !folder.exists() => {
                let words = self.words.join("`, `");
                let roots = ROOTS.join("` or `");
                if words.is_empty() {
                    return format!("there is no folder `{roots}` here, and no scenario was named");
                }
                format!(
                    "`{words}`: no such file or folder, and there is no folder `{roots}` here whose \
                     ids and labels could be meant"
                )
            }
            SelectError::Folder { .. } | SelectError::Nothing { .. } => error.to_string(),
        }
    }

    fn no_cell(&self, root: &Utf8Path) -> String {
        if self.cell.is_empty() {
            return format!("there is no scenario below `{root}`");
        }
        let pair = |(name, value): &(String, String)| format!("{name}={value}");
        let cell = self.cell.iter().flatten().map(pair).collect::<Vec<_>>().join(",");
        format!("no selected scenario has a cell with {cell}; `changeproof list` shows the cells")
    }
}

/// Learns the secrets of trials, or of the files that cannot be read as such.
fn learn(trials: Option<&[Trial]>, sources: &[(Utf8PathBuf, String)]) {
    let mut secrets = Secrets::none();
    match trials {
        Some(trials) => trials.iter().for_each(|trial| secrets.join(&trial.secrets())),
        None => sources.iter().for_each(|(_, text)| secrets.learn_text(text)),
    }
    known::learn(&secrets);
}

impl Selected {
    /// Every trial once for each stack, stack by stack.
    pub(super) fn on(&mut self, stacks: &[Chosen]) {
        let trials = std::mem::take(&mut self.trials);
        let on = |stack| trials.iter().map(move |planned: &Planned| planned.on(stack));
        self.trials = stacks.iter().flat_map(on).collect();
    }

    /// Whether a file is refused, so that nothing may run.
    pub(super) fn refused(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The text of a file that was read.
    pub(super) fn source(&self, file: &Utf8Path) -> Option<&str> {
        self.sources.get(file).map(String::as_str)
    }
}

/// Each once: what is wrong with a pipeline is wrong in every trial.
fn once(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut said = BTreeSet::new();
    diagnostics
        .retain(|one| said.insert((one.place.clone(), one.code.clone(), one.message.clone())));
    diagnostics
}

/// Of very many the first, errors before warnings, and how many there are besides.
fn few(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let most = usize::try_from(limits::ERRORS).unwrap_or(usize::MAX);
    // What was counted already when the files were read is one more.
    let further = diagnostics.len().saturating_sub(most + 1);
    if further == 0 {
        return diagnostics;
    }
    diagnostics.sort_by_key(|diagnostic| diagnostic.severity);
    diagnostics.truncate(most + 1);
    if let Some(last) = diagnostics.last().cloned() {
        diagnostics.push(Diagnostic {
            code: Code::TooMuch.name().to_owned(),
            message: format!("{further} more are not shown"),
            label: String::new(),
            earlier: None,
            help: Some("mend those above first".to_owned()),
            ..last
        });
    }
    diagnostics
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("partitions=3", &[("partitions", "3")])]
    #[case("partitions=3, parallelism=1", &[("partitions", "3"), ("parallelism", "1")])]
    #[case("policy=compact,delete,p=1", &[("policy", "compact,delete"), ("p", "1")])]
    fn cells_are_read_as_they_are_shown(#[case] text: &str, #[case] expected: &[(&str, &str)]) {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        assert_eq!(axes(text), Ok(expected.iter().map(own).collect()));
    }

    #[rstest]
    #[case("3")]
    #[case("=3")]
    fn a_cell_needs_an_axis(#[case] text: &str) {
        assert!(axes(text).is_err());
    }
}
