//! A made-up run as the history that would have been recorded of it.

use std::collections::BTreeMap;

use changeproof::base::grade::Grade;
use changeproof::base::position::{Lsn, Xid};
use changeproof::history::History;
use changeproof::history::event::{Bytes, End, Event, Proof, Record};
use changeproof::scenario::expect::Expect;
use changeproof::scenario::timeline::{Fault, Target, Verb};
use serde_json::json;

use super::super::recorded::histories;
use super::catalogue::{config, names, tables, topics};
use super::database::{COMMIT_LENGTH, Transaction, layout};
use super::debezium::{Emit, captured, point, snapshot, stream};
use super::plan::Plan;
use super::signals::{anew, signals};
use super::{sink, wal};

pub(crate) const SINK: &str = "high_rates";

/// The records of the topics' partitions in the order they were read: partition and record. The
/// partitions are counted through, topic by topic.
pub(crate) type Log = Vec<(i32, Emit)>;

/// What was read between two crashes of the worker, which stand between the logs.
pub(crate) type Runs = Vec<Log>;

/// What is read of these records: all of them, and after a crash some again.
pub(crate) fn runs(plan: &Plan, records: &[Emit]) -> Runs {
    // Before its snapshot is complete a connector begins anew.
    let snapshot = records.iter().filter(|record| record.op == 'r').count();
    let (mut from, mut runs) = (0, Runs::new());
    for (upto, back) in &plan.crashes {
        let begin = from.max(snapshot);
        let upto = begin + upto.index(records.len() - begin + 1);
        // It starts again at a change, never between a delete and its tombstone.
        let again = begin + back.index(upto - begin + 1);
        let lsn = |place: usize| records.get(place).map(|record| record.lsn);
        let start = |place: &usize| *place == begin || lsn(*place - 1) != lsn(*place);
        let again = (begin..=again).rev().find(start).unwrap();
        // What was on its way when the worker died did or did not arrive, partition by partition.
        let arrived = |partition: usize| again + plan.choice(partition) % (upto - again + 1);
        runs.push(log(plan, (records, from), arrived));
        from = again;
    }
    runs.push(log(plan, (records, from), |_| records.len()));
    runs
}

/// What is read where the first run of the connector stores no offset, and the second takes the
/// snapshot anew.
pub(crate) fn runs_anew(plan: &Plan, transactions: &[Transaction]) -> Option<Runs> {
    let (streamed, shown) = anew(plan, transactions)?;
    let first = [
        snapshot(plan, &transactions[..plan.before]),
        stream(plan, &transactions[plan.before..streamed]),
    ];
    let second = [snapshot(plan, &transactions[..shown]), stream(plan, &transactions[shown..])];
    let whole = |records: Vec<Emit>| log(plan, (&records, 0), |_| records.len());
    Some(vec![whole(first.concat()), whole(second.concat())])
}

/// Spreads the records over the partitions, and reads them in some order of the partitions.
fn log(plan: &Plan, (records, from): (&[Emit], usize), upto: impl Fn(usize) -> usize) -> Log {
    let n = usize::try_from(plan.partitions).unwrap();
    let all = n * names(plan).len();
    let mut partitions = vec![Vec::new(); all];
    for (place, record) in records.iter().enumerate().skip(from) {
        // A null key may fall anywhere, and elsewhere when it is written again.
        let anywhere = || plan.choice(place + 3 * from);
        let home = record.key.map_or_else(anywhere, |key| usize::try_from(key * 7 + 3).unwrap());
        let home = record.table * n + home % n;
        if place < upto(home) {
            partitions[home].push(record.clone());
        }
    }
    let mut read = partitions.iter().map(|own| own.iter()).collect::<Vec<_>>();
    let mut log = Log::new();
    for step in 0.. {
        let left = (0..all).filter(|p| read[*p].len() > 0).collect::<Vec<_>>();
        let Some(next) = left.get(plan.choice(step) % left.len().max(1)) else { break };
        log.push((i32::try_from(*next).unwrap(), read[*next].next().unwrap().clone()));
    }
    log
}

/// The first recorded run whose header stands for a made-up one.
pub(super) fn template() -> History {
    static TEMPLATE: std::sync::OnceLock<History> = std::sync::OnceLock::new();
    let find = || {
        let fits = |(name, _): &(String, History)| name.starts_with("a-row-that-leaves");
        histories().into_iter().find(fits).unwrap().1
    };
    let mut history = TEMPLATE.get_or_init(find).clone();
    history.events.clear();
    history.header.trial.expect = Expect::default();
    history.header.trial.timeline.clear();
    history
}

