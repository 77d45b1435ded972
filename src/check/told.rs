//! The journal as the topics tell it: what a reader of the topics alone must take for the truth.
//!
//! When a sink diverges, its reference over this says whether the topics or the statement went
//! wrong first. Records are taken as they stand, repeats and gaps included; only their order over
//! several partitions is a guess (by `source.lsn`), since no reader can know it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::case::Case;
use super::topic::{TopicCase, envelope};
use crate::base::position::{Lsn, Position, Xid};
use crate::base::value::Value;
use crate::codec::debezium::{Encoding, Envelope, Op, Row};
use crate::codec::input;
use crate::codec::pgoutput::Cell;
use crate::history::History;
use crate::history::event::Proof;
use crate::model::feed::{Columns, Expected, Logged, Part};
use crate::model::key::Key;
use crate::model::source::{Carried, Change, Image, Kind, Transaction};

/// Where the snapshot that the topics tell of stands among [`told`]'s transactions.
pub const POINT: Lsn = Lsn(1);

/// The changes that the topics hold below the ends of a proof, a transaction each; those before
/// [`POINT`] are rows of the snapshot. `None` where the topics cannot be read.
pub fn told(history: &History, proof: u32) -> Option<Vec<Transaction>> {
    let case = Case::of(history);
    let proof = case.index.proofs.iter().find(|other| other.number == proof)?;
    let tables = 0..case.index.tables.len();
    let encodings = tables.map(|table| case.rules_of(table).map(|rules| &rules.encoding));
    let encodings = encodings.collect::<Vec<_>>();
    let columns = case.columns.iter().map(Columns::with_generated).collect();
    let captured = case.index.tables.iter().filter(|table| table.captured).count();
    // The topics of partitioned tables and of their partitions tell the same rows.
    if case.index.tables.iter().any(|table| table.captured && table.partitioned) {
        return None;
    }
    if case.topics.len() != captured || case.topics.iter().any(|topic| topic.n_unread > 0) {
        return None;
    }
    let are_rows = |topic: &TopicCase<'_>| {
        let columns = case.columns.get(topic.table);
        columns.is_some_and(|columns| columns.shape.unwrapped.is_some())
    };
    let records = case.topics.iter().flat_map(|topic| below(topic, are_rows(topic), proof));
    let mut records = records.collect::<Vec<_>>();
    records.sort_by_key(|told| told.order);
    let times = case.transactions.iter().map(|one| (one.commit, one.time_us)).collect();
    let rows = BTreeMap::new();
    let generated = case.columns.iter().map(generated).collect();
    let mut telling = Telling { columns, generated, times, encodings, rows, told: Vec::new() };
    for record in &records {
        telling.take(record)?;
    }
    Some(telling.told)
}

/// The names of the generated columns of a table, after the last change of the schema.
fn generated(columns: &Columns<'_>) -> Vec<String> {
    let all = columns.last().table.columns.iter().filter(|column| column.generated);
    all.map(|column| column.name.clone()).collect()
}

/// A record that tells of a row, and where it stands among those of all topics.
struct Told<'m, 'a> {
    topic: &'m TopicCase<'a>,
    logged: &'m Logged<'a>,
    /// `None`: all that is left of a delete is the null value of its key.
    envelope: Option<&'m Envelope<'a>>,
    /// What it should be, where rows do not say it themselves.
    wanted: Option<&'m Expected>,
    /// It is a row of the snapshot that its partition begins with.
    snapshot: bool,
    /// The snapshot first; then by the greatest LSN of the partition so far, so that no partition
    /// is reordered.
    order: (bool, Lsn),
}

impl Told<'_, '_> {
    fn change(&self) -> Option<&Change> {
        self.wanted?.change.as_deref()
    }

    fn lsn(&self) -> Option<Lsn> {
        let source = self.envelope.and_then(|envelope| envelope.source.lsn);
        source.or_else(|| self.change().map(|change| change.lsn))
    }
}

fn below<'m, 'a>(topic: &'m TopicCase<'a>, are_rows: bool, proof: &Proof) -> Vec<Told<'m, 'a>> {
    let ends = proof.ends.get(&topic.topic.name).map_or(&[][..], Vec::as_slice);
    let places = topic.alignment.matches.iter().map(|found| (found.logged, found.expected));
    let places: BTreeMap<usize, usize> = places.filter(|_| are_rows).collect();
    let mut partitions = BTreeMap::<i32, (bool, Lsn)>::new();
    let mut told = Vec::new();
    for (place, logged) in topic.log.iter().enumerate() {
        let partition = logged.record.partition;
        let end = usize::try_from(partition).ok().and_then(|n| ends.get(n));
        let envelope = envelope(logged);
        // Behind an envelope that tells of a delete, the null value tells nothing more.
        let (true, Some((_, end))) = (are_rows || envelope.is_some(), end) else { continue };
        if logged.record.offset >= *end {
            continue;
        }
        let wanted = places.get(&place).and_then(|place| topic.expected.get(*place));
        let (snapshot, order) = (false, (true, Lsn(0)));
        let mut one = Told { topic, logged, envelope, wanted, snapshot, order };
        let is_read = match wanted {
            Some(wanted) => wanted.part == Part::Read,
            None => envelope.is_some_and(|envelope| envelope.op == Op::Read),
        };
        let (streams, reached) = partitions.entry(partition).or_default();
        *streams |= !is_read;
        *reached = (*reached).max(one.lsn().unwrap_or_default());
        (one.snapshot, one.order) = (!*streams, (*streams, *reached));
        told.push(one);
    }
    told
}

