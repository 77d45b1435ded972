//! What the proofs take for granted of the components, seen on the real stack: which messages move the
//! connector's slot, what a bounded statement reads, and what tables of files hold.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod database;
#[cfg(feature = "lake")]
mod lake;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use changeproof::base::position::Lsn;
use changeproof::client::connect::Connect;
use changeproof::client::flink::JobManager;
use changeproof::client::gateway::Session;
use changeproof::client::http::Http;
use changeproof::client::kafka::{Admin, EndsReader, NewTopic};
use changeproof::client::postgres::ident;
use changeproof::client::wait::{self, Look};
use changeproof::contain::connector::known;
use changeproof::lint::options::LISTED;
use database::Database;

/// Long enough for a busy machine; the tests wait for conditions, not for this.
const LIMIT: Duration = Duration::from_secs(60);

/// A database, and names that are swept should the test die.
struct Place {
    database: Database,
    kafka: Admin,
    ends: EndsReader,
}

impl Place {
    async fn new() -> Self {
        let database = Database::new("a test of the components").await;
        let kafka = Admin::new(&database.lease.reach).unwrap();
        let ends = EndsReader::new(&database.lease.reach).unwrap();
        Self { database, kafka, ends }
    }

    /// A name of this test's own.
    fn name(&self, end: &str) -> String {
        format!("{}{end}", self.database.claim.name())
    }

    async fn topic(&self, end: &str) {
        let name = self.name(end);
        let topic = NewTopic { name, partitions: 1, options: BTreeMap::new() };
        self.kafka.create(&[topic]).await.unwrap();
    }

    /// How many records a topic of one partition holds.
    async fn records(&self, end: &str) -> i64 {
        let ends = self.ends.ends(&[(self.name(end), 1)]).await.unwrap();
        ends.get(&(self.name(end), 0)).map_or(0, |bounds| bounds.high)
    }

    /// Waits until a topic holds so many records.
    async fn until_records(&self, end: &str, n: i64) {
        let look = || async {
            let found = self.records(end).await;
            Ok::<_, ()>(if found >= n { Look::Holds(()) } else { Look::NotYet(found.to_string()) })
        };
        wait::until(&format!("{n} records on {end}"), LIMIT, look).await.unwrap();
    }

    async fn confirmed(&self) -> Lsn {
        let slot = self.database.session.slot(&self.name("_slot")).await.unwrap();
        slot.and_then(|slot| slot.confirmed).unwrap_or(Lsn(0))
    }

    async fn until_confirmed(&self, past: Lsn) {
        let look = || async {
            let at = self.confirmed().await;
            Ok::<_, ()>(if at > past { Look::Holds(()) } else { Look::NotYet(at.to_string()) })
        };
        wait::until(&format!("the slot to be confirmed past {past}"), LIMIT, look).await.unwrap();
    }

    /// Commits a statement; gives a position between what it wrote and its commit.
    async fn commit(&self, sql: &str) -> Lsn {
        self.database.session.run(&format!("BEGIN; {sql}")).await.unwrap();
        let at = self.database.session.value("SELECT pg_current_wal_insert_lsn()").await.unwrap();
        self.database.session.run("COMMIT").await.unwrap();
        at.unwrap().parse().unwrap()
    }

    /// A connector that captures table `t` and messages, but for those of the prefix `silent`.
    async fn connector(&self) -> Connect {
        let at = &self.database.lease.reach;
        let options = [
            ("connector.class", "io.debezium.connector.postgresql.PostgresConnector".to_owned()),
            ("database.hostname", at.postgres.at.inside.host.clone()),
            ("database.port", at.postgres.at.inside.port.to_string()),
            ("database.user", at.postgres.user.clone()),
            ("database.password", at.postgres.reference.clone()),
            ("database.dbname", self.database.claim.name()),
            ("topic.prefix", self.database.claim.name()),
            ("table.include.list", "public.t".to_owned()),
            ("plugin.name", "pgoutput".to_owned()),
            ("slot.name", self.name("_slot")),
            ("publication.name", self.name("_pub")),
            ("publication.autocreate.mode", "disabled".to_owned()),
            ("message.prefix.exclude.list", "silent".to_owned()),
            ("key.converter", "org.apache.kafka.connect.json.JsonConverter".to_owned()),
            ("value.converter", "org.apache.kafka.connect.json.JsonConverter".to_owned()),
        ];
        let options = options.map(|(key, value)| (key.to_owned(), value));
        let connect = Connect::new(at).unwrap();
        connect.put(&self.name("_connector"), &BTreeMap::from(options)).await.unwrap();
        connect
    }

