//! The gateway on the real stack, judged by clients that this project did not write: Confluent's client
//! for Python, its Table API plugin for Java, and its OpenAPI documents. What cannot be had on a machine
//! says NOT RUN, and holds nothing.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::too_many_lines,
    reason = "a test may start processes, read the environment, say what it did not run, and fail"
)]

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use camino::Utf8PathBuf;
use changeproof::client::http::Http;
use changeproof::client::postgres::{self, Connection};
use changeproof::client::reach::{Address, Login, Password, Postgres, Reach, Rest, Twice};
use changeproof::client::wait::{self, Look};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_changeproof");
/// Long enough for a busy machine; the tests wait for conditions, not for this.
const LIMIT: Duration = Duration::from_mins(4);
/// Where a client for Python, and what checks documents, is kept once it was fetched.
const PACKAGES: [&str; 3] = ["confluent-sql==0.7.0", "jsonschema==4.26.0", "pyyaml==6.0.3"];

/// The package of the jars, by its name and version.
const JARS: &str = "confluent_flink_jars-2.3.6";

/// A gateway with a state folder of its own; both are gone at the end.
struct Place {
    state: Utf8PathBuf,
    child: Child,
    at: Value,
    keys: BTreeMap<String, String>,
}

impl Place {
    async fn new(name: &str, more: &[&str]) -> Self {
        let state =
            Utf8PathBuf::from(format!("/var/tmp/changeproof-test-{name}-{}", std::process::id()));
        std::fs::DirBuilder::new().mode(0o755).create(&state).unwrap();
        let child = Command::new(PROGRAM)
            .args(["gateway", "--transcript", state.join("transcript").as_str()])
            .args(more)
            .env("CHANGEPROOF_STATE", &state)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut place = Self { state, child, at: Value::Null, keys: BTreeMap::new() };
        let files = place.state.join("gateway");
        let ready = wait::until("the gateway to be ready", LIMIT, || async {
            let text = std::fs::read_to_string(files.join("gateway.json")).unwrap_or_default();
            Ok::<_, wait::TimedOut>(match serde_json::from_str(&text) {
                Ok(at) => Look::Holds(at),
                Err(_) => Look::NotYet("it is not".to_owned()),
            })
        });
        place.at = ready.await.unwrap();
        let lines = std::fs::read_to_string(files.join("keys.env")).unwrap();
        let pairs = lines.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
        place.keys = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        place
    }

