//! The second reading: a history of the keys that the whole checker is to look at, and of all that
//! is rare.

use std::collections::BTreeSet;

use super::super::excerpt::Excerpt;
use super::Stop;
use super::digest::{Digester, Id};
use super::frame::Frame;
use super::pass::First;
use super::suspects::Place;
use crate::base::position::{Lsn, Position, Xid};
use crate::codec::pgoutput::{self, View};
use crate::history::History;
use crate::history::event::{Event, Header, Proof};
use crate::history::stream::{RecordView, Seen, Stream};

/// How many events the whole checker is given.
const EVENTS_MAX: usize = 200_000;

/// What the second reading keeps.
pub(super) struct Slice<'a> {
    pub(super) frame: &'a Frame,
    pub(super) digester: Digester,
    pub(super) keys: BTreeSet<Id>,
    pub(super) unreadable: BTreeSet<Place>,
    /// Acknowledged commits that the journal does not have.
    pub(super) lacking: &'a BTreeSet<Xid>,
    /// The first change whose record was streamed.
    pub(super) first: Option<First>,
}

/// A transaction whose commit has not come yet.
#[derive(Default)]
struct Open {
    begun: bool,
    events: Vec<Event>,
    places: Vec<u32>,
    /// How many changes of known tables it has so far.
    n: u32,
    /// The place of a change that may be the first whose record was streamed.
    first: Option<u32>,
    kept: bool,
}

impl Slice<'_> {
    /// Reads the history again.
    pub(super) fn read(
        mut self,
        stream: &mut Stream<'_>,
        (header, mut excerpt): (Header, Excerpt),
    ) -> Result<(History, Excerpt), Stop> {
        let mut events = Vec::new();
        let mut open = Open::default();
        while let Some(seen) = stream.see()? {
            match seen {
                Seen::Wal { lsn, xid, data } => {
                    if self.keeps_change((lsn, data), &mut open) {
                        let to = if open.begun { &mut open.events } else { &mut events };
                        to.push(Event::Wal { lsn, xid, data: data.to_vec() });
                    }
                    if let Some(View::Commit { commit, end }) = pgoutput::view(data) {
                        let open = std::mem::take(&mut open);
                        if self.first.is_some_and(|first| first.end == end) {
                            let at = |index| Position { commit, index };
                            excerpt.first_streamed = open.first.map(at);
                        }
                        if open.kept {
                            events.extend(open.events);
                            excerpt.holds(commit, open.places);
                        }
                    }
                }
                Seen::Record(record) => {
                    if self.keeps_record(&record) {
                        events.push(Seen::Record(record).into_event());
                    }
                }
                Seen::Other(event) => events.extend(self.other(event)),
            }
            if events.len() + open.events.len() > EVENTS_MAX {
                return Err(Stop::Refused(format!(
                    "the keys that must be looked at more closely have more than {EVENTS_MAX} events"
                )));
            }
        }
        // A transaction whose commit was not recorded is none.
        Ok((History::new(header, events), excerpt))
    }

    /// Whether a message of the journal is kept, if its transaction is.
    fn keeps_change(&mut self, (lsn, data): (Lsn, &[u8]), open: &mut Open) -> bool {
        match pgoutput::view(data) {
            Some(View::Begin { .. }) => {
                *open = Open { begun: true, ..Open::default() };
                true
            }
            Some(View::Commit { .. }) => true,
            Some(View::Change { relation, old, new, .. }) => {
                let table = self.frame.tables.iter().position(|table| table.oid == relation);
                let Some(table) = table else { return false };
                let place = open.n;
                open.n += 1;
                let Some(Some(watched)) = self.frame.watched.get(table) else { return false };
                let first = self.first.filter(|first| first.lsn == lsn);
                if self.keys.is_empty() && first.is_none() {
                    return false;
                }
                let cells = [new, old.map(pgoutput::OldView::cells)];
                let cells = cells.into_iter().flatten();
                let mut keeps = false;
                for cells in cells {
                    let id = self.digester.name_of((table, watched), cells);
                    keeps |= id.is_none_or(|id| self.keys.contains(&id));
                    if first.is_some_and(|first| id == Some(first.id)) {
                        open.first = open.first.or(Some(place));
                    }
                }
                if keeps {
                    open.places.push(place);
                    open.kept = true;
                }
                keeps
            }
            // Descriptions of tables, barriers, notes: all of them are rare.
            None => {
                open.kept = true;
                true
            }
        }
    }

    fn keeps_record(&mut self, record: &RecordView<'_>) -> bool {
        let Some(table) = self.frame.topics.get(record.topic).copied() else {
            return !self.frame.sinks.iter().any(|sink| sink == record.topic);
        };
        let Some(Some(watched)) = self.frame.watched.get(table) else { return true };
        if self.unreadable.contains(&(table, record.partition, record.offset)) {
            return true;
        }
        if self.keys.is_empty() {
            return false;
        }
        let id = record.key.and_then(|key| self.digester.key((table, watched), key));
        id.is_none_or(|id| self.keys.contains(&id))
    }

    /// Rare events, without what is not judged here.
    fn other(&self, event: Event) -> Option<Event> {
        let is_sink = |topic: &str| self.frame.sinks.iter().any(|sink| sink == topic);
        match event {
            Event::Entry { .. }
            | Event::Sinks { .. }
            | Event::Clocks { .. }
            | Event::File(_)
            | Event::Plan { .. }
            | Event::Reference(_)
            | Event::CutReference(_) => None,
            Event::Commit { xid, .. } if !self.lacking.contains(&xid) => None,
            Event::Topics { mut topics } => {
                topics.retain(|topic| !topic.role.is_sink());
                Some(Event::Topics { topics })
            }
            Event::Proof(proof) => {
                let ends = proof.ends.into_iter().filter(|(topic, _)| !is_sink(topic)).collect();
                let (jobs, gaps) = (Vec::new(), Vec::new());
                Some(Event::Proof(Proof { ends, jobs, gaps, ..proof }))
            }
            event => Some(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{SINK, Scene, TOPIC};

    #[test]
    fn what_is_not_judged_in_one_pass_is_not_kept() {
        let mut scene = Scene::new(1).statements();
        scene.insert(0, (1, "ann", 1, 10));
        scene.fires(("ann", 10, 10));
        scene.proof(Some(10), &[("ann", 10, 10)]);
        let history = scene.so_far();
        let frame = Frame::read(&mut Stream::of(&history), None);
        let frame = frame.unwrap_or_else(|stop| panic!("{stop:?}"));
        let slice = Slice {
            frame: &frame,
            digester: Digester::new(frame.rules.encoding.clone()),
            keys: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            lacking: &BTreeSet::new(),
            first: None,
        };
        let kept = history.events.into_iter().filter_map(|event| slice.other(event));
        let mut seen = BTreeSet::new();
        for event in kept {
            match event {
                Event::Topics { topics } => {
                    assert_eq!(topics.iter().map(|topic| &topic.name).collect::<Vec<_>>(), [TOPIC]);
                    seen.insert("topics");
                }
                Event::Proof(proof) => {
                    assert!(proof.ends.contains_key(TOPIC) && !proof.ends.contains_key(SINK));
                    assert!(proof.jobs.is_empty() && proof.gaps.is_empty());
                    seen.insert("proof");
                }
                event => {
                    let text = format!("{event:?}");
                    assert!(!text.starts_with("Sinks") && !text.starts_with("Clocks"), "{text}");
                }
            }
        }
        assert_eq!(seen.len(), 2);
    }
}
