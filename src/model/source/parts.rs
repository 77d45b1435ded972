//! Partitioned tables: a change of a partition is one of every table that it is a part of.
//!
//! With `publish.via.partition.root` the topmost of them is what the connector sees, else the
//! partition. A snapshot reads each table that is captured, partitioned or not, with all its rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Change, Transaction};
use crate::history::event::Table;

/// Adds the changes of partitioned tables to those of their partitions; `via_root` says which of them
/// the connector sees.
pub fn through_roots(tables: &[Table], transactions: &mut [Transaction], via_root: bool) {
    if !tables.iter().any(|table| table.partitioned) {
        return;
    }
    let name = |table: &Table| format!("{}.{}", table.schema, table.name);
    let places = tables.iter().enumerate().map(|(place, table)| (name(table), place));
    let places = places.collect::<BTreeMap<_, _>>();
    let above = |table: &Table| -> Vec<usize> {
        table.within.iter().filter_map(|name| places.get(name)).copied().collect()
    };
    // Partitions are attached and detached on the way.
    let mut within = tables.iter().map(above).collect::<Vec<_>>();
    for transaction in transactions {
        let mut changes = Vec::with_capacity(transaction.changes.len());
        let mut turns = transaction.turns.iter_mut().peekable();
        for (n, change) in transaction.changes.iter().enumerate() {
            while let Some(turn) = turns.next_if(|turn| turn.behind <= n) {
                turn.behind = changes.len();
                for reshaped in turn.reshaped.iter().filter(|reshaped| !reshaped.gone) {
                    if let Some(of) = reshaped.place.and_then(|place| within.get_mut(place)) {
                        *of = above(&reshaped.table);
                    }
                }
            }
            let above = within.get(change.table).map_or(&[][..], Vec::as_slice);
            let root = above.last().copied().filter(|_| via_root);
            let seen_as = |table: usize| {
                let published = root.unwrap_or(change.table) == table;
                Arc::new(Change { table, published, ..Change::clone(change) })
            };
            changes.push(seen_as(change.table));
            changes.extend(above.iter().copied().map(seen_as));
        }
        for turn in turns {
            turn.behind = changes.len();
            for reshaped in turn.reshaped.iter().filter(|reshaped| !reshaped.gone) {
                if let Some(of) = reshaped.place.and_then(|place| within.get_mut(place)) {
                    *of = above(&reshaped.table);
                }
            }
        }
        transaction.changes = changes;
    }
}
