//! A recorded run as the mutations see it: every record with what it is about.

use std::collections::BTreeMap;
use std::sync::Arc;

use changeproof::base::position::{Lsn, Position};
use changeproof::check::judge;
use changeproof::check::verdict::Verdict;
use changeproof::codec::pgoutput::Cell;
use changeproof::history::event::{Record, SinkTable, Table};
use changeproof::history::{History, Index};
use changeproof::model::source::{Change, Image, Journal, Kind};
use changeproof::scenario::pipeline::Sink;
use serde_json::Value;

use super::edit::json;

/// A recorded run.
pub(crate) struct Scene<'a> {
    pub(crate) history: &'a History,
    pub(crate) index: Index<'a>,
    pub(crate) verdict: Verdict,
    pub(crate) topics: Vec<Topic<'a>>,
    pub(crate) sinks: Vec<Written<'a>>,
    /// The journal's changes, in order.
    pub(crate) changes: Vec<Arc<Change>>,
    /// What tables are from a place in the WAL on, by their place among the tables.
    turns: Vec<(Lsn, usize, Arc<Table>)>,
    /// Something was disturbed, so that things may come twice from there on. What did is left out.
    pub(crate) restarted: bool,
}

/// The topic of a source table.
pub(crate) struct Topic<'a> {
    pub(crate) table: &'a Table,
    /// The columns of the records' key.
    pub(crate) key: Vec<String>,
    pub(crate) partitions: i32,
    /// As `expect` names it.
    pub(crate) place: String,
    pub(crate) records: Vec<Seen>,
    /// Every streamed record, those that came twice too: its event and its change.
    pub(crate) streamed: Vec<(usize, Position)>,
    /// It has rows of other snapshots too, which were left out.
    pub(crate) further: bool,
}

/// A record of a source topic.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) event: usize,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// As findings name it.
    pub(crate) key: Option<String>,
    /// `r c u d t`, and `n` for a tombstone.
    pub(crate) op: char,
    /// The change it comes from.
    pub(crate) at: Option<Position>,
    pub(crate) key_change: bool,
    pub(crate) value: Value,
}

/// A sink that is judged.
pub(crate) struct Written<'a> {
    pub(crate) table: &'a SinkTable,
    pub(crate) windowed: bool,
    /// Columns that its reference has at the last proof.
    pub(crate) compared: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// A record of a sink.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) event: usize,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<String>,
    /// Null for a delete.
    pub(crate) value: Value,
}

impl<'a> Scene<'a> {
    /// A run that was proven to its end; `None` for another.
    pub(crate) fn of(history: &'a History) -> Option<Self> {
        let index = history.index();
        let verdict = judge(history);
        index.last_proof()?;
        let (changes, turns) = changes(&index);
        let restarted = !index.faults.is_empty();
        let (topics, sinks) = (Vec::new(), Vec::new());
        let mut scene = Self { history, index, verdict, topics, sinks, changes, turns, restarted };
        let changes = scene.changes.clone();
        for (n, table) in scene.index.tables.iter().enumerate() {
            let name = format!("{}.{}", table.schema, table.name);
            let topic = scene.index.sources().find(|(_, of)| *of == name).map(|(topic, _)| topic);
            let Some(topic) = topic.filter(|_| table.captured) else { continue };
            let key = message_key(&scene.index, table);
            // Nothing tells rows apart that share a key and have none of their own.
            if table.key.is_empty() && !key.is_empty() {
                continue;
            }
            if scene.records(&topic.name).any(|(_, record)| is_row(record)) {
                continue;
            }
            let of = |change: &&Arc<Change>| scene.is_published_by(change, n);
            let mut own = changes.iter().filter(of).cloned().collect::<Vec<_>>();
            let mut last = BTreeMap::new();
            let read = |(event, record)| seen(&key, (event, record), &mut own, &mut last);
            let mut records = scene.records(&topic.name).map(read).collect::<Vec<_>>();
            let streamed = records.iter().filter_map(|seen| Some((seen.event, seen.at?)));
            let streamed = streamed.collect();
            let further = leave_further_snapshots_out(&mut records, restarted);
            if restarted {
                let all = records.clone();
                records.retain(|seen| all.iter().filter(|other| other.is(seen)).count() == 1);
            }
            let place = scene.place(table);
            let partitions = topic.partitions;
            let topic = Topic { table, key, partitions, place, records, streamed, further };
            scene.topics.push(topic);
        }
        for table in scene.index.sinks {
            let of = history.header.trial.pipeline.sinks.get(&table.name);
            let Some(Sink::Judged { window, .. }) = of else { continue };
            let read = |(event, record): (usize, &Record)| row(table, event, record);
            let rows = scene.records(&table.topic).map(read).collect();
            let compared = scene.compared(&table.name);
            scene.sinks.push(Written { table, windowed: window.is_some(), compared, rows });
        }
        Some(scene)
    }

