//! On which evidence proofs stand, and what follows from the weaker ones: statements that were stopped
//! go on, and an engine that was taken at its word shows in the end what it still owes.

use std::time::Duration;

use crate::base::grade::Grade;
use crate::history::event::Event;
use crate::quiesce::{self, Pipeline};
use crate::run::outcome::Stop;
use crate::run::perform::live::Live;
use crate::run::start::jobs;
use crate::run::start::stream::clients;

/// How long the statements may take to stop.
const LIMIT: Duration = Duration::from_mins(1);

impl Live<'_> {
    /// On which evidence of the engine the proof of an entry is to stand.
    pub(in crate::run) fn grade(&self, entry: usize) -> Grade {
        if !self.held.is_empty() {
            // What is held back is still to come, and nothing is compared.
            return self.run.context.grade(None, false);
        }
        let last = entry + 1 >= self.run.trial.timeline.len();
        self.run.context.grade(self.run.trial.expect.proof, last)
    }

    /// Lets statements go on that the last proof has stopped.
    pub(in crate::run) async fn go_on(&mut self, index: usize) -> Result<(), Stop> {
        self.so_far.is_claimed = false;
        let disturbances = self.run.tools.hand.disturbances();
        if !self.jobs.jobs.iter().any(|job| disturbances.is_stopped(&job.id)) {
            return Ok(());
        }
        let before: Vec<_> = self.jobs.jobs.iter().map(|job| job.id.clone()).collect();
        jobs::go_on(self.run, &mut self.jobs).await?;
        let after = self.jobs.jobs.iter().map(|job| job.id.clone());
        let jobs = itertools::zip_eq(before, after).collect();
        self.jobs.jobs.iter_mut().for_each(|job| job.restored = true);
        Ok(self.run.recorder.record(Event::Resumed { entry: index, jobs })?)
    }

    /// Ends the statements after a last proof that is the engine's word, and reads what still comes.
    pub(in crate::run) async fn flush(&mut self) -> Result<(), Stop> {
        if !self.so_far.is_claimed {
            return Ok(());
        }
        let connectors = self.connectors();
        let held = self.held_topics();
        let pipeline = Pipeline {
            connectors: &connectors,
            topics: &self.source.topics,
            jobs: &self.jobs.jobs,
            held: &held,
        };
        let clients = clients(self.run, &self.source, &*self.jobs.engine);
        match quiesce::flush(&clients, &pipeline, LIMIT).await {
            Ok(()) => Ok(self.run.recorder.flush()?),
            Err(unproven) => self.unproven(unproven),
        }
    }
}