/// The history of a run with these records.
pub(crate) fn history(plan: &Plan, transactions: &[Transaction], runs: &Runs) -> History {
    let log = &runs.concat();
    let mut history = template();
    let has_sink = sink::has_sink(plan, log);
    let statement = history.header.trial.pipeline.statements[2].place(0);
    if !has_sink {
        history.header.trial.pipeline.sinks.clear();
    }
    let last = transactions.last().unwrap().commit + COMMIT_LENGTH;
    let events = &mut history.events;
    events.push(Event::Tables { tables: tables(plan, &layout(plan), false) });
    events.push(topics(plan, has_sink));
    events.push(Event::Connector { config: config(plan), replaced: Vec::new(), connector: None });
    events.push(Event::Slot { point: Lsn(point(plan, transactions)), connector: None });
    events.push(Event::Streaming { barrier_end: Lsn(last) });
    if has_sink {
        events.push(Event::Sinks { sinks: vec![sink::table(plan, &statement)] });
    }
    journal(plan, transactions, events);
    let mut ends = ends(plan);
    for (n, run) in runs.iter().enumerate() {
        if n > 0 {
            events.extend(kill(n, Target::Worker));
        }
        for (home, emit) in run {
            let partition = home % plan.partitions;
            let topic = plan.shaping.topic(names(plan)[emit.table]);
            let (_, end) = &mut ends.get_mut(&topic).unwrap()[usize::try_from(partition).unwrap()];
            events.push(Event::Record(record(plan, emit, (topic, partition, *end))));
            *end += 1;
        }
    }
    if has_sink {
        let (written, n) = sink::written(plan, log);
        ends.insert(SINK.to_owned(), vec![(0, i64::try_from(n).unwrap())]);
        events.extend(written);
    }
    events.push(Event::Proof(proof(ends, last)));
    for name in names(plan) {
        events.push(Event::Capture {
            proof: 0,
            table: format!("public.{name}"),
            source: (1, "digest".to_owned()),
            shadow: (1, "digest".to_owned()),
        });
    }
    if has_sink {
        events.push(Event::Reference(sink::reference(plan, transactions)));
    }
    events.push(Event::End(End::Completed));
    history
}

/// The topics' partitions, without a record.
fn ends(plan: &Plan) -> BTreeMap<String, Vec<(i64, i64)>> {
    let empty = vec![(0, 0); usize::try_from(plan.partitions).unwrap()];
    let tables = names(plan).into_iter().enumerate().filter(|(place, _)| captured(plan, *place));
    tables.map(|(_, name)| (plan.shaping.topic(name), empty.clone())).collect()
}

/// What the journal's slot gives, and the commits as they were acknowledged.
fn journal(plan: &Plan, transactions: &[Transaction], events: &mut Vec<Event>) {
    let signals = signals(plan, transactions);
    let mut slot = wal::Slot::new(plan);
    for (n, transaction) in transactions.iter().enumerate() {
        events.extend(signals.iter().filter(|signal| signal.place == n).flat_map(wal::signal));
        let xid = Xid(transaction.xid);
        for (lsn, data) in slot.messages(transaction) {
            events.push(Event::Wal { lsn: Lsn(lsn), xid, data });
        }
        events.push(Event::Commit { entry: Some(0), session: "a".to_owned(), xid });
    }
    let behind = signals.iter().filter(|signal| signal.place == transactions.len());
    events.extend(behind.flat_map(wal::signal));
}

/// A component dies and is started again.
pub(super) fn kill(entry: usize, target: Target) -> [Event; 4] {
    let fault = |verb, done_ms| {
        let fault = Fault { verb, target, savepoint: false, connector: None };
        Event::Fault { entry, fault, done_ms }
    };
    let (kill, start) = (Verb::Kill, Verb::Start);
    [fault(kill, None), fault(kill, Some(1)), fault(start, None), fault(start, Some(1))]
}

fn record(plan: &Plan, emit: &Emit, (topic, partition, offset): (String, i32, i64)) -> Record {
    let snapshot = match (emit.op, emit.lsn) {
        ('r', 0) => "incremental",
        ('r', _) => "true",
        _ => "false",
    };
    let lsn = Some(emit.lsn).filter(|lsn| *lsn > 0);
    let table = names(plan)[emit.table];
    let source = json!({"snapshot": snapshot, "txId": emit.xid, "lsn": lsn, "ts_ms": 0,
        "schema": "public", "table": table});
    let envelope = json!({"before": emit.before, "after": emit.after, "source": source,
        "op": emit.op.to_string(), "ts_ms": 1});
    let envelope = (emit.op != 'n').then_some(envelope);
    let (key, value, headers) = plan.shaping.written(emit, envelope);
    let bytes = |value: serde_json::Value| Bytes(value.to_string().into_bytes());
    let header = |(name, text): (String, String)| (name, Some(Bytes(text.into_bytes())));
    Record {
        topic,
        partition,
        offset,
        timestamp: Some(1),
        key: key.map(bytes),
        value: value.map(bytes),
        headers: headers.into_iter().map(header).collect(),
    }
}

pub(super) fn proof(ends: BTreeMap<String, Vec<(i64, i64)>>, last: u64) -> Proof {
    Proof {
        number: 0,
        entry: 0,
        grade: Grade::Checkpoint,
        last_commit_end: Some(Lsn(last)),
        barrier_end: Lsn(last + 100),
        confirmed: Lsn(last),
        ends,
        jobs: Vec::new(),
        watermarks: BTreeMap::new(),
        watermarks_at_most: BTreeMap::new(),
        gaps: Vec::new(),
        elapsed_ms: 1,
    }
}
