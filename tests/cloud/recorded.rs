//! Answers that were recorded, or made on the model of real ones.

use changeproof::client::cloud::connectors::Status;
use changeproof::client::cloud::places::{Cluster, Named, Pool};
use changeproof::client::cloud::results::{Page, folded};
use changeproof::client::cloud::statements::{Phase, Statement, offsets};
use changeproof::client::cloud::tableflow::Table;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::documents::folder;

fn read<T: DeserializeOwned>(path: &str) -> T {
    let text = fs_err::read_to_string(folder().unwrap().join(path)).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn recorded_pages_fold_to_the_rows_that_were_there() {
    if folder().is_none() {
        return;
    }
    let statement: Statement = read("recorded/create-statement-response.json");
    let traits = statement.status.traits.unwrap();
    let columns = traits.schema.unwrap().columns.unwrap();
    let pages = (1..=5).map(|n| read::<Page>(&format!("recorded/get-statement-results-{n}.json")));
    let sizes: Vec<_> = pages.clone().map(|page| page.changes().len()).collect();
    assert_eq!(sizes, [0, 1, 399, 68, 0]);
    let changes: Vec<_> = pages.flat_map(Page::changes).collect();
    let rows = folded(changes, traits.upsert_columns.as_deref()).unwrap();
    let mut rows: Vec<Value> = rows
        .into_iter()
        .map(|row| {
            let names = columns.iter().map(|column| column.name.clone());
            Value::Object(itertools::zip_eq(names, row).collect())
        })
        .collect();
    let mut expected: Vec<Value> = read("recorded/expected-parsed-results.json");
    for all in [&mut rows, &mut expected] {
        all.sort_by_key(Value::to_string);
    }
    assert_eq!(rows, expected);
}

#[test]
fn statements_that_the_provider_knows_are_read() {
    if folder().is_none() {
        return;
    }
    for (file, phase) in [
        ("read_pending", Phase::Pending),
        ("read_running", Phase::Running),
        ("read_stopped", Phase::Stopped),
        ("read_deleting", Phase::Deleting),
    ] {
        let path = format!("provider/flink_statement/{file}_flink_statement.json");
        assert_eq!(read::<Statement>(&path).status.phase, phase, "{path}");
    }
    let stopped: Statement = read("provider/flink_statement/read_stopped_flink_statement.json");
    let told = stopped.status.latest_offsets.unwrap();
    // The number there is none of 63 bits: it stands for no offset.
    assert!(offsets(&told["customers_source"]).values().all(Option::is_none), "{told:?}");
}

#[test]
fn everything_else_that_the_provider_knows_is_read() {
    if folder().is_none() {
        return;
    }
    let provisioning: Status = read("provider/connector/managed/read_provisioning_connector.json");
    assert_eq!(provisioning.connector.state, "PROVISIONING");
    let pool: Pool = read("provider/compute_pool/read_created_compute_pool.json");
    assert!(pool.id.starts_with("lfcp-") && pool.spec.max_cfu > 0, "{pool:?}");
    let data = |path: &str| read::<Value>(path)["data"].clone();
    let environments: Vec<Named> =
        serde_json::from_value(data("provider/environment/read_envs.json")).unwrap();
    assert!(!environments.is_empty());
    let registries: Vec<Cluster> =
        serde_json::from_value(data("provider/schema_registry_cluster/read_clusters.json"))
            .unwrap();
    assert!(registries.iter().all(|one| one.spec.http_endpoint.starts_with("https://")));
    let table: Table = read("provider/tableflow_topic/read_created_managed_storage_tt.json");
    assert_eq!(
        (table.status.phase.as_str(), table.spec.storage.kind.as_str()),
        ("RUNNING", "Managed")
    );
}
