//! Scenarios and their cells to trials. Pure, apart from finding the files of a selection.

mod cells;
mod naming;
pub mod needs;
mod only;
mod orders;
mod select;
mod stand_ins;
mod word;

pub use select::{Found, SelectError, Selected, list, select};
pub use stand_ins::stand_in;
pub use word::Word;

use crate::contain::source;
use crate::scenario::application::Application;
use crate::scenario::expect::Expect;
use crate::scenario::pipeline::Format;
use crate::scenario::range::Ranges;
use crate::scenario::scenario::{Restriction, Scenario, SettingValue};
use crate::scenario::settings::{Cell, Settings};
use crate::scenario::timeline::{Entry, Target, Verb};
use crate::scenario::trial::{Naming, Trial};
use crate::scenario::{overridden, pipeline::Pipeline};
use cells::Draw;

/// Which cells of the matrix are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Matrix {
    /// Every combination.
    #[default]
    Full,
    /// The first item of every list.
    First,
}

/// The trials of a scenario: one for each cell, in the order in which the lists are written, the
/// last axis fastest. There is always at least one.
pub fn trials(scenario: &Scenario, matrix: Matrix, seed: u64) -> Vec<Trial> {
    let timelines = orders::timelines(&scenario.timeline, matrix, seed);
    let mut trials = Vec::new();
    for draw in &cells::draws(scenario, matrix) {
        let trial = trial(scenario, draw, seed);
        for (orders, timeline) in &timelines {
            let mut trial = Trial { timeline: timeline.clone(), ..trial.clone() };
            trial.cell.0.extend(orders.iter().cloned());
            trial.naming = naming::naming(&trial);
            trials.push(trial);
        }
    }
    trials
}

fn trial(scenario: &Scenario, draw: &Draw<'_>, seed: u64) -> Trial {
    let mut settings = Settings::default();
    let mut pipeline = scenario.pipeline.clone();
    let mut cell = Cell::default();
    for (setting, choice) in draw {
        if setting.is_axis {
            cell.0.push((setting.name(), choice.label.clone()));
        }
        if let SettingValue::Statements(statements) = &choice.value {
            let statements = overridden(&pipeline.statements, statements);
            pipeline = Pipeline { statements, ..pipeline };
        }
        if let SettingValue::Format(format) = choice.value {
            pipeline.format = Some(format);
        }
        settings.set(&setting.path, &choice.value);
    }
    if pipeline.format == Some(Format::AvroRegistry) {
        pipeline.topics.values_mut().for_each(Application::be_avro);
    }
    only::keep(&mut pipeline, &scenario.only);
    let (expect, by_version) = united(scenario, &cell);
    let mut trial = Trial {
        id: scenario.id.clone(),
        title: scenario.title.clone(),
        covers: scenario.covers.clone(),
        cell,
        seed,
        pipeline,
        settings,
        setup: scenario.setup.clone(),
        timeline: scenario.timeline.clone(),
        expect,
        requires: scenario.requires.clone(),
        by_version,
        alone: needs_the_stack_alone(&scenario.timeline),
        stand_ins: Vec::new(),
        naming: Naming::default(),
    };
    stand_in(&mut trial);
    // The server is emptied before each trial that touches all of it.
    trial.alone |= source::needs_server(&trial);
    trial
}

/// The entries of `expect` that hold for a cell, as one; and those that hold for it where components
/// have certain versions, which only the stack knows.
fn united(scenario: &Scenario, cell: &Cell) -> (Expect, Vec<(Ranges, Expect)>) {
    let mut united = Expect { may_show: scenario.may_show.clone(), ..Expect::default() };
    let mut by_version = Vec::new();
    let holds = |restriction: &Restriction| {
        let value = cell.0.iter().find(|(axis, _)| *axis == restriction.axis);
        value.is_some_and(|(_, label)| restriction.labels.contains(label))
    };
    for entry in scenario.expect.iter().filter(|entry| entry.when.iter().all(holds)) {
        if entry.versions.is_empty() {
            united.unite(&entry.expect);
        } else {
            by_version.push((entry.versions.clone(), entry.expect.clone()));
        }
    }
    (united, by_version)
}

/// Whether an entry does what other runs on the same stack would feel: killing a shared process, or
/// holding a write open while a connector starts (its snapshot waits for every open write of the
/// whole server). Sessions begin when the connector streams, and every new connector waits only for
/// the snapshot of its own start, so only a connector that is started later does.
fn needs_the_stack_alone(timeline: &[Entry]) -> bool {
    let faults = || timeline.iter().filter_map(|entry| entry.action.fault());
    let starts_later = |nth: usize| {
        let first = faults().find(|fault| fault.is_of(Target::Connector, nth));
        first.is_some_and(|first| first.verb == Verb::Start)
    };
    let mut connectors = faults().filter_map(|fault| fault.connector).chain([0]);
    faults().any(|fault| fault.target.is_process()) || connectors.any(starts_later)
}

#[cfg(test)]
mod tests;
