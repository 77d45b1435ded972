//! Operators that wait for answers from outside. Such an operator takes a record, asks, and hands a
//! row on when the answer comes; a checkpoint holds the records it waits for and goes past them. So
//! a checkpoint proves that every record has come in, and the operator's counts that each has left.
//!
//! The counts are read from the JobManager's copy, once it has been fetched anew since the checkpoint:
//! then all that came in is counted, and what has left as well.
//!
//! A model that is told to ignore errors drops the record whose request is refused. Then fewer rows
//! leave than came, and only the service can tell a record that was dropped from one that is held: if
//! each record was asked for exactly once, each request was answered, and each score has left as a
//! row, then the others were refused, and nothing is held. That needs a model that never asks again,
//! and a service that no other job asks.
//!
//! What has left may be on its way to a second such operator, and is not yet in the sink: the counts
//! must be the same again after a further checkpoint.

use std::collections::BTreeMap;
use std::time::Duration;

use super::job::Watched;
use super::{Clients, Unproven};
use crate::client::clock::Stopwatch;
use crate::client::flink::FlinkError;
use crate::client::jobs::fetched_anew;
use crate::client::metric;
use crate::client::wait::WaitError;
use crate::score::manners::{Behaviour, Tally};

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
    (asks_once, limit): (Option<&Behaviour>, Duration),
) -> Result<Drained, Unproven> {
    let watch = Stopwatch::start();
    let mut before = None;
    loop {
        let left = limit.saturating_sub(watch.elapsed());
        let checkpoint = job.checkpoint(clients, left).await?;
        let counts = match counts(job).await {
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
        let at_rest = dropped(&counts, asks_once.map(Behaviour::tally)).is_some();
        if at_rest && before.as_ref() == Some(&counts) {
            return Ok(Drained { checkpoint, gap: None });
        }
        if watch.elapsed() + ROUND >= limit {
            let held = counts.iter().find(|(_, (came, left))| came != left);
            return Ok(Drained { checkpoint, gap: Some(sentence(held.filter(|_| !at_rest))) });
        }
        before = Some(counts);
    }
}

/// How many records were dropped, if none is held: `tally` is of a service that was asked for each
/// record once.
fn dropped(counts: &Counts, tally: Option<Tally>) -> Option<u64> {
    if counts.values().all(|(came, left)| came == left) {
        return Some(0);
    }
    let tally = tally?;
    let (came, left) =
        counts.values().fold((0, 0), |(came, left), (more, gone)| (came + more, left + gone));
    let all_asked = tally.asked == came && tally.scored + tally.refused == came;
    (all_asked && tally.scored == left).then_some(tally.refused)
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
async fn counts(job: &Watched<'_>) -> Result<Counts, WaitError<FlinkError>> {
    fetched_anew(&job.flink, FETCH_LIMIT).await?;
    read(job).await.map_err(WaitError::Look)
}

async fn read(job: &Watched<'_>) -> Result<Counts, FlinkError> {
    let mut counts = Counts::new();
    for vertex in job.vertices() {
        let mut names = job.flink.metric_names(&job.job.id, vertex).await?;
        names.retain(|name| metric::waits_for_answers(name).is_some());
        let values = job.flink.metrics(&job.job.id, vertex, &names).await?;
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::all_left(&[(3, 3), (3, 3)], None, Some(0))]
    #[case::held_or_dropped(&[(3, 2)], None, None)]
    #[case::dropped(&[(3, 2)], Some((3, 2, 1)), Some(1))]
    #[case::all_dropped(&[(3, 0)], Some((3, 0, 3)), Some(3))]
    #[case::not_asked_yet(&[(3, 2)], Some((2, 2, 0)), None)]
    #[case::not_answered_yet(&[(3, 2)], Some((3, 2, 0)), None)]
    #[case::answered_and_still_held(&[(3, 1)], Some((3, 2, 1)), None)]
    #[case::asked_again(&[(3, 2)], Some((4, 2, 2)), None)]
    #[case::two_operators_one_after_the_other(&[(3, 2), (2, 2)], Some((5, 4, 1)), Some(1))]
    fn a_record_is_dropped_only_where_the_service_refused_it(
        #[case] counts: &[(u64, u64)],
        #[case] tally: Option<(u64, u64, u64)>,
        #[case] expected: Option<u64>,
    ) {
        let counts = counts.iter().enumerate().map(|(n, count)| (n.to_string(), *count)).collect();
        let tally = tally.map(|(asked, scored, refused)| Tally { asked, scored, refused });
        assert_eq!(dropped(&counts, tally), expected);
    }
}
