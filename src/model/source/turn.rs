//! Changes of the schema on the way: what the tables are from there on, and what rows they have.
//!
//! The WAL has no row event for what DDL does to rows (a rewrite, an added default), and the
//! description of a table that comes with its next row has no names of types. So the source's
//! database notes both in the same transaction: all tables after the change, and the rows of those
//! that it was about.
//!
//! Source: PostgreSQL's manual, "Event Triggers" and "Logical Replication Message Formats". Seen
//! on 15 (scenarios `ddl/columns-that-change-on-the-way` and `ddl/numbers-in-text`).

use std::collections::BTreeMap;
use std::sync::Arc;

use itertools::Itertools as _;
use serde::Deserialize;

use super::Image;
use crate::base::position::Lsn;
use crate::codec::pgoutput::Cell;
use crate::history::event::{Column, Table};

/// A change of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// How many of the transaction's changes stand before it.
    pub behind: usize,
    /// Where it stands in the WAL. DDL locks its table, so that of the table's changes just those
    /// with a lower LSN were made before.
    pub lsn: Lsn,
    /// The statement, where a session ran it as one.
    pub ddl: Option<String>,
    /// All tables from here on, where the source's database noted them.
    pub tables: Option<Arc<[Table]>>,
    /// The tables that are others than before, or have other rows.
    pub reshaped: Vec<Reshaped>,
}

/// A table after a change of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reshaped {
    /// The table's place in the history's tables; `None` for one that is not among them.
    pub place: Option<usize>,
    /// The table as it is from here on, or as it was last if it is gone.
    pub table: Arc<Table>,
    /// It is gone: dropped, or renamed.
    pub gone: bool,
    /// Its rows from here on.
    pub rows: Vec<Image>,
    /// The rows were noted: they may be others than the journal's changes tell.
    pub noted: bool,
}

impl Turn {
    /// What it makes of the table at a place.
    pub fn of(&self, place: usize) -> impl Iterator<Item = &Reshaped> {
        self.reshaped.iter().filter(move |reshaped| reshaped.place == Some(place))
    }
}

/// The rows of a table as they were noted: the texts of its columns that are not generated.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Noted {
    /// The table's OID.
    pub(super) table: u32,
    /// They come behind those of the note before: of a large table a note tells a part.
    #[serde(default)]
    pub(super) more: bool,
    rows: Vec<Vec<Option<String>>>,
}

impl Noted {
    /// The rows in the form of the journal.
    pub(super) fn images(self) -> Vec<Image> {
        let cell = |cell: Option<String>| cell.map_or(Cell::Null, Cell::Text);
        let rows = self.rows.into_iter();
        rows.map(|row| row.into_iter().map(cell).collect()).collect()
    }
}

/// The columns that are not generated, as rows of the WAL have them.
pub(super) fn stored(table: &Table) -> Arc<[String]> {
    let stored = table.columns.iter().filter(|column| !column.generated);
    stored.map(|column| column.name.clone()).collect()
}

/// Whether a table's rows, their keys, or what the WAL carries of them look otherwise than before.
pub(super) fn differs(one: &Table, other: &Table) -> bool {
    let of = |table: &Table| (table.key.clone(), table.identity, table.within.clone());
    let columns = |table: &Table| {
        let columns = table.columns.iter();
        let shown = |c: &Column| {
            let kind = bare(&c.type_name).to_owned();
            (c.name.clone(), kind, c.generated, c.default.clone())
        };
        columns.map(shown).collect_vec()
    };
    of(one) != of(other) || columns(one) != columns(other)
}

/// Whether two columns have the same type.
pub fn same_type(one: &Column, other: &Column) -> bool {
    bare(&one.type_name) == bare(&other.type_name)
}

/// A type without its schema, which Postgres writes where a session's search path lacks it.
pub fn bare(type_name: &str) -> &str {
    type_name.rsplit('.').next().unwrap_or(type_name)
}

/// The columns that have another name than before, by their new names. Columns keep their order, so
/// that one with a new name at an old place is the old one.
pub fn renamed<'a>(before: &'a Table, after: &'a Table) -> BTreeMap<&'a str, &'a str> {
    let mut renamed = BTreeMap::new();
    if before.columns.len() != after.columns.len() {
        return renamed;
    }
    let has = |table: &Table, name: &str| table.columns.iter().any(|column| column.name == name);
    for (old, new) in itertools::zip_eq(&before.columns, &after.columns) {
        let moved = has(after, &old.name) || has(before, &new.name);
        if old.name != new.name && same_type(old, new) && !moved {
            renamed.insert(new.name.as_str(), old.name.as_str());
        }
    }
    renamed
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::history::testing::text_table;

    #[rstest]
    #[case::renamed(&["id", "a"], &["id", "b"], &[("b", "a")])]
    #[case::dropped_and_added(&["id", "a", "b"], &["id", "b", "c"], &[])]
    #[case::added(&["id"], &["id", "a"], &[])]
    #[case::swapped(&["id", "a", "b"], &["id", "b", "a"], &[])]
    fn a_new_name_at_an_old_place_is_the_old_column(
        #[case] before: &[&str],
        #[case] after: &[&str],
        #[case] expected: &[(&str, &str)],
    ) {
        let (before, after) = (text_table("t", before), text_table("t", after));
        let found = renamed(&before, &after);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    }
}
