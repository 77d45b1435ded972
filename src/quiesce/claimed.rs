//! The proof on the engine's own word, where it takes no checkpoint that could be waited for.
//!
//! Its steps, beside those of every proof:
//! 1. The connector's slot is confirmed, and then the ends of all topics are read, with no transaction
//!    open in them: nothing is written to a source topic any more.
//! 2. Statement by statement, in the order of who writes what others read: the engine reports, and
//!    reports again at a later time, that it has processed the last record below each end, and no part
//!    of the statement was started again in between.
//! 3. Of the grade `stopped`: the statement is then stopped, and has written what it owes.
//! 4. The ends of the statement's sinks are read, once no transaction is open in them.
//!
//! A report says what was read, and not that what follows from it is written. So of the grade
//! `reported` a proof is the engine's claim: what comes after it without any new input shows that the
//! claim was untrue. The judge looks for that. So that it is there to be seen, statements are stopped at
//! the end of a run whose last proof is a claim.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{join_all, try_join_all};

use super::job::{Delivered, Watched};
use super::prove::{Attempted, Evidence, Through, waves, written};
use super::{Barrier, Clause, Clients, Job, Pipeline, Question, Unproven, failing};
use crate::base::anomaly::Anomaly;
use crate::base::grade::Grade;
use crate::base::position::Lsn;
use crate::client::gateway::GatewayError;
use crate::client::kafka::Ends;
use crate::client::roles::{Phase, Reported, Split};
use crate::client::wait::{self, Look, WaitError};
use crate::history::event::Report;

/// What one look at a statement's input gave.
enum Seen {
    /// It has ended by itself, or was stopped for a proof before.
    Over,
    /// It is at or past the ends, by this report.
    There(Reported),
}

/// A partition that a statement reads, and its last record below the end.
type Wanted = (Split, Option<i64>);

