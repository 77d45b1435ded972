//! Who gets in while a stack is up, and what its components reach: seen on the real stack, past the rules
//! for the author's files, which play no part here.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may start processes and fail"
)]

mod database;

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use camino::{Utf8Path, Utf8PathBuf};
use changeproof::cli::environment::Environment;
use changeproof::client::postgres;
use changeproof::client::reach::Password;
use changeproof::stack::StackOptions;
use changeproof::stack::doctor::{Grade, doctor};
use database::{Database, PROGRAM};

/// A user that owns nothing here.
const OTHER: &str = "65533";

fn options() -> StackOptions {
    let environment = Environment::read().unwrap();
    changeproof::cli::stack::options(&environment, Utf8Path::new(PROGRAM), None).unwrap()
}

/// Runs a program as that user. Only root can, so that others see nothing of the tests that ask this.
fn as_other(program: &[&str]) -> Option<Output> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", OTHER, "--regid", OTHER, "--clear-groups", "--"]).args(program);
    Some(command.output().unwrap())
}

/// Everything below a folder, and the folder.
fn all_below(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut all = vec![folder.to_owned()];
    let Ok(entries) = folder.read_dir_utf8() else { return all };
    // Runs of other tests come and go.
    for entry in entries.filter_map(Result::ok) {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all.extend(all_below(entry.path()));
        } else {
            all.push(entry.path().to_owned());
        }
    }
    all
}

#[tokio::test]
async fn another_user_neither_reads_nor_writes_nor_locks_any_file_of_a_stack() {
    let database = Database::new("a test of doors").await;
    let state = options().state;
    let files = all_below(&state);
    assert!(files.contains(&state.join("stack.json")) && files.len() > 100, "{}", files.len());
    let look = r#"for f; do if [ -r "$f" ] || [ -w "$f" ]; then echo "$f"; fi; done"#;
    for files in files.chunks(1_000) {
        let mut program = vec!["sh", "-c", look, "sh"];
        program.extend(files.iter().map(|file| file.as_str()));
        let Some(found) = as_other(&program) else { break };
        assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    }
    database.end().await;
}

#[test]
fn another_user_s_state_folder_is_refused_by_status_too() {
    let folder = tempfile::tempdir().unwrap();
    let state = Utf8Path::from_path(folder.path()).unwrap().join("state");
    std::fs::create_dir(&state).unwrap();
    if std::os::unix::fs::chown(&state, Some(OTHER.parse().unwrap()), None).is_err() {
        return;
    }
    std::fs::write(state.join("stack.json"), "{}").unwrap();
    for command in ["status", "up", "down"] {
        let mut run = Command::new(PROGRAM);
        let output = run.arg(command).env("CHANGEPROOF_STATE", &state).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(30), "{text}");
        assert!(text.contains("is not a folder of this user"), "{text}");
    }
}

#[tokio::test]
async fn postgres_lets_nobody_in_without_the_password_of_this_start() {
    let database = Database::new("a test of doors").await;
    let at = &database.lease.reach;
    let cache = options().cache.join("templates");
    let of_templates = cache.read_dir_utf8().unwrap().filter_map(Result::ok);
    let mut passwords: Vec<String> = of_templates
        .filter(|entry| entry.path().extension() == Some("password"))
        .map(|entry| std::fs::read_to_string(entry.path()).unwrap())
        .collect();
    assert!(!passwords.is_empty());
    passwords.extend([String::new(), "postgres".to_owned()]);
    for password in passwords {
        let mut at = at.clone();
        at.postgres.password = Password(password);
        let error = postgres::connect(&at, "postgres", "test").await.map(drop).unwrap_err();
        assert!(error.to_string().contains("password"), "{error}");
    }
    database.end().await;
}

/// A folder that everybody may read and write as far as modes go, with a file in it.
struct Canary {
    folder: Utf8PathBuf,
}

impl Canary {
    fn new(name: &str) -> Self {
        let folder = format!("/var/tmp/changeproof-canary-{name}-{}", std::process::id());
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        std::fs::write(format!("{folder}/secret"), "CANARY\n").unwrap();
        Self { folder: folder.into() }
    }