    pub(crate) fn records<'s>(
        &'s self,
        topic: &'s str,
    ) -> impl Iterator<Item = (usize, &'a Record)> + 's {
        self.history.events.iter().enumerate().filter_map(move |(n, event)| match event {
            changeproof::history::event::Event::Record(record) if record.topic == topic => {
                Some((n, record))
            }
            _ => None,
        })
    }

    /// Whether a change is one of a table: its own, or of a partition through its root.
    fn is_published_by(&self, change: &Change, table: usize) -> bool {
        let via_root =
            self.option(&self.index.tables[table], "publish.via.partition.root") == Some("true");
        let (of, table_of) = (&self.index.tables[change.table], &self.index.tables[table]);
        let root = of.within.last().filter(|_| via_root);
        root.map_or(change.table == table, |root| {
            *root == format!("{}.{}", table_of.schema, table_of.name)
        })
    }

    /// An option of the connector that captures a table.
    pub(crate) fn option(&self, table: &Table, name: &str) -> Option<&'a str> {
        self.index.config_of(table)?.get(name).map(String::as_str)
    }

    /// The change that a record comes from.
    pub(crate) fn change(&self, seen: &Seen) -> Option<&Change> {
        let at = seen.at?;
        self.changes.iter().map(AsRef::as_ref).find(|change| change.position == at)
    }

    /// The table as it is at a record, and as it was before its schema changed last.
    pub(crate) fn layouts<'s>(
        &'s self,
        topic: &Topic<'a>,
        seen: &Seen,
    ) -> (&'s Table, Option<&'s Table>) {
        let lsn = seen.value["source"]["lsn"].as_u64().map_or(Lsn(0), Lsn);
        let own = |(at, place, _): &&(Lsn, usize, Arc<Table>)| {
            std::ptr::eq(&raw const self.index.tables[*place], topic.table) && *at < lsn
        };
        let mut turns = self.turns.iter().filter(own).map(|(.., table)| table.as_ref()).rev();
        match turns.next() {
            Some(now) => (now, Some(turns.next().unwrap_or(topic.table))),
            None => (topic.table, None),
        }
    }

    fn place(&self, table: &Table) -> String {
        let namesake = self.index.sinks.iter().any(|sink| sink.name == table.name);
        if namesake { format!("{}.{}", table.schema, table.name) } else { table.name.clone() }
    }

    fn compared(&self, sink: &str) -> Vec<String> {
        let last = self.index.last_proof().unwrap().number;
        let side = changeproof::history::event::Side::Journal;
        let reference = self.index.references.get(&(last, sink, side));
        let columns = reference.iter().flat_map(|reference| &reference.columns);
        columns.map(|(name, _)| name.clone()).collect()
    }

    /// Whether something is found there without any mutation.
    pub(crate) fn is_marked(&self, place: &str, key: Option<&str>) -> bool {
        self.verdict
            .findings
            .iter()
            .any(|judged| judged.finding.place == place && judged.finding.key.as_deref() == key)
    }
}

/// The key that `message.key.columns` gives a table that it names in full, else its primary key.
fn message_key(index: &Index<'_>, table: &Table) -> Vec<String> {
    let named = index.config_of(table).and_then(|config| config.get("message.key.columns"));
    let all = named.map_or("", String::as_str).split(';').filter_map(|one| one.split_once(':'));
    let name = format!("{}.{}", table.schema, table.name);
    let columns = all.into_iter().find(|(of, _)| *of == name).map(|(_, columns)| columns);
    columns.map_or_else(|| table.key.clone(), |c| c.split(',').map(str::to_owned).collect())
}

/// Leaves out the rows of snapshots but one, which is owed: of several that a restart made the last, else
/// the first. What becomes of a row of another hangs on the others of it: the tests of the checkers try
/// them. Tells whether there were such.
fn leave_further_snapshots_out(records: &mut Vec<Seen>, restarted: bool) -> bool {
    let point = |seen: &Seen| seen.value["source"]["lsn"].as_u64();
    let mut points = records.iter().filter(|seen| seen.op == 'r').map(point);
    let kept = if restarted { points.next_back() } else { points.next() };
    let n = records.len();
    let is_kept = |seen: &Seen| point(seen).is_some() && kept == Some(point(seen));
    records.retain(|seen| seen.op != 'r' || is_kept(seen));
    records.len() < n
}

