//! The journal: committed transactions in commit order, with full images whatever the replica
//! identity.
//!
//! The WAL carries what the replica identity says and leaves out unchanged TOAST values; folding
//! the journal by key gives the rest. A change stands at (commit LSN, index in the transaction);
//! its own LSN is neither an order nor unique.
//!
//! Source: PostgreSQL's manual, "ALTER TABLE" (`REPLICA IDENTITY`) and "Logical Replication
//! Message Formats" (`TupleData`: an unchanged TOAST value is not sent). That an LSN is not
//! unique is seen on 3.6.3: the records of a key change share one (scenario
//! `keys/primary-key-update-over-partitions`).

mod fold;
mod journal;
mod parts;
mod prefix;
#[cfg(test)]
mod tests;
mod turn;
#[cfg(test)]
mod turn_tests;

use std::sync::Arc;

use crate::base::position::{Lsn, Position, Xid};
use crate::codec::pgoutput::{Cell, Logical};

pub use fold::{Fold, RowKey};
pub use journal::{Journal, JournalError};
pub use parts::through_roots;
pub use prefix::{Rows, apply, prefix};
pub use turn::{Reshaped, Turn, bare, renamed, same_type};

/// The prefix of the harness's barriers; the connector captures them.
pub const BARRIER: &str = "changeproof.barrier";
/// The prefix of the harness's notes; the connector does not capture them.
pub const NOTE: &str = "changeproof.note";
/// The prefix of the notes that say what the tables are after a change of the schema.
pub const TABLES: &str = "changeproof.note.tables";
/// The prefix of the notes that hold the rows of a table after a change of the schema.
pub const ROWS: &str = "changeproof.note.rows";

/// A row: one cell for each of the table's columns that are not generated.
///
/// `Unchanged` stands only where the journal never carried the value (a column that was added with
/// a default: its rows changed without a row event).
pub type Image = Arc<[Cell]>;

/// A committed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its id.
    pub xid: Xid,
    /// The position of its commit record: its place in commit order.
    pub commit: Lsn,
    /// The end of its commit record: what "confirmed past" is compared with.
    pub end: Lsn,
    /// When it committed, in microseconds since 1970-01-01 00:00:00 UTC.
    pub time_us: i64,
    /// Its row changes and truncates in the order they were made.
    pub changes: Vec<Arc<Change>>,
    /// Its logical messages, barriers and notes among them.
    pub messages: Vec<Logical>,
    /// The changes of the schema in it, in order.
    pub turns: Vec<Turn>,
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A new row.
    Insert,
    /// A row changes.
    Update,
    /// A row goes.
    Delete,
    /// All rows of the table go.
    Truncate,
}

impl Kind {
    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
        }
    }
}

/// How much of the old row the WAL carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// Nothing.
    Nothing,
    /// The columns of the replica identity.
    Key,
    /// The whole row.
    Full,
}

/// A change of one row, or a truncate of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place in commit order.
    pub position: Position,
    /// Its transaction.
    pub xid: Xid,
    /// Its own LSN, which Debezium calls `source.lsn`.
    pub lsn: Lsn,
    /// How many changes of the same table and transaction with the same LSN stand before it.
    pub nth: u32,
    /// The table, as an index into the history's tables.
    pub table: usize,
    /// The names of its columns at this point, in the order of the images' cells.
    pub columns: Arc<[String]>,
    /// What it does.
    pub kind: Kind,
    /// The row before; `None` for an insert or a truncate, and where neither the WAL nor the fold
    /// knows it.
    pub old: Option<Image>,
    /// The row after; `None` for a delete or a truncate.
    pub new: Option<Image>,
    /// What the WAL carried of the row before.
    pub carried: Carried,
    /// Columns that the WAL left out of the row after (unchanged TOAST values), by their place.
    pub unchanged: Vec<usize>,
    /// The row has another key than before.
    pub key_changed: bool,
    /// The connector sees it as a change of this table: one of a partition is also one of the
    /// partitioned table, and is published as one of the two.
    pub published: bool,
}

/// Rows of `changes` that a state of the topics does not show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unseen {
    /// The table, as an index into the history's tables.
    pub table: usize,
    /// `_pos`: the change's place among all changes of the journal, from 1; 0 for all rows of the snapshot.
    pub position: i64,
    /// `_op`: `r c u d t`.
    pub op: char,
}
