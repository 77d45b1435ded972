//! The places of changes, where a history holds only some of each transaction.

use std::collections::BTreeMap;

use crate::base::position::{Lsn, Position};
use crate::model::source::Transaction;

/// Which changes of its transactions a history holds, where it does not hold all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Places(BTreeMap<Lsn, Vec<u32>>);

impl Places {
    /// The changes that are held of a transaction stood at these places among all of it.
    pub(super) fn insert(&mut self, commit: Lsn, places: Vec<u32>) {
        self.0.insert(commit, places);
    }

    /// Gives the changes of a transaction the positions that they have in the whole journal.
    pub(super) fn restore(&self, transaction: &mut Transaction) {
        let n = transaction.changes.len();
        let places = self.0.get(&transaction.commit).filter(|places| places.len() == n);
        let Some(places) = places else { return };
        for (change, index) in itertools::zip_eq(&mut transaction.changes, places) {
            let change = std::sync::Arc::make_mut(change);
            change.position = Position { index: *index, ..change.position };
        }
    }
}
