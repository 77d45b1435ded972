//! The steps of the proof, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::{try_join, try_join_all};

use super::firing::Held;
use super::job::{Delivered, Watched};
use super::{Clients, Job, Pipeline, Question, Unproven, asynchronous, connector, failing};
use crate::base::anomaly::Anomaly;
use crate::base::grade::Grade;
use crate::base::position::Lsn;
use crate::client::clock::Stopwatch;
use crate::client::flink::Attempt;
use crate::client::kafka::Ends;
use crate::client::wait::{self, Look, WaitError};
use crate::history::event::{self, JobProof, Proof, ProofGap, Reading, Report, Topic};
use crate::score::manners::Behaviour;

/// Proves that everything up to the question's last commit has gone through every statement and is
/// visible at every sink.
///
/// The barrier must have been emitted after that commit. When this returns, the tap has handed over
/// every record below the proof's ends.
pub async fn prove(
    clients: &Clients<'_>,
    pipeline: &Pipeline<'_>,
    question: &Question,
) -> Result<Proof, Unproven> {
    let attempt = Attempted::new(clients, pipeline, question);
    tokio::select! {
        proof = attempt.prove() => proof,
        failed = connector::failed(
            (clients.connect, clients.log), pipeline.connectors, question.limit,
        ) => Err(failed),
        failed = failing::failed(
            (clients.engine, clients.disturbances), pipeline.jobs, question.limit,
        ) => Err(failed),
    }
}

pub(super) struct Attempted<'a> {
    pub(super) clients: &'a Clients<'a>,
    pub(super) pipeline: &'a Pipeline<'a>,
    pub(super) question: &'a Question,
    watch: Stopwatch,
}

/// The evidence of one job.
#[derive(Default)]
pub(super) struct Evidence {
    pub(super) delivered: Delivered,
    pub(super) executions: Vec<String>,
    checkpoint: u64,
    committed: Option<u64>,
    pub(super) late: Vec<(String, u64)>,
    pub(super) readings: Vec<Reading>,
    /// What the engine said.
    pub(super) reports: Vec<Report>,
}

impl<'a> Attempted<'a> {
    pub(super) fn new(
        clients: &'a Clients<'a>,
        pipeline: &'a Pipeline<'a>,
        question: &'a Question,
    ) -> Self {
        Self { clients, pipeline, question, watch: Stopwatch::start() }
    }
}

