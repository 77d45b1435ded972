//! Made-up runs of one statement that sums amounts over tumbling windows: zones and their clock
//! changes, clocks of wall times and of points in time, late rows, several partitions, proofs on the
//! way, and a TaskManager that dies. What the job does is played record by record.

use std::collections::BTreeMap;

use changeproof::base::position::{Lsn, Xid};
use changeproof::check::verdict::{Outcome, Status};
use changeproof::check::{judge, wanted};
use changeproof::history::History;
use changeproof::history::event::{
    Bytes, Clock, Cut, CutReference, End, Event, Firing, JobProof, Record, Reference, Role, Side,
    SinkMode, SinkTable, Table, Time, Topic, Zoned,
};
use changeproof::history::files::Kept;
use changeproof::history::written::Written;
use changeproof::scenario::pipeline::{Sink, Window, WindowTime};
use changeproof::scenario::settings::{Options, ReplicaIdentity};
use changeproof::scenario::timeline::Target;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use super::super::recorded::line;
use super::catalogue::column;
use super::clock;
use super::run::{SINK, kill, proof, template};
use super::wal;

const TOPIC: &str = "cdc.public.t";
const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

/// A row: who, how many minutes behind the row before, how far back from there, how much.
type Drawn = (usize, i64, i64, i64);

/// A made-up run.
#[derive(Debug, Clone)]
struct Plan {
    partitions: usize,
    zone: &'static str,
    /// Event time is a TIMESTAMP: wall times, of which none comes twice.
    wall: bool,
    /// In hours.
    size: i64,
    /// Milliseconds since 1970.
    start: i64,
    delay: i64,
    rows: Vec<Drawn>,
    /// Behind which rows there is a proof; one stands at the end.
    proofs: Vec<Index>,
    appends: bool,
    /// The TaskManager dies: behind how many rows, and behind how many the checkpoint was taken.
    death: Option<(Index, Index)>,
    noise: Vec<u8>,
}

/// Zones, with an hour before a change of their clock, in milliseconds since 1970.
const CHANGES: [(&str, i64); 7] = [
    ("UTC", 1_743_296_400_000),
    ("Europe/Berlin", 1_743_292_800_000),
    ("Europe/Berlin", 1_761_436_800_000),
    ("America/New_York", 1_741_500_000_000),
    ("America/New_York", 1_762_059_600_000),
    ("Asia/Kolkata", 1_743_296_400_000),
    ("GMT+05:30", 1_743_296_400_000),
];

fn plans() -> impl Strategy<Value = Plan> {
    let place = (prop::sample::select(CHANGES.to_vec()), any::<bool>(), -4_i64..3);
    let row = (0_usize..3, 0_i64..50, prop_oneof![3 => Just(0_i64), 1 => 0_i64..150], 1_i64..9);
    let size = prop_oneof![3 => Just(1_i64), 1 => Just(24_i64)];
    let delay = prop::sample::select(vec![0, 5, 30]);
    let run = (vec(row, 1..24), vec(any::<Index>(), 0..3), any::<bool>());
    let death = prop::option::weighted(0.3, any::<(Index, Index)>());
    let noise = vec(any::<u8>(), 1..24);
    (place, (1_usize..4, size, delay), run, death, noise).prop_map(
        |(
            ((zone, at), wall, hours),
            (partitions, size, delay),
            (mut rows, proofs, appends),
            death,
            noise,
        )| {
            if death.is_some() {
                // What a restart makes of rows that are late is told elsewhere.
                for row in &mut rows {
                    row.2 = 0;
                }
            }
            Plan {
                partitions,
                zone,
                wall,
                size,
                start: at + hours * HOUR * size,
                delay: delay * MINUTE,
                rows,
                proofs,
                appends,
                death,
                noise,
            }
        },
    )
}

/// A row of the table on its way.
#[derive(Debug, Clone)]
struct Row {
    account: String,
    /// As the clock counts.
    time: i64,
    /// The end of its window, a wall time.
    end: i64,
    amount: i64,
    partition: usize,
    offset: i64,
}

/// Whose rows close the windows.
const TICK: &str = "tick";

impl Row {
    fn closes(&self) -> bool {
        self.account == TICK
    }
}

impl Plan {
    fn choice(&self, n: usize) -> usize {
        usize::from(self.noise[n % self.noise.len()])
    }

