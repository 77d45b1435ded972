//! A slow and obvious judge of one topic, written from the definitions: every record is compared
//! with every other. It knows the records that must be there, and nothing of the fast checkers.

use std::collections::BTreeSet;

use changeproof::base::anomaly::Anomaly;

use super::legal::{Emit, Log};

/// A finding: its name, its key, and the record it stands at (partition, offset).
pub(crate) type Told = BTreeSet<(Anomaly, Option<String>, Option<(i32, i64)>)>;

/// A record of the log: where it stands, and which of the expected records it is.
struct Found<'a> {
    partition: i32,
    offset: i64,
    emit: &'a Emit,
    is: Option<usize>,
    /// It came before: where it stands now says nothing of the order of others.
    again: bool,
}

struct Judge<'a> {
    snapshot: bool,
    /// A key names one row.
    keyed: bool,
    expected: &'a [Emit],
    log: Vec<Found<'a>>,
    told: Told,
}

/// Everything that is wrong with a log; `snapshot`: the connector takes one; `keyed`: a key names
/// one row.
pub(crate) fn judge((snapshot, keyed): (bool, bool), expected: &[Emit], log: &Log) -> Told {
    let mut judge = Judge { snapshot, keyed, expected, log: Vec::new(), told: Told::new() };
    for (partition, emit) in log {
        let before = judge.log.iter().filter(|found| found.partition == *partition).count();
        let is = judge.identify(*partition, emit);
        let offset = i64::try_from(before).unwrap();
        let again = is.is_some() && judge.log.iter().any(|found| found.is == is);
        judge.log.push(Found { partition: *partition, offset, emit, is, again });
    }
    for place in 0..judge.expected.len() {
        judge.lost(place);
    }
    for n in 0..judge.log.len() {
        judge.record(n);
    }
    judge.moved();
    judge.told
}