impl Attempted<'_> {
    /// Goes through all statements; gives the ends of all topics and the evidence by statement.
    pub(super) async fn go_through_claims(
        &self,
        waves: &[Vec<usize>],
        watched: &[Watched<'_>],
    ) -> Result<Through, Unproven> {
        let mut evidence = BTreeMap::new();
        let mut ends = self.ends(self.pipeline.topics).await?;
        for wave in waves {
            self.tapped(&ends).await?;
            let jobs = wave.iter().filter_map(|n| Some((*n, self.pipeline.jobs.get(*n)?)));
            let claims =
                jobs.map(|(n, job)| self.go_through_claim((n, job), watched.get(n), &ends));
            evidence.extend(try_join_all(claims).await?);
            if self.question.grade == Grade::Stopped {
                self.stop_wave(wave, &mut evidence).await?;
            }
            let written = written(self.pipeline, wave);
            ends.extend(self.ends(&written).await?);
        }
        self.tapped(&ends).await?;
        Ok((ends, evidence))
    }

    async fn go_through_claim(
        &self,
        (n, job): (usize, &Job),
        watched: Option<&Watched<'_>>,
        ends: &Ends,
    ) -> Result<(usize, Evidence), Unproven> {
        let wanted = self.wanted(job, ends);
        let (reports, executions) = self.reported_twice(job, &wanted).await?;
        self.log("the engine says that everything is processed", &job.id);
        let mut evidence = Evidence::default();
        if let Some(watched) = watched.filter(|_| !reports.is_empty()) {
            evidence.delivered = watched.timed(self.clients, ends, self.left()).await?;
            evidence.late = watched.late_rows().await?;
            evidence.readings = watched.readings(self.left()).await?;
        }
        evidence.delivered.gaps.extend(self.undrained(job));
        let last = reports.last().map(|report| &report.processed);
        for (split, _) in &wanted {
            let Split { table, topic, partition } = split.clone();
            let at = last.and_then(|last| last.get(&(topic.clone(), partition))).copied();
            if let Some(at) = at.filter(|_| evidence.delivered.lacks(&topic, partition)) {
                evidence.delivered.sources.push((table, topic, partition, at));
            }
        }
        evidence.executions = executions;
        evidence.reports = reports.into_iter().map(recorded).collect();
        Ok((n, evidence))
    }

    /// Stops the statements of a wave, each of them whatever becomes of the others.
    async fn stop_wave(
        &self,
        wave: &[usize],
        evidence: &mut BTreeMap<usize, Evidence>,
    ) -> Result<(), Unproven> {
        let jobs = wave.iter().filter_map(|n| Some((*n, self.pipeline.jobs.get(*n)?)));
        let stops = jobs.map(|(n, job)| async move { (n, self.stop(job).await) });
        let again = "a part of the statement was started again before it was stopped";
        let mut failures = Vec::new();
        for (n, stopped) in join_all(stops).await {
            let own = evidence.entry(n).or_default();
            match stopped {
                Ok(executions) if executions == own.executions => {}
                Ok(_) => own.delivered.gaps.push(again.to_owned()),
                Err(failure) => failures.push(failure),
            }
        }
        failing::all(failures).map_or(Ok(()), Err)
    }

    /// Everything that it reads, with the last record below the end.
    fn wanted(&self, job: &Job, ends: &Ends) -> Vec<Wanted> {
        let partitions = job.reads.iter().flat_map(|read| {
            let of = ends.iter().filter(move |(place, _)| place.0 == read.topic);
            of.map(move |(place, bounds)| (read, place.1, bounds.stable))
        });
        partitions
            .map(|(read, partition, end)| {
                let last = self.clients.tap.last_visible(&read.topic, partition, end);
                let (table, topic) = (read.table.clone(), read.topic.clone());
                (Split { table, topic, partition }, read.last(partition, last, end))
            })
            .collect()
    }

    /// Waits until the engine has said twice that it is at or past the ends; gives both reports, none
    /// of a statement that has ended, and the names of its executions.
    async fn reported_twice(
        &self,
        job: &Job,
        wanted: &[Wanted],
    ) -> Result<(Vec<Reported>, Vec<String>), Unproven> {
        let engine = self.clients.engine;
        loop {
            let before = engine.executions(&job.id).await;
            let before = before.map_err(|error| Unproven::broken(&error))?;
            let Seen::There(first) = self.there(job, wanted, i64::MIN).await? else {
                return Ok((Vec::new(), before));
            };
            let second = match self.there(job, wanted, first.at_ms).await? {
                Seen::There(second) => vec![first, second],
                Seen::Over => vec![first],
            };
            let after = engine.executions(&job.id).await;
            if before == after.map_err(|error| Unproven::broken(&error))? {
                return Ok((second, before));
            }
            if self.left().is_zero() {
                let sentence = "parts of the statement are started again and again";
                return Err(Unproven::at_sinks(job, Anomaly::Stalled, sentence, &[]));
            }
        }
    }

    /// Waits for a report that is later than `after_ms` and says that everything is processed.
    async fn there(&self, job: &Job, wanted: &[Wanted], after_ms: i64) -> Result<Seen, Unproven> {
        let condition = "the engine to report that everything is processed";
        let seen = wait::until(condition, self.left(), || self.look(job, wanted, after_ms)).await;
        match seen {
            Ok(seen) => Ok(seen),
            Err(error) => Err(self.unseen(job, error).await),
        }
    }

    async fn look(
        &self,
        job: &Job,
        wanted: &[Wanted],
        after_ms: i64,
    ) -> Result<Look<Seen>, GatewayError> {
        let engine = self.clients.engine;
        let is_stopped = self.clients.disturbances.is_stopped(&job.id);
        if is_stopped || engine.phase(&job.id).await? == Some(Phase::Completed) {
            return Ok(Look::Holds(Seen::Over));
        }
        let splits: Vec<_> = wanted.iter().map(|(split, _)| split.clone()).collect();
        let Some(report) = engine.reported(&job.id, &splits).await? else {
            return Ok(Look::NotYet("it has reported nothing".to_owned()));
        };
        if report.at_ms <= after_ms {
            return Ok(Look::NotYet("it has not reported again".to_owned()));
        }
        Ok(match behind(&report, wanted) {
            Some(behind) => Look::NotYet(behind),
            None => Look::Holds(Seen::There(report)),
        })
    }

    /// Stops a statement that has not ended; gives the names of its last executions.
    async fn stop(&self, job: &Job) -> Result<Vec<String>, Unproven> {
        let (engine, disturbances) = (self.clients.engine, self.clients.disturbances);
        let phase = engine.phase(&job.id).await;
        let phase = phase.map_err(|error| Unproven::broken(&error))?;
        if !disturbances.is_stopped(&job.id) && phase != Some(Phase::Completed) {
            disturbances.stop(&job.id);
            match engine.stop(&job.id, self.left().max(LEAST)).await {
                Ok(state) => disturbances.keep(&job.id, state),
                Err(GatewayError::Late(late)) => {
                    return Err(self.unseen(job, WaitError::TimedOut(late)).await);
                }
                Err(error) => return Err(self.unseen(job, WaitError::Look(error)).await),
            }
            self.log("the statement is stopped", &job.id);
        }
        let executions = engine.executions(&job.id).await;
        executions.map_err(|error| Unproven::broken(&error))
    }

    /// The statement's failure if it has failed; else that it does not come to rest, or that its looks
    /// fail.
    async fn unseen(&self, job: &Job, error: WaitError<GatewayError>) -> Unproven {
        let (engine, disturbances) = (self.clients.engine, self.clients.disturbances);
        let failed = failing::failure(engine, disturbances, job, failing::Asked::Nothing).await;
        match (failed, error) {
            (Some(failed), _) => failed,
            (None, WaitError::Look(error)) => Unproven::broken(&error),
            (None, WaitError::TimedOut(late)) => {
                Unproven::at_sinks(job, Anomaly::Stalled, &late.to_string(), &[])
            }
        }
    }

    /// What no report tells of a statement, in a sentence.
    fn undrained(&self, job: &Job) -> Option<String> {
        let grade = self.question.grade;
        if job.asynchronous {
            return Some(format!(
                "an operator waits for answers from outside, and by `{grade}` it is not told whether \
                 it holds records"
            ));
        }
        (job.commits_files && grade == Grade::Reported).then(|| {
            "files are committed with a checkpoint, of which the engine's reports tell nothing"
                .to_owned()
        })
    }

    /// The latest watermark that a statement's sources can have had, where no engine tells it; whatever
    /// there is where the records of one do not tell it either.
    pub(super) fn latest(&self, job: &Job, ends: &Ends) -> Option<i64> {
        if job.reads.iter().any(|read| read.watermark == Clause::None) {
            return Some(i64::MAX);
        }
        let at = job.reads.iter().flat_map(|read| {
            let of = ends.iter().filter(|(place, _)| place.0 == read.topic);
            of.map(|(place, bounds)| self.clients.clocks.watermark(read, place.1, bounds.stable))
        });
        at.max().flatten()
    }
}

