//! The entries of the timeline in order, to the last proof.

use std::time::Duration;

use super::live::{Live, SoFar, Wait};
use crate::capture::diagnose;
use crate::capture::lake::Lake;
use crate::client::clock::Stopwatch;
use crate::history::event::{EntryState, Event};
use crate::quiesce::Watch;
use crate::run::context::Stage;
use crate::run::outcome::Stop;
use crate::run::prepare::Run;
use crate::run::start::{Started, walsender};
use crate::scenario::timeline::{Action, Condition, Entry, SessionEntry, Target};

/// How long after a round of `until` its effect may take to show.
const ROUND_PATIENCE: Duration = Duration::from_millis(700);

/// Runs the timeline over everything that was started.
pub(in crate::run) async fn perform(run: &Run<'_>, started: Started) -> Result<(), Stop> {
    let Started { source, mut shadow, jobs, streams } = started;
    shadow.adopt(&source.tables).await?;
    for (connector, point) in streams.iter().flat_map(|streams| &streams.points) {
        shadow.snapshot_at(connector.as_deref(), *point);
    }
    // The timeline may be the first to start another one.
    let all = !run.trial.starts_later(Target::Connector);
    let streams_since = streams.filter(|_| all).map(|streams| streams.barrier_end);
    let mut live = Live {
        run,
        source,
        shadow,
        jobs,
        settings: run.trial.settings.clone(),
        lake: Lake::default(),
        so_far: SoFar::new(streams_since),
        armed: Vec::new(),
        held: Vec::new(),
        aborted: Vec::new(),
        since: Stopwatch::start(),
    };
    let count = run.trial.timeline.len();
    for (index, entry) in run.trial.timeline.iter().enumerate() {
        run.tell(&Stage::Entry { number: index + 1, of: count });
        live.entry(index, entry).await?;
        live.since = Stopwatch::start();
    }
    live.refuse_unfired().await?;
    // In a box: it is large.
    Box::pin(live.flush()).await?;
    run.refuse_unmet_manners(run.trial.timeline.last()).await?;
    live.shadow.refuse_undefined()?;
    live.source.driver.finish()?;
    live.note_given_up()?;
    // What was read behind the last proof may be a replay as well.
    walsender::note_before_faults(run, &live.source.control).await?;
    run.log("the timeline is over");
    Ok(())
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
        // In a box: it is large.
        Box::pin(self.go_on(index)).await?;
        match &entry.action {
            Action::Session(session) => self.session(index, entry, session).await,
            Action::Await { condition, within_ms } => {
                // In a box: it is large.
                Box::pin(self.wait(index, condition, Duration::from_millis(*within_ms))).await
            }
            Action::Fault(fault) => self.fault(index, entry, *fault).await,
            Action::Arm { fault, at } => self.arm(index, *fault, at),
            Action::Upset(upset) => self.upset(index, entry, *upset).await,
            Action::Hold { place } => self.hold(index, place).await,
            Action::Release { place } => self.release((index, entry), place).await,
            Action::Produce(produce) => Box::pin(self.produce((index, entry), produce)).await,
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
            self.source.capture.journal.poke();
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
            self.source.capture.journal.poke();
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
}
