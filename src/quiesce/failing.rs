//! A job that has failed, or fails again and again.
//!
//! Without a restart strategy a job that fails has FAILED. With one it goes on, and what it fails of
//! comes again: Flink's list of exceptions tells. What happens to a part of the stack makes jobs fail
//! that are right, so that such failures count only once all of it is up, and only if they repeat.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Job, Trouble, Unproven};
use crate::base::anomaly::Anomaly;
use crate::client::cause::Cause;
use crate::client::flink::JobFailure;
use crate::client::gateway::GatewayError;
use crate::client::roles::{Engine, Phase};
use crate::client::wait::{self, Look, WaitError};

/// How long a failed job may take to say why.
const CAUSE_LIMIT: Duration = Duration::from_secs(3);

/// So many failures of one cause are no accident.
const AGAIN: usize = 3;

/// What a client throws when the broker, or the way to it, is away for a while.
const OF_THE_WAY: [&str; 10] = [
    "TimeoutException",
    "DisconnectException",
    "NetworkException",
    "ConnectException",
    "ClosedChannelException",
    "EOFException",
    "LeaderNotAvailableException",
    "NotLeaderOrFollowerException",
    "CoordinatorNotAvailableException",
    "CoordinatorLoadInProgressException",
];

/// Whether something is done, or was done, to what jobs stand on. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Disturbances(Arc<Mutex<Done>>);

/// What was done.
#[derive(Debug, Default)]
struct Done {
    calm: Calm,
    /// The jobs that a proof has told to stop, and where the state of each is kept.
    stopped: BTreeMap<String, Option<String>>,
}

/// Since when jobs fail for reasons of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Calm {
    /// Nothing was disturbed.
    #[default]
    Always,
    /// Everything is up again since a time in milliseconds since 1970.
    Since(i64),
    /// Something is down.
    Not,
}

impl Disturbances {
    fn done(&self) -> MutexGuard<'_, Done> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that jobs stand on is about to be taken away.
    pub fn begin(&self) {
        self.done().calm = Calm::Not;
    }

    /// Everything is up again, since `now_ms` (in milliseconds since 1970).
    pub fn end(&self, now_ms: i64) {
        self.done().calm = Calm::Since(now_ms);
    }

    /// A job is about to be told to stop, for a proof.
    pub(super) fn stop(&self, job: &str) {
        self.done().stopped.insert(job.to_owned(), None);
    }

    /// Where the state of a job that has stopped is kept.
    pub(super) fn keep(&self, job: &str, state: Option<String>) {
        self.done().stopped.insert(job.to_owned(), state);
    }

    /// From what a job that a proof has stopped can go on.
    pub fn kept(&self, job: &str) -> Option<String> {
        self.done().stopped.get(job).cloned().flatten()
    }

    /// Every state that a proof has let be kept.
    pub fn all_kept(&self) -> Vec<String> {
        self.done().stopped.values().flatten().cloned().collect()
    }

    /// Whether a proof has told a job to stop.
    pub fn is_stopped(&self, job: &str) -> bool {
        self.done().stopped.contains_key(job)
    }
}

/// What was asked of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It is to run.
    Nothing,
    /// It was told to end.
    End,
}

/// `statement-failed` if the job has failed, has ended otherwise than well or fails again and again
/// (or that Flink itself is broken).
pub async fn failure(
    engine: &dyn Engine,
    disturbances: &Disturbances,
    job: &Job,
    asked: Asked,
) -> Option<Unproven> {
    let phase = engine.phase(&job.id).await.ok()??;
    let is_ended = matches!(phase, Phase::Stopping | Phase::Stopped);
    if asked == Asked::Nothing && is_ended && !disturbances.is_stopped(&job.id) {
        let sentence = "the job was cancelled";
        return Some(Unproven::at_sinks(job, Anomaly::StatementFailed, sentence, &[]));
    }
    if phase != Phase::Failed {
        let failures = engine.failures(&job.id).await.ok()?;
        let calm = disturbances.done().calm;
        let (cause, count) = lasting(&failures, calm)?;
        let mut detail = cause.detail.clone();
        if count > 1 {
            detail.push(format!("it was started again and failed of this {count} times"));
        }
        return Some(Unproven::at_sinks(job, Anomaly::StatementFailed, &cause.sentence, &detail));
    }
    // The cause is read from a copy of the graph, which may be older than the failure.
    let cause = wait::until("a failed job to say why", CAUSE_LIMIT, || async {
        let last = engine.failures(&job.id).await?.into_iter().next();
        Ok::<_, GatewayError>(last.map_or_else(
            || Look::NotYet("the job has failed and names no exception".to_owned()),
            |failure| Look::Holds(failure.cause),
        ))
    });
    let (sentence, detail) = match cause.await {
        Ok(cause) => match cause.of_the_stack(&job.id) {
            Some(sentence) => return Some(Unproven::Broken(sentence)),
            None => (cause.sentence, cause.detail),
        },
        Err(_) => ("the job has failed, and Flink does not say why".to_owned(), Vec::new()),
    };
    Some(Unproven::at_sinks(job, Anomaly::StatementFailed, &sentence, &detail))
}

