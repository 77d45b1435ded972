//! Aligns a recorded topic with the records it must hold.

use std::collections::BTreeMap;

use super::{Columns, Expected, NotOfType, Part};
use crate::base::position::{Lsn, Xid};
use crate::codec::debezium::{Body, Encoding, Message, Op, Row};
use crate::history::event::Record;
use crate::model::key::Key;
use crate::model::runs::{Runs, Step};

/// A record of the topic, read.
#[derive(Debug, Clone)]
pub struct Logged<'a> {
    /// The record as it was recorded.
    pub record: &'a Record,
    /// What it says.
    pub message: Message<'a>,
    /// The key it says, if it has one that can be read.
    pub key: Option<Key>,
}

/// How a record stands in the order of its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Where it belongs.
    Right,
    /// It was seen before, as part of a replay that the contract allows.
    Replayed,
    /// It was seen before, and nothing allows that.
    Repeated,
    /// It was not seen before, but one that belongs after it was.
    Late,
}

/// A record and what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Its place in the log.
    pub logged: usize,
    /// Its place in the expected list.
    pub expected: usize,
    /// How it stands in the order.
    pub order: Order,
}

/// A topic against what it must hold.
#[derive(Debug, Clone, Default)]
pub struct Alignment {
    /// Every record that is explained, in the order of the log.
    pub matches: Vec<Match>,
    /// Records that nothing explains, by their place in the log.
    pub unexplained: Vec<usize>,
    /// For each expected record, the place in the log where it was first seen.
    pub seen: Vec<Option<usize>>,
    /// Keys on more than one partition: the key, and the first record on another one.
    pub moved: Vec<(Key, usize)>,
}

