//! A gateway on loopback that speaks the public APIs of Confluent Cloud over the local stack, with the
//! dialect layer inside: statements, connectors, topics, the schema registry, and what of the control
//! plane their clients ask.
//!
//! What comes in: requests of clients that believe they talk to the cloud. What goes out: answers of
//! the form of its OpenAPI documents, and the work on the stack. It must never know scenarios, runs or
//! verdicts. What it is not, docs/gateway.md says.

mod answer;
mod connectors;
mod control;
pub mod faults;
mod files;
mod guard;
pub mod ids;
mod offsets;
mod registry;
mod server;
mod statements;
mod topics;

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::Response;
use axum::{Router, middleware};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::client::clock;
use crate::client::connect::Connect;
use crate::client::flink::JobManager;
use crate::client::http::Http;
use crate::client::kafka::{Admin, TopicShape};
use crate::client::reach::{Address, Identity, Pem, Reach};
use crate::client::registry::Registry;
use crate::client::tls::Acceptor;
use answer::{Answer, Refusal};
use faults::{Fault, Faults};
use ids::{Ids, Keys};
use statements::{Catalogue, Listing};

pub use files::{Files, Written};

/// The most things on a page of a list.
const PAGE_MOST: usize = 100;
/// How many there are where nobody says.
const PAGE: usize = 10;

/// How a gateway is to behave.
#[derive(Debug, Default)]
pub struct Options {
    /// Shown to clients; `None`: without TLS.
    pub identity: Option<Identity>,
    /// Requests that it answers in a second; more are told to wait.
    pub rate: Option<u32>,
    /// Faults that are to be seen.
    pub faults: Vec<Fault>,
    /// Where each request is written with its answer, a line of JSON each.
    pub transcript: Option<std::fs::File>,
}

/// Why there can be no gateway, or it ended.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {why}")]
pub struct GatewayError {
    doing: &'static str,
    why: String,
}

impl GatewayError {
    fn new(doing: &'static str, why: impl ToString) -> Self {
        Self { doing, why: why.to_string() }
    }
}

/// The gateway: what it stands over, and what clients have made.
#[derive(Debug)]
pub struct Gateway {
    /// Of everything.
    pub ids: Ids,
    /// Of each API.
    pub keys: Keys,
    address: String,
    region: String,
    since: Timestamp,
    reach: Reach,
    flink: JobManager,
    worker: Connect,
    worker_http: Http,
    registry: Option<Http>,
    admin: Admin,
    catalogue: tokio::sync::Mutex<Catalogue>,
    statements: statements::Store,
    connectors: connectors::Store,
    faults: Faults,
    rate: Option<u32>,
    /// The second that is running, and the requests in it.
    second: Mutex<(i64, u32)>,
    transcript: Option<Mutex<std::fs::File>>,
    acceptor: Option<Acceptor>,
    certificate: Option<Pem>,
}

impl Gateway {
    /// A gateway over a stack whose brokers listen as a cloud's do, at the address of `listener`.
    pub fn new(
        reach: &Reach,
        listener: &TcpListener,
        options: Options,
    ) -> Result<Arc<Self>, GatewayError> {
        let doing = "setting up the gateway";
        let broken = |why: &dyn std::fmt::Display| GatewayError::new(doing, why);
        let secured = reach.secured.as_ref();
        let sasl = secured.and_then(|kafka| kafka.security.sasl.as_ref());
        let login = sasl.map(|sasl| sasl.login.clone());
        let login = login.ok_or_else(|| broken(&"the stack has no listener with a login"))?;
        let identity = options.identity.as_ref();
        let acceptor = identity.map(Acceptor::new).transpose().map_err(|why| broken(&why))?;
        let port = listener.local_addr().map_err(|error| broken(&error))?.port();
        let plain = Address::local(port).http();
        let encrypted = || plain.replacen("http:", "https:", 1);
        let address = acceptor.as_ref().map_or_else(|| plain.clone(), |_| encrypted());
        Ok(Arc::new(Self {
            ids: Ids::new().map_err(|error| broken(&error))?,
            keys: Keys::new(login).map_err(|error| broken(&error))?,
            address,
            region: Ids::REGION.to_owned(),
            since: Timestamp::try_from(clock::now()).unwrap_or_default(),
            flink: JobManager::new(reach).map_err(|error| broken(&error))?,
            worker: Connect::new(reach).map_err(|error| broken(&error))?,
            worker_http: Http::new(&reach.connect).map_err(|error| broken(&error))?,
            registry: registry::client(reach).map_err(|error| broken(&error))?,
            admin: Admin::new(reach).map_err(|error| broken(&error))?,
            reach: reach.clone(),
            catalogue: tokio::sync::Mutex::default(),
            statements: statements::Store::default(),
            connectors: connectors::Store::default(),
            faults: with(options.faults),
            rate: options.rate,
            second: Mutex::default(),
            transcript: options.transcript.map(Mutex::new),
            acceptor,
            certificate: options.identity.map(|identity| identity.certificate),
        }))
    }

