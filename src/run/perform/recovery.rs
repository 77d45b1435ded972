//! The timeline's faults, and what has to be opened anew when their target is started again.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::base::anomaly::Anomaly;
use crate::capture::diagnose;
use crate::client::postgres::{self, CONTROL_DATABASE, PostgresError};
use crate::client::wait::{self, Look, WaitError};
use crate::history::event::{EntryState, Event};
use crate::quiesce::Unproven;
use crate::run::injector::LIMIT;
use crate::run::outcome::Stop;
use crate::run::perform::armed::{Armed, more_checkpoints, more_records};
use crate::run::perform::live::Live;
use crate::run::prepare::connector::Connector;
use crate::run::start::jobs;
use crate::run::start::source;
use crate::run::start::walsender;
use crate::scenario::timeline::{Entry, Fault, Target, Trigger, Verb};

impl Live<'_> {
    /// Does something to a target at once.
    pub(in crate::run) async fn fault(
        &mut self,
        index: usize,
        entry: &Entry,
        fault: Fault,
    ) -> Result<(), Stop> {
        let note = |state| Event::Entry { entry: Some(index), state };
        self.run.recorder.record(note(EntryState::Started))?;
        if fault.verb.disturbs() {
            // What the connector did by itself before is none of the fault's doing.
            walsender::note_before_faults(self.run, &self.source.control).await?;
        } else {
            self.until_acted(fault.target).await?;
        }
        match (fault.verb, fault.target) {
            (Verb::Start, Target::Connector) if self.so_far.streams_since.is_none() => {
                self.start_connectors(index, fault).await?;
            }
            (Verb::Start, Target::Statements) => self.start_statements(index, fault).await?,
            _ => self.run.tools.hand.act(index, fault).await?,
        }
        match (fault.verb, fault.target) {
            (Verb::Start, Target::Postgres) => self.reconnect().await?,
            // Nobody keeps the jobs of this JobManager, so they go on as a service would let them:
            // from their last checkpoints.
            (Verb::Start, Target::Jobmanager) => jobs::again(self.run, &mut self.jobs).await?,
            _ => {}
        }
        if fault.target.restarts_statements() {
            self.jobs.jobs.iter_mut().for_each(|job| job.restored = true);
        }
        self.run.log(&format!("entry {}: {fault}", entry.place.line));
        Ok(self.run.recorder.record(note(EntryState::Finished))?)
    }

    /// Arms a fault.
    pub(in crate::run) fn arm(
        &mut self,
        index: usize,
        fault: Fault,
        at: &Trigger,
    ) -> Result<(), Stop> {
        let (tell, seen) = watch::channel("nothing came".to_owned());
        let hand = self.run.tools.hand.clone();
        let armed = match at {
            Trigger::Records { place, count } => {
                let (Some(topic), Some(counts)) =
                    (self.source.topic_of(place), &self.source.capture.told.counts)
                else {
                    return Err(Stop::Internal(format!("nothing counts the records of {place}")));
                };
                let counts = counts.subscribe();
                let ready = more_records(counts, topic.name.clone(), u64::from(*count), tell);
                Armed::new(hand, (index, fault), ready, seen)
            }
            Trigger::Checkpoint(count) => {
                let Some(flink) = self.jobs.engine.job_manager().cloned() else {
                    let sentence = "nothing counts the checkpoints on this stack".to_owned();
                    return Err(Stop::Stack(sentence));
                };
                let jobs = self.jobs.jobs.iter().map(|job| job.id.clone()).collect();
                let ready = more_checkpoints(flink, jobs, u64::from(*count), tell);
                Armed::new(hand, (index, fault), ready, seen)
            }
        };
        self.armed.push(armed);
        Ok(())
    }

    /// Waits for the armed fault of a target.
    async fn until_acted(&mut self, target: Target) -> Result<(), Stop> {
        let Some(place) = self.armed.iter().position(|armed| armed.fault.target == target) else {
            return Ok(());
        };
        let mut armed = self.armed.remove(place);
        let watch = self.watch();
        let acted = tokio::select! {
            acted = armed.acted(ARMED_LIMIT) => acted,
            failed = watch.failed(ARMED_LIMIT) => return Err(self.stopped(failed)?),
        };
        match acted {
            Ok(acted) => acted,
            Err(seen) => Err(self.unfired(&armed, &seen)),
        }
    }

    /// A fault that did not act has tried nothing.
    pub(in crate::run) async fn refuse_unfired(&mut self) -> Result<(), Stop> {
        for mut armed in std::mem::take(&mut self.armed) {
            match armed.acted(std::time::Duration::ZERO).await {
                Ok(acted) => acted?,
                Err(seen) => return Err(self.unfired(&armed, &seen)),
            }
        }
        Ok(())
    }

    /// Records the trouble that ends the run.
    fn stopped(&self, unproven: Unproven) -> Result<Stop, Stop> {
        self.run.troubles.unproven(unproven, &self.jobs.places)
    }

    fn unfired(&self, armed: &Armed, seen: &str) -> Stop {
        let Some(entry) = self.run.trial.timeline.get(armed.entry) else {
            return Stop::Internal("an armed fault has no entry".to_owned());
        };
        let message = format!("the armed `{}` never acted: {seen}", armed.fault);
        let mut diagnostic = diagnose::entry(diagnose::FAULT, entry, message);
        diagnostic.help = Some(
            "let the entries between it and the next `start` bring about more, or ask for less"
                .to_owned(),
        );
        diagnostic.into()
    }

    /// Every session of ours that was lost is opened anew.
    async fn reconnect(&mut self) -> Result<(), Stop> {
        let reach = self.run.context.reach();
        let names = &self.run.names;
        self.source.control = postgres::connect(reach, CONTROL_DATABASE, "changeproof").await?;
        let owner = &self.run.tools.owner;
        self.source.database = postgres::connect(owner, &names.database(), "changeproof").await?;
        self.source.driver.reconnect().await?;
        let mirror = self.run.context.mirror().as_role(names.owner());
        let shadow = postgres::connect(&mirror, &names.shadow(), "changeproof shadow").await?;
        self.shadow.reconnect(shadow).await?;
        self.source.capture.journal.poke();
        Ok(())
    }

    /// Submits the connectors that were not submitted yet; whoever needs them to stream waits for that.
    /// Others that are meant were stopped before, and go on.
    async fn start_connectors(&mut self, index: usize, fault: Fault) -> Result<(), Stop> {
        let run = self.run;
        let meant = run.effective.connectors.all();
        let meant = meant.filter(|one| fault.is_of(Target::Connector, one.nth));
        let (new, known): (Vec<_>, Vec<_>) = meant.partition(|one| {
            run.trial.starts_connector_later(one.nth) && !self.so_far.points.contains_key(&one.nth)
        });
        for connector in known {
            let named = connector.name.is_some().then_some(connector.nth);
            let fault = Fault { connector: named, ..fault };
            run.tools.hand.act(index, fault).await?;
        }
        if !new.is_empty() {
            let done_ms = None;
            run.recorder.record(Event::Fault { entry: index, fault, done_ms })?;
        }
        for connector in new {
            self.start_connector(connector).await?;
        }
        Ok(())
    }

    /// Submits a connector for the first time.
    async fn start_connector(&mut self, connector: &Connector) -> Result<(), Stop> {
        source::submit(self.run, &*self.source.connect, connector).await?;
        let control =
            postgres::connect(self.run.context.reach(), CONTROL_DATABASE, "changeproof").await?;
        let (slot, recorder) =
            (self.run.names.connector_slot(connector.nth), self.run.recorder.clone());
        let (troubles, name) = (self.run.troubles.clone(), connector.name.clone());
        // Looked for from now on, since it moves once it is there.
        self.so_far.points.insert(
            connector.nth,
            tokio::spawn(async move {
                let seen =
                    wait::until("the connector's slot to have a consistent point", LIMIT, || {
                        let look = control.slot(&slot);
                        async {
                            let confirmed = look.await?.and_then(|slot| slot.confirmed);
                            Ok::<_, PostgresError>(confirmed.map_or_else(
                                || Look::NotYet("it has none".to_owned()),
                                Look::Holds,
                            ))
                        }
                    });
                let point = seen.await.map_err(|error| match error {
                    WaitError::Look(error) => Stop::from(error),
                    WaitError::TimedOut(late) => {
                        let (late, nowhere) = (late.to_string(), BTreeMap::new());
                        let late = Unproven::at_connector(Anomaly::Stalled, late, Vec::new());
                        troubles.unproven(late, &nowhere).unwrap_or_else(|stop| stop)
                    }
                })?;
                recorder.record(Event::Slot { connector: name, point })?;
                Ok(point)
            }),
        );
        Ok(())
    }

    async fn start_statements(&mut self, index: usize, fault: Fault) -> Result<(), Stop> {
        let event = |done_ms| Event::Fault { entry: index, fault, done_ms };
        self.run.recorder.record(event(None))?;
        if self.jobs.jobs.is_empty() {
            return jobs::submit(self.run, &mut self.jobs, std::future::ready(())).await;
        }
        jobs::again(self.run, &mut self.jobs).await
    }
}

/// How long a `start` waits for the armed fault of its target.
const ARMED_LIMIT: std::time::Duration = std::time::Duration::from_secs(30);
