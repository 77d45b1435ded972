//! Which trials a command is about: words to files, files to scenarios, scenarios to cells.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, ValueEnum};
use itertools::Itertools as _;

use super::chosen::Chosen;
use super::console::Console;
use super::filters::Filters;
use super::known;
use super::last::{ByLast, LastRuns};
use super::outside::Project;
use super::project::{self, ROOTS};
use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::exit::Exit;
use crate::base::limits;
use crate::base::secret::Secrets;
use crate::history::stack;
use crate::lint::lint;
use crate::plan::{self, Matrix, SelectError};
use crate::report::{NotRun, repeat};
use crate::run;
use crate::scenario::code::Code;
use crate::scenario::trial::Trial;
use crate::scenario::{Scenario, load_as};

/// The scenarios a command is about.
#[derive(Debug, Clone, Args)]
pub(super) struct Selection {
    /// Scenarios: files, folders, ids (paths below `scenarios/`), labels, or names of trials
    ///
    /// In an id or a label `*` is any text and `?` any one character. A name with its cell, as
    /// `list` shows it, is that trial alone.
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
    #[command(flatten)]
    filters: Filters,
    /// The names of the trials that alone are wanted; no other file is read.
    #[arg(skip)]
    pub(super) only: Vec<String>,
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
        self.trial.name() + &stack::suffix(&self.on.name())
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
    /// The scenarios that are refused.
    pub(super) wrong: Vec<NotRun>,
}

/// Nothing was selected.
#[derive(Debug)]
pub(super) struct Nothing {
    /// What a script may conclude.
    pub(super) exit: Exit,
    /// What was asked for, and why it is nothing.
    pub(super) asked: Vec<NotRun>,
}

impl Nothing {
    /// One sentence about all.
    fn because(sentence: String) -> Self {
        let asked = vec![NotRun::wrong("selection", sentence)];
        Self { exit: Exit::NothingRun, asked }
    }

    /// Says so, and gives the exit code.
    pub(super) fn tell(&self, console: Console) -> Exit {
        for one in &self.asked {
            console.failed(&one.sentence, self.exit);
        }
        self.exit
    }
}

impl Selection {
    /// All cells of what one word names.
    pub(super) fn of(word: &str) -> Self {
        Self {
            words: vec![word.to_owned()],
            matrix: Cells::Full,
            cell: Vec::new(),
            seed: 1,
            filters: Filters::default(),
            only: Vec::new(),
        }
    }

    /// Reads what the words name. Files with errors give diagnostics and no trials.
    pub(super) fn select(&self, console: Console) -> Result<Selected, Nothing> {
        // What is wrong with the project's own file has been shown.
        let root =
            project::scenarios(console).map_err(|exit| Nothing { exit, asked: Vec::new() })?;
        let (words, named) = self.names();
        let only: BTreeSet<&str> = named.iter().chain(&self.only).map(String::as_str).collect();
        let found = plan::select(&root, &words);
        let plan::Found { files, nameless } = found.map_err(|_| self.nothing(&words, &root))?;
        console.nameless(&nameless);
        let mut selected = Selected::default();
        for file in files {
            let of_file: Vec<&str> =
                only.iter().copied().filter(|name| id_of(name) == file.id).collect();
            let is_other = !self.only.is_empty() && of_file.is_empty();
            if !is_other && !self.filters.leaves_out(&file.id) {
                self.read(&file, &of_file, &mut selected);
            }
        }
        selected.tidy();
        if selected.trials.is_empty() && !selected.refused() {
            return Err(Nothing::because(self.no_trial(&root)));
        }
        Ok(selected)
    }

    /// Reads a file; of its trials those that are named, or all if none is.
    fn read(&self, file: &plan::Selected, named: &[&str], selected: &mut Selected) {
        let loaded = load_as(&file.path, &file.id);
        let sources = loaded.sources.into_iter().map(|source| (source.path, source.text));
        let sources: Vec<(Utf8PathBuf, String)> = sources.collect();
        let project = Project::of(&file.path);
        let ours = sources.iter().filter(|(path, _)| project.holds(path)).cloned();
        let mut diagnostics = loaded.diagnostics;
        let trials = loaded.scenario.map(|scenario| self.trials(&scenario));
        learn(trials.as_deref(), &sources);
        let is_read = trials.is_some();
        let mut trials = trials.unwrap_or_default();
        trials.retain(|trial| named.is_empty() || named.contains(&trial.name().as_str()));
        if is_read && trials.is_empty() {
            return;
        }
        for trial in &trials {
            diagnostics.extend(run::refuse(trial, &sources));
            diagnostics.extend(lint(trial, &sources));
        }
        let diagnostics = few(once(project.shown(diagnostics)));
        let errors = diagnostics.iter().filter(|one| one.severity == Severity::Error);
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        if !errors.is_empty() {
            selected.wrong.push(NotRun::wrong(&file.id, errors.join("\n")));
        }
        selected.n_files += 1;
        selected.sources.extend(ours);
        selected.diagnostics.extend(diagnostics);
        selected.trials.extend(trials.into_iter().map(|trial| Planned {
            trial,
            file: file.path.clone(),
            sources: sources.clone(),
            on: Chosen::default(),
        }));
    }

