//! What Connect's worker says of the connector in its log, and nowhere else.
//!
//! A producer waits for a topic that is not there without a failure, a connector that fails of what it
//! holds for a passing fault goes on RUNNING, and an incremental snapshot that is given up has no
//! state. Each has a line in the log, which names the connector, a thread of it or its topics.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};

use crate::client::cause::{self, Cause};
use crate::client::clock::Stopwatch;

/// How much of the log is read at a time.
const AT_A_TIME: u64 = 1 << 20;

/// A topic that a producer asks for this long will not come: those of a run are made within a second
/// of the connector.
const PATIENCE_MS: u64 = 4_000;

/// A producer asks again at least so often.
const AGAIN_MS: u64 = 2_500;

/// A connector that failed so often of one cause within [`PATIENCE_MS`] will fail of it again.
const FAILURES: u32 = 4;

/// It fails again at least so often.
const FAILS_AGAIN_MS: u64 = 5_000;

/// What passes: Postgres was away, or has not noticed yet that the reader before is.
const PASSING: [&str; 5] =
    ["onnection", "database system is", "is active for PID", "I/O error", "EOF"];

/// Who gives up a snapshot, or a signal that asks for one: the ends of the loggers' names.
const OF_SNAPSHOTS: [&str; 4] = [
    "IncrementalSnapshotChangeEventSource",
    "SignalProcessor",
    "ExecuteSnapshot",
    "SourceSignalChannel",
];

/// The log of Connect's worker as far as it is about one connector. Clones share it.
#[derive(Debug, Clone)]
pub struct ConnectorLog(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    file: Option<Utf8PathBuf>,
    /// How far it was read: up to the end of a line.
    read: u64,
    /// One of these is in every line about the connector.
    names: Vec<String>,
    watch: Stopwatch,
    /// Topics that a producer found missing: when first, and when last.
    missing: BTreeMap<String, (u64, u64)>,
    given_up: Vec<String>,
    /// The lines so far of a failure of the connector's producer.
    trace: Option<String>,
    failures: Vec<Failing>,
}

/// A cause of which the connector failed.
#[derive(Debug)]
struct Failing {
    cause: Cause,
    first_ms: u64,
    last_ms: u64,
    count: u32,
}

impl ConnectorLog {
    /// The log from byte `begun` on; every line about the connector has one of the `names` in it.
    /// Where nobody knows the file, nothing is said.
    pub fn new(file: Option<&Utf8Path>, begun: u64, names: Vec<String>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            file: file.map(ToOwned::to_owned),
            read: begun,
            names,
            watch: Stopwatch::start(),
            missing: BTreeMap::new(),
            given_up: Vec::new(),
            trace: None,
            failures: Vec::new(),
        })))
    }

    /// The topic for which the connector's producer has waited for some time, and still does.
    pub fn waits_for_topic(&self) -> Option<String> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.follow();
        let now_ms = inner.watch.elapsed_ms();
        inner.waits_for_topic(now_ms)
    }

    /// Of what the connector fails again and again, and how often it did.
    pub fn fails_again(&self) -> Option<(Cause, u32)> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.follow();
        let now_ms = inner.watch.elapsed_ms();
        inner.fails_again(now_ms)
    }

    /// What the connector has given up of a snapshot since this was asked last, in its own words.
    pub fn given_up(&self) -> Vec<String> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.follow();
        std::mem::take(&mut inner.given_up)
    }
}

impl Inner {
    /// Reads what was written since. A log that cannot be read says nothing.
    fn follow(&mut self) {
        let Some(file) = &self.file else { return };
        let length = fs_err::metadata(file).map_or(0, |found| found.len());
        // A worker that is started again may begin its log anew.
        self.read = if length < self.read { 0 } else { self.read };
        let text = read_from(file, self.read).unwrap_or_default();
        let complete = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let text = text.get(..complete).unwrap_or_default();
        self.read = self.read.saturating_add(u64::try_from(complete).unwrap_or(u64::MAX));
        let now_ms = self.watch.elapsed_ms();
        for line in String::from_utf8_lossy(text).lines() {
            self.line(line, now_ms);
        }
    }

    fn line(&mut self, line: &str, now_ms: u64) {
        // Lines of a trace have no head.
        if !line.starts_with(|c: char| c.is_ascii_digit()) {
            if let Some(trace) = &mut self.trace {
                trace.push_str(line);
                trace.push('\n');
            }
            return;
        }
        if let Some(trace) = self.trace.take() {
            self.failed(cause::root(&trace), now_ms);
        }
        if !self.names.iter().any(|name| line.contains(name.as_str())) {
            return;
        }
        for topic in missing_topics(line) {
            self.missing.entry(topic.to_owned()).or_insert((now_ms, now_ms)).1 = now_ms;
        }
        self.given_up.extend(given_up(line));
        self.trace = line.ends_with(PRODUCER_FAILURE).then(String::new);
    }

