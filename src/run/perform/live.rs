//! Everything that is up while the timeline runs, and how far it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::armed::Armed;
use super::held::Held;
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::capture::lake::Lake;
use crate::capture::shadow::Shadow;
use crate::client::clock::Stopwatch;
use crate::quiesce::{Unproven, Watch};
use crate::run::outcome::Stop;
use crate::run::prepare::Run;
use crate::run::start::jobs::Jobs;
use crate::run::start::source::Source;
use crate::scenario::settings::Settings;

/// Everything that is up while the timeline runs.
pub(in crate::run) struct Live<'a> {
    pub(in crate::run) run: &'a Run<'a>,
    pub(in crate::run) source: Source,
    pub(in crate::run) shadow: Shadow,
    pub(in crate::run) jobs: Jobs,
    /// The settings that hold now.
    pub(in crate::run) settings: Settings,
    pub(in crate::run) lake: Lake,
    /// How far everything is.
    pub(in crate::run) so_far: SoFar,
    /// Faults that are still to act, or whose target was not started again.
    pub(in crate::run) armed: Vec<Armed>,
    /// Topics that are held.
    pub(in crate::run) held: Vec<Held>,
    /// What the run itself wrote and aborted: topic on the broker, partition, offset.
    pub(in crate::run) aborted: Vec<(String, i32, i64)>,
    /// Since the end of the entry before.
    pub(in crate::run) since: Stopwatch,
}

/// How far everything is.
pub(in crate::run) struct SoFar {
    /// Barriers emitted so far; the first one is that of the start.
    pub(in crate::run) barriers: u32,
    pub(in crate::run) proofs: u32,
    /// The last proof is the engine's word, and nothing was asked of the pipeline since.
    pub(in crate::run) is_claimed: bool,
    /// Acknowledged commits that the journal is known to have.
    pub(in crate::run) known: usize,
    /// Changes of the schema after which the tables were looked at.
    pub(in crate::run) turns: usize,
    /// The end LSN of the barrier that proved that all connectors stream; `None` before.
    pub(in crate::run) streams_since: Option<Lsn>,
    /// Looks for the slots' consistent points, where the timeline starts the connectors; by their
    /// places.
    pub(in crate::run) points: BTreeMap<usize, JoinHandle<Result<Lsn, Stop>>>,
}

impl SoFar {
    /// At the start of the timeline; `streams_since` as the field of this name.
    pub(in crate::run) fn new(streams_since: Option<Lsn>) -> Self {
        Self {
            barriers: 1,
            proofs: 0,
            is_claimed: false,
            known: 0,
            turns: 0,
            streams_since,
            points: BTreeMap::new(),
        }
    }
}

/// Why a condition does not hold.
pub(in crate::run) enum Wait {
    Unproven(Unproven),
    Stop(Stop),
}

impl From<Stop> for Wait {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl Live<'_> {
    /// Everything that may fail while something is waited for.
    pub(in crate::run) fn watch(&self) -> Watch {
        Watch {
            connect: Arc::clone(&self.source.connect),
            connectors: self.run.effective.connectors.proven(&self.run.names),
            engine: Arc::clone(&self.jobs.engine),
            jobs: self.jobs.jobs.clone(),
            disturbances: self.run.tools.hand.disturbances().clone(),
            log: self.run.connector_log.clone(),
        }
    }

    /// A condition that did not come to hold ends the run, unless it is the expected stall.
    pub(in crate::run) fn unproven(&self, unproven: Unproven) -> Result<(), Stop> {
        let goes_on = match &unproven {
            Unproven::Trouble(troubles) => troubles.iter().all(|trouble| {
                matches!(trouble.finding, Anomaly::Stalled | Anomaly::SlotRetained)
                    && self.run.expects(trouble.finding, &trouble.place)
            }),
            Unproven::Broken(_) => false,
        };
        let stop = self.run.troubles.unproven(unproven, &self.jobs.places)?;
        if goes_on { Ok(()) } else { Err(stop) }
    }
}
