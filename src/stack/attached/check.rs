//! What a stack of somebody else's has and lacks for runs, each lack with its cure.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::client::connect::Connect;
use crate::client::flink::{FlinkError, JobManager};
use crate::client::gateway;
use crate::client::kafka::{self, Admin, KafkaError};
use crate::client::postgres::{self, CONTROL_DATABASE, Connection, PostgresError};
use crate::client::reach::{Reach, TlsMode};
use crate::client::registry::Registry;
use crate::plan::needs::Capability;
use crate::scenario::timeline::Target;
use crate::stack::claim::{self, PREFIX};
use crate::stack::doctor::{Finding, Grade};
use crate::stack::{Profile, StackError};

/// How long one part may take to answer.
const LIMIT: Duration = Duration::from_secs(15);
/// The slots of a run: the connector's and the journal's.
const SLOTS: i64 = 2;
/// How old the metrics may be that a proof reads.
const METRICS: &str = "metrics.fetcher.update-interval";
/// The connector under test.
const DEBEZIUM: &str = "io.debezium.connector.postgresql.PostgresConnector";

/// One thing that was looked at.
pub type Line = Finding;

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// Line by line, part by part.
    pub lines: Vec<Line>,
    /// Component → version.
    pub versions: BTreeMap<String, String>,
    /// Flink has its connector for SQL, in which Kafka's classes have other names.
    pub(super) is_relocated: bool,
}

impl Checked {
    /// Whether a run would fail.
    pub fn is_lacking(&self) -> bool {
        self.lines.iter().any(|line| line.grade == Grade::Missing)
    }

    /// All lacks as one error.
    pub(in crate::stack) fn refuse(&self, name: &str) -> Result<(), StackError> {
        let lacks = self.lines.iter().filter(|line| line.grade == Grade::Missing);
        let told: Vec<_> = lacks
            .map(|line| {
                let mend = line.mend.as_deref().unwrap_or_default();
                format!("{}: {}: {}\n  to mend it: {mend}", name, line.name, line.found)
            })
            .collect();
        if told.is_empty() { Ok(()) } else { Err(StackError::Keeper(told.join("\n"))) }
    }

    pub(in crate::stack) fn good(&mut self, name: &str, found: impl Into<String>) {
        self.line(name, Grade::Good, found, None);
    }

    pub(in crate::stack) fn lack(
        &mut self,
        name: &str,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.line(name, Grade::Missing, found, Some(mend.into()));
    }

    pub(in crate::stack) fn line(
        &mut self,
        name: &str,
        grade: Grade,
        found: impl Into<String>,
        mend: Option<String>,
    ) {
        self.lines.push(Line { name: name.to_owned(), grade, found: found.into(), mend });
    }

    pub(in crate::stack) fn version(&mut self, component: &str, version: impl Into<String>) {
        self.versions.insert(component.to_owned(), version.into());
    }
}

/// Looks at every part, side by side.
pub(super) async fn check(at: &Reach, profile: &Profile) -> Checked {
    let (postgres, (kafka, cluster), connect, flink, gateway, registry) = futures::join!(
        of_postgres(at),
        of_kafka(at),
        connect(at),
        flink(at),
        gateway(at),
        registry(at),
    );
    let (mut connect, theirs) = connect;
    if let (Some(ours), Some(theirs)) = (cluster, theirs)
        && ours != theirs
    {
        connect.lack(
            "connect",
            format!(
                "its worker writes to another Kafka cluster ({theirs}) than `kafka` names ({ours})"
            ),
            "name the brokers of the worker's `bootstrap.servers` under `kafka`",
        );
    }
    let mut all = Checked::default();
    for part in [postgres, kafka, connect, flink, gateway, registry] {
        all.lines.extend(part.lines);
        all.versions.extend(part.versions);
        all.is_relocated |= part.is_relocated;
    }
    all.good(
        "scenarios",
        format!("may ask for tables, topics and statements of their own, {}", further(profile)),
    );
    all
}

/// What a scenario may ask for besides, faults by part.
fn further(profile: &Profile) -> String {
    let mut faults = BTreeMap::<Target, Vec<String>>::new();
    let mut rest = Vec::new();
    for capability in &profile.capabilities {
        match capability {
            Capability::Fault(verb, target) => {
                faults.entry(*target).or_default().push(verb.to_string());
            }
            other => rest.push(other.to_string()),
        }
    }
    let of = |(target, verbs): (Target, Vec<String>)| format!("{} of {target}", verbs.join("/"));
    let all: Vec<_> = faults.into_iter().map(of).chain(rest).collect();
    if all.is_empty() { "and no more".to_owned() } else { format!("and: {}", all.join(", ")) }
}

/// What a look gives, or that nothing came in time.
pub(in crate::stack) async fn in_time<T, E: fmt::Display>(
    look: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match tokio::time::timeout(LIMIT, look).await {
        Ok(looked) => looked.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {LIMIT:?}")),
    }
}