    async fn end(self, connect: Option<Connect>) {
        if let Some(connect) = connect {
            connect.delete(&self.name("_connector")).await.unwrap();
            let (control, slot) = (self.database.control().await, self.name("_slot"));
            let free = || async {
                let slot = control.slot(&slot).await.unwrap();
                let reader = slot.and_then(|slot| slot.active_pid);
                Ok::<_, ()>(reader.map_or(Look::Holds(()), |pid| Look::NotYet(pid.to_string())))
            };
            wait::until("the slot to be free", LIMIT, free).await.unwrap();
            control.drop_slot(&slot).await.unwrap();
        }
        let topics = self.kafka.list(&self.database.claim.name()).await.unwrap();
        let topics: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        self.kafka.delete(&topics).await.unwrap();
        self.database.end().await;
    }
}

/// The barrier stands on this: a message that is captured carries the slot past the commit before it,
/// not past its own; one that is left out makes no record. That the latter leaves the slot where it is
/// could only be seen by waiting for nothing, and is not shown.
#[tokio::test]
async fn a_captured_message_moves_the_slot_past_the_commit_before_it_and_an_excluded_one_makes_no_record()
 {
    let place = Place::new().await;
    let publication = ident(&place.name("_pub"));
    let sql = format!(
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); \
         CREATE TABLE other (id int PRIMARY KEY); CREATE PUBLICATION {publication} FOR TABLE t"
    );
    place.database.session.run(&sql).await.unwrap();
    for topic in [".public.t", ".message"] {
        place.topic(topic).await;
    }
    let connect = place.connector().await;
    // The snapshot's row, then a message that comes back as a streamed record.
    place.until_records(".public.t", 1).await;
    place.database.session.emit_message("loud", "1").await.unwrap();
    place.until_records(".message", 1).await;

    let commit = place.commit("INSERT INTO t VALUES (2)").await;
    place.database.session.emit_message("loud", "2").await.unwrap();
    place.until_confirmed(commit).await;
    assert_eq!((place.records(".public.t").await, place.records(".message").await), (2, 2));

    // What nothing captures: a row of another table, and messages of the excluded prefix.
    place.commit("INSERT INTO other VALUES (1)").await;
    let mut silent = Lsn(0);
    for n in 0..20 {
        silent = place.database.session.emit_message("silent", &n.to_string()).await.unwrap();
    }
    // A captured message is read back only once the connector has gone past all of these.
    let loud = place.database.session.emit_message("loud", "3").await.unwrap();
    place.until_records(".message", 3).await;
    place.until_confirmed(silent).await;
    assert_eq!(place.records(".message").await, 3, "an excluded message makes no record");
    assert!(place.confirmed().await <= loud, "a message is not confirmed past its own commit");
    place.end(Some(connect)).await;
}

/// Whoever reaches Connect can ask it for the configuration of a connector.
#[tokio::test]
async fn connect_tells_where_the_password_stands_and_not_what_it_is() {
    let place = Place::new().await;
    let publication = ident(&place.name("_pub"));
    let sql = format!(
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); \
         CREATE PUBLICATION {publication} FOR TABLE t"
    );
    place.database.session.run(&sql).await.unwrap();
    place.topic(".public.t").await;
    let connect = place.connector().await;
    place.until_records(".public.t", 1).await;
    let at = &place.database.lease.reach;
    let path = format!("/connectors/{}/config", place.name("_connector"));
    let told: BTreeMap<String, String> = Http::new(&at.connect).unwrap().get(&path).await.unwrap();
    assert_eq!(told.get("database.password"), Some(&at.postgres.reference));
    let shown = format!("{told:?}");
    assert!(!shown.contains(&at.postgres.password.0), "{shown}");
    place.end(Some(connect)).await;
}