    fn failed(&mut self, cause: Cause, now_ms: u64) {
        if PASSING.iter().any(|words| cause.sentence.contains(words)) {
            return;
        }
        match self.failures.iter_mut().find(|failing| failing.cause.sentence == cause.sentence) {
            Some(failing) => {
                failing.count = failing.count.saturating_add(1);
                failing.last_ms = now_ms;
            }
            None => {
                let (first_ms, last_ms, count) = (now_ms, now_ms, 1);
                self.failures.push(Failing { cause, first_ms, last_ms, count });
            }
        }
    }

    fn fails_again(&self, now_ms: u64) -> Option<(Cause, u32)> {
        let again = |failing: &&Failing| {
            let lasted = failing.last_ms.saturating_sub(failing.first_ms) >= PATIENCE_MS;
            let lasts = now_ms.saturating_sub(failing.last_ms) < FAILS_AGAIN_MS;
            failing.count >= FAILURES && lasted && lasts
        };
        self.failures.iter().find(again).map(|failing| (failing.cause.clone(), failing.count))
    }

    fn waits_for_topic(&self, now_ms: u64) -> Option<String> {
        let waits = |(first, last): &(u64, u64)| {
            last.saturating_sub(*first) >= PATIENCE_MS && now_ms.saturating_sub(*last) < AGAIN_MS
        };
        self.missing.iter().find(|(_, seen)| waits(seen)).map(|(topic, _)| topic.clone())
    }
}

/// How Debezium begins the trace of a failure, after which it may start again.
const PRODUCER_FAILURE: &str = "ERROR ErrorHandler - Producer failure";

