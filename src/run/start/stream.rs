//! From the connector's submission until it streams.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;

use super::source::{self, Source};
use super::walsender;
use crate::base::position::Lsn;
use crate::client::roles::Engine;
use crate::history::event::{Event, Table};
use crate::quiesce::{self, Clients, Pipeline};
use crate::run::context::Stage;
use crate::run::outcome::Stop;
use crate::run::prepare::Run;
use crate::run::prepare::scoring::Scoring;
use crate::scenario::timeline::Target;

/// How long the journal may lag behind an acknowledged commit.
pub(in crate::run) const JOURNAL_LIMIT: Duration = Duration::from_secs(10);

/// Since when the connector streams.
#[derive(Debug, Clone, Copy)]
pub(in crate::run) struct Streams {
    /// The slot's consistent point.
    pub(in crate::run) point: Lsn,
    /// The end LSN of the first barrier, which came back.
    pub(in crate::run) barrier_end: Lsn,
}

/// Starts the source and waits until the connector streams.
pub(in crate::run) async fn stream(
    run: &Run<'_>,
    ready: watch::Sender<Option<Vec<Table>>>,
) -> Result<(Source, Option<Streams>), Stop> {
    let source = source::build(run, ready).await?;
    if run.trial.starts_later(Target::Connector) {
        return Ok((source, None));
    }
    run.tell(&Stage::Snapshot);
    let engine = run.context.engine()?;
    let (connector, slot) = (run.names.connector(), run.names.connector_slot());
    let clients = clients(run, &source, &*engine);
    let pipeline = Pipeline {
        connector: &connector,
        slot: &slot,
        topics: &source.topics,
        jobs: &[],
        confirms: true,
        held: &[],
    };
    let content = run.names.barrier(0);
    let limit = run.context.limits.streaming;
    let streaming =
        quiesce::streaming(&clients, &pipeline, &source.database, &content, limit).await;
    let streaming = match streaming {
        Ok(streaming) => streaming,
        Err(unproven) => return Err(run.troubles.unproven(unproven, &BTreeMap::new())?),
    };
    run.recorder.record(Event::Slot { point: streaming.point })?;
    let barrier_end = source.capture.journal.until_barrier(&content, JOURNAL_LIMIT).await?;
    run.recorder.record(Event::Streaming { barrier_end })?;
    walsender::note(run, &source.control).await?;
    run.log("the connector streams");
    Ok((source, Some(Streams { point: streaming.point, barrier_end })))
}

/// The clients that a proof asks.
pub(in crate::run) fn clients<'a>(
    run: &'a Run<'_>,
    source: &'a Source,
    engine: &'a dyn Engine,
) -> Clients<'a> {
    Clients {
        postgres: &source.control,
        database: &source.database,
        connect: &*source.connect,
        ends: &source.ends,
        engine,
        tap: &source.capture.tap,
        barriers: &source.capture.told.barriers,
        clocks: &*source.capture.told.clocks,
        asks_once: run.tools.scoring.as_ref().and_then(Scoring::asks_once),
        disturbances: run.tools.hand.disturbances(),
        log: &run.connector_log,
    }
}
