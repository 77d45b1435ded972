//! One source topic, read and aligned with what it must hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::verdict::Gap;
use crate::base::position::{Lsn, Position, RecordPosition};
use crate::codec::debezium::{self, Body, Envelope, Message, Op, Row, RowRecord, Told};
use crate::codec::pgoutput::Cell;
use crate::history::event::{Bytes, Proof, Record, Topic};
use crate::model::application::{Change as Made, Written, changes};
use crate::model::feed::shape::Odd;
use crate::model::feed::{
    Alignment, Before, Columns, Expected, Logged, Match, NotOfType, Order, Owed, Part, Rules,
    Snapshots, expected, identify, lsn,
};
use crate::model::key::Key;
use crate::model::source::Transaction;
use crate::scenario::application::Application;

/// The topic of one captured table.
pub(super) struct TopicCase<'a> {
    pub(super) topic: &'a Topic,
    /// The table's place in the history's tables.
    pub(super) table: usize,
    /// As `expect` names it.
    pub(super) place: String,
    pub(super) log: Vec<Logged<'a>>,
    /// Which of the topic's records each of the log is.
    places: Vec<usize>,
    pub(super) expected: Vec<Expected>,
    pub(super) alignment: Alignment,
    /// Records were removed before they were read.
    pub(super) truncated: bool,
    /// Partitions of which records were read that are not in the log.
    pub(super) read_besides: BTreeSet<i32>,
    /// Records that are no envelopes, or whose key cannot be read.
    pub(super) n_unread: usize,
    /// Places in the log of records that bring a row back whose delete was seen before.
    resurrecting: BTreeSet<usize>,
}

/// The position of a record.
pub(super) fn position(record: &Record) -> RecordPosition {
    RecordPosition {
        topic: record.topic.clone(),
        partition: record.partition,
        offset: record.offset,
        file: None,
    }
}

