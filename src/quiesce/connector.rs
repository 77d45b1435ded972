//! The connector's part: it streams, it has confirmed, it has not failed.

use std::time::Duration;

use super::log::ConnectorLog;
use super::{Clients, Pipeline, Unproven, barrier};
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::client::clock::Stopwatch;
use crate::client::postgres::Connection;
use crate::client::roles::Connectors;
use crate::client::wait::{self, Look, TimedOut, WaitError};

/// The connector streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streaming {
    /// The slot's `confirmed_flush_lsn` when it was first seen to have one: the snapshot shows
    /// exactly the commits before.
    pub point: Lsn,
    /// The content of the barrier that came back.
    pub barrier: String,
}

/// Waits until the slot has a consistent point, emits a barrier through `database`, and waits until
/// it came back: from then on every commit is streamed and none is part of the snapshot.
///
/// "The slot is active" would not be enough: it is active before the snapshot has begun.
pub async fn streaming(
    clients: &Clients<'_>,
    pipeline: &Pipeline<'_>,
    database: &Connection,
    barrier: &str,
    limit: Duration,
) -> Result<Streaming, Unproven> {
    let streams = async {
        let watch = Stopwatch::start();
        let point = consistent_point(clients, pipeline, limit).await?;
        barrier::emit(database, barrier).await.map_err(|error| Unproven::broken(&error))?;
        let left = limit.saturating_sub(watch.elapsed());
        back(clients, pipeline, barrier, left).await?;
        Ok(Streaming { point, barrier: barrier.to_owned() })
    };
    tokio::select! {
        streaming = streams => streaming,
        failed = failed((clients.connect, clients.log), pipeline.connector, limit) => Err(failed),
    }
}

async fn consistent_point(
    clients: &Clients<'_>,
    pipeline: &Pipeline<'_>,
    limit: Duration,
) -> Result<Lsn, Unproven> {
    let seen = wait::until("the connector's slot to have a consistent point", limit, || async {
        let slot = clients.postgres.slot(pipeline.slot).await;
        Ok(match slot.map_err(|error| Unproven::broken(&error))? {
            Some(slot) => slot.confirmed.map_or_else(
                || Look::NotYet("the slot is there, but has none".to_owned()),
                Look::Holds,
            ),
            None => Look::NotYet("there is no such slot".to_owned()),
        })
    });
    or_stalled(clients, pipeline, seen.await).await
}

/// Waits until the barrier was read from its topic.
pub(super) async fn back(
    clients: &Clients<'_>,
    pipeline: &Pipeline<'_>,
    content: &str,
    limit: Duration,
) -> Result<(), Unproven> {
    let back = clients.barriers.back_again(clients.database, content, limit).await;
    or_stalled(clients, pipeline, back.map(|_| ()).map_err(WaitError::TimedOut)).await
}

/// Waits until the slot is confirmed to `wanted` or past it; gives what it is confirmed to. Where the
/// connector confirms nothing, the offset that Connect has stored stands for it: it is that of the
/// last record before which Kafka has acknowledged all.
pub(super) async fn confirmed(
    clients: &Clients<'_>,
    pipeline: &Pipeline<'_>,
    wanted: Lsn,
    limit: Duration,
) -> Result<Lsn, Unproven> {
    let condition = format!("the connector's slot to be confirmed to {wanted}");
    let seen = wait::until(&condition, limit, || async {
        let confirmed = position(clients, pipeline).await?;
        Ok(if confirmed >= wanted {
            Look::Holds(confirmed)
        } else {
            Look::NotYet(format!("it is confirmed to {confirmed}"))
        })
    });
    let seen = seen.await;
    tracing::debug!(%wanted, "the slot is confirmed");
    or_stalled(clients, pipeline, seen).await
}

/// How far the connector is known to have come.
pub(super) async fn position(
    clients: &Clients<'_>,
    pipeline: &Pipeline<'_>,
) -> Result<Lsn, Unproven> {
    let slot = slot_position(clients, pipeline).await?;
    if pipeline.confirms {
        return Ok(slot);
    }
    let offsets = clients.connect.offsets(pipeline.connector).await;
    let offsets = offsets.map_err(|error| Unproven::broken(&error))?;
    Ok(stored(&offsets).unwrap_or_default())
}

/// The greatest position of the offsets that Connect has stored.
pub fn stored(offsets: &[serde_json::Value]) -> Option<Lsn> {
    offsets.iter().filter_map(|offset| offset.get("lsn")?.as_u64()).max().map(Lsn)
}

