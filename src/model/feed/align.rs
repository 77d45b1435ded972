//! Aligns a recorded topic with the records it must hold.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Streaming changes" (records are written in
//! the order in which they were generated) and "Behavior when things go wrong" (at least once
//! after a fault). Seen on 3.6.3 (scenario `language/a-killed-worker`).

use std::collections::BTreeMap;

use super::{Columns, Expected, Logged, NotOfType, Part, lsn};
use crate::base::position::{Lsn, Xid};
use crate::codec::debezium::{Body, Encoding, Envelope, Op, Row};
use crate::model::key::Key;
use crate::model::runs::{Runs, Step};

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

impl Order {
    /// Of a record that has no place among the others.
    fn unordered(seen: bool, replays: bool) -> Self {
        match (seen, replays) {
            (true, true) => Self::Replayed,
            (true, false) => Self::Repeated,
            (false, _) => Self::Right,
        }
    }
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

    /// Decides for each match how it stands in the order of its partition. Rows of a snapshot that
    /// stand side by side in the list have no order among themselves, and one place in it.
    fn order(&mut self, expected: &[Expected], log: &[Logged<'_>], replays: Option<usize>) {
        let partition = |place: usize| log.get(place).map_or(0, |logged| logged.record.partition);
        let part = |place: usize| expected.get(place).map(|wanted| wanted.part);
        let is_read = |place: usize| part(place) == Some(Part::Read);
        // A tombstone without key does not say which delete it belongs to; and what is written
        // again without key may go to another partition than before.
        let is_nameless = |place: usize| {
            let keyless = expected.get(place).is_some_and(|wanted| wanted.key.is_none());
            keyless && (replays.is_some() || part(place) == Some(Part::Tombstone))
        };
        let anchors = anchors(expected);
        let anchor = |place: usize| anchors.get(place).copied().unwrap_or(place);
        let groups = groups(expected);
        let mut partitions = BTreeMap::<i32, Partition>::new();
        for found in self.matches.iter().filter(|found| !is_nameless(found.expected)) {
            let state = partitions.entry(partition(found.logged)).or_default();
            state.ranks.push((anchor(found.expected), is_read(found.expected)));
        }
        for state in partitions.values_mut() {
            state.ranks.sort_unstable();
            state.ranks.dedup();
        }
        for found in &mut self.matches {
            let state = partitions.entry(partition(found.logged)).or_default();
            let replays = replays.is_some_and(|from| found.logged >= from);
            let seen = self.seen.get(found.expected).is_some_and(Option::is_some);
            found.order = if is_nameless(found.expected) {
                Order::unordered(seen, replays)
            } else if is_read(found.expected) {
                state.read(anchor(found.expected), (seen, replays))
            } else {
                state.stream(found.expected, &self.seen, replays)
            };
            let group = expected.get(found.expected).and_then(|wanted| wanted.group);
            let group = group.and_then(|group| groups.get(&group)).map(Vec::as_slice);
            for place in group.unwrap_or(&[found.expected]) {
                if let Some(seen) = self.seen.get_mut(*place) {
                    seen.get_or_insert(found.logged);
                }
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

/// The place in the order of each expected record: of rows of a snapshot that stand side by side the
/// first of them.
fn anchors(expected: &[Expected]) -> Vec<usize> {
    let mut anchors = Vec::with_capacity(expected.len());
    let mut first = None;
    for (place, wanted) in expected.iter().enumerate() {
        first = (wanted.part == Part::Read).then(|| first.unwrap_or(place));
        anchors.push(first.unwrap_or(place));
    }
    anchors
}

/// The places of the rows of which one is read.
fn groups(expected: &[Expected]) -> BTreeMap<u32, Vec<usize>> {
    let mut groups = BTreeMap::<_, Vec<usize>>::new();
    for (place, wanted) in expected.iter().enumerate() {
        if let Some(group) = wanted.group {
            groups.entry(group).or_default().push(place);
        }
    }
    groups
}

/// Where one partition stands.
#[derive(Default)]
struct Partition {
    /// The places in the order that this partition holds, and whether a snapshot's rows are there.
    ranks: Vec<(usize, bool)>,
    runs: Runs,
    /// How far it came: the ranks below were there, or are lost.
    reached: usize,
}

impl Partition {
    fn rank(&self, anchor: usize) -> usize {
        self.ranks.partition_point(|(place, _)| *place < anchor)
    }

    /// A replay does not bring the rows of a snapshot back, so that they leave no hole in it.
    fn look(&self, rank: usize) -> Step {
        let step = self.runs.look(rank);
        let skipped = self.ranks.get(self.runs.skipped(rank)).unwrap_or_default();
        match step {
            Step::Skip if skipped.iter().all(|(_, is_read)| *is_read) => Step::Next,
            Step::Next | Step::Skip | Step::Back | Step::Behind => step,
        }
    }

    /// The rows of a snapshot come before all that is streamed behind it.
    fn read(&mut self, anchor: usize, (seen, replays): (bool, bool)) -> Order {
        let rank = self.rank(anchor);
        let behind = matches!(self.runs.look(rank + 1), Step::Back | Step::Behind);
        if !seen && behind {
            return Order::Late;
        }
        if !seen && matches!(self.runs.look(rank), Step::Next | Step::Skip) {
            self.runs.take(rank);
            self.reached = self.reached.max(rank + 1);
        }
        Order::unordered(seen, replays)
    }

    fn stream(&mut self, expected: usize, seen: &[Option<usize>], replays: bool) -> Order {
        let was_seen = |place: usize| seen.get(place).is_some_and(Option::is_some);
        let rank = self.rank(expected);
        let step = self.look(rank);
        // A hole of records that were never seen is their loss, and told there; a hole of records
        // that this partition had already tears a replay.
        let had = self.runs.skipped(rank).start..rank.min(self.reached);
        let had = self.ranks.get(had).unwrap_or_default();
        let tears = replays && had.iter().any(|(_, is_read)| !is_read);
        let order = match (step, was_seen(expected)) {
            (Step::Skip, _) if tears => Order::Late,
            (Step::Next | Step::Skip, false) => Order::Right,
            (Step::Back | Step::Behind, false) => return Order::Late,
            (Step::Next | Step::Back, true) if replays => Order::Replayed,
            (Step::Next | Step::Skip | Step::Back | Step::Behind, true) => return Order::Repeated,
        };
        self.runs.take(rank);
        self.reached = self.reached.max(rank + 1);
        order
    }
}

/// Finds what each record should be.
struct Matcher<'a> {
    columns: &'a Columns<'a>,
    encoding: &'a Encoding,
    expected: &'a [Expected],
    /// By their primary keys.
    reads: BTreeMap<Option<&'a Key>, Vec<usize>>,
    streamed: BTreeMap<(Xid, Lsn), Vec<usize>>,
    tombstones: BTreeMap<Option<&'a Key>, Vec<usize>>,
    /// Every place of a key.
    lives: BTreeMap<Option<&'a Key>, Vec<usize>>,
    /// What was seen last of a key on a partition.
    last: BTreeMap<(i32, Option<&'a Key>), usize>,
    /// How far the stream came on a partition.
    reached: BTreeMap<i32, usize>,
    groups: BTreeMap<u32, Vec<usize>>,
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
            lives: BTreeMap::new(),
            last: BTreeMap::new(),
            reached: BTreeMap::new(),
            groups: groups(expected),
            taken: vec![false; expected.len()],
        };
        for (place, wanted) in expected.iter().enumerate() {
            let key = wanted.key.as_ref();
            matcher.lives.entry(key).or_default().push(place);
            match &wanted.change {
                None => matcher.reads.entry(wanted.row.as_ref()).or_default().push(place),
                Some(_) if wanted.part == Part::Tombstone => {
                    matcher.tombstones.entry(key).or_default().push(place);
                }
                Some(change) => {
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
                    (Op::Read, ..) => self.read(logged, envelope)?,
                    (op, Some(xid), Some(lsn)) => {
                        self.change(logged, op, (xid, lsn), envelope.after.as_ref())?
                    }
                    (Op::Create | Op::Update | Op::Delete | Op::Truncate, ..) => None,
                }
            }
        };
        let Some(place) = found else { return Ok(None) };
        let group = self.part(place).and_then(|wanted| wanted.group);
        let group = group.and_then(|group| self.groups.get(&group)).map(Vec::as_slice);
        for place in group.unwrap_or(&[place]) {
            if let Some(taken) = self.taken.get_mut(*place) {
                *taken = true;
            }
        }
        if let Some(wanted) = self.part(place) {
            let reached = self.reached.entry(logged.record.partition).or_default();
            *reached = (*reached).max(place);
            self.last.insert((logged.record.partition, wanted.key.as_ref()), place);
        }
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

    /// A tombstone says its key only: it belongs to the delete before it. One that follows another is the
    /// next of its key, where nothing else of the key comes between them, and else that one again. Without
    /// a key it may stand on another partition than its delete.
    fn tombstone(&self, logged: &Logged<'_>) -> Option<usize> {
        let key = logged.key.as_ref();
        let is_tombstone =
            |place: &usize| self.part(*place).is_some_and(|wanted| wanted.part == Part::Tombstone);
        let last = self.last.get(&(logged.record.partition, key)).copied();
        let last = last.filter(|_| key.is_some());
        let near = last.and_then(|last| match self.part(last)?.part {
            Part::Delete => Some(last + 1),
            Part::Tombstone => {
                let next = self.next_of_key(last).filter(is_tombstone);
                next.filter(|next| self.is_free(*next)).or(Some(last))
            }
            Part::Read | Part::Create | Part::Update | Part::Truncate => None,
        });
        near.filter(is_tombstone).or_else(|| self.first_free(self.tombstones.get(&key)?))
    }

    /// The place of what comes next of the same key.
    fn next_of_key(&self, place: usize) -> Option<usize> {
        let life = self.lives.get(&self.part(place)?.key.as_ref())?;
        life.get(life.partition_point(|other| *other <= place)).copied()
    }

    fn read(
        &self,
        logged: &Logged<'_>,
        envelope: &Envelope<'_>,
    ) -> Result<Option<usize>, NotOfType> {
        let after = envelope.after.as_ref();
        if envelope.source.is_incremental() {
            return self.chunk_read(logged, after);
        }
        if !self.columns.table.key.is_empty() {
            return Ok(self.keyed_read(logged, envelope));
        }
        // Without a primary key a row is known by its values only.
        let mut alike = Vec::new();
        for place in self.reads_of(None, Some(envelope)) {
            if self.shows(place, after)? {
                alike.push(place);
            }
        }
        Ok(self.first_free(&alike))
    }

    /// The rows of snapshots with this primary key: of the one whose point the record names, if there
    /// is such; without a record those of incremental snapshots.
    fn reads_of(&self, row: Option<&Key>, of: Option<&Envelope<'_>>) -> Vec<usize> {
        let shot = |place: usize| self.part(place).and_then(|wanted| wanted.shot);
        let all = self.reads.get(&row).map_or(&[][..], Vec::as_slice).iter().copied();
        let all = all.filter(|place| shot(*place).is_some() == of.is_some()).collect::<Vec<_>>();
        let Some(point) = of.and_then(|envelope| envelope.source.lsn) else { return all };
        let own = all.iter().copied().filter(|place| shot(*place) == Some(point));
        let own = own.collect::<Vec<_>>();
        if own.is_empty() { all } else { own }
    }

    /// A row of an incremental snapshot belongs to the first window that the stream has not left
    /// behind on its partition, of those whose row it shows.
    fn chunk_read(
        &self,
        logged: &Logged<'_>,
        after: Option<&Row<'_>>,
    ) -> Result<Option<usize>, NotOfType> {
        let captured =
            |row| self.columns.of_record(None, row).image_row(row, self.encoding).ok()?;
        let row = after.and_then(captured);
        let Some(row) = row.or_else(|| self.row_of_key(logged)) else { return Ok(None) };
        let places = self.reads_of(Some(&row), None);
        let mut alike = Vec::new();
        for place in &places {
            if self.shows(*place, after)? {
                alike.push(*place);
            }
        }
        let reached = self.reached.get(&logged.record.partition).copied().unwrap_or_default();
        let is_ahead = |place: &usize| *place >= reached || self.is_beside(*place, reached);
        for candidates in [&alike, &places] {
            let free = candidates.iter().copied().filter(|place| self.is_free(*place));
            let free = free.collect::<Vec<_>>();
            let ahead = free.iter().copied().find(is_ahead);
            if let Some(place) = ahead.or(free.last().copied()) {
                return Ok(Some(place));
            }
        }
        // A repeat is one of what was there: taken for a row of a later window, it would leave all
        // that is streamed before that window behind.
        let repeated = |places: &[usize]| {
            let was_there = places.iter().rev().find(|place| **place <= reached);
            was_there.or(places.first()).copied()
        };
        Ok(repeated(&alike).or_else(|| repeated(&places)))
    }

    /// Only rows of snapshots stand between the two places.
    fn is_beside(&self, from: usize, to: usize) -> bool {
        let between = self.expected.get(from..=to).unwrap_or_default();
        between.iter().all(|wanted| wanted.part == Part::Read)
    }

    /// Where the record's key and its row name different rows, the row counts.
    fn keyed_read(&self, logged: &Logged<'_>, envelope: &Envelope<'_>) -> Option<usize> {
        let after = envelope.after.as_ref();
        let columns = self.columns.at(envelope.source.lsn.unwrap_or_default());
        let shown = after.and_then(|row| columns.image_row(row, self.encoding).ok()?);
        let named = self.row_of_key(logged);
        let of = |row: &Option<Key>| {
            self.first_free(&self.reads_of(Some(row.as_ref()?), Some(envelope)))
        };
        let candidates = [of(&shown), of(&named)];
        let mut candidates = candidates.into_iter().flatten();
        let first = candidates.next()?;
        Some(if self.is_free(first) {
            first
        } else {
            candidates.find(|c| self.is_free(*c)).unwrap_or(first)
        })
    }

    /// The row that a record's key names.
    fn row_of_key(&self, logged: &Logged<'_>) -> Option<Key> {
        let key = logged.message.key.as_ref()?;
        let columns = self.columns.of_record(lsn(&logged.message), key);
        columns.captured_row(key, self.encoding).ok()?
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
        if exact.len() > 1 && !self.columns.key_names_row() {
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
                let columns = self.columns.at(wanted.lsn);
                columns.shows(&wanted.columns, after, row, self.encoding)
            }
            (None, None) => Ok(true),
            (Some(_), None) | (None, Some(_)) => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A partition that holds these places, rows of snapshots (`true`) and changes.
    fn partition(ranks: &[bool]) -> Partition {
        let ranks = ranks.iter().copied().enumerate().collect();
        Partition { ranks, ..Partition::default() }
    }

    /// Takes changes in turn that were not seen before.
    fn take(partition: &mut Partition, changes: &[usize]) {
        for change in changes {
            assert_eq!(partition.stream(*change, &[], false), Order::Right);
        }
    }

    const SEEN: [Option<usize>; 4] = [Some(0); 4];

    #[test]
    fn a_replay_need_not_bring_the_rows_of_a_snapshot_back() {
        let mut partition = partition(&[false, true, false]);
        take(&mut partition, &[0]);
        assert_eq!(partition.read(1, (false, false)), Order::Right);
        take(&mut partition, &[2]);
        for change in [0, 2] {
            assert_eq!(partition.stream(change, &SEEN, true), Order::Replayed);
        }
    }

    #[test]
    fn a_replay_must_bring_back_what_stands_between() {
        let mut partition = partition(&[false; 3]);
        take(&mut partition, &[0, 1, 2]);
        assert_eq!(partition.stream(0, &SEEN, true), Order::Replayed);
        assert_eq!(partition.stream(2, &SEEN, true), Order::Late);
    }

    #[test]
    fn what_was_never_there_tears_no_replay() {
        let mut lost = partition(&[false; 3]);
        take(&mut lost, &[0]);
        assert_eq!(lost.stream(2, &[], true), Order::Right);
        let mut shown = partition(&[true, false, false]);
        assert_eq!(shown.read(0, (false, false)), Order::Right);
        assert_eq!(shown.stream(2, &[], true), Order::Right);
    }

    #[test]
    fn a_hole_without_a_restart_is_a_loss_and_no_tear() {
        let mut partition = partition(&[false; 4]);
        take(&mut partition, &[0, 1, 2]);
        assert_eq!(partition.stream(0, &SEEN, true), Order::Replayed);
        // The change itself was never seen, and another one before it is left out.
        assert_eq!(partition.stream(3, &[], false), Order::Right);
    }

    #[test]
    fn a_change_behind_the_row_of_a_snapshot_that_belongs_behind_it_is_late() {
        let mut partition = partition(&[true, false, true]);
        assert_eq!(partition.read(0, (false, false)), Order::Right);
        assert_eq!(partition.read(2, (false, false)), Order::Right);
        assert_eq!(partition.stream(1, &[], false), Order::Late);
    }

    #[test]
    fn a_row_of_a_snapshot_behind_a_change_that_belongs_behind_it_is_late() {
        let mut partition = partition(&[true, false]);
        take(&mut partition, &[1]);
        assert_eq!(partition.read(0, (false, false)), Order::Late);
        assert_eq!(partition.read(0, (true, false)), Order::Repeated);
        assert_eq!(partition.read(0, (true, true)), Order::Replayed);
    }

    #[test]
    fn a_further_row_of_a_snapshot_leaves_the_run_as_it_is() {
        let mut partition = partition(&[false, true]);
        take(&mut partition, &[0]);
        for _ in 0..2 {
            assert_eq!(partition.read(1, (false, false)), Order::Right);
        }
        assert_eq!(partition.stream(0, &SEEN, true), Order::Replayed);
    }
}
