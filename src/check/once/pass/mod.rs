//! The pass itself: every change of the journal owes its records, and every record must be the next
//! that its key owes.

mod journal;
mod spelling;
mod topics;
mod xids;

use std::collections::{BTreeMap, BTreeSet};

use super::super::excerpt::Excerpt;
use super::Stop;
use super::digest::{Digester, Id};
use super::frame::Frame;
use super::lives::{Due, Lives, Marks};
use super::partition::Partition;
use super::suspects::Suspects;
use crate::base::position::{Lsn, Xid};
use crate::history::event::{Event, Proof};
use crate::history::stream::{Seen, Stream};
use journal::Open;
use xids::Xids;

/// How many changes may be on their way to the topics at once, stand in one transaction, or be lacking.
const DUE_MAX: usize = 2_000_000;
/// How many records of a partition may wait for the journal.
const WAITING_MAX: usize = 1 << 16;
/// How many changes are held against the end of the snapshot.
const EARLY_MAX: usize = 4096;

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) events: u64,
    pub(super) transactions: u64,
    pub(super) changes: u64,
    pub(super) records: u64,
}

/// A change whose record has arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct First {
    seq: u64,
    pub(super) id: Id,
    pub(super) lsn: Lsn,
    /// The end of its transaction.
    pub(super) end: Lsn,
}

/// The pass.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) frame: Frame,
    pub(super) digester: Digester,
    pub(super) lives: Lives,
    pub(super) suspects: Suspects,
    /// By table and partition.
    pub(super) partitions: BTreeMap<(usize, i32), Partition>,
    pub(super) counted: Counted,
    /// Acknowledged commits that the journal has not shown yet.
    pub(super) lacking: BTreeSet<Xid>,
    open: Option<Open>,
    xids: Xids,
    last_commit: Option<Lsn>,
    seq: u64,
    /// The greatest LSN of the captured changes that were committed, and whose.
    highest: Option<(Lsn, Id)>,
    early: Vec<(i64, Id)>,
    /// The earliest of those that were not kept.
    later: Option<i64>,
    /// The first change in commit order whose record was streamed.
    pub(super) first: Option<First>,
    /// When the last row of the snapshot was written.
    read_until: Option<i64>,
    last_proof: Option<Proof>,
    may_repeat: bool,
    walsender: Option<i32>,
    /// How the keys of a table's topic are written.
    spellings: BTreeMap<usize, Vec<u8>>,
    due_max: usize,
    /// OIDs of tables that are not among the history's.
    others: BTreeSet<u32>,
    by_oid: BTreeMap<u32, usize>,
}

impl Pass {
    pub(super) fn new(frame: Frame) -> Self {
        let digester = Digester::new(frame.rules.encoding.clone());
        let tables = frame.tables.iter().enumerate();
        let by_oid = tables.map(|(place, table)| (table.oid, place)).collect();
        Self {
            frame,
            digester,
            lives: Lives::default(),
            suspects: Suspects::default(),
            partitions: BTreeMap::new(),
            counted: Counted::default(),
            lacking: BTreeSet::new(),
            open: None,
            xids: Xids::default(),
            last_commit: None,
            seq: 0,
            highest: None,
            early: Vec::new(),
            later: None,
            first: None,
            read_until: None,
            last_proof: None,
            may_repeat: false,
            walsender: None,
            spellings: BTreeMap::new(),
            due_max: DUE_MAX,
            others: BTreeSet::new(),
            by_oid,
        }
    }

    /// Reads the whole history.
    pub(super) fn run(&mut self, stream: &mut Stream<'_>) -> Result<(), Stop> {
        while let Some(seen) = stream.see()? {
            self.counted.events += 1;
            match seen {
                Seen::Wal { lsn, data, .. } => self.wal(lsn, data)?,
                Seen::Record(record) => self.record(&record)?,
                Seen::Other(event) => self.other(event)?,
            }
        }
        self.end()
    }

