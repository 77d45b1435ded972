//! `changeproof list`: the trials that a run would make.

use camino::Utf8Path;
use clap::Args;

use super::chosen::On;
use super::console::Console;
use super::format::show;
use super::last::{ByLast, LastRuns};
use super::run::RUNS;
use super::select::{Nothing, Planned, Selected, Selection};
use super::stack::Shape;
use crate::base::exit::Exit;
use crate::plan::needs::Needs;
use crate::report::json::Form;
use crate::report::listing::{Listed, Listing};
use crate::report::page::{Ink, Page};

/// List the selected trials: name, title, labels, and how each ended last
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    on: On,
    #[command(flatten)]
    last: ByLast,
    /// For people, or as JSON, as `changeproof schema list` describes it
    #[arg(long, value_enum, default_value_t = Shape::Human, help_heading = "Output")]
    format: Shape,
}

pub(super) fn run(list: &List, console: Console) -> Exit {
    let stacks = match list.on.stacks(console) {
        Ok(stacks) => stacks,
        Err(wrong) => return wrong.exit,
    };
    let last = LastRuns::of(Utf8Path::new(RUNS));
    let selected = list.selection.select(console).and_then(|mut selected| {
        selected.on(&stacks);
        selected.retain(&list.last, &last)?;
        Ok(selected)
    });
    let (selected, exit) = match selected {
        Ok(selected) if selected.refused() => (selected, Exit::ScenarioInvalid),
        Ok(selected) => (selected, Exit::Pass),
        Err(nothing) => {
            nothing.tell(console);
            let Nothing { exit, asked } = nothing;
            (Selected { wrong: asked, ..Selected::default() }, exit)
        }
    };
    match list.format {
        Shape::Json => console.out(&listing(&selected, &last).text()),
        Shape::Human if selected.trials.is_empty() => {}
        Shape::Human => console.out(&page(&selected, &last).styled()),
    }
    if selected.refused() {
        show(&selected.diagnostics, |file| selected.source(file), console);
    }
    exit
}

/// Why its stack cannot run a trial.
pub(super) fn missing(planned: &Planned) -> Option<String> {
    let stack = planned.on.profile();
    Needs::of(&planned.trial).missing(&stack.name, &stack.capabilities)
}

fn page(selected: &Selected, last: &LastRuns) -> Page {
    let mut page = Page::new();
    for planned in &selected.trials {
        let trial = &planned.trial;
        page.add(Ink::Strong, planned.name());
        page.add(Ink::Faint, if trial.alone { " (alone)" } else { "" });
        let (ink, verdict) = last.of_trial(planned).shown();
        if !verdict.is_empty() {
            page.add(Ink::Plain, "  ");
            page.add(ink, verdict);
        }
        page.line(format!("\n  {}", trial.title));
        if let Some(why) = missing(planned) {
            page.line(format!("  not run: {why}"));
        }
        page.add(Ink::Faint, format!("  {}\n", trial.covers.join(", ")));
    }
    page
}

/// The trials for programs, with what is wrong.
pub(super) fn listing(selected: &Selected, last: &LastRuns) -> Listing {
    let one = |planned: &Planned| {
        let trial = &planned.trial;
        Listed {
            name: planned.name(),
            id: trial.id.clone(),
            cell: trial.cell.hidden().0.into_iter().collect(),
            lane: planned.on.lane().filter(|lane| !lane.is_default()).map(ToString::to_string),
            title: trial.title.clone(),
            covers: trial.covers.clone(),
            file: planned.file.to_string(),
            pipeline: trial.pipeline.file.as_ref().map(ToString::to_string),
            alone: trial.alone,
            not_run: missing(planned),
            last: last.of_trial(planned).outcome(),
            command: planned.command(),
        }
    };
    Listing {
        list: Form::V1,
        changeproof: env!("CARGO_PKG_VERSION").to_owned(),
        trials: selected.trials.iter().map(one).collect(),
        diagnostics: selected.diagnostics.clone(),
        refused: selected.wrong.clone(),
    }
}
