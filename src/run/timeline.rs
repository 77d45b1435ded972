//! From the connector's start to the last proof: the entries in order.

use std::time::Duration;

use tokio::sync::watch;

use super::Run;
use super::context::Stage;
use super::jobs::Jobs;
use super::outcome::Stop;
use super::shadow;
use super::source::{self, Source};
use crate::base::anomaly::Anomaly;
use crate::capture::shadow::Shadow;
use crate::check;
use crate::client::clock::Stopwatch;
use crate::client::flink::JobManager;
use crate::client::postgres::PostgresError;
use crate::client::wait::{self, Look, WaitError};
use crate::history::event::{EntryState, Event, Reference, Side, Table};
use crate::quiesce::{self, Barrier, Clients, Pipeline, Question, Unproven};
use crate::scenario::timeline::{Action, Condition};

/// How long the journal may lag behind an acknowledged commit.
const JOURNAL_LIMIT: Duration = Duration::from_secs(10);

/// Everything that is up while the timeline runs.
struct Live<'a> {
    run: &'a Run<'a>,
    source: Source,
    shadow: Shadow,
    jobs: Jobs,
    /// Barriers emitted so far; the first one is that of the start.
    barriers: u32,
    proofs: u32,
    /// Acknowledged commits that the journal is known to have.
    known: usize,
}

/// Starts the source and waits until the connector streams.
pub(super) async fn stream(
    run: &Run<'_>,
    ready: watch::Sender<Option<Vec<Table>>>,
) -> Result<(Source, quiesce::Streaming), Stop> {
    let source = source::build(run, ready).await?;
    run.tell(&Stage::Snapshot);
    let flink = JobManager::new(&run.context.endpoints)?;
    let (connector, slot) = (run.names.connector(), run.names.connector_slot());
    let clients = clients(&source, &flink);
    let pipeline =
        Pipeline { connector: &connector, slot: &slot, topics: &source.topics, jobs: &[] };
    let content = barrier(run, 0);
    let limit = run.context.limits.streaming;
    let streaming =
        quiesce::streaming(&clients, &pipeline, &source.database, &content, limit).await;
    let streaming = match streaming {
        Ok(streaming) => streaming,
        Err(unproven) => return Err(stop(run, unproven, &[])?),
    };
    run.recorder.record(Event::Slot { point: streaming.point })?;
    let barrier_end = source.journal.until_barrier(&content, JOURNAL_LIMIT).await?;
    run.recorder.record(Event::Streaming { barrier_end })?;
    run.log("the connector streams");
    Ok((source, streaming))
}

/// Runs the timeline over everything that was started.
pub(super) async fn run(
    run: &Run<'_>,
    (source, streaming): (Source, quiesce::Streaming),
    mut shadow: Shadow,
    jobs: Jobs,
) -> Result<(), Stop> {
    shadow.adopt(&source.tables).await?;
    shadow.snapshot_at(streaming.point);
    let mut live = Live { run, source, shadow, jobs, barriers: 1, proofs: 0, known: 0 };
    let count = run.trial.timeline.len();
    for (index, entry) in run.trial.timeline.iter().enumerate() {
        run.tell(&Stage::Entry { number: index + 1, of: count });
        match &entry.action {
            Action::Session(session) => {
                live.source.driver.entry(index, session).await?;
                live.source.journal.poke();
            }
            Action::Await { condition, within_ms } => {
                live.wait(index, *condition, Duration::from_millis(*within_ms)).await?;
            }
        }
    }
    live.source.driver.finish()?;
    run.log("the timeline is over");
    Ok(())
}

/// The content of a barrier, which no other barrier has.
fn barrier(run: &Run<'_>, number: u32) -> String {
    format!("{}:{number}", run.names.base)
}

fn clients<'a>(source: &'a Source, flink: &'a JobManager) -> Clients<'a> {
    Clients {
        postgres: &source.control,
        connect: &source.connect,
        ends: &source.ends,
        flink,
        tap: &source.tap,
        barriers: &source.barriers,
        clocks: &*source.clocks,
    }
}

