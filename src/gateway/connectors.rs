//! Connect v1: the managed connector for Postgres, over the stack's worker.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::{get, put};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Gateway;
use super::answer::{Answer, Refusal, empty, fine, json_of};
use super::guard::{HIDDEN, is_secret};
use super::ids::{self, Ids};
use super::offsets;
use super::statements::{Source, body};
use crate::base::text::Text;
use crate::client::connect::{ConnectError, State as Doing, Status};
use crate::client::postgres::{self, tables};
use crate::client::reach::{Address, Password, Postgres, PostgresTls, Reach, TlsMode, Twice};
use crate::dialect::avro;
use crate::dialect::connector::{is_managed, mapped};
use crate::scenario::settings::Options;

pub(super) const CLASS: &str = "PostgresCdcSourceV2";
/// The class behind it.
const DEBEZIUM: &str = "io.debezium.connector.postgresql.PostgresConnector";

#[derive(Debug, Clone)]
pub(super) struct Managed {
    pub(super) id: String,
    pub(super) config: Options,
    /// As the worker has it.
    pub(super) submitted: Options,
    /// The last request to change its offsets, with what became of it.
    pub(super) request: Option<Value>,
}

/// All connectors, by name.
#[derive(Debug, Default)]
pub(super) struct Store(Mutex<BTreeMap<String, Managed>>);

impl Store {
    pub(super) fn all(&self) -> MutexGuard<'_, BTreeMap<String, Managed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn named(&self, name: &str) -> Result<Managed, Refusal> {
        self.all().get(name).cloned().ok_or_else(|| Refusal::absent("connector", name))
    }
}

const PATH: &str = "/connect/v1/environments/{environment}/clusters/{cluster}";

pub(super) fn routes() -> Router<Arc<Gateway>> {
    let one = format!("{PATH}/connectors/{{name}}");
    Router::new()
        .route(&format!("{PATH}/connectors"), get(list).post(create))
        .route(&one, get(find).delete(delete))
        .route(&format!("{one}/config"), get(config).put(configure))
        .route(&format!("{one}/status"), get(status))
        .route(&format!("{one}/tasks"), get(tasks))
        .route(&format!("{one}/pause"), put(pause))
        .route(&format!("{one}/resume"), put(resume))
        .route(&format!("{one}/offsets"), get(offsets::show))
        .route(&format!("{one}/offsets/request"), axum::routing::post(offsets::change))
        .route(&format!("{one}/offsets/request/status"), get(offsets::status))
        .route(&format!("{PATH}/connector-plugins"), get(plugins))
        .route(&format!("{PATH}/connector-plugins/{{class}}/config/validate"), put(validate))
}

pub(super) type Place = (String, String);
pub(super) type Named = (String, String, String);

/// What the worker says to a request.
pub(super) fn refused(error: ConnectError) -> Refusal {
    match error {
        ConnectError::Refused(why) => Refusal::new(400, why),
        other => Refusal::new(500, other),
    }
}

impl Gateway {
    pub(super) fn own_connectors(
        &self,
        (environment, cluster): (&str, &str),
    ) -> Result<(), Refusal> {
        if environment != self.ids.environment {
            return Err(Refusal::absent("environment", environment));
        }
        if cluster != self.ids.cluster {
            return Err(Refusal::absent("cluster", cluster));
        }
        Ok(())
    }