    fn other(&mut self, event: Event) -> Result<(), Stop> {
        match event {
            Event::Commit { xid, .. } if !self.xids.contains(xid.0) => {
                self.lacking.insert(xid);
                if self.lacking.len() > self.due_max {
                    return Err(Stop::refused("the journal lacks too many acknowledged commits"));
                }
            }
            Event::Tables { tables } if tables != self.frame.tables => {
                return Err(Stop::refused("the source tables were recorded twice"));
            }
            Event::Schema { .. } => return Err(Stop::refused("the records are in Avro")),
            Event::Reconfigured { .. } => {
                return Err(Stop::refused("the connector is reconfigured on the way"));
            }
            Event::Reshaped { .. } => {
                return Err(Stop::refused("the topics are changed on the way"));
            }
            Event::Fault { .. } => self.may_repeat = true,
            Event::Walsender { pid, .. } => {
                self.may_repeat |= self.walsender.is_some() && self.walsender != pid;
                self.walsender = pid.or(self.walsender);
            }
            Event::Proof(proof) => {
                let cut_off = proof.ends.iter().filter(|(t, _)| self.frame.topics.contains_key(*t));
                if cut_off.flat_map(|(_, ends)| ends).any(|(low, _)| *low > 0) {
                    return Err(Stop::refused("records were removed from a topic on the way"));
                }
                self.last_proof = Some(proof);
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Stop> {
        let places = self.partitions.keys().copied().collect::<Vec<_>>();
        for place in places {
            while self.partitions.get(&place).is_some_and(|p| !p.waiting.is_empty()) {
                self.settle_all(place, true)?;
            }
        }
        let proven = self.last_proof.as_ref().and_then(|proof| proof.last_commit_end);
        let is_due = |due: &Due| due.seq == 0 || proven.is_some_and(|last| due.end <= last);
        for life in self.lives.iter() {
            let owes = life.marks.has(Marks::OWES_READ);
            if owes || self.lives.due(life).any(|due| is_due(&due)) {
                self.suspects.add(life.id);
            }
        }
        let read_until = self.read_until;
        let is_early = |time: i64| read_until.is_some_and(|last| time < last);
        for (_, id) in self.early.iter().filter(|(time, _)| is_early(*time)) {
            self.suspects.witness([*id, *id]);
        }
        if self.later.is_some_and(is_early) {
            self.suspects.n_witnesses_left_out += 1;
        }
        Ok(())
    }

    /// What was seen of the keys that are not looked at more closely.
    pub(super) fn tell(&self, excerpt: &mut Excerpt) {
        excerpt.n_captured = usize::try_from(self.counted.changes).unwrap_or(usize::MAX);
        excerpt.read_until = self.read_until;
        let has_rows = self.partitions.values().any(|partition| partition.n_reads > 0);
        excerpt.point = has_rows.then_some(self.frame.point);
        for (topic, table) in &self.frame.topics {
            let own = self.partitions.range((*table, i32::MIN)..=(*table, i32::MAX));
            for ((_, partition), read) in own {
                if let Some(last_ms) = read.last_ms {
                    excerpt.was_read((topic, *partition), last_ms);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::check::testing::{Scene, image, xid};
    use crate::codec::pgoutput::write;
    use crate::scenario::timeline::{Fault, Target, Verb};

    fn pass() -> Pass {
        let frame = Frame::read(&mut Stream::of(&Scene::new(1).so_far()), None);
        Pass::new(frame.unwrap_or_else(|stop| panic!("{stop:?}")))
    }

    /// What a pass that holds three of each comes to.
    fn of_three(scene: &Scene) -> Option<String> {
        let mut pass = Pass { due_max: 3, ..pass() };
        match pass.run(&mut Stream::of(&scene.so_far())) {
            Ok(()) => None,
            Err(Stop::Refused(why)) => Some(why),
            Err(stop) => panic!("{stop:?}"),
        }
    }

    #[rstest]
    #[case::as_many_as_are_held(3, None)]
    #[case::one_more(4, Some("a transaction has too many changes to be held at once"))]
    fn the_changes_of_a_transaction_are_held_up_to_a_number(
        #[case] n: i64,
        #[case] refused: Option<&str>,
    ) {
        let mut scene = Scene::new(1);
        // The snapshot shows them, so that none is on its way.
        let (lsn, commit) = (Lsn(100), Lsn(104));
        let rows = (0..n).map(|id| write::insert(1, &image((id, "ann", 1, 1))));
        let end = write::commit(commit, Lsn(108), 0);
        for data in [write::begin(commit, 0, xid(lsn))].into_iter().chain(rows).chain([end]) {
            scene.events.push(Event::Wal { lsn, xid: xid(lsn), data });
        }
        assert_eq!(of_three(&scene).as_deref(), refused);
    }

    #[rstest]
    #[case::as_many_as_are_held(3, None)]
    #[case::one_more(4, Some("too many changes were on their way to the topics at once"))]
    fn changes_on_their_way_are_held_up_to_a_number(#[case] n: i64, #[case] refused: Option<&str>) {
        let mut scene = Scene::new(1);
        for id in 0..n {
            scene.commit(None, Some((id, "ann", 1, 1)));
        }
        assert_eq!(of_three(&scene).as_deref(), refused);
    }

    #[rstest]
    #[case::as_many_as_are_held(3, None)]
    #[case::one_more(4, Some("the journal lacks too many acknowledged commits"))]
    fn commits_that_the_journal_lacks_are_held_up_to_a_number(
        #[case] n: u32,
        #[case] refused: Option<&str>,
    ) {
        let mut scene = Scene::new(1);
        for xid in 1..=n {
            let (session, xid) = ("a".to_owned(), Xid(xid));
            scene.events.push(Event::Commit { entry: None, session, xid });
        }
        assert_eq!(of_three(&scene).as_deref(), refused);
    }

    #[test]
    fn a_pass_holds_as_many_as_its_limit_says() {
        assert_eq!(pass().due_max, 2_000_000);
    }

    #[rstest]
    #[case::the_same_reader(&[Some(7), Some(7)], false)]
    #[case::another_reader(&[Some(7), Some(8)], true)]
    #[case::no_reader_any_more(&[Some(7), None], true)]
    #[case::no_reader_yet(&[None, Some(7), Some(7)], false)]
    #[case::one_reader(&[Some(7)], false)]
    fn another_reader_of_the_slot_may_write_again(#[case] pids: &[Option<i32>], #[case] may: bool) {
        let mut pass = pass();
        for pid in pids {
            let event = Event::Walsender { slot: "s".to_owned(), pid: *pid };
            pass.other(event).unwrap_or_else(|stop| panic!("{stop:?}"));
        }
        assert_eq!(pass.may_repeat, may);
    }

    #[test]
    fn after_a_fault_what_was_written_may_be_written_again() {
        let mut pass = pass();
        let fault =
            Fault { verb: Verb::Kill, target: Target::Worker, savepoint: false, connector: None };
        let event = Event::Fault { entry: 0, fault, done_ms: None };
        pass.other(event).unwrap_or_else(|stop| panic!("{stop:?}"));
        assert!(pass.may_repeat);
    }
}
