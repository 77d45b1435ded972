//! `changeproof generate` on a real Postgres: the stack's, in a database of each test's own.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may start processes, read the environment and fail"
)]

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use camino::Utf8Path;
use changeproof::cli::environment::Environment;
use changeproof::client::postgres::{self, Connection};
use changeproof::client::wait::{self, Look};
use changeproof::stack::{self, Claim, Lease, Share};

const PROGRAM: &str = env!("CARGO_BIN_EXE_changeproof");
const LIMIT: Duration = Duration::from_secs(60);
const SEEDED: [&str; 4] = ["--seed", "7", "--at", "2026-01-08T00:00:00Z"];

/// A database that is gone at the end of a test.
struct Place {
    lease: Lease,
    claim: Claim,
    session: Connection,
}

impl Place {
    async fn new() -> Self {
        let environment = Environment::read();
        let options =
            changeproof::cli::stack::options(&environment, Utf8Path::new(PROGRAM), None).unwrap();
        let lease = stack::lease(&options, Share::WithOthers, &|_| {}).await.unwrap();
        let claim = stack::claim(&options, "a test of generate").unwrap();
        let control = postgres::connect(&lease.endpoints, "postgres", "test").await.unwrap();
        control.create_database(&claim.name()).await.unwrap();
        let session = postgres::connect(&lease.endpoints, &claim.name(), "test").await.unwrap();
        Self { lease, claim, session }
    }

    async fn end(self) {
        let control = postgres::connect(&self.lease.endpoints, "postgres", "test").await.unwrap();
        control.drop_database(&self.claim.name()).await.unwrap();
        self.claim.release().unwrap();
    }

    fn url(&self) -> String {
        let at = &self.lease.endpoints;
        let (host, port, user) = (&at.postgres_host, at.postgres_port, &at.postgres_user);
        format!("postgres://{user}:s3cret@{host}:{port}/{}", self.claim.name())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(["generate", "--url", &self.url()]).args(args).stdin(Stdio::null());
        command.env("CHANGEPROOF_LOG", "trace");
        command
    }

    /// Runs the generator; gives its exit code and what it printed.
    fn generate(&self, args: &[&str]) -> (i32, String) {
        ended(&self.command(args).output().unwrap())
    }

    async fn value(&self, sql: &str) -> String {
        self.session.value(sql).await.unwrap().unwrap_or_default()
    }

    async fn counts(&self) -> String {
        self.value(
            "SELECT (SELECT count(*) FROM customers) || ' ' || (SELECT count(*) FROM transactions)",
        )
        .await
    }
}

/// Whatever is printed, even with every log line on, never holds the password.
fn ended(output: &Output) -> (i32, String) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(!text.contains("s3cret"), "{text}");
    (output.status.code().unwrap_or(-1), text)
}

const EVERYTHING: &str = "SELECT (SELECT string_agg(c::text, ';' ORDER BY c) FROM customers c) \
                          || (SELECT string_agg(t::text, ';' ORDER BY t) FROM transactions t)";

#[tokio::test]
async fn ten_customers_and_ten_transactions_are_written_and_a_seed_repeats_them() {
    let place = Place::new().await;
    let (code, text) = place.generate(&[]);
    assert_eq!(code, 30, "{text}");
    assert!(text.contains("add --create-tables"), "{text}");
    let shot = [&["--create-tables"], &SEEDED[..]].concat();
    let (code, text) = place.generate(&shot);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("10 customers and 10 transactions written, amounts "), "{text}");
    assert!(text.contains("(seed 7)"), "{text}");
    assert_eq!(place.counts().await, "10 10");
    assert_eq!(place.value("SELECT max(account_number) FROM customers").await, "ACC000010");
    let first = place.value(EVERYTHING).await;

    place.session.run("TRUNCATE customers, transactions").await.unwrap();
    assert_eq!(place.generate(&shot).0, 0);
    assert_eq!(place.value(EVERYTHING).await, first);

    assert_eq!(place.generate(&["--add-customer"]).0, 0);
    assert_eq!(place.value("SELECT max(account_number) FROM customers").await, "ACC000011");
    place.end().await;
}

#[tokio::test]
async fn customers_are_deleted_with_their_transactions_all_or_none() {
    let place = Place::new().await;
    place.generate(&["--create-tables"]);
    let of_two = "SELECT count(*) FROM transactions \
                  WHERE account_number IN ('ACC000001', 'ACC000002')";
    let n: usize = place.value(of_two).await.parse().unwrap();
    let (code, text) = place.generate(&["--delete-customer", "ACC000001", "ACC999999"]);
    assert_eq!(code, 12, "{text}");
    assert!(text.contains("nothing was deleted: there is no customer ACC999999"), "{text}");
    assert_eq!(place.counts().await, "10 10");

    let (code, text) = place.generate(&["--delete-customer", "ACC000001", "ACC000002"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(&format!("2 customers and {n} transaction")), "{text}");
    assert_eq!(place.counts().await, format!("8 {}", 10 - n));
    place.end().await;
}

#[tokio::test]
async fn one_transaction_is_deleted_by_its_id() {
    let place = Place::new().await;
    place.generate(&["--create-tables"]);
    let id = place.value("SELECT min(txn_id) FROM transactions").await;
    let (code, text) = place.generate(&["--delete-transaction", &id]);
    assert_eq!((code, text.contains("1 transaction deleted from 127.0.0.1:")), (0, true), "{text}");
    assert_eq!(place.counts().await, "10 9");
    let (code, text) = place.generate(&["--delete-transaction", &id]);
    assert_eq!((code, text.contains("there is no transaction")), (12, true), "{text}");
    place.end().await;
}

#[tokio::test]
async fn it_runs_until_ctrl_c_goes_on_when_customers_are_deleted_and_ends_with_a_summary() {
    let place = Place::new().await;
    let mut command =
        place.command(&["--create-tables", "--run-forever", "--interval", "10ms", "--seed", "3"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let written = |n: u64| {
        let session = &place.session;
        wait::until("rows to be written", LIMIT, move || async move {
            let sql = "SELECT count(*) FROM transactions";
            // The table may not be there yet.
            let found = session.value(sql).await.unwrap_or_default().unwrap_or_default();
            Ok::<_, ()>(match found.parse::<u64>() {
                Ok(found) if found >= n => Look::Holds(()),
                Ok(_) | Err(_) => Look::NotYet(found),
            })
        })
    };
    written(3).await.unwrap();
    place.session.run("TRUNCATE customers, transactions").await.unwrap();
    written(3).await.unwrap();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let (code, text) = ended(&child.wait_with_output().unwrap());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("20 customers and ") && text.contains("(seed 3)"), "{text}");
    place.end().await;
}

#[test]
fn a_url_that_leads_nowhere_is_told_without_its_password() {
    let run = |url: &str| {
        let mut command = Command::new(PROGRAM);
        command.args(["generate", "--url", url]).env("CHANGEPROOF_LOG", "trace");
        ended(&command.output().unwrap())
    };
    let (code, text) = run("postgres://ann:s3cret@127.0.0.1:9/cards");
    assert_eq!(code, 30, "{text}");
    assert!(text.contains("connecting to 127.0.0.1:9/cards"), "{text}");
    for url in ["postgres://ann:s3cret@x@127.0.0.1/cards", "mysql://ann:s3cret@127.0.0.1/cards"] {
        let (code, text) = run(url);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("the URL of Postgres"), "{text}");
    }
}
