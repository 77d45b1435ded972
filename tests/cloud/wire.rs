//! What goes wrong on the wire: it is tried again within a limit, or said in one sentence.

use std::time::{Duration, Instant};

use changeproof::client::cloud::connectors::Connectors;
use changeproof::client::cloud::statements::{New, Statements};
use changeproof::client::cloud::{Api, CloudError};

use crate::server::{Answer, Server};

const NONE: &str = r#"{"api_version":"org/v2","kind":"EnvironmentList","metadata":{},"data":[]}"#;

async fn environments(api: &Api) -> Result<usize, CloudError> {
    api.environments().await.map(|all| all.len())
}

fn new() -> New {
    New {
        name: "cp-t".to_owned(),
        labels: [("changeproof-run".to_owned(), "t".to_owned())].into(),
        statement: "SELECT 1".to_owned(),
        properties: [("sql.current-catalog".to_owned(), "env".to_owned())].into(),
        compute_pool: Some("lfcp-1".to_owned()),
        principal: None,
    }
}

fn made(label: &str, text: &str) -> String {
    serde_json::json!({
        "name": "cp-t",
        "metadata": {"self": "https://h/x", "labels": {"user.confluent.io/changeproof-run": label}},
        "spec": {"statement": text},
        "status": {"phase": "PENDING"},
    })
    .to_string()
}