pub(in crate::stack) async fn of_postgres(at: &Reach) -> Checked {
    let mut found = Checked::default();
    let connecting = postgres::connect(at, CONTROL_DATABASE, "changeproof check");
    let connected = match tokio::time::timeout(LIMIT, connecting).await {
        Ok(connected) => connected,
        Err(_) => Err(PostgresError {
            doing: "connecting".to_owned(),
            message: format!("no answer within {LIMIT:?}"),
            ..PostgresError::default()
        }),
    };
    let session = match connected {
        Ok(session) => session,
        Err(error) => {
            let mend = match error.sqlstate.as_deref() {
                Some("28P01" | "28000") => "mend `postgres.url` and `postgres.password`",
                _ => "mend `postgres.url` and `postgres.tls`, or start the server",
            };
            found.lack("postgres", format!("{}: {error}", at.postgres.at.outside), mend);
            return found;
        }
    };
    if let Err(error) = in_time(server(at, &session, &mut found)).await {
        found.lack("postgres", error, "let the user read the catalogs");
    }
    found
}

/// The answers of the server, in this order.
const ASKED: &str = "SELECT current_setting('server_version'), rolcreatedb OR rolsuper, \
    rolreplication OR rolsuper, rolsuper, \
    has_parameter_privilege('session_replication_role', 'SET'), current_setting('wal_level'), \
    current_setting('synchronous_commit'), \
    current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots), \
    current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_replication) \
    FROM pg_roles WHERE rolname = current_user";

/// Version, rights, settings and room of the server.
async fn server(
    at: &Reach,
    session: &Connection,
    found: &mut Checked,
) -> Result<(), PostgresError> {
    let row = session.rows(ASKED).await?.into_iter().next().unwrap_or_default();
    let mut cells = row.into_iter().map(Option::unwrap_or_default);
    let mut next = || cells.next().unwrap_or_default();
    let version = next().split(' ').next().unwrap_or_default().to_owned();
    let user = &at.postgres.user;
    let tls = match at.postgres.tls.mode {
        TlsMode::Disable => "no TLS".to_owned(),
        mode => format!("TLS ({})", mode.word()),
    };
    found.good("postgres", format!("{version} at {}, {tls}, as {user}", at.postgres.at.outside));
    found.version("postgres", version);
    rights(user, [next(), next(), next(), next()], found);
    settings([next(), next()], found);
    room([next(), next()], found);
    Ok(())
}

fn rights(
    user: &str,
    [creates, replicates, is_superuser, may_replay]: [String; 4],
    found: &mut Checked,
) {
    for (has, name, what) in [
        (creates, "CREATEDB", "create databases: each run has one of its own"),
        (replicates, "REPLICATION", "create and read replication slots"),
    ] {
        if has == "t" {
            found.good(name, format!("{user} may {what}"));
        } else {
            let told = format!("{user} may not {what}");
            found.lack(name, told, format!("as a superuser: ALTER ROLE {user} {name}"));
        }
    }
    if may_replay != "t" {
        let told = format!(
            "{user} may not set session_replication_role: scenarios whose source DDL leaves rows \
             behind end as `stack not up`"
        );
        let mend =
            format!("as a superuser: GRANT SET ON PARAMETER session_replication_role TO {user}");
        found.line("rows", Grade::Doubtful, told, Some(mend));
    }
    if is_superuser == "t" {
        let told = format!("{user} is a superuser, and so is the SQL of every scenario");
        let mend = "use a user with CREATEDB and REPLICATION alone".to_owned();
        found.line("rights", Grade::Doubtful, told, Some(mend));
    }
}

fn settings([level, commit]: [String; 2], found: &mut Checked) {
    for (name, has, wanted, mend) in [
        (
            "wal_level",
            level,
            "logical",
            "set wal_level = logical in postgresql.conf and restart the server",
        ),
        (
            "synchronous_commit",
            commit,
            "on",
            "ALTER ROLE … SET synchronous_commit = on, for the user of `postgres.url`",
        ),
    ] {
        if has == wanted {
            found.good(name, has);
        } else {
            found.lack(name, format!("it is `{has}`, and must be `{wanted}`"), mend);
        }
    }
}

fn room([slots, senders]: [String; 2], found: &mut Checked) {
    for (name, free, needed, setting) in [
        ("slots", slots, SLOTS, "max_replication_slots"),
        ("walsenders", senders, 1, "max_wal_senders"),
    ] {
        let free: i64 = free.parse().unwrap_or(0);
        if free >= needed {
            found.good(name, format!("{free} free"));
        } else {
            let told = format!("{free} free, and a run needs {needed}");
            found.lack(name, told, format!("raise {setting}, or drop what nobody uses"));
        }
    }
}