    fn zone(&self) -> TimeZone {
        match self.zone {
            "GMT+05:30" => TimeZone::fixed(Offset::from_seconds(19_800).unwrap()),
            name => TimeZone::get(name).unwrap(),
        }
    }

    /// The wall time at a point in time.
    fn wall_time(&self, instant: i64) -> i64 {
        let at = Timestamp::from_millisecond(instant).unwrap();
        instant + i64::from(self.zone().to_offset(at).seconds()) * 1000
    }

    /// The watermark at which windows fire that end at a wall time: the last point in time with the
    /// window's last millisecond.
    fn fires_at(&self, end: i64) -> i64 {
        if self.wall {
            return end - 1;
        }
        // No clock is further from UTC than a day.
        let steps = (-24 * 60..=24 * 60).rev().map(|minutes| end + minutes * MINUTE - 1);
        let mut shown = steps.filter(|instant| self.wall_time(*instant) == end - 1);
        // The clock leaves the hour out in which the window ends: it fires when that begins.
        shown.next().unwrap_or_else(|| self.gap_before(end))
    }

    fn gap_before(&self, end: i64) -> i64 {
        let mut steps = (-24 * 60..=24 * 60).map(|minutes| end + minutes * MINUTE);
        steps.find(|instant| self.wall_time(*instant) >= end).unwrap() - 1
    }

    fn rows(&self) -> Vec<Row> {
        let (mut now, mut rows) = (self.start, Vec::new());
        let mut counts = vec![0; self.partitions];
        let mut push = |account: String, instant: i64, amount: i64, partition: usize| {
            let wall = self.wall_time(instant);
            let size = self.size * HOUR;
            let end = wall.div_euclid(size) * size + size;
            let time = if self.wall { wall } else { instant };
            let offset = counts[partition];
            counts[partition] += 1;
            rows.push(Row { account, time, end, amount, partition, offset });
        };
        for (n, (who, further, back, amount)) in self.rows.iter().enumerate() {
            now += further * MINUTE * self.size;
            let partition = self.choice(n) % self.partitions;
            push(format!("a{who}"), now - back * MINUTE, *amount, partition);
        }
        // What closes the windows, on every partition.
        for partition in 0..self.partitions {
            push(TICK.to_owned(), now + 72 * HOUR, 0, partition);
        }
        rows
    }
}

/// The job, as far as it has come.
#[derive(Debug, Clone, Default)]
struct Job {
    /// By end and account.
    sums: BTreeMap<(i64, String), i64>,
    /// By partition, of the records since the last start.
    watermarks: Vec<Option<i64>>,
    /// What the window operator was told.
    told: Option<i64>,
    late: u64,
}

impl Job {
    fn watermark(&self) -> Option<i64> {
        self.watermarks.iter().copied().min().flatten()
    }

    fn read(&mut self, plan: &Plan, row: &Row) {
        let own = &mut self.watermarks[row.partition];
        *own = (*own).max(Some(row.time - plan.delay));
        if self.told.is_some_and(|told| plan.fires_at(row.end) <= told) {
            self.late += 1;
            return;
        }
        *self.sums.entry((row.end, row.account.clone())).or_default() += row.amount;
    }

    /// The operator learns the watermark, and fires.
    fn fire(&mut self, plan: &Plan) -> Vec<((i64, String), i64)> {
        self.told = self.told.max(self.watermark());
        let Some(told) = self.told else { return Vec::new() };
        let closed = |end: i64| plan.fires_at(end) <= told;
        let fired = self.sums.iter().filter(|((end, _), _)| closed(*end));
        let fired = fired.map(|(window, sum)| (window.clone(), *sum)).collect::<Vec<_>>();
        self.sums.retain(|(end, _), _| !closed(*end));
        fired
    }
}

/// A history in the making.
struct Scene<'p> {
    plan: &'p Plan,
    history: History,
    written: i64,
    attempt: u32,
    proofs: u32,
    /// The greatest watermark that the job ever had.
    most: Option<i64>,
}

fn text(wall: i64) -> String {
    let (date, _) = clock::date(wall.div_euclid(24 * HOUR));
    format!("{date} {}", clock::time(wall.rem_euclid(24 * HOUR) * 1000))
}

