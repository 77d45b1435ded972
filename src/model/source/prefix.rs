//! The source tables at a prefix of the journal.

use std::sync::Arc;

use super::{Fold, Image, Kind, Transaction};
use crate::history::event::Table;

/// The rows of one table at a prefix.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The names of its columns there.
    pub columns: Arc<[String]>,
    fold: Fold,
}

impl Rows {
    /// The rows; equal ones of a table without key as often as they are there.
    pub fn iter(&self) -> impl Iterator<Item = &Image> {
        self.fold.rows()
    }
}

/// The tables after these transactions.
pub fn prefix<'a>(
    tables: &[Table],
    transactions: impl IntoIterator<Item = &'a Transaction>,
) -> Vec<Rows> {
    let empty = |table: &Table| {
        let stored = table.columns.iter().filter(|column| !column.generated);
        let columns = stored.map(|column| column.name.clone()).collect();
        Rows { columns, fold: Fold::of(table) }
    };
    let mut prefix = tables.iter().map(empty).collect::<Vec<_>>();
    for transaction in transactions {
        for change in &transaction.changes {
            let Some(rows) = prefix.get_mut(change.table) else { continue };
            if rows.columns != change.columns {
                let place = |name| rows.columns.iter().position(|column| column == name);
                rows.fold.reshape(&change.columns.iter().map(place).collect::<Vec<_>>());
                rows.columns = change.columns.clone();
            }
            if change.kind == Kind::Truncate {
                rows.fold.clear();
            }
            if let Some(old) = &change.old {
                rows.fold.remove(old);
            }
            if let Some(new) = &change.new {
                rows.fold.insert(new);
            }
        }
    }
    prefix
}
