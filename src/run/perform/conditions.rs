//! The conditions that an entry waits for.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::base::anomaly::Anomaly;
use crate::base::grade::Grade;
use crate::base::position::Lsn;
use crate::capture::diagnose;
use crate::client::clock::Stopwatch;
use crate::client::kafka;
use crate::client::wait::{self, Look, TimedOut, WaitError};
use crate::codec::debezium;
use crate::history::event::{Event, Proof, ProofGap, Record, Topic};
use crate::quiesce::{self, Barrier, Pipeline, Question, Unproven};
use crate::run::outcome::Stop;
use crate::run::perform::evaluate::evaluate;
use crate::run::perform::live::{Live, Wait};
use crate::run::questions::Asker;
use crate::run::start::jobs::is_windowed;
use crate::run::start::stream::{JOURNAL_LIMIT, clients};
use crate::run::start::walsender;
use crate::scenario::timeline::Condition;

/// What a look says of a watermark that is none.
const NO_WATERMARK: &str = "it is none";
/// So long a watermark may be none behind records that are all there.
const NO_WATERMARK_PATIENCE: Duration = Duration::from_secs(8);

impl Live<'_> {
    /// Emits a barrier after everything that was committed; gives it with its end.
    ///
    /// A connector confirms the last commit that it has read before a record, and Postgres sends it
    /// none that leaves its tables alone. So that each of several has one to confirm behind the last
    /// commit of all, another barrier stands before this one.
    pub(in crate::run) async fn emit(&mut self) -> Result<Barrier, Stop> {
        let commits = self.source.driver.commits();
        let new = commits.get(self.so_far.known..).unwrap_or_default();
        self.source.capture.journal.until_commits(new, JOURNAL_LIMIT).await?;
        self.so_far.known = commits.len();
        self.learn().await?;
        let content = self.run.names.barrier(self.so_far.barriers);
        self.so_far.barriers += 1;
        if self.run.trial.has_several_connectors() {
            quiesce::emit(&self.source.database, &self.run.names.before(&content)).await?;
        }
        quiesce::emit(&self.source.database, &content).await?;
        let end = self.source.capture.journal.until_barrier(&content, JOURNAL_LIMIT).await?;
        Ok(Barrier { content, end })
    }

    async fn come_back(&self, barrier: &Barrier, limit: Duration) -> Result<(), TimedOut> {
        let source = &self.source;
        let connectors = self.connectors();
        let through = (&source.database, connectors.as_slice());
        let barriers = &source.capture.told.barriers;
        barriers.back_again(through, &barrier.content, limit).await.map(drop)
    }

    /// The connectors, as a proof looks at them.
    pub(super) fn connectors(&self) -> Vec<quiesce::Connector> {
        self.run.effective.connectors.proven(&self.run.names)
    }

    pub(in crate::run) async fn streaming(&mut self, limit: Duration) -> Result<(), Wait> {
        if self.so_far.streams_since.is_none() {
            return self.begin_to_stream(limit).await;
        }
        let barrier = self.emit().await?;
        let back = self.come_back(&barrier, limit).await;
        back.map_err(|late| stalled(&late.to_string()))
    }

    /// The barrier came back, the slot is confirmed past the last commit, and the tap has read the
    /// source topics to their ends: Debezium confirms a position only after Kafka has acknowledged
    /// every record before it.
    pub(in crate::run) async fn captured(&mut self, limit: Duration) -> Result<(), Wait> {
        self.captured_to(limit).await.map(|_| ())
    }

    /// The same; gives the end of the barrier's commit.
    pub(in crate::run) async fn captured_to(&mut self, limit: Duration) -> Result<Lsn, Wait> {
        let watch = Stopwatch::start();
        let left = || limit.saturating_sub(watch.elapsed());
        self.have_streamed(left()).await?;
        let wanted = self.source.capture.journal.last_work_end().unwrap_or_default();
        let barrier = self.emit().await?;
        let source = &self.source;
        self.come_back(&barrier, left()).await.map_err(|late| stalled(&late.to_string()))?;
        for connector in self.connectors() {
            self.confirmed(&connector, wanted, left()).await?;
        }
        let topics = source.topics.iter().filter(|topic| topic.role.is_captured());
        let topics: Vec<_> = topics.map(|t| (t.physical.clone(), t.partitions)).collect();
        let ends = source.ends.ends(&topics).await.map_err(Stop::from)?;
        let reached = source.capture.tap.reached(&ends, left()).await;
        reached.map_err(|late| stalled(&late.to_string()))?;
        Ok(barrier.end)
    }

    /// Waits until what a connector has written is known to reach this far.
    async fn confirmed(
        &self,
        connector: &quiesce::Connector,
        wanted: Lsn,
        limit: Duration,
    ) -> Result<(), Wait> {
        let source = &self.source;
        let confirmed = wait::until("the slot to confirm the last commit", limit, || async {
            let confirmed = if connector.confirms {
                let slot = source.control.slot(&connector.slot).await.map_err(Stop::from)?;
                slot.and_then(|slot| slot.confirmed).unwrap_or_default()
            } else {
                let offsets = source.connect.offsets(&connector.name).await;
                quiesce::stored(&offsets.map_err(Stop::from)?).unwrap_or_default()
            };
            Ok::<_, Stop>(if confirmed >= wanted {
                Look::Holds(())
            } else {
                Look::NotYet(format!("it is confirmed to {confirmed} of {wanted}"))
            })
        });
        confirmed.await.map_err(|error| match error {
            WaitError::Look(stop) => Wait::Stop(stop),
            WaitError::TimedOut(late) => stalled(&connector.says(late.to_string())),
        })
    }

    pub(in crate::run) async fn processed(
        &mut self,
        entry: usize,
        limit: Duration,
    ) -> Result<(), Wait> {
        self.have_streamed(limit).await?;
        let barrier = self.emit().await?;
        let number = self.so_far.proofs;
        let last_commit_end = self.source.capture.journal.last_work_end();
        let grade = self.grade(entry);
        let question = Question { number, entry, last_commit_end, barrier, limit, grade };
        let connectors = self.connectors();
        self.jobs.have_aborted(&self.aborted);
        let clients = clients(self.run, &self.source, &*self.jobs.engine);
        let held = self.held_topics();
        let pipeline = Pipeline {
            connectors: &connectors,
            topics: &self.source.topics,
            jobs: &self.jobs.jobs,
            held: &held,
        };
        if !held.is_empty() {
            // What is held back is still to come, so nothing is compared.
            let proof = quiesce::prove(&clients, &pipeline, &question).await;
            return proof.map(|_| ()).map_err(Wait::Unproven);
        }
        // What Postgres holds needs no proof about the pipeline, so both go on side by side.
        let evaluated = evaluate(self.run, &mut self.shadow, &self.source, &self.jobs, number);
        let (proof, evaluated) =
            futures::join!(quiesce::prove(&clients, &pipeline, &question), evaluated);
        let (compared, references) = evaluated?;
        let mut proof = proof.map_err(Wait::Unproven)?;
        // In a box: it is large.
        Box::pin(self.read_files(&mut proof)).await?;
        self.run.recorder.flush().map_err(Stop::from)?;
        // Statements may have been started since the last proof.
        let clocks =
            Event::Clocks { clocks: self.source.capture.told.clocks.read_by(&self.jobs.jobs) };
        let events = [clocks, Event::Proof(proof)]
            .into_iter()
            .chain(compared)
            .chain(references.into_iter().map(Event::Reference));
        self.run.recorder.record_all(events).map_err(Stop::from)?;
        self.so_far.proofs += 1;
        self.so_far.is_claimed = grade == Grade::Reported;
        self.run.log("quiescence is proven");
        self.note_given_up()?;
        walsender::note(self.run, &self.source.control).await?;
        let asker = Asker { run: self.run, shadow: &self.shadow, sinks: &self.jobs.sinks };
        asker.ask(number).await.map_err(Wait::Stop)
    }

    /// Records what the connector says that it has given up: nothing else tells.
    pub(in crate::run) fn note_given_up(&self) -> Result<(), Stop> {
        for line in self.run.connector_log.given_up() {
            let sentence = format!("the connector gave up what it was asked for: {line}");
            self.run.trouble(Anomaly::ConnectorFailed, "connector", None, &sentence)?;
        }
        Ok(())
    }

    /// Reads the files that the jobs have committed, and adds their ends to the proof.
    async fn read_files(&mut self, proof: &mut Proof) -> Result<(), Stop> {
        for sink in self.jobs.sinks.iter().filter(|sink| !sink.kept.is_topic()) {
            let room = self.run.room(sink, &sink.topic).await?;
            let table = self.run.effective.statements.tables.get(&sink.name);
            let with = table.and_then(|table| table.create.with.as_ref());
            match self.lake.read(sink, &room, with).await {
                Ok(look) => {
                    self.run.recorder.record_all(look.events)?;
                    proof.ends.insert(sink.topic.clone(), look.ends);
                }
                Err(error) => {
                    let (sink, sentence) = (sink.name.clone(), error.to_string());
                    proof.gaps.push(ProofGap { sink, sentence });
                }
            }
        }
        Ok(())
    }

    /// The connector that the timeline has started is waited for, until it streams.
    async fn have_streamed(&mut self, limit: Duration) -> Result<(), Wait> {
        if self.so_far.streams_since.is_some() { Ok(()) } else { self.begin_to_stream(limit).await }
    }

    async fn begin_to_stream(&mut self, limit: Duration) -> Result<(), Wait> {
        let watch = Stopwatch::start();
        let points = self.consistent_points(limit).await?;
        let barrier = self.emit().await?;
        let left = limit.saturating_sub(watch.elapsed());
        let (barriers, connectors) = (&self.source.capture.told.barriers, self.connectors());
        let back = barriers.back(&connectors, &barrier.content, left).await;
        back.map_err(|late| stalled(&late.to_string()))?;
        for (nth, point) in points {
            let connector = self.run.effective.connectors.all().find(|one| one.nth == nth);
            let name = connector.and_then(|connector| connector.name.as_deref());
            self.shadow.snapshot_at(name, point);
        }
        let event = Event::Streaming { barrier_end: barrier.end };
        self.run.recorder.record(event).map_err(Stop::from)?;
        walsender::note(self.run, &self.source.control).await?;
        self.so_far.streams_since = Some(barrier.end);
        Ok(())
    }

    /// The consistent points of the slots whose connectors the timeline has started, as they were when
    /// the slots first had one.
    async fn consistent_points(&mut self, limit: Duration) -> Result<Vec<(usize, Lsn)>, Wait> {
        if self.so_far.points.is_empty() {
            return Err(Stop::Internal("nobody looks for the slot's point".to_owned()).into());
        }
        let (watch, mut points) = (Stopwatch::start(), Vec::new());
        for (nth, task) in &mut self.so_far.points {
            let left = limit.saturating_sub(watch.elapsed());
            let found = tokio::time::timeout(left, &mut *task).await;
            let found =
                found.map_err(|_| stalled("the connector's slot has no consistent point"))?;
            let point = found.map_err(|error| Stop::Internal(error.to_string()))??;
            *task = tokio::spawn(async move { Ok(point) });
            points.push((*nth, point));
        }
        Ok(points)
    }

    /// Waits for a condition that a look tells.
    pub(in crate::run) async fn state(
        &mut self,
        entry: usize,
        condition: &Condition,
        limit: Duration,
    ) -> Result<(), Wait> {
        if *condition == Condition::Slot {
            let watch = Stopwatch::start();
            if !self.so_far.points.is_empty() {
                self.consistent_points(limit).await?;
            }
            tracing::debug!(elapsed_ms = watch.elapsed_ms(), "the slot has a consistent point");
            return Ok(());
        }
        if matches!(condition, Condition::Stored | Condition::Confirmed) {
            self.have_streamed(limit).await?;
        }
        if *condition == Condition::Confirmed {
            self.refuse_nothing_to_confirm(entry).await?;
        }
        if matches!(condition, Condition::Watermark(_)) {
            self.refuse_no_watermark(entry)?;
        }
        let patience = self.patience(condition, limit);
        let late = match self.until(condition, patience).await? {
            Ok(()) => return Ok(()),
            // It has begun to move: it may go on.
            Err(late) if patience < limit && late.last != NO_WATERMARK => {
                match self.until(condition, limit.saturating_sub(patience)).await? {
                    Ok(()) => return Ok(()),
                    Err(late) => late,
                }
            }
            Err(late) => late,
        };
        let finding = match condition {
            Condition::Confirmed => Anomaly::SlotRetained,
            _ => Anomaly::Stalled,
        };
        let places = match condition {
            Condition::Compacted { place, .. } | Condition::Uncommitted { place: Some(place) } => {
                vec![place.clone()]
            }
            Condition::Uncommitted { place: None } if !self.jobs.jobs.is_empty() => {
                self.jobs.jobs.iter().flat_map(sinks_of).collect()
            }
            Condition::Watermark(_) => self.windowed().flat_map(sinks_of).collect(),
            _ => vec!["connector".to_owned()],
        };
        let detail = match condition {
            Condition::Watermark(_) => self.held_back().await?,
            _ => Vec::new(),
        };
        let trouble = |place| quiesce::Trouble {
            finding,
            place,
            sentence: late.to_string(),
            detail: detail.clone(),
        };
        Err(Wait::Unproven(Unproven::Trouble(places.into_iter().map(trouble).collect())))
    }

    /// How long a condition is waited for that nothing brings about any more: while this entry waits,
    /// nothing is committed, so that a watermark that is none stays so, unless idleness ends it.
    fn patience(&self, condition: &Condition, limit: Duration) -> Duration {
        let mut reads = self.windowed().flat_map(|job| &job.reads);
        let idles = reads.any(|read| read.watermark == quiesce::Clause::Idle);
        match condition {
            Condition::Watermark(_) if !idles => limit.min(NO_WATERMARK_PATIENCE),
            _ => limit,
        }
    }

    /// A watermark that no statement has is waited for in vain.
    fn refuse_no_watermark(&self, entry: usize) -> Result<(), Stop> {
        if self.windowed().next().is_some() {
            return Ok(());
        }
        let Some(entry) = self.run.trial.timeline.get(entry) else { return Ok(()) };
        let message =
            "no statement that runs reads a table with a WATERMARK, so that there is none";
        let mut diagnostic = diagnose::entry(diagnose::FAULT, entry, message);
        diagnostic.help = Some("declare one, or await `processed`".to_owned());
        Err(diagnostic.into())
    }

    /// Partitions without a record, which hold the watermark back.
    async fn held_back(&self) -> Result<Vec<String>, Stop> {
        let reads = self.windowed().flat_map(|job| &job.reads);
        let timed = reads.filter(|read| read.watermark != quiesce::Clause::None);
        let names: BTreeSet<&str> = timed.map(|read| read.topic.as_str()).collect();
        let topics = self.source.topics.iter().filter(|t| names.contains(t.physical.as_str()));
        let topics: Vec<_> = topics.collect();
        let asked: Vec<_> = topics.iter().map(|t| (t.physical.clone(), t.partitions)).collect();
        let ends = self.source.ends.ends(&asked).await?;
        let empty = |topic: &&Topic| {
            let of = ends.iter().filter(|(place, _)| place.0 == topic.physical);
            let empty = of.filter(|(_, ends)| ends.low == ends.high).map(|(place, _)| place.1);
            let empty: Vec<_> = empty.map(|partition| partition.to_string()).collect();
            (!empty.is_empty()).then(|| {
                let (name, partitions) = (&topic.name, empty.join(", "));
                format!("`{name}` has no record in partition {partitions}, which holds it back")
            })
        };
        Ok(topics.iter().copied().filter_map(|topic| empty(&topic)).collect())
    }

    async fn refuse_nothing_to_confirm(&self, entry: usize) -> Result<(), Stop> {
        let new = self.source.driver.commits().get(self.so_far.known..).unwrap_or_default();
        self.source.capture.journal.until_commits(new, JOURNAL_LIMIT).await?;
        let last = self.source.capture.journal.last_work_end();
        if last > self.so_far.streams_since {
            return Ok(());
        }
        let Some(entry) = self.run.trial.timeline.get(entry) else { return Ok(()) };
        let message = "nothing was committed since the connector streams, so this holds at once";
        let mut diagnostic = diagnose::entry(diagnose::FAULT, entry, message);
        diagnostic.help = Some("let a session commit something before it".to_owned());
        Err(diagnostic.into())
    }

    /// Looks at a condition until it holds, or for `limit`.
    pub(in crate::run) async fn until(
        &mut self,
        condition: &Condition,
        limit: Duration,
    ) -> Result<Result<(), TimedOut>, Stop> {
        let live = &*self;
        let name = condition.to_string();
        let seen = wait::until(&name, limit, || live.look(condition));
        match seen.await {
            Ok(()) => Ok(Ok(())),
            Err(WaitError::TimedOut(late)) => Ok(Err(late)),
            Err(WaitError::Look(stop)) => Err(stop),
        }
    }

    async fn look(&self, condition: &Condition) -> Result<Look<()>, Stop> {
        Ok(match condition {
            // Each round of `until` is captured, and the connector streams.
            Condition::Streaming | Condition::Captured | Condition::Processed | Condition::Slot => {
                Look::Holds(())
            }
            Condition::Stored | Condition::Confirmed => {
                for connector in self.connectors() {
                    if let Look::NotYet(instead) = self.kept(condition, &connector).await? {
                        return Ok(Look::NotYet(connector.says(instead)));
                    }
                }
                Look::Holds(())
            }
            Condition::Watermark(time) => {
                let clients = clients(self.run, &self.source, &*self.jobs.engine);
                let jobs: Vec<_> = self.windowed().collect();
                let least = quiesce::watermark(&clients, &jobs).await;
                let least = match least {
                    Ok(least) => least,
                    Err(unproven) => {
                        let places = &self.jobs.places;
                        return Err(self.run.troubles.unproven(unproven, places)?);
                    }
                };
                let shown = || least.map_or(NO_WATERMARK.to_owned(), |at| format!("it is {at}"));
                looked(least.is_some_and(|least| least >= *time), shown)
            }
            Condition::Compacted { place, key } => self.compacted(place, key).await?,
            Condition::Uncommitted { place } => self.uncommitted(place.as_deref()).await?,
            Condition::Expired { after_ms, .. } => {
                let passed = self.since.elapsed_ms();
                looked(passed >= *after_ms, || format!("{passed} ms of {after_ms} have passed"))
            }
        })
    }

    /// Whether Connect, or else the slot, has kept how far a connector is.
    async fn kept(
        &self,
        condition: &Condition,
        connector: &quiesce::Connector,
    ) -> Result<Look<()>, Stop> {
        if *condition == Condition::Stored {
            let offsets = self.source.connect.offsets(&connector.name).await?;
            return Ok(looked(offsets.iter().any(is_streamed), || {
                format!("Connect has stored {offsets:?}")
            }));
        }
        let slot = self.source.control.slot(&connector.slot).await?;
        let confirmed = slot.and_then(|slot| slot.confirmed).unwrap_or_default();
        let wanted = self.source.capture.journal.last_work_end().unwrap_or_default();
        Ok(looked(confirmed >= wanted, || format!("it is confirmed to {confirmed} of {wanted}")))
    }

    /// The jobs that write a windowed sink or read a table with a watermark.
    fn windowed(&self) -> impl Iterator<Item = &quiesce::Job> {
        self.jobs.jobs.iter().filter(|job| {
            let sinks: Vec<_> = sinks_of(job).collect();
            let clause = job.reads.iter().any(|read| read.watermark != quiesce::Clause::None);
            clause || sinks.iter().any(|sink| is_windowed(self.run, sink))
        })
    }

    /// Of a topic that is held, the open transaction is the run's own.
    async fn uncommitted(&self, place: Option<&str>) -> Result<Look<()>, Stop> {
        let held = self.held_topics();
        let topics = match place {
            Some(place) => self.topics_of(place)?,
            None => self.source.topics.clone(),
        };
        let asked = topics.into_iter().filter(|topic| !held.contains(&topic.physical));
        let asked: Vec<_> = asked.map(|topic| (topic.physical, topic.partitions)).collect();
        let ends = self.source.ends.ends(&asked).await?;
        let open = ends.values().any(|bounds| bounds.stable < bounds.high);
        Ok(looked(open, || "every record on the topics is committed".to_owned()))
    }

    async fn compacted(&self, place: &str, key: &str) -> Result<Look<()>, Stop> {
        let Some(topic) = self.source.topic_of(place) else {
            return Err(Stop::Internal(format!("`{place}` has no topic")));
        };
        let topics = std::slice::from_ref(topic);
        let asked = [(topic.physical.clone(), topic.partitions)];
        let ends = self.source.ends.ends(&asked).await?;
        let read = kafka::read_to(self.run.context.reach(), topics, &ends, READ_LIMIT).await?;
        let left = read.iter().filter(|record| key_text(record).as_deref() == Some(key)).count();
        Ok(looked(left == 0, || format!("{left} records of the key are left")))
    }
}