/// What the slot is confirmed to. A slot that is gone takes all evidence with it.
async fn slot_position(clients: &Clients<'_>, pipeline: &Pipeline<'_>) -> Result<Lsn, Unproven> {
    let slot = clients.postgres.slot(pipeline.slot).await;
    let confirmed = slot.map_err(|error| Unproven::broken(&error))?.and_then(|slot| slot.confirmed);
    confirmed.ok_or_else(|| {
        let sentence = "the connector's slot is gone, and with it what was confirmed".to_owned();
        Unproven::at_connector(Anomaly::ConnectorFailed, sentence, Vec::new())
    })
}

async fn or_stalled<T>(
    clients: &Clients<'_>,
    pipeline: &Pipeline<'_>,
    waited: Result<T, WaitError<Unproven>>,
) -> Result<T, Unproven> {
    match waited {
        Ok(value) => Ok(value),
        Err(WaitError::Look(unproven)) => Err(unproven),
        Err(WaitError::TimedOut(late)) => Err(stalled(clients, pipeline, &late).await),
    }
}

/// The time-out, with the connector's state and slot beside it.
async fn stalled(clients: &Clients<'_>, pipeline: &Pipeline<'_>, late: &TimedOut) -> Unproven {
    let mut detail = Vec::new();
    match clients.connect.status(pipeline.connector).await {
        Ok(Some(status)) => {
            detail.push(format!("the connector is {:?}", status.connector.state));
            let tasks = status.tasks.iter().enumerate();
            detail.extend(tasks.map(|(n, task)| format!("task {n} is {:?}", task.state)));
        }
        Ok(None) => detail.push("Connect knows no such connector".to_owned()),
        Err(error) => detail.push(error.to_string()),
    }
    match clients.postgres.slot(pipeline.slot).await {
        Ok(Some(slot)) => detail.push(format!(
            "slot {} is {}, confirmed to {}",
            pipeline.slot,
            if slot.active_pid.is_some() { "active" } else { "not active" },
            slot.confirmed.map_or_else(|| "nothing".to_owned(), |lsn| lsn.to_string()),
        )),
        Ok(None) => detail.push(format!("there is no slot {}", pipeline.slot)),
        Err(error) => detail.push(error.to_string()),
    }
    Unproven::at_connector(Anomaly::Stalled, late.to_string(), detail)
}

/// Ends only when the connector or one of its tasks has failed, or waits for what cannot come.
pub(super) async fn failed(
    (connect, log): (&dyn Connectors, &ConnectorLog),
    connector: &str,
    limit: Duration,
) -> Unproven {
    let mut looks = 0_u32;
    // It must not end before what it runs beside, which has the same limit.
    let limit = limit.saturating_add(Duration::from_mins(1));
    let failed = wait::until("the connector to fail", limit, || {
        looks += 1;
        let now = looks.is_multiple_of(8);
        async move {
            let found = if now { look(connect, log, connector).await } else { None };
            Ok::<_, Unproven>(
                found.map_or_else(|| Look::NotYet("it works".to_owned()), Look::Holds),
            )
        }
    });
    match failed.await {
        Ok(unproven) | Err(WaitError::Look(unproven)) => unproven,
        Err(WaitError::TimedOut(late)) => Unproven::broken(&late),
    }
}

async fn look(connect: &dyn Connectors, log: &ConnectorLog, connector: &str) -> Option<Unproven> {
    // A worker that does not answer now may answer again; time-outs tell the rest.
    let status = connect.status(connector).await.ok().flatten();
    if let Some(cause) = status.and_then(|status| status.failure()) {
        let (sentence, detail) = (cause.sentence, cause.detail);
        return Some(Unproven::at_connector(Anomaly::ConnectorFailed, sentence, detail));
    }
    if let Some((cause, count)) = log.fails_again() {
        let mut detail = cause.detail;
        detail.push(format!("it was started again and failed of this {count} times"));
        return Some(Unproven::at_connector(Anomaly::ConnectorFailed, cause.sentence, detail));
    }
    let topic = log.waits_for_topic()?;
    let sentence = format!(
        "the connector writes to the topic `{topic}`, which is not there: its producer waits for it, \
         and everything else waits behind it"
    );
    Some(Unproven::at_connector(Anomaly::Stalled, sentence, Vec::new()))
}
