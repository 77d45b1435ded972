//! What tests change of a scene that stands already.

use super::super::testing::Scene;
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
            if let Event::Slot { point } = event {
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
}
