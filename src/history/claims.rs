//! What an engine claimed, and what came after all.
//!
//! A proof of the grade `reported` stands on the engine's word that all is processed. Until the
//! timeline goes on, nothing is written that a statement could read; so a record that a sink gets by
//! then was owed before, and the claim was untrue. Entries that are still under way at the proof may
//! write meanwhile: then nothing is told.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{EntryState, Event, Proof, Record};
use crate::base::grade::Grade;

/// The claims of a history that were untrue.
#[derive(Debug, Clone, Default)]
pub struct Claims<'a> {
    /// Entries that have begun and not ended.
    open: BTreeSet<Option<usize>>,
    /// The topics of the sinks.
    topics: BTreeMap<&'a str, &'a str>,
    /// The claim since which nothing was written.
    quiet: Option<&'a Proof>,
    /// By proof: the sinks that wrote more, and those fed by them, with the first such record.
    untrue: BTreeMap<u32, BTreeMap<&'a str, &'a Record>>,
}

impl<'a> Claims<'a> {
    /// Takes in the next event.
    pub(super) fn add(&mut self, event: &'a Event) {
        match event {
            Event::Entry { entry, state } => match state {
                EntryState::Started => {
                    self.open.insert(*entry);
                    self.quiet = None;
                }
                EntryState::Waiting { .. } => {}
                EntryState::Finished
                | EntryState::Refused { .. }
                | EntryState::Lost
                | EntryState::Held { .. } => {
                    self.open.remove(entry);
                }
            },
            Event::Proof(proof) => {
                let alone = self.open.iter().all(|open| *open == Some(proof.entry));
                self.quiet = Some(proof).filter(|_| alone && proof.grade == Grade::Reported);
            }
            Event::Fault { .. } | Event::Produced { .. } | Event::Resumed { .. } => {
                self.quiet = None;
            }
            Event::Sinks { sinks } => {
                self.topics.extend(sinks.iter().map(|sink| (&*sink.name, &*sink.topic)));
            }
            Event::Record(record) => self.read(record),
            _ => {}
        }
    }

    fn read(&mut self, record: &'a Record) {
        let Some(proof) = self.quiet else { return };
        let partition = usize::try_from(record.partition).unwrap_or(usize::MAX);
        let end = proof.ends.get(&record.topic).and_then(|ends| ends.get(partition));
        let is_output = self.topics.values().any(|topic| *topic == record.topic);
        if !is_output || end.is_none_or(|(_, end)| record.offset < *end) {
            return;
        }
        // The last statements write what no other reads; in this order each comes after who feeds it.
        let mut late = BTreeSet::from([record.topic.as_str()]);
        for job in &proof.jobs {
            let reads = job.sources.iter().any(|(_, topic, ..)| late.contains(topic.as_str()));
            for sink in &job.sinks {
                let Some(topic) = self.topics.get(sink.as_str()) else { continue };
                if reads || *topic == record.topic {
                    late.insert(topic);
                    let of_proof = self.untrue.entry(proof.number).or_default();
                    of_proof.entry(sink).or_insert(record);
                }
            }
        }
    }

    /// The record that shows the engine's claim about a sink at a proof to be untrue, if one does.
    pub fn untrue(&self, proof: u32, sink: &str) -> Option<&'a Record> {
        self.untrue.get(&proof)?.get(sink).copied()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::base::position::Lsn;
    use crate::base::text::Text;
    use crate::history::event::{JobProof, SinkMode, SinkTable};
    use crate::history::files::Kept;
    use crate::history::written::Written;

    fn sink(name: &str) -> SinkTable {
        SinkTable {
            name: name.to_owned(),
            topic: format!("topic.{name}"),
            kept: Kept::Topic,
            mode: SinkMode::Upsert,
            columns: Vec::new(),
            key: Vec::new(),
            statement: Text::whole("p.sql".into(), String::new()).place(0),
            written: Written::default(),
        }
    }

    fn job(reads: &str, writes: &str) -> JobProof {
        JobProof {
            sinks: vec![writes.to_owned()],
            sources: vec![(reads.to_owned(), format!("topic.{reads}"), 0, 4)],
            ..JobProof::default()
        }
    }

    /// `source` → `mid` → `end`, and `source` → `beside`; each topic ends at 5.
    fn proof(grade: Grade) -> Proof {
        let topics = ["source", "mid", "end", "beside"];
        Proof {
            number: 0,
            entry: 1,
            grade,
            last_commit_end: None,
            barrier_end: Lsn(0),
            confirmed: Lsn(0),
            ends: topics.map(|name| (format!("topic.{name}"), vec![(0, 5)])).into(),
            jobs: vec![job("source", "mid"), job("source", "beside"), job("mid", "end")],
            watermarks: BTreeMap::new(),
            watermarks_at_most: BTreeMap::new(),
            gaps: Vec::new(),
            elapsed_ms: 1,
        }
    }

    fn record(topic: &str, offset: i64) -> Event {
        Event::Record(Record {
            topic: format!("topic.{topic}"),
            partition: 0,
            offset,
            timestamp: None,
            key: None,
            value: None,
            headers: Vec::new(),
        })
    }

    fn untrue(grade: Grade, late: Event) -> Vec<&'static str> {
        let sinks = ["mid", "end", "beside"];
        let state = EntryState::Started;
        let events = [
            Event::Sinks { sinks: sinks.map(sink).to_vec() },
            Event::Entry { entry: Some(1), state },
            Event::Proof(proof(grade)),
            late,
        ];
        let mut claims = Claims::default();
        for event in &events {
            claims.add(event);
        }
        sinks.into_iter().filter(|sink| claims.untrue(0, sink).is_some()).collect()
    }

    #[rstest]
    #[case::of_the_first(Grade::Reported, ("mid", 5), &["mid", "end"])]
    #[case::of_the_last(Grade::Reported, ("end", 5), &["end"])]
    #[case::read_again(Grade::Reported, ("mid", 4), &[])]
    #[case::of_no_sink(Grade::Reported, ("source", 5), &[])]
    #[case::of_a_statement_that_was_stopped(Grade::Stopped, ("mid", 5), &[])]
    fn late_output_shows_the_claims_untrue_of_its_sink_and_those_behind(
        #[case] grade: Grade,
        #[case] (topic, offset): (&str, i64),
        #[case] expected: &[&str],
    ) {
        assert_eq!(untrue(grade, record(topic, offset)), expected);
    }
}
