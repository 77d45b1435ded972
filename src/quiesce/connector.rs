//! The connectors' part: they stream, they have confirmed, they have not failed.

use std::time::Duration;

use futures::future::try_join_all;

use super::log::ConnectorLog;
use super::{Clients, Connector, Pipeline, Unproven, barrier};
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::client::clock::Stopwatch;
use crate::client::postgres::Connection;
use crate::client::roles::Connectors;
use crate::client::wait::{self, Look, TimedOut, WaitError};

/// The connectors stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streaming {
    /// The `confirmed_flush_lsn` of each slot when it was first seen to have one: the snapshot shows
    /// exactly the commits before.
    pub points: Vec<Lsn>,
    /// The content of the barrier that came back.
    pub barrier: String,
}

/// Waits until every slot has a consistent point, emits a barrier through `database`, and waits until
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
        let all = pipeline.connectors.iter();
        let points = all.map(|connector| consistent_point(clients, connector, limit));
        let points = try_join_all(points).await?;
        barrier::emit(database, barrier).await.map_err(|error| Unproven::broken(&error))?;
        let left = limit.saturating_sub(watch.elapsed());
        back(clients, pipeline, barrier, left).await?;
        Ok(Streaming { points, barrier: barrier.to_owned() })
    };
    tokio::select! {
        streaming = streams => streaming,
        failed = failed((clients.connect, clients.log), pipeline.connectors, limit) => Err(failed),
    }
}

async fn consistent_point(
    clients: &Clients<'_>,
    connector: &Connector,
    limit: Duration,
) -> Result<Lsn, Unproven> {
    let seen = wait::until("the connector's slot to have a consistent point", limit, || async {
        let slot = clients.postgres.slot(&connector.slot).await;
        Ok(match slot.map_err(|error| Unproven::broken(&error))? {
            Some(slot) => slot.confirmed.map_or_else(
                || Look::NotYet("the slot is there, but has none".to_owned()),
                Look::Holds,
            ),
            None => Look::NotYet("there is no such slot".to_owned()),
        })
    });
    or_stalled(clients, std::slice::from_ref(connector), seen.await).await
}

/// Waits until the barrier was read from its topic, that of each connector.
pub(super) async fn back(
    clients: &Clients<'_>,
    pipeline: &Pipeline<'_>,
    content: &str,
    limit: Duration,
) -> Result<(), Unproven> {
    let through = (clients.database, pipeline.connectors);
    let back = clients.barriers.back_again(through, content, limit).await;
    or_stalled(clients, pipeline.connectors, back.map(|_| ()).map_err(WaitError::TimedOut)).await
}

/// Waits until every slot is confirmed to `wanted` or past it; gives what each is confirmed to. Where a
/// connector confirms nothing, the offset that Connect has stored stands for it: it is that of the
/// last record before which Kafka has acknowledged all.
pub(super) async fn confirmed(
    clients: &Clients<'_>,
    pipeline: &Pipeline<'_>,
    wanted: Lsn,
    limit: Duration,
) -> Result<Vec<Lsn>, Unproven> {
    let all = pipeline.connectors.iter();
    try_join_all(all.map(|connector| confirmed_by(clients, connector, wanted, limit))).await
}

async fn confirmed_by(
    clients: &Clients<'_>,
    connector: &Connector,
    wanted: Lsn,
    limit: Duration,
) -> Result<Lsn, Unproven> {
    let condition = format!("the connector's slot to be confirmed to {wanted}");
    let seen = wait::until(&condition, limit, || async {
        let confirmed = position(clients, connector).await?;
        Ok(if confirmed >= wanted {
            Look::Holds(confirmed)
        } else {
            Look::NotYet(format!("it is confirmed to {confirmed}"))
        })
    });
    let seen = seen.await;
    tracing::debug!(%wanted, slot = connector.slot, "the slot is confirmed");
    or_stalled(clients, std::slice::from_ref(connector), seen).await
}

/// How far each connector is known to have come.
pub(super) async fn positions(
    clients: &Clients<'_>,
    pipeline: &Pipeline<'_>,
) -> Result<Vec<Lsn>, Unproven> {
    let all = pipeline.connectors.iter();
    try_join_all(all.map(|connector| position(clients, connector))).await
}

