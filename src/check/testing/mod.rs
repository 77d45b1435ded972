//! Histories built by hand, for the tests of the checkers: one captured table, its topic, one sink.

mod sinks;

use std::collections::BTreeMap;

use serde_json::json;

use super::judge;
use super::verdict::{Outcome, Status, Verdict};
use crate::base::anomaly::Anomaly;
use crate::base::grade::Grade;
use crate::base::position::{Lsn, Xid};
use crate::base::text::Text;
use crate::codec::pgoutput::Cell;
use crate::codec::pgoutput::write;
use crate::history::History;
use crate::history::event::{
    Bytes, Clock, Column, Cut, CutReference, End, Event, FORMAT, Header, JobProof, Proof, Record,
    Reference, Role, Side, SinkMode, SinkTable, Table, Time, Topic,
};
use crate::history::files::Kept;
use crate::history::written::Written;
use crate::scenario::expect::Demand;
use crate::scenario::pipeline::{Dialect, Pipeline, Sink, Window, WindowTime};
use crate::scenario::settings::{Options, ReplicaIdentity};
use crate::scenario::trial::Trial;

/// The topic of the table `payments (id int, account text, at timestamp(3), amount int)`.
pub(super) const TOPIC: &str = "cdc.public.payments";
/// The topic of the transaction metadata.
pub(super) const METADATA: &str = "cdc.transaction";
/// The sink, keyed by account and the end of its window.
pub(super) const SINK: &str = "totals";
/// 2025-01-01 10:00:00 UTC.
const TEN: i64 = 1_735_725_600_000;

/// Minutes after ten as milliseconds since 1970.
pub(super) fn at(minutes: i64) -> i64 {
    TEN + minutes * 60_000
}

/// The same as Postgres writes it.
pub(super) fn text(minutes: i64) -> String {
    format!("2025-01-01 {:02}:{:02}:00", 10 + minutes / 60, minutes % 60)
}

/// One payment: id, account, minutes after ten, amount.
pub(super) type Payment<'a> = (i64, &'a str, i64, i64);
/// One total: account, minutes after ten at which its window ends, amount.
pub(super) type Total<'a> = (&'a str, i64, i64);

/// A history in the making.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) header: Header,
    pub(super) events: Vec<Event>,
    pub(super) partitions: usize,
    pub(super) mode: SinkMode,
    /// The sink has a key.
    pub(super) keyed: bool,
    /// How the rows of the sink are kept.
    pub(super) kept: Kept,
    /// How the sink is written.
    pub(super) written: Written,
    /// Files of the sink.
    n_files: usize,
    /// Where the next transaction stands.
    pub(super) lsn: u64,
    last_commit_end: Option<Lsn>,
    /// Records by topic and partition.
    counts: BTreeMap<(String, usize), i64>,
    proofs: u32,
    /// Which attempt of the statement runs.
    attempt: u32,
    /// Rows held before the snapshot.
    n_held: u64,
    /// Records tell their place in their transaction.
    pub(super) metadata: bool,
    /// Records are keyed by `account`, not by `id`.
    by_account: bool,
}

/// Every transaction of these histories is named after the LSN of its change.
pub(super) fn xid(lsn: Lsn) -> Xid {
    Xid(u32::try_from(lsn.0).unwrap())
}

fn header() -> Header {
    let text = Text::whole("p.yaml".into(), "SELECT 1".to_owned());
    let window = Window {
        end: "window_end".to_owned(),
        time: WindowTime::Columns(vec![("payments".to_owned(), "at".to_owned())]),
        delay_ms: None,
    };
    let sink = Sink::Judged { reference: text, window: Some(window) };
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
        sinks: BTreeMap::from([(SINK.to_owned(), sink)]),
    };
    let trial = Trial::idle("a/b", "It holds", pipeline);
    Header {
        format: FORMAT,
        changeproof: "0.1.0".to_owned(),
        run: "r".to_owned(),
        trial,
        stack: "local".to_owned(),
        versions: BTreeMap::new(),
        command: "changeproof run a/b".to_owned(),
    }
}