/// How long a topic may take to be read whole.
const READ_LIMIT: Duration = Duration::from_secs(15);

fn looked(holds: bool, instead: impl FnOnce() -> String) -> Look<()> {
    if holds { Look::Holds(()) } else { Look::NotYet(instead()) }
}

fn sinks_of(job: &quiesce::Job) -> impl Iterator<Item = String> + '_ {
    job.sinks.iter().map(|sink| sink.sink.clone())
}

/// A stored offset of Debezium that stands past the snapshot: from it a restart streams on.
fn is_streamed(offset: &Value) -> bool {
    let in_snapshot =
        offset.get("snapshot").is_some_and(|snapshot| *snapshot != Value::Bool(false));
    offset.get("lsn").is_some() && !in_snapshot
}

/// A record's key as a scenario writes it: its values in their order, joined by commas.
fn key_text(record: &Record) -> Option<String> {
    let key = debezium::payload(&record.key.as_ref()?.0).ok()??;
    let key: Value = serde_json::from_str(key.get()).ok()?;
    let values = key.as_object()?.values().map(|value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    Some(values.collect::<Vec<_>>().join(","))
}

fn stalled(sentence: &str) -> Wait {
    let place = "connector".to_owned();
    let (sentence, detail) = (sentence.to_owned(), Vec::new());
    let trouble = quiesce::Trouble { finding: Anomaly::Stalled, place, sentence, detail };
    Wait::Unproven(Unproven::Trouble(vec![trouble]))
}
