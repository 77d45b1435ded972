//! The keys that the whole checker is to look at.

use std::collections::BTreeSet;

use super::digest::{Id, NAMELESS};

/// How many keys the whole checker is given.
const KEYS_MAX: usize = 10_000;
/// How many keys it is given for the sake of a witness alone.
const WITNESSES_MAX: usize = 200;
/// How many changes of a primary key are remembered.
const LINKS_MAX: usize = 1_000_000;

/// A record: the number of its table, its partition and its offset.
pub(super) type Place = (usize, i32, i64);

/// The keys that the whole checker is to look at.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    keys: BTreeSet<Id>,
    witnesses: BTreeSet<Id>,
    links: Vec<(Id, Id)>,
    unreadable: BTreeSet<Place>,
    /// Some were left out.
    pub(super) too_many: bool,
    /// How often something showed a witness that is left out.
    pub(super) n_witnesses_left_out: u64,
}

impl Suspects {
    /// Something deviates at this key.
    pub(super) fn add(&mut self, id: Id) {
        if self.keys.len() < KEYS_MAX {
            self.keys.insert(id);
        } else if !self.keys.contains(&id) {
            self.too_many = true;
        }
    }

    /// A record cannot be read: whoever can say why is to look at it.
    pub(super) fn unreadable(&mut self, place: Place) {
        self.add(NAMELESS);
        if self.unreadable.len() < KEYS_MAX {
            self.unreadable.insert(place);
        } else {
            self.too_many = true;
        }
    }

    /// The records that cannot be read.
    pub(super) fn take_unreadable(&mut self) -> BTreeSet<Place> {
        std::mem::take(&mut self.unreadable)
    }

    /// This key shows a fact that can be demanded, but never fails by itself; together with another
    /// key, where it takes two.
    pub(super) fn witness(&mut self, ids: [Id; 2]) {
        if ids.iter().all(|id| self.witnesses.contains(id)) {
            return;
        }
        if self.witnesses.len() + 2 <= WITNESSES_MAX {
            self.witnesses.extend(ids);
        } else {
            self.n_witnesses_left_out += 1;
        }
    }

    /// A row has gone from one key to another: who looks at one must look at both.
    pub(super) fn link(&mut self, one: Id, other: Id) {
        if self.links.len() < LINKS_MAX {
            self.links.push((one, other));
        } else {
            self.too_many = true;
        }
    }

    /// How many keys deviate.
    pub(super) fn n_deviating(&self) -> usize {
        self.keys.len()
    }

    /// All keys to look at.
    pub(super) fn closed(&self) -> BTreeSet<Id> {
        let mut keys = self.keys.union(&self.witnesses).copied().collect::<BTreeSet<_>>();
        keys.insert(NAMELESS);
        loop {
            let before = keys.len();
            for (one, other) in &self.links {
                if keys.contains(one) || keys.contains(other) {
                    keys.extend([*one, *other]);
                }
            }
            if keys.len() == before {
                return keys;
            }
        }
    }
}