/// How far a connector is known to have come.
///
/// # Errors
/// If Postgres or Connect does not answer, or the slot is gone.
pub async fn position(clients: &Clients<'_>, connector: &Connector) -> Result<Lsn, Unproven> {
    let slot = slot_position(clients, connector).await?;
    if connector.confirms {
        return Ok(slot);
    }
    let offsets = clients.connect.offsets(&connector.name).await;
    let offsets = offsets.map_err(|error| Unproven::broken(&error))?;
    Ok(stored(&offsets).unwrap_or_default())
}

/// The greatest position of the offsets that Connect has stored.
pub fn stored(offsets: &[serde_json::Value]) -> Option<Lsn> {
    offsets.iter().filter_map(|offset| offset.get("lsn")?.as_u64()).max().map(Lsn)
}

/// What the slot is confirmed to. A slot that is gone takes all evidence with it.
async fn slot_position(clients: &Clients<'_>, connector: &Connector) -> Result<Lsn, Unproven> {
    let slot = clients.postgres.slot(&connector.slot).await;
    let confirmed = slot.map_err(|error| Unproven::broken(&error))?.and_then(|slot| slot.confirmed);
    confirmed.ok_or_else(|| {
        let subject = connector.subject();
        let sentence = format!("{subject}'s slot is gone, and with it what was confirmed");
        Unproven::at_connector(Anomaly::ConnectorFailed, sentence, Vec::new())
    })
}

async fn or_stalled<T>(
    clients: &Clients<'_>,
    connectors: &[Connector],
    waited: Result<T, WaitError<Unproven>>,
) -> Result<T, Unproven> {
    match waited {
        Ok(value) => Ok(value),
        Err(WaitError::Look(unproven)) => Err(unproven),
        Err(WaitError::TimedOut(late)) => Err(stalled(clients, connectors, &late).await),
    }
}

/// The time-out, with the connectors' states and slots beside it.
async fn stalled(clients: &Clients<'_>, connectors: &[Connector], late: &TimedOut) -> Unproven {
    let mut detail = Vec::new();
    for connector in connectors {
        described(clients, connector, &mut detail).await;
    }
    let sentence = match connectors {
        [one] => one.says(late.to_string()),
        _ => late.to_string(),
    };
    Unproven::at_connector(Anomaly::Stalled, sentence, detail)
}

/// What a connector and its slot do.
async fn described(clients: &Clients<'_>, connector: &Connector, detail: &mut Vec<String>) {
    match clients.connect.status(&connector.name).await {
        Ok(Some(status)) => {
            detail.push(format!("{} is {:?}", connector.subject(), status.connector.state));
            let tasks = status.tasks.iter().enumerate();
            detail.extend(tasks.map(|(n, task)| format!("task {n} is {:?}", task.state)));
        }
        Ok(None) => detail.push("Connect knows no such connector".to_owned()),
        Err(error) => detail.push(error.to_string()),
    }
    match clients.postgres.slot(&connector.slot).await {
        Ok(Some(slot)) => detail.push(format!(
            "slot {} is {}, confirmed to {}",
            connector.slot,
            if slot.active_pid.is_some() { "active" } else { "not active" },
            slot.confirmed.map_or_else(|| "nothing".to_owned(), |lsn| lsn.to_string()),
        )),
        Ok(None) => detail.push(format!("there is no slot {}", connector.slot)),
        Err(error) => detail.push(error.to_string()),
    }
}

/// Ends only when a connector or one of its tasks has failed, or waits for what cannot come.
pub(super) async fn failed(
    (connect, log): (&dyn Connectors, &ConnectorLog),
    connectors: &[Connector],
    limit: Duration,
) -> Unproven {
    let mut looks = 0_u32;
    // It must not end before what it runs beside, which has the same limit.
    let limit = limit.saturating_add(Duration::from_mins(1));
    let failed = wait::until("the connector to fail", limit, || {
        looks += 1;
        let now = looks.is_multiple_of(8);
        async move {
            let found = if now { look(connect, log, connectors).await } else { None };
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

async fn look(
    connect: &dyn Connectors,
    log: &ConnectorLog,
    connectors: &[Connector],
) -> Option<Unproven> {
    for connector in connectors {
        // A worker that does not answer now may answer again; time-outs tell the rest.
        let status = connect.status(&connector.name).await.ok().flatten();
        if let Some(cause) = status.and_then(|status| status.failure()) {
            let (sentence, detail) = (connector.says(cause.sentence), cause.detail);
            return Some(Unproven::at_connector(Anomaly::ConnectorFailed, sentence, detail));
        }
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
