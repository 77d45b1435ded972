//! Who reads the connector's slot. Postgres starts a backend for each reader, so that another process
//! than before tells of a task that was started anew.

use std::time::Duration;

use crate::client::postgres::{Connection, PostgresError};
use crate::history::event::Event;
use crate::run::outcome::Stop;
use crate::run::prepare::Run;

/// How long Postgres may take to tell, where a fault may have struck it.
const LIMIT: Duration = Duration::from_secs(2);

/// Notes who reads the slot now, after everything that was read of the topics so far.
pub(in crate::run) async fn note(run: &Run<'_>, control: &Connection) -> Result<(), Stop> {
    let seen = look(run, control).await?;
    Ok(run.recorder.record_all(seen)?)
}

/// The same until the first fault, which explains every restart behind it.
pub(in crate::run) async fn note_before_faults(
    run: &Run<'_>,
    control: &Connection,
) -> Result<(), Stop> {
    let is_fault =
        |event: &Event| matches!(event, Event::Fault { fault, .. } if fault.verb.disturbs());
    if run.recorder.look(|history| history.events.iter().any(is_fault)) {
        return Ok(());
    }
    match tokio::time::timeout(LIMIT, look(run, control)).await {
        Ok(Ok(seen)) => Ok(run.recorder.record_all(seen)?),
        // An armed fault struck just now.
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

async fn look(run: &Run<'_>, control: &Connection) -> Result<Vec<Event>, PostgresError> {
    let mut seen = Vec::new();
    for connector in run.effective.connectors.all() {
        let slot = run.names.connector_slot(connector.nth);
        let pid = control.slot(&slot).await?.and_then(|slot| slot.active_pid);
        seen.push(Event::Walsender { slot, pid });
    }
    Ok(seen)
}
