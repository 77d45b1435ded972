//! Histories of any length, made from a seed: what a legal run over one table would have recorded.
//!
//! The table holds its rows from the beginning; the snapshot shows them, then transactions of a few
//! changes each go through the connector. Every commit is followed by its records.

mod envelope;
mod wal;

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;

use crate::base::grade::Grade;
use crate::base::position::{Lsn, Xid};
use crate::history::event::{Column, End, Event, FORMAT, Header, Proof, Role, Table, Topic};
use crate::history::packed::PackedWriter;
use crate::history::stream::{Headers, RecordView, Seen};
use crate::model::partitioner::default_partition;
use crate::scenario::pipeline::{Dialect, Pipeline};
use crate::scenario::settings::{Options, ReplicaIdentity};
use crate::scenario::trial::Trial;
use envelope::{Change, Envelope};

const TOPIC: &str = "bench.public.accounts";
const PARTITIONS: i32 = 3;
/// Rows that are there from the beginning are written by so many in a transaction.
const SETUP_ROWS: u64 = 1000;
/// 2026-01-01 00:00:00 UTC, in microseconds.
const BEGIN_US: i64 = 1_767_225_600_000_000;

/// What is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How many events, about.
    pub events: u64,
    /// How many rows the table has, about.
    pub keys: u64,
    /// What decides everything else.
    pub seed: u64,
    /// One record, behind two thirds of all events, shows another value than the journal.
    pub alter: bool,
}

/// Numbers that look random, and are the same for the same seed (splitmix64).
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) balance: u64,
    pub(super) open: bool,
}

struct Maker<W: Write> {
    plan: Plan,
    dice: Dice,
    writer: PackedWriter<W>,
    n_events: u64,
    /// The rows by their ids, from 0; `None` for one that is not there.
    rows: Vec<Option<Row>>,
    lsn: u64,
    xid: u32,
    time_us: i64,
    offsets: BTreeMap<i32, i64>,
    altered: bool,
    bytes: Vec<u8>,
    value: String,
    key: String,
}

/// Writes such a history; gives the output back.
pub fn write<W: Write>(plan: Plan, output: W) -> std::io::Result<W> {
    let mut maker = Maker {
        plan,
        dice: Dice(plan.seed),
        writer: PackedWriter::new(output, &header(plan))?,
        n_events: 0,
        rows: Vec::new(),
        lsn: 0x0100_0000,
        xid: 1000,
        time_us: BEGIN_US,
        offsets: (0..PARTITIONS).map(|partition| (partition, 0)).collect(),
        altered: !plan.alter,
        bytes: Vec::new(),
        value: String::new(),
        key: String::new(),
    };
    maker.all()?;
    if !maker.altered {
        let why = "no record is streamed within these events that could be altered: ask for more \
                   events or fewer keys";
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, why));
    }
    maker.writer.finish()
}

impl<W: Write> Maker<W> {
    fn all(&mut self) -> std::io::Result<()> {
        self.event(&Event::Tables { tables: vec![table()] })?;
        self.event(&Event::Topics { topics: vec![topic()] })?;
        self.event(&Event::Connector { config: config(), replaced: Vec::new(), connector: None })?;
        self.set_up()?;
        self.lsn += 64;
        let point = Lsn(self.lsn);
        self.event(&Event::Slot { point, connector: None })?;
        self.snapshot(point)?;
        self.event(&Event::Streaming { barrier_end: point })?;
        while self.n_events < self.plan.events {
            self.transaction()?;
        }
        self.end()
    }

    fn event(&mut self, event: &Event) -> std::io::Result<()> {
        self.n_events += 1;
        self.writer.write(None, event)
    }

    fn wal(&mut self, lsn: u64) -> std::io::Result<()> {
        self.n_events += 1;
        self.writer.see(None, &Seen::Wal { lsn: Lsn(lsn), xid: Xid(self.xid), data: &self.bytes })
    }

    fn begin(&mut self, commit: u64) -> std::io::Result<()> {
        wal::begin(&mut self.bytes, commit, self.time_us, self.xid);
        self.wal(self.lsn)
    }

    fn commit(&mut self, commit: u64) -> std::io::Result<()> {
        wal::commit(&mut self.bytes, commit, commit + 48, self.time_us);
        self.wal(commit + 48)?;
        self.lsn = commit + 48;
        self.xid = self.xid.wrapping_add(1).max(3);
        self.time_us += 250;
        Ok(())
    }

    /// The rows that are there from the beginning.
    fn set_up(&mut self) -> std::io::Result<()> {
        let mut left = self.plan.keys.max(1);
        while left > 0 {
            let n = left.min(SETUP_ROWS);
            left -= n;
            let commit = self.lsn + 128 * (n + 1);
            self.begin(commit)?;
            for place in 1..=n {
                let row = self.new_row();
                self.rows.push(Some(row));
                wal::insert(&mut self.bytes, row);
                self.wal(self.lsn + 128 * place)?;
            }
            self.commit(commit)?;
        }
        Ok(())
    }