    /// The configuration as the API shows it, secrets hidden.
    fn shown_config(&self, name: &str, config: &Options) -> Options {
        let mut shown = config.clone();
        for (key, value) in &mut shown {
            if is_secret(key) {
                HIDDEN.clone_into(value);
            }
        }
        let endpoint = format!("SASL_SSL://{}", self.bootstrap());
        for (key, value) in [
            ("cloud.environment", "prod"),
            ("cloud.provider", Ids::CLOUD),
            ("kafka.endpoint", endpoint.as_str()),
            ("kafka.region", Ids::REGION),
            ("kafka.api.key", HIDDEN),
            ("kafka.api.secret", HIDDEN),
            ("name", name),
        ] {
            shown.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
        shown
    }

    fn connector_json(&self, name: &str, managed: &Managed) -> Value {
        json!({
            "name": name,
            "type": "source",
            "config": self.shown_config(name, &managed.config),
            "tasks": [{"connector": name, "task": 0}],
        })
    }

    /// The status as the API shows it: a connector whose tasks are not there yet is being provisioned.
    async fn status_json(&self, name: &str) -> Result<Value, Refusal> {
        let found = self.worker.status(name).await.map_err(refused)?;
        let (state, trace) = overall(found.as_ref());
        let tasks = found.iter().flat_map(|status| &status.tasks).enumerate();
        let task = |(id, task): (usize, &crate::client::connect::Part)| {
            let state =
                if task.state == Doing::Unassigned { "PROVISIONING" } else { word(task.state) };
            let trace = task.trace.clone().unwrap_or_default();
            json!({"id": id, "state": state, "worker_id": name, "msg": trace})
        };
        let tasks: Vec<Value> = match state {
            "PROVISIONING" => Vec::new(),
            _ => tasks.map(task).collect(),
        };
        let mut status = json!({
            "name": name, "type": "source",
            "connector": {"state": state, "worker_id": name, "trace": trace},
            "tasks": tasks,
        });
        self.faults.change_connector(&mut status, &format!("/connect/v1/connectors/{name}/status"));
        Ok(status)
    }

    /// What is known of every connector: where its topics come from.
    pub(super) async fn sources(&self) -> Result<Vec<Source>, String> {
        let all: Vec<Managed> = self.connectors.all().values().cloned().collect();
        let mut sources = Vec::new();
        for managed in all {
            sources.push(self.source_of(&managed).await?);
        }
        Ok(sources)
    }

    async fn source_of(&self, managed: &Managed) -> Result<Source, String> {
        let at = Reach { postgres: server(&managed.config), ..Reach::default() };
        let database = managed.config.get("database.dbname").map_or("postgres", String::as_str);
        let session = postgres::connect(&at, database, "changeproof gateway").await;
        let ddl = match session {
            Ok(session) => tables::ddl(&session).await,
            Err(error) => Err(error),
        };
        let ddl =
            ddl.map_err(|error| format!("the tables of {database} cannot be read: {error}"))?;
        let mut options = managed.submitted.clone();
        // How values are written, the dialect reads off the option of the managed connector.
        // Left out, it is JSON without a schema.
        let format = managed.config.get("output.data.format").map_or("JSON", String::as_str);
        options.insert("output.data.format".to_owned(), format.to_owned());
        let mut source = Source {
            options,
            ddl: vec![Text::whole("source".into(), ddl)],
            topics: BTreeMap::new(),
        };
        for topic in source.topic_names() {
            if self.topic(&topic).await?.is_none() {
                continue;
            }
            let options = self.admin.options(&topic).await.map_err(|error| error.to_string())?;
            let set = options.into_iter().filter(|option| option.is_set);
            let set: Options = set.filter_map(|one| Some((one.name, one.value?))).collect();
            // By table, which is what the last two parts of a topic's name are.
            let mut parts = topic.rsplit('.');
            if let (Some(table), Some(schema)) = (parts.next(), parts.next()) {
                source.topics.insert(format!("{schema}.{table}"), set);
            }
        }
        Ok(source)
    }
}

/// The server that a connector reads, from its configuration.
fn server(config: &Options) -> Postgres {
    let get = |key: &str| config.get(key).cloned().unwrap_or_default();
    let port = get("database.port").parse().unwrap_or(5432);
    let mode = match get("database.sslmode").as_str() {
        "" | "disable" | "prefer" | "allow" => TlsMode::Disable,
        _ => TlsMode::Require,
    };
    Postgres {
        at: Twice::same(Address { host: get("database.hostname"), port }),
        user: get("database.user"),
        password: Password(get("database.password")),
        tls: PostgresTls { mode, ..PostgresTls::default() },
        ..Postgres::default()
    }
}

fn word(state: Doing) -> &'static str {
    match state {
        Doing::Unassigned => "UNASSIGNED",
        Doing::Running => "RUNNING",
        Doing::Paused | Doing::Stopped => "PAUSED",
        Doing::Failed => "FAILED",
        Doing::Restarting => "PROVISIONING",
        Doing::Destroyed => "DELETED",
    }
}

/// The state of connector and tasks as one, and why it failed.
fn overall(status: Option<&Status>) -> (&'static str, String) {
    let Some(status) = status else { return ("PROVISIONING", String::new()) };
    if let Some(cause) = status.failure() {
        return ("FAILED", cause.to_string());
    }
    let is_waiting = status.tasks.is_empty()
        || status.tasks.iter().any(|task| matches!(task.state, Doing::Unassigned));
    let state = match status.connector.state {
        Doing::Running if is_waiting => "PROVISIONING",
        Doing::Unassigned => "PROVISIONING",
        state => word(state),
    };
    (state, String::new())
}