impl Scene<'_> {
    fn write(&mut self, ((end, account), total): &((i64, String), i64)) {
        let key = json!({"account": account, "window_end": text(*end)});
        let value = json!({"account": account, "window_end": text(*end), "total": total});
        let bytes = |value: serde_json::Value| Bytes(value.to_string().into_bytes());
        self.history.events.push(Event::Record(Record {
            topic: SINK.to_owned(),
            partition: 0,
            offset: self.written,
            timestamp: Some(1),
            key: (!self.plan.appends).then(|| bytes(key)),
            value: Some(bytes(value)),
            headers: Vec::new(),
        }));
        self.written += 1;
    }

    /// A row is committed, and its record is on the topic.
    fn commit(&mut self, n: usize, row: &Row) {
        let at = if self.plan.wall { text(row.time) } else { format!("{}+00", text(row.time)) };
        let cells = [n.to_string(), row.account.clone(), at.clone(), row.amount.to_string()];
        let lsn = lsn(n);
        let xid = 700 + u32::try_from(n).unwrap();
        let insert = wal::insert(wal::TABLE, &cells.each_ref().map(String::as_str));
        self.history.events.extend(wal::transaction((xid, lsn), insert));
        let session = "a".to_owned();
        self.history.events.push(Event::Commit { entry: Some(0), session, xid: Xid(xid) });
        let shown = if self.plan.wall {
            json!(row.time)
        } else {
            let (date, _) = clock::date(row.time.div_euclid(24 * HOUR));
            let time = clock::time_of_six_digits(row.time.rem_euclid(24 * HOUR) * 1000);
            json!(format!("{date}T{time}Z"))
        };
        let after = json!({"id": n, "account": row.account, "at": shown, "amount": row.amount});
        let source = json!({"snapshot": "false", "txId": xid, "lsn": lsn, "ts_ms": 0,
            "schema": "public", "table": "t"});
        let value =
            json!({"before": null, "after": after, "source": source, "op": "c", "ts_ms": 1});
        self.history.events.push(Event::Record(Record {
            topic: TOPIC.to_owned(),
            partition: i32::try_from(row.partition).unwrap(),
            offset: row.offset,
            timestamp: Some(1),
            key: Some(Bytes(json!({"id": n}).to_string().into_bytes())),
            value: Some(Bytes(value.to_string().into_bytes())),
            headers: Vec::new(),
        }));
    }

    /// Quiescence is proven; all of these rows are read and what they close has fired.
    fn prove(&mut self, job: &Job, rows: &[Row]) {
        let plan = self.plan;
        let count = |p: usize| rows.iter().filter(|row| row.partition == p).count();
        let counts = (0..plan.partitions).map(|p| i64::try_from(count(p)).unwrap());
        let counts = counts.collect::<Vec<_>>();
        let ends = BTreeMap::from([
            (TOPIC.to_owned(), counts.iter().map(|count| (0, *count)).collect()),
            (SINK.to_owned(), vec![(0, self.written)]),
        ]);
        let sources = counts.iter().enumerate().map(|(partition, count)| {
            let partition = i32::try_from(partition).unwrap();
            ("Source: t".to_owned(), TOPIC.to_owned(), partition, count - 1)
        });
        let zoned = Zoned { name: plan.zone.to_owned(), wall: plan.wall };
        let firing = Firing {
            sink: SINK.to_owned(),
            at: vec!["window".to_owned()],
            of: vec![TOPIC.to_owned()],
            zoned: Some(zoned).filter(|_| plan.zone != "UTC"),
            through: Vec::new(),
            beside: Vec::new(),
            reworked: false,
        };
        let last = rows.len().checked_sub(1).map_or(1000, lsn);
        let mut proof = proof(ends, last + 2);
        proof.number = self.proofs;
        proof.jobs = vec![JobProof {
            job: "j".to_owned(),
            sinks: vec![SINK.to_owned()],
            attempts: vec![self.attempt.to_string()],
            sources: sources.collect(),
            firings: vec![firing],
            checkpoint: 1,
            late: vec![("window".to_owned(), job.late)],
            ..JobProof::default()
        }];
        self.most = self.most.max(job.watermark());
        proof.watermarks = BTreeMap::from([(SINK.to_owned(), job.watermark())]);
        if self.most > job.watermark() {
            proof.watermarks_at_most = BTreeMap::from([(SINK.to_owned(), self.most)]);
        }
        self.history.events.push(Event::Proof(proof));
        let (table, same) = ("public.t".to_owned(), (1, "digest".to_owned()));
        let (source, shadow) = (same.clone(), same);
        self.history.events.push(Event::Capture { proof: self.proofs, table, source, shadow });
        let reference = Reference {
            proof: self.proofs,
            sink: SINK.to_owned(),
            side: Side::Journal,
            columns: columns(),
            kinds: Vec::new(),
            rows: totals(rows),
        };
        self.history.events.push(Event::Reference(reference));
        self.proofs += 1;
        self.record_cuts(rows);
    }

    /// What the reference gives at the cuts that a run would ask for.
    fn record_cuts(&mut self, rows: &[Row]) {
        let cuts = wanted(&self.history).into_iter().map(|wanted| wanted.cut).collect::<Vec<Cut>>();
        for cut in cuts {
            let below = |row: &&Row| row.offset < cut.0[TOPIC][row.partition];
            let rows = totals(&rows.iter().filter(below).cloned().collect::<Vec<_>>());
            let (sink, columns) = (SINK.to_owned(), columns());
            self.history.events.push(Event::CutReference(CutReference {
                sink,
                cut,
                columns,
                rows,
            }));
        }
    }
}

