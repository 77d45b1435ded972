//! From the connector's start to the last proof: the entries in order.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Run;
use super::conditions::Wait;
use super::context::Stage;
use super::faults::Armed;
use super::jobs::Jobs;
use super::outcome::Stop;
use super::scoring::Scoring;
use super::source::{self, Source};
use super::walsender;
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::capture::diagnose;
use crate::capture::lake::Lake;
use crate::capture::shadow::Shadow;
use crate::client::clock::Stopwatch;
use crate::client::flink::JobManager;
use crate::history::event::{EntryState, Event, Table};
use crate::quiesce::{self, Clients, Pipeline, Unproven, Watch};
use crate::scenario::settings::Settings;
use crate::scenario::timeline::{Action, Condition, Entry, SessionEntry, Target};

/// How long after a round of `until` its effect may take to show.
const ROUND_PATIENCE: Duration = Duration::from_millis(700);
/// How long the journal may lag behind an acknowledged commit.
pub(super) const JOURNAL_LIMIT: Duration = Duration::from_secs(10);

/// Everything that is up while the timeline runs.
pub(super) struct Live<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) source: Source,
    pub(super) shadow: Shadow,
    pub(super) jobs: Jobs,
    /// The settings that hold now.
    pub(super) settings: Settings,
    pub(super) lake: Lake,
    /// Barriers emitted so far; the first one is that of the start.
    pub(super) barriers: u32,
    pub(super) proofs: u32,
    /// Acknowledged commits that the journal is known to have.
    pub(super) known: usize,
    /// Changes of the schema after which the tables were looked at.
    pub(super) turns: usize,
    /// The end LSN of the barrier that proved that the connector streams; `None` before.
    pub(super) streams_since: Option<Lsn>,
    /// Looks for the slot's consistent point, where the timeline starts the connector.
    pub(super) point: Option<JoinHandle<Result<Lsn, Stop>>>,
    /// Faults that are still to act, or whose target was not started again.
    pub(super) armed: Vec<Armed>,
    /// Since the end of the entry before.
    pub(super) since: Stopwatch,
}

/// Starts the source and waits until the connector streams.
pub(super) async fn stream(
    run: &Run<'_>,
    ready: watch::Sender<Option<Vec<Table>>>,
) -> Result<(Source, Option<(Lsn, Lsn)>), Stop> {
    let source = source::build(run, ready).await?;
    if run.trial.starts_later(Target::Connector) {
        return Ok((source, None));
    }
    run.tell(&Stage::Snapshot);
    let flink = JobManager::new(&run.context.endpoints)?;
    let (connector, slot) = (run.names.connector(), run.names.connector_slot());
    let clients = clients(run, &source, &flink);
    let pipeline = Pipeline {
        connector: &connector,
        slot: &slot,
        topics: &source.topics,
        jobs: &[],
        confirms: true,
    };
    let content = barrier(run, 0);
    let limit = run.context.limits.streaming;
    let streaming =
        quiesce::streaming(&clients, &pipeline, &source.database, &content, limit).await;
    let streaming = match streaming {
        Ok(streaming) => streaming,
        Err(unproven) => return Err(run.troubles.unproven(unproven, &BTreeMap::new())?),
    };
    run.recorder.record(Event::Slot { point: streaming.point })?;
    let barrier_end = source.journal.until_barrier(&content, JOURNAL_LIMIT).await?;
    run.recorder.record(Event::Streaming { barrier_end })?;
    walsender::note(run, &source.control).await?;
    run.log("the connector streams");
    Ok((source, Some((streaming.point, barrier_end))))
}

/// Runs the timeline over everything that was started; `streams` are the slot's consistent point
/// and the end of the first barrier, if the connector streams.
pub(super) async fn run(
    run: &Run<'_>,
    (source, streams): (Source, Option<(Lsn, Lsn)>),
    mut shadow: Shadow,
    jobs: Jobs,
) -> Result<(), Stop> {
    shadow.adopt(&source.tables).await?;
    if let Some((point, _)) = streams {
        shadow.snapshot_at(point);
    }
    let mut live = Live {
        run,
        source,
        shadow,
        jobs,
        settings: run.trial.settings.clone(),
        lake: Lake::default(),
        barriers: 1,
        proofs: 0,
        known: 0,
        turns: 0,
        streams_since: streams.map(|(_, barrier)| barrier),
        point: None,
        armed: Vec::new(),
        since: Stopwatch::start(),
    };
    let count = run.trial.timeline.len();
    for (index, entry) in run.trial.timeline.iter().enumerate() {
        run.tell(&Stage::Entry { number: index + 1, of: count });
        live.entry(index, entry).await?;
        live.since = Stopwatch::start();
    }
    live.refuse_unfired().await?;
    live.shadow.refuse_undefined()?;
    live.source.driver.finish()?;
    live.note_given_up()?;
    // What was read behind the last proof may be a replay as well.
    walsender::note_before_faults(run, &live.source.control).await?;
    run.log("the timeline is over");
    Ok(())
}

/// The content of a barrier, which no other barrier has.
pub(super) fn barrier(run: &Run<'_>, number: u32) -> String {
    format!("{}:{number}", run.names.base)
}