/// The configuration as the worker is given it; all that is wrong with it otherwise.
fn submitted(
    name: &str,
    config: &Options,
    reach: &Reach,
) -> Result<Options, Vec<(String, String)>> {
    let of = |key: &str, why: String| vec![(key.to_owned(), why)];
    if !is_managed(config) {
        let why = format!("there is one class of connectors here: {CLASS}");
        return Err(of("connector.class", why));
    }
    let missing = [
        "database.hostname",
        "database.user",
        "database.password",
        "database.dbname",
        "topic.prefix",
    ]
    .iter()
    .filter(|key| config.get(**key).is_none_or(String::is_empty));
    let missing: Vec<_> =
        missing.map(|key| ((*key).to_owned(), format!("`{key}` is missing"))).collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let text = serde_json::to_string(config).unwrap_or_default();
    let text = Text::whole(format!("{name}.json").into(), text);
    let made = mapped(config, &text).map_err(|wrong| {
        let one = |one: crate::base::diagnostic::Diagnostic| {
            let key = config.keys().find(|key| one.message.contains(key.as_str()));
            let help = one.help.map(|help| format!("; {help}")).unwrap_or_default();
            (key.cloned().unwrap_or_default(), format!("{}{help}", one.message))
        };
        wrong.into_iter().map(one).collect::<Vec<_>>()
    })?;
    let mut made = made.options().clone();
    for key in ["output.data.format", "output.key.format"] {
        made.remove(key);
    }
    for (key, value) in [
        ("connector.class", DEBEZIUM),
        ("plugin.name", "pgoutput"),
        ("tasks.max", "1"),
        // What no one has created, the connector creates, as in the cloud.
        ("topic.creation.default.partitions", "1"),
        ("topic.creation.default.replication.factor", "1"),
    ] {
        made.insert(key.to_owned(), value.to_owned());
    }
    made.entry("poll.interval.ms".to_owned()).or_insert_with(|| "10".to_owned());
    let url = reach.registry_inside("/apis/registry/v2");
    for part in ["key.converter", "value.converter"] {
        if made.get(part).is_none_or(|class| !avro::is_converter(class)) {
            continue;
        }
        made.insert(part.to_owned(), avro::CONVERTER.to_owned());
        for (option, value) in [
            ("url", url.as_str()),
            ("auto-register", "true"),
            ("as-confluent", "true"),
            ("headers.enabled", "false"),
            ("use-id", "contentId"),
        ] {
            made.insert(format!("{part}.apicurio.registry.{option}"), value.to_owned());
        }
        let mode = "schema.name.adjustment.mode".to_owned();
        made.entry(mode).or_insert_with(|| "avro".to_owned());
    }
    Ok(made)
}

/// Which details of connectors are asked for.
#[derive(Debug, Deserialize)]
struct Expand {
    #[serde(default)]
    expand: Option<String>,
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Path((environment, cluster)): Path<Place>,
    Query(expand): Query<Expand>,
) -> Response {
    let listed = async {
        gateway.own_connectors((&environment, &cluster))?;
        let all = gateway.connectors.all().clone();
        let Some(wanted) = expand.expand else {
            return fine(&json!(all.keys().collect::<Vec<_>>()));
        };
        let mut map = serde_json::Map::new();
        for (name, managed) in &all {
            let mut one = serde_json::Map::new();
            for part in wanted.split(',') {
                let told = match part {
                    "info" => gateway.connector_json(name, managed),
                    "status" => gateway.status_json(name).await?,
                    "id" => json!({"id": managed.id, "id_type": "ID"}),
                    _ => continue,
                };
                one.insert(part.to_owned(), told);
            }
            map.insert(name.clone(), Value::Object(one));
        }
        fine(&Value::Object(map))
    };
    gateway.answered("/connect/", listed.await)
}

/// What a client asks to be created.
#[derive(Debug, Deserialize)]
struct Wanted {
    name: String,
    config: Options,
    #[serde(default)]
    offsets: Option<Vec<Value>>,
}

