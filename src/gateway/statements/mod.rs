//! The API of statements: `/sql/v1/organizations/…/environments/…/statements`.

mod catalogue;
mod ends;
mod fixed;
mod information;
mod kind;
mod model;
mod offsets;
mod placed;
mod properties;
mod results;
mod run;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Of};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Gateway;
use super::answer::{Answer, Refusal, empty, fine, json_of};
use super::ids;
use kind::Kind;
use model::{Phase, Rows, State, Statement};
use offsets::Progress;
use properties::Properties;

pub(super) use catalogue::{Catalogue, Source};
pub(super) use model::now;

/// The most characters of a statement, by the API's document.
const LONGEST: usize = 131_072;
/// The most characters of a name.
const NAME_LONGEST: usize = 100;

/// All statements, by name.
#[derive(Debug, Default)]
pub(super) struct Store(Mutex<BTreeMap<String, Arc<Statement>>>);

impl Store {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Statement>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remove(&self, name: &str) {
        self.all().remove(name);
    }

    fn named(&self, name: &str) -> Result<Arc<Statement>, Refusal> {
        self.all().get(name).cloned().ok_or_else(|| Refusal::absent("statement", name))
    }

    /// Ends all of them.
    pub(super) async fn end(&self, gateway: &Gateway) {
        let all: Vec<_> = self.all().values().cloned().collect();
        futures::future::join_all(all.iter().map(|one| ends::delete(gateway, one))).await;
    }
}

/// The routes.
pub(super) fn routes() -> Router<Arc<Gateway>> {
    let below = "/sql/v1/organizations/{organization}/environments/{environment}/statements";
    Router::new()
        .route(below, get(list).post(create))
        .route(&format!("{below}/{{name}}"), get(one).put(put).patch(patch).delete(delete))
        .route(&format!("{below}/{{name}}/results"), get(results::page))
        .route(&format!("{below}/{{name}}/exceptions"), get(exceptions))
}

type Place = (String, String);
type Named = (String, String, String);

impl Gateway {
    fn statements(&self) -> &Store {
        &self.statements
    }

    /// Whether a path names this organization and environment.
    fn own_place(&self, organization: &str, environment: &str) -> Result<(), Refusal> {
        if organization != self.ids.organization {
            return Err(Refusal::absent("organization", organization));
        }
        if environment != self.ids.environment {
            return Err(Refusal::absent("environment", environment));
        }
        Ok(())
    }

    fn address_of(&self, name: &str) -> String {
        let ids::Ids { organization, environment, .. } = &self.ids;
        self.at(&format!(
            "/sql/v1/organizations/{organization}/environments/{environment}/statements/{name}"
        ))
    }

    fn json_of(&self, statement: &Statement) -> Value {
        let address = self.address_of(&statement.name);
        let mut json = statement.json((&self.ids.organization, &self.ids.environment, &address));
        self.faults.change_statement(&mut json, || {
            let ahead = statement.look(|state| state.progress.ahead());
            ahead.map(|(at, offsets)| (at, offsets::written(&offsets)))
        });
        json
    }

    /// The columns of a table as Flink describes them, outside of any statement.
    pub(super) async fn columns(
        &self,
        name: &str,
    ) -> Result<Vec<crate::client::gateway::Column>, String> {
        let shown = Statement::new("columns".to_owned(), String::new(), String::new());
        let properties =
            Properties::of(&BTreeMap::new(), &self.ids).map_err(|wrong| wrong.join("; "))?;
        fixed::columns_of(self, &shown, &properties, name).await
    }
}

/// What a client asks to be created.
#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default)]
    name: String,
    #[serde(default)]
    metadata: Option<WantedMetadata>,
    spec: WantedSpec,
}

#[derive(Debug, Default, Deserialize)]
struct WantedMetadata {
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
struct WantedSpec {
    #[serde(default)]
    statement: Option<String>,
    #[serde(default)]
    properties: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    compute_pool_id: Option<String>,
    #[serde(default)]
    principal: Option<String>,
    #[serde(default)]
    stopped: Option<bool>,
}

impl Statement {
    fn new(name: String, uid: String, written: String) -> Self {
        let bare = written.trim().trim_end_matches(';').trim_end().to_owned();
        let text = run::text(bare);
        Self {
            kind: Kind::of(&text),
            name,
            uid,
            written,
            text,
            properties: BTreeMap::new(),
            labels: BTreeMap::new(),
            created: now(),
            state: Mutex::new(State {
                phase: Phase::Pending,
                detail: String::new(),
                is_stop_asked: false,
                pool: String::new(),
                principal: String::new(),
                traits: None,
                rows: Rows::None,
                job: None,
                submitted: Vec::new(),
                topics: Vec::new(),
                savepoint: None,
                progress: Progress::default(),
                updated: now(),
                version: 1,
                read_ms: 0,
            }),
        }
    }
}

/// Letters, digits and dashes, as the API's document has names.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !name.is_empty()
        && name.len() <= NAME_LONGEST
        && name.split('.').all(|part| {
            part.starts_with(plain)
                && part.ends_with(plain)
                && part.chars().all(|c| plain(c) || c == '-')
        })
}