    /// The words, each without its cell, and those that name a trial by its cell.
    fn names(&self) -> (Vec<String>, Vec<String>) {
        let words = self.words.iter().map(|word| id_of(word).to_owned()).collect();
        let named = self.words.iter().filter(|word| id_of(word) != word.as_str()).cloned();
        (words, named.collect())
    }

    fn trials(&self, scenario: &Scenario) -> Vec<Trial> {
        let matrix = match self.matrix {
            Cells::Full => Matrix::Full,
            Cells::First => Matrix::First,
        };
        let wanted = |trial: &Trial| {
            let mut pairs = self.cell.iter().flatten();
            pairs.all(|pair| trial.cell.0.contains(pair)) && self.filters.wants(trial)
        };
        let mut trials = plan::trials(scenario, matrix, self.seed);
        trials.retain(wanted);
        trials
    }

    /// Each word that names nothing, with the reason.
    fn nothing(&self, words: &[String], root: &Utf8Path) -> Nothing {
        let alone = |word: &String| plan::select(root, std::slice::from_ref(word)).err();
        let mut asked = Vec::new();
        for (word, said) in words.iter().zip_eq(&self.words) {
            if let Some(error) = alone(word) {
                asked.push(NotRun::wrong(said, self.sentence(&error, root)));
            }
        }
        match plan::select::<&str>(root, &[]) {
            Err(error) if asked.is_empty() => Nothing::because(self.sentence(&error, root)),
            _ => Nothing { exit: Exit::NothingRun, asked: once_each(asked) },
        }
    }

    fn sentence(&self, error: &SelectError, root: &Utf8Path) -> String {
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
            SelectError::Folder { .. } | SelectError::Nothing { .. } | SelectError::Pattern(_) => {
                error.to_string()
            }
        }
    }

    fn no_trial(&self, root: &Utf8Path) -> String {
        let pair = |(name, value): &(String, String)| format!("{name}={value}");
        let cell = self.cell.iter().flatten().map(pair).collect::<Vec<_>>().join(",");
        if !cell.is_empty() {
            return format!(
                "no selected scenario has a cell with {cell}; `changeproof list` shows the cells"
            );
        }
        if let Some(name) = self.names().1.first() {
            return format!("there is no trial `{name}`; `changeproof list` shows the names");
        }
        if plan::select::<&str>(root, &[]).is_ok_and(|found| found.files.is_empty())
            && self.words.is_empty()
        {
            return format!("there is no scenario below `{root}`");
        }
        "no selected trial fits the filters; `changeproof list` shows the trials".to_owned()
    }
}

/// `order/late [partitions=3]` → what stands before the cell.
pub(super) fn id_of(name: &str) -> &str {
    let cut = name.strip_suffix(']').and_then(|name| name.split_once(" ["));
    cut.map_or(name, |(id, _)| id)
}

/// One sentence about all words stands once.
fn once_each(mut asked: Vec<NotRun>) -> Vec<NotRun> {
    let mut said = BTreeSet::new();
    asked.retain(|one| said.insert(one.sentence.clone()));
    asked
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

    /// Hides secrets. Several scenarios read the same pipeline: what is wrong with it is said once.
    fn tidy(&mut self) {
        let known = known::all();
        self.diagnostics.iter_mut().for_each(|diagnostic| diagnostic.hide(&known));
        for one in &mut self.wrong {
            one.sentence = known.hidden(&one.sentence).into_owned();
        }
        let mut said = Vec::new();
        self.diagnostics.retain(|diagnostic| {
            let new = !said.contains(diagnostic);
            if new {
                said.push(diagnostic.clone());
            }
            new
        });
    }

    /// Leaves the trials whose last run ended as wanted; the error says that none is left.
    pub(super) fn retain(&mut self, wanted: &ByLast, last: &LastRuns) -> Result<(), Nothing> {
        let n = self.trials.len();
        self.trials.retain(|planned| wanted.wants(last.of_trial(planned)));
        if n > 0 && self.trials.is_empty() && !self.refused() {
            return Err(Nothing::because(wanted.nothing(n)));
        }
        Ok(())
    }

    /// What is refused, and what is not begun because of it.
    pub(super) fn not_run(&self) -> Vec<NotRun> {
        let why = "not begun: a file that was selected is refused";
        let is_wrong = |id: &str| self.wrong.iter().any(|one| one.name == id);
        let rest = self.trials.iter().filter(|planned| !is_wrong(&planned.trial.id));
        let rest = rest.map(|planned| NotRun::not_begun(planned.name(), why));
        self.wrong.iter().cloned().chain(rest).collect()
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