/// Of a job that goes on: what it fails of by itself, and how often it did. `failures` begin with the
/// last one.
fn lasting(failures: &[JobFailure], calm: Calm) -> Option<(&Cause, usize)> {
    let (since_ms, least) = match calm {
        Calm::Always => (i64::MIN, 1),
        Calm::Since(at_ms) => (at_ms, AGAIN),
        Calm::Not => return None,
    };
    let excused = |cause: &Cause| {
        let of_the_way = OF_THE_WAY.contains(&cause.class.as_str());
        cause.of_the_stack("").is_some() || (of_the_way && calm != Calm::Always)
    };
    let own: Vec<&Cause> = failures
        .iter()
        .filter(|failure| failure.at_ms > since_ms && !excused(&failure.cause))
        .map(|failure| &failure.cause)
        .collect();
    let last = *own.first()?;
    let same = |cause: &&&Cause| cause.class == last.class && cause.sentence == last.sentence;
    let count = own.iter().filter(same).count();
    (count >= least).then_some((last, count))
}

/// Ends only when a job has failed; tells of all that have by then.
pub async fn failed(
    (engine, disturbances): (&dyn Engine, &Disturbances),
    jobs: &[Job],
    limit: Duration,
) -> Unproven {
    let mut looks = 0_u32;
    // It must not end before what it runs beside, which has the same limit.
    let limit = limit.saturating_add(Duration::from_mins(1));
    let failed = wait::until("a job to fail", limit, || {
        looks += 1;
        let now = looks.is_multiple_of(8);
        async move {
            let found = if now { look(engine, disturbances, jobs).await } else { None };
            Ok::<_, Unproven>(
                found.map_or_else(|| Look::NotYet("they run".to_owned()), Look::Holds),
            )
        }
    });
    match failed.await {
        Ok(failure) | Err(WaitError::Look(failure)) => failure,
        Err(WaitError::TimedOut(late)) => Unproven::broken(&late),
    }
}

/// What the jobs fail of now: the trouble of all of them.
pub(super) async fn look(
    engine: &dyn Engine,
    disturbances: &Disturbances,
    jobs: &[Job],
) -> Option<Unproven> {
    let looks = jobs.iter().map(|job| failure(engine, disturbances, job, Asked::Nothing));
    all(futures::future::join_all(looks).await.into_iter().flatten())
}

/// Several as one; that Flink itself is broken says more than what follows from it.
pub fn all(unproven: impl IntoIterator<Item = Unproven>) -> Option<Unproven> {
    let mut troubles: Vec<Trouble> = Vec::new();
    for one in unproven {
        match one {
            Unproven::Trouble(more) => troubles.extend(more),
            Unproven::Broken(_) => return Some(one),
        }
    }
    (!troubles.is_empty()).then_some(Unproven::Trouble(troubles))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::client::cause;

    fn failures(of: &[(i64, &str)]) -> Vec<JobFailure> {
        let failure =
            |(at_ms, trace): &(i64, &str)| JobFailure { at_ms: *at_ms, cause: cause::root(trace) };
        of.iter().map(failure).collect()
    }

    const ZERO: &str = "java.lang.ArithmeticException: / by zero";
    const AWAY: &str = "org.apache.kafka.common.errors.TimeoutException: no node was found";
    const LOST: &str = "a.b.C: Heartbeat of TaskManager with id x timed out.";

    #[rstest]
    #[case::nothing(&[], Calm::Always, None)]
    #[case::once_of_itself(&[(5, ZERO)], Calm::Always, Some(1))]
    #[case::of_the_broker_that_was_never_away(&[(5, AWAY)], Calm::Always, Some(1))]
    #[case::a_lost_process(&[(5, LOST)], Calm::Always, None)]
    #[case::while_something_is_down(&[(7, ZERO), (6, ZERO), (5, ZERO)], Calm::Not, None)]
    #[case::once_after_a_fault(&[(7, ZERO), (3, ZERO), (2, ZERO)], Calm::Since(4), None)]
    #[case::again_after_a_fault(&[(7, ZERO), (6, ZERO), (5, ZERO)], Calm::Since(4), Some(3))]
    #[case::the_broker_comes_back(&[(7, AWAY), (6, AWAY), (5, AWAY)], Calm::Since(4), None)]
    #[case::between_them(&[(8, ZERO), (7, AWAY), (6, ZERO), (5, ZERO)], Calm::Since(4), Some(3))]
    #[case::of_several_causes(
        &[(7, ZERO), (6, "java.lang.NumberFormatException: For input string"), (5, ZERO)],
        Calm::Since(4),
        None
    )]
    fn a_job_that_goes_on_fails_by_itself(
        #[case] of: &[(i64, &str)],
        #[case] calm: Calm,
        #[case] count: Option<usize>,
    ) {
        assert_eq!(lasting(&failures(of), calm).map(|(_, count)| count), count);
    }

    #[test]
    fn all_that_fail_are_told_and_a_broken_stack_first() {
        let trouble = |place: &str| {
            Unproven::Trouble(vec![Trouble {
                finding: Anomaly::StatementFailed,
                place: place.to_owned(),
                sentence: "/ by zero".to_owned(),
                detail: Vec::new(),
            }])
        };
        let Some(Unproven::Trouble(troubles)) = all([trouble("a"), trouble("b")]) else {
            panic!("no trouble");
        };
        assert_eq!(troubles.len(), 2);
        let broken = Unproven::Broken("gone".to_owned());
        assert_eq!(all([trouble("a"), broken.clone()]), Some(broken));
        assert_eq!(all([]), None);
    }
}
