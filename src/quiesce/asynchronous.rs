//! Operators that wait for answers from outside. Such an operator takes a record, asks, and hands a
//! row on when the answer comes; a checkpoint holds the records it waits for and goes past them. So
//! a checkpoint proves that every record has come in, and the operator's counts that each has left.
//!
//! The counts are read from the JobManager's copy, which may be older than the checkpoint. With it in
//! the same copy comes the time that the TaskManager's process has spent: a value that was seen to
//! change twice since the checkpoint was fetched for the second time since then, and the fetch that
//! brought it began after the checkpoint. Then all that came in is counted, and what has left as well.
//!
//! What has left may be on its way to a second such operator, and is not yet in the sink: the counts
//! must be the same again after a further checkpoint.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::job::Watched;
use super::{Clients, Unproven, metric};
use crate::client::clock::Stopwatch;
use crate::client::flink::FlinkError;
use crate::client::wait::{self, Look, WaitError};

/// How long the JobManager may take to fetch metrics twice.
const FETCH_LIMIT: Duration = Duration::from_secs(20);

/// Records in and rows out, by vertex, subtask and operator.
type Counts = BTreeMap<String, (u64, u64)>;

/// A checkpoint after which the operators held nothing back, or why that could not be seen.
pub(super) struct Drained {
    pub(super) checkpoint: u64,
    pub(super) gap: Option<String>,
}

/// Takes checkpoints until the operators hold nothing back, at most for `limit`.
pub(super) async fn drained(
    clients: &Clients<'_>,
    job: &Watched<'_>,
    limit: Duration,
) -> Result<Drained, Unproven> {
    let watch = Stopwatch::start();
    let mut before = None;
    loop {
        let left = limit.saturating_sub(watch.elapsed());
        let checkpoint = job.checkpoint(clients, left).await?;
        let counts = match counts(clients, job).await {
            Ok(counts) => counts,
            Err(WaitError::Look(error)) => return Err(job.diagnose(clients, error).await),
            Err(WaitError::TimedOut(late)) => {
                return Ok(Drained { checkpoint, gap: Some(late.to_string()) });
            }
        };
        if counts.is_empty() {
            let gap = "the operator that waits for answers is not among the metrics".to_owned();
            return Ok(Drained { checkpoint, gap: Some(gap) });
        }
        let held = counts.iter().find(|(_, (came, left))| came != left);
        if held.is_none() && before.as_ref() == Some(&counts) {
            return Ok(Drained { checkpoint, gap: None });
        }
        if left.is_zero() {
            return Ok(Drained { checkpoint, gap: Some(sentence(held)) });
        }
        before = Some(counts);
    }
}

fn sentence(held: Option<(&String, &(u64, u64))>) -> String {
    match held {
        Some((operator, (came, left))) => format!(
            "{came} records came into `{operator}` and {left} rows have left it: it waits for \
             answers, or has dropped records"
        ),
        None => "the operators that wait for answers did not come to rest".to_owned(),
    }
}

/// The counts, from a copy of the metrics that is newer than the call.
async fn counts(clients: &Clients<'_>, job: &Watched<'_>) -> Result<Counts, WaitError<FlinkError>> {
    let spent = clients.flink.processor_times().await.map_err(WaitError::Look)?;
    let seen = Mutex::new((spent, 0_u32));
    wait::until("the JobManager to fetch metrics twice", FETCH_LIMIT, || async {
        // The read of a job's metrics is what starts a fetch.
        let counts = read(clients, job).await?;
        let spent = clients.flink.processor_times().await?;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, changes) = &mut *seen;
        // Every process must have been fetched anew.
        let is_new =
            |(of, time): (&String, &Option<String>)| time.is_some() && last.get(of) != Some(time);
        if !spent.is_empty() && spent.iter().all(is_new) {
            *last = spent;
            *changes += 1;
        }
        // The counts were read before the change was seen: they are read once more.
        Ok(match *changes {
            0..=2 => Look::NotYet(format!("it has fetched them {changes} times")),
            _ => Look::Holds(counts),
        })
    })
    .await
}

async fn read(clients: &Clients<'_>, job: &Watched<'_>) -> Result<Counts, FlinkError> {
    let mut counts = Counts::new();
    for vertex in job.vertices() {
        let mut names = clients.flink.metric_names(&job.job.id, vertex).await?;
        names.retain(|name| metric::waits_for_answers(name).is_some());
        let values = clients.flink.metrics(&job.job.id, vertex, &names).await?;
        for (name, value) in values {
            if let (Some((operator, came)), Ok(count)) =
                (metric::waits_for_answers(&name), value.parse::<u64>())
            {
                let of = counts.entry(operator.to_owned()).or_default();
                if came { of.0 += count } else { of.1 += count }
            }
        }
    }
    Ok(counts)
}