    fn id(&self, pointer: &str) -> &str {
        self.at.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    fn api(&self, key: &str) -> Http {
        let mut at = Rest::plain(self.id("/url"));
        at.login = Some(Login {
            user: self.keys[&format!("CC_{key}_KEY")].clone(),
            password: Password(self.keys[&format!("CC_{key}_SECRET")].clone()),
        });
        Http::new(&at).unwrap()
    }

    /// Runs a program with the keys in its environment.
    fn run(&self, command: &mut Command) -> Output {
        command.envs(&self.keys).stdin(Stdio::null()).output().unwrap()
    }

    fn interrupt(&mut self) {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-INT", &pid]).status().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
        let mut down = Command::new(PROGRAM);
        let _down = down.arg("down").env("CHANGEPROOF_STATE", &self.state).output();
        let _gone = std::fs::remove_dir_all(&self.state);
    }
}

fn assert_passed(output: &Output, what: &str) {
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (told(&output.stdout), told(&output.stderr));
    assert!(output.status.success(), "{what}:\n{out}\n{err}");
    println!("{what}:\n{out}");
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway").join(name)
}

/// The folder of the tests' own tools, in the cache.
fn tools() -> PathBuf {
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let home =
        || PathBuf::from(std::env::var("HOME").unwrap_or_default()).join(".cache/changeproof");
    let cache = std::env::var("CHANGEPROOF_CACHE").map(PathBuf::from);
    let cache =
        cache.unwrap_or_else(|_| if root { "/var/cache/changeproof".into() } else { home() });
    cache.join("tools")
}

/// A Python that has the packages; `None`, with why, where it cannot be had.
fn python() -> Option<PathBuf> {
    let folder = tools().join("gateway-clients");
    let python = folder.join("bin/python");
    let has = |python: &Path| {
        let imported =
            Command::new(python).args(["-c", "import confluent_sql, jsonschema, yaml"]).output();
        imported.is_ok_and(|output| output.status.success())
    };
    if has(&python) {
        return Some(python);
    }
    // Tests beside this one want it too: each makes its own, and the first is kept.
    let draft = tools().join(format!("gateway-clients-{}", std::process::id()));
    let made = Command::new("python3").args(["-m", "venv"]).arg(&draft).output();
    let pip = Command::new(draft.join("bin/python"))
        .args(["-m", "pip", "-q", "install"])
        .args(PACKAGES)
        .output();
    let _is_first = std::fs::rename(&draft, &folder);
    let _other = std::fs::remove_dir_all(&draft);
    if has(&python) {
        return Some(python);
    }
    println!("NOT RUN: Confluent's client for Python cannot be fetched: {made:?} {pip:?}");
    None
}

/// The jars of the Table API plugin, which come in a package for Python; `None` where it cannot be had.
fn jars(python: &Path) -> Option<PathBuf> {
    let folder = tools().join(JARS);
    let lib = folder.join(format!("{JARS}/deps/lib"));
    if lib.is_dir() {
        return Some(lib);
    }
    let _made = std::fs::create_dir_all(&folder);
    let package = JARS.replacen("jars-", "jars==", 1);
    let mut fetch = Command::new(python);
    fetch.args(["-m", "pip", "-q", "download", "--no-deps", "--no-binary", ":all:", &package]);
    let fetched = fetch.current_dir(&folder).output();
    let mut unpack = Command::new("tar");
    unpack.args(["-xzf", &format!("{JARS}.tar.gz")]).current_dir(&folder);
    let unpacked = unpack.status().is_ok_and(|status| status.success());
    if unpacked && lib.is_dir() {
        return Some(lib);
    }
    println!("NOT RUN: Confluent's plugin for the Table API cannot be fetched: {fetched:?}");
    None
}

/// The folder of the OpenAPI documents, if it is there.
fn documents() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cloud/openapi");
    let named = std::env::var("CHANGEPROOF_OPENAPI").map(PathBuf::from);
    let mut all = [named.ok(), Some(beside)].into_iter().flatten();
    let found = all.find(|folder| folder.join("flink-gateway-v1.yaml").is_file());
    if found.is_none() {
        println!(
            "NOT RUN: the OpenAPI documents are not here (CHANGEPROOF_OPENAPI names their folder)"
        );
    }
    found
}

/// A database with one table and two rows.
async fn database(place: &Place) -> (Connection, Reach) {
    let stack = std::fs::read_to_string(place.state.join("gateway/stack.yaml")).unwrap();
    let (_, rest) = stack.split_once("postgres://").unwrap();
    let (user, rest) = rest.split_once('@').unwrap();
    let (host, rest) = rest.split_once(':').unwrap();
    let port = rest.split('/').next().unwrap().parse().unwrap();
    let reach = Reach {
        postgres: Postgres {
            at: Twice::same(Address { host: host.to_owned(), port }),
            user: user.to_owned(),
            password: Password(place.keys["PG_PASSWORD"].clone()),
            ..Postgres::default()
        },
        ..Reach::default()
    };
    let server = postgres::connect(&reach, "postgres", "test").await.unwrap();
    server.run("CREATE DATABASE shop").await.unwrap();
    let shop = postgres::connect(&reach, "shop", "test").await.unwrap();
    let sql = "CREATE TABLE orders (id INT PRIMARY KEY, amount NUMERIC(10, 2)); \
               ALTER TABLE orders REPLICA IDENTITY FULL; \
               INSERT INTO orders VALUES (1, 1.50), (2, 2.00)";
    shop.run(sql).await.unwrap();
    (shop, reach)
}

