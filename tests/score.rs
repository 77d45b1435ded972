//! Flink calls the scoring service: `ML_PREDICT` over the `openai` model provider on the real stack,
//! with a service that is slow, fails, is asked repeatedly, and answers out of order.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8Path;
use changeproof::cli::environment::Environment;
use changeproof::client::gateway::{GatewayError, Session};
use changeproof::score::manners::Manners;
use changeproof::score::service::{Service, Token};
use changeproof::stack::{self, LocalLease, Share};
use tokio::net::TcpListener;

const PROGRAM: &str = env!("CARGO_BIN_EXE_changeproof");
const TOKEN: &str = "s3cret-token";
const N_ROWS: usize = 6;

/// A service of its own, and a session that knows it as the model `fraud`.
struct Place {
    service: Arc<Service>,
    session: Session,
    _lease: LocalLease,
}

impl Place {
    /// `model` are further options of the model, `flink` those of the session.
    async fn new(manners: Manners, model: &str, flink: &[(&str, &str)]) -> Self {
        let environment = Environment::read().unwrap();
        let options =
            changeproof::cli::stack::options(&environment, Utf8Path::new(PROGRAM), None).unwrap();
        let lease = stack::lease(&options, Share::WithOthers, &|_| {}).await.unwrap();
        let jar = stack::model_jar(&options, &|_| {}).await.unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = Service::new(Some(Token::new(TOKEN)), manners);
        tokio::spawn(Arc::clone(&service).serve(listener, std::future::pending()));

        let mut properties =
            BTreeMap::from([("restart-strategy.type".to_owned(), "none".to_owned())]);
        properties
            .extend(flink.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let session = Session::open(&lease.reach, "score", &properties).await.unwrap();
        let create = format!(
            "CREATE MODEL fraud INPUT (request STRING) OUTPUT (answer STRING) WITH (\
             'provider' = 'openai', 'model' = 'fraud', \
             'endpoint' = 'http://{address}/v1/chat/completions'{model})"
        );
        for statement in [format!("ADD JAR '{jar}'"), create, transactions()] {
            session.execute(&statement).await.unwrap();
        }
        Self { service, session, _lease: lease }
    }

    /// Ids, categories and scores as Flink reads them from the answers, in the order of its output.
    async fn scored(&self) -> Result<Vec<String>, GatewayError> {
        let sql = "SELECT txn_id, JSON_VALUE(answer, '$.txn_id'), \
                   JSON_VALUE(answer, '$.fraud_category'), JSON_VALUE(answer, '$.fraud_score') \
                   FROM ML_PREDICT(TABLE transactions, MODEL fraud, DESCRIPTOR(request))";
        let answer = self.session.execute(sql).await?;
        let row = |row: Vec<Option<String>>| {
            row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(" ")
        };
        Ok(answer.rows.into_iter().map(row).collect())
    }

    /// How often the service was asked for each transaction.
    fn asked(&self) -> Vec<u32> {
        self.service.behaviour().asked().into_values().collect()
    }
}

const KEY: &str = ", 'api-key' = 's3cret-token'";

/// One transaction for each rule, in the order of their ids.
fn transactions() -> String {
    let rows = "('t1', 1000.01, 'Rome'), ('t2', 1000.00, 'online'), ('t3', 500.01, 'Rome'), \
                ('t4', 500.00, 'ONLINE'), ('t5', 1.00, 'Bern'), ('t6', 4999.99, 'ONLINE')";
    format!(
        "CREATE TEMPORARY VIEW transactions AS SELECT txn_id, JSON_OBJECT('txn_id' VALUE txn_id, \
         'account_number' VALUE 'ACC000001', 'amount' VALUE amount, 'merchant' VALUE 'm', \
         'location' VALUE location, 'tx_time' VALUE '2026-01-08T12:00:00Z') AS request \
         FROM (VALUES {rows}) AS v (txn_id, amount, location)"
    )
}

fn expected() -> Vec<String> {
    [
        "t1 t1 AMOUNT_ANOMALY 0.7",
        "t2 t2 ONLINE_HIGH_VALUE 0.5",
        "t3 t3 HIGH_VALUE 0.3",
        "t4 t4 NORMAL 0.1",
        "t5 t5 NORMAL 0.1",
        "t6 t6 AMOUNT_ANOMALY 0.7",
    ]
    .map(ToOwned::to_owned)
    .to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_answers_come_and_those_out_of_order_are_put_in_order() {
    let slow = Manners { delay: Duration::from_millis(300), ..Manners::default() };
    let place = Place::new(slow, KEY, &[]).await;
    assert_eq!(place.scored().await.unwrap(), expected());
    assert_eq!(place.asked(), [1; N_ROWS]);

    let out_of_order = Manners { out_of_order: true, ..Manners::default() };
    let place = Place::new(out_of_order, KEY, &[]).await;
    assert_eq!(place.scored().await.unwrap(), expected());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_out_of_order_show_where_the_session_allows_it() {
    let out_of_order = Manners { out_of_order: true, ..Manners::default() };
    let unordered = [("table.exec.async-ml-predict.output-mode", "ALLOW_UNORDERED")];
    let place = Place::new(out_of_order, KEY, &unordered).await;
    let mut scored = place.scored().await.unwrap();
    assert_ne!(scored, expected());
    scored.sort();
    assert_eq!(scored, expected());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_service_is_asked_repeatedly_and_each_row_is_scored_once() {
    let failing = Manners { fail_first: 2, ..Manners::default() };
    let retry = format!("{KEY}, 'error-handling-strategy' = 'RETRY', 'retry-num' = '5'");
    let place = Place::new(failing, &retry, &[]).await;
    assert_eq!(place.scored().await.unwrap(), expected());
    assert_eq!(place.asked(), [3; N_ROWS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_fails_the_job_unless_it_is_ignored_and_then_the_rows_are_lost() {
    let failing = Manners { fail_first: 1, ..Manners::default() };
    let failover = format!("{KEY}, 'error-handling-strategy' = 'FAILOVER'");
    let place = Place::new(failing, &failover, &[]).await;
    let error = place.scored().await.unwrap_err().to_string();
    assert!(error.contains("503"), "{error}");

    // Nothing but a line in the TaskManager's log says so.
    let ignore = format!("{KEY}, 'error-handling-strategy' = 'IGNORE'");
    let place = Place::new(failing, &ignore, &[]).await;
    assert_eq!(place.scored().await.unwrap(), Vec::<String>::new());
    assert_eq!(place.asked(), [1; N_ROWS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_and_answers_that_come_too_late_fail_the_job() {
    let wrong = ", 'api-key' = 'wr0ng', 'error-handling-strategy' = 'FAILOVER'";
    let place = Place::new(Manners::default(), wrong, &[]).await;
    let error = place.scored().await.unwrap_err().to_string();
    assert!(error.contains("401") && !error.contains("wr0ng"), "{error}");
    assert_eq!(place.asked(), [0; 0]);

    let slow = Manners { delay: Duration::from_secs(30), ..Manners::default() };
    let late = [("table.exec.async-ml-predict.timeout", "500 ms")];
    let place = Place::new(slow, KEY, &late).await;
    let error = place.scored().await.unwrap_err().to_string();
    assert!(error.to_lowercase().contains("timed out"), "{error}");
}
