//! What is held of every live key, and of the changes that are on their way to the topic.

use hashbrown::HashTable;

use super::digest::{Digest, Id, NO_ROW};
use crate::base::position::{Lsn, Xid};
use crate::model::feed::Part;

/// No change is on its way.
const NONE: u32 = u32::MAX;
/// No record of the key was seen yet.
pub(super) const NOWHERE: u16 = u16::MAX;

/// So many dead keys are held beside as many as are live.
const DEAD_MAX: usize = 1 << 16;

/// What is held of a key: 32 bytes, the digest of its name and of its last row among them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) id: Id,
    /// The digest of the row.
    pub(super) row: Digest,
    /// The last of the changes on their way, which names the first.
    last: u32,
    /// The partition its records are on.
    pub(super) home: u16,
    pub(super) marks: Marks,
}

/// What is known of a key, a bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks(u8);

impl Marks {
    /// The row is there.
    pub(super) const LIVE: u8 = 1;
    /// The snapshot must show its row, and has not yet.
    pub(super) const OWES_READ: u8 = 2;
    /// Its partition is the one that Kafka's default partitioner gives it.
    pub(super) const AT_DEFAULT: u8 = 4;

    pub(super) fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
    }

    pub(super) fn set(&mut self, mark: u8, on: bool) {
        if on {
            self.0 |= mark;
        } else {
            self.0 &= !mark;
        }
    }
}

/// A record that must arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) part: Part,
    pub(super) xid: Xid,
    pub(super) lsn: Lsn,
    /// The end of its transaction; of a snapshot's row zero.
    pub(super) end: Lsn,
    /// Its place in commit order; of a snapshot's row zero.
    pub(super) seq: u64,
    pub(super) before: Digest,
    pub(super) after: Digest,
}

impl Due {
    /// A row of the snapshot.
    pub(super) fn read(row: Digest) -> Self {
        let (part, before) = (Part::Read, NO_ROW);
        Self { part, xid: Xid(0), lsn: Lsn(0), end: Lsn(0), seq: 0, before, after: row }
    }

    /// It is this record that is meant, whatever it shows; a tombstone names nothing but its key.
    pub(super) fn is(&self, part: Part, xid: Xid, lsn: Lsn) -> bool {
        let named = matches!(part, Part::Create | Part::Update | Part::Delete);
        self.part == part && (!named || self.xid == xid && self.lsn == lsn)
    }
}

#[derive(Debug)]
struct Node {
    due: Due,
    next: u32,
}

/// Changes on their way: a ring for every key that has some, of which the last names the first.
#[derive(Debug)]
struct Rings {
    nodes: Vec<Node>,
    /// The first of the nodes that are in no ring.
    free: u32,
}

impl Default for Rings {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: NONE }
    }
}

impl Rings {
    fn at(&self, place: u32) -> Option<&Node> {
        self.nodes.get(usize::try_from(place).ok()?)
    }

    fn at_mut(&mut self, place: u32) -> Option<&mut Node> {
        self.nodes.get_mut(usize::try_from(place).ok()?)
    }

    /// Puts a change behind the last of a ring; the ring's last from then on.
    fn push(&mut self, last: u32, due: Due) -> u32 {
        let first = self.at(last).map(|node| node.next);
        let place = self.place(Node { due, next: NONE });
        let first = first.unwrap_or(place);
        if let Some(node) = self.at_mut(place) {
            node.next = first;
        }
        if let Some(node) = self.at_mut(last) {
            node.next = place;
        }
        place
    }

    fn place(&mut self, node: Node) -> u32 {
        let free = self.free;
        match self.at_mut(free) {
            Some(old) => {
                let next = std::mem::replace(old, node).next;
                self.free = next;
                free
            }
            None => {
                self.nodes.push(node);
                u32::try_from(self.nodes.len() - 1).unwrap_or(NONE)
            }
        }
    }