async fn create(
    State(gateway): State<Arc<Gateway>>,
    Path((environment, cluster)): Path<Place>,
    bytes: Bytes,
) -> Response {
    let created = async {
        gateway.own_connectors((&environment, &cluster))?;
        let wanted: Wanted = body(&bytes)?;
        if wanted.offsets.is_some_and(|offsets| !offsets.is_empty()) {
            let why = "a connector begins without offsets here; change them once it is there";
            return Err(Refusal::new(400, why));
        }
        if gateway.connectors.all().contains_key(&wanted.name) {
            let why = format!("Connector {} already exists", wanted.name);
            return Err(Refusal::new(409, why));
        }
        let managed = given(&gateway, &wanted.name, wanted.config).await?;
        Ok(json_of(201, &gateway.connector_json(&wanted.name, &managed)))
    };
    let created = created.await;
    gateway.answered("/connect/", created)
}

/// Gives a connector a configuration, and creates it where it is not there.
async fn given(gateway: &Gateway, name: &str, config: Options) -> Result<Managed, Refusal> {
    let submitted = submitted(name, &config, &gateway.reach).map_err(|wrong| {
        let all: Vec<String> = wrong.into_iter().map(|(_, why)| why).collect();
        Refusal::new(400, all.join("; "))
    })?;
    gateway.worker.put(name, &submitted).await.map_err(refused)?;
    let known = gateway.connectors.all().get(name).cloned();
    let id = match &known {
        Some(known) => known.id.clone(),
        None => {
            let letters = ids::letters(6).map_err(|error| Refusal::new(500, error))?;
            format!("lcc-{letters}")
        }
    };
    let request = known.and_then(|known| known.request);
    let managed = Managed { id, config, submitted, request };
    gateway.connectors.all().insert(name.to_owned(), managed.clone());
    Ok(managed)
}

async fn find(
    State(gateway): State<Arc<Gateway>>,
    Path((environment, cluster, name)): Path<Named>,
) -> Response {
    gateway.shown(&environment, &cluster, &name, |managed| gateway.connector_json(&name, managed))
}

async fn config(
    State(gateway): State<Arc<Gateway>>,
    Path((environment, cluster, name)): Path<Named>,
) -> Response {
    gateway.shown(&environment, &cluster, &name, |managed| {
        json!(gateway.shown_config(&name, &managed.config))
    })
}

async fn tasks(
    State(gateway): State<Arc<Gateway>>,
    Path((environment, cluster, name)): Path<Named>,
) -> Response {
    gateway.shown(&environment, &cluster, &name, |managed| {
        json!([{"id": {"connector": name, "task": 0},
            "config": gateway.shown_config(&name, &managed.config)}])
    })
}

impl Gateway {
    fn shown(
        &self,
        environment: &str,
        cluster: &str,
        name: &str,
        show: impl FnOnce(&Managed) -> Value,
    ) -> Response {
        let shown = || {
            self.own_connectors((environment, cluster))?;
            fine(&show(&self.connectors.named(name)?))
        };
        self.answered("/connect/", shown())
    }
}

async fn configure(
    State(gateway): State<Arc<Gateway>>,
    Path((environment, cluster, name)): Path<Named>,
    bytes: Bytes,
) -> Response {
    let configured = async {
        gateway.own_connectors((&environment, &cluster))?;
        let config: Options = body(&bytes)?;
        let managed = given(&gateway, &name, config).await?;
        fine(&gateway.connector_json(&name, &managed))
    };
    let configured = configured.await;
    gateway.answered("/connect/", configured)
}

async fn status(
    State(gateway): State<Arc<Gateway>>,
    Path((environment, cluster, name)): Path<Named>,
) -> Response {
    let found = async {
        gateway.own_connectors((&environment, &cluster))?;
        gateway.connectors.named(&name)?;
        fine(&gateway.status_json(&name).await?)
    };
    let found = found.await;
    gateway.answered("/connect/", found)
}

async fn pause(State(gateway): State<Arc<Gateway>>, Path(named): Path<Named>) -> Response {
    let asked = asked(&gateway, named, "pause").await;
    gateway.answered("/connect/", asked)
}

async fn resume(State(gateway): State<Arc<Gateway>>, Path(named): Path<Named>) -> Response {
    let asked = asked(&gateway, named, "resume").await;
    gateway.answered("/connect/", asked)
}

