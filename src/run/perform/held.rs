//! Topics that the timeline holds: their readers see nothing of what is written from there on.

use super::live::Live;
use crate::capture::diagnose;
use crate::client::kafka::{Bounds, Ends, Hold, Place};
use crate::history::event::{EntryState, Event};
use crate::run::outcome::Stop;
use crate::scenario::timeline::Entry;

/// A topic that is held; of an outbox table, all of its topics.
pub(in crate::run) struct Held {
    place: String,
    /// On the broker.
    topics: Vec<String>,
    hold: Hold,
    /// Where the topics ended then.
    ends: Ends,
}

impl Live<'_> {
    /// Topics on the broker that are held now.
    pub(in crate::run) fn held_topics(&self) -> Vec<String> {
        self.held.iter().flat_map(|held| held.topics.iter().cloned()).collect()
    }

    /// Holds the topic of a place.
    pub(in crate::run) async fn hold(&mut self, index: usize, place: &str) -> Result<(), Stop> {
        self.note(index, EntryState::Started)?;
        let topics = self.topics_of(place)?;
        let asked: Vec<_> = topics.iter().map(|t| (t.physical.clone(), t.partitions)).collect();
        let id = self.run.names.own(&format!("hold.{index}"));
        let hold = Hold::open(self.run.context.reach(), &id, asked.clone()).await?;
        let ends = self.source.ends.ends(&asked).await?;
        let topics = topics.into_iter().map(|topic| topic.physical).collect();
        self.held.push(Held { place: place.to_owned(), topics, hold, ends });
        self.run.log(&format!("the topic of {place} is held"));
        self.note(index, EntryState::Finished)
    }

    /// Gives the topic of a place back to its readers. One that nothing was kept from has tried
    /// nothing.
    pub(in crate::run) async fn release(
        &mut self,
        (index, entry): (usize, &Entry),
        place: &str,
    ) -> Result<(), Stop> {
        self.note(index, EntryState::Started)?;
        let topics = self.topics_of(place)?;
        let asked: Vec<_> = topics.iter().map(|t| (t.physical.clone(), t.partitions)).collect();
        let topics: Vec<_> = topics.into_iter().map(|topic| topic.physical).collect();
        let Some(n) = self.held.iter().position(|held| held.topics == topics) else {
            return Err(Stop::Internal(format!("the topic of {place} is not held")));
        };
        let Held { place, hold, ends, .. } = self.held.remove(n);
        let now = self.source.ends.ends(&asked).await?;
        hold.release().await?;
        let is_longer = |(at, bounds): (&Place, &Bounds)| {
            ends.get(at).is_none_or(|then| bounds.high > then.high)
        };
        if !now.iter().any(is_longer) {
            let message =
                format!("nothing was written to the topic of `{place}` while it was held");
            let mut diagnostic = diagnose::entry(diagnose::FAULT, entry, message);
            let help =
                "write to it between `hold` and `release`, and `await: captured` before this";
            diagnostic.help = Some(help.to_owned());
            return Err(diagnostic.into());
        }
        self.run.log(&format!("the topic of {place} is released"));
        self.note(index, EntryState::Finished)
    }

    /// Records how far an entry is.
    pub(in crate::run) fn note(&self, index: usize, state: EntryState) -> Result<(), Stop> {
        Ok(self.run.recorder.record(Event::Entry { entry: Some(index), state })?)
    }
}