    /// Takes the first out of a ring; and the ring's last from then on.
    fn pop(&mut self, last: u32) -> Option<(Due, u32)> {
        let first = self.at(last)?.next;
        let free = self.free;
        let node = self.at_mut(first)?;
        let (due, second) = (node.due, node.next);
        node.next = free;
        self.free = first;
        if first == last {
            return Some((due, NONE));
        }
        self.at_mut(last)?.next = second;
        Some((due, last))
    }
}

/// All keys.
#[derive(Debug, Default)]
pub(super) struct Lives {
    table: HashTable<Life>,
    rings: Rings,
    n_due: usize,
    n_live: usize,
    /// Dead keys were forgotten, all of them at their default partition.
    pub(super) forgot: bool,
    /// The most keys that were live at once.
    pub(super) n_live_max: usize,
    /// Dead keys are looked for when so many are held.
    forget_at: usize,
    n_due_max: usize,
}

fn hash(life: &Life) -> u64 {
    life.id.0
}

/// The key, which is held from here on.
fn held(table: &mut HashTable<Life>, id: Id) -> &mut Life {
    let new = Life { id, row: 0, last: NONE, home: NOWHERE, marks: Marks::default() };
    table.entry(id.0, |life| life.id == id, hash).or_insert(new).into_mut()
}

impl Lives {
    pub(super) fn get(&mut self, id: Id) -> Option<&mut Life> {
        self.table.find_mut(id.0, |life| life.id == id)
    }

    /// How many of these keys are held. Where keys are many each look at one waits for memory; of
    /// several that are looked at side by side none waits for another, and the next look at each is
    /// quick.
    pub(super) fn n_held(&self, ids: impl Iterator<Item = Id>) -> usize {
        ids.filter(|id| self.table.find(id.0, |life| life.id == *id).is_some()).count()
    }

    /// The key, which is held from here on.
    pub(super) fn of(&mut self, id: Id) -> &mut Life {
        held(&mut self.table, id)
    }

    /// Changes whether a row is there, and which.
    pub(super) fn turn(&mut self, id: Id, row: Option<Digest>) -> bool {
        let life = self.of(id);
        let was_live = life.marks.has(Marks::LIVE);
        life.marks.set(Marks::LIVE, row.is_some());
        life.row = row.unwrap_or(life.row);
        match (was_live, row.is_some()) {
            (false, true) => self.n_live += 1,
            (true, false) => self.n_live -= 1,
            (true, true) | (false, false) => {}
        }
        self.n_live_max = self.n_live_max.max(self.n_live);
        was_live
    }

    /// How many keys are held.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many changes are on their way.
    pub(super) fn n_due(&self) -> usize {
        self.n_due
    }

    /// The bytes of the table of keys.
    pub(super) fn table_bytes(&self) -> usize {
        self.table.allocation_size()
    }

    /// The bytes of the changes on their way, at their most.
    pub(super) fn due_bytes(&self) -> usize {
        self.n_due_max * size_of::<Node>()
    }

    /// A change is on its way from here on.
    pub(super) fn push(&mut self, id: Id, due: Due) {
        // One look at the table: where keys are many, each may wait for memory.
        let life = held(&mut self.table, id);
        if life.marks.has(Marks::OWES_READ) {
            // The row changes before the snapshot's record of it was read.
            life.marks.set(Marks::OWES_READ, false);
            life.last = self.rings.push(life.last, Due::read(life.row));
            self.n_due += 1;
        }
        life.last = self.rings.push(life.last, due);
        self.n_due += 1;
        self.n_due_max = self.n_due_max.max(self.n_due);
    }

    /// The first of the changes on their way.
    pub(super) fn first(&self, life: &Life) -> Option<Due> {
        Some(self.rings.at(self.rings.at(life.last)?.next)?.due)
    }