fn read_from(file: &Utf8Path, from: u64) -> std::io::Result<Vec<u8>> {
    let mut file = fs_err::File::open(file)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(AT_A_TIME).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The topics of `… {a=UNKNOWN_TOPIC_OR_PARTITION, b=UNKNOWN_TOPIC_OR_PARTITION}`, where a producer
/// says so.
fn missing_topics(line: &str) -> Vec<&str> {
    const UNKNOWN: &str = "=UNKNOWN_TOPIC_OR_PARTITION";
    let is_producer = line.contains("[Producer clientId=");
    let list = line.rsplit_once('{').filter(|_| is_producer).map_or("", |(_, list)| list);
    let items = list.split(|c: char| c == ',' || c == '}' || c.is_whitespace());
    items.filter_map(|item| item.strip_suffix(UNKNOWN)).collect()
}

/// The message of a warning or an error of who makes snapshots.
fn given_up(line: &str) -> Option<String> {
    let (head, message) = line.split_once(" - ")?;
    let mut words = head.split_whitespace().rev();
    let (logger, level) = (words.next()?, words.next()?);
    let of_snapshots = OF_SNAPSHOTS.iter().any(|end| logger.ends_with(end));
    let grave = matches!(level, "WARN" | "ERROR");
    (of_snapshots && grave).then(|| message.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const WAITS: &str = "2026-01-02T03:04:05.678 [kafka-producer-network-thread | connector-producer-cp_x-0] WARN \
                         NetworkClient - [Producer clientId=connector-producer-cp_x-0] The metadata response from \
                         the cluster reported a recoverable issue with correlation id 7 : \
                         {cp_x.cdc.public.a=UNKNOWN_TOPIC_OR_PARTITION}";

    fn inner() -> Inner {
        Inner {
            file: None,
            read: 0,
            names: vec!["cp_x".to_owned()],
            watch: Stopwatch::start(),
            missing: BTreeMap::new(),
            given_up: Vec::new(),
            trace: None,
            failures: Vec::new(),
        }
    }

    const FAILS: &str = "2026-01-02T03:04:05.678 [debezium-postgresconnector-cp_x.cdc-change-event-source-coordinator] \
                         ERROR ErrorHandler - Producer failure";
    const TRACE: [&str; 4] = [
        "io.debezium.DebeziumException: a.b.C: it failed",
        "\tat a.b.C.d(C.java:1)",
        "Caused by: org.postgresql.util.PSQLException: ERROR: relation \"nowhere\" does not exist",
        "2026-01-02T03:04:05.679 [task-thread-cp_x-0] WARN BaseSourceTask - Going to restart connector",
    ];

    #[test]
    fn a_connector_that_is_started_again_and_again_fails_of_one_cause() {
        let mut inner = inner();
        for n in 0..u64::from(FAILURES) {
            assert!(inner.fails_again(n * 1_500).is_none(), "after {n}");
            inner.line(FAILS, n * 1_500);
            for line in TRACE {
                inner.line(line, n * 1_500);
            }
        }
        let (cause, count) = inner.fails_again(4_500).unwrap();
        assert_eq!(cause.sentence, "ERROR: relation \"nowhere\" does not exist");
        assert_eq!(count, FAILURES);
        assert!(inner.fails_again(4_500 + FAILS_AGAIN_MS).is_none(), "it works since");
    }

    #[test]
    fn postgres_that_is_away_passes() {
        let mut inner = inner();
        for n in 0..8 {
            inner.line(FAILS, n * 1_000);
            inner.line("a.b.PSQLException: Connection to 127.0.0.1:5432 refused.", n * 1_000);
        }
        assert!(inner.failures.is_empty());
    }

    #[test]
    fn a_producer_that_goes_on_asking_waits_for_a_topic() {
        let mut inner = inner();
        inner.line(WAITS, 0);
        assert_eq!(inner.waits_for_topic(5_000), None, "it was asked for once");
        inner.line(WAITS, PATIENCE_MS);
        assert_eq!(inner.waits_for_topic(PATIENCE_MS), Some("cp_x.cdc.public.a".to_owned()));
        assert_eq!(inner.waits_for_topic(PATIENCE_MS + AGAIN_MS), None, "it has come since");
    }

    #[test]
    fn what_is_said_of_another_connector_is_not_ours() {
        let mut inner = inner();
        inner.names = vec!["cp_y".to_owned()];
        inner.line(WAITS, 0);
        inner.line(WAITS, PATIENCE_MS);
        assert_eq!(inner.waits_for_topic(PATIENCE_MS), None);
    }

    #[rstest]
    #[case::producer(WAITS, &["cp_x.cdc.public.a"])]
    #[case::two("2 [Producer clientId=c] y : {a=UNKNOWN_TOPIC_OR_PARTITION, b=UNKNOWN_TOPIC_OR_PARTITION}", &["a", "b"])]
    #[case::another_issue("x [Producer clientId=c] y : {a=LEADER_NOT_AVAILABLE}", &[])]
    #[case::a_consumer("x [Consumer clientId=c] y : {a=UNKNOWN_TOPIC_OR_PARTITION}", &[])]
    fn the_topics_that_are_missing_are_read(#[case] line: &str, #[case] topics: &[&str]) {
        assert_eq!(missing_topics(line), topics);
    }

    #[rstest]
    #[case::skipped(
        "2026-01-02T03:04:05 [debezium-x] WARN SignalBasedIncrementalSnapshotChangeEventSource - \
         Incremental snapshot for table 'public.a' skipped cause the table has no primary keys",
        Some(
            "Incremental snapshot for table 'public.a' skipped cause the table has no primary keys"
        )
    )]
    #[case::unreadable("x [t] ERROR ExecuteSnapshot - no - no", Some("no - no"))]
    #[case::information("x [t] INFO SignalProcessor - Signal a", None)]
    #[case::another("x [t] WARN NetworkClient - Incremental snapshot", None)]
    fn a_snapshot_that_is_given_up_is_read(#[case] line: &str, #[case] told: Option<&str>) {
        assert_eq!(given_up(line).as_deref(), told);
    }

    #[test]
    fn only_whole_lines_that_came_since_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = Utf8Path::from_path(folder.path()).unwrap().join("connect.log");
        let gave = |n: u32| format!("2 [cp_x] WARN SignalProcessor - gave up {n}\n");
        fs_err::write(&file, gave(1)).unwrap();
        let begun = fs_err::metadata(&file).unwrap().len();
        let log = ConnectorLog::new(Some(&file), begun, vec!["cp_x".to_owned()]);
        assert_eq!(log.given_up(), Vec::<String>::new());
        let half = gave(3);
        let (left, right) = half.split_at(20);
        fs_err::write(&file, format!("{}{}{left}", gave(1), gave(2))).unwrap();
        assert_eq!(log.given_up(), ["gave up 2"]);
        fs_err::write(&file, format!("{}{}{left}{right}", gave(1), gave(2))).unwrap();
        assert_eq!(log.given_up(), ["gave up 3"]);
    }
}
