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