fn lsn(n: usize) -> u64 {
    2000 + 100 * u64::try_from(n).unwrap()
}

fn columns() -> Vec<(String, String)> {
    let columns = [("account", "STRING"), ("window_end", "TIMESTAMP(3)"), ("total", "BIGINT")];
    columns.map(|(name, kind)| (name.to_owned(), kind.to_owned())).to_vec()
}

/// What the query of the sink gives for these rows.
fn totals(rows: &[Row]) -> Vec<Vec<Option<String>>> {
    let mut totals = BTreeMap::<_, i64>::new();
    for row in rows {
        *totals.entry((row.end, &row.account)).or_default() += row.amount;
    }
    let totals = totals.into_iter().map(|((end, account), total)| {
        vec![Some(account.clone()), Some(text(end)), Some(total.to_string())]
    });
    totals.collect()
}

fn table(plan: &Plan) -> Table {
    let at = if plan.wall {
        column("at", 1114, "timestamp(3) without time zone")
    } else {
        column("at", 1184, "timestamp with time zone")
    };
    Table {
        oid: wal::TABLE,
        schema: "public".to_owned(),
        name: "t".to_owned(),
        columns: vec![
            column("id", 23, "integer"),
            column("account", 25, "text"),
            at,
            column("amount", 23, "integer"),
        ],
        key: vec!["id".to_owned()],
        identity: ReplicaIdentity::Full,
        captured: true,
        partitioned: false,
        within: Vec::new(),
        connector: None,
    }
}

/// The run before its first row.
fn begun(plan: &Plan) -> History {
    let mut history = template();
    let pipeline = &mut history.header.trial.pipeline;
    let statement = pipeline.statements[2].place(0);
    for sink in pipeline.sinks.values_mut() {
        if let Sink::Judged { window, .. } = sink {
            *window = Some(Window {
                end: "window_end".to_owned(),
                time: WindowTime::Columns(vec![("t".to_owned(), "at".to_owned())]),
                delay_ms: None,
            });
        }
    }
    let topic = |name: &str, partitions: usize, role| Topic {
        name: name.to_owned(),
        physical: format!("run.{name}"),
        partitions: i32::try_from(partitions).unwrap(),
        role,
        options: Options::new(),
        connector: None,
    };
    let source = Role::Source { table: "public.t".to_owned() };
    let topics = vec![
        topic(TOPIC, plan.partitions, source),
        topic(SINK, 1, Role::Sink { sink: SINK.to_owned() }),
    ];
    let key = if plan.appends { Vec::new() } else { vec!["account", "window_end"] };
    let sink = SinkTable {
        name: SINK.to_owned(),
        topic: SINK.to_owned(),
        kept: Kept::Topic,
        mode: if plan.appends { SinkMode::Append } else { SinkMode::Upsert },
        columns: columns(),
        key: key.into_iter().map(str::to_owned).collect(),
        statement,
        written: Written::default(),
    };
    let clock = Clock {
        table: "t".to_owned(),
        topics: vec![TOPIC.to_owned()],
        sinks: vec![SINK.to_owned()],
        times: vec![Time::Column { name: "at".to_owned(), ticks: 1, one_row: false }],
        delay_ms: plan.delay,
        idles: false,
        zone: None,
    };
    let config = Options::from([("topic.prefix".to_owned(), "cdc".to_owned())]);
    history.events = vec![
        Event::Tables { tables: vec![table(plan)] },
        Event::Topics { topics },
        Event::Connector { config, replaced: Vec::new(), connector: None },
        Event::Slot { point: Lsn(1000), connector: None },
        Event::Streaming { barrier_end: Lsn(1000) },
        Event::Sinks { sinks: vec![sink] },
        Event::Clocks { clocks: vec![clock] },
    ];
    history
}

