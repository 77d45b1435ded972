//! `changeproof generate` on a real Postgres: the stack's, in a database of each test's own.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may start processes, read the environment and fail"
)]

mod database;

use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use changeproof::client::wait::{self, Look};
use database::{Database, PROGRAM};

const LIMIT: Duration = Duration::from_secs(60);
const SEEDED: [&str; 4] = ["--seed", "7", "--at", "2026-01-08T00:00:00Z"];

/// A database, and the generator that fills it.
struct Place(Database);

impl Place {
    async fn new() -> Self {
        Self(Database::new("a test of generate").await)
    }

    async fn end(self) {
        self.0.end().await;
    }

    fn url(&self) -> String {
        let at = &self.0.lease.reach;
        let (at, user) = (&at.postgres.at.outside, &at.postgres.user);
        let password = self.password();
        format!("postgres://{user}:{password}@{at}/{}", self.0.claim.name())
    }

    fn password(&self) -> &str {
        &self.0.lease.reach.postgres.password.0
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("generate").args(args).stdin(Stdio::null());
        command.env("CHANGEPROOF_POSTGRES_URL", self.url()).env("CHANGEPROOF_LOG", "trace");
        command
    }

    /// Runs the generator; gives its exit code and what it printed.
    fn generate(&self, args: &[&str]) -> (i32, String) {
        let (code, text) = ended(&self.command(args).output().unwrap());
        assert!(!text.contains(self.password()), "{text}");
        (code, text)
    }

    async fn value(&self, sql: &str) -> String {
        self.0.session.value(sql).await.unwrap().unwrap_or_default()
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

    place.0.session.run("TRUNCATE customers, transactions").await.unwrap();
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
        let session = &place.0.session;
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
    place.0.session.run("TRUNCATE customers, transactions").await.unwrap();
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
        command.arg("generate").env("CHANGEPROOF_POSTGRES_URL", url);
        command.env("CHANGEPROOF_LOG", "trace");
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

/// A Postgres of the test's own that takes encrypted connections alone. Its program and its user are
/// those of the stack's.
struct Encrypted {
    folder: Utf8PathBuf,
    port: u16,
    server: Child,
}

/// A certificate authority.
struct Authority {
    certificate: rcgen::Certificate,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: rcgen::Issuer::new(params, key) }
    }

    /// Writes its certificate; gives the file's name.
    fn write(&self, folder: &Utf8Path, name: &str) -> Utf8PathBuf {
        let file = folder.join(name);
        std::fs::write(&file, self.certificate.pem()).unwrap();
        file
    }
}

impl Encrypted {
    /// With a certificate for 127.0.0.1 that `authority` has signed.
    async fn new(authority: &Authority) -> Self {
        let place = Place::new().await;
        let bin = place.value("SELECT setting FROM pg_config() WHERE name = 'BINDIR'").await;
        let data = place.value("SHOW data_directory").await;
        let owner = std::fs::metadata(data).unwrap();
        place.end().await;
        let folder = format!("/var/tmp/changeproof-tls-{}", std::process::id());
        let folder = Utf8PathBuf::from(folder);
        std::fs::DirBuilder::new().mode(0o755).create(&folder).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority.issuer).unwrap();
        std::fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
        std::fs::write(folder.join("hba"), "hostssl all all 127.0.0.1/32 trust\n").unwrap();
        let (uid, gid) = (owner.uid(), owner.gid());
        for file in ["", "server.key"] {
            std::os::unix::fs::chown(folder.join(file), Some(uid), Some(gid)).unwrap();
        }
        std::fs::set_permissions(folder.join("server.key"), PermissionsExt::from_mode(0o600))
            .unwrap();
        let as_owner = |program: &str| {
            let mut command = Command::new(format!("{bin}/{program}"));
            command.uid(uid).gid(gid).current_dir(&folder).stdin(Stdio::null());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command.args(["-D", folder.join("data").as_str()]);
            command
        };
        let made = as_owner("initdb").args(["-U", "ann", "-A", "trust", "--no-sync"]).status();
        assert!(made.unwrap().success());
        let port = free_port();
        let settings = [
            format!("port={port}"),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "fsync=off".to_owned(),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={folder}/server.pem"),
            format!("ssl_key_file={folder}/server.key"),
            format!("hba_file={folder}/hba"),
        ];
        let mut server = as_owner("postgres");
        for setting in settings {
            server.args(["-c", &setting]);
        }
        let encrypted = Self { server: server.spawn().unwrap(), folder, port };
        let answers = wait::until("the server to answer", LIMIT, || async {
            let (code, text) = encrypted.generate("127.0.0.1", "sslmode=require");
            Ok::<_, ()>(if code == 0 { Look::Holds(()) } else { Look::NotYet(text) })
        });
        answers.await.unwrap();
        encrypted
    }

    fn generate(&self, host: &str, query: &str) -> (i32, String) {
        let url = format!("postgres://ann:s3cret@{host}:{}/postgres?{query}", self.port);
        let mut command = Command::new(PROGRAM);
        command.args(["generate", "--create-tables"]).stdin(Stdio::null());
        command.env("CHANGEPROOF_POSTGRES_URL", &url);
        ended(&command.output().unwrap())
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        let _ended = self.server.kill();
        let _ended = self.server.wait();
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn each_sslmode_demands_what_it_says_of_a_server_that_encrypts() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = Encrypted::new(&authority).await;
    let right = authority.write(&server.folder, "right.pem");
    let wrong = stranger.write(&server.folder, "wrong.pem");
    let unsigned = "none of the authorities that are trusted has signed the server's certificate";
    let other_host = "the server's certificate is not made out to `localhost`";
    for (host, query, said) in [
        ("127.0.0.1", "sslmode=prefer".to_owned(), None),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={right}"), None),
        ("localhost", format!("sslmode=verify-ca&sslrootcert={right}"), None),
        ("localhost", format!("sslmode=verify-full&sslrootcert={right}"), Some(other_host)),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={wrong}"), Some(unsigned)),
        ("127.0.0.1", format!("sslmode=require&sslrootcert={wrong}"), Some(unsigned)),
        ("127.0.0.1", "sslmode=disable".to_owned(), Some("no encryption")),
    ] {
        let (code, text) = server.generate(host, &query);
        assert_eq!(code, if said.is_some() { 30 } else { 0 }, "{query}: {text}");
        assert!(text.contains(said.unwrap_or("10 transactions written")), "{query}: {text}");
    }
    let (code, text) = server.generate("127.0.0.1", "sslmode=verify-full");
    assert_eq!((code, text.contains("add sslrootcert=FILE")), (2, true), "{text}");
}