/// Bounded replays stand on this: a job reads to the ends that it found when it began.
#[tokio::test]
async fn a_bounded_job_reads_what_was_there_when_it_began_and_finishes() {
    let place = Place::new().await;
    for topic in [".a", ".b", ".c"] {
        place.topic(topic).await;
    }
    let properties = [
        ("execution.runtime-mode", "streaming"),
        ("restart-strategy.type", "none"),
        ("parallelism.default", "1"),
    ];
    let properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let properties = BTreeMap::from(properties);
    let session = Session::open(&place.database.lease.reach, "bounded", &properties).await.unwrap();
    let flink = JobManager::new(&place.database.lease.reach).unwrap();
    for (table, end) in [("a", ".a"), ("b", ".b"), ("c", ".c")] {
        let (topic, kafka) = (place.name(end), &place.database.lease.reach.kafka.inside.bootstrap);
        let create = format!(
            "CREATE TABLE {table} (id INT) WITH ('connector' = 'kafka', 'topic' = '{topic}', \
             'properties.bootstrap.servers' = '{kafka}', 'format' = 'json', \
             'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset')"
        );
        session.execute(&create).await.unwrap();
    }
    let finish = async |statement: &str| {
        let job = session.submit(statement).await.unwrap();
        flink.until_ended(&job, LIMIT).await.unwrap();
        assert_eq!(flink.state(&job).await.unwrap().as_deref(), Some("FINISHED"), "{statement}");
    };
    finish("INSERT INTO a VALUES (1), (2), (3)").await;
    assert_eq!(place.records(".a").await, 3);

    // In one statement set the second finds its input as it was before the first wrote: empty.
    let both = "EXECUTE STATEMENT SET BEGIN INSERT INTO b SELECT id FROM a; \
                INSERT INTO c SELECT id FROM b; END";
    finish(both).await;
    assert_eq!((place.records(".b").await, place.records(".c").await), (3, 0));

    // One after the other, the second finds all that the first wrote.
    finish("INSERT INTO c SELECT id FROM b").await;
    assert_eq!(place.records(".c").await, 3);
    session.close().await.unwrap();
    place.end(None).await;
}

/// What the lint takes for an option of the connector is what the pinned connector lists.
#[tokio::test]
async fn the_options_that_the_lint_knows_are_those_that_the_worker_lists() {
    let place = Place::new().await;
    let class = "io.debezium.connector.postgresql.PostgresConnector";
    let path = "connector-plugins/PostgresConnector/config/validate";
    let config = BTreeMap::from([("connector.class", class), ("topic.prefix", "cdc")]);
    let asked = Http::plain()
        .unwrap()
        .put(format!("{}/{path}", place.database.lease.reach.connect.url))
        .json(&config);
    let answer: serde_json::Value = asked.send().await.unwrap().json().await.unwrap();
    let options = answer.get("configs").and_then(serde_json::Value::as_array).unwrap().iter();
    let names = options.map(|option| option["definition"]["name"].as_str().unwrap().to_owned());
    let listed: BTreeSet<String> = names.collect();
    let known: BTreeSet<String> = LISTED.lines().map(ToOwned::to_owned).collect();
    assert_eq!(listed, known, "write infra/local/connector.options anew");
    place.end(None).await;
}

/// Options of every converter, transform and predicate of the worker stand in the table, or their
/// class is refused.
#[tokio::test]
async fn the_table_of_options_has_those_of_every_plugin_of_the_worker() {
    let place = Place::new().await;
    let client = Http::plain().unwrap();
    let connect = &place.database.lease.reach.connect.url;
    let get = async |path: String| -> Vec<serde_json::Value> {
        client.get(format!("{connect}/{path}")).send().await.unwrap().json().await.unwrap()
    };
    let (mut lost, mut looked_at) = (Vec::new(), 0);
    for plugin in get("connector-plugins?connectorsOnly=false".to_owned()).await {
        let text = |key: &str| plugin.get(key).and_then(|value| value.as_str()).unwrap_or("");
        let (class, kind) = (text("class"), text("type"));
        if matches!(kind, "source" | "sink" | "header_converter") {
            continue;
        }
        let part = known::parts().find(|part| part.classes.contains(&class));
        let Some(part) = part else {
            lost.extend((!known::is_unmodelled(class)).then(|| class.to_owned()));
            continue;
        };
        let path = format!("connector-plugins/{}/config", class.replace('$', "%24"));
        for option in get(path).await {
            let name = option.get("name").and_then(|name| name.as_str()).unwrap();
            looked_at += 1;
            lost.extend(part.option(name).is_none().then(|| format!("{class}: {name}")));
        }
    }
    place.end(None).await;
    assert_eq!(lost, Vec::<String>::new());
    assert!(looked_at > 80, "only {looked_at} options were looked at");
}

