//! Where every tap writes: the history's file, and the same events in memory for the judgement at
//! the end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::history::event::Event;

/// A shared handle; clones write to the same history, each event whole and in one order.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    events: Vec<Event>,
}

/// The history could not be written, so the run cannot be judged.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the history could not be written: {0}")]
pub struct RecordError(pub String);

impl Recorder {
    /// Writes to nothing but memory.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Inner { events: Vec::new() })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A writer that panicked left whole events behind: each is pushed in one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes one event.
    pub fn record(&self, event: Event) -> Result<(), RecordError> {
        self.inner().events.push(event);
        Ok(())
    }

    /// Writes events that nothing may come between.
    pub fn record_all(&self, events: Vec<Event>) -> Result<(), RecordError> {
        let mut inner = self.inner();
        for event in events {
            inner.events.push(event);
        }
        Ok(())
    }
}
