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
    /// The empty table.
    pub fn of(table: &Table) -> Self {
        let stored = table.columns.iter().filter(|column| !column.generated);
        let columns = stored.map(|column| column.name.clone()).collect();
        Self { columns, fold: Fold::of(table) }
    }

    /// The rows; equal ones of a table without key as often as they are there.
    pub fn iter(&self) -> impl Iterator<Item = &Image> {
        self.fold.rows()
    }

    /// Takes one row out and puts one in; their cells are in the order of `columns`.
    pub fn replace(&mut self, columns: &Arc<[String]>, old: Option<&Image>, new: Option<&Image>) {
        if self.columns != *columns {
            let place = |name| self.columns.iter().position(|column| column == name);
            self.fold.reshape(&columns.iter().map(place).collect::<Vec<_>>());
            self.columns = columns.clone();
        }
        if let Some(old) = old {
            self.fold.remove(old);
        }
        if let Some(new) = new {
            self.fold.insert(new);
        }
    }

    /// Takes all rows out.
    pub fn clear(&mut self) {
        self.fold.clear();
    }
}

/// The tables after these transactions.
pub fn prefix<'a>(
    tables: &[Table],
    transactions: impl IntoIterator<Item = &'a Transaction>,
) -> Vec<Rows> {
    let mut prefix = tables.iter().map(Rows::of).collect::<Vec<_>>();
    for transaction in transactions {
        for (table, rows) in prefix.iter_mut().enumerate() {
            apply(rows, table, transaction);
        }
    }
    prefix
}

/// Takes the changes of one table from a transaction.
pub fn apply(rows: &mut Rows, table: usize, transaction: &Transaction) {
    for change in transaction.changes.iter().filter(|change| change.table == table) {
        if change.kind == Kind::Truncate {
            rows.clear();
        }
        rows.replace(&change.columns, change.old.as_ref(), change.new.as_ref());
    }
}