impl Alignment {
    /// Aligns a log, record by record; `replays`: from this place of the log on a restart was
    /// recorded before this hop.
    pub fn of(
        columns: &Columns<'_>,
        encoding: &Encoding,
        expected: &[Expected],
        log: &[Logged<'_>],
        replays: Option<usize>,
    ) -> Result<Self, NotOfType> {
        let mut matcher = Matcher::of(columns, encoding, expected);
        let mut alignment = Self { seen: vec![None; expected.len()], ..Self::default() };
        for (place, logged) in log.iter().enumerate() {
            match matcher.find(logged)? {
                Some(expected) => {
                    let order = Order::Right;
                    alignment.matches.push(Match { logged: place, expected, order });
                }
                None => alignment.unexplained.push(place),
            }
        }
        alignment.order(expected, log, replays);
        alignment.find_moved(log);
        Ok(alignment)
    }

    /// Decides for each match how it stands in the order of its partition.
    fn order(&mut self, expected: &[Expected], log: &[Logged<'_>], replays: Option<usize>) {
        let partition = |place: usize| log.get(place).map_or(0, |logged| logged.record.partition);
        let is_read = |place: usize| expected.get(place).is_some_and(|e| e.part == Part::Read);
        let mut partitions = BTreeMap::<i32, Partition>::new();
        for found in self.matches.iter().filter(|found| !is_read(found.expected)) {
            let state = partitions.entry(partition(found.logged)).or_default();
            state.ranks.push(found.expected);
        }
        for state in partitions.values_mut() {
            state.ranks.sort_unstable();
            state.ranks.dedup();
        }
        for found in &mut self.matches {
            let state = partitions.entry(partition(found.logged)).or_default();
            let replays = replays.is_some_and(|from| found.logged >= from);
            found.order = if is_read(found.expected) {
                let seen = self.seen.get(found.expected).is_some_and(Option::is_some);
                state.read(seen, replays)
            } else {
                state.stream(found.expected, &self.seen, replays)
            };
            if let Some(seen) = self.seen.get_mut(found.expected) {
                seen.get_or_insert(found.logged);
            }
        }
    }

    fn find_moved(&mut self, log: &[Logged<'_>]) {
        let mut homes = BTreeMap::<&Key, i32>::new();
        let mut moved = BTreeMap::<&Key, usize>::new();
        for (place, logged) in log.iter().enumerate() {
            let Some(key) = &logged.key else { continue };
            let home = *homes.entry(key).or_insert(logged.record.partition);
            if home != logged.record.partition {
                moved.entry(key).or_insert(place);
            }
        }
        self.moved = moved.into_iter().map(|(key, place)| (key.clone(), place)).collect();
    }
}

/// Where one partition stands.
#[derive(Default)]
struct Partition {
    /// The expected records that this partition holds, in order.
    ranks: Vec<usize>,
    runs: Runs,
    streams: bool,
}

impl Partition {
    /// The rows of a snapshot have no order among themselves, but all come before the stream.
    fn read(&self, seen: bool, replays: bool) -> Order {
        match (seen, replays) {
            (true, true) => Order::Replayed,
            (true, false) => Order::Repeated,
            (false, _) if self.streams => Order::Late,
            (false, _) => Order::Right,
        }
    }

    fn stream(&mut self, expected: usize, seen: &[Option<usize>], replays: bool) -> Order {
        self.streams = true;
        let was_seen = |place: usize| seen.get(place).is_some_and(Option::is_some);
        let rank = self.ranks.partition_point(|place| *place < expected);
        let step = self.runs.look(rank);
        let order = match (step, was_seen(expected)) {
            (Step::Next, false) => Order::Right,
            // A hole of records that were never seen is their loss, and told there; a hole of
            // records that were seen tears a replay.
            (Step::Skip, _) => {
                let mut hole = self.ranks.get(self.runs.skipped(rank)).into_iter().flatten();
                if hole.any(|place| was_seen(*place)) { Order::Late } else { Order::Right }
            }
            (Step::Back | Step::Behind, false) => return Order::Late,
            (Step::Next | Step::Back, true) if replays => Order::Replayed,
            (Step::Next | Step::Back | Step::Behind, true) => return Order::Repeated,
        };
        self.runs.take(rank);
        order
    }
}

/// Finds what each record should be.
struct Matcher<'a> {
    columns: &'a Columns<'a>,
    encoding: &'a Encoding,
    expected: &'a [Expected],
    reads: BTreeMap<Option<&'a Key>, Vec<usize>>,
    streamed: BTreeMap<(Xid, Lsn), Vec<usize>>,
    tombstones: BTreeMap<&'a Key, Vec<usize>>,
    /// The tombstone that belongs to the delete seen last, by partition and key.
    following: BTreeMap<(i32, &'a Key), usize>,
    taken: Vec<bool>,
}

impl<'a> Matcher<'a> {
    fn of(columns: &'a Columns<'a>, encoding: &'a Encoding, expected: &'a [Expected]) -> Self {
        let mut matcher = Self {
            columns,
            encoding,
            expected,
            reads: BTreeMap::new(),
            streamed: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            following: BTreeMap::new(),
            taken: vec![false; expected.len()],
        };
        for (place, wanted) in expected.iter().enumerate() {
            match (&wanted.change, &wanted.key) {
                (None, key) => matcher.reads.entry(key.as_ref()).or_default().push(place),
                (Some(_), Some(key)) if wanted.part == Part::Tombstone => {
                    matcher.tombstones.entry(key).or_default().push(place);
                }
                (Some(change), _) => {
                    let identity = (change.xid, change.lsn);
                    matcher.streamed.entry(identity).or_default().push(place);
                }
            }
        }
        matcher
    }

    fn find(&mut self, logged: &Logged<'_>) -> Result<Option<usize>, NotOfType> {
        let found = match &logged.message.body {
            Body::Tombstone => self.tombstone(logged),
            Body::Envelope(envelope) => {
                match (envelope.op, envelope.source.xid, envelope.source.lsn) {
                    (Op::Message, ..) => None,
                    (Op::Read, ..) => self.read(logged, envelope.after.as_ref())?,
                    (op, Some(xid), Some(lsn)) => {
                        self.change(logged, op, (xid, lsn), envelope.after.as_ref())?
                    }
                    (Op::Create | Op::Update | Op::Delete | Op::Truncate, ..) => None,
                }
            }
        };
        let Some(place) = found else { return Ok(None) };
        if let Some(taken) = self.taken.get_mut(place) {
            *taken = true;
        }
        self.expect_tombstone(logged, place);
        Ok(Some(place))
    }

    fn is_free(&self, place: usize) -> bool {
        self.taken.get(place).is_some_and(|taken| !taken)
    }

    /// The first that is not taken yet, else the last: a repeat of it.
    fn first_free(&self, places: &[usize]) -> Option<usize> {
        places.iter().find(|place| self.is_free(**place)).or(places.last()).copied()
    }

    fn part(&self, place: usize) -> Option<&'a Expected> {
        self.expected.get(place)
    }

    fn expect_tombstone(&mut self, logged: &Logged<'_>, place: usize) {
        let Some(Expected { part: Part::Delete, key: Some(key), .. }) = self.part(place) else {
            return;
        };
        if self.part(place + 1).is_some_and(|next| next.part == Part::Tombstone) {
            self.following.insert((logged.record.partition, key), place + 1);
        }
    }

    fn tombstone(&mut self, logged: &Logged<'_>) -> Option<usize> {
        let key = logged.key.as_ref()?;
        let (key, places) = self.tombstones.get_key_value(key)?;
        let following = self.following.remove(&(logged.record.partition, key));
        following.or_else(|| self.first_free(places))
    }

    fn read(
        &self,
        logged: &Logged<'_>,
        after: Option<&Row<'_>>,
    ) -> Result<Option<usize>, NotOfType> {
        let Some(places) = self.reads.get(&logged.key.as_ref()) else { return Ok(None) };
        if self.columns.is_keyed() {
            return Ok(self.first_free(places));
        }
        // Without a key a row is known by its values only.
        let mut alike = Vec::new();
        for place in places {
            if self.shows(*place, after)? {
                alike.push(*place);
            }
        }
        Ok(self.first_free(&alike))
    }

    fn change(
        &self,
        logged: &Logged<'_>,
        op: Op,
        identity: (Xid, Lsn),
        after: Option<&Row<'_>>,
    ) -> Result<Option<usize>, NotOfType> {
        let Some(places) = self.streamed.get(&identity) else { return Ok(None) };
        let has = |place: &usize, op: Option<Op>, key: bool| {
            self.part(*place).is_some_and(|wanted| {
                (op.is_none() || wanted.part.op() == op) && (!key || wanted.key == logged.key)
            })
        };
        let exact = places.iter().copied().filter(|place| has(place, Some(op), true));
        let exact = exact.collect::<Vec<_>>();
        if exact.len() > 1 && !self.columns.is_keyed() {
            for place in &exact {
                if self.is_free(*place) && self.shows(*place, after)? {
                    return Ok(Some(*place));
                }
            }
        }
        if !exact.is_empty() {
            return Ok(self.first_free(&exact));
        }
        // A record whose operation or key is wrong is still the one of its position.
        let of_op = places.iter().copied().filter(|place| has(place, Some(op), false));
        let of_op = of_op.collect::<Vec<_>>();
        let of_key = places.iter().copied().filter(|place| has(place, None, true));
        let of_key = of_key.collect::<Vec<_>>();
        Ok(self.first_free(&of_op).or_else(|| self.first_free(&of_key)))
    }

    fn shows(&self, place: usize, row: Option<&Row<'_>>) -> Result<bool, NotOfType> {
        match (self.part(place).and_then(|wanted| wanted.after.as_ref().map(|a| (wanted, a))), row)
        {
            (Some((wanted, after)), Some(row)) => {
                self.columns.shows(&wanted.columns, after, row, self.encoding)
            }
            (None, None) => Ok(true),
            (Some(_), None) | (None, Some(_)) => Ok(false),
        }
    }
}
