//! `changeproof list`: the trials that a run would make.

use clap::Args;

use super::console::Console;
use super::format::show;
use super::select::Selection;
use crate::base::exit::Exit;
use crate::report::page::{Ink, Page};

/// List the selected trials: name, title, labels
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    selection: Selection,
}

pub(super) fn run(list: &List, console: Console) -> Exit {
    let selected = match list.selection.select() {
        Ok(selected) => selected,
        Err(nothing) => return nothing.tell(console),
    };
    let mut page = Page::new();
    for planned in &selected.trials {
        let trial = &planned.trial;
        page.add(Ink::Strong, trial.name());
        page.add(Ink::Faint, if trial.alone { " (alone)" } else { "" });
        page.line(format!("\n  {}", trial.title));
        page.add(Ink::Faint, format!("  {}\n", trial.covers.join(", ")));
    }
    console.out(&page.styled());
    if selected.refused() {
        show(&selected.diagnostics, |file| selected.source(file), console);
        return Exit::ScenarioInvalid;
    }
    Exit::Pass
}