    fn new_row(&mut self) -> Row {
        let id = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        Row { id, balance: self.dice.below(1_000_000), open: true }
    }

    fn snapshot(&mut self, point: Lsn) -> std::io::Result<()> {
        let rows = self.rows.clone();
        let last = rows.len().saturating_sub(1);
        for (place, row) in rows.into_iter().enumerate() {
            let Some(row) = row else { continue };
            let mark = match place {
                0 => "first",
                place if place == last => "last",
                _ => "true",
            };
            let change = Change { op: 'r', before: None, after: Some(row) };
            self.envelope(change, (mark, point.0))?;
        }
        // The commits that follow are later than the snapshot's last row.
        self.time_us += 60_000_000;
        Ok(())
    }

    fn transaction(&mut self) -> std::io::Result<()> {
        let n = 1 + self.dice.below(4);
        let begin = self.lsn;
        let commit = begin + 160 * (n + 1);
        self.begin(commit)?;
        let mut changes = VecDeque::new();
        for place in 1..=n {
            let lsn = begin + 160 * place;
            let change = self.change();
            match (change.op, change.before, change.after) {
                ('c', _, Some(row)) => wal::insert(&mut self.bytes, row),
                ('d', Some(row), _) => wal::delete(&mut self.bytes, row),
                (_, _, Some(row)) => wal::update(&mut self.bytes, row),
                _ => continue,
            }
            self.wal(lsn)?;
            changes.push_back((lsn, change));
        }
        let xid = self.xid;
        self.commit(commit)?;
        let next = std::mem::replace(&mut self.xid, xid);
        for (lsn, change) in changes {
            self.envelope(change, ("false", lsn))?;
            if change.op == 'd' {
                self.record(false)?;
            }
        }
        self.xid = next;
        Ok(())
    }

    /// Mostly updates; a row that is gone comes back under its key.
    fn change(&mut self) -> Change {
        let n = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        let id = self.dice.below(n);
        let (kind, balance) = (self.dice.below(20), self.dice.below(1_000_000));
        let slot = usize::try_from(id).ok().and_then(|place| self.rows.get_mut(place));
        let Some(slot) = slot else { return Change { op: 'c', before: None, after: None } };
        let change = match *slot {
            None => {
                let after = Some(Row { id, balance, open: true });
                Change { op: 'c', before: None, after }
            }
            // Under REPLICA IDENTITY DEFAULT the old row of an update is not in the WAL.
            Some(row) if kind > 0 => {
                let after = Some(Row { balance, open: kind % 2 == 0, ..row });
                Change { op: 'u', before: None, after }
            }
            Some(row) => Change { op: 'd', before: Some(row), after: None },
        };
        *slot = change.after;
        change
    }

    fn envelope(&mut self, change: Change, (mark, lsn): (&str, u64)) -> std::io::Result<()> {
        let mut shown = change;
        let alters = !self.altered && mark == "false" && self.n_events > self.plan.events / 3 * 2;
        if let Some(row) = shown.after.as_mut().filter(|_| alters) {
            row.balance += 1;
            self.altered = true;
        }
        let (xid, time_us) = (self.xid, self.time_us);
        let envelope = Envelope { change: shown, mark, lsn, xid, time_us };
        envelope.write(&mut self.value, &mut self.key);
        self.record(true)
    }

    /// Writes the record of the key, with the value or without.
    fn record(&mut self, with_value: bool) -> std::io::Result<()> {
        self.n_events += 1;
        let partition = default_partition(self.key.as_bytes(), PARTITIONS);
        let next = self.offsets.entry(partition).or_default();
        let offset = *next;
        *next += 1;
        let record = RecordView {
            topic: TOPIC,
            partition,
            offset,
            timestamp: Some(self.time_us / 1000),
            key: Some(self.key.as_bytes()),
            value: with_value.then_some(self.value.as_bytes()),
            headers: Headers::NONE,
        };
        self.writer.see(None, &Seen::Record(record))
    }

    fn end(&mut self) -> std::io::Result<()> {
        let last = Lsn(self.lsn);
        let ends = self.offsets.values().map(|end| (0, *end)).collect();
        self.event(&Event::Proof(Proof {
            number: 0,
            entry: 0,
            grade: Grade::Checkpoint,
            last_commit_end: Some(last),
            barrier_end: Lsn(last.0 + 100),
            confirmed: last,
            ends: BTreeMap::from([(TOPIC.to_owned(), ends)]),
            jobs: Vec::new(),
            watermarks: BTreeMap::new(),
            watermarks_at_most: BTreeMap::new(),
            gaps: Vec::new(),
            elapsed_ms: 1,
        }))?;
        let rows = self.rows.iter().flatten().count();
        let state = (u64::try_from(rows).unwrap_or(u64::MAX), "made".to_owned());
        let (source, shadow) = (state.clone(), state);
        let table = "public.accounts".to_owned();
        self.event(&Event::Capture { proof: 0, table, source, shadow })?;
        self.event(&Event::End(End::Completed))
    }
}

