//! A trial's calls without its evidence: what the pipeline alone costs, to measure the rest by.
//!
//! The same databases, topics, connector, statements, SQL, barriers, checkpoints, metric reads and
//! clean-up as [`super::trial`], but no journal, no shadow database, no storage of what the taps
//! read, no reference and no check. It judges nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::base::grade::Grade;
use crate::base::position::Lsn;
use crate::client::clock::Stopwatch;
use crate::client::kafka::{EndsReader, Tap};
use crate::client::postgres::Connection;
use crate::client::roles::{Connectors, Engine};
use crate::drive::Driver;
use crate::history::event::{Record, Table, Topic};
use crate::quiesce::{
    self, BARRIER_PREFIX, Barrier, Barriers, Clients, ConnectorLog, Disturbances, Pipeline,
    Question, Unproven,
};
use crate::run::context::{RunContext, Silent};
use crate::run::outcome::Stop;
use crate::run::prepare::Run;
use crate::run::prepare::clocks::Watermarks;
use crate::run::prepare::prepare;
use crate::run::start::capture;
use crate::run::start::jobs;
use crate::run::start::source;
use crate::scenario::timeline::{Action, Condition};
use crate::scenario::trial::Trial;

/// How long the last proof may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Makes a trial's calls and removes what they made; gives the milliseconds that took.
///
/// # Errors
/// A sentence: what failed, or a word of the timeline that has no bare form.
pub async fn bare(trial: &Trial, context: &RunContext) -> Result<u64, String> {
    let watch = Stopwatch::start();
    let (run, _) = prepare(trial, context, &Silent, (&trial.secrets(), watch))
        .map_err(|(stop, _)| say(&stop))?;
    let ended = calls(&run).await;
    let left = run.tools.created.remove(run.site(), false).await;
    ended.map_err(|stop| say(&stop))?;
    if let Some(left) = left.into_iter().next() {
        return Err(left);
    }
    run.claim.release().map_err(|error| error.to_string())?;
    Ok(watch.elapsed_ms())
}

fn say(stop: &Stop) -> String {
    stop.sentence().unwrap_or_else(|| "the pipeline is in trouble".to_owned())
}

/// What the source side consists of.
struct Bare {
    control: Connection,
    database: Connection,
    driver: Driver,
    topics: Vec<Topic>,
    tap: Tap,
    barriers: Arc<Barriers>,
    clocks: Arc<Watermarks>,
    ends: EndsReader,
    connect: Arc<dyn Connectors>,
    engine: Arc<dyn Engine>,
    connectors: Vec<quiesce::Connector>,
    disturbances: Disturbances,
    log: ConnectorLog,
}

async fn calls(run: &Run<'_>) -> Result<(), Stop> {
    source::roles(run).await?;
    let (ready, topics) = watch::channel(None);
    let (mut bare, jobs) = futures::try_join!(stream(run, ready), jobs::start(run, topics))?;
    for (index, entry) in run.trial.timeline.iter().enumerate() {
        match &entry.action {
            Action::Session(session) => bare.driver.entry(index, session).await?,
            Action::Await { condition: Condition::Processed, .. } => {
                bare.processed(run, index, &jobs.jobs).await?;
            }
            Action::Await { .. }
            | Action::Fault(_)
            | Action::Arm { .. }
            | Action::Upset(_)
            | Action::Hold { .. }
            | Action::Release { .. }
            | Action::Produce(_)
            | Action::Set(_)
            | Action::Permute { .. } => {
                let sentence = "of all but sessions only `await: processed` has a bare form";
                return Err(Stop::Stack(sentence.to_owned()));
            }
        }
    }
    Ok(())
}

