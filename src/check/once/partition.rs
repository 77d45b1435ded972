//! One partition of a topic: how far it came in commit order, and what stood on it last.

use std::collections::VecDeque;

use super::digest::{Digest, Id};
use crate::base::position::{Lsn, Xid};
use crate::model::feed::Part;

/// How many of the last records of a partition are known by name.
const KNOWN: usize = 1 << 14;

/// A record, as far as it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Got {
    pub(super) id: Id,
    pub(super) part: Part,
    /// Zero where the record names none.
    pub(super) xid: Xid,
    pub(super) lsn: Lsn,
    pub(super) before: Digest,
    pub(super) after: Digest,
    /// Its key is where Kafka's default partitioner puts it.
    pub(super) at_default: bool,
}

/// A partition.
#[derive(Debug, Default)]
pub(super) struct Partition {
    /// Records whose change the journal has not shown yet, in their order.
    pub(super) waiting: VecDeque<Got>,
    /// How far it came.
    pub(super) seq: u64,
    /// The record that came so far.
    pub(super) at: Option<Id>,
    lsn: Lsn,
    known: VecDeque<(Id, Part, Xid, Lsn)>,
    /// Some are known no more.
    pub(super) forgot: bool,
    /// The first of those that wait was not there before.
    pub(super) first_is_new: bool,
    /// The last record was there before.
    pub(super) repeats: bool,
    /// When the last record that could be read was written, where the records say it.
    pub(super) last_ms: Option<i64>,
    pub(super) n_reads: u64,
}

impl Partition {
    /// A record has arrived that was not there before.
    pub(super) fn arrived(&mut self, got: &Got, seq: u64) {
        self.lsn = self.lsn.max(got.lsn);
        if self.known.len() == KNOWN {
            self.known.pop_front();
            self.forgot = true;
        }
        self.known.push_back((got.id, got.part, got.xid, got.lsn));
        if seq > self.seq {
            (self.seq, self.at) = (seq, Some(got.id));
        }
    }

    /// If a record was there before: the keys of what arrived from there on.
    pub(super) fn since(&self, got: &Got) -> Option<impl Iterator<Item = Id> + '_> {
        // What stands behind all that has arrived is new.
        if got.part != Part::Tombstone && got.lsn > self.lsn {
            return None;
        }
        let name = (got.id, got.part, got.xid, got.lsn);
        let place = self.known.iter().rposition(|known| *known == name)?;
        Some(self.known.iter().skip(place).map(|(id, ..)| *id))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn got(id: u64, part: Part, lsn: u64) -> Got {
        let (id, xid, lsn) = (Id(id, 0), Xid(1), Lsn(lsn));
        Got { id, part, xid, lsn, before: 0, after: 0, at_default: true }
    }

    fn since(partition: &Partition, got: &Got) -> Option<Vec<Id>> {
        partition.since(got).map(Iterator::collect)
    }

    /// A create, an update of another key, a delete and its tombstone.
    fn partition() -> Partition {
        let mut partition = Partition::default();
        partition.arrived(&got(1, Part::Create, 10), 1);
        partition.arrived(&got(2, Part::Update, 30), 3);
        partition.arrived(&got(1, Part::Delete, 20), 2);
        partition.arrived(&got(1, Part::Tombstone, 0), 4);
        partition
    }

    #[rstest]
    #[case::the_first(1, Part::Create, 10, Some(&[1, 2, 1, 1][..]))]
    #[case::the_farthest(2, Part::Update, 30, Some(&[2, 1, 1][..]))]
    #[case::a_tombstone(1, Part::Tombstone, 0, Some(&[1][..]))]
    #[case::another_change(1, Part::Create, 20, None)]
    #[case::another_key(3, Part::Create, 10, None)]
    #[case::behind_all(1, Part::Create, 31, None)]
    #[case::the_tombstone_of_another_key(2, Part::Tombstone, 0, None)]
    fn a_record_that_was_there_before_is_known_with_what_followed(
        #[case] id: u64,
        #[case] part: Part,
        #[case] lsn: u64,
        #[case] expected: Option<&[u64]>,
    ) {
        let expected = expected.map(|ids| ids.iter().map(|id| Id(*id, 0)).collect::<Vec<_>>());
        assert_eq!(since(&partition(), &got(id, part, lsn)), expected);
    }

    #[test]
    fn a_partition_came_as_far_as_its_farthest_record() {
        let mut partition = partition();
        assert_eq!((partition.seq, partition.at), (4, Some(Id(1, 0))));
        partition.arrived(&got(5, Part::Create, 25), 3);
        partition.arrived(&got(6, Part::Create, 25), 4);
        assert_eq!((partition.seq, partition.at), (4, Some(Id(1, 0))));
        partition.arrived(&got(7, Part::Create, 40), 5);
        assert_eq!((partition.seq, partition.at), (5, Some(Id(7, 0))));
    }

    #[test]
    fn the_records_that_stand_too_far_before_are_known_no_more() {
        let mut partition = Partition::default();
        for lsn in (1..).take(KNOWN) {
            partition.arrived(&got(lsn, Part::Create, lsn), lsn);
        }
        assert!(!partition.forgot && partition.since(&got(1, Part::Create, 1)).is_some());
        partition.arrived(&got(1, Part::Delete, 1 << 20), 1 << 20);
        assert!(partition.forgot && partition.since(&got(1, Part::Create, 1)).is_none());
        assert!(partition.since(&got(2, Part::Create, 2)).is_some());
    }
}
