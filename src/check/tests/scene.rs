//! What tests change of a scene that stands already.

use super::super::testing::{Scene, failing};
use super::super::verdict::Verdict;
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::history::event::{Event, Record, Table};

impl Scene {
    /// The record that was added last.
    pub(in crate::check) fn last_record(&mut self) -> &mut Record {
        let mut records = self.events.iter_mut().rev().filter_map(|event| match event {
            Event::Record(record) => Some(record),
            _ => None,
        });
        records.next().expect("the scene has a record")
    }

    /// Moves the slot's consistent point.
    pub(in crate::check) fn set_point(&mut self, to: u64) {
        for event in &mut self.events {
            if let Event::Slot { point, .. } = event {
                *point = Lsn(to);
            }
        }
    }

    /// Changes the source tables as they were recorded.
    pub(in crate::check) fn change_table(&mut self, change: impl Fn(&mut Table)) {
        for event in &mut self.events {
            if let Event::Tables { tables } = event {
                tables.iter_mut().for_each(&change);
            }
        }
    }

    /// The statement that writes a sink fails.
    pub(in crate::check) fn fails(&mut self, place: &str) {
        self.events.push(Event::Trouble {
            finding: Anomaly::StatementFailed,
            place: place.to_owned(),
            at: None,
            sentence: "it failed".to_owned(),
            detail: Vec::new(),
        });
    }
}

/// The windows of the sink stay open: only the topic is looked at.
pub(super) fn judged(mut scene: Scene) -> Verdict {
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    scene.judged()
}

/// What fails, by name.
pub(super) fn names(verdict: &Verdict) -> Vec<Anomaly> {
    failing(verdict).into_iter().map(|(name, _)| name).collect()
}