impl Judge<'_> {
    /// Which expected record this is: what names the same transaction, LSN, operation and key; a
    /// tombstone belongs to the delete before it.
    fn identify(&self, partition: i32, emit: &Emit) -> Option<usize> {
        if emit.op == 'n' {
            return self.tombstone(partition, emit.key);
        }
        let all = self.expected.iter().enumerate();
        let same = |other: &Emit| (other.xid, other.lsn) == (emit.xid, emit.lsn);
        let fits = |other: &Emit| match emit.op {
            'r' => other.op == 'r' && other.key == emit.key,
            _ => other.op == emit.op && other.key == emit.key && same(other),
        };
        let same_row = |other: &Emit| self.keyed || other.after == emit.after;
        let candidates = all.filter(|(_, other)| fits(other));
        let candidates = candidates.map(|(place, _)| place).collect::<Vec<_>>();
        let alike = candidates.iter().copied().filter(|place| same_row(&self.expected[*place]));
        let alike = alike.collect::<Vec<_>>();
        let named = if emit.op == 'r' { alike } else { candidates };
        let fresh = named.iter().find(|place| !self.is_seen(**place));
        fresh.or(named.last()).copied()
    }

    fn tombstone(&self, partition: i32, key: Option<i64>) -> Option<usize> {
        let own = |found: &&Found<'_>| found.partition == partition && found.is.is_some();
        let of_key = |found: &&Found<'_>| self.expected[found.is.unwrap()].key == key;
        let last = self.log.iter().filter(own).rfind(of_key).and_then(|f| f.is);
        let is_tombstone = |place: &usize| self.expected.get(*place).is_some_and(|e| e.op == 'n');
        let near = last.and_then(|last| match self.expected[last].op {
            'd' => Some(last + 1),
            'n' => Some(last),
            _ => None,
        });
        if let Some(near) = near.filter(is_tombstone).filter(|_| key.is_some()) {
            return Some(near);
        }
        let all = (0..self.expected.len()).filter(is_tombstone);
        let all = all.filter(|place| self.expected[*place].key == key).collect::<Vec<_>>();
        all.iter().find(|place| !self.is_seen(**place)).or(all.last()).copied()
    }

    fn is_seen(&self, place: usize) -> bool {
        self.log.iter().any(|found| found.is == Some(place))
    }

    fn tell(&mut self, anomaly: Anomaly, key: Option<i64>, record: Option<(i32, i64)>) {
        self.told.insert((anomaly, key.map(|key| key.to_string()), record));
    }

    /// An expected record that never came.
    fn lost(&mut self, place: usize) {
        if self.is_seen(place) {
            return;
        }
        let wanted = &self.expected[place];
        if self.is_in_gap(place) {
            let first = (0..place).all(|other| self.expected[other].lsn != wanted.lsn);
            if first {
                self.tell(Anomaly::SnapshotGap, wanted.key, None);
            }
            return;
        }
        if wanted.op == 't' {
            return;
        }
        let own = |other: &Emit| (other.xid, other.lsn) == (wanted.xid, wanted.lsn);
        let anomaly = if wanted.rekey {
            let parts = (0..self.expected.len()).filter(|other| own(&self.expected[*other]));
            let parts = parts.collect::<Vec<_>>();
            match parts.iter().any(|part| self.is_seen(*part)) {
                true => Anomaly::SplitKeyChange,
                false if parts.last() == Some(&place) => Anomaly::LostChange,
                false => return,
            }
        } else {
            match wanted.op {
                'd' => Anomaly::LostDelete,
                'n' if self.is_seen(place - 1) => Anomaly::MissingTombstone,
                'n' => return,
                _ => Anomaly::LostChange,
            }
        };
        self.tell(anomaly, wanted.key, None);
    }

    /// The change came after the snapshot, and nothing before the next that came was streamed.
    fn is_in_gap(&self, place: usize) -> bool {
        let streamed = |place: usize| self.expected[place].op != 'r';
        let lsn = |place: usize| self.expected[place].lsn;
        let seen =
            (0..self.expected.len()).filter(|other| streamed(*other) && self.is_seen(*other));
        let first = seen.into_iter().next();
        let before = first.is_some_and(|first| place < first && lsn(place) != lsn(first));
        self.snapshot && streamed(place) && before
    }

    /// A record that came: again, too late, or with another image.
    fn record(&mut self, n: usize) {
        let Found { partition, offset, emit, is, again } = self.log[n];
        let at = Some((partition, offset));
        let Some(place) = is else { return self.tell(Anomaly::PhantomChange, emit.key, at) };
        let wanted = &self.expected[place];
        let earlier = &self.log[..n];
        let passed = |other: &Found<'_>| {
            let wanted = other.is.map(|other| &self.expected[other]);
            let ordered = wanted.is_some_and(|other| other.op != 'r' && has_order(other));
            other.partition == partition && other.is > is && ordered && !other.again
        };
        let late = !again && has_order(wanted) && earlier.iter().any(passed);
        let deleted = |other: &Found<'_>| {
            // A tombstone says too that the row is gone.
            let delete = |wanted: &Emit| matches!(wanted.op, 'd' | 'n');
            let delete = other.is.is_some_and(|other| delete(&self.expected[other]));
            delete && other.is > is && self.expected[other.is.unwrap()].key == wanted.key
        };
        let image = matches!(wanted.op, 'r' | 'c' | 'u') && self.keyed;
        let back = (again || late) && image && earlier.iter().any(deleted);
        if back {
            self.tell(Anomaly::ResurrectedRow, wanted.key, at);
        } else if late {
            self.tell(Anomaly::ReorderedKey, wanted.key, at);
        } else if again && !self.follows_repeated_delete(n, place) {
            self.tell(Anomaly::DuplicateChange, wanted.key, at);
        }
        if emit.after != wanted.after {
            self.tell(Anomaly::WrongValue, wanted.key, at);
        }
    }

    /// A repeated delete takes its tombstone along.
    fn follows_repeated_delete(&self, n: usize, place: usize) -> bool {
        let mut repeated = (0..n).filter(|m| {
            let is = self.log[*m].is;
            let delete = is.is_some_and(|is| self.expected[is].op == 'd');
            delete && self.log[..*m].iter().any(|other| other.is == is)
        });
        let last = repeated.next_back().and_then(|m| self.log[m].is);
        self.expected[place].op == 'n' && last.is_some_and(|last| last + 1 == place)
    }

    /// Keys on more than one partition: told at the first record on another one.
    fn moved(&mut self) {
        let mut moved = Vec::new();
        for (n, found) in self.log.iter().enumerate() {
            let Some(key) = found.emit.key else { continue };
            let own = |other: &&Found<'_>| other.emit.key == Some(key);
            let home = self.log.iter().find(own).unwrap().partition;
            let before = self.log[..n].iter().filter(own);
            if found.partition != home && before.into_iter().all(|other| other.partition == home) {
                moved.push((key, (found.partition, found.offset)));
            }
        }
        for (key, at) in moved {
            self.tell(Anomaly::MovedKey, Some(key), Some(at));
        }
    }
}

/// A tombstone without key says nothing of which delete it belongs to, and has no order.
fn has_order(wanted: &Emit) -> bool {
    wanted.op != 'n' || wanted.key.is_some()
}