/// Records the trouble that kept a proof from holding.
fn stop(
    run: &Run<'_>,
    unproven: Unproven,
    places: &[(&String, &crate::base::text::Place)],
) -> Result<Stop, Stop> {
    match unproven {
        Unproven::Broken(sentence) => Ok(Stop::Stack(sentence)),
        Unproven::Trouble(troubles) => {
            for trouble in troubles {
                let at = places.iter().find(|(sink, _)| **sink == trouble.place);
                run.record_trouble(Event::Trouble {
                    finding: trouble.finding,
                    place: trouble.place,
                    at: at.map(|(_, place)| (*place).clone()),
                    sentence: trouble.sentence,
                    detail: trouble.detail,
                })?;
            }
            Ok(Stop::Trouble)
        }
    }
}

impl Live<'_> {
    async fn wait(
        &mut self,
        entry: usize,
        condition: Condition,
        limit: Duration,
    ) -> Result<(), Stop> {
        let note = |state| self.run.recorder.record(Event::Entry { entry: Some(entry), state });
        note(EntryState::Started)?;
        let held = match condition {
            Condition::Streaming => self.streaming(limit).await,
            Condition::Captured => self.captured(limit).await,
            Condition::Processed => self.processed(entry, limit).await,
        };
        match held {
            Ok(()) => {
                let state = EntryState::Held { condition };
                Ok(self.run.recorder.record(Event::Entry { entry: Some(entry), state })?)
            }
            Err(Wait::Stop(stop)) => Err(stop),
            Err(Wait::Unproven(unproven)) => self.unproven(unproven),
        }
    }

    /// A condition that did not come to hold ends the run, unless it is the expected stall.
    fn unproven(&self, unproven: Unproven) -> Result<(), Stop> {
        let goes_on = match &unproven {
            Unproven::Trouble(troubles) => troubles.iter().all(|trouble| {
                trouble.finding == Anomaly::Stalled
                    && self.run.expects(trouble.finding, &trouble.place)
            }),
            Unproven::Broken(_) => false,
        };
        let places: Vec<_> = self.jobs.places.iter().collect();
        let stop = stop(self.run, unproven, &places)?;
        if goes_on { Ok(()) } else { Err(stop) }
    }

    /// Emits a barrier after everything that was committed; gives it with its end.
    async fn emit(&mut self) -> Result<Barrier, Stop> {
        let commits = self.source.driver.commits();
        let new = commits.get(self.known..).unwrap_or_default();
        self.source.journal.until_commits(new, JOURNAL_LIMIT).await?;
        self.known = commits.len();
        let content = barrier(self.run, self.barriers);
        self.barriers += 1;
        quiesce::emit(&self.source.database, &content).await?;
        let end = self.source.journal.until_barrier(&content, JOURNAL_LIMIT).await?;
        Ok(Barrier { content, end })
    }

    async fn streaming(&mut self, limit: Duration) -> Result<(), Wait> {
        let barrier = self.emit().await?;
        let back = self.source.barriers.back(&barrier.content, limit).await;
        back.map(|_| ()).map_err(|late| stalled(&late.to_string()))
    }

    /// The barrier came back, the slot is confirmed past the last commit, and the tap has read the
    /// source topics to their ends: Debezium confirms a position only after Kafka has acknowledged
    /// every record before it.
    async fn captured(&mut self, limit: Duration) -> Result<(), Wait> {
        let watch = Stopwatch::start();
        let left = || limit.saturating_sub(watch.elapsed());
        let wanted = self.source.journal.last_work_end().unwrap_or_default();
        let barrier = self.emit().await?;
        let source = &self.source;
        let back = source.barriers.back(&barrier.content, left()).await;
        back.map_err(|late| stalled(&late.to_string()))?;
        let name = self.run.names.connector_slot();
        let confirmed = wait::until("the slot to confirm the last commit", left(), || async {
            let slot = source.control.slot(&name).await?;
            let confirmed = slot.and_then(|slot| slot.confirmed).unwrap_or_default();
            Ok::<_, PostgresError>(if confirmed >= wanted {
                Look::Holds(())
            } else {
                Look::NotYet(format!("it is confirmed to {confirmed} of {wanted}"))
            })
        });
        confirmed.await.map_err(|error| match error {
            WaitError::Look(error) => Wait::Stop(Stop::from(error)),
            WaitError::TimedOut(late) => stalled(&late.to_string()),
        })?;
        let topics = source.topics.iter().filter(|topic| topic.role.is_captured());
        let topics: Vec<_> = topics.map(|t| (t.physical.clone(), t.partitions)).collect();
        let ends = source.ends.ends(&topics).await.map_err(Stop::from)?;
        let reached = source.tap.reached(&ends, left()).await;
        reached.map_err(|late| stalled(&late.to_string()))
    }

    async fn processed(&mut self, entry: usize, limit: Duration) -> Result<(), Wait> {
        let barrier = self.emit().await?;
        let number = self.proofs;
        let last_commit_end = self.source.journal.last_work_end();
        let question = Question { number, entry, last_commit_end, barrier, limit };
        let (connector, slot) = (self.run.names.connector(), self.run.names.connector_slot());
        let clients = clients(&self.source, &self.jobs.flink);
        let pipeline = Pipeline {
            connector: &connector,
            slot: &slot,
            topics: &self.source.topics,
            jobs: &self.jobs.jobs,
        };
        // What Postgres holds needs no proof about the pipeline, so both go on side by side.
        let evaluated = evaluate(self.run, &mut self.shadow, &self.source, &self.jobs, number);
        let (proof, evaluated) =
            futures::join!(quiesce::prove(&clients, &pipeline, &question), evaluated);
        let (compared, references) = evaluated?;
        let proof = proof.map_err(Wait::Unproven)?;
        self.run.recorder.flush().map_err(Stop::from)?;
        let events = std::iter::once(Event::Proof(proof))
            .chain(compared)
            .chain(references.into_iter().map(Event::Reference));
        self.run.recorder.record_all(events).map_err(Stop::from)?;
        self.proofs += 1;
        self.run.log("quiescence is proven");
        self.look_back(number).await.map_err(Wait::Stop)
    }

    /// Where sinks diverge, records their references over what the topics told: these say which
    /// hop went wrong first. Without them the divergence stands all the same.
    async fn look_back(&self, proof: u32) -> Result<(), Stop> {
        let run = self.run;
        let (diverged, told) = run.recorder.look(|history| {
            let diverged = check::diverged(history, proof);
            let told = if diverged.is_empty() { None } else { check::told(history, proof) };
            (diverged, told)
        });
        let Some(told) = told else { return Ok(()) };
        let sinks = self.jobs.sinks.iter().filter(|sink| diverged.contains(&sink.name));
        let sinks: Vec<_> = sinks.cloned().collect();
        match shadow::over_topics(run, &self.source.tables, &sinks, (proof, told)).await {
            Ok(references) => {
                run.recorder.record_all(references.into_iter().map(Event::Reference))?;
            }
            Err(stop) => tracing::warn!("no reference over the topics: {:?}", stop.sentence()),
        }
        run.log("the diverged sinks are looked back from");
        Ok(())
    }
}

/// Why a condition does not hold.
enum Wait {
    Unproven(Unproven),
    Stop(Stop),
}

impl From<Stop> for Wait {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

fn stalled(sentence: &str) -> Wait {
    let place = "connector".to_owned();
    let (sentence, detail) = (sentence.to_owned(), Vec::new());
    let trouble = quiesce::Trouble { finding: Anomaly::Stalled, place, sentence, detail };
    Wait::Unproven(Unproven::Trouble(vec![trouble]))
}

/// Brings the shadow up to the journal, compares it with the source, and runs the references.
async fn evaluate(
    run: &Run<'_>,
    shadow: &mut Shadow,
    source: &Source,
    jobs: &Jobs,
    proof: u32,
) -> Result<(Vec<Event>, Vec<Reference>), Stop> {
    shadow.follow(&run.recorder).await?;
    let compared = shadow.compare(&source.database).await?;
    let captures = compared.into_iter().map(|compared| Event::Capture {
        proof,
        table: compared.table,
        source: compared.source,
        shadow: compared.shadow,
    });
    let references = shadow.references(&jobs.sinks, proof, Side::Journal).await?;
    run.log("the references are computed");
    Ok((captures.collect(), references))
}
