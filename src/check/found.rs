//! What a checker hands in: findings without their key's life, which is looked up afterwards for
//! those that are shown.

use std::collections::BTreeMap;

use super::topic::{TopicCase, journal_position, position};
use super::verdict::{Difference, Finding, Gap};
use crate::base::anomaly::Anomaly;
use crate::base::position::{Position, RecordPosition};
use crate::history::event::Record;
use crate::model::feed::{Expected, Logged};
use crate::model::key::Key;

/// What the checkers found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) findings: Vec<Raw>,
    pub(super) gaps: Vec<Gap>,
    /// What was counted on the way, by name.
    pub(super) figures: BTreeMap<String, u64>,
}

/// A finding, and where its key's life is to be looked up.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) finding: Finding,
    pub(super) trace: Trace,
    /// It is about a sink at the end of the run.
    pub(super) at_the_end: bool,
}

/// Whose life belongs to a finding: rows whose columns of these names have these values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) columns: Vec<(String, Option<String>)>,
}

impl Trace {
    pub(super) fn of(columns: &[String], key: &Key) -> Self {
        let part = |n: usize| key.parts().get(n).cloned().flatten();
        let columns = columns.iter().enumerate();
        Self { columns: columns.map(|(n, name)| (name.clone(), part(n))).collect() }
    }
}

impl Found {
    pub(super) fn gap(&mut self, what: impl Into<String>, missing: impl Into<String>) {
        let gap = Gap { what: what.into(), missing: missing.into() };
        // The same doubt about many records is one doubt.
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }

    pub(super) fn add(&mut self, draft: Draft<'_>) {
        self.findings.push(draft.raw());
    }
}

/// A finding in the making.
pub(super) struct Draft<'a> {
    pub(super) anomaly: Anomaly,
    pub(super) place: &'a str,
    pub(super) key: Option<&'a Key>,
    /// The names of the key's columns.
    pub(super) key_columns: &'a [String],
    pub(super) sentence: String,
    pub(super) record: Option<&'a Record>,
    pub(super) position: Option<Position>,
    pub(super) first_hop: Option<String>,
    pub(super) difference: Vec<Difference>,
}

impl<'a> Draft<'a> {
    /// About a source topic; the record and what it should be, as far as there are such.
    pub(super) fn topic(
        anomaly: Anomaly,
        topic: &'a TopicCase<'_>,
        key_columns: &'a [String],
        (wanted, logged): (Option<&'a Expected>, Option<&'a Logged<'_>>),
        sentence: String,
    ) -> Self {
        let key = wanted.and_then(|wanted| wanted.key.as_ref());
        Self {
            anomaly,
            place: &topic.place,
            key: key.or_else(|| logged.and_then(|logged| logged.key.as_ref())),
            key_columns,
            sentence,
            record: logged.map(|logged| logged.record),
            position: wanted.and_then(journal_position),
            first_hop: Some(format!("journal → {}", topic.topic.name)),
            difference: Vec::new(),
        }
    }

    fn raw(self) -> Raw {
        let record: Option<RecordPosition> = self.record.map(position);
        Raw {
            trace: self.key.map(|key| Trace::of(self.key_columns, key)).unwrap_or_default(),
            at_the_end: false,
            finding: Finding {
                anomaly: self.anomaly,
                place: self.place.to_owned(),
                key: self.key.map(ToString::to_string),
                sentence: self.sentence,
                record,
                position: self.position,
                first_hop: self.first_hop,
                proof: None,
                statement: None,
                difference: self.difference,
                life: Vec::new(),
            },
        }
    }
}