/// What the job reads up to a place, in an order of its own that keeps that of each partition.
fn order(plan: &Plan, rows: &[Row], shift: usize) -> Vec<Row> {
    let own = |p: usize| rows.iter().filter(move |row| row.partition == p);
    let mut partitions = (0..plan.partitions).map(|p| own(p).peekable()).collect::<Vec<_>>();
    let mut read = Vec::new();
    for step in shift.. {
        let left = (0..plan.partitions).filter(|p| partitions[*p].peek().is_some());
        let left = left.collect::<Vec<_>>();
        let Some(next) = left.get(plan.choice(step) % left.len().max(1)) else { break };
        read.push(partitions[*next].next().unwrap().clone());
    }
    read
}

fn played(plan: &Plan) -> History {
    let rows = plan.rows();
    let history = begun(plan);
    let mut scene = Scene { plan, history, written: 0, attempt: 0, proofs: 0, most: None };
    let mut stops = plan.proofs.iter().map(|at| at.index(rows.len())).collect::<Vec<_>>();
    stops.push(rows.len());
    stops.sort_unstable();
    stops.dedup();
    let mut death = plan.death.map(|(at, back)| {
        let at = at.index(rows.len() - plan.partitions + 1);
        (at, back.index(at + 1))
    });
    let fresh = Job { watermarks: vec![None; plan.partitions], ..Job::default() };
    let (mut job, mut from, mut steps) = (fresh.clone(), 0, 0);
    for stop in stops {
        if stop == from {
            continue;
        }
        for (n, row) in rows.iter().enumerate().take(stop).skip(from) {
            scene.commit(n, row);
        }
        // It dies between two proofs, and reads again what it read since its last checkpoint.
        let dies = death.take_if(|(at, _)| *at < stop);
        let mut read = if dies.is_some() {
            // A watermark that was there before it is none behind it, so what closes comes last.
            let own = |closes: bool| {
                let own = rows[from..stop].iter().filter(|row| row.closes() == closes);
                order(plan, &own.cloned().collect::<Vec<_>>(), steps)
            };
            [own(false), own(true)].concat()
        } else {
            order(plan, &rows[from..stop], steps)
        };
        let (mut kept, mut again) = (job.clone(), 0);
        let dies_at = dies.map(|(at, _)| at.saturating_sub(from));
        let keeps_at = dies.map(|(_, back)| back.saturating_sub(from));
        let mut n = 0;
        loop {
            if keeps_at == Some(n) && scene.attempt == 0 {
                (kept, again) = (job.clone(), n);
            }
            if dies_at == Some(n) && scene.attempt == 0 {
                scene.attempt = 1;
                scene.most = scene.most.max(job.watermark());
                scene.history.events.extend(kill(0, Target::Taskmanager));
                job = Job { watermarks: vec![None; plan.partitions], late: 0, ..kept.clone() };
                // It may read the partitions in another order then.
                let rest = order(plan, &read[again..], steps + 3);
                read.splice(again.., rest);
                n = again;
            }
            let Some(row) = read.get(n) else { break };
            job.read(plan, row);
            if plan.choice(steps).is_multiple_of(3) {
                job.fire(plan).iter().for_each(|fired| scene.write(fired));
            }
            steps += 1;
            n += 1;
        }
        job.fire(plan).iter().for_each(|fired| scene.write(fired));
        scene.prove(&job, &rows[..stop]);
        from = stop;
    }
    scene.history.events.push(Event::End(End::Completed));
    scene.history
}

proptest! {
    #[test]
    fn no_legal_run_of_windows_raises_an_alarm(plan in plans()) {
        let verdict = judge(&played(&plan));
        let alarms = verdict.findings.iter().filter(|judged| judged.status == Status::Failing);
        let alarms = alarms.map(|judged| line(&judged.finding)).collect::<Vec<_>>();
        prop_assert!(alarms.is_empty(), "{alarms:#?}");
        prop_assert_eq!(verdict.outcome, Outcome::Pass, "{:#?}", verdict.gaps);
    }
}
