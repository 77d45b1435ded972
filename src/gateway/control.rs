//! The control plane, as far as clients of statements, topics and connectors ask it: one of each thing.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::Gateway;
use super::answer::{Refusal, empty, fine};
use super::faults::Fault;
use super::ids::Ids;
use super::statements::Listing;

/// A kind of resource: where it is, its API and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    path: &'static str,
    api: &'static str,
    name: &'static str,
}

const KINDS: &[Kind] = &[
    Kind { path: "/org/v2/organizations", api: "org/v2", name: "Organization" },
    Kind { path: "/org/v2/environments", api: "org/v2", name: "Environment" },
    Kind { path: "/cmk/v2/clusters", api: "cmk/v2", name: "Cluster" },
    Kind { path: "/srcm/v3/clusters", api: "srcm/v3", name: "Cluster" },
    Kind { path: "/fcpm/v2/compute-pools", api: "fcpm/v2", name: "ComputePool" },
    Kind { path: "/fcpm/v2/regions", api: "fcpm/v2", name: "Region" },
    Kind { path: "/iam/v2/service-accounts", api: "iam/v2", name: "ServiceAccount" },
];

/// The routes: reading what there is, and the faults, which are the gateway's own.
pub(super) fn routes() -> Router<Arc<Gateway>> {
    let faults = get(faults).post(add_fault).delete(clear_faults);
    let mut router = Router::new().route("/changeproof/faults", faults);
    for kind in KINDS {
        let (all, one) = (*kind, *kind);
        let list = get(
            move |State(gateway): State<Arc<Gateway>>, Query(listing): Query<Listing>| async move {
                listed(&gateway, all, &listing)
            },
        );
        let found =
            get(move |State(gateway): State<Arc<Gateway>>, Path(id): Path<String>| async move {
                found(&gateway, one, &id)
            });
        router = router.route(kind.path, list).route(&format!("{}/{{id}}", kind.path), found);
    }
    router
}

fn listed(gateway: &Gateway, kind: Kind, listing: &Listing) -> Response {
    let resource = resource(gateway, kind);
    let id = resource.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = (kind.api, &*format!("{}List", kind.name));
    gateway
        .answered(kind.path, fine(&gateway.paged(vec![(id, resource)], listing, kind.path, list)))
}

fn found(gateway: &Gateway, kind: Kind, id: &str) -> Response {
    let resource = resource(gateway, kind);
    let is_it = resource.get("id").is_some_and(|own| own == id);
    let found = if is_it { fine(&resource) } else { Err(Refusal::absent(kind.name, id)) };
    gateway.answered(kind.path, found)
}

/// The environment, as other resources name it.
fn environment(gateway: &Gateway, id: &str) -> Value {
    json!({
        "id": id,
        "related": gateway.at(&format!("/org/v2/environments/{id}")),
        "resource_name": gateway.name(&format!("environment={id}")),
    })
}

/// The one resource of a kind.
fn resource(gateway: &Gateway, kind: Kind) -> Value {
    let ids = &gateway.ids;
    let environment = environment(gateway, &ids.environment);
    let (id, mut resource) = match kind.path {
        "/org/v2/organizations" => (&ids.organization, json!({"display_name": Ids::CLUSTER})),
        "/org/v2/environments" => (
            &ids.environment,
            json!({"display_name": Ids::ENVIRONMENT,
            "stream_governance_config": {"package": "ESSENTIALS"}}),
        ),
        "/iam/v2/service-accounts" => (
            &ids.account,
            json!({"display_name": Ids::CLUSTER,
            "description": "owns everything here"}),
        ),
        "/cmk/v2/clusters" => (
            &ids.cluster,
            json!({
                "spec": {
                    "display_name": Ids::CLUSTER, "availability": "SINGLE_ZONE", "cloud": Ids::CLOUD,
                    "region": Ids::REGION, "config": {"kind": "Basic"},
                    "kafka_bootstrap_endpoint": gateway.bootstrap(), "http_endpoint": gateway.at(""),
                    "environment": environment,
                },
                "status": {"phase": "PROVISIONED"},
            }),
        ),
        "/srcm/v3/clusters" => (
            &ids.registry,
            json!({
                "spec": {
                    "display_name": "Stream Governance Package", "package": "ESSENTIALS",
                    "http_endpoint": gateway.at(""), "cloud": Ids::CLOUD, "region": Ids::REGION,
                    "environment": environment,
                },
                "status": {"phase": "PROVISIONED"},
            }),
        ),
        "/fcpm/v2/compute-pools" => (
            &ids.pool,
            json!({
                "spec": {
                    "display_name": Ids::CLUSTER, "cloud": Ids::CLOUD, "region": Ids::REGION,
                    "max_cfu": 10, "default_pool": true, "environment": environment,
                },
                "status": {"phase": "PROVISIONED", "current_cfu": 0},
            }),
        ),
        _ => (
            &gateway.region,
            json!({
                "display_name": Ids::REGION, "cloud": Ids::CLOUD, "region_name": Ids::REGION,
                "http_endpoint": gateway.at(""),
            }),
        ),
    };
    if let Some(resource) = resource.as_object_mut() {
        let own = gateway.at(&format!("{}/{id}", kind.path));
        let name = gateway.name(&format!("{}={id}", kind.name.to_lowercase()));
        resource.insert("api_version".to_owned(), json!(kind.api));
        resource.insert("kind".to_owned(), json!(kind.name));
        resource.insert("id".to_owned(), json!(id));
        let since = gateway.since.to_string();
        let metadata = json!({"self": own, "resource_name": name, "created_at": since,
            "updated_at": since});
        resource.insert("metadata".to_owned(), metadata);
    }
    resource
}

async fn faults(State(gateway): State<Arc<Gateway>>) -> Response {
    gateway.answered("/changeproof/", fine(&json!({"faults": gateway.faults.shown()})))
}

async fn add_fault(State(gateway): State<Arc<Gateway>>, body: String) -> Response {
    let added = match body.trim().parse::<Fault>() {
        Ok(fault) => {
            gateway.faults.add(fault);
            empty(204)
        }
        Err(why) => Err(Refusal::new(400, why)),
    };
    gateway.answered("/changeproof/", added)
}

async fn clear_faults(State(gateway): State<Arc<Gateway>>) -> Response {
    gateway.faults.clear();
    gateway.answered("/changeproof/", empty(204))
}
