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
use crate::codec::pgoutput::Cell;
use crate::history::History;
use crate::history::event::Proof;
use crate::model::feed::{Columns, Logged};
use crate::model::key::Key;
use crate::model::source::{Carried, Change, Image, Kind, Transaction};

/// Where the snapshot that the topics tell of stands among [`told`]'s transactions.
pub const POINT: Lsn = Lsn(1);

/// The changes that the topics hold below the ends of a proof, a transaction each; those before
/// [`POINT`] are rows of the snapshot. `None` where the topics cannot be read.
pub fn told(history: &History, proof: u32) -> Option<Vec<Transaction>> {
    let case = Case::of(history);
    let proof = case.index.proofs.iter().find(|other| other.number == proof)?;
    let rules = case.rules.as_ref().filter(|rules| rules.unwrapped.is_none());
    let encoding = &rules?.encoding;
    let captured = case.index.tables.iter().filter(|table| table.captured).count();
    // The topics of partitioned tables and of their partitions tell the same rows.
    if case.index.tables.iter().any(|table| table.captured && table.partitioned) {
        return None;
    }
    if case.topics.len() != captured || case.topics.iter().any(|topic| topic.n_unread > 0) {
        return None;
    }
    let mut records = case.topics.iter().flat_map(|topic| below(topic, proof)).collect::<Vec<_>>();
    records.sort_by_key(|told| told.order);
    let mut telling = Telling { case: &case, encoding, rows: BTreeMap::new(), told: Vec::new() };
    for record in &records {
        telling.take(record)?;
    }
    Some(telling.told)
}

/// An envelope and where it stands among those of all topics.
struct Told<'m, 'a> {
    topic: &'m TopicCase<'a>,
    logged: &'m Logged<'a>,
    envelope: &'m Envelope<'a>,
    /// It is a row of the snapshot that its partition begins with.
    snapshot: bool,
    /// The snapshot first; then by the greatest LSN of the partition so far, so that no partition
    /// is reordered.
    order: (bool, Lsn),
}

fn below<'m, 'a>(topic: &'m TopicCase<'a>, proof: &Proof) -> Vec<Told<'m, 'a>> {
    let ends = proof.ends.get(&topic.topic.name).map_or(&[][..], Vec::as_slice);
    let mut partitions = BTreeMap::<i32, (bool, Lsn)>::new();
    let mut told = Vec::new();
    for logged in &topic.log {
        let partition = logged.record.partition;
        let end = usize::try_from(partition).ok().and_then(|n| ends.get(n));
        let (Some(envelope), Some((_, end))) = (envelope(logged), end) else { continue };
        if logged.record.offset >= *end {
            continue;
        }
        let (streams, reached) = partitions.entry(partition).or_default();
        *streams |= envelope.op != Op::Read;
        *reached = (*reached).max(envelope.source.lsn.unwrap_or_default());
        let order = (*streams, *reached);
        told.push(Told { topic, logged, envelope, snapshot: !*streams, order });
    }
    told
}

struct Telling<'c, 'h> {
    case: &'c Case<'h>,
    encoding: &'c Encoding,
    /// The rows as told so far, by table and key.
    rows: BTreeMap<(usize, Key), Image>,
    told: Vec<Transaction>,
}

impl Telling<'_, '_> {
    /// Takes a record for the truth; `None` if a value cannot be read.
    fn take(&mut self, record: &Told<'_, '_>) -> Option<()> {
        let table = record.topic.table;
        let latest = self.case.columns.get(table)?;
        let columns = latest.at(record.envelope.source.lsn.unwrap_or_default());
        let latest = latest.last();
        let image = |row: &Option<Row<'_>>| match row {
            Some(row) => image((columns, latest), row, self.encoding).map(Some),
            None => Some(None),
        };
        let (before, after) = (image(&record.envelope.before)?, image(&record.envelope.after)?);
        // Where the key of the topic does not name the row, the images do.
        let shown =
            |row: &Option<Row<'_>>| columns.captured_row(row.as_ref()?, self.encoding).ok()?;
        let key = if columns.is_keyed_otherwise() {
            shown(&record.envelope.after).or_else(|| shown(&record.envelope.before))
        } else {
            record.logged.key.clone()
        };
        let place = key.map(|key| (table, key));
        let known = place.as_ref().and_then(|place| self.rows.get(place)).cloned();
        let (kind, old, new) = match record.envelope.op {
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
        let names = latest.table.columns.iter().filter(|column| !column.generated);
        let names: Arc<[String]> = names.map(|column| column.name.clone()).collect();
        self.push(record, (table, names), (kind, old, new));
        Some(())
    }

    fn push(
        &mut self,
        record: &Told<'_, '_>,
        (table, columns): (usize, Arc<[String]>),
        (kind, old, new): (Kind, Option<Image>, Option<Image>),
    ) {
        let number = u64::try_from(self.told.len()).unwrap_or(u64::MAX);
        let commit = if record.snapshot { Lsn(0) } else { Lsn(POINT.0.saturating_add(number)) };
        let source = &record.envelope.source;
        let xid = source.xid.unwrap_or(Xid(0));
        let change = Change {
            position: Position { commit, index: 0 },
            xid,
            lsn: source.lsn.unwrap_or_default(),
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
            time_us: source.ts_ms.unwrap_or_default().saturating_mul(1000),
            changes: vec![Arc::new(change)],
            messages: Vec::new(),
            turns: Vec::new(),
        });
    }
}

/// A row as the topics show it, in the form of the journal and the columns that the table has
/// after the last change of the schema: the reference is over these.
fn image(
    (columns, latest): (&Columns<'_>, &Columns<'_>),
    row: &Row<'_>,
    encoding: &Encoding,
) -> Option<Image> {
    let stored = latest.table.columns.iter().filter(|column| !column.generated);
    let cell = |name: &str| {
        let Some(raw) = row.get(name) else { return Some(Cell::Unchanged) };
        if encoding.is_placeholder(raw) {
            return Some(Cell::Unchanged);
        }
        Some(match columns.captured(name, raw, encoding).ok()? {
            Value::Null => Cell::Null,
            Value::Absent => Cell::Unchanged,
            value => Cell::Text(value.to_string()),
        })
    };
    stored.map(|column| cell(&column.name)).collect::<Option<Vec<_>>>().map(Into::into)
}
