//! What was seen: one file a run, in the order it was seen. Raw bytes only: nothing in it is
//! interpreted by the part that recorded it, so a better checker can judge an old run.
//!
//! The file is JSON Lines: the header, then one event a line. Every line opens with a sum over
//! itself and all lines before it, so that a flipped bit, a missing line or two lines swapped are
//! found at the line where they happened; behind it stands when the event was seen. The [packed] form holds the same events in less room.

pub mod claims;
mod clock;
mod column;
pub mod decode;
pub mod event;
pub mod files;
pub mod index;
pub mod packed;
mod proof;
mod question;
mod reader;
mod role;
mod secret;
pub mod stack;
pub mod stream;
mod sum;
mod writer;
pub mod written;

pub use index::{Disturbance, Growth, Index, Reconfigured, Walsender};
pub use reader::{HistoryError, Reader};
pub use writer::Writer;

use camino::Utf8Path;

use decode::Decoder;
use event::{Event, Header};
use stream::Stream;

/// A whole history in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// What was run, and with what.
    pub header: Header,
    /// What was seen, in order.
    pub events: Vec<Event>,
    /// When, event by event, as far as it is known.
    times: Vec<Option<u64>>,
}

impl History {
    /// A history of events of which nobody knows when they were seen.
    pub fn new(header: Header, events: Vec<Event>) -> Self {
        Self { header, events, times: Vec::new() }
    }

    /// Appends an event, seen so many microseconds after the run's start.
    pub fn push(&mut self, at_us: Option<u64>, event: Event) {
        self.times.resize(self.events.len(), None);
        self.times.push(at_us);
        self.events.push(event);
    }

    /// When the nth event was seen, in microseconds since the run's start; histories before 1.6 do
    /// not tell. No verdict depends on it.
    pub fn at_us(&self, n: usize) -> Option<u64> {
        self.times.get(n).copied().flatten()
    }

    /// Reads a whole file; records in Avro are decoded.
    pub fn read(path: &Utf8Path) -> Result<Self, HistoryError> {
        let mut stream = Stream::open(path)?;
        let header = stream.header().clone();
        let (mut decoder, mut history) = (Decoder::default(), Self::new(header, Vec::new()));
        while let Some((at_us, seen)) = stream.see_at()? {
            history.push(at_us, decoder.decoded(seen.into_event()));
        }
        Ok(history)
    }

    /// The events sorted by kind.
    pub fn index(&self) -> Index<'_> {
        Index::of(self)
    }
}

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
