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

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(n: usize) -> impl Iterator<Item = Id> {
        (1..).take(n).map(|n| Id(n, 0))
    }

    #[test]
    fn a_key_more_than_can_be_looked_at_is_told() {
        let mut suspects = Suspects::default();
        ids(KEYS_MAX).for_each(|id| suspects.add(id));
        suspects.add(Id(1, 0));
        assert!(!suspects.too_many);
        suspects.add(Id(0, 1));
        assert!(suspects.too_many);
        assert_eq!(suspects.n_deviating(), KEYS_MAX);
    }

    #[test]
    fn an_unreadable_record_more_than_can_be_looked_at_is_told() {
        let mut suspects = Suspects::default();
        (0..).take(KEYS_MAX).for_each(|offset| suspects.unreadable((0, 0, offset)));
        assert!(!suspects.too_many);
        suspects.unreadable((0, 1, 0));
        assert!(suspects.too_many);
        assert_eq!(suspects.take_unreadable().len(), KEYS_MAX);
        assert_eq!(suspects.closed(), BTreeSet::from([NAMELESS]));
    }

    #[test]
    fn witnesses_that_are_looked_at_already_are_not_left_out() {
        let mut suspects = Suspects::default();
        let witnesses = ids(WITNESSES_MAX).collect::<Vec<_>>();
        for pair in witnesses.chunks_exact(2) {
            suspects.witness([pair[0], pair[1]]);
        }
        suspects.witness([witnesses[0], witnesses[WITNESSES_MAX - 1]]);
        assert_eq!(suspects.n_witnesses_left_out, 0);
        suspects.witness([witnesses[0], Id(0, 1)]);
        suspects.witness([Id(0, 2), Id(0, 1)]);
        assert_eq!(suspects.n_witnesses_left_out, 2);
        assert_eq!((suspects.n_deviating(), suspects.too_many), (0, false));
        assert_eq!(suspects.closed().len(), WITNESSES_MAX);
    }

    #[test]
    fn who_looks_at_a_key_looks_at_all_that_its_row_has_gone_by() {
        let [one, two, three, four, five] = [1, 2, 3, 4, 5].map(|n| Id(n, 0));
        let mut suspects = Suspects::default();
        // Told in another order than they follow one another in.
        suspects.link(three, four);
        suspects.link(two, three);
        suspects.link(one, five);
        suspects.add(two);
        assert_eq!(suspects.closed(), BTreeSet::from([two, three, four]));
        suspects.add(five);
        assert!(suspects.closed().contains(&one));
    }

    #[test]
    fn a_link_more_than_can_be_remembered_is_told() {
        let mut suspects =
            Suspects { links: vec![(NAMELESS, NAMELESS); LINKS_MAX - 1], ..Suspects::default() };
        suspects.add(NAMELESS);
        suspects.link(NAMELESS, Id(1, 0));
        assert!(!suspects.too_many);
        suspects.link(NAMELESS, Id(2, 0));
        assert!(suspects.too_many);
        assert_eq!(suspects.closed(), BTreeSet::from([NAMELESS, Id(1, 0)]));
    }
}