pub(super) fn table() -> Table {
    let column = |name: &str, type_oid: u32, type_name: &str| Column {
        name: name.to_owned(),
        type_oid,
        type_name: type_name.to_owned(),
        base: None,
        not_null: name == "id",
        default: None,
        generated: false,
    };
    Table {
        oid: 1,
        schema: "public".to_owned(),
        name: "payments".to_owned(),
        columns: vec![
            column("id", 23, "integer"),
            column("account", 25, "text"),
            column("at", 1114, "timestamp(3) without time zone"),
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

pub(super) fn topic(name: &str, partitions: usize, role: Role) -> Topic {
    Topic {
        name: name.to_owned(),
        physical: format!("r.{name}"),
        partitions: i32::try_from(partitions).unwrap(),
        role,
        options: Options::new(),
        connector: None,
    }
}

pub(super) fn image((id, account, minutes, amount): Payment<'_>) -> write::Row {
    let cells = [id.to_string(), account.to_owned(), text(minutes), amount.to_string()];
    cells.into_iter().map(Cell::Text).collect()
}

pub(super) fn json((id, account, minutes, amount): Payment<'_>) -> serde_json::Value {
    json!({"id": id, "account": account, "at": at(minutes), "amount": amount})
}

impl Scene {
    /// A pipeline that streams; `partitions` of the source topic.
    pub(super) fn new(partitions: usize) -> Self {
        let mut scene = Self {
            header: header(),
            events: Vec::new(),
            partitions,
            mode: SinkMode::Upsert,
            keyed: true,
            kept: Kept::Topic,
            written: Written::default(),
            n_files: 1,
            lsn: 1000,
            last_commit_end: None,
            counts: BTreeMap::new(),
            proofs: 0,
            attempt: 0,
            n_held: 0,
            metadata: false,
            by_account: false,
        };
        scene.events.push(Event::Tables { tables: vec![table()] });
        let config = Options::from([("decimal.handling.mode".to_owned(), "string".to_owned())]);
        scene.events.push(Event::Connector { config, replaced: Vec::new(), connector: None });
        let source = Role::Source { table: "public.payments".to_owned() };
        scene.events.push(Event::Topics {
            topics: vec![
                topic(TOPIC, partitions, source),
                topic(SINK, 1, Role::Sink { sink: SINK.to_owned() }),
            ],
        });
        scene.events.push(Event::Slot { point: Lsn(1000), connector: None });
        scene
    }

    /// The tables and clocks of the statements; to be called once all of the scene is set.
    pub(super) fn statements(mut self) -> Self {
        let place = Text::whole("p.yaml".into(), String::new()).place(0);
        let column = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
        let key = if self.keyed { vec!["account", "window_end"] } else { Vec::new() };
        self.events.push(Event::Sinks {
            sinks: vec![SinkTable {
                name: SINK.to_owned(),
                topic: SINK.to_owned(),
                kept: self.kept,
                mode: self.mode,
                columns: vec![
                    column("account", "STRING"),
                    column("window_end", "TIMESTAMP(3)"),
                    column("total", "BIGINT"),
                ],
                key: key.into_iter().map(str::to_owned).collect(),
                statement: place,
                written: self.written.clone(),
            }],
        });
        self.events.push(Event::Clocks {
            clocks: vec![Clock {
                table: "payments".to_owned(),
                topics: vec![TOPIC.to_owned()],
                sinks: vec![SINK.to_owned()],
                times: vec![Time::Column { name: "at".to_owned(), ticks: 1, one_row: false }],
                delay_ms: 0,
                idles: false,
                zone: None,
            }],
        });
        self
    }

    pub(super) fn record(
        &mut self,
        topic: &str,
        partition: usize,
        key: Option<String>,
        value: Option<String>,
    ) {
        let offset = self.counts.entry((topic.to_owned(), partition)).or_default();
        self.events.push(Event::Record(Record {
            topic: topic.to_owned(),
            partition: i32::try_from(partition).unwrap(),
            offset: *offset,
            timestamp: Some(at(0)),
            key: key.map(|key| Bytes(key.into_bytes())),
            value: value.map(|value| Bytes(value.into_bytes())),
            headers: Vec::new(),
        }));
        *offset += 1;
    }

    /// A transaction of one change, and its records on a partition.
    pub(super) fn change(
        &mut self,
        partition: usize,
        old: Option<Payment<'_>>,
        new: Option<Payment<'_>>,
    ) {
        let at = self.commit(old, new);
        self.show(partition, at, (old, new));
    }

    /// A transaction of one change, of which no record tells; gives the change's LSN.
    pub(super) fn commit(&mut self, old: Option<Payment<'_>>, new: Option<Payment<'_>>) -> Lsn {
        let before = old.map(|old| write::full(&image(old)));
        let change = match (&before, new) {
            (None, Some(new)) => write::insert(1, &image(new)),
            (Some(before), Some(new)) => write::update(1, Some(before), &image(new)),
            (Some(before), None) => write::delete(1, before),
            (None, None) => write::truncate(&[1]),
        };
        let lsn = Lsn(self.lsn);
        self.transaction(lsn, change);
        self.lsn += 10;
        self.last_commit_end = Some(Lsn(lsn.0 + 8));
        lsn
    }

    pub(super) fn transaction(&mut self, lsn: Lsn, change: Vec<u8>) {
        let (commit, end) = (Lsn(lsn.0 + 4), Lsn(lsn.0 + 8));
        let xid = xid(lsn);
        for data in [write::begin(commit, 0, xid), change, write::commit(commit, end, 0)] {
            self.events.push(Event::Wal { lsn, xid, data });
        }
    }

    /// A row that the database held before the snapshot, which does not show it.
    pub(super) fn held(&mut self, row: Payment<'_>) -> Lsn {
        let lsn = Lsn(self.n_held * 10 + 100);
        self.n_held += 1;
        self.transaction(lsn, write::insert(1, &image(row)));
        lsn
    }

    /// A row of the snapshot.
    pub(super) fn read(&mut self, partition: usize, row: Payment<'_>) {
        self.held(row);
        let value = json!({
            "before": null, "after": json(row), "op": "r", "ts_ms": 0,
            "source": {
                "snapshot": "true", "schema": "public", "table": "payments", "ts_ms": 0,
                "txId": null, "lsn": 1000,
            },
        });
        let key = self.key(row);
        self.record(TOPIC, partition, Some(key), Some(value.to_string()));
    }

    /// The records of a change at an LSN.
    pub(super) fn show(
        &mut self,
        partition: usize,
        lsn: Lsn,
        (old, new): (Option<Payment<'_>>, Option<Payment<'_>>),
    ) {
        let op = match (old, new) {
            (None, Some(_)) => "c",
            (Some(_), Some(_)) => "u",
            (Some(_), None) => "d",
            (None, None) => "t",
        };
        let key = new.or(old).map(|row| self.key(row));
        let block = json!({
            "id": format!("{}:{}", xid(lsn).0, lsn.0), "total_order": 1, "data_collection_order": 1,
        });
        let value = json!({
            "before": old.map(json), "after": new.map(json), "op": op, "ts_ms": 0,
            "source": {
                "snapshot": "false", "schema": "public", "table": "payments", "ts_ms": 0,
                "txId": xid(lsn).0, "lsn": lsn.0,
            },
            "transaction": self.metadata.then_some(block),
        });
        self.record(TOPIC, partition, key.clone(), Some(value.to_string()));
        if op == "d" {
            self.record(TOPIC, partition, key, None);
        }
    }

    /// A record that is a row, perhaps marked as deleted or not; `None` for a tombstone.
    pub(super) fn show_row(
        &mut self,
        partition: usize,
        id: i64,
        row: Option<(Payment<'_>, Option<bool>)>,
    ) {
        let value = row.map(|(row, deleted)| {
            let mut value = json(row);
            if let Some(deleted) = deleted {
                value["__deleted"] = json!(deleted.to_string());
            }
            value.to_string()
        });
        self.record(TOPIC, partition, Some(json!({"id": id}).to_string()), value);
    }

    /// A record that is a row with fields of its envelope added.
    pub(super) fn show_row_with(
        &mut self,
        id: i64,
        row: Payment<'_>,
        added: &[(&str, serde_json::Value)],
    ) {
        let mut value = json(row);
        for (name, field) in added {
            value[*name] = field.clone();
        }
        self.record(TOPIC, 0, Some(json!({"id": id}).to_string()), Some(value.to_string()));
    }

    /// A record that is a row whose headers tell fields of its envelope, as Connect writes them.
    pub(super) fn show_row_headed(
        &mut self,
        id: i64,
        row: Payment<'_>,
        added: &[(&str, serde_json::Value)],
    ) {
        self.show_row_with(id, row, &[]);
        let record = self.last_record();
        let text = |value: &serde_json::Value| {
            value.as_str().map_or_else(|| value.to_string(), str::to_owned).into_bytes()
        };
        let header = |(name, value): &(&str, _)| ((*name).to_owned(), Some(Bytes(text(value))));
        record.headers = added.iter().map(header).collect();
    }

    /// The connector keys the records by `account`.
    pub(super) fn keyed_by_account(mut self) -> Self {
        self.by_account = true;
        self.option("message.key.columns", "public.payments:account");
        self
    }

    pub(super) fn key(&self, (id, account, ..): Payment<'_>) -> String {
        let key = if self.by_account { json!({"account": account}) } else { json!({"id": id}) };
        key.to_string()
    }

    /// The connector tells transactions apart.
    pub(super) fn with_metadata(mut self) -> Self {
        self.metadata = true;
        for event in &mut self.events {
            if let Event::Topics { topics } = event {
                topics.push(topic(METADATA, 1, Role::Transaction));
            }
        }
        self
    }

    /// The transaction metadata of the change at an LSN.
    pub(super) fn marks(&mut self, lsn: Lsn, event_count: u64) {
        let begin = json!({"status": "BEGIN", "id": format!("{}:{}", xid(lsn).0, lsn.0)});
        let end = json!({
            "status": "END", "id": format!("{}:{}", xid(lsn).0, lsn.0 + 4),
            "event_count": event_count,
            "data_collections": [
                {"data_collection": "public.payments", "event_count": event_count},
            ],
        });
        for mark in [begin, end] {
            self.record(METADATA, 0, None, Some(mark.to_string()));
        }
    }

    /// Sets an option of the connector.
    pub(super) fn option(&mut self, name: &str, value: &str) {
        for event in &mut self.events {
            if let Event::Connector { config, .. } = event {
                config.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    pub(super) fn insert(&mut self, partition: usize, new: Payment<'_>) {
        self.change(partition, None, Some(new));
    }

    /// The sink writes a total, or takes it back.
    pub(super) fn fires(&mut self, (account, end, total): Total<'_>) {
        let key = json!({"account": account, "window_end": text(end)});
        let value = json!({"account": account, "window_end": text(end), "total": total});
        let key = (self.mode == SinkMode::Upsert).then(|| key.to_string());
        self.record(SINK, 0, key, Some(value.to_string()));
    }

    /// The sink takes a total back by its key.
    pub(super) fn takes_back(&mut self, (account, end, _): Total<'_>) {
        let key = json!({"account": account, "window_end": text(end)});
        self.record(SINK, 0, Some(key.to_string()), None);
    }

    /// The sink is judged by what it holds, not by windows.
    pub(super) fn without_window(&mut self) {
        for sink in self.header.trial.pipeline.sinks.values_mut() {
            if let Sink::Judged { window, .. } = sink {
                *window = None;
            }
        }
    }

    /// A proof of quiescence with this watermark (minutes after ten), and what the reference gives.
    pub(super) fn proof(&mut self, watermark: Option<i64>, reference: &[Total<'_>]) {
        let ends_of = |topic: &str, partitions: usize| -> Vec<(i64, i64)> {
            let end = |partition| self.counts.get(&(topic.to_owned(), partition)).copied();
            (0..partitions).map(|partition| (0, end(partition).unwrap_or_default())).collect()
        };
        let sources = ends_of(TOPIC, self.partitions);
        let delivered = sources.iter().enumerate().map(|(partition, (_, end))| {
            let partition = i32::try_from(partition).unwrap();
            ("Source: payments".to_owned(), TOPIC.to_owned(), partition, end - 1)
        });
        let job = JobProof {
            job: "j".to_owned(),
            sinks: vec![SINK.to_owned()],
            attempts: vec![self.attempt.to_string()],
            sources: delivered.collect(),
            checkpoint: 1,
            ..JobProof::default()
        };
        let ends = [(TOPIC.to_owned(), sources), (SINK.to_owned(), ends_of(SINK, self.n_files))];
        let proof = Proof {
            number: self.proofs,
            entry: 0,
            grade: Grade::Checkpoint,
            last_commit_end: self.last_commit_end,
            barrier_end: Lsn(self.lsn),
            confirmed: Lsn(self.lsn),
            ends: BTreeMap::from(ends),
            jobs: vec![job],
            watermarks: BTreeMap::from([(SINK.to_owned(), watermark.map(at))]),
            watermarks_at_most: BTreeMap::new(),
            gaps: Vec::new(),
            elapsed_ms: 1,
        };
        let number = proof.number;
        self.events.push(Event::Proof(proof));
        let (same, table) = ((0, String::new()), "public.payments".to_owned());
        let (source, shadow) = (same.clone(), same);
        self.events.push(Event::Capture { proof: number, table, source, shadow });
        let (columns, rows) = (columns(), rows(reference));
        let (sink, side) = (SINK.to_owned(), Side::Journal);
        let (proof, kinds) = (number, Vec::new());
        self.events.push(Event::Reference(Reference { proof, sink, side, columns, kinds, rows }));
        self.proofs += 1;
    }

    /// The same, where the watermark is between these.
    pub(super) fn proof_within(
        &mut self,
        (least, most): (Option<i64>, Option<i64>),
        reference: &[Total<'_>],
    ) {
        self.proof(least, reference);
        for event in &mut self.events {
            if let Event::Proof(proof) = event
                && proof.number + 1 == self.proofs
            {
                proof.watermarks_at_most.insert(SINK.to_owned(), most.map(at));
            }
        }
    }

    /// The tasks of the statement are started again: from now on its proofs show another attempt.
    pub(super) fn restarts(&mut self) {
        self.attempt += 1;
    }

    /// What the reference gives at a cut.
    pub(super) fn cut(&mut self, offsets: &[i64], reference: &[Total<'_>]) {
        let cut = Cut(BTreeMap::from([(TOPIC.to_owned(), offsets.to_vec())]));
        let (columns, rows) = (columns(), rows(reference));
        let reference = CutReference { sink: SINK.to_owned(), cut, columns, rows };
        self.events.push(Event::CutReference(reference));
    }

    /// The history so far.
    pub(super) fn so_far(&self) -> History {
        History::new(self.header.clone(), self.events.clone())
    }

    /// The verdict on the whole.
    pub(super) fn judged(mut self) -> Verdict {
        self.events.push(Event::End(End::Completed));
        judge(&History::new(self.header, self.events))
    }
}

fn columns() -> Vec<(String, String)> {
    let columns = [("account", "STRING"), ("window_end", "TIMESTAMP(3)"), ("total", "BIGINT")];
    columns.map(|(name, kind)| (name.to_owned(), kind.to_owned())).to_vec()
}

fn rows(totals: &[Total<'_>]) -> Vec<Vec<Option<String>>> {
    let row = |(account, end, total): &Total<'_>| {
        vec![Some((*account).to_owned()), Some(text(*end)), Some(total.to_string())]
    };
    totals.iter().map(row).collect()
}

/// A finding must be shown at a place.
pub(super) fn demand(finding: Anomaly, place: &str) -> Demand {
    let at = Text::whole("p.yaml".into(), String::new()).place(0);
    Demand { at, finding, place: place.to_owned(), keys: Vec::new(), says: None }
}

/// What fails the run, by name and key.
pub(super) fn failing(verdict: &Verdict) -> Vec<(Anomaly, Option<String>)> {
    let failing = verdict.findings.iter().filter(|judged| judged.status == Status::Failing);
    failing.map(|judged| (judged.finding.anomaly, judged.finding.key.clone())).collect()
}

/// The witnesses, by name and key.
pub(super) fn witnesses(verdict: &Verdict) -> Vec<(Anomaly, Option<String>)> {
    let seen = verdict.findings.iter().filter(|judged| judged.status == Status::Witness);
    seen.map(|judged| (judged.finding.anomaly, judged.finding.key.clone())).collect()
}

/// It passes, without a doubt.
#[track_caller]
pub(super) fn passes(verdict: &Verdict) {
    assert_eq!(failing(verdict), []);
    assert_eq!(verdict.gaps, []);
    assert_eq!(verdict.outcome, Outcome::Pass);
}
