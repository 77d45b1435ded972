//! Every call that a client makes, and every answer that it is tested with, against the documents.

use std::time::Duration;

use changeproof::client::cloud::connectors::Connectors;
use changeproof::client::cloud::statements::{New, Statements};
use changeproof::client::cloud::tableflow::Tables;
use changeproof::client::cloud::topics::Topics;
use serde_json::json;

use crate::documents::document;
use crate::server::{Answer, Server};

/// Holds all that was asked of a server against a document.
#[track_caller]
fn holds(server: &Server, name: &str, n: usize) {
    let Some(document) = document(name) else { return };
    let asked = server.asked();
    assert_eq!(asked.len(), n, "{asked:#?}");
    for one in asked {
        let broken = document.request((&one.method, &one.target), &one.media, &one.body);
        assert!(broken.is_empty(), "{one:#?} breaks {name}: {broken:#?}");
        assert!(one.login, "{one:?} goes without the key");
    }
}

/// Holds an answer that a test gives against a document.
#[track_caller]
fn answers(name: &str, call: (&str, &str), status: u16, body: &str) {
    let Some(document) = document(name) else { return };
    let mut broken = document.answer(call, status, body);
    // The document demands these of the answer to a create and of a page of results; the recorded
    // answers have neither.
    let unheard =
        ["\"statement_name\" is a required property", ": \"data\" is a required property"];
    broken.retain(|one| !unheard.iter().any(|unheard| one.ends_with(unheard)));
    assert!(broken.is_empty(), "{body} breaks {name}: {broken:#?}");
}

fn statement(phase: &str) -> String {
    json!({
        "api_version": "sql/v1", "kind": "Statement", "name": "cp-t",
        "organization_id": "9bb441c4-edef-46ac-8a41-c49e44a3fd9a", "environment_id": "env-1",
        "metadata": {
            "self": "https://flink.us-east-1.aws.confluent.cloud/sql/v1/x", "resource_version": "1",
            "labels": {"user.confluent.io/changeproof-run": "t"},
        },
        "spec": {"statement": "SELECT 1", "properties": {}, "compute_pool_id": "lfcp-1", "stopped": false},
        "status": {"phase": phase, "detail": ""},
    })
    .to_string()
}

