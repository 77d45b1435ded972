//! Partitioned tables: a change of a partition is one of every table that it is a part of.
//!
//! With `publish.via.partition.root` the topmost of them is what the connector sees, else the
//! partition. A snapshot reads each table that is captured, partitioned or not, with all its rows.
//!
//! Source: PostgreSQL's manual, "CREATE PUBLICATION" (`publish_via_partition_root`); Debezium's
//! manual, PostgreSQL connector, property `publish.via.partition.root`. Seen on 15 and 3.6.3
//! (scenario `partitions/a-partitioned-table-through-its-root-or-its-leaves`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::prefix::Rows;
use super::turn::stored;
use super::{Change, Image, Reshaped, Transaction, Turn};
use crate::codec::pgoutput::Cell;
use crate::history::event::Table;

/// Adds the changes of partitioned tables to those of their partitions, and the rows that they have
/// after a change of the schema; `via_root` says which of them the connector sees.
pub fn through_roots(
    tables: &[Table],
    transactions: &mut [Transaction],
    via_root: impl Fn(usize) -> bool,
) {
    if !tables.iter().any(|table| table.partitioned) {
        return;
    }
    let mut parts = Parts::of(tables);
    for transaction in transactions {
        let mut changes = Vec::with_capacity(transaction.changes.len());
        let mut turns = transaction.turns.iter_mut().peekable();
        for (n, change) in transaction.changes.iter().enumerate() {
            while let Some(turn) = turns.next_if(|turn| turn.behind <= n) {
                turn.behind = changes.len();
                parts.turn(turn);
            }
            parts.take(change);
            let above = parts.within.get(change.table).map_or(&[][..], Vec::as_slice);
            let root = above.last().copied().filter(|root| via_root(*root));
            let seen_as = |table: usize| {
                let published = root.unwrap_or(change.table) == table;
                Arc::new(Change { table, published, ..Change::clone(change) })
            };
            changes.push(seen_as(change.table));
            changes.extend(above.iter().copied().map(seen_as));
        }
        for turn in turns {
            turn.behind = changes.len();
            parts.turn(turn);
        }
        transaction.changes = changes;
    }
}

/// What the tables are on the way.
struct Parts {
    places: BTreeMap<String, usize>,
    tables: Vec<Arc<Table>>,
    /// The partitioned tables that each is a part of, the topmost last: partitions are attached and
    /// detached on the way.
    within: Vec<Vec<usize>>,
    /// The rows of those that are not partitioned themselves.
    rows: Vec<Rows>,
}

impl Parts {
    fn of(tables: &[Table]) -> Self {
        let name = |table: &Table| format!("{}.{}", table.schema, table.name);
        let places = tables.iter().enumerate().map(|(place, table)| (name(table), place));
        let mut parts = Self {
            places: places.collect(),
            tables: tables.iter().cloned().map(Arc::new).collect(),
            within: Vec::new(),
            rows: tables.iter().map(Rows::of).collect(),
        };
        parts.within = tables.iter().map(|table| parts.above(table)).collect();
        parts
    }

    fn above(&self, table: &Table) -> Vec<usize> {
        table.within.iter().filter_map(|name| self.places.get(name)).copied().collect()
    }

    fn take(&mut self, change: &Change) {
        if let Some(rows) = self.rows.get_mut(change.table) {
            rows.take(change);
        }
    }

    /// A change of the schema: what becomes of the parts, and so of the rows of what they are parts
    /// of. The WAL says nothing of rows that come or go with a partition.
    fn turn(&mut self, turn: &mut Turn) {
        let mut roots = BTreeSet::new();
        for reshaped in &turn.reshaped {
            let Some(place) = reshaped.place else { continue };
            let now = if reshaped.gone { Vec::new() } else { self.above(&reshaped.table) };
            roots.extend(self.within.get(place).into_iter().flatten().chain(&now).copied());
            if reshaped.table.partitioned && !reshaped.gone {
                roots.insert(place);
            }
            if let Some(within) = self.within.get_mut(place) {
                *within = now;
            }
            if let Some(table) = self.tables.get_mut(place) {
                *table = Arc::clone(&reshaped.table);
            }
            if let Some(rows) = self.rows.get_mut(place) {
                rows.turn(turn, place);
            }
        }
        for root in roots {
            self.fill(turn, root);
        }
    }

    /// Gives a partitioned table the rows of its parts.
    fn fill(&self, turn: &mut Turn, root: usize) {
        let Some(table) = self.tables.get(root) else { return };
        let rows = self.rows_of(root, &stored(table));
        if let Some(own) = turn.reshaped.iter_mut().find(|own| own.place == Some(root)) {
            if !own.gone {
                (own.rows, own.noted) = (rows, true);
            }
            return;
        }
        turn.reshaped.push(Reshaped {
            place: Some(root),
            table: Arc::clone(table),
            gone: false,
            rows,
            noted: true,
        });
    }

    /// The rows of all parts, in the order of these columns: a part may have another.
    fn rows_of(&self, root: usize, columns: &[String]) -> Vec<Image> {
        let parts = self.tables.iter().enumerate();
        let parts = parts.filter_map(|(n, table)| {
            let within = self.within.get(n)?;
            let is_part = within.contains(&root) && !table.partitioned;
            is_part.then(|| self.rows.get(n)).flatten()
        });
        let mut images = Vec::new();
        for rows in parts {
            let place = |name| rows.columns.iter().position(|column| column == name);
            let order = columns.iter().map(place).collect::<Vec<_>>();
            let cell = |row: &Image, place: &Option<usize>| {
                place.and_then(|place| row.get(place).cloned()).unwrap_or(Cell::Unchanged)
            };
            images.extend(
                rows.iter()
                    .map(|row| -> Image { order.iter().map(|place| cell(row, place)).collect() }),
            );
        }
        images
    }
}
