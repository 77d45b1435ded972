//! `changeproof lint`: all errors of all files, without a stack.

use clap::Args;

use super::console::Console;
use super::format::show;
use super::select::Selection;
use crate::base::exit::Exit;
use crate::report::plural;

/// Read scenarios and their pipelines and show everything that is wrong with them
#[derive(Debug, Args)]
pub(super) struct Lint {
    #[command(flatten)]
    selection: Selection,
}

pub(super) fn run(lint: &Lint, console: Console) -> Exit {
    let selected = match lint.selection.select(console) {
        Ok(selected) => selected,
        Err(nothing) => return nothing.tell(console),
    };
    if !selected.diagnostics.is_empty() {
        show(&selected.diagnostics, |file| selected.source(file), console);
    }
    if selected.refused() {
        return Exit::ScenarioInvalid;
    }
    for planned in &selected.trials {
        console.out(&planned.trial.name());
    }
    let (trials, files) = (selected.trials.len(), selected.n_files);
    let warnings = match selected.diagnostics.len() {
        0 => String::new(),
        n => format!(", {}", plural(n, "warning")),
    };
    console.out(&format!(
        "{} in {}, no errors{warnings}",
        plural(trials, "trial"),
        plural(files, "scenario")
    ));
    Exit::Pass
}
