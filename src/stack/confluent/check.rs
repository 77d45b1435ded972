//! What an environment has and lacks for runs, each lack with its cure.

use std::time::Duration;

use super::is_named;
use super::reach::{Places, Services};
use crate::client::cloud::places::Cluster;
use crate::client::cloud::{CloudError, Patience};
use crate::scenario::stack::Confluent as Written;
use crate::stack::attached::check::{Checked, in_time, of_kafka, of_postgres, registry};
use crate::stack::claim::PREFIX;
use crate::stack::doctor::Grade;

/// How long one call is tried: somebody waits for the answer.
const PATIENCE: Patience = Patience { call: Duration::from_secs(10), key: Duration::from_secs(3) };
/// The managed connector under test.
pub(super) const CONNECTOR: &str = "PostgresCdcSourceV2";

/// Looks at every part, side by side.
pub(super) async fn check(written: &Written, places: &Places) -> Checked {
    let at = &places.reach;
    let (cloud, postgres, (kafka, _), registry) =
        futures::join!(of_cloud(written, places), of_postgres(at), of_kafka(at), registry(at));
    let mut all = Checked::default();
    for part in [cloud, postgres, kafka, registry] {
        all.lines.extend(part.lines);
        all.versions.extend(part.versions);
    }
    source_is_seen(written, &mut all);
    all
}

/// The parts behind the cloud's own keys.
async fn of_cloud(written: &Written, places: &Places) -> Checked {
    let mut found = Checked::default();
    let services = |environment: &str| places.services(written, environment, PATIENCE);
    let cloud = match services(&written.environment) {
        Ok(services) => services.cloud,
        Err(error) => {
            found.lack("cloud", error.to_string(), "mend `cloud`, `flink` and `ca`");
            return found;
        }
    };
    let environments = match cloud.environments().await {
        Ok(all) => all,
        Err(error) => {
            let mend = key_mend("cloud", &error, "mend `cloud`");
            found.lack("cloud", error.to_string(), mend);
            return found;
        }
    };
    let Some(environment) = environments.iter().find(|one| is_named(one, &written.environment))
    else {
        let names: Vec<_> = environments.iter().map(|one| one.id.as_str()).collect();
        let told = format!("the key sees no environment `{}`", written.environment);
        let mend = format!("name one that it sees ({}), or give it a role there", names.join(", "));
        found.lack("environment", told, mend);
        return found;
    };
    found.good("environment", format!("{} ({})", environment.id, environment.display_name));
    match services(&environment.id) {
        Ok(services) => {
            let id = &environment.id;
            cluster(written, &services, id, &mut found).await;
            pool(written, &services, id, &mut found).await;
            principal(written, &services, &mut found).await;
            statements(&services, &mut found).await;
            connectors(written, &services, &mut found).await;
            topics(&services, &mut found).await;
        }
        Err(error) => found.lack("cloud", error.to_string(), "mend `cloud` and `flink`"),
    }
    found
}

/// What mends a refused call.
fn key_mend(api: &str, error: &CloudError, otherwise: &str) -> String {
    match error.status() {
        Some(401) => format!(
            "make a key for that API and put it into the variables of `keys.{api}`; each API has keys \
             of its own, and a new one works after some seconds"
        ),
        Some(403) => format!("give the owner of `keys.{api}` a role there"),
        Some(429) => "try again in a minute: too many calls come from this address".to_owned(),
        _ => otherwise.to_owned(),
    }
}

async fn cluster(written: &Written, services: &Services, environment: &str, found: &mut Checked) {
    let clusters = match services.cloud.clusters(environment).await {
        Ok(clusters) => clusters,
        Err(error) => {
            let mend = key_mend("cloud", &error, "mend `cloud`");
            found.lack("cluster", error.to_string(), mend);
            return;
        }
    };
    let at = &written.cluster;
    let Some(Cluster { spec, status, .. }) = clusters.iter().find(|one| one.id == at.id) else {
        let told = format!("there is no cluster `{}` in the environment", at.id);
        found.lack("cluster", told, "mend `cluster.id`, or give the key a role there");
        return;
    };
    let told = format!("{} ({}), {} in {}", at.id, spec.display_name, status.phase, spec.region);
    if status.phase == "PROVISIONED" {
        found.good("cluster", told);
    } else {
        found.lack("cluster", told, "wait until it is PROVISIONED");
    }
    let bootstrap = spec.kafka_bootstrap_endpoint.trim_start_matches("SASL_SSL://");
    if !bootstrap.is_empty() && bootstrap != at.bootstrap {
        let told = format!("its brokers are at {bootstrap}, and the file says {}", at.bootstrap);
        let mend = "mend `cluster.bootstrap`, unless that is a private way there".to_owned();
        found.line("cluster", Grade::Doubtful, told, Some(mend));
    }
    if at.name.as_ref().is_some_and(|name| *name != spec.display_name) {
        let told = format!("its name is `{}`, by which Flink knows it", spec.display_name);
        found.lack("cluster", told, "mend `cluster.name`, or leave it out");
    }
}