/// The status of a statement once `is` holds for it.
async fn until(http: &Http, path: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let found = wait::until(what, LIMIT, || async {
        let found = http.get::<Value>(path).await.unwrap();
        let status = found.get("status").cloned().unwrap_or_else(|| found.clone());
        assert_ne!(status["phase"], "FAILED", "{status}");
        Ok::<_, wait::TimedOut>(if is(&status) {
            Look::Holds(status)
        } else {
            Look::NotYet(status.to_string())
        })
    });
    found.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_goes_from_postgres_through_the_managed_connector_to_a_table() {
    let mut place = Place::new("gateway-connector", &[]).await;
    let (shop, reach) = database(&place).await;
    let connect = format!(
        "/connect/v1/environments/{}/clusters/{}",
        place.id("/environment/id"),
        place.id("/cluster/id")
    );
    let cloud = place.api("CLOUD");
    let config = json!({
        "connector.class": "PostgresCdcSourceV2", "name": "orders",
        "kafka.auth.mode": "KAFKA_API_KEY", "kafka.api.key": place.keys["CC_KAFKA_KEY"],
        "kafka.api.secret": place.keys["CC_KAFKA_SECRET"],
        "database.hostname": reach.postgres.at.outside.host,
        "database.port": reach.postgres.at.outside.port.to_string(),
        "database.user": reach.postgres.user, "database.password": place.keys["PG_PASSWORD"],
        "database.dbname": "shop", "topic.prefix": "shop", "table.include.list": "public.orders",
        "slot.name": "shop", "publication.name": "shop", "output.data.format": "AVRO",
        "output.key.format": "AVRO", "after.state.only": "false", "tasks.max": "1",
    });
    let validate = format!("{connect}/connector-plugins/PostgresCdcSourceV2/config/validate");
    let validated: Value = cloud.put(&validate, &config).await.unwrap();
    assert_eq!(validated["error_count"], 0, "{validated}");
    let created = json!({"name": "orders", "config": config});
    let created: Value = cloud.post(&format!("{connect}/connectors"), &created).await.unwrap();
    assert!(!created.to_string().contains(&place.keys["PG_PASSWORD"]), "a secret is shown");
    let status = format!("{connect}/connectors/orders/status");
    let runs = |status: &Value| {
        status["connector"]["state"] == "RUNNING" && status["tasks"][0]["state"] == "RUNNING"
    };
    until(&cloud, &status, "the connector to run", runs).await;

    let flink = place.api("FLINK");
    let statements = format!(
        "/sql/v1/organizations/{}/environments/{}/statements",
        place.id("/organization"),
        place.id("/environment/id")
    );
    let submit = async |name: &str, sql: &str| {
        let body = json!({"name": name, "spec": {"statement": sql}});
        flink.post::<Value>(&statements, &body).await.unwrap();
    };
    // The table of the topic is there once its first record is.
    let kafka = place.api("KAFKA");
    let topic = format!("/kafka/v3/clusters/{}/topics/shop.public.orders", place.id("/cluster/id"));
    let there = wait::until("the topic", LIMIT, || async {
        Ok::<_, wait::TimedOut>(match kafka.get::<Value>(&topic).await {
            Ok(topic) => Look::Holds(topic),
            Err(error) => Look::NotYet(error.to_string()),
        })
    });
    assert_eq!(there.await.unwrap()["partitions_count"], 1);
    let totals = "CREATE TABLE totals (k STRING, total DECIMAL(38, 2), PRIMARY KEY (k) NOT ENFORCED) \
                  DISTRIBUTED BY HASH(k) INTO 1 BUCKETS";
    submit("totals", totals).await;
    let is = |phase: &'static str| move |status: &Value| status["phase"] == phase;
    until(&flink, &format!("{statements}/totals"), "the table", is("COMPLETED")).await;
    let sum = "INSERT INTO totals SELECT 'all', SUM(amount) FROM `shop.public.orders`";
    submit("sum", sum).await;
    let one = format!("{statements}/sum");
    let offset = |of: i64| {
        move |status: &Value| {
            let told = status["latest_offsets"]["shop.public.orders"].as_str().unwrap_or_default();
            told == format!("partition:0,offset:{of}")
        }
    };
    until(&flink, &one, "both rows to be processed", offset(1)).await;
    shop.run("UPDATE orders SET amount = 3.00 WHERE id = 2").await.unwrap();
    until(&flink, &one, "the update to be processed", offset(2)).await;

    let mut stop = flink.get::<Value>(&one).await.unwrap();
    stop["spec"]["stopped"] = json!(true);
    let (status, ..) = flink.pass("PUT", &one, stop.to_string().into_bytes()).await.unwrap();
    assert_eq!(status, 202);
    until(&flink, &one, "the statement to be stopped", is("STOPPED")).await;
    submit("read", "SELECT total FROM totals").await;
    let state = Mutex::new((format!("{statements}/read/results"), Vec::<String>::new()));
    let (seen, api) = (&state, &flink);
    let last = wait::until("the last total", LIMIT, || async move {
        let path = seen.lock().unwrap().0.clone();
        let page = api.get::<Value>(&path).await.unwrap();
        let mut seen = seen.lock().unwrap();
        for row in page["results"]["data"].as_array().unwrap() {
            seen.1.push(row["row"][0].as_str().unwrap_or("NULL").to_owned());
        }
        let next = page["metadata"]["next"].as_str().unwrap_or_default();
        if let Some((_, rest)) = next.split_once("/sql/") {
            seen.0 = format!("/sql/{rest}");
        }
        Ok::<_, wait::TimedOut>(if seen.1.last().is_some_and(|last| last == "4.50") {
            Look::Holds(())
        } else {
            Look::NotYet(format!("{:?}", seen.1))
        })
    });
    last.await.unwrap();

    // A key of another API is refused, and nothing that a fault spoils is believed.
    let refused = place.api("CLOUD").get::<Value>(&one).await.unwrap_err();
    assert_eq!(refused.status, Some(401));
    let faults = cloud.pass("POST", "/changeproof/faults", b"503:1@/sql/".to_vec()).await.unwrap();
    assert_eq!(faults.0, 204);
    assert_eq!(flink.get::<Value>(&one).await.unwrap_err().status, Some(503));
    flink.get::<Value>(&one).await.unwrap();

    cloud.delete(&format!("{connect}/connectors/orders")).await.unwrap();
    if let (Some(python), Some(documents)) = (python(), documents()) {
        let mut check = Command::new(python);
        check.arg(script("contract.py")).arg(documents).arg(place.state.join("transcript"));
        assert_passed(&place.run(&mut check), "the transcript against the documents");
    }
    let transcript = std::fs::read_to_string(place.state.join("transcript")).unwrap();
    for (name, value) in &place.keys {
        let hidden = name.ends_with("_SECRET") || name.ends_with("PASSWORD");
        assert!(!hidden || !transcript.contains(value.as_str()), "{name} is in the transcript");
    }
    place.interrupt();
    assert!(!place.state.join("gateway").exists(), "files are left");
}

#[tokio::test(flavor = "multi_thread")]
async fn confluents_client_for_python_works_with_it() {
    let Some(python) = python() else { return };
    let place = Place::new("gateway-python", &[]).await;
    let mut client = Command::new(&python);
    client.arg(script("client.py")).arg(place.state.join("gateway/gateway.json"));
    assert_passed(&place.run(&mut client), "confluent-sql");
    if let Some(documents) = documents() {
        let mut check = Command::new(python);
        check.arg(script("contract.py")).arg(documents).arg(place.state.join("transcript"));
        assert_passed(&place.run(&mut check), "the transcript against the documents");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn confluents_plugin_for_the_table_api_works_with_it() {
    let Some(jars) = python().and_then(|python| jars(&python)) else { return };
    let place = Place::new("gateway-java", &["--tls"]).await;
    let trust = place.state.join("trust.p12");
    let mut import = Command::new("keytool");
    import.args(["-importcert", "-noprompt", "-alias", "gateway", "-storepass", "changeit"]);
    import.args(["-storetype", "PKCS12", "-keystore", trust.as_str(), "-file"]);
    // keytool reads one certificate: the last one is the gateway's own.
    let all = std::fs::read_to_string(place.state.join("gateway/ca.pem")).unwrap();
    let (_, own) = all.rsplit_once("-----BEGIN").unwrap();
    let file = place.state.join("own.pem");
    std::fs::write(&file, format!("-----BEGIN{own}")).unwrap();
    assert_passed(&place.run(import.arg(&file)), "keytool");
    let classes = format!("{}/*", jars.display());
    let built = place.state.join("classes");
    let mut compile = Command::new("javac");
    compile.args(["-cp", &classes, "-d", built.as_str()]).arg(script("Client.java"));
    assert_passed(&place.run(&mut compile), "javac");
    let mut client = Command::new("java");
    client.arg(format!("-Djavax.net.ssl.trustStore={trust}"));
    client.arg("-Djavax.net.ssl.trustStorePassword=changeit");
    client.args(["-cp", &format!("{built}:{classes}"), "Client", place.id("/url")]);
    client.args([
        place.id("/organization"),
        place.id("/environment/id"),
        place.id("/compute_pool"),
    ]);
    assert_passed(&place.run(&mut client), "the Table API plugin");
}
