//! Windows that fired rightly, and whose reference has moved on since: the witness `late-change`.
//!
//! Source: seen on Flink 2.2.0 (scenarios `windows/a-late-retraction-changes-nothing` and
//! `windows/a-row-moved-after-the-firing-counts-twice`).

use std::collections::{BTreeMap, BTreeSet};

use super::super::sinks::{equal, shown};
use super::firing::Judge;
use super::repeats::Form;
use crate::base::anomaly::Anomaly;
use crate::codec::flink::Row;
use crate::history::event::Proof;
use crate::model::key::Key;
use crate::model::sink::{Emitted, texts};

impl Judge<'_, '_, '_> {
    /// The window fired rightly; what its reference gives by now may be another thing.
    pub(super) fn late_change(&mut self, key: &Key, fired: Option<&Emitted<'_>>) {
        let Some(now) = self.references.get(&self.last.number) else { return };
        let (now, columns) = (now.keyed.get(key).cloned(), now.columns.clone());
        let row = fired.and_then(|emitted| emitted.row.as_ref());
        let same = match (&now, row) {
            (Some(now), Some(row)) => equal(now, row, &columns),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !same {
            self.late((Some(key), fired), (now.as_ref(), row));
        }
    }

    fn late(
        &mut self,
        of: (Option<&Key>, Option<&Emitted<'_>>),
        (now, row): (Option<&Row>, Option<&Row>),
    ) {
        let had =
            row.map_or_else(|| "with no row".to_owned(), |row| format!("with {}", shown(row)));
        let has = now.map_or_else(|| "no row".to_owned(), shown);
        let sentence = format!(
            "a change reached the window after it had fired: it fired {had}; its reference now has \
             {has}"
        );
        self.add(Anomaly::LateChange, of, sentence, (now, row));
    }

    /// Keys that had no row when their window was proven closed, and have one in the reference by
    /// now.
    pub(super) fn late_keys(&mut self, proofs: &[&Proof]) {
        let Some(now) = self.references.get(&self.last.number) else { return };
        let written = self.sink.log.iter().filter(|emitted| emitted.row.is_some());
        let written = written.filter_map(|emitted| emitted.key.as_ref()).collect::<BTreeSet<_>>();
        let unwritten = now.keyed.iter().filter(|(key, _)| !written.contains(key));
        let late = unwritten.filter(|(key, row)| {
            let Some(end) = self.sink.end(row) else { return false };
            let closing = proofs.iter().find(|proof| self.sink.is_closed(end, proof));
            let then = closing.and_then(|proof| self.references.get(&proof.number));
            then.is_some_and(|then| !then.keyed.contains_key(*key))
        });
        let late = late.map(|(key, row)| (key.clone(), row.clone())).collect::<Vec<_>>();
        for (key, row) in late {
            let name = key.to_string();
            let told =
                |place: &str, of: Option<&String>| place == self.sink.name && of == Some(&name);
            let raws = &self.found.findings;
            if !raws.iter().any(|raw| told(&raw.finding.place, raw.finding.key.as_ref())) {
                self.late((Some(&key), None), (Some(&row), None));
            }
        }
    }

    /// The same of rows without key: one witness for the windows that end together.
    pub(super) fn late_rows(&mut self, end: i64, fired: &BTreeMap<Form, usize>) {
        let Some(now) = self.references.get(&self.last.number) else { return };
        let own = now.bag.iter().filter(|row| self.sink.end(row) == Some(end));
        let own = own.cloned().collect::<Vec<_>>();
        let mut counts = BTreeMap::<Form, usize>::new();
        let mut new = None;
        for row in own {
            let form = texts(&row, &now.columns);
            let count = counts.entry(form.clone()).or_default();
            *count += 1;
            if *count > fired.get(&form).copied().unwrap_or_default() {
                new.get_or_insert(row);
            }
        }
        // A row that stands there too often is no late change.
        let gone = fired.keys().find(|form| !counts.contains_key(*form)).cloned();
        let columns = now.columns.clone();
        let is_gone = |e: &&Emitted<'_>| {
            let form = e.row.as_ref().map(|row| texts(row, &columns));
            gone.is_some() && form == gone
        };
        let sink = self.sink;
        let gone = sink.log.iter().find(is_gone);
        if new.is_some() || gone.is_some() {
            let row = gone.and_then(|emitted| emitted.row.as_ref());
            self.late((None, gone), (new.as_ref(), row));
        }
    }
}
