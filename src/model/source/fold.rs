//! The rows of one source table at a prefix of the journal.

use std::collections::BTreeMap;

use super::Image;
use crate::codec::pgoutput::Cell;
use crate::history::event::Table;
use crate::scenario::settings::ReplicaIdentity;

/// The cells of the columns that identify a row.
pub type RowKey = Vec<Cell>;

/// The rows of one table: by key, or as a multiset where the table has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fold {
    /// The places of the columns that rows are found by; empty without such columns.
    key: Vec<usize>,
    keyed: BTreeMap<RowKey, Image>,
    bag: BTreeMap<Image, usize>,
}

impl Fold {
    /// An empty table. Its rows are found by the index its replica identity names, which
    /// [`Fold::identify`] learns from the WAL, else by the primary key.
    pub fn of(table: &Table) -> Self {
        let key = match table.identity {
            ReplicaIdentity::Default | ReplicaIdentity::Full | ReplicaIdentity::Nothing => {
                let stored = table.columns.iter().filter(|column| !column.generated);
                let names = stored.map(|column| &column.name).collect::<Vec<_>>();
                let place = |key| names.iter().position(|name| *name == key);
                table.key.iter().filter_map(place).collect()
            }
            ReplicaIdentity::Index => Vec::new(),
        };
        Self { key, ..Self::default() }
    }

    /// Finds rows by these columns from here on; only the first call on an empty table counts.
    pub(super) fn identify(&mut self, key: Vec<usize>) {
        if self.key.is_empty() && self.keyed.is_empty() && self.bag.is_empty() {
            self.key = key;
        }
    }

    /// Whether rows are found by a key.
    pub fn is_keyed(&self) -> bool {
        !self.key.is_empty()
    }

    /// The key of a row; `None` without key columns.
    pub fn key_of(&self, row: &[Cell]) -> Option<RowKey> {
        if self.key.is_empty() {
            return None;
        }
        self.key.iter().map(|place| row.get(*place).cloned()).collect()
    }

    /// The row with the key of this one.
    pub(super) fn find(&self, row: &[Cell]) -> Option<Image> {
        self.keyed.get(&self.key_of(row)?).cloned()
    }

    pub(super) fn insert(&mut self, row: &Image) {
        match self.key_of(row) {
            Some(key) => {
                self.keyed.insert(key, row.clone());
            }
            None => *self.bag.entry(row.clone()).or_default() += 1,
        }
    }

    pub(super) fn remove(&mut self, row: &Image) {
        if let Some(key) = self.key_of(row) {
            self.keyed.remove(&key);
        } else if let Some(count) = self.bag.get_mut(row) {
            *count -= 1;
            if *count == 0 {
                self.bag.remove(row);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.keyed.clear();
        self.bag.clear();
    }

    /// Puts every row into another order of columns (`None`: a column that was added).
    pub(super) fn reshape(&mut self, from: &[Option<usize>]) {
        let shape = |row: &Image| -> Image {
            let cell = |place: &Option<usize>| place.and_then(|place| row.get(place)).cloned();
            from.iter().map(|place| cell(place).unwrap_or(Cell::Unchanged)).collect()
        };
        for row in self.keyed.values_mut() {
            *row = shape(row);
        }
        self.bag = self.bag.iter().map(|(row, count)| (shape(row), *count)).collect();
        let moved = |old: &usize| from.iter().position(|place| *place == Some(*old));
        self.key = self.key.iter().filter_map(moved).collect();
    }

    /// All rows, equal ones of a table without key as often as they are there.
    pub fn rows(&self) -> impl Iterator<Item = &Image> {
        let bag = self.bag.iter().flat_map(|(row, count)| std::iter::repeat_n(row, *count));
        self.keyed.values().chain(bag)
    }
}