    /// Where it listens: the base of every API's URLs.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Serves until `stop` is done. Jobs and connectors that it has made end then.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> Result<(), GatewayError> {
        let router = Router::new()
            .merge(statements::routes())
            .merge(connectors::routes())
            .merge(topics::routes())
            .merge(control::routes())
            .fallback(registry::pass)
            .layer(middleware::from_fn_with_state(Arc::clone(&self), guard::guard))
            .with_state(Arc::clone(&self));
        let served = server::serve(listener, self.acceptor.clone(), router, stop).await;
        self.end().await;
        served.map_err(|error| GatewayError::new("serving", error))
    }

    /// Takes away all that clients have left: the stack is the gateway's alone.
    async fn end(&self) {
        self.statements.end(self).await;
        let names: Vec<String> = self.connectors.all().keys().cloned().collect();
        for name in names {
            self.left(self.worker.delete(&name).await);
        }
        let topics = self.topics().await.unwrap_or_default();
        let topics: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        self.left(self.admin.delete(&topics).await);
        if let Ok(Some(registry)) = Registry::of(&self.reach) {
            for subject in registry.subjects("").await.unwrap_or_default() {
                self.left(registry.delete(&subject).await);
            }
        }
    }

    /// What cannot be taken away goes with the stack, which ends soon after.
    #[expect(clippy::unused_self, reason = "it is a part of the end")]
    fn left<E: std::fmt::Display>(&self, taken: Result<(), E>) {
        if let Err(error) = taken {
            tracing::warn!("left to the end of the stack: {error}");
        }
    }

    /// The address of a path.
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// The resource name of a part of the organization.
    fn name(&self, part: &str) -> String {
        format!("crn:{}confluent.cloud/organization={}/{part}", "//", self.ids.organization)
    }

    /// Where the brokers listen as a cloud's do.
    fn bootstrap(&self) -> &str {
        self.reach.secured.as_ref().map_or("", |kafka| &kafka.bootstrap)
    }

    /// An answer as the API of a path gives it.
    #[expect(clippy::unused_self, reason = "every handler ends with it")]
    fn answered(&self, path: &str, answer: Answer) -> Response {
        answer.unwrap_or_else(|refusal| refusal.of(path))
    }

    fn own_pool(&self, pool: &str) -> Result<(), Refusal> {
        if pool == self.ids.pool { Ok(()) } else { Err(Refusal::absent("compute pool", pool)) }
    }

    /// The topics that clients see: not those that Kafka and Connect keep for themselves.
    async fn topics(&self) -> Result<Vec<TopicShape>, String> {
        let mut topics = self.admin.list("").await.map_err(|error| error.to_string())?;
        topics.retain(|topic| !is_internal(&topic.name));
        Ok(topics)
    }

    /// A topic by its name.
    async fn topic(&self, name: &str) -> Result<Option<TopicShape>, String> {
        Ok(self.topics().await?.into_iter().find(|topic| topic.name == name))
    }

    /// The tables: those that statements have made, and topics of connectors.
    async fn tables(&self) -> Result<Vec<String>, String> {
        let mut all = self.catalogue.lock().await.made(false);
        let topics = self.topics().await?;
        for source in self.sources().await? {
            let is_there = |name: &String| topics.iter().any(|topic| topic.name == *name);
            all.extend(source.topic_names().into_iter().filter(is_there));
        }
        Ok(all.into_iter().collect())
    }

    /// A page of a list, sorted by names.
    fn paged(
        &self,
        all: Vec<(String, Value)>,
        listing: &Listing,
        path: &str,
        (api, kind): (&str, &str),
    ) -> Value {
        let size = listing.page_size.unwrap_or(PAGE).clamp(1, PAGE_MOST);
        let after = listing.page_token.clone().unwrap_or_default();
        let mut rest: Vec<_> = all.into_iter().filter(|(name, _)| *name > after).collect();
        rest.sort_by(|a, b| a.0.cmp(&b.0));
        let own = self.at(path);
        let mut metadata = json!({"self": own, "first": own});
        if let (Some((last, _)), true) = (rest.get(size - 1), rest.len() > size) {
            let last = crate::client::http::encode(last);
            if let Some(metadata) = metadata.as_object_mut() {
                let next = format!("{own}?page_size={size}&page_token={last}");
                metadata.insert("next".to_owned(), json!(next));
            }
        }
        let data: Vec<Value> = rest.into_iter().take(size).map(|(_, json)| json).collect();
        json!({"api_version": api, "kind": kind, "metadata": metadata, "data": data})
    }

    /// Whether a request may be answered within this second.
    fn is_in_time(&self) -> bool {
        let Some(rate) = self.rate else { return true };
        let now = clock::now_ms() / 1000;
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if second.0 != now {
            *second = (now, 0);
        }
        second.1 += 1;
        second.1 <= rate
    }

    /// Writes a request with its answer into the transcript.
    fn record(&self, exchange: Value) {
        let Some(file) = &self.transcript else { return };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writeln!(file, "{exchange}") {
            tracing::warn!("the transcript cannot be written: {error}");
        }
    }
}

fn with(faults: Vec<Fault>) -> Faults {
    let all = Faults::default();
    for fault in faults {
        all.add(fault);
    }
    all
}

/// Topics that nobody of the clients has made.
fn is_internal(name: &str) -> bool {
    name.starts_with("__") || name.starts_with("connect-")
}