async fn stream(run: &Run<'_>, ready: watch::Sender<Option<Vec<Table>>>) -> Result<Bare, Stop> {
    let ((control, database), _) =
        futures::try_join!(source::databases(run), async { Ok(run.tools.admin.list("").await?) })?;
    let tables = source::define(run, &database).await?;
    let topics = source::topics_of(run, &database, &tables).await?;
    let (barriers, clocks) =
        (Arc::new(Barriers::default()), Arc::new(capture::watermarks(run, &tables, &topics)));
    let reach = run.context.reach();
    let connect = run.context.connectors()?;
    let read = async {
        source::create_topics(run, &topics).await?;
        ready.send_replace(Some(tables.clone()));
        let (barriers, clocks) = (Arc::clone(&barriers), Arc::clone(&clocks));
        let handler = Box::new(move |record: Record| {
            clocks.note(&record);
            barriers.note(&record);
        });
        Ok::<_, Stop>(Tap::start(reach, &topics, handler)?)
    };
    let set_up = async {
        let (name, sessions) = (run.names.database(), source::sessions(run));
        let connecting = Driver::connect(
            (&run.tools.owner, &name),
            run.tools.hand.outage().clone(),
            run.recorder.clone(),
            (&sessions, false),
        );
        capture::publish(run, &database, &tables).await?;
        let mut driver = connecting.await?;
        if !run.trial.setup.is_empty() {
            driver.setup(&run.trial.setup).await?;
        }
        for connector in run.effective.connectors.all() {
            source::submit(run, &*connect, connector).await?;
        }
        Ok(driver)
    };
    let (tap, driver) = futures::try_join!(read, set_up)?;
    let ends = EndsReader::new(reach)?;
    let engine = run.context.engine()?;
    let connectors = run.effective.connectors.proven(&run.names);
    let bare = Bare {
        control,
        database,
        driver,
        topics,
        tap,
        barriers,
        clocks,
        ends,
        connect,
        engine,
        connectors,
        disturbances: Disturbances::default(),
        log: run.connector_log.clone(),
    };
    let limit = run.context.limits.streaming;
    let (clients, pipeline) = (bare.clients(), bare.pipeline(&[]));
    let streaming =
        quiesce::streaming(&clients, &pipeline, &bare.database, &run.names.barrier(0), limit).await;
    streaming.map_err(unproven)?;
    Ok(bare)
}

/// Trouble of the pipeline is none of a measurement's business: it has no figure then.
fn unproven(unproven: Unproven) -> Stop {
    Stop::Stack(unproven.to_string())
}

impl Bare {
    fn clients(&self) -> Clients<'_> {
        Clients {
            postgres: &self.control,
            database: &self.database,
            connect: &*self.connect,
            ends: &self.ends,
            engine: &*self.engine,
            tap: &self.tap,
            barriers: &self.barriers,
            clocks: &*self.clocks,
            asks_once: None,
            disturbances: &self.disturbances,
            log: &self.log,
        }
    }

    fn pipeline<'a>(&'a self, jobs: &'a [quiesce::Job]) -> Pipeline<'a> {
        Pipeline { connectors: &self.connectors, topics: &self.topics, jobs, held: &[] }
    }

    async fn processed(
        &self,
        run: &Run<'_>,
        entry: usize,
        jobs: &[quiesce::Job],
    ) -> Result<(), Stop> {
        let number = u32::try_from(entry).unwrap_or(u32::MAX);
        let (barrier, last) = self.emit(run, number.saturating_add(1)).await?;
        let question = Question {
            number,
            entry,
            last_commit_end: Some(last),
            barrier,
            limit: LIMIT,
            grade: Grade::Checkpoint,
        };
        let proof = quiesce::prove(&self.clients(), &self.pipeline(jobs), &question).await;
        proof.map(drop).map_err(unproven)
    }

    /// Emits a barrier; gives it with a position past the last commit that the slot will be
    /// confirmed to. Without a journal nobody knows where that commit ended, so a message before
    /// the barrier stands in for it.
    async fn emit(&self, run: &Run<'_>, number: u32) -> Result<(Barrier, Lsn), Stop> {
        let content = run.names.barrier(number);
        let last = self.database.emit_message(BARRIER_PREFIX, &run.names.before(&content)).await?;
        quiesce::emit(&self.database, &content).await?;
        Ok((Barrier { content, end: last }, last))
    }
}
