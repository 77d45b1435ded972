//! Faults that are armed to act by progress.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::client::flink::JobManager;
use crate::client::wait::{self, Look, WaitError};
use crate::run::injector::Hand;
use crate::run::outcome::Stop;
use crate::run::start::capture::Counts;
use crate::scenario::timeline::Fault;

/// A fault that acts later.
#[derive(Debug)]
pub(in crate::run) struct Armed {
    pub(in crate::run) entry: usize,
    pub(in crate::run) fault: Fault,
    task: JoinHandle<Result<(), Stop>>,
    /// What there is of what it waits for.
    seen: watch::Receiver<String>,
}

impl Armed {
    /// Acts once `ready` has ended; `seen` tells how far that is.
    pub(in crate::run) fn new(
        hand: Hand,
        (entry, fault): (usize, Fault),
        ready: impl Future<Output = Result<(), Stop>> + Send + 'static,
        seen: watch::Receiver<String>,
    ) -> Self {
        let task = tokio::spawn(async move {
            ready.await?;
            hand.act(entry, fault).await
        });
        Self { entry, fault, task, seen }
    }

    /// Waits until it has acted; `Err` with what there was instead if it does not in time.
    pub(in crate::run) async fn acted(
        &mut self,
        limit: Duration,
    ) -> Result<Result<(), Stop>, String> {
        match tokio::time::timeout(limit, &mut self.task).await {
            Ok(Ok(acted)) => Ok(acted),
            Ok(Err(error)) => Ok(Err(Stop::Internal(format!("an armed fault panicked: {error}")))),
            Err(_) => Err(self.seen.borrow().clone()),
        }
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends when so many more records of a topic were read.
pub(in crate::run) async fn more_records(
    mut counts: watch::Receiver<Counts>,
    topic: String,
    more: u64,
    tell: watch::Sender<String>,
) -> Result<(), Stop> {
    let of = |counts: &Counts| counts.get(&topic).copied().unwrap_or(0);
    let before = of(&counts.borrow());
    let reached = counts.wait_for(|counts| {
        let seen = of(counts) - before;
        tell.send_replace(format!("{seen} of {more} records came to {topic}"));
        seen >= more
    });
    match reached.await {
        Ok(_) => Ok(()),
        Err(_) => Err(Stop::Internal("the tap ended before an armed fault acted".to_owned())),
    }
}

/// Ends when every job has completed so many more checkpoints.
pub(in crate::run) async fn more_checkpoints(
    flink: JobManager,
    jobs: Vec<String>,
    more: u64,
    tell: watch::Sender<String>,
) -> Result<(), Stop> {
    let count = || async {
        let counts = jobs.iter().map(|job| flink.completed_checkpoints(job));
        futures::future::try_join_all(counts).await
    };
    let before = count().await?;
    let reached = wait::until("more checkpoints", Duration::MAX, || async {
        let pairs = itertools::zip_eq(count().await?, before.iter().copied());
        let least = pairs.map(|(now, before)| now.saturating_sub(before)).min().unwrap_or(0);
        tell.send_replace(format!("{least} of {more} checkpoints completed"));
        Ok::<_, Stop>(if least >= more {
            Look::Holds(())
        } else {
            Look::NotYet(format!("{least} completed"))
        })
    });
    reached.await.map_err(|error| match error {
        WaitError::Look(stop) => stop,
        WaitError::TimedOut(late) => Stop::Internal(late.to_string()),
    })
}
