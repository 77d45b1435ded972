//! The source tables at a prefix of the journal.

use std::sync::Arc;

use super::turn::stored;
use super::{Change, Fold, Image, Kind, Transaction, Turn};
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
        Self { columns: stored(table), fold: Fold::of(table) }
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

    /// Becomes what a change of the schema has made of the table at a place.
    pub fn turn(&mut self, turn: &Turn, place: usize) {
        for reshaped in turn.of(place) {
            *self = Self::of(&reshaped.table);
            for row in &reshaped.rows {
                self.fold.insert(row);
            }
        }
    }

    /// Takes a change of the table in.
    pub fn take(&mut self, change: &Change) {
        if change.kind == Kind::Truncate {
            self.clear();
        }
        self.replace(&change.columns, change.old.as_ref(), change.new.as_ref());
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

/// Takes the changes of one table from a transaction, and what changes of the schema made of it.
pub fn apply(rows: &mut Rows, table: usize, transaction: &Transaction) {
    let mut turns = transaction.turns.iter().peekable();
    for (n, change) in transaction.changes.iter().enumerate() {
        while let Some(turn) = turns.next_if(|turn| turn.behind <= n) {
            rows.turn(turn, table);
        }
        if change.table == table {
            rows.take(change);
        }
    }
    for turn in turns {
        rows.turn(turn, table);
    }
}