async fn pool(written: &Written, services: &Services, environment: &str, found: &mut Checked) {
    let (name, budget) = (&written.compute_pool, written.budget.max_cfu);
    let pool = match services.cloud.pool(environment, name).await {
        Ok(pool) => pool,
        Err(error) if error.is_missing() => {
            let told = format!("there is no compute pool `{name}`");
            found.lack("compute pool", told, "mend `compute_pool`, or make one in the environment");
            return;
        }
        Err(error) => {
            let mend = key_mend("cloud", &error, "mend `cloud`");
            found.lack("compute pool", error.to_string(), mend);
            return;
        }
    };
    let (spec, status) = (pool.spec, pool.status);
    let told = format!(
        "{name} in {}, {}, {} of {} CFU used",
        spec.region, status.phase, status.current_cfu, spec.max_cfu
    );
    if status.phase != "PROVISIONED" {
        found.lack("compute pool", told, "wait until it is PROVISIONED");
    } else if status.current_cfu >= spec.max_cfu {
        found.lack("compute pool", told, "stop statements that nobody needs, or raise its limit");
    } else {
        found.good("compute pool", told);
    }
    if spec.max_cfu > budget {
        let told = format!("it may grow to {} CFU, and `budget.max_cfu` is {budget}", spec.max_cfu);
        let mend = "lower its limit, or raise the budget".to_owned();
        found.line("budget", Grade::Doubtful, told, Some(mend));
    }
}

async fn principal(written: &Written, services: &Services, found: &mut Checked) {
    let Some(principal) = written.principal.as_ref().filter(|one| one.starts_with("sa-")) else {
        return;
    };
    match services.cloud.service_accounts().await {
        Ok(all) => match all.iter().find(|one| one.id == *principal) {
            Some(one) => found.good("principal", format!("{principal} ({})", one.display_name)),
            None => {
                let told = format!("there is no service account `{principal}`");
                found.lack("principal", told, "mend `principal`, or leave it out");
            }
        },
        Err(error) => {
            let mend = key_mend("cloud", &error, "mend `cloud`");
            found.line("principal", Grade::Doubtful, error.to_string(), Some(mend));
        }
    }
}

async fn statements(services: &Services, found: &mut Checked) {
    match services.statements.list(Some((super::LABEL, "none"))).await {
        Ok(_) => found.good("statements", "may be listed"),
        Err(error) => {
            let otherwise = "mend `organization` and `flink` (or `provider` and `region`, which are \
                             those of the compute pool)";
            let mend = key_mend("flink", &error, otherwise);
            found.lack("statements", error.to_string(), mend);
        }
    }
}

async fn connectors(written: &Written, services: &Services, found: &mut Checked) {
    let (there, plugins) =
        futures::join!(services.connectors.list(""), services.connectors.plugins());
    match there {
        Ok(there) => {
            let (n, most) = (there.len(), written.budget.max_connectors);
            let told = format!("{n} there, and runs of this file may have {most} at once");
            found.good("connectors", told);
            let left = there.iter().filter(|name| name.starts_with(PREFIX)).count();
            if left > 0 {
                let told = format!("{left} of them are of runs");
                let mend = "if no run is under way: `changeproof stack sweep` with this file";
                found.line("connectors", Grade::Doubtful, told, Some(mend.to_owned()));
            }
        }
        Err(error) => {
            let mend = key_mend("cloud", &error, "mend `cloud` and `cluster.id`");
            found.lack("connectors", error.to_string(), mend);
        }
    }
    match plugins {
        Ok(plugins) => match plugins.into_iter().find(|plugin| plugin.class == CONNECTOR) {
            Some(plugin) => {
                let version = plugin.version.unwrap_or_default();
                found.good("plugin", format!("{CONNECTOR} {version}"));
                found.version("connector", version);
            }
            None => found.lack(
                "plugin",
                format!("the cluster offers no {CONNECTOR}"),
                "use a cluster in a region that has it",
            ),
        },
        Err(error) => {
            let mend = key_mend("cloud", &error, "mend `cloud` and `cluster.id`");
            found.lack("plugin", error.to_string(), mend);
        }
    }
}

async fn topics(services: &Services, found: &mut Checked) {
    let Some(topics) = &services.topics else { return };
    match in_time(topics.list(PREFIX)).await {
        Ok(_) => found.good("rest", "topics may be listed over the cluster's REST API"),
        Err(error) => found.lack("rest", error, "mend `cluster.rest` and `keys.kafka`"),
    }
}

/// A connector in the cloud does not see this machine.
fn source_is_seen(written: &Written, found: &mut Checked) {
    let at = written.postgres.inside.as_ref().unwrap_or(&written.postgres.at);
    let is_here = ["localhost", "127.0.0.1", "[::1]", "::1"].contains(&at.host.as_str());
    if is_here && written.cloud.contains("confluent.cloud") {
        let told = format!(
            "the connector must reach Postgres at {}:{}, which is itself",
            at.host, at.port
        );
        let mend = "write `postgres.seen_from_components: HOST:PORT`, as the cloud reaches it";
        found.lack("source", told, mend);
    }
}