fn table() -> Table {
    let column = |(name, type_oid, type_name): (&str, u32, &str)| Column {
        name: name.to_owned(),
        type_oid,
        type_name: type_name.to_owned(),
        base: None,
        not_null: false,
        default: None,
        generated: false,
    };
    let columns = [
        ("id", 20, "bigint"),
        ("owner", 25, "text"),
        ("balance", 20, "bigint"),
        ("open", 16, "boolean"),
    ];
    Table {
        oid: wal::TABLE,
        schema: "public".to_owned(),
        name: "accounts".to_owned(),
        columns: columns.map(column).to_vec(),
        key: vec!["id".to_owned()],
        identity: ReplicaIdentity::Default,
        captured: true,
        partitioned: false,
        within: Vec::new(),
        connector: None,
    }
}

fn topic() -> Topic {
    Topic {
        name: TOPIC.to_owned(),
        physical: TOPIC.to_owned(),
        partitions: PARTITIONS,
        role: Role::Source { table: "public.accounts".to_owned() },
        options: Options::new(),
        connector: None,
    }
}

fn config() -> Options {
    let options = [("snapshot.mode", "initial"), ("tombstones.on.delete", "true")];
    options.map(|(option, value)| (option.to_owned(), value.to_owned())).into()
}

fn header(plan: Plan) -> Header {
    let pipeline = Pipeline {
        file: None,
        source: Vec::new(),
        left_out: Vec::new(),
        connectors: Vec::new(),
        outbox: BTreeMap::new(),
        topics: BTreeMap::new(),
        format: None,
        dialect: Dialect::Flink,
        statements: Vec::new(),
        sinks: BTreeMap::new(),
    };
    let trial = Trial {
        seed: plan.seed,
        ..Trial::idle("bench/history", "A history that was made to be measured", pipeline)
    };
    Header {
        format: FORMAT,
        changeproof: env!("CARGO_PKG_VERSION").to_owned(),
        run: "made".to_owned(),
        trial,
        stack: "none".to_owned(),
        versions: BTreeMap::new(),
        command: format!(
            "changeproof bench-check make --events {} --keys {} --seed {}",
            plan.events, plan.keys, plan.seed
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::judge;
    use crate::check::once::judge_once;
    use crate::check::verdict::{Outcome, Status};
    use crate::history::History;
    use crate::history::packed::PackedReader;
    use crate::history::stream::Stream;

    fn made(plan: Plan) -> History {
        let bytes = write(plan, Vec::new()).unwrap();
        let mut reader = PackedReader::new(bytes.as_slice(), "made").unwrap();
        let mut history = History::new(reader.header().clone(), Vec::new());
        while let Some(seen) = reader.see().unwrap() {
            history.events.push(seen.into_event());
        }
        history
    }

    const PLAN: Plan = Plan { events: 5000, keys: 100, seed: 1, alter: false };

    #[test]
    fn what_is_made_is_legal_and_passes_either_way() {
        let history = made(PLAN);
        assert_eq!(judge(&history).outcome, Outcome::Pass);
        let once = judge_once(|| Ok(Stream::of(&history))).unwrap();
        let verdict = once.judged.unwrap();
        assert_eq!((verdict.outcome, verdict.gaps), (Outcome::Pass, Vec::new()));
        assert_eq!(once.taken.deviating_keys, 0);
        assert_eq!(judge(&history).figures["records"], verdict.figures["records"]);
        assert_eq!(judge(&history).figures["changes"], verdict.figures["changes"]);
    }

    #[test]
    fn nothing_to_alter_is_an_error() {
        let told = write(Plan { keys: 5000, alter: true, ..PLAN }, Vec::new());
        assert!(told.unwrap_err().to_string().contains("no record is streamed"));
    }

    #[test]
    fn the_record_that_was_altered_is_found_either_way() {
        let history = made(Plan { alter: true, ..PLAN });
        let once = judge_once(|| Ok(Stream::of(&history))).unwrap().judged.unwrap();
        for verdict in [judge(&history), once] {
            let failing = verdict.findings.iter().filter(|f| f.status == Status::Failing);
            let failing = failing.map(|f| f.finding.anomaly.name()).collect::<Vec<_>>();
            assert_eq!(failing, ["wrong-value"]);
        }
    }

    #[test]
    fn one_seed_makes_one_history() {
        assert_eq!(write(PLAN, Vec::new()).unwrap(), write(PLAN, Vec::new()).unwrap());
        let other = Plan { seed: 2, ..PLAN };
        assert_ne!(write(PLAN, Vec::new()).unwrap(), write(other, Vec::new()).unwrap());
    }
}