struct Telling<'c> {
    /// The columns of the tables as records show them.
    columns: Vec<Columns<'static>>,
    /// The names of their generated columns.
    generated: Vec<Vec<String>>,
    /// When the transactions of the journal were committed.
    times: BTreeMap<Lsn, i64>,
    /// How the connectors write their values.
    encodings: Vec<Option<&'c Encoding>>,
    /// The rows as told so far, by table and key.
    rows: BTreeMap<(usize, Key), Image>,
    told: Vec<Transaction>,
}

impl Telling<'_> {
    /// Takes a record for the truth; `None` if a value cannot be read.
    fn take(&mut self, record: &Told<'_, '_>) -> Option<()> {
        let table = record.topic.table;
        let latest = self.columns.get(table)?;
        let Some(envelope) = record.envelope else {
            self.take_null(record);
            return Some(());
        };
        let encoding = self.encodings.get(table).copied().flatten()?;
        let columns = latest.at(record.lsn().unwrap_or_default());
        let latest = latest.last();
        let image = |row: &Option<Row<'_>>, generated| match row {
            Some(row) => image((columns, latest), row, (encoding, generated)).map(Some),
            None => Some(None),
        };
        let generated = self.generated.get(table).map_or(&[][..], Vec::as_slice);
        let (before, after) = (image(&envelope.before, &[])?, image(&envelope.after, generated)?);
        // Where the key of the topic does not name the row, the images do.
        let shown = |row: &Option<Row<'_>>| columns.image_row(row.as_ref()?, encoding).ok()?;
        let key = if columns.is_keyed_otherwise() {
            shown(&envelope.after).or_else(|| shown(&envelope.before))
        } else {
            record.logged.key.clone()
        };
        let place = key.map(|key| (table, key));
        let known = place.as_ref().and_then(|place| self.rows.get(place)).cloned();
        let (kind, old, new) = match envelope.op {
            Op::Create | Op::Read | Op::Update => match known.or_else(|| before.clone()) {
                Some(old) => (Kind::Update, Some(old), Some(after?)),
                None => (Kind::Insert, None, Some(after?)),
            },
            Op::Delete => (Kind::Delete, Some(before.or(known)?), None),
            Op::Truncate => (Kind::Truncate, None, None),
            Op::Message => return Some(()),
        };
        match (&new, place) {
            (Some(row), Some(place)) => drop(self.rows.insert(place, row.clone())),
            (None, Some(place)) => drop(self.rows.remove(&place)),
            (_, None) if kind == Kind::Truncate => self.rows.retain(|(of, _), _| *of != table),
            (_, None) => {}
        }
        self.push(record, table, (kind, old, new));
        Some(())
    }

    /// A null value deletes the row of its key.
    fn take_null(&mut self, record: &Told<'_, '_>) {
        let table = record.topic.table;
        let key = record.logged.key.clone().map(|key| (table, key));
        if let Some(old) = key.and_then(|key| self.rows.remove(&key)) {
            self.push(record, table, (Kind::Delete, Some(old), None));
        }
    }

    fn push(
        &mut self,
        record: &Told<'_, '_>,
        table: usize,
        (kind, old, new): (Kind, Option<Image>, Option<Image>),
    ) {
        let latest = self.columns.get(table).map(Columns::last);
        let names = latest.map_or(&[][..], |columns| &columns.table.columns);
        let columns: Arc<[String]> = names.iter().map(|column| column.name.clone()).collect();
        let number = u64::try_from(self.told.len()).unwrap_or(u64::MAX);
        let commit = if record.snapshot { Lsn(0) } else { Lsn(POINT.0.saturating_add(number)) };
        let source = record.envelope.map(|envelope| &envelope.source);
        let change = record.change();
        let xid = source.and_then(|source| source.xid).or(change.map(|change| change.xid));
        let xid = xid.unwrap_or(Xid(0));
        let told_us = source.and_then(|source| source.ts_ms).map(|ms| ms.saturating_mul(1000));
        let committed = change.and_then(|change| self.times.get(&change.position.commit));
        let time_us = told_us.or(committed.copied()).unwrap_or_default();
        let change = Change {
            position: Position { commit, index: 0 },
            xid,
            lsn: record.lsn().unwrap_or_default(),
            nth: 0,
            table,
            columns,
            kind,
            old,
            new,
            carried: Carried::Full,
            unchanged: Vec::new(),
            key_changed: false,
            published: true,
        };
        self.told.push(Transaction {
            xid,
            commit,
            end: commit,
            time_us,
            changes: vec![Arc::new(change)],
            messages: Vec::new(),
            turns: Vec::new(),
        });
    }
}

/// A row as the topics show it, in the form of the journal and the columns that the table has
/// after the last change of the schema: the reference is over these. A generated column that a new
/// row lacks is nothing to whoever reads the topics.
fn image(
    (columns, latest): (&Columns<'_>, &Columns<'_>),
    row: &Row<'_>,
    (encoding, generated): (&Encoding, &[String]),
) -> Option<Image> {
    let cell = |name: &str| {
        if !columns.shape.has(name) {
            return Some(Cell::Null);
        }
        let Some(raw) = row.get(name) else { return Some(Cell::Unchanged) };
        if encoding.is_placeholder(raw) {
            return Some(Cell::Unchanged);
        }
        Some(match columns.captured(name, raw, encoding).ok()? {
            Value::Null => Cell::Null,
            Value::Absent => Cell::Unchanged,
            value => Cell::Text(match columns.kind(name) {
                Some(kind) => input::text(&value, kind, columns.width(name)),
                None => value.to_string(),
            }),
        })
    };
    let of = |name: &String| match cell(name)? {
        Cell::Unchanged if generated.contains(name) => Some(Cell::Null),
        cell => Some(cell),
    };
    let names = latest.table.columns.iter().map(|column| &column.name);
    names.map(of).collect::<Option<Vec<_>>>().map(Into::into)
}