pub(super) fn clients<'a>(
    run: &'a Run<'_>,
    source: &'a Source,
    flink: &'a JobManager,
) -> Clients<'a> {
    Clients {
        postgres: &source.control,
        database: &source.database,
        connect: &source.connect,
        ends: &source.ends,
        flink,
        tap: &source.tap,
        barriers: &source.barriers,
        clocks: &*source.clocks,
        asks_once: run.scoring.as_ref().and_then(Scoring::asks_once),
        disturbances: run.hand.disturbances(),
        log: &run.connector_log,
    }
}

/// Whatever is waited for: what fails meanwhile is told as such.
async fn unless_failed(
    watch: &Watch,
    limit: Duration,
    holds: impl Future<Output = Result<(), Wait>>,
) -> Result<(), Wait> {
    tokio::select! {
        // In a box: it is large.
        held = Box::pin(holds) => held,
        failed = watch.failed(limit) => Err(Wait::Unproven(failed)),
    }
}

impl Live<'_> {
    async fn entry(&mut self, index: usize, entry: &Entry) -> Result<(), Stop> {
        match &entry.action {
            Action::Session(session) => self.session(index, entry, session).await,
            Action::Await { condition, within_ms } => {
                // In a box: it is large.
                Box::pin(self.wait(index, condition, Duration::from_millis(*within_ms))).await
            }
            Action::Fault(fault) => self.fault(index, entry, *fault).await,
            Action::Arm { fault, at } => self.arm(index, *fault, at),
            Action::Set(set) => self.set(index, entry, set).await,
            Action::Permute { .. } => {
                Err(Stop::Internal("a trial has one order, and this one has several".to_owned()))
            }
        }
    }

    async fn session(
        &mut self,
        index: usize,
        entry: &Entry,
        session: &SessionEntry,
    ) -> Result<(), Stop> {
        let Some(until) = &session.until else {
            self.source.driver.entry(index, session).await?;
            self.source.journal.poke();
            return Ok(());
        };
        let limit = Duration::from_millis(session.within_ms);
        let watched = self.watch();
        let rounds = self.rounds((index, entry), session, until);
        match unless_failed(&watched, limit, rounds).await {
            Ok(()) => Ok(()),
            Err(Wait::Stop(stop)) => Err(stop),
            Err(Wait::Unproven(unproven)) => self.unproven(unproven),
        }
    }

    /// Runs an entry again and again, until a condition holds.
    async fn rounds(
        &mut self,
        (index, entry): (usize, &Entry),
        session: &SessionEntry,
        until: &Condition,
    ) -> Result<(), Wait> {
        let watch = Stopwatch::start();
        let limit = Duration::from_millis(session.within_ms);
        let left = || limit.saturating_sub(watch.elapsed());
        for round in 1_u32.. {
            let driven = self.source.driver.round(index, session, round).await;
            driven.map_err(Stop::from)?;
            self.source.journal.poke();
            self.captured(left()).await?;
            // What the records have brought about shows a little later.
            let patience = ROUND_PATIENCE.min(left());
            match self.until(until, patience).await? {
                Ok(()) => break,
                Err(late) if left().is_zero() => {
                    let message =
                        format!("{round} rounds did not bring about `{until}`: {}", late.last);
                    let mut diagnostic = diagnose::entry(diagnose::FAULT, entry, message);
                    diagnostic.help =
                        Some("does a round move it? if so, give it more time with `within`".into());
                    return Err(Stop::from(diagnostic).into());
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    async fn wait(
        &mut self,
        entry: usize,
        condition: &Condition,
        limit: Duration,
    ) -> Result<(), Stop> {
        let note = |state| self.run.recorder.record(Event::Entry { entry: Some(entry), state });
        note(EntryState::Started)?;
        let watch = self.watch();
        let holds = async {
            match condition {
                Condition::Streaming => self.streaming(limit).await,
                Condition::Captured => self.captured(limit).await,
                Condition::Processed => self.processed(entry, limit).await,
                other => self.state(entry, other, limit).await,
            }
        };
        let held = if *condition == Condition::Processed {
            // A proof looks for itself.
            Box::pin(holds).await
        } else {
            unless_failed(&watch, limit, holds).await
        };
        match held {
            Ok(()) => {
                let state = EntryState::Held { condition: condition.clone() };
                Ok(self.run.recorder.record(Event::Entry { entry: Some(entry), state })?)
            }
            Err(Wait::Stop(stop)) => Err(stop),
            Err(Wait::Unproven(unproven)) => self.unproven(unproven),
        }
    }

    /// Everything that may fail while something is waited for.
    pub(super) fn watch(&self) -> Watch {
        Watch {
            connect: self.source.connect.clone(),
            connector: self.run.names.connector(),
            flink: self.jobs.flink.clone(),
            jobs: self.jobs.jobs.clone(),
            disturbances: self.run.hand.disturbances().clone(),
            log: self.run.connector_log.clone(),
        }
    }

    /// A condition that did not come to hold ends the run, unless it is the expected stall.
    pub(super) fn unproven(&self, unproven: Unproven) -> Result<(), Stop> {
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
