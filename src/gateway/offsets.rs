//! The offsets of connectors: shown, and changed by a request whose fate is asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Gateway;
use super::answer::{Refusal, fine, json_of};
use super::connectors::{Named, refused};
use super::ids;
use super::statements::{body, now};
use crate::client::connect::{ConnectError, State as Doing};
use crate::client::http::encode;
use crate::client::wait::{self, Look, WaitError};

/// How long the worker may take to stop a connector.
const LIMIT: Duration = Duration::from_secs(30);

impl Gateway {
    async fn stored(&self, name: &str) -> Result<Value, Refusal> {
        let path = format!("/connectors/{}/offsets", encode(name));
        let found = self.worker_http.get::<Value>(&path).await;
        let found = found.map_err(|error| Refusal::new(500, error))?;
        Ok(found.get("offsets").cloned().unwrap_or_else(|| json!([])))
    }
}

pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    Path((environment, cluster, name)): Path<Named>,
) -> Response {
    let found = async {
        gateway.own_connectors((&environment, &cluster))?;
        let managed = gateway.connectors.named(&name)?;
        let offsets = gateway.stored(&name).await?;
        let at = now().to_string();
        fine(&json!({"id": managed.id, "name": name, "offsets": offsets,
            "metadata": {"observed_at": at}}))
    };
    let found = found.await;
    gateway.answered("/connect/", found)
}

/// What is to be done with offsets.
#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    offsets: Vec<Value>,
}

pub(super) async fn change(
    State(gateway): State<Arc<Gateway>>,
    Path((environment, cluster, name)): Path<Named>,
    bytes: Bytes,
) -> Response {
    let asked = async {
        gateway.own_connectors((&environment, &cluster))?;
        let managed = gateway.connectors.named(&name)?;
        let wanted: Wanted = body(&bytes)?;
        if !matches!(wanted.kind.as_str(), "PATCH" | "DELETE") {
            return Err(Refusal::new(400, "the type of a request is PATCH or DELETE"));
        }
        let id = ids::uuid().map_err(|error| Refusal::new(500, error))?;
        let request = json!({"id": managed.id, "name": name, "type": wanted.kind,
            "offsets": wanted.offsets, "requested_at": now().to_string(), "request_id": id});
        let status = |phase: &str, message: &str| {
            json!({"request": request, "previous_offsets": [], "applied_at": null,
                "status": {"phase": phase, "message": message}})
        };
        keep(&gateway, &name, status("PENDING", "it is being applied"));
        let (own, pending) = (Arc::clone(&gateway), request.clone());
        tokio::spawn(async move { applied(&own, &name, &pending, &wanted).await });
        Ok(json_of(202, &request))
    };
    let asked = asked.await;
    gateway.answered("/connect/", asked)
}

fn keep(gateway: &Gateway, name: &str, status: Value) {
    if let Some(managed) = gateway.connectors.all().get_mut(name) {
        managed.request = Some(status);
    }
}

/// Stops the connector, changes what is stored for it, and lets it go on.
async fn applied(gateway: &Gateway, name: &str, request: &Value, wanted: &Wanted) {
    let before = gateway.stored(name).await.unwrap_or_else(|_| json!([]));
    let changed = changed(gateway, name, wanted).await;
    let resumed = gateway.worker.ask(name, "resume").await.map_err(refused);
    let status = match changed.and(resumed) {
        Ok(()) => json!({"request": request, "previous_offsets": before,
            "applied_at": now().to_string(),
            "status": {"phase": "APPLIED", "message": "the offsets were changed; the position of \
                the replication slot was not"}}),
        Err(why) => json!({"request": request, "previous_offsets": before, "applied_at": null,
            "status": {"phase": "FAILED", "message": why.detail}}),
    };
    keep(gateway, name, status);
}

async fn changed(gateway: &Gateway, name: &str, wanted: &Wanted) -> Result<(), Refusal> {
    gateway.worker.ask(name, "stop").await.map_err(refused)?;
    let stopped = wait::until("the connector to be stopped", LIMIT, || async {
        let status = gateway.worker.status(name).await?;
        let is_stopped = status.is_some_and(|status| {
            status.connector.state == Doing::Stopped && status.tasks.is_empty()
        });
        Ok::<_, ConnectError>(if is_stopped {
            Look::Holds(())
        } else {
            Look::NotYet("it is not stopped".to_owned())
        })
    });
    stopped.await.map_err(|error| refused(WaitError::flatten(error)))?;
    if wanted.kind == "DELETE" {
        return gateway.worker.lose_offsets(name).await.map_err(refused);
    }
    let path = format!("/connectors/{}/offsets", encode(name));
    let body = json!({"offsets": wanted.offsets}).to_string().into_bytes();
    match gateway.worker_http.pass("PATCH", &path, body).await {
        Ok((200, ..)) => Ok(()),
        Ok((status, _, body)) => {
            Err(Refusal::new(status, String::from_utf8_lossy(&body).into_owned()))
        }
        Err(error) => Err(Refusal::new(500, error)),
    }
}

pub(super) async fn status(
    State(gateway): State<Arc<Gateway>>,
    Path((environment, cluster, name)): Path<Named>,
) -> Response {
    let found = || {
        gateway.own_connectors((&environment, &cluster))?;
        let request = gateway.connectors.named(&name)?.request;
        let why = "no request to change its offsets was made";
        fine(&request.ok_or_else(|| Refusal::new(404, why))?)
    };
    gateway.answered("/connect/", found())
}