impl Attempted<'_> {
    pub(super) fn left(&self) -> Duration {
        self.question.limit.saturating_sub(self.watch.elapsed())
    }

    async fn prove(&self) -> Result<Proof, Unproven> {
        let (waves, _) = waves(self.pipeline.jobs);
        let back = connector::back(
            self.clients,
            self.pipeline,
            &self.question.barrier.content,
            self.left(),
        );
        let (mut watched, ()) = try_join(self.watch_jobs(), back).await?;
        self.log("the barrier came back", "the connectors");
        let wanted = self.question.last_commit_end.unwrap_or_default();
        loop {
            let ((ends, evidence), confirmed) = self.go_through(&waves, &watched, wanted).await?;
            self.log("every job is through, and the slots are confirmed", "the connectors");
            let again = self.read_again(&watched, &confirmed).await?;
            let Some(changed) = difference(&watched, &ends, &again, self.pipeline.jobs) else {
                return Ok(self.proof(&watched, &ends, evidence, &confirmed));
            };
            if self.question.grade == Grade::Stopped {
                // Whoever was stopped has not seen it.
                let sentence =
                    format!("{changed}, after the statements were stopped for the proof");
                return Err(Unproven::broken(&sentence));
            }
            tracing::debug!(changed, "the proof starts over");
            if self.left().is_zero() {
                let limit = self.question.limit;
                let sentence = format!("nothing came to rest within {limit:.1?}: {changed}");
                return Err(self.stalled(&changed, sentence));
            }
            watched = self.watch_jobs().await?;
        }
    }

    pub(super) fn log(&self, what: &str, of: &str) {
        tracing::debug!(of, after_ms = self.watch.elapsed_ms(), "{what}");
    }

    /// The jobs with their graphs, where the engine has a JobManager; else none, unless the grade
    /// needs one.
    async fn watch_jobs(&self) -> Result<Vec<Watched<'_>>, Unproven> {
        let is_needed = self.question.grade == Grade::Checkpoint;
        if !is_needed && self.clients.engine.job_manager().is_none() {
            return Ok(Vec::new());
        }
        let jobs = self.pipeline.jobs.iter();
        try_join_all(jobs.map(|job| Watched::start(self.clients, job))).await
    }

    /// Goes through all jobs while the slot is confirmed, or once it is; gives the ends of all topics
    /// with the evidence by job, and what was confirmed.
    async fn go_through(
        &self,
        waves: &[Vec<usize>],
        watched: &[Watched<'_>],
        wanted: Lsn,
    ) -> Result<(Through, Vec<Lsn>), Unproven> {
        let confirmed = connector::confirmed(self.clients, self.pipeline, wanted, self.left());
        if self.question.grade == Grade::Checkpoint {
            return try_join(self.go_through_jobs(waves, watched), confirmed).await;
        }
        // A statement that was stopped looks at nothing that comes later.
        let confirmed = confirmed.await?;
        Ok((self.go_through_claims(waves, watched).await?, confirmed))
    }

    /// Goes through all jobs; gives the ends of all topics and the evidence by job.
    async fn go_through_jobs(
        &self,
        waves: &[Vec<usize>],
        watched: &[Watched<'_>],
    ) -> Result<Through, Unproven> {
        let mut evidence = BTreeMap::new();
        let mut ends = self.ends(self.pipeline.topics).await?;
        for wave in waves {
            self.tapped(&ends).await?;
            let jobs = wave.iter().filter_map(|n| Some((*n, watched.get(*n)?)));
            let proven = try_join_all(jobs.map(|(n, job)| self.go_through_job(n, job, &ends)));
            evidence.extend(proven.await?);
            let written = written(self.pipeline, wave);
            ends.extend(self.ends(&written).await?);
        }
        self.tapped(&ends).await?;
        Ok((ends, evidence))
    }

    async fn go_through_job(
        &self,
        n: usize,
        job: &Watched<'_>,
        ends: &Ends,
    ) -> Result<(usize, Evidence), Unproven> {
        if job.is_restored() {
            let (mut delivered, checkpoint) = job.held(self.clients, ends, self.left()).await?;
            if job.job.asynchronous {
                let gap =
                    "after a restart the counts of an operator that waits for answers begin anew";
                delivered.gaps.push(gap.to_owned());
            }
            self.log("a checkpoint holds everything", &job.job.id);
            let committed = self.commit_files(job).await?;
            let late = job.late_rows().await?;
            let readings = job.readings(self.left()).await?;
            return Ok((n, job.evidence(delivered, (checkpoint, committed), (late, readings))));
        }
        let mut delivered = job.delivered(self.clients, ends, self.left()).await?;
        self.log("the sources delivered everything", &job.job.id);
        let checkpoint = if job.job.asynchronous {
            let drained =
                asynchronous::drained(self.clients, job, (self.asks_once(), self.left())).await?;
            delivered.gaps.extend(drained.gap);
            drained.checkpoint
        } else {
            job.checkpoint(self.clients, self.left()).await?
        };
        self.log("the checkpoint completed", &job.job.id);
        let committed = self.commit_files(job).await?;
        let late = job.late_rows().await?;
        let readings = job.readings(self.left()).await?;
        Ok((n, job.evidence(delivered, (checkpoint, committed), (late, readings))))
    }

    /// The service whose requests are those of one job alone.
    fn asks_once(&self) -> Option<&Behaviour> {
        let asking = self.pipeline.jobs.iter().filter(|job| job.asynchronous).count();
        self.clients.asks_once.filter(|_| asking == 1)
    }

    /// The checkpoint by which the files of the first are committed, where there are files.
    async fn commit_files(&self, job: &Watched<'_>) -> Result<Option<u64>, Unproven> {
        if !job.job.commits_files {
            return Ok(None);
        }
        // When the first of these was triggered, the message was with every task; when the second is
        // triggered, each has been between two inputs since, and there commits.
        job.checkpoint(self.clients, self.left()).await?;
        let checkpoint = job.checkpoint(self.clients, self.left()).await?;
        self.log("the files are committed", &job.job.id);
        Ok(Some(checkpoint))
    }

    /// The ends of topics, once no transaction is open in them.
    pub(super) async fn ends(&self, topics: &[Topic]) -> Result<Ends, Unproven> {
        let asked: Vec<_> = topics.iter().map(|t| (t.physical.clone(), t.partitions)).collect();
        if asked.is_empty() {
            return Ok(Ends::new());
        }
        let seen = wait::until("every transaction on the topics to end", self.left(), || async {
            let ends = self.clients.ends.ends(&asked).await;
            let ends = ends.map_err(|error| Unproven::broken(&error))?;
            let is_held = |topic: &String| self.pipeline.held.contains(topic);
            let mut open = ends.iter().filter(|(_, bounds)| bounds.stable < bounds.high);
            let open = open.find(|((topic, _), _)| !is_held(topic));
            Ok(match open {
                None => Look::Holds(ends),
                Some(((topic, partition), bounds)) => Look::NotYet(format!(
                    "{topic}[{partition}] is stable up to {}, but ends at {}",
                    bounds.stable, bounds.high
                )),
            })
        });
        seen.await.map_err(|error| match error {
            WaitError::Look(unproven) => unproven,
            WaitError::TimedOut(late) => self.stalled(&late.last, late.to_string()),
        })
    }

    /// The pipeline does not come to rest: at the sinks whose job or topic is named, else at the
    /// connector.
    fn stalled(&self, named: &str, sentence: String) -> Unproven {
        let jobs = self.pipeline.jobs.iter();
        let concerned = jobs.filter(|job| {
            let sinks = job.sinks.iter().map(|sink| sink.topic.as_str());
            sinks.chain([job.id.as_str()]).any(|name| !name.is_empty() && named.contains(name))
        });
        let stalled = |job| Unproven::at_sinks(job, Anomaly::Stalled, &sentence, &[]);
        failing::all(concerned.map(stalled))
            .unwrap_or_else(|| Unproven::at_connector(Anomaly::Stalled, sentence, Vec::new()))
    }

    pub(super) async fn tapped(&self, ends: &Ends) -> Result<(), Unproven> {
        let reached = self.clients.tap.reached(ends, self.left().max(Duration::from_secs(1)));
        reached.await.map_err(|late| Unproven::broken(&late))
    }

    async fn read_again(
        &self,
        watched: &[Watched<'_>],
        confirmed: &[Lsn],
    ) -> Result<Again, Unproven> {
        // On the engine's word, the reports were held against its executions.
        let looked_at = watched.iter().filter(|_| self.question.grade == Grade::Checkpoint);
        let attempts = try_join_all(looked_at.map(Watched::attempts_now));
        let ends = self.ends(self.pipeline.topics);
        let slots = connector::positions(self.clients, self.pipeline);
        // A job that came through may have failed before, of what comes again.
        let unfailed = async {
            let jobs = self.pipeline.jobs;
            let failed = failing::look(self.clients.engine, self.clients.disturbances, jobs);
            failed.await.map_or(Ok(()), Err)
        };
        let (attempts, ends, slots, ()) = futures::try_join!(attempts, ends, slots, unfailed)?;
        let mut both = itertools::zip_eq(slots, confirmed);
        let slot_moved_back = both.any(|(slot, confirmed)| slot < *confirmed);
        Ok(Again { attempts, ends, slot_moved_back })
    }

    /// A reading with the logical names of its topics.
    fn named(&self, mut reading: Reading) -> Reading {
        for topic in &mut reading.topics {
            *topic = logical_name(self.pipeline.topics, std::mem::take(topic));
        }
        reading
    }

    /// A report with the logical names of its topics.
    fn renamed(&self, mut report: Report) -> Report {
        for (topic, ..) in &mut report.processed {
            *topic = logical_name(self.pipeline.topics, std::mem::take(topic));
        }
        report
    }

    /// Of a job whose watermarks nobody tells: how far its windows may be at most.
    fn untimed(&self, job: &Job, ends: &Ends, proof: &mut Proof) -> Vec<event::Firing> {
        let latest = self.latest(job, ends);
        for sink in &job.sinks {
            let most = proof.watermarks_at_most.entry(sink.sink.clone()).or_default();
            *most = (*most).max(latest);
        }
        Vec::new()
    }

    /// How windows reach a job's sinks, and how far these are by it.
    fn firings(
        &self,
        watched: &Watched<'_>,
        delivered: &Delivered,
        proof: &mut Proof,
        windows: &mut BTreeMap<String, Held>,
    ) -> Vec<event::Firing> {
        let found = watched.firings(delivered, windows);
        for sink in &watched.job.sinks {
            let firing = found.iter().find(|(name, _)| *name == sink.sink);
            let own = firing.map(|(_, firing)| (firing.least, firing.most));
            let mut span = own.unwrap_or_else(|| watched.at_writer(delivered, &sink.sink));
            // Several statements may write one sink.
            if let Some(before) = proof.watermarks.get(&sink.sink).copied() {
                let most = proof.watermarks_at_most.get(&sink.sink).copied().unwrap_or(before);
                span = (span.0.min(before), span.1.max(most));
            }
            proof.watermarks.insert(sink.sink.clone(), span.0);
            if span.1 > span.0 {
                proof.watermarks_at_most.insert(sink.sink.clone(), span.1);
            }
            if let Some((_, firing)) = firing {
                let zoned = firing.zoned.clone();
                windows.insert(sink.topic.clone(), Held { span, zoned });
            }
        }
        let named = |topics: Vec<String>| {
            let topics = topics.into_iter().map(|name| logical_name(self.pipeline.topics, name));
            topics.collect::<Vec<_>>()
        };
        let recorded = found.into_iter().map(|(sink, firing)| event::Firing {
            sink,
            at: firing.at,
            of: named(firing.of),
            through: named(firing.through),
            beside: named(firing.beside),
            reworked: firing.reworked,
            zoned: firing.zoned,
        });
        recorded.collect()
    }

    fn proof(
        &self,
        watched: &[Watched<'_>],
        ends: &Ends,
        mut evidence: BTreeMap<usize, Evidence>,
        confirmed: &[Lsn],
    ) -> Proof {
        let mut proof = Proof {
            number: self.question.number,
            entry: self.question.entry,
            grade: self.question.grade,
            last_commit_end: self.question.last_commit_end,
            barrier_end: self.question.barrier.end,
            confirmed: confirmed.iter().min().copied().unwrap_or_default(),
            ends: by_name(self.pipeline.topics, ends),
            jobs: Vec::new(),
            watermarks: BTreeMap::new(),
            watermarks_at_most: BTreeMap::new(),
            gaps: Vec::new(),
            elapsed_ms: self.watch.elapsed_ms(),
        };
        // By topic, the watermark of the windows that it holds.
        let mut windows = BTreeMap::new();
        let (order, circular) = waves(self.pipeline.jobs);
        for n in order.into_iter().flatten() {
            let (Some(job), Some(found)) = (self.pipeline.jobs.get(n), evidence.remove(&n)) else {
                continue;
            };
            let watched = watched.get(n);
            let firings = match watched {
                Some(watched) => self.firings(watched, &found.delivered, &mut proof, &mut windows),
                None => self.untimed(job, ends, &mut proof),
            };
            for sink in &job.sinks {
                let circle = circular.contains(&n).then(|| CIRCLE.to_owned());
                let gaps = job.gaps.iter().chain(&found.delivered.gaps).cloned();
                let unknown = watched.into_iter().flat_map(Watched::unknown);
                let gaps = gaps.chain(unknown).chain(circle);
                proof
                    .gaps
                    .extend(gaps.map(|sentence| ProofGap { sink: sink.sink.clone(), sentence }));
            }
            proof.jobs.push(JobProof {
                job: job.id.clone(),
                sinks: job.sinks.iter().map(|sink| sink.sink.clone()).collect(),
                attempts: found.executions,
                sources: logical(self.pipeline.topics, found.delivered.sources),
                watermarks: found.delivered.watermarks,
                firings,
                unassigned: found.delivered.unassigned,
                checkpoint: found.checkpoint,
                committed: found.committed,
                late: found.late,
                reports: found.reports.into_iter().map(|one| self.renamed(one)).collect(),
                readings: found.readings.into_iter().map(|read| self.named(read)).collect(),
            });
        }
        proof
    }
}

impl Watched<'_> {
    /// The evidence of the job by checkpoints.
    fn evidence(
        &self,
        delivered: Delivered,
        (checkpoint, committed): (u64, Option<u64>),
        (late, readings): (Vec<(String, u64)>, Vec<Reading>),
    ) -> Evidence {
        let executions = self.attempts.iter().map(Attempt::name).collect();
        let reports = Vec::new();
        Evidence { delivered, executions, checkpoint, committed, late, readings, reports }
    }
}

/// The ends of all topics, and the evidence by job.
pub(super) type Through = (Ends, BTreeMap<usize, Evidence>);

/// What is read at the end.
struct Again {
    attempts: Vec<Vec<Attempt>>,
    ends: Ends,
    slot_moved_back: bool,
}

/// What has changed since, if anything has.
fn difference(watched: &[Watched<'_>], ends: &Ends, again: &Again, jobs: &[Job]) -> Option<String> {
    if again.slot_moved_back {
        return Some("the connector's slot moved back".to_owned());
    }
    let watched = watched.iter().take(again.attempts.len());
    for (job, now) in itertools::zip_eq(watched, &again.attempts) {
        let names = |attempts: &[Attempt]| attempts.iter().map(Attempt::name).collect::<Vec<_>>();
        if names(&job.attempts) != names(now) {
            return Some(format!("tasks of job {} were started again", job.job.id));
        }
    }
    // What cannot be proven quiet may go on writing.
    let (_, circular) = waves(jobs);
    let restless: BTreeSet<_> = jobs
        .iter()
        .enumerate()
        .filter(|(n, job)| !job.gaps.is_empty() || circular.contains(n))
        .map(|(_, job)| job)
        .flat_map(|job| job.sinks.iter().map(|sink| sink.topic.as_str()))
        .collect();
    let moved = ends.iter().find(|(place, bounds)| {
        !restless.contains(place.0.as_str()) && again.ends.get(*place) != Some(*bounds)
    });
    moved.map(|((topic, partition), bounds)| {
        format!("{topic}[{partition}] no longer ends at {}", bounds.stable)
    })
}

/// The topics that the jobs of a wave write, each once, however many of them write it.
pub(super) fn written(pipeline: &Pipeline<'_>, wave: &[usize]) -> Vec<Topic> {
    let sinks = wave.iter().filter_map(|n| pipeline.jobs.get(*n)).flat_map(|job| &job.sinks);
    let places: BTreeSet<_> = sinks.map(|sink| sink.topic.as_str()).collect();
    let topics = pipeline.topics.iter();
    topics.filter(|topic| places.contains(topic.physical.as_str())).cloned().collect()
}

/// Why nothing is proven of statements that feed each other.
const CIRCLE: &str = "statements read in a circle what they write: there is no order in which they \
                      come to rest";

/// Jobs by when they can be proven: a job comes after all that write what it reads. Those that feed
/// each other come last, and are given once more.
pub(super) fn waves(jobs: &[Job]) -> (Vec<Vec<usize>>, BTreeSet<usize>) {
    let mut waves: Vec<Vec<usize>> = Vec::new();
    let mut open: BTreeMap<usize, &Job> = jobs.iter().enumerate().collect();
    while !open.is_empty() {
        let waits = |n: &usize, job: &Job| {
            open.iter().any(|(other, writer)| {
                other != n
                    && writer
                        .sinks
                        .iter()
                        .any(|sink| job.reads.iter().any(|read| read.topic == sink.topic))
            })
        };
        let wave: Vec<_> = open.iter().filter(|(n, job)| !waits(n, job)).map(|(n, _)| *n).collect();
        if wave.is_empty() {
            let circular: BTreeSet<_> = open.into_keys().collect();
            waves.push(circular.iter().copied().collect());
            return (waves, circular);
        }
        open.retain(|n, _| !wave.contains(n));
        waves.push(wave);
    }
    (waves, BTreeSet::new())
}

fn by_name(topics: &[Topic], ends: &Ends) -> BTreeMap<String, Vec<(i64, i64)>> {
    let mut named = BTreeMap::new();
    for topic in topics {
        let of = ends.iter().filter(|(place, _)| place.0 == topic.physical);
        // Partitions come in order: they are the second half of the key.
        let bounds = of.map(|(_, bounds)| (bounds.low, bounds.stable)).collect();
        named.insert(topic.name.clone(), bounds);
    }
    named
}

fn logical(
    topics: &[Topic],
    sources: Vec<(String, String, i32, i64)>,
) -> Vec<(String, String, i32, i64)> {
    let renamed = sources.into_iter().map(|(operator, topic, partition, offset)| {
        (operator, logical_name(topics, topic), partition, offset)
    });
    renamed.collect()
}

fn logical_name(topics: &[Topic], physical: String) -> String {
    let topic = topics.iter().find(|topic| topic.physical == physical);
    topic.map_or(physical, |topic| topic.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::event::Role;
    use crate::quiesce::{Clause, Read, SinkTopic};

    fn job(id: &str, reads: &[&str], writes: &[&str]) -> Job {
        let read = |topic: &&str| Read {
            table: (*topic).to_owned(),
            topic: (*topic).to_owned(),
            watermark: Clause::None,
            zoned: None,
            lenient: None,
            uncommitted: false,
            aborted: BTreeMap::new(),
        };
        let sink =
            |topic: &&str| SinkTopic { sink: (*topic).to_owned(), topic: (*topic).to_owned() };
        Job {
            id: id.to_owned(),
            sinks: writes.iter().map(sink).collect(),
            commits_files: false,
            reads: reads.iter().map(read).collect(),
            gaps: Vec::new(),
            restored: false,
            asynchronous: false,
        }
    }

    #[test]
    fn a_job_comes_after_the_jobs_that_write_what_it_reads() {
        let jobs = [
            job("window", &["tx"], &["metrics"]),
            job("fan-out", &["source"], &["tx", "pending"]),
            job("dimension", &["customers"], &["dim"]),
            job("join", &["metrics", "dim"], &["report"]),
        ];
        assert_eq!(waves(&jobs), (vec![vec![1, 2], vec![0], vec![3]], BTreeSet::new()));
    }

    #[test]
    fn two_jobs_that_feed_each_other_have_no_order() {
        let jobs = [job("c", &["s"], &["x"]), job("a", &["x"], &["y"]), job("b", &["y"], &["x"])];
        assert_eq!(waves(&jobs), (vec![vec![0], vec![1, 2]], BTreeSet::from([1, 2])));
    }

    #[test]
    fn the_topic_of_two_jobs_is_asked_for_once() {
        let jobs = [job("a", &["x"], &["y"]), job("b", &["x"], &["y"])];
        let topic = |name: &str| Topic {
            name: name.to_owned(),
            physical: name.to_owned(),
            partitions: 1,
            role: Role::Sink { sink: name.to_owned() },
            options: BTreeMap::new(),
            connector: None,
        };
        let topics = [topic("x"), topic("y")];
        let pipeline = Pipeline { connectors: &[], topics: &topics, jobs: &jobs, held: &[] };
        let asked = written(&pipeline, &[0, 1]);
        assert_eq!(asked.iter().map(|topic| topic.name.as_str()).collect::<Vec<_>>(), ["y"]);
    }

    #[test]
    fn a_job_may_read_what_it_writes_itself() {
        assert_eq!(waves(&[job("a", &["x"], &["x"])]).0, vec![vec![0]]);
    }
}
