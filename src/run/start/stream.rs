//! From the connector's submission until it streams.

use std::collections::BTreeMap;
use std::time::Duration;

use itertools::zip_eq;
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

/// How long the journal may lag behind an acknowledged commit.
pub(in crate::run) const JOURNAL_LIMIT: Duration = Duration::from_secs(10);

/// Since when the connectors stream that the run itself has started.
#[derive(Debug, Clone)]
pub(in crate::run) struct Streams {
    /// The consistent points of their slots, by name where there are several.
    pub(in crate::run) points: Vec<(Option<String>, Lsn)>,
    /// The end LSN of the first barrier, which came back.
    pub(in crate::run) barrier_end: Lsn,
}

/// Starts the source and waits until the connectors stream; `None` where the timeline is the first to
/// start any of them.
pub(in crate::run) async fn stream(
    run: &Run<'_>,
    ready: watch::Sender<Option<Vec<Table>>>,
) -> Result<(Source, Option<Streams>), Stop> {
    let source = source::build(run, ready).await?;
    let now = run.effective.connectors.all();
    let now: Vec<_> = now.filter(|one| !run.trial.starts_connector_later(one.nth)).collect();
    if now.is_empty() {
        return Ok((source, None));
    }
    run.tell(&Stage::Snapshot);
    let engine = run.context.engine()?;
    let connectors: Vec<_> = now.iter().map(|one| one.proven(&run.names)).collect();
    let clients = clients(run, &source, &*engine);
    let pipeline =
        Pipeline { connectors: &connectors, topics: &source.topics, jobs: &[], held: &[] };
    let content = run.names.barrier(0);
    let limit = run.context.limits.streaming;
    let streaming =
        quiesce::streaming(&clients, &pipeline, &source.database, &content, limit).await;
    let streaming = match streaming {
        Ok(streaming) => streaming,
        Err(unproven) => return Err(run.troubles.unproven(unproven, &BTreeMap::new())?),
    };
    let names = now.iter().map(|one| one.name.clone());
    let points: Vec<_> = zip_eq(names, streaming.points).collect();
    for (connector, point) in points.clone() {
        run.recorder.record(Event::Slot { connector, point })?;
    }
    let barrier_end = source.capture.journal.until_barrier(&content, JOURNAL_LIMIT).await?;
    run.recorder.record(Event::Streaming { barrier_end })?;
    walsender::note(run, &source.control).await?;
    run.log("the connector streams");
    Ok((source, Some(Streams { points, barrier_end })))
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
