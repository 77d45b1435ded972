//! A trial: one scenario with one cell's settings, no lists, one united expectation. It is
//! self-contained, and recorded whole at the head of the history.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::expect::Expect;
use super::pipeline::Pipeline;
use super::range::{Range, Ranges};
use super::settings::{Cell, Options, Settings};
use super::timeline::{Action, Entry, Fault, Target, Verb};
use crate::base::difference::Difference;
use crate::base::text::Text;

/// One scenario × cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The scenario's id: its path without `.yaml`, relative to the scenarios' folder.
    pub id: String,
    /// The one sentence that is true if it passes.
    pub title: String,
    /// Labels to select by.
    pub covers: Vec<String>,
    /// The axes and this cell's values.
    pub cell: Cell,
    /// The seed of every draw.
    pub seed: u64,
    /// The pipeline with this cell's overrides.
    pub pipeline: Pipeline,
    /// This cell's settings.
    pub settings: Settings,
    /// SQL that runs before connector and statements, one statement a text.
    pub setup: Vec<Text>,
    /// The entries, `repeat` not unrolled; the last is always `await: processed`.
    pub timeline: Vec<Entry>,
    /// What must, may and must not be seen.
    pub expect: Expect,
    /// Versions that components must have; else the trial is not run.
    #[serde(default)]
    pub requires: Ranges,
    /// What is expected where components have certain versions.
    #[serde(default)]
    pub by_version: Vec<(Ranges, Expect)>,
    /// Needs the stack alone (e.g. it holds a write open while a connector starts).
    pub alone: bool,
    /// Where its statements are no longer those of the author: tables of connectors that are not on
    /// the stack, and what nothing needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stand_ins: Vec<Difference>,
    /// What its topics are called.
    #[serde(default, skip_serializing_if = "Naming::is_prefixed")]
    pub naming: Naming,
}

/// What the topics of a trial are called on the broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Naming {
    /// As in production behind the run's name: such trials run side by side.
    #[default]
    Prefixed,
    /// Exactly as in production, for these reasons. No other trial has the same names meanwhile.
    AsInProduction(Vec<String>),
}

impl Naming {
    /// The run's name stands before those of production.
    pub fn is_prefixed(&self) -> bool {
        *self == Self::Prefixed
    }
}

impl Trial {
    /// A trial that does nothing and demands nothing.
    pub fn idle(id: &str, title: &str, pipeline: Pipeline) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            covers: Vec::new(),
            cell: Cell::default(),
            seed: 1,
            pipeline,
            settings: Settings::default(),
            setup: Vec::new(),
            timeline: Vec::new(),
            expect: Expect::default(),
            requires: Ranges::default(),
            by_version: Vec::new(),
            alone: false,
            stand_ins: Vec::new(),
            naming: Naming::default(),
        }
    }

    /// `id [k=v, …]`, the name of the trial wherever it is listed.
    pub fn name(&self) -> String {
        if self.cell.0.is_empty() {
            return self.id.clone();
        }
        format!("{} [{}]", self.id, self.cell)
    }

    /// Why it cannot run where components have these versions.
    pub fn is_out_of_range(&self, versions: &BTreeMap<String, String>) -> Option<String> {
        let wrong = self.requires.iter().find(|(component, range)| {
            !versions.get(*component).is_some_and(|version| range.holds(version))
        });
        wrong.map(|(component, range)| match versions.get(component) {
            Some(has) => format!("it requires {component} {range}, and the stack's is {has}"),
            None => format!("it requires {component} {range}, which the stack does not have"),
        })
    }

    /// Takes in what is expected where components have these versions.
    pub fn settle(&mut self, versions: &BTreeMap<String, String>) {
        for (ranges, expect) in std::mem::take(&mut self.by_version) {
            let fits = |(component, range): (&String, &Range)| {
                versions.get(component).is_some_and(|version| range.holds(version))
            };
            if ranges.iter().all(fits) {
                self.expect.unite(&expect);
            }
        }
    }

    /// It is one of several orders of the same entries.
    pub fn is_permuted(&self) -> bool {
        self.timeline
            .iter()
            .any(|entry| matches!(&entry.action, Action::Session(session) if session.finds_waits))
    }

    /// The options of every connector as written, in the pipeline's order: those of the settings
    /// over those of its file. Where no file is named, there is one connector too.
    pub fn connectors(&self) -> Vec<Options> {
        let files = self.pipeline.connectors.iter().map(|file| file.options.clone());
        let mut all: Vec<Options> = files.collect();
        if all.is_empty() {
            all.push(Options::new());
        }
        for options in &mut all {
            options.extend(self.settings.connector.clone());
        }
        all
    }

    /// There is more than one connector.
    pub fn has_several_connectors(&self) -> bool {
        self.pipeline.connectors.len() > 1
    }

    /// What the timeline does to parts of the pipeline, in its order.
    pub fn faults(&self) -> impl Iterator<Item = Fault> + '_ {
        self.timeline.iter().filter_map(|entry| entry.action.fault())
    }

    /// The timeline itself is the first to start the target; of several connectors, any of them.
    pub fn starts_later(&self, target: Target) -> bool {
        let mut first = (0..self.pipeline.connectors.len().max(1))
            .filter_map(|nth| self.faults().find(|fault| fault.is_of(target, nth)));
        first.any(|fault| fault.verb == Verb::Start)
    }

    /// The timeline itself is the first to start this connector, counted from 0.
    pub fn starts_connector_later(&self, nth: usize) -> bool {
        let first = self.faults().find(|fault| fault.is_of(Target::Connector, nth));
        first.is_some_and(|fault| fault.verb == Verb::Start)
    }

    /// The settings, and how each `set` of the timeline changes them.
    pub fn settings_in_turn(&self) -> impl Iterator<Item = Settings> + '_ {
        let sets = self.timeline.iter().filter_map(|entry| match &entry.action {
            Action::Set(set) => Some(set),
            _ => None,
        });
        let changed = sets.scan(self.settings.clone(), |settings, set| {
            settings.change(set);
            Some(settings.clone())
        });
        std::iter::once(self.settings.clone()).chain(changed)
    }

    /// The source tables and sinks whose topics the timeline holds.
    pub fn held(&self) -> impl Iterator<Item = (&Entry, &str)> {
        self.timeline.iter().filter_map(|entry| match &entry.action {
            Action::Hold { place } => Some((entry, place.as_str())),
            _ => None,
        })
    }

    /// A fault is armed.
    pub fn arms(&self) -> bool {
        self.timeline.iter().any(|entry| matches!(entry.action, Action::Arm { .. }))
    }
}
