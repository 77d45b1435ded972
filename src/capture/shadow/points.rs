//! Where the snapshots of the connectors stand. Each shows the commits before its point of the tables
//! that its connector captures.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::position::Lsn;
use crate::history::event::Table;

/// The points, by the name that a connector has among several, each with whether the rows of its
/// snapshot were read.
#[derive(Debug, Default)]
pub(super) struct Points(BTreeMap<Option<String>, (Lsn, bool)>);

/// Tables, and those of them that are there.
type Tables<'a> = (&'a [Table], &'a BTreeSet<usize>);

impl Points {
    pub(super) fn set(&mut self, connector: Option<String>, point: Lsn) {
        self.0.entry(connector).or_insert((point, false)).0 = point;
    }

    /// The connector whose snapshot shows a table; of one that none of several captures, the first that
    /// takes one.
    fn of(&self, table: &Table) -> Option<&Option<String>> {
        if let Some((name, _)) = self.0.get_key_value(&table.connector) {
            return Some(name);
        }
        let first = self.0.iter().min_by_key(|(_, (point, _))| *point);
        first.map(|(name, _)| name).filter(|_| table.connector.is_none())
    }

    /// Whether the snapshot leaves this transaction to the stream.
    pub(super) fn is_streamed(&self, commit: Lsn, table: &Table) -> bool {
        let point = self.of(table).and_then(|name| self.0.get(name));
        point.is_some_and(|(point, _)| commit >= *point)
    }

    /// The tables whose snapshot is to be read before the transaction with this commit; they are read
    /// then.
    pub(super) fn taken_at(&mut self, commit: Lsn, tables: Tables<'_>) -> BTreeSet<usize> {
        self.take(|point| commit >= point, tables)
    }

    /// The tables whose snapshot was not read yet; they are read then.
    pub(super) fn taken(&mut self, tables: Tables<'_>) -> BTreeSet<usize> {
        self.take(|_| true, tables)
    }

    fn take(&mut self, is_due: impl Fn(Lsn) -> bool, tables: Tables<'_>) -> BTreeSet<usize> {
        let (all, there) = tables;
        let due = self.0.iter().filter(|(_, (point, taken))| !taken && is_due(*point));
        let due: BTreeSet<Option<String>> = due.map(|(name, _)| name.clone()).collect();
        if due.is_empty() {
            return BTreeSet::new();
        }
        let is_read = |place: &usize| {
            let of = all.get(*place).and_then(|table| self.of(table));
            of.is_some_and(|name| due.contains(name))
        };
        let read = there.iter().copied().filter(is_read).collect();
        for (name, (_, taken)) in &mut self.0 {
            *taken |= due.contains(name);
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::text_table;

    fn table(name: &str, connector: Option<&str>) -> Table {
        let connector = connector.map(ToOwned::to_owned);
        Table { connector, ..text_table(name, &["id"]) }
    }

    #[test]
    fn each_connector_reads_its_tables_at_its_own_point_and_once() {
        let tables = [table("a", Some("one")), table("b", Some("two")), table("c", None)];
        let there = BTreeSet::from([0, 1, 2]);
        let mut points = Points::default();
        points.set(Some("one".to_owned()), Lsn(10));
        points.set(Some("two".to_owned()), Lsn(20));
        assert!(points.taken_at(Lsn(9), (&tables, &there)).is_empty());
        assert_eq!(points.taken_at(Lsn(10), (&tables, &there)), BTreeSet::from([0, 2]));
        assert!(points.taken_at(Lsn(19), (&tables, &there)).is_empty());
        assert!(
            points.is_streamed(Lsn(19), &tables[0]) && !points.is_streamed(Lsn(19), &tables[1])
        );
        assert_eq!(points.taken((&tables, &there)), BTreeSet::from([1]));
        assert!(points.taken((&tables, &there)).is_empty());
    }

    #[test]
    fn a_connector_without_a_point_has_taken_no_snapshot() {
        let tables = [table("a", Some("one")), table("b", Some("two"))];
        let mut points = Points::default();
        points.set(Some("one".to_owned()), Lsn(10));
        assert_eq!(points.taken((&tables, &BTreeSet::from([0, 1]))), BTreeSet::from([0]));
        assert!(!points.is_streamed(Lsn(30), &tables[1]));
    }

    #[test]
    fn a_single_connector_shows_every_table() {
        let tables = [table("a", None), table("b", None)];
        let mut points = Points::default();
        points.set(None, Lsn(10));
        assert_eq!(points.taken((&tables, &BTreeSet::from([0, 1]))), BTreeSet::from([0, 1]));
        assert!(points.is_streamed(Lsn(10), &tables[0]) && !points.is_streamed(Lsn(9), &tables[1]));
    }
}