pub(super) fn body<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::new(400, format!("the body is not of the form of the API: {error}"))
    })
}

async fn create(
    Of(gateway): Of<Arc<Gateway>>,
    Path((organization, environment)): Path<Place>,
    bytes: Bytes,
) -> Response {
    let created = created(&gateway, &organization, &environment, &bytes).await;
    gateway.answered("/sql/", created)
}

async fn created(
    gateway: &Arc<Gateway>,
    organization: &str,
    environment: &str,
    bytes: &[u8],
) -> Answer {
    gateway.own_place(organization, environment)?;
    let wanted: Wanted = body(bytes)?;
    if !is_name(&wanted.name) {
        return Err(Refusal::new(
            422,
            "the name of a statement is made of lower-case letters, digits and dashes, at most 100, \
             and begins and ends with a letter or a digit",
        ));
    }
    let written = wanted.spec.statement.unwrap_or_default();
    if written.trim().is_empty() || written.chars().count() > LONGEST {
        let why = format!("spec.statement must be there and have at most {LONGEST} characters");
        return Err(Refusal::new(422, why));
    }
    let pool = wanted.spec.compute_pool_id.filter(|pool| !pool.is_empty());
    let pool = pool.unwrap_or_else(|| gateway.ids.pool.clone());
    gateway.own_pool(&pool)?;
    let uid = ids::uuid().map_err(|error| Refusal::new(500, error))?;
    let mut statement = Statement::new(wanted.name, uid, written);
    let plain = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let properties = wanted.spec.properties.unwrap_or_default().into_iter();
    statement.properties = properties.map(|(key, value)| (key, plain(value))).collect();
    statement.labels = wanted.metadata.and_then(|metadata| metadata.labels).unwrap_or_default();
    let principal = wanted.spec.principal.unwrap_or_else(|| gateway.ids.account.clone());
    let is_stopped = wanted.spec.stopped == Some(true);
    statement.change(|state| {
        (state.pool, state.principal) = (pool, principal);
        state.is_stop_asked = is_stopped;
    });
    let statement = Arc::new(statement);
    {
        let mut all = gateway.statements().all();
        // A dry run takes no name.
        if all.get(&statement.name).is_some_and(|known| !known.is_dry_run()) {
            let why = format!("a statement `{}` is there already", statement.name);
            return Err(Refusal::new(409, why));
        }
        all.insert(statement.name.clone(), Arc::clone(&statement));
    }
    if statement.is_dry_run() {
        // It is answered at once: whoever asks for it need not ask again.
        run::begin(Arc::clone(gateway), Arc::clone(&statement)).await;
        return Ok(json_of(201, &gateway.json_of(&statement)));
    }
    let json = gateway.json_of(&statement);
    tokio::spawn(run::begin(Arc::clone(gateway), Arc::clone(&statement)));
    if is_stopped {
        stop_later(gateway, &statement);
    }
    Ok(json_of(201, &json))
}

fn stop_later(gateway: &Arc<Gateway>, statement: &Arc<Statement>) {
    let (gateway, statement) = (Arc::clone(gateway), Arc::clone(statement));
    tokio::spawn(async move { ends::stop(&gateway, &statement).await });
}

async fn one(
    Of(gateway): Of<Arc<Gateway>>,
    Path((organization, environment, name)): Path<Named>,
) -> Response {
    let found = || {
        gateway.own_place(&organization, &environment)?;
        let statement = gateway.statements().named(&name)?;
        fine(&gateway.json_of(&statement))
    };
    gateway.answered("/sql/", found())
}

/// How a list is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Listing {
    #[serde(default)]
    pub(super) page_size: Option<usize>,
    #[serde(default)]
    pub(super) page_token: Option<String>,
    #[serde(default)]
    label_selector: Option<String>,
    #[serde(default, rename = "spec.compute_pool_id")]
    pool: Option<String>,
    #[serde(default, rename = "statement_name_search_query")]
    part: Option<String>,
}

async fn list(
    Of(gateway): Of<Arc<Gateway>>,
    Path((organization, environment)): Path<Place>,
    Query(listing): Query<Listing>,
) -> Response {
    let listed = || {
        gateway.own_place(&organization, &environment)?;
        let selector = listing.label_selector.clone().unwrap_or_default();
        let all: Vec<_> = gateway.statements().all().values().cloned().collect();
        let taken = all.iter().filter(|one| {
            !one.is_dry_run()
                && one.is_selected(&selector)
                && listing.part.as_ref().is_none_or(|part| one.name.contains(part.as_str()))
                && listing.pool.as_ref().is_none_or(|pool| one.look(|s| s.pool == *pool))
        });
        let all = taken.map(|one| (one.name.clone(), gateway.json_of(one))).collect();
        let own =
            format!("/sql/v1/organizations/{organization}/environments/{environment}/statements");
        fine(&gateway.paged(all, &listing, &own, ("sql/v1", "StatementList")))
    };
    gateway.answered("/sql/", listed())
}