async fn asked(gateway: &Gateway, (environment, cluster, name): Named, what: &str) -> Answer {
    gateway.own_connectors((&environment, &cluster))?;
    gateway.connectors.named(&name)?;
    gateway.worker.ask(&name, what).await.map_err(refused)?;
    empty(202)
}

async fn delete(
    State(gateway): State<Arc<Gateway>>,
    Path((environment, cluster, name)): Path<Named>,
) -> Response {
    let deleted = async {
        gateway.own_connectors((&environment, &cluster))?;
        gateway.connectors.named(&name)?;
        gateway.worker.delete(&name).await.map_err(refused)?;
        gateway.connectors.all().remove(&name);
        fine(&json!({"error": null}))
    };
    let deleted = deleted.await;
    gateway.answered("/connect/", deleted)
}

async fn plugins(
    State(gateway): State<Arc<Gateway>>,
    Path((environment, cluster)): Path<Place>,
) -> Response {
    let listed = gateway.own_connectors((&environment, &cluster));
    let listed = listed.and_then(|()| {
        fine(&json!([{"class": CLASS, "type": "source", "version": env!("CARGO_PKG_VERSION")}]))
    });
    gateway.answered("/connect/", listed)
}

async fn validate(
    State(gateway): State<Arc<Gateway>>,
    Path((environment, cluster, class)): Path<Named>,
    bytes: Bytes,
) -> Response {
    let validated = async {
        gateway.own_connectors((&environment, &cluster))?;
        if class != CLASS {
            return Err(Refusal::absent("plugin", &class));
        }
        let config: Options = body(&bytes)?;
        let name = config.get("name").cloned().unwrap_or_default();
        let wrong = submitted(&name, &config, &gateway.reach).err().unwrap_or_default();
        let keys = config.keys().chain(wrong.iter().map(|(key, _)| key));
        let keys: std::collections::BTreeSet<&String> = keys.collect();
        let one = |(order, key): (usize, &&String)| {
            let errors = wrong.iter().filter(|(of, _)| of == *key).map(|(_, why)| why);
            let is_hidden = is_secret(key);
            let value = config.get(*key).map(|value| if is_hidden { HIDDEN } else { value });
            json!({
                "definition": {"name": key, "type": "STRING", "required": false,
                    "default_value": "", "importance": "MEDIUM", "documentation": "", "group": "",
                    "width": "NONE", "display_name": key, "dependents": [], "order": order + 1,
                    "alias": ""},
                "value": {"name": key, "value": value, "recommended_values": [],
                    "errors": errors.collect::<Vec<_>>(), "visible": true},
                "metadata": {},
            })
        };
        let configs: Vec<Value> = keys.iter().enumerate().map(one).collect();
        fine(&json!({"name": CLASS, "groups": [], "error_count": wrong.len(), "configs": configs}))
    };
    let validated = validated.await;
    gateway.answered("/connect/", validated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &[(&str, &str)]) -> Options {
        let base = [
            ("connector.class", CLASS),
            ("database.hostname", "127.0.0.1"),
            ("database.user", "u"),
            ("database.password", "p"),
            ("database.dbname", "d"),
            ("topic.prefix", "t"),
            ("output.data.format", "AVRO"),
            ("output.key.format", "JSON"),
            ("kafka.api.secret", "s"),
        ];
        let all = base.iter().chain(more);
        all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_managed_connector_is_debezium_on_the_worker() {
        let made = submitted("c", &config(&[]), &Reach::default()).unwrap();
        assert_eq!(made["connector.class"], DEBEZIUM);
        assert_eq!(made["value.converter"], avro::CONVERTER);
        assert_eq!(made["value.converter.apicurio.registry.as-confluent"], "true");
        assert!(!made.contains_key("kafka.api.secret") && !made.contains_key("output.data.format"));
    }

    #[test]
    fn all_that_is_missing_or_unknown_is_told() {
        let mut short = config(&[]);
        short.remove("topic.prefix");
        short.remove("database.dbname");
        let wrong = submitted("c", &short, &Reach::default()).unwrap_err();
        let keys: Vec<&str> = wrong.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["database.dbname", "topic.prefix"]);
        let unknown = config(&[("no.such.option", "1")]);
        let wrong = submitted("c", &unknown, &Reach::default()).unwrap_err();
        assert_eq!(wrong[0].0, "no.such.option");
        let other = Options::from([("connector.class".to_owned(), "Datagen".to_owned())]);
        assert!(submitted("c", &other, &Reach::default()).is_err());
    }
}