type Turned = Vec<(Lsn, usize, Arc<Table>)>;

fn changes(index: &Index<'_>) -> (Vec<Arc<Change>>, Turned) {
    let mut journal = Journal::new(index.tables);
    let wal = index.wal.iter();
    let transactions = wal.filter_map(|wal| journal.push(wal.lsn, wal.xid, wal.data).unwrap());
    let (mut changes, mut turned) = (Vec::new(), Turned::new());
    for transaction in transactions {
        changes.extend(transaction.changes);
        for turn in transaction.turns {
            let reshaped = turn.reshaped.into_iter().filter(|reshaped| !reshaped.gone);
            turned.extend(reshaped.filter_map(|of| Some((turn.lsn, of.place?, of.table))));
        }
    }
    (changes, turned)
}

/// It has a value, and no envelope around it.
fn is_row(record: &Record) -> bool {
    let value = json(record.value.as_ref());
    !value.is_null() && value.get("op").is_none()
}

impl Seen {
    /// The same part of the same change, or of the snapshot.
    fn is(&self, other: &Self) -> bool {
        (self.op, &self.key, self.at) == (other.op, &other.key, other.at)
    }
}

/// A value as findings name it.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn key_of(columns: &[String], key: &Value) -> Option<String> {
    let parts = columns.iter().map(|column| key.get(column).map(text));
    let parts = parts.collect::<Option<Vec<_>>>()?;
    (!parts.is_empty()).then(|| parts.join(","))
}

/// The change of the last delete of each key on each partition, and whether it changed the key.
type Deletes = BTreeMap<(i32, Option<String>), (Option<Position>, bool)>;

fn seen(
    columns: &[String],
    (event, record): (usize, &Record),
    changes: &mut Vec<Arc<Change>>,
    deletes: &mut Deletes,
) -> Seen {
    let key = key_of(columns, &json(record.key.as_ref()));
    let value = json(record.value.as_ref());
    let home = (record.partition, key.clone());
    let op = value.get("op").map_or('n', |op| text(op).chars().next().unwrap());
    let (at, key_change) = if op == 'n' {
        deletes.get(&home).copied().unwrap_or_default()
    } else {
        found(columns, (op, key.as_deref()), &value, changes)
    };
    if op == 'd' {
        deletes.insert(home, (at, key_change));
    }
    let Record { partition, offset, .. } = *record;
    Seen { event, partition, offset, key, op, at, key_change, value }
}

/// The change that a record comes from; one of a table without key is used up.
fn found(
    columns: &[String],
    (op, key): (char, Option<&str>),
    value: &Value,
    changes: &mut Vec<Arc<Change>>,
) -> (Option<Position>, bool) {
    let number = |name: &str| value["source"][name].as_u64();
    let cells = |change: &Change, image: &Option<Image>| {
        let cell = |column: &String| {
            let place = change.columns.iter().position(|name| name == column)?;
            match image.as_ref()?.get(place)? {
                Cell::Text(text) => Some(text.clone()),
                Cell::Null | Cell::Unchanged => None,
            }
        };
        columns.iter().map(cell).collect::<Option<Vec<_>>>().unwrap_or_default()
    };
    let rekeys = |change: &Change| {
        let keys = (cells(change, &change.old), cells(change, &change.new));
        change.kind == Kind::Update && change.old.is_some() && keys.0 != keys.1
    };
    let fits = |change: &Arc<Change>| {
        let of =
            (Some(u64::from(change.xid.0)), Some(change.lsn.0)) == (number("txId"), number("lsn"));
        let (image, kind) = match op {
            'd' => (&change.old, change.kind == Kind::Delete || rekeys(change)),
            'c' => (&change.new, change.kind == Kind::Insert || rekeys(change)),
            'u' => (&change.new, change.kind == Kind::Update && !rekeys(change)),
            't' => (&None, change.kind == Kind::Truncate),
            _ => return false,
        };
        let own = cells(change, image);
        of && kind && (key.is_none() || Some(own.join(",").as_str()) == key)
    };
    let Some(place) = changes.iter().position(fits) else { return (None, false) };
    let change = changes[place].clone();
    if key.is_none() {
        changes.remove(place);
    }
    (Some(change.position), rekeys(&change))
}

fn row(table: &SinkTable, event: usize, record: &Record) -> Row {
    let value = json(record.value.as_ref());
    let key = key_of(&table.key, &json(record.key.as_ref()));
    let Record { partition, offset, .. } = *record;
    Row { event, partition, offset, key, value }
}