impl<'a> TopicCase<'a> {
    /// Reads the records; those that cannot be read are gaps.
    pub(super) fn read(
        topic: &'a Topic,
        (table, columns): (usize, &Columns<'_>),
        place: String,
        records: &[&'a Record],
        rules: &Rules,
    ) -> (Self, Vec<Gap>) {
        let mut case = Self::empty((topic, table), place);
        let mut first = None;
        for (place, record) in records.iter().enumerate() {
            match read(record, columns, rules) {
                Ok(logged) => {
                    case.log.push(logged);
                    case.places.push(place);
                }
                Err(problem) => {
                    case.n_unread += 1;
                    first.get_or_insert(problem);
                }
            }
        }
        let gap = |problem| Gap {
            what: format!("{} records of `{}`", case.n_unread, topic.name),
            missing: problem,
        };
        let gaps = first.map(gap).into_iter().collect();
        (case, gaps)
    }

    fn empty((topic, table): (&'a Topic, usize), place: String) -> Self {
        Self {
            topic,
            table,
            place,
            log: Vec::new(),
            places: Vec::new(),
            expected: Vec::new(),
            alignment: Alignment::default(),
            truncated: false,
            read_besides: BTreeSet::new(),
            n_unread: 0,
            resurrecting: BTreeSet::new(),
        }
    }

    /// The topic of an application: what was written there, and the records that show it.
    pub(super) fn written(
        (topic, table): (&'a Topic, usize),
        of: &Application,
        written: &[Written],
        records: &[&'a Record],
    ) -> Self {
        let columns: Arc<[String]> = of.columns.iter().map(|(name, _)| name.clone()).collect();
        let mut case = Self::empty((topic, table), topic.name.clone());
        for change in changes(of, written, None) {
            let at = (change.partition, change.offset);
            let mut shown = records.iter().enumerate();
            let shown = shown.find(|(_, record)| (record.partition, record.offset) == at);
            let Some((place, record)) = shown else { continue };
            let (logged, expected) = (case.log.len(), case.expected.len());
            let order = Order::Right;
            case.alignment.matches.push(Match { logged, expected, order });
            case.alignment.seen.push(Some(logged));
            let message = Message { key: None, body: Body::Tombstone };
            let (told, odd) = (Told::default(), Vec::new());
            case.log.push(Logged { record, message, key: None, told, odd });
            case.places.push(place);
            case.expected.push(made(&change, &columns));
        }
        case
    }

    /// The positions that the snapshot's rows say they were read at.
    pub(super) fn snapshot_points(&self) -> impl Iterator<Item = Lsn> {
        self.log
            .iter()
            .filter_map(envelope)
            .filter(|e| e.op == Op::Read)
            .filter_map(|e| e.source.lsn)
    }

    pub(super) fn align(
        &mut self,
        columns: &Columns<'_>,
        rules: &Rules,
        course: (&Snapshots, &[Transaction]),
        replays: Option<usize>,
    ) -> Result<(), NotOfType> {
        self.expected = expected(columns, self.table, rules, course)?;
        if columns.shape.unwrapped.is_some() {
            identify(columns, &rules.encoding, &self.expected, &mut self.log)?;
        }
        let replays = replays.map(|read| self.readable(read));
        let (expected, log) = (&self.expected, &self.log);
        self.alignment = Alignment::of(columns, &rules.encoding, expected, log, replays)?;
        self.find_resurrecting();
        Ok(())
    }

    /// How many of the first records could be read.
    pub(super) fn readable(&self, read: usize) -> usize {
        self.places.partition_point(|place| *place < read)
    }

    /// Records out of their order that stand behind a delete of their key that belongs behind
    /// them.
    fn find_resurrecting(&mut self) {
        let mut deleted = BTreeMap::<&Key, usize>::new();
        for found in &self.alignment.matches {
            let Some(wanted) = self.expected.get(found.expected) else { continue };
            let Some(key) = &wanted.row else { continue };
            let out_of_order = matches!(found.order, Order::Repeated | Order::Late);
            match wanted.part {
                // Where records are rows, the tombstone may be all that is left of a delete.
                Part::Delete | Part::Tombstone => {
                    let last = deleted.entry(key).or_default();
                    *last = (*last).max(found.expected);
                }
                Part::Truncate => {}
                Part::Read | Part::Create | Part::Update => {
                    let behind = deleted.get(key).is_some_and(|last| *last > found.expected);
                    if out_of_order && behind {
                        self.resurrecting.insert(found.logged);
                    }
                }
            }
        }
    }

    pub(super) fn resurrects(&self, found: &Match) -> bool {
        self.resurrecting.contains(&found.logged)
    }

    /// The matches with what they should be and what they are.
    pub(super) fn matched(&self) -> impl Iterator<Item = (&Match, &Expected, &Logged<'a>)> {
        self.alignment.matches.iter().filter_map(|found| {
            Some((found, self.expected.get(found.expected)?, self.log.get(found.logged)?))
        })
    }

    /// Records that nothing explains.
    pub(super) fn unexplained(&self) -> impl Iterator<Item = &Logged<'a>> {
        self.alignment.unexplained.iter().filter_map(|place| self.log.get(*place))
    }

    pub(super) fn is_seen(&self, expected: usize) -> bool {
        self.alignment.seen.get(expected).is_some_and(Option::is_some)
    }

    /// A partition that holds records of which none was read.
    pub(super) fn unread_partition(&self, proof: &Proof) -> Option<usize> {
        let read = self.log.iter().map(|logged| logged.record.partition);
        let read = read.chain(self.read_besides.iter().copied());
        unread_partition(proof, &self.topic.name, read)
    }

    /// What must have arrived by the end of the proof and did not. Records that were not or could
    /// not be read may have been just these, so that nothing is missing for certain then; nor is it
    /// where records were removed, which has a name of its own.
    pub(super) fn missing(&self, proof: Option<&Proof>) -> Vec<(usize, &Expected)> {
        let Some(proof) = proof.filter(|proof| proof.ends.contains_key(&self.topic.name)) else {
            return Vec::new();
        };
        let unread = self.n_unread > 0 || self.unread_partition(proof).is_some();
        if unread || self.truncated {
            return Vec::new();
        }
        let due = |wanted: &Expected| match wanted.end {
            Some(end) => proof.last_commit_end.is_some_and(|last| end <= last),
            None => true,
        };
        let wanted = self.expected.iter().enumerate();
        let wanted = wanted.filter(|(place, wanted)| !self.is_seen(*place) && due(wanted));
        let is_owed = |(place, wanted): &(usize, &Expected)| match wanted.owed {
            Owed::Yes => true,
            Owed::No => false,
            Owed::IfShown => self.was_shown(*place, wanted),
        };
        wanted.filter(is_owed).collect()
    }

    /// The topic has shown the row of a delete before.
    fn was_shown(&self, delete: usize, wanted: &Expected) -> bool {
        let shows = |part| matches!(part, Part::Read | Part::Create | Part::Update);
        let before = self.expected.iter().enumerate().take(delete);
        let mut before = before.filter(|(_, other)| other.row == wanted.row && shows(other.part));
        before.any(|(place, _)| self.is_seen(place))
    }

    /// The places of all parts of a key change that has the part at `place`.
    pub(super) fn parts(&self, place: usize) -> impl Iterator<Item = (usize, &Expected)> {
        let change = self.expected.get(place).and_then(|wanted| wanted.change.as_ref());
        // The parts of one change stand together, and there are at most three of them.
        let near = place.saturating_sub(2)..=place + 2;
        near.filter_map(move |near| {
            let wanted = self.expected.get(near)?;
            let same = wanted.change.as_ref().is_some_and(|other| {
                change.is_some_and(|change| change.position == other.position)
            });
            same.then_some((near, wanted))
        })
    }
}

/// What a change of an application's topic should be.
fn made(change: &Made, columns: &Arc<[String]>) -> Expected {
    let cell = |cell: &Option<String>| cell.clone().map_or(Cell::Null, Cell::Text);
    let image = change.cells.iter().map(cell).collect();
    let part = match change.op {
        'd' => Part::Delete,
        // Whose old row had which time does not matter: it may have been in any window.
        'u' => Part::Update,
        _ => Part::Create,
    };
    Expected {
        part,
        key: None,
        row: None,
        before: Before::Nothing,
        after: (change.op != 'd').then_some(image),
        columns: Arc::clone(columns),
        lsn: Lsn::default(),
        change: None,
        end: None,
        key_change: false,
        owed: Owed::No,
        shot: None,
        group: None,
    }
}

/// A partition of a topic that holds records by a proof, but none of those that were read.
pub(super) fn unread_partition(
    proof: &Proof,
    topic: &str,
    read: impl Iterator<Item = i32> + Clone,
) -> Option<usize> {
    let ends = proof.ends.get(topic)?;
    let is_read =
        |partition: usize| read.clone().any(|read| usize::try_from(read) == Ok(partition));
    let mut partitions = ends.iter().enumerate();
    partitions.find(|(n, (low, high))| high > low && !is_read(*n)).map(|(n, _)| n)
}

/// The envelope of a record; `None` for a tombstone.
pub(super) fn envelope<'m, 'a>(logged: &'m Logged<'a>) -> Option<&'m Envelope<'a>> {
    match &logged.message.body {
        Body::Envelope(envelope) => Some(envelope),
        Body::Tombstone => None,
    }
}

/// The operation as people write it.
pub(super) fn letter(logged: &Logged<'_>) -> &'static str {
    envelope(logged).map_or("null", |envelope| envelope.op.letter())
}

/// The journal position of what a record should be.
pub(super) fn journal_position(wanted: &Expected) -> Option<Position> {
    wanted.change.as_ref().map(|change| change.position)
}

fn read<'a>(
    record: &'a Record,
    columns: &Columns<'_>,
    rules: &Rules,
) -> Result<Logged<'a>, String> {
    let value = record.value.as_ref().map(|value| value.0.as_slice());
    let at = position(record);
    let shape = &columns.shape;
    let unread = |part: &str, problem: String| format!("record {at}: its {part}: {problem}");
    let value = value.map(|value| shape.value(value)).transpose();
    let value = value.map_err(|problem| unread("value", problem))?.flatten();
    let read = match &shape.unwrapped {
        Some(of_rows) => {
            let header = |(name, value): &'a (String, Option<Bytes>)| {
                (name.as_str(), value.as_ref().map(|value| value.0.as_slice()))
            };
            let headers = record.headers.iter().map(header).collect::<Vec<_>>();
            let record = RowRecord { key: None, value, headers: &headers };
            debezium::read_row(record, &of_rows.form, &at)
        }
        None => debezium::read(None, value, &at).map(|message| (message, Told::default())),
    };
    let (mut message, told) = read.map_err(|error| error.to_string())?;
    let lsn = lsn(&message).or(told.lsn);
    let (of, row, mut odd) =
        keyed(record, columns, (lsn, shown(&message))).map_err(|problem| unread("key", problem))?;
    if let Body::Envelope(envelope) = &mut message.body {
        for image in [&mut envelope.before, &mut envelope.after] {
            *image = image.take().map(|row| of.shape.row(row, &mut odd));
        }
    }
    let key = match &row {
        Some(row) => of
            .captured_key(row, &rules.encoding)
            .map_err(|error| format!("record {at}: its key: {error}"))?,
        None => None,
    };
    message.key = row;
    Ok(Logged { record, message, key, told, odd })
}

/// The row that a message shows.
fn shown<'m, 'a>(message: &'m Message<'a>) -> Option<&'m Row<'a>> {
    match &message.body {
        Body::Envelope(envelope) => envelope.after.as_ref().or(envelope.before.as_ref()),
        Body::Tombstone => None,
    }
}

/// The columns that hold for a record, its key by them, and what of it does not hold what it should.
/// What does not say its place has the columns whose key it has, of these those that fit its row best,
/// and of these the last.
fn keyed<'c, 't, 'a>(
    record: &'a Record,
    columns: &'c Columns<'t>,
    (lsn, shown): (Option<Lsn>, Option<&Row<'_>>),
) -> Result<(&'c Columns<'t>, Option<Row<'a>>, Vec<Odd>), String> {
    let read = |of: &Columns<'_>| {
        let mut odd = Vec::new();
        let row = record.key.as_ref().map(|key| of.shape.key_row(&key.0, &mut odd));
        row.transpose().map(|row| (row.flatten(), odd))
    };
    let mut of = lsn.map_or(columns, |lsn| columns.at(lsn));
    if lsn.is_none() {
        let all = columns.versions().collect::<Vec<_>>();
        let fits = |of: &&&Columns<'_>| {
            let row = read(of).ok().and_then(|(row, _)| row);
            row.is_some_and(|row| of.key.iter().all(|part| row.contains_key(part)))
        };
        let misfit =
            |of: &&&Columns<'_>| shown.map_or(0, |row| of.shape.lacking(row).unwrap_or(usize::MAX));
        of = all.iter().rev().filter(fits).min_by_key(misfit).copied().unwrap_or(columns);
    }
    let (row, odd) = read(of)?;
    Ok((of, row, odd))
}