/// The texts that a Java class holds.
fn texts(class: &[u8]) -> Vec<String> {
    let byte = |at: usize| *class.get(at).unwrap();
    let number = |at: usize| usize::from(u16::from_be_bytes([byte(at), byte(at + 1)]));
    let (mut at, mut left, mut found) = (10, number(8), Vec::new());
    while left > 1 {
        // How long each kind of constant is; a long number takes two places.
        let (length, places) = match byte(at) {
            1 => (3 + number(at + 1), 1),
            5 | 6 => (9, 2),
            7 | 8 | 16 | 19 | 20 => (3, 1),
            15 => (4, 1),
            _ => (5, 1),
        };
        if byte(at) == 1 {
            let text = class.get(at + 3..at + length).unwrap();
            found.push(String::from_utf8_lossy(text).into_owned());
        }
        (at, left) = (at + length, left - places);
    }
    found
}

/// Classes that name the options of the connector, and texts in them that look like such names and
/// are none of it: of other connectors, of the engine, or a part of a name.
const OF_OPTIONS: [&str; 6] = [
    "CommonConnectorConfig",
    "RelationalDatabaseConnectorConfig",
    "PostgresConnectorConfig",
    "AbstractTopicNamingStrategy",
    "AbstractRegexTopicNamingStrategy",
    "ReselectColumnsPostProcessor",
];
const NO_OPTIONS: [&str; 10] = [
    "advanced.metrics.enable",
    "database.exclude.list",
    "database.include.list",
    "include.schema.changes",
    "log.position.check.enable",
    "multi.partition.mode",
    "queue.provider.type",
    "reselect.",
    "snapshot.scan.all.columns.force",
    "task.id",
];

/// What the pinned jars call an option stands in the table, whether the connector lists it or not.
#[tokio::test]
async fn no_option_of_the_pinned_jars_is_in_no_class() {
    // The stack brings the jars if they were never there.
    let place = Place::new().await;
    let environment = changeproof::cli::environment::Environment::read().unwrap();
    let program = camino::Utf8Path::new(database::PROGRAM);
    let options = changeproof::cli::stack::options(&environment, program, None).unwrap();
    let pinned = changeproof::stack::local_profile(&changeproof::stack::Lane::default()).versions;
    let pinned = pinned.get("debezium").unwrap();
    let name = regex::Regex::new(r"^[a-z][a-z0-9]*(\.[a-z0-9]+)+$").unwrap();
    let (mut classes, mut looked_at, mut lost) = (0, BTreeSet::new(), BTreeSet::new());
    let folders = options.cache.join("jars").read_dir_utf8().unwrap().map(Result::unwrap);
    for folder in folders.filter(|folder| folder.file_name().starts_with("debezium-")) {
        let folder = folder.path().join("lib/debezium-connector-postgres");
        for jar in folder.read_dir_utf8().unwrap().map(Result::unwrap) {
            // Jars of other versions may be kept beside the pinned ones.
            let version =
                jar.file_name().strip_suffix(".jar").and_then(|name| name.rsplit_once('-'));
            let is_own = jar.file_name().starts_with("debezium-");
            if !version.is_some_and(|(_, version)| is_own && version == pinned) {
                continue;
            }
            let mut archive =
                zip::ZipArchive::new(std::fs::File::open(jar.path()).unwrap()).unwrap();
            for n in 0..archive.len() {
                let mut entry = archive.by_index(n).unwrap();
                let class = entry.name().unwrap().rsplit('/').next().unwrap_or("").to_owned();
                let Some(class) = class.strip_suffix(".class") else { continue };
                if !OF_OPTIONS.contains(&class) {
                    continue;
                }
                classes += 1;
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
                for text in texts(&bytes).into_iter().filter(|text| name.is_match(text)) {
                    if NO_OPTIONS.iter().any(|none| text.starts_with(none)) || is_java(&text) {
                        continue;
                    }
                    lost.extend(known::CONNECTOR.option(&text).is_none().then(|| text.clone()));
                    looked_at.insert(text);
                }
            }
        }
    }
    place.end(None).await;
    assert_eq!(lost, BTreeSet::new());
    assert!(classes >= OF_OPTIONS.len(), "only {classes} classes were found");
    assert!(looked_at.len() > 90, "only {} options were looked at", looked_at.len());
}

/// The name of a package, and no option.
fn is_java(text: &str) -> bool {
    ["java.", "javax.", "io.debezium", "org.apache", "org.postgresql"]
        .iter()
        .any(|package| text.starts_with(package))
}
