//! Operators that wait for answers from outside. Such an operator takes a record, asks, and hands a
//! row on when the answer comes; a checkpoint holds the records it waits for and goes past them. So
//! a checkpoint proves that every record has come in, and the operator's counts that each has left.
//!
//! The counts are read from the JobManager's copy, once it has been fetched anew since the checkpoint:
//! then all that came in is counted, and what has left as well.
//!
//! What has left may be on its way to a second such operator, and is not yet in the sink: the counts
//! must be the same again after a further checkpoint.

use std::collections::BTreeMap;
use std::time::Duration;

use super::job::Watched;
use super::readings::fetched_anew;
use super::{Clients, Unproven, metric};
use crate::client::clock::Stopwatch;
use crate::client::flink::FlinkError;
use crate::client::wait::WaitError;

/// How long the JobManager may take to fetch metrics twice.
const FETCH_LIMIT: Duration = Duration::from_secs(20);

/// What a further round may take; with less time left it is not begun. A checkpoint that runs out of
/// time would be a statement that stalls, and this one only waits for answers.
const ROUND: Duration = Duration::from_secs(5);

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
        if watch.elapsed() + ROUND >= limit {
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
    fetched_anew(clients, FETCH_LIMIT).await?;
    read(clients, job).await.map_err(WaitError::Look)
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
