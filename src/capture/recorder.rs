//! Where every tap writes: the history's file, and the same events in memory for the judgement at
//! the end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::Utf8Path;

use crate::base::secret::Secrets;
use crate::client::clock::Stopwatch;
use crate::history::decode::Decoder;
use crate::history::event::{Event, Header};
use crate::history::{History, Writer};

/// A shared handle; clones write to the same history, each event whole and in one order.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    writer: Writer,
    history: Arc<History>,
    /// The file keeps bytes as they were; in memory, records in Avro are decoded.
    decoder: Decoder,
    /// What is hidden before it is written, so that file and memory are alike.
    secrets: Secrets,
    /// Since the run's start.
    watch: Stopwatch,
    /// The first failure; nothing is written after it, since a history with a hole in it would be
    /// judged as if nothing had happened there.
    failed: Option<RecordError>,
}

/// The history could not be written, so the run cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the history {file} could not be written: {problem}; free some space, then run it again")]
pub struct RecordError {
    /// The file.
    pub file: String,
    /// What the operating system says.
    pub problem: String,
}

impl Recorder {
    /// Creates the history. Of what is written, `secrets` and whatever else is one by its kind are
    /// hidden; `watch` tells when it was seen.
    pub fn create(
        path: &Utf8Path,
        header: Header,
        secrets: Secrets,
        watch: Stopwatch,
    ) -> Result<Self, RecordError> {
        let header = header.hidden(&secrets);
        let writer = Writer::create(path, &header).map_err(|error| failed(path, &error))?;
        let history = Arc::new(History::new(header, Vec::new()));
        let decoder = Decoder::default();
        let inner = Inner { writer, history, decoder, secrets, watch, failed: None };
        Ok(Self(Arc::new(Mutex::new(inner))))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A writer that panicked left whole events behind: each is written in one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes one event.
    pub fn record(&self, event: Event) -> Result<(), RecordError> {
        self.record_all(std::iter::once(event))
    }

    /// Writes events that nothing comes between.
    pub fn record_all(&self, events: impl IntoIterator<Item = Event>) -> Result<(), RecordError> {
        let mut inner = self.inner();
        for event in events {
            inner.write(event)?;
        }
        Ok(())
    }

    /// Hands everything to the operating system; the first failure of any write so far.
    pub fn flush(&self) -> Result<(), RecordError> {
        let mut inner = self.inner();
        if let Some(error) = &inner.failed {
            return Err(error.clone());
        }
        let flushed = inner.writer.flush();
        flushed.map_err(|error| inner.fail(&error))
    }

    /// What was written so far. Writers go on meanwhile: whatever takes longer looks at this.
    pub fn snapshot(&self) -> Arc<History> {
        Arc::clone(&self.inner().history)
    }

    /// Looks at what was written so far. Writers wait meanwhile.
    pub fn look<T>(&self, look: impl FnOnce(&History) -> T) -> T {
        look(&self.inner().history)
    }
}

impl Inner {
    fn write(&mut self, event: Event) -> Result<(), RecordError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let event = event.hidden(&self.secrets);
        let at_us = Some(self.watch.elapsed_us());
        let written = self.writer.write(at_us, &event);
        written.map_err(|error| self.fail(&error))?;
        let decoded = self.decoder.decoded(event);
        // Copied only while somebody looks at a snapshot of it.
        Arc::make_mut(&mut self.history).push(at_us, decoded);
        Ok(())
    }

    fn fail(&mut self, error: &std::io::Error) -> RecordError {
        let error = RecordError { file: "history.jsonl".to_owned(), problem: error.to_string() };
        self.failed = Some(error.clone());
        error
    }
}

fn failed(path: &Utf8Path, error: &std::io::Error) -> RecordError {
    RecordError { file: path.to_string(), problem: error.to_string() }
}