/// Lets statements write what they owe, by stopping them, and reads it: at the end of a run whose last
/// proof is the engine's word, so that a history tells what that was worth.
///
/// # Errors
/// A statement failed instead of stopping, or did not stop within `limit`; or something could not be read.
pub async fn flush(
    clients: &Clients<'_>,
    pipeline: &Pipeline<'_>,
    limit: Duration,
) -> Result<(), Unproven> {
    let question = Question {
        number: 0,
        entry: 0,
        last_commit_end: None,
        barrier: Barrier { content: String::new(), end: Lsn::default() },
        limit,
        grade: Grade::Stopped,
    };
    let attempt = Attempted::new(clients, pipeline, &question);
    for wave in waves(pipeline.jobs).0 {
        attempt.stop_wave(&wave, &mut BTreeMap::new()).await?;
        let ends = attempt.ends(&written(pipeline, &wave)).await?;
        attempt.tapped(&ends).await?;
    }
    Ok(())
}

/// A stop is given this long, however little time is left.
const LEAST: Duration = Duration::from_secs(5);

/// Where a report is behind the last records, in a sentence.
fn behind(report: &Reported, wanted: &[Wanted]) -> Option<String> {
    wanted.iter().find_map(|(split, last)| {
        let Split { table, topic, partition } = split;
        let last = (*last)?;
        match report.processed.get(&(topic.clone(), *partition)) {
            Some(at) if *at >= last => None,
            Some(at) => Some(format!(
                "`{table}` has processed {topic}[{partition}] up to offset {at}, the last record is \
                 at {last}"
            )),
            None => Some(format!("nothing is reported of `{table}` in {topic}[{partition}]")),
        }
    })
}

fn recorded(report: Reported) -> Report {
    let processed = report.processed.into_iter();
    let processed = processed.map(|((topic, partition), at)| (topic, partition, at));
    Report { at_ms: report.at_ms, processed: processed.collect() }
}

impl Delivered {
    /// Whether it does not say yet how far a partition was delivered.
    fn lacks(&self, topic: &str, partition: i32) -> bool {
        !self.sources.iter().any(|(_, of, n, _)| of == topic && *n == partition)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::at_the_end(Some(4), Some(4), None)]
    #[case::past_it(Some(9), Some(4), None)]
    #[case::a_bounded_source_has_ended(Some(i64::MAX), Some(4), None)]
    #[case::behind(
        Some(3),
        Some(4),
        Some("`t` has processed a[1] up to offset 3, the last record is at 4")
    )]
    #[case::nothing_is_told(None, Some(4), Some("nothing is reported of `t` in a[1]"))]
    #[case::there_is_nothing_to_read(None, None, None)]
    fn a_report_is_held_against_the_last_record(
        #[case] at: Option<i64>,
        #[case] last: Option<i64>,
        #[case] expected: Option<&str>,
    ) {
        let split = Split { table: "t".to_owned(), topic: "a".to_owned(), partition: 1 };
        let processed = at.map(|at| (("a".to_owned(), 1), at)).into_iter().collect();
        let report = Reported { at_ms: 7, processed };
        assert_eq!(behind(&report, &[(split, last)]).as_deref(), expected);
    }
}