#[tokio::test]
async fn calls_about_statements_are_those_of_the_document() {
    let (there, none) = (statement("RUNNING"), r#"{"errors":[{"detail":"no such"}]}"#);
    let path = "/sql/v1/organizations/o/environments/env-1/statements";
    answers("flink-gateway-v1.yaml", ("POST", path), 201, &there);
    let list = format!(
        r#"{{"api_version":"sql/v1","kind":"StatementList","metadata":{{}},"data":[{there}]}}"#
    );
    answers("flink-gateway-v1.yaml", ("GET", path), 200, &list);
    let page = r#"{"api_version":"sql/v1","kind":"StatementResult","metadata":{},"results":{"data":[{"op":0,"row":["1"]}]}}"#;
    answers("flink-gateway-v1.yaml", ("GET", &format!("{path}/cp-t/results")), 200, page);
    let thrown =
        r#"{"api_version":"sql/v1","kind":"StatementExceptionList","metadata":{},"data":[]}"#;
    answers("flink-gateway-v1.yaml", ("GET", &format!("{path}/cp-t/exceptions")), 200, thrown);
    let replies = [
        (201, there.as_str()),
        (200, &there),
        (200, &list),
        (200, &there),
        (202, ""),
        (200, &there),
        (200, page),
        (200, thrown),
        (202, ""),
        (404, none),
    ];
    let replies = replies.map(|(status, body)| Answer::json(status, body)).to_vec();
    let server = Server::answering(replies).await;
    let of = Statements::new(server.api(), "9bb441c4-edef-46ac-8a41-c49e44a3fd9a", "env-1");
    let new = New {
        name: "cp-t".to_owned(),
        labels: [("changeproof-run".to_owned(), "t".to_owned())].into(),
        statement: "SELECT 1".to_owned(),
        properties: [("sql.current-catalog".to_owned(), "env-1".to_owned())].into(),
        compute_pool: Some("lfcp-1".to_owned()),
        principal: Some("sa-1".to_owned()),
    };
    let limit = Duration::from_secs(5);
    of.create(&new).await.unwrap();
    of.get("cp-t").await.unwrap().unwrap();
    assert_eq!(of.list(Some(("changeproof-run", "t"))).await.unwrap().len(), 1);
    of.set_stopped("cp-t", true).await.unwrap();
    of.patch_stopped("cp-t", false).await.unwrap();
    assert_eq!(of.results("cp-t", limit).await.unwrap().len(), 1);
    assert!(of.exceptions("cp-t").await.unwrap().is_empty());
    assert!(of.delete("cp-t", limit).await.unwrap());
    holds(&server, "flink-gateway-v1.yaml", 10);
}

fn config() -> std::collections::BTreeMap<String, String> {
    let pairs = [
        ("connector.class", "PostgresCdcSourceV2"),
        ("name", "cp_t"),
        ("kafka.api.key", "K"),
        ("kafka.api.secret", "S"),
        ("database.dbname", "cp_t"),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

#[tokio::test]
async fn calls_about_connectors_are_those_of_the_document() {
    let below = "/connect/v1/environments/env-1/clusters/lkc-1";
    let one = json!({"name": "cp_t", "type": "source", "tasks": [], "config": {
        "cloud.environment": "prod", "cloud.provider": "aws", "connector.class": "PostgresCdcSourceV2",
        "name": "cp_t", "kafka.endpoint": "SASL_SSL://x:9092", "kafka.region": "us-east-1",
        "kafka.api.key": "****", "kafka.api.secret": "****", "database.dbname": "cp_t",
    }})
    .to_string();
    let status = r#"{"name":"cp_t","type":"source","connector":{"state":"RUNNING","worker_id":"cp_t","trace":""},"tasks":[{"id":0,"state":"RUNNING","worker_id":"cp_t","msg":""}]}"#;
    let valid = r#"{"name":"x","groups":[],"error_count":1,"configs":[{"value":{"name":"a","errors":["no"]}}]}"#;
    let asked =
        r#"{"id":"lcc-1","name":"cp_t","requested_at":"2025-02-08T20:06:20Z","type":"DELETE"}"#;
    let applied =
        format!(r#"{{"request":{asked},"status":{{"phase":"APPLIED"}},"previous_offsets":[]}}"#);
    let connectors = format!("{below}/connectors");
    let of_one = format!("{connectors}/cp_t");
    let name = "connect-v1.yaml";
    answers(name, ("POST", &connectors), 201, &one);
    answers(name, ("GET", &of_one), 200, &one);
    answers(name, ("GET", &format!("{of_one}/status")), 200, status);
    answers(name, ("PUT", &format!("{below}/connector-plugins/x/config/validate")), 200, valid);
    answers(name, ("POST", &format!("{of_one}/offsets/request")), 202, asked);
    answers(name, ("GET", &format!("{of_one}/offsets/request/status")), 200, &applied);
    let replies = [
        (200, valid),
        (404, r#"{"error":{"code":404,"message":"none"}}"#),
        (201, one.as_str()),
        (200, &one),
        (200, &one),
        (200, status),
        (200, "[]"),
        (202, ""),
        (202, ""),
        (200, r#"["cp_t","other"]"#),
        (200, r#"[{"class":"PostgresCdcSourceV2","type":"source"}]"#),
        (200, r#"{"name":"cp_t","offsets":[{"partition":{},"offset":{"lsn":1}}]}"#),
        (202, asked),
        (200, &applied),
        (200, r#"{"error":null}"#),
    ];
    let replies = replies.map(|(status, body)| Answer::json(status, body)).to_vec();
    let server = Server::answering(replies).await;
    let of = Connectors::new(server.api(), "env-1", "lkc-1");
    assert_eq!(of.validate("PostgresCdcSourceV2", &config()).await.unwrap().len(), 1);
    of.put("cp_t", &config()).await.unwrap();
    of.put("cp_t", &config()).await.unwrap();
    of.status("cp_t").await.unwrap().unwrap();
    assert_eq!(of.tasks("cp_t").await.unwrap(), 0);
    of.ask("cp_t", "pause").await.unwrap();
    of.ask("cp_t", "resume").await.unwrap();
    assert_eq!(of.list("cp_").await.unwrap(), ["cp_t"]);
    assert_eq!(of.plugins().await.unwrap().len(), 1);
    assert_eq!(of.offsets("cp_t").await.unwrap().len(), 1);
    of.lose_offsets("cp_t", Duration::from_secs(5)).await.unwrap();
    assert!(of.delete("cp_t").await.unwrap());
    holds(&server, name, 15);
}

#[tokio::test]
async fn calls_about_places_are_those_of_the_documents() {
    let empty = || Server::answering(vec![Answer::json(200, r#"{"metadata":{},"data":[]}"#)]);
    let server = empty().await;
    server.api().organizations().await.unwrap();
    server.api().environments().await.unwrap();
    holds(&server, "org-v2.yaml", 2);
    let server = empty().await;
    server.api().clusters("env-1").await.unwrap();
    holds(&server, "cmk-v2.yaml", 1);
    let server = empty().await;
    server.api().registries("env-1").await.unwrap();
    holds(&server, "srcm-v3.yaml", 1);
    let server = empty().await;
    server.api().service_accounts().await.unwrap();
    holds(&server, "iam-v2.yaml", 1);
    let key = r#"{"id":"K","spec":{"owner":{"id":"sa-1"},"resource":{"id":"lkc-1"}}}"#;
    let server = Server::answering(vec![Answer::json(200, key)]).await;
    server.api().api_key("K").await.unwrap();
    holds(&server, "apikeys-v2.yaml", 1);
    let pool =
        r#"{"id":"lfcp-1","spec":{"max_cfu":5},"status":{"phase":"PROVISIONED","current_cfu":0}}"#;
    let list = format!(r#"{{"metadata":{{}},"data":[{pool}]}}"#);
    let server = Server::answering(vec![Answer::json(200, pool), Answer::json(200, list)]).await;
    server.api().pool("env-1", "lfcp-1").await.unwrap();
    server.api().pools("env-1").await.unwrap();
    holds(&server, "flink-v2.yaml", 2);
}

#[tokio::test]
async fn calls_about_topics_and_tables_are_those_of_the_documents() {
    let topic = r#"{"topic_name":"cp_t.a","partitions_count":1}"#;
    let list = format!(r#"{{"data":[{topic},{{"topic_name":"other"}}]}}"#);
    let replies = [(200, list.as_str()), (201, topic), (204, "")];
    let replies = replies.map(|(status, body)| Answer::json(status, body)).to_vec();
    let server = Server::answering(replies).await;
    let topics = Topics::new(server.api(), "lkc-1");
    assert_eq!(topics.list("cp_t").await.unwrap().len(), 1);
    topics.create("cp_t.a", 1).await.unwrap();
    assert!(topics.delete("cp_t.a").await.unwrap());
    holds(&server, "kafkarest-v3.yaml", 3);
    let table = r#"{"spec":{"display_name":"cp_t.a","storage":{"kind":"Managed"}},"status":{"phase":"PENDING","write_mode":"UPSERT"}}"#;
    let list = format!(r#"{{"metadata":{{}},"data":[{table}]}}"#);
    let replies = [(202, table), (200, table), (200, &list), (200, table), (204, "")];
    let replies = replies.map(|(status, body)| Answer::json(status, body)).to_vec();
    let server = Server::answering(replies).await;
    let tables = Tables::new(server.api(), "env-1", "lkc-1");
    tables.create("cp_t.a").await.unwrap();
    tables.get("cp_t.a").await.unwrap().unwrap();
    assert_eq!(tables.list("cp_t").await.unwrap().len(), 1);
    tables.suspend("cp_t.a", true).await.unwrap();
    assert!(tables.delete("cp_t.a").await.unwrap());
    holds(&server, "tableflow-v1.yaml", 5);
}
