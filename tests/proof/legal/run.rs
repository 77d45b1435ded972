//! A made-up run as the history that would have been recorded of it.

use std::collections::BTreeMap;

use changeproof::base::position::{Lsn, Xid};
use changeproof::history::History;
use changeproof::history::event::{
    Bytes, Column, End, Event, Proof, Record, Reference, Role, Side, SinkMode, SinkTable, Table,
    Topic,
};
use changeproof::history::files::Kept;
use changeproof::scenario::expect::Expect;
use changeproof::scenario::settings::{Options, ReplicaIdentity};
use changeproof::scenario::timeline::{Fault, Target, Verb};
use serde_json::json;

use super::super::recorded::histories;
use super::database::{COMMIT_LENGTH, Transaction, rows};
use super::debezium::{Emit, point, snapshot, stream};
use super::plan::Plan;
use super::signals::{anew, signals};
use super::wal;

const TOPIC: &str = "cdc.public.t";
const SINK: &str = "high_rates";

/// The records of the topic's partitions in the order they were read: partition and record.
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
    let mut partitions = vec![Vec::new(); n];
    for (place, record) in records.iter().enumerate().skip(from) {
        // A null key may fall anywhere, and elsewhere when it is written again.
        let anywhere = || plan.choice(place + 3 * from);
        let home = record.key.map_or_else(anywhere, |key| usize::try_from(key * 7 + 3).unwrap());
        if place < upto(home % n) {
            partitions[home % n].push(record.clone());
        }
    }
    let mut read = partitions.iter().map(|own| own.iter()).collect::<Vec<_>>();
    let mut log = Log::new();
    for step in 0.. {
        let left = (0..n).filter(|p| read[*p].len() > 0).collect::<Vec<_>>();
        let Some(next) = left.get(plan.choice(step) % left.len().max(1)) else { break };
        log.push((i32::try_from(*next).unwrap(), read[*next].next().unwrap().clone()));
    }
    log
}

/// The first recorded run whose header stands for a made-up one.
fn template() -> History {
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
    // Flink's format cannot read truncates, and needs the old row of an update; without a snapshot
    // the sink lacks what was there before, and without every operation what it changed.
    let whole = plan.snapshot || plan.before == 0;
    let whole = whole && plan.skips.is_none();
    let sink = whole && plan.keyed && plan.full && !log.iter().any(|(_, emit)| emit.op == 't');
    if !sink {
        history.header.trial.pipeline.sinks.clear();
    }
    let last = transactions.last().unwrap().commit + COMMIT_LENGTH;
    let events = &mut history.events;
    events.push(Event::Tables { tables: vec![table(plan), signal_table(plan)] });
    events.push(topics(plan, sink));
    events.push(Event::Connector { config: config(plan), replaced: Vec::new() });
    events.push(Event::Slot { point: Lsn(point(plan, transactions)) });
    events.push(Event::Streaming { barrier_end: Lsn(last) });
    if sink {
        events.push(Event::Sinks { sinks: vec![mirror(&history.header)] });
    }
    let signals = signals(plan, transactions);
    for (n, transaction) in transactions.iter().enumerate() {
        events.extend(signals.iter().filter(|signal| signal.place == n).flat_map(wal::signal));
        let xid = Xid(transaction.xid);
        for (lsn, data) in wal::messages(transaction, plan.full) {
            events.push(Event::Wal { lsn: Lsn(lsn), xid, data });
        }
        events.push(Event::Commit { entry: Some(0), session: "a".to_owned(), xid });
    }
    let behind = signals.iter().filter(|signal| signal.place == transactions.len());
    events.extend(behind.flat_map(wal::signal));
    let mut ends = BTreeMap::from([(
        TOPIC.to_owned(),
        vec![(0, 0); usize::try_from(plan.partitions).unwrap()],
    )]);
    for (n, run) in runs.iter().enumerate() {
        if n > 0 {
            events.extend(crash(n));
        }
        for (partition, emit) in run {
            let place = usize::try_from(*partition).unwrap();
            let (_, end) = &mut ends.get_mut(TOPIC).unwrap()[place];
            events.push(Event::Record(record(*partition, *end, emit)));
            *end += 1;
        }
    }
    if sink {
        let written = mirrored(plan, log);
        ends.insert(SINK.to_owned(), vec![(0, i64::try_from(written.len()).unwrap())]);
        events.extend(written.into_iter().map(Event::Record));
    }
    events.push(Event::Proof(proof(ends, last)));
    events.push(Event::Capture {
        proof: 0,
        table: "public.t".to_owned(),
        source: (1, "digest".to_owned()),
        shadow: (1, "digest".to_owned()),
    });
    if sink {
        events.push(Event::Reference(reference(transactions)));
    }
    events.push(Event::End(End::Completed));
    history
}

/// The worker dies and is started again.
fn crash(entry: usize) -> [Event; 4] {
    let fault = |verb, done_ms| {
        let fault = Fault { verb, target: Target::Worker, savepoint: false };
        Event::Fault { entry, fault, done_ms }
    };
    let (kill, start) = (Verb::Kill, Verb::Start);
    [fault(kill, None), fault(kill, Some(1)), fault(start, None), fault(start, Some(1))]
}

fn table(plan: &Plan) -> Table {
    let column = |(name, type_oid, type_name): (&str, u32, &str)| Column {
        name: name.to_owned(),
        type_oid,
        type_name: type_name.to_owned(),
        base: None,
        not_null: false,
        default: None,
        generated: false,
    };
    let columns = [("id", 23, "integer"), ("v", 23, "integer"), ("note", 25, "text")];
    Table {
        oid: wal::TABLE,
        schema: "public".to_owned(),
        name: "t".to_owned(),
        columns: columns.map(column).to_vec(),
        key: if plan.keyed { vec!["id".to_owned()] } else { Vec::new() },
        identity: if plan.full { ReplicaIdentity::Full } else { ReplicaIdentity::Default },
        captured: true,
        partitioned: false,
        within: Vec::new(),
    }
}