#[tokio::test]
async fn a_429_is_tried_again_after_what_it_says_or_a_pause() {
    let busy = Answer::json(429, "").with("Retry-After", "1");
    let server =
        Server::answering(vec![busy, Answer::json(429, ""), Answer::json(200, NONE)]).await;
    let begun = Instant::now();
    assert_eq!(environments(&server.api()).await.unwrap(), 0);
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_429_that_asks_for_more_than_the_limit_ends_at_once() {
    let busy = Answer::json(429, "").with("Retry-After", "3600");
    let server = Server::answering(vec![busy]).await;
    let error = environments(&server.api()).await.unwrap_err();
    assert_eq!((error.status(), server.asked().len()), (Some(429), 1));
    assert!(error.to_string().contains("status 429"), "{error}");
}

#[tokio::test]
async fn a_create_that_is_refused_for_being_too_many_is_tried_again() {
    let server =
        Server::answering(vec![Answer::json(429, ""), Answer::json(201, made("t", "SELECT 1"))])
            .await;
    Statements::new(server.api(), "o", "e").create(&new()).await.unwrap();
    let methods: Vec<_> = server.asked().into_iter().map(|asked| asked.method).collect();
    assert_eq!(methods, ["POST", "POST"]);
}

#[rstest::rstest]
#[case::unavailable(Answer::html(503, "<h1>upstream</h1>"))]
#[case::torn(Answer::json(200, NONE).cut(10))]
#[case::not_its_form(Answer::html(200, "<html>sign in</html>"))]
#[tokio::test]
async fn what_may_be_asked_twice_is(#[case] first: Answer) {
    let server = Server::answering(vec![first, Answer::json(200, NONE)]).await;
    assert_eq!(environments(&server.api()).await.unwrap(), 0);
}

#[rstest::rstest]
#[case::unavailable(Answer::json(500, ""))]
#[case::torn(Answer::json(201, made("t", "SELECT 1")).cut(10))]
#[case::taken(Answer::json(409, r#"{"errors":[{"detail":"already exists"}]}"#))]
#[tokio::test]
async fn a_create_that_is_unclear_is_looked_for_before_it_is_repeated(#[case] first: Answer) {
    let there = Answer::json(200, made("t", "SELECT 1"));
    let server = Server::answering(vec![first, there]).await;
    let found = Statements::new(server.api(), "o", "e").create(&new()).await.unwrap();
    assert_eq!(found.name, "cp-t");
    let methods: Vec<_> = server.asked().into_iter().map(|asked| asked.method).collect();
    assert_eq!(methods, ["POST", "GET"]);
}

#[tokio::test]
async fn a_create_that_was_not_done_is_repeated() {
    let missing = Answer::json(404, r#"{"errors":[{"detail":"does not exist"}]}"#);
    let answers = vec![Answer::json(502, ""), missing, Answer::json(201, made("t", "SELECT 1"))];
    let server = Server::answering(answers).await;
    Statements::new(server.api(), "o", "e").create(&new()).await.unwrap();
    let methods: Vec<_> = server.asked().into_iter().map(|asked| asked.method).collect();
    assert_eq!(methods, ["POST", "GET", "POST"]);
}

#[rstest::rstest]
#[case::label("other", "SELECT 1")]
#[case::text("t", "SELECT 2")]
#[tokio::test]
async fn a_name_that_somebody_else_has_is_an_error(#[case] label: &str, #[case] text: &str) {
    let server =
        Server::answering(vec![Answer::json(409, ""), Answer::json(200, made(label, text))]).await;
    let error = Statements::new(server.api(), "o", "e").create(&new()).await.unwrap_err();
    assert_eq!(error.to_string(), "a statement `cp-t` is there already, and is none of this run");
}

#[tokio::test]
async fn a_new_key_is_given_time_and_a_known_one_none() {
    let html = "<html><head><title>401 Authorization Required</title></head></html>";
    let (refused, good) = (Answer::html(401, html), Answer::json(200, NONE));
    let server = Server::answering(vec![refused.clone(), refused.clone(), good, refused]).await;
    let api = server.api();
    assert_eq!(environments(&api).await.unwrap(), 0);
    let error = environments(&api).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "GET /org/v2/environments?page_size=100: status 401, 401 Authorization Required"
    );
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_wrong_key_is_told_after_a_while() {
    let refused = Answer::json(401, r#"{"error":{"code":401,"message":"Unauthorized"}}"#);
    let server = Server::answering(vec![refused]).await;
    let error = environments(&server.api()).await.unwrap_err();
    assert_eq!(error.status(), Some(401));
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_said_with_the_limit() {
    let server = Server::answering(vec![Answer::json(200, NONE)]).await;
    let api = server.patient(Duration::from_millis(400));
    drop(server);
    let error = environments(&api).await.unwrap_err();
    assert!(matches!(error, CloudError::Late { status: None, .. }), "{error:?}");
}

#[tokio::test]
async fn a_list_goes_on_over_empty_pages_and_ends_where_nothing_is_next() {
    let page = |data: &str, next: &str| {
        let next = format!("https://elsewhere.example/org/v2/environments?page_token={next}");
        Answer::json(200, format!(r#"{{"metadata":{{"next":"{next}"}},"data":{data}}}"#))
    };
    let one = r#"[{"id":"env-1","display_name":"a"}]"#;
    let last = Answer::json(200, r#"{"metadata":{"next":""},"data":[{"id":"env-2"}]}"#);
    let server = Server::answering(vec![page(one, "A"), page("null", "B"), last]).await;
    assert_eq!(environments(&server.api()).await.unwrap(), 2);
    let targets: Vec<_> = server.asked().into_iter().map(|asked| asked.target).collect();
    assert!(targets[1].ends_with("&page_token=A") && targets[2].ends_with("&page_token=B"));
    assert!(server.asked().iter().all(|asked| asked.login));
}

#[tokio::test]
async fn a_list_without_end_is_an_error() {
    let page = r#"{"metadata":{"next":"/x?page_token=A"},"data":[]}"#;
    let server = Server::answering(vec![Answer::json(200, page)]).await;
    let error = environments(&server.api()).await.unwrap_err();
    assert!(error.to_string().contains("the list has no end"), "{error}");
}

#[tokio::test]
async fn a_put_that_met_another_is_made_on_what_is_there_then() {
    let there = Answer::json(200, made("t", "SELECT 1"));
    let conflict = Answer::json(409, r#"{"errors":[{"detail":"resource_version"}]}"#);
    let done = Answer::json(202, "");
    let server = Server::answering(vec![there.clone(), conflict, there, done]).await;
    Statements::new(server.api(), "o", "e").set_stopped("cp-t", true).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 4);
    let sent: serde_json::Value = serde_json::from_str(&asked[3].body).unwrap();
    assert_eq!(sent["spec"]["stopped"], true);
    assert_eq!(sent.get("status"), None);
}

#[tokio::test]
async fn a_connector_that_is_still_provisioned_has_no_tasks() {
    let text = r#"{"name":"c","type":"source","connector":{"state":"PROVISIONING","worker_id":"c"},"tasks":[]}"#;
    let server = Server::answering(vec![Answer::json(200, text)]).await;
    let connectors = Connectors::new(server.api(), "env-1", "lkc-1");
    let status = connectors.status("c").await.unwrap().unwrap();
    assert_eq!((status.connector.state.as_str(), status.tasks.unwrap().len()), ("PROVISIONING", 0));
}