async fn put(
    Of(gateway): Of<Arc<Gateway>>,
    Path((organization, environment, name)): Path<Named>,
    bytes: Bytes,
) -> Response {
    let changed = || {
        gateway.own_place(&organization, &environment)?;
        let wanted: Wanted = body(&bytes)?;
        let statement = gateway.statements().named(&name)?;
        changed(&gateway, &statement, &wanted.spec)?;
        empty(202)
    };
    gateway.answered("/sql/", changed())
}

/// Stops, lets go on, or gives another pool or principal.
fn changed(
    gateway: &Arc<Gateway>,
    statement: &Arc<Statement>,
    spec: &WantedSpec,
) -> Result<(), Refusal> {
    if spec.statement.as_ref().is_some_and(|written| *written != statement.written) {
        return Err(Refusal::new(400, "the text of a statement cannot be changed"));
    }
    if let Some(pool) = &spec.compute_pool_id {
        gateway.own_pool(pool)?;
        statement.change(|state| state.pool.clone_from(pool));
    }
    if let Some(principal) = &spec.principal {
        statement.change(|state| state.principal.clone_from(principal));
    }
    let phase = statement.look(|state| state.phase);
    match spec.stopped {
        Some(true) => {
            let is_new =
                statement.change(|state| !std::mem::replace(&mut state.is_stop_asked, true));
            if is_new && !phase.is_final() {
                stop_later(gateway, statement);
            }
        }
        Some(false) if phase == Phase::Stopped => {
            let may = statement.change(|state| {
                let may = statement.kind.writes() && state.savepoint.is_some();
                if may {
                    state.is_stop_asked = false;
                    state.phase = Phase::Pending;
                    state.progress.begin_anew();
                }
                may
            });
            if !may {
                let why = "only INSERT, CREATE TABLE … AS and EXECUTE STATEMENT SET can go on";
                return Err(Refusal::new(400, why));
            }
            tokio::spawn(ends::resume(Arc::clone(gateway), Arc::clone(statement)));
        }
        Some(false) | None => {}
    }
    Ok(())
}

/// One operation of a JSON Patch.
#[derive(Debug, Deserialize)]
struct Operation {
    op: String,
    path: String,
    #[serde(default)]
    value: Value,
}

async fn patch(
    Of(gateway): Of<Arc<Gateway>>,
    Path((organization, environment, name)): Path<Named>,
    bytes: Bytes,
) -> Response {
    let patched = || {
        gateway.own_place(&organization, &environment)?;
        let operations: Vec<Operation> = body(&bytes)?;
        let statement = gateway.statements().named(&name)?;
        let mut spec = json!({});
        for Operation { op, path, value } in operations {
            let key = path.strip_prefix("/spec/").filter(|key| {
                ["stopped", "compute_pool_id", "principal"].contains(key)
                    // The document has them in capitals, the standard and its clients have not.
                    && ["replace", "add"].contains(&op.to_lowercase().as_str())
            });
            let Some(key) = key else {
                let why = format!(
                    "`{op}` of {path}: only spec.stopped, .compute_pool_id and \
                                   .principal can be replaced"
                );
                return Err(Refusal::new(422, why));
            };
            if let Some(spec) = spec.as_object_mut() {
                spec.insert(key.to_owned(), value);
            }
        }
        let spec: WantedSpec =
            serde_json::from_value(spec).map_err(|error| Refusal::new(422, error))?;
        changed(&gateway, &statement, &spec)?;
        fine(&gateway.json_of(&statement))
    };
    gateway.answered("/sql/", patched())
}

async fn delete(
    Of(gateway): Of<Arc<Gateway>>,
    Path((organization, environment, name)): Path<Named>,
) -> Response {
    let deleted = || {
        gateway.own_place(&organization, &environment)?;
        let statement = gateway.statements().named(&name)?;
        let gateway = Arc::clone(&gateway);
        tokio::spawn(async move { ends::delete(&gateway, &statement).await });
        empty(202)
    };
    gateway.answered("/sql/", deleted())
}

async fn exceptions(
    Of(gateway): Of<Arc<Gateway>>,
    Path((organization, environment, name)): Path<Named>,
) -> Response {
    let listed = async {
        gateway.own_place(&organization, &environment)?;
        let statement = gateway.statements().named(&name)?;
        let job = statement.look(|state| state.job.clone()).unwrap_or_default();
        let failures = if job.is_empty() {
            Vec::new()
        } else {
            gateway.flink.failures(&job).await.unwrap_or_default()
        };
        let one = |failure: crate::client::flink::JobFailure| {
            let at = jiff::Timestamp::from_millisecond(failure.at_ms).unwrap_or_default();
            json!({"kind": "StatementException", "name": "Exception",
                "message": failure.cause.to_string(), "timestamp": at.to_string()})
        };
        let data: Vec<Value> = failures.into_iter().map(one).collect();
        let address = format!("{}/exceptions", gateway.address_of(&name));
        fine(&json!({"api_version": "sql/v1", "kind": "StatementExceptionList",
            "metadata": {"self": address}, "data": data}))
    };
    gateway.answered("/sql/", listed.await).into_response()
}
