//! A trial: one scenario with one cell's settings, no lists, one united expectation. It is
//! self-contained, and recorded whole at the head of the history.

use serde::{Deserialize, Serialize};

use super::expect::Expect;
use super::pipeline::Pipeline;
use super::settings::{Cell, Settings};
use super::timeline::{Action, Entry, Fault, Target, Verb};
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
    /// Needs the stack alone (e.g. it holds a write open while a connector starts).
    pub alone: bool,
}

impl Trial {
    /// `id [k=v, …]`, the name of the trial wherever it is listed.
    pub fn name(&self) -> String {
        if self.cell.0.is_empty() {
            return self.id.clone();
        }
        format!("{} [{}]", self.id, self.cell)
    }

    /// What the timeline does to parts of the pipeline, in its order.
    pub fn faults(&self) -> impl Iterator<Item = Fault> + '_ {
        self.timeline.iter().filter_map(|entry| entry.action.fault())
    }

    /// The timeline itself is the first to start the target.
    pub fn starts_later(&self, target: Target) -> bool {
        let first = self.faults().find(|fault| fault.target == target);
        first.is_some_and(|fault| fault.verb == Verb::Start)
    }

    /// A fault is armed.
    pub fn arms(&self) -> bool {
        self.timeline.iter().any(|entry| matches!(entry.action, Action::Arm { .. }))
    }
}