/// The table of the signals, which the connector reads and does not capture.
fn signal_table(plan: &Plan) -> Table {
    let mut table = Table { oid: wal::SIGNALS, name: "signals".to_owned(), ..table(plan) };
    for column in &mut table.columns {
        "text".clone_into(&mut column.type_name);
    }
    (table.captured, table.identity) = (false, ReplicaIdentity::Full);
    table
}

fn topics(plan: &Plan, sink: bool) -> Event {
    let topic = |name: &str, partitions, role| Topic {
        name: name.to_owned(),
        physical: format!("run.{name}"),
        partitions,
        role,
        options: Options::new(),
    };
    let source = Role::Source { table: "public.t".to_owned() };
    let mut topics = vec![topic(TOPIC, plan.partitions, source)];
    if sink {
        topics.push(topic(SINK, 1, Role::Sink { sink: SINK.to_owned() }));
    }
    Event::Topics { topics }
}

fn config(plan: &Plan) -> Options {
    let snapshot = if plan.snapshot { "initial" } else { "no_data" };
    let skipped = match (plan.truncates, plan.skips) {
        (true, None) => "none".to_owned(),
        (false, None) => "t".to_owned(),
        (true, Some(op)) => op.to_string(),
        (false, Some(op)) => format!("t, {op}"),
    };
    let signals = if plan.windows.is_some() { "public.signals" } else { "" };
    let options = [
        ("signal.data.collection", signals),
        ("message.key.columns", if plan.message_key { "public.t:id" } else { "" }),
        ("snapshot.mode", snapshot),
        ("skipped.operations", skipped.as_str()),
        ("tombstones.on.delete", if plan.tombstones { "true" } else { "false" }),
    ];
    options.map(|(option, value)| (option.to_owned(), value.to_owned())).into()
}

fn record(partition: i32, offset: i64, emit: &Emit) -> Record {
    let snapshot = match (emit.op, emit.lsn) {
        ('r', 0) => "incremental",
        ('r', _) => "true",
        _ => "false",
    };
    let lsn = Some(emit.lsn).filter(|lsn| *lsn > 0);
    let source = json!({"snapshot": snapshot, "txId": emit.xid, "lsn": lsn, "ts_ms": 0,
        "schema": "public", "table": "t"});
    let value = json!({"before": emit.before, "after": emit.after, "source": source,
        "op": emit.op.to_string(), "ts_ms": 1});
    Record {
        topic: TOPIC.to_owned(),
        partition,
        offset,
        timestamp: Some(1),
        key: emit.key.map(|key| Bytes(json!({"id": key}).to_string().into_bytes())),
        value: (emit.op != 'n').then(|| Bytes(value.to_string().into_bytes())),
        headers: Vec::new(),
    }
}

fn mirror(header: &changeproof::history::event::Header) -> SinkTable {
    let columns = [("id", "INT"), ("v", "INT"), ("note", "STRING")];
    SinkTable {
        name: SINK.to_owned(),
        topic: SINK.to_owned(),
        kept: Kept::Topic,
        mode: SinkMode::Upsert,
        columns: columns.map(|(name, kind)| (name.to_owned(), kind.to_owned())).to_vec(),
        key: vec!["id".to_owned()],
        statement: header.trial.pipeline.statements[2].place(0),
        written: changeproof::history::written::Written::default(),
    }
}

/// What an upsert sink holds that copies the topic; it reads the partitions in an order of its own.
fn mirrored(plan: &Plan, log: &Log) -> Vec<Record> {
    let n = usize::try_from(plan.partitions).unwrap();
    let own = |p: usize| log.iter().filter(move |(q, _)| usize::try_from(*q) == Ok(p));
    let mut read = (0..n).map(own).collect::<Vec<_>>();
    let mut written = Vec::new();
    let mut heads = read.iter_mut().map(Iterator::next).collect::<Vec<_>>();
    for step in 0.. {
        let left = (0..n).filter(|p| heads[*p].is_some()).collect::<Vec<_>>();
        let Some(next) = left.get(plan.choice(step + 5) % left.len().max(1)) else { break };
        let (_, emit) = heads[*next].unwrap();
        heads[*next] = read[*next].next();
        if emit.op == 'n' {
            continue;
        }
        let value = (emit.op != 'd').then(|| Bytes(emit.after.to_string().into_bytes()));
        written.push(Record {
            topic: SINK.to_owned(),
            partition: 0,
            offset: i64::try_from(written.len()).unwrap(),
            timestamp: Some(1),
            key: emit.key.map(|key| Bytes(json!({"id": key}).to_string().into_bytes())),
            value,
            headers: Vec::new(),
        });
    }
    written
}

fn proof(ends: BTreeMap<String, Vec<(i64, i64)>>, last: u64) -> Proof {
    Proof {
        number: 0,
        entry: 0,
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

fn reference(transactions: &[Transaction]) -> Reference {
    let columns = [("id", "INT"), ("v", "INT"), ("note", "STRING")];
    let rows = rows(transactions)
        .into_iter()
        .map(|row| vec![Some(row.id.to_string()), row.v.map(|v| v.to_string()), Some(row.note)]);
    Reference {
        proof: 0,
        sink: SINK.to_owned(),
        side: Side::Journal,
        columns: columns.map(|(name, kind)| (name.to_owned(), kind.to_owned())).to_vec(),
        kinds: Vec::new(),
        rows: rows.collect(),
    }
}