    /// Nothing came in.
    fn is_untouched(&self) -> bool {
        let names = self.folder.read_dir_utf8().unwrap().map(|e| e.unwrap().file_name().to_owned());
        names.collect::<Vec<_>>() == ["secret"]
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

/// Whether this kernel can keep a component from files.
async fn has_wall() -> bool {
    let findings = doctor(&options()).await;
    let wall = findings.iter().find(|finding| finding.name == "wall around the components");
    wall.unwrap().grade == Grade::Good
}

#[tokio::test]
async fn a_superuser_of_postgres_reaches_no_file_outside_of_the_stack() {
    let database = Database::new("a test of doors").await;
    let canary = Canary::new("postgres");
    let (session, folder) = (&database.session, &canary.folder);
    session.run("CREATE TABLE t (line TEXT)").await.unwrap();
    if has_wall().await {
        for sql in [
            format!("COPY t FROM '{folder}/secret'"),
            format!("SELECT pg_read_file('{folder}/secret')"),
            format!("COPY (SELECT 1) TO '{folder}/new'"),
            format!("COPY t FROM PROGRAM 'cat {folder}/secret'"),
            format!("COPY (SELECT 1) TO PROGRAM 'cat > {folder}/new'"),
        ] {
            let error = session.run(&sql).await.unwrap_err().to_string();
            assert!(
                error.contains("Permission denied") || error.contains("child process exited"),
                "{error}"
            );
        }
        assert_eq!(session.value("SELECT count(*) FROM t").await.unwrap().as_deref(), Some("0"));
        assert!(canary.is_untouched());
    }
    drop(canary);
    database.end().await;
}

/// What another user could have Flink do, who reaches the Gateway and is not asked who it is.
#[cfg(feature = "lake")]
#[tokio::test]
async fn a_statement_of_flink_reaches_no_file_outside_of_the_stack() {
    use std::time::Duration;

    use changeproof::client::flink::JobManager;
    use changeproof::client::gateway::Session;
    use changeproof::client::wait::{self, Look};

    let database = Database::new("a test of doors").await;
    let at = &database.lease.reach;
    let canary = Canary::new("flink");
    if has_wall().await {
        let session = Session::open(at, &database.claim.name(), &[].into()).await.unwrap();
        let table = |name: &str, path: &str| {
            format!(
                "CREATE TABLE {name} (line STRING) WITH ('connector' = 'filesystem', \
                 'path' = 'file://{}/{path}', 'format' = 'raw')",
                canary.folder
            )
        };
        session.execute(&table("secret", "secret")).await.unwrap();
        session.execute(&table("stolen", "new")).await.unwrap();
        session
            .execute("CREATE TABLE seen (line STRING) WITH ('connector' = 'print')")
            .await
            .unwrap();
        let flink = JobManager::new(at).unwrap();
        for insert in ["INSERT INTO seen SELECT * FROM secret", "INSERT INTO stolen VALUES ('x')"] {
            let job = session.submit(insert).await.unwrap();
            let failed = || async {
                let failure = flink.failure(&job).await?;
                Ok::<_, anyhow::Error>(match failure {
                    Some(cause) => Look::Holds(cause.sentence),
                    None => Look::NotYet("it runs".to_owned()),
                })
            };
            let cause = wait::until("the job to fail", Duration::from_secs(60), failed).await;
            let cause = cause.unwrap();
            assert!(cause.contains("a component reaches no file outside of the run"), "{cause}");
        }
        session.close().await.unwrap();
        assert!(canary.is_untouched());
    }
    drop(canary);
    database.end().await;
}

/// A name that this machine resolves and that is neither the loopback's nor the machine's own.
fn known_name() -> Option<String> {
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let lines = hosts.lines().filter(|line| line.starts_with("127."));
    let mut names = lines.flat_map(|line| line.split_whitespace().skip(1));
    names.find(|name| !["localhost", own.trim()].contains(name)).map(ToOwned::to_owned)
}

#[tokio::test]
async fn the_java_components_resolve_no_other_name() {
    use changeproof::client::gateway::Session;

    let database = Database::new("a test of doors").await;
    let at = &database.lease.reach;
    let (_, port) = at.kafka.outside.bootstrap.rsplit_once(':').unwrap();
    // Without the wall, the broker would be found under a name that the machine knows.
    let name = known_name().unwrap_or_else(|| "broker.example".to_owned());
    let session = Session::open(at, &database.claim.name(), &[].into()).await.unwrap();
    let table = format!(
        "CREATE TABLE t (line STRING) WITH ('connector' = 'kafka', 'topic' = 't', \
         'format' = 'raw', 'scan.startup.mode' = 'earliest-offset', \
         'scan.bounded.mode' = 'latest-offset', 'properties.bootstrap.servers' = '{name}:{port}')"
    );
    session.execute(&table).await.unwrap();
    let error = session.execute("SELECT * FROM t").await.unwrap_err().to_string();
    assert!(error.contains("No resolvable bootstrap urls"), "{error}");
    session.close().await.unwrap();
    database.end().await;
}

/// What differs between the stack of this test and that of all others.
struct Apart {
    folder: tempfile::TempDir,
}

impl Apart {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("changeproof-apart-").tempdir_in("/var/tmp");
        let folder = folder.unwrap();
        // The components may run as another user, who passes through.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn state(&self) -> Utf8PathBuf {
        Utf8Path::from_path(self.folder.path()).unwrap().join("state")
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(self.folder.path());
        command.env("CHANGEPROOF_STATE", self.state()).env("CHANGEPROOF_NETWORK", "own");
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.run(&["down"]);
    }
}

const SMALL: &str = "\
scenario: v1
title: A row is copied
pipeline:
  source: CREATE TABLE a (id int PRIMARY KEY, v text)
  dialect: flink
  statements: |
    CREATE TABLE a (id INT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.a', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset');
    CREATE TABLE b (id INT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'b', 'key.format' = 'json', 'value.format' = 'json');
    INSERT INTO b SELECT id, v FROM a;
  sinks:
    b: SELECT id, v FROM a
settings: {replica_identity: full}
timeline:
  - a: INSERT INTO a VALUES (1, 'x')
";

/// Where a stack listens, by what its record says.
fn listeners(record: &serde_json::Value) -> Vec<String> {
    let at = |place: &str| record.pointer(&format!("/reach/{place}")).unwrap();
    let rest = ["kafka/outside/bootstrap", "connect/url", "flink/url", "gateway/url"].map(at);
    let texts = rest.map(|text| text.as_str().unwrap());
    let addresses = texts.map(|text| text.trim_start_matches("http://").to_owned());
    let postgres = format!("127.0.0.1:{}", at("postgres/at/outside/port"));
    addresses.into_iter().chain([postgres]).collect()
}

/// Opens a connection with nothing but a shell.
const CONNECT: &str = "exec 3<>/dev/tcp/${1%:*}/${1#*:}";

#[test]
fn a_stack_on_a_network_of_its_own_lets_nobody_in_and_nothing_out() {
    let apart = Apart::new();
    let (_, told) = apart.run(&["doctor"]);
    if !told.contains("the stack has a network of its own") {
        eprintln!("NOT RUN: this machine lets nobody make a network of a stack's own:\n{told}");
        return;
    }
    std::fs::write(apart.folder.path().join("small.yaml"), SMALL).unwrap();
    let (code, report) = apart.run(&["run", "small.yaml"]);
    assert_eq!(code, Some(0), "{report}");
    let record = std::fs::read_to_string(apart.state().join("stack.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let (_, status) = apart.run(&["status"]);
    let way_in = status.split_once("entered by: nsenter ").unwrap().1.trim().to_owned();
    let inside = |program: &[&str]| {
        let mut command = Command::new("nsenter");
        command.args(way_in.split(' ')).arg("--").args(program).output().unwrap().status.success()
    };
    for listener in listeners(&record) {
        // From where we are, root or not, nobody answers there; inside somebody does.
        let error = std::net::TcpStream::connect(&listener).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused, "{listener}");
        assert!(inside(&["bash", "-c", CONNECT, "bash", &listener]), "{listener}");
    }
    // An address in digits leads nowhere: there is a loopback and nothing else.
    let outside = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = outside.local_addr().unwrap().to_string();
    assert!(!inside(&["bash", "-c", CONNECT, "bash", &address]));
    let devices = format!("/proc/{}/net/dev", record["keeper"]["pid"]);
    let devices = std::fs::read_to_string(devices).unwrap();
    let names: Vec<&str> =
        devices.lines().filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    assert_eq!(names, ["lo"]);
    let enter: Vec<&str> =
        ["nsenter"].into_iter().chain(way_in.split(' ')).chain(["--", "true"]).collect();
    if let Some(entered) = as_other(&enter) {
        assert!(!entered.status.success());
    }
    assert_eq!(apart.run(&["down"]).0, Some(0));
    assert!(!apart.state().exists());
}

#[test]
fn a_stack_on_another_network_than_is_wanted_is_replaced() {
    let apart = Apart::new();
    if !apart.run(&["doctor"]).1.contains("the stack has a network of its own") {
        return;
    }
    let mut up = Command::new(PROGRAM);
    up.args(["up", "--idle", "60s"]).env("CHANGEPROOF_STATE", apart.state());
    assert!(up.env("CHANGEPROOF_NETWORK", "machine").status().unwrap().success());
    let (code, told) = apart.run(&["up", "--idle", "60s"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("listens on another network"), "{told}");
    assert!(told.contains("entered by: nsenter"), "{told}");
}