    /// All changes on their way, the first first.
    pub(super) fn due(&self, life: &Life) -> impl Iterator<Item = Due> + '_ {
        let last = life.last;
        let mut next = self.rings.at(last).map(|node| node.next);
        std::iter::from_fn(move || {
            let place = next?;
            let node = self.rings.at(place)?;
            next = (place != last).then_some(node.next);
            Some(node.due)
        })
    }

    /// The first of the changes on their way has arrived.
    pub(super) fn pop(&mut self, id: Id) -> Option<Due> {
        let life = self.table.find_mut(id.0, |life| life.id == id)?;
        let (due, last) = self.rings.pop(life.last)?;
        life.last = last;
        self.n_due -= 1;
        Some(due)
    }

    /// All keys, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Life> {
        self.table.iter()
    }

    /// Forgets dead keys, when there are many: those of which nothing is on its way, and whose
    /// partition needs not be known.
    pub(super) fn forget(&mut self) {
        if self.table.len() < self.forget_at.max(2 * self.n_live + DEAD_MAX) {
            return;
        }
        self.table.retain(|life| {
            let held = life.marks.has(Marks::LIVE) || life.last != NONE;
            held || life.home != NOWHERE && !life.marks.has(Marks::AT_DEFAULT)
        });
        self.forgot = true;
        // Where many must be held they are not looked through at every commit.
        self.forget_at = 2 * self.table.len();
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ONE: Id = Id(1, 1);
    /// Of the same hash.
    const OTHER: Id = Id(1, 2);

    fn due(seq: u64) -> Due {
        let (part, xid, lsn, end) = (Part::Create, Xid(5), Lsn(10), Lsn(20));
        Due { part, xid, lsn, end, seq, before: 0, after: 7 }
    }

    fn on_the_way(lives: &mut Lives, id: Id) -> Vec<u64> {
        let Some(life) = lives.get(id).copied() else { return Vec::new() };
        let all = lives.due(&life).map(|due| due.seq).collect::<Vec<_>>();
        assert_eq!(lives.first(&life).map(|due| due.seq), all.first().copied());
        all
    }

    #[rstest]
    #[case::itself(Part::Create, 5, 10, true)]
    #[case::another_part(Part::Update, 5, 10, false)]
    #[case::of_another_transaction(Part::Create, 6, 10, false)]
    #[case::at_another_place(Part::Create, 5, 11, false)]
    fn a_change_is_named_by_its_transaction_and_its_place(
        #[case] part: Part,
        #[case] xid: u32,
        #[case] lsn: u64,
        #[case] is: bool,
    ) {
        assert_eq!(due(1).is(part, Xid(xid), Lsn(lsn)), is);
    }

    #[rstest]
    #[case::a_tombstone(Part::Tombstone)]
    #[case::a_row_of_a_snapshot(Part::Read)]
    fn what_names_no_change_is_named_by_its_kind(#[case] part: Part) {
        let due = Due { part, ..due(1) };
        assert!(due.is(part, Xid(0), Lsn(0)));
        assert!(!due.is(Part::Create, Xid(5), Lsn(10)));
    }

    #[test]
    fn the_changes_of_a_key_arrive_in_their_order() {
        let mut lives = Lives::default();
        for seq in 1..=3 {
            lives.push(ONE, due(seq));
            lives.push(OTHER, due(10 * seq));
        }
        assert_eq!(on_the_way(&mut lives, ONE), [1, 2, 3]);
        assert_eq!(on_the_way(&mut lives, OTHER), [10, 20, 30]);
        assert_eq!((lives.n_due(), lives.len()), (6, 2));
        assert_eq!(lives.pop(ONE), Some(due(1)));
        assert_eq!(lives.pop(ONE), Some(due(2)));
        assert_eq!(lives.n_due(), 4);
        // The place of what has arrived is used again.
        lives.push(OTHER, due(40));
        assert_eq!(on_the_way(&mut lives, ONE), [3]);
        assert_eq!(on_the_way(&mut lives, OTHER), [10, 20, 30, 40]);
        assert_eq!(lives.pop(ONE), Some(due(3)));
        assert_eq!((lives.pop(ONE), on_the_way(&mut lives, ONE)), (None, Vec::new()));
        lives.push(ONE, due(4));
        assert_eq!(on_the_way(&mut lives, ONE), [4]);
        assert_eq!(lives.n_due(), 5);
        assert_eq!(lives.due_bytes(), 6 * size_of::<Node>());
        assert_eq!(lives.rings.nodes.len(), 6);
        assert_eq!(lives.pop(Id(3, 3)), None);
    }

    #[test]
    fn the_most_rows_that_were_there_at_once_are_counted() {
        let mut lives = Lives::default();
        assert!(!lives.turn(ONE, Some(7)));
        assert!(lives.turn(ONE, Some(8)));
        assert!(!lives.turn(OTHER, Some(9)));
        assert!(lives.turn(ONE, None));
        assert!(!lives.turn(ONE, None));
        assert!(!lives.turn(ONE, Some(10)));
        assert!(lives.turn(OTHER, None));
        assert_eq!((lives.n_live, lives.n_live_max), (1, 2));
        let row = |lives: &mut Lives, id| lives.get(id).map(|life| life.row);
        // The last row of a key is known when it is gone.
        assert_eq!((row(&mut lives, ONE), row(&mut lives, OTHER)), (Some(10), Some(9)));
        assert!(lives.table_bytes() >= 2 * size_of::<Life>());
    }

    #[test]
    fn keys_are_found_among_many() {
        let mut lives = Lives::default();
        for n in 1..=1000 {
            lives.of(Id(n, n)).row = n;
        }
        assert_eq!((lives.len(), lives.iter().count()), (1000, 1000));
        assert!((1..=1000).all(|n| lives.get(Id(n, n)).is_some_and(|life| life.row == n)));
        assert!(lives.get(Id(1, 2)).is_none());
    }

    /// So many dead keys, none of which must be known.
    fn dead(n: usize) -> Lives {
        let mut lives = Lives::default();
        for n in (1000..).take(n) {
            lives.of(Id(n, 0));
        }
        lives
    }

    #[test]
    fn dead_keys_are_forgotten_when_there_are_many() {
        let mut lives = dead(DEAD_MAX - 1);
        lives.forget();
        assert_eq!((lives.len(), lives.forgot), (DEAD_MAX - 1, false));
        lives.of(ONE);
        lives.forget();
        assert_eq!((lives.len(), lives.forgot), (0, true));
    }

    #[test]
    fn more_dead_keys_are_held_where_more_are_live() {
        let mut lives = dead(DEAD_MAX);
        lives.turn(ONE, Some(7));
        lives.forget();
        assert!(!lives.forgot);
        lives.of(OTHER);
        lives.forget();
        assert_eq!((lives.len(), lives.forgot), (1, true));
    }

    #[test]
    fn what_must_be_known_of_a_key_is_not_forgotten() {
        let mut lives = dead(DEAD_MAX);
        let [live, owing, elsewhere, at_default, nowhere] = [1, 2, 3, 4, 5].map(|n| Id(n, 0));
        lives.turn(live, Some(7));
        lives.push(owing, due(1));
        lives.of(elsewhere).home = 1;
        let life = lives.of(at_default);
        life.home = 1;
        life.marks.set(Marks::AT_DEFAULT, true);
        lives.of(nowhere);
        lives.forget();
        let mut held = lives.iter().map(|life| life.id).collect::<Vec<_>>();
        held.sort();
        assert_eq!(held, [live, owing, elsewhere]);
    }

    #[test]
    fn keys_that_must_be_held_are_not_looked_through_again_and_again() {
        let mut lives = dead(DEAD_MAX);
        for life in &mut lives.table {
            life.home = 1;
        }
        lives.forget();
        assert_eq!(lives.len(), DEAD_MAX);
        lives.of(ONE);
        lives.forget();
        assert_eq!(lives.len(), DEAD_MAX + 1);
        for n in (1_u64..).take(DEAD_MAX - 1) {
            lives.of(Id(n + 1_000_000, 0));
        }
        lives.forget();
        assert_eq!(lives.len(), DEAD_MAX);
    }
}