pub(in crate::stack) async fn of_kafka(at: &Reach) -> (Checked, Option<String>) {
    let mut found = Checked::default();
    let security = &at.kafka.outside.security;
    let looked = in_time(async {
        let cluster = kafka::cluster(at).await?;
        Ok::<_, KafkaError>((Admin::new(at)?, cluster))
    });
    let (admin, cluster) = match looked.await {
        Ok(looked) => looked,
        Err(error) => {
            let mend = "mend `kafka.bootstrap` and `kafka.security`, or start the brokers";
            found.lack("kafka", format!("{}: {error}", at.kafka.outside.bootstrap), mend);
            return (found, None);
        }
    };
    let how = match &security.sasl {
        Some(sasl) => {
            format!("{} {} as {}", security.protocol(), sasl.mechanism.word(), sasl.login.user)
        }
        None => security.protocol().to_owned(),
    };
    let brokers = cluster.brokers;
    found.good("kafka", format!("{brokers} broker(s) at {}, {how}", at.kafka.outside.bootstrap));
    // Nobody has anything of this name.
    let name = format!("{PREFIX}{}", claim::token());
    let topics = in_time(async {
        admin.may_create(&name).await?;
        admin.delete(&[&name]).await
    });
    let topics = topics.await;
    let groups = in_time(admin.delete_groups(&[&name])).await;
    for (what, looked) in [("topics", topics), ("groups", groups)] {
        match looked {
            Ok(()) => found.good(what, "may be made and removed"),
            Err(error) => found.lack(
                what,
                format!("those of runs are refused: {error}"),
                format!("let the user do everything with {what} that begin with `{PREFIX}`"),
            ),
        }
    }
    (found, cluster.id)
}

async fn connect(at: &Reach) -> (Checked, Option<String>) {
    let mut found = Checked::default();
    let looked = in_time(async {
        let connect = Connect::new(at)?;
        let worker = connect.worker().await?;
        Ok::<_, crate::client::connect::ConnectError>((worker, connect.plugins().await?))
    });
    let (worker, plugins) = match looked.await {
        Ok(looked) => looked,
        Err(error) => {
            let told = format!("{}: {error}", at.connect.url);
            found.lack("connect", told, "mend `connect`, or start the worker");
            return (found, None);
        }
    };
    found.good("connect", format!("{} at {}", worker.version, at.connect.url));
    found.version("connect", worker.version);
    match plugins.into_iter().find(|plugin| plugin.class == DEBEZIUM) {
        Some(plugin) => {
            let version = plugin.version.unwrap_or_default();
            found.good("plugin", format!("Debezium {version}"));
            found.version("debezium", version);
        }
        None => found.lack(
            "plugin",
            format!("the worker has no {DEBEZIUM}"),
            "put debezium-connector-postgres into the worker's plugin.path and restart it",
        ),
    }
    (found, worker.kafka_cluster_id)
}

async fn flink(at: &Reach) -> Checked {
    let mut found = Checked::default();
    let looked = in_time(async {
        let flink = JobManager::new(at)?;
        let overview = flink.overview().await?;
        Ok::<_, FlinkError>((overview, flink.option(METRICS).await?, flink.class_path().await?))
    });
    let (overview, metrics, classes) = match looked.await {
        Ok(looked) => looked,
        Err(error) => {
            let mend = "mend `flink.rest`, or start the JobManager: a run proves from its REST API \
                        that nothing more can arrive";
            found.lack("flink", format!("{}: {error}", at.flink.url), mend);
            return found;
        }
    };
    let told = format!(
        "{} at {}, {} of {} slots free",
        overview.version, at.flink.url, overview.slots_available, overview.slots_total
    );
    if overview.slots_available == 0 {
        found.lack("flink", told, "start a TaskManager, or end jobs that nobody needs");
    } else {
        found.good("flink", told);
    }
    found.version("flink", overview.version);
    // Elsewhere its connector lies beside the client's own jar.
    found.is_relocated = !classes.iter().any(|jar| jar.contains("/kafka-clients-"));
    match metrics {
        Some(interval) => found.good("metrics", format!("{METRICS} is {interval}")),
        None => found.line(
            "metrics",
            Grade::Doubtful,
            format!("{METRICS} is 10 s, and each proof waits for metrics several times"),
            Some(format!("write `{METRICS}: 100` into Flink's configuration")),
        ),
    }
    found
}

async fn gateway(at: &Reach) -> Checked {
    let mut found = Checked::default();
    match in_time(gateway::version(at)).await {
        Ok(version) => found.good("gateway", format!("{version} at {}", at.gateway.url)),
        Err(error) => {
            let told = format!("{}: {error}", at.gateway.url);
            found.lack("gateway", told, "mend `flink.gateway`, or start the SQL Gateway");
        }
    }
    found
}

pub(in crate::stack) async fn registry(at: &Reach) -> Checked {
    let mut found = Checked::default();
    let Some(place) = &at.registry else {
        found.line("registry", Grade::Good, "none: scenarios with Avro are not run", None);
        return found;
    };
    let subjects = in_time(async {
        match Registry::of(at)? {
            Some(registry) => registry.subjects("").await.map(|subjects| subjects.len()),
            None => Ok(0),
        }
    });
    match subjects.await {
        Ok(n) => found.good("registry", format!("{n} subjects at {}", place.outside.url)),
        Err(error) => {
            let told = format!("{}: {error}", place.outside.url);
            found.lack("registry", told, "mend `registry`, or start it");
        }
    }
    found
}
