//! The snapshots of a run: which rows a topic shows as `r`, and where among the streamed changes.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Snapshots", "Incremental snapshots" and
//! "Blocking snapshots". Seen on 3.6.3 (scenarios `snapshot/a-snapshot-that-is-taken-anew`,
//! `snapshot/an-incremental-snapshot-beside-the-stream` and
//! `snapshot/a-blocking-snapshot-stops-the-stream`).

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, Columns, Expected, NotOfType, Owed, Rules, Signals};
use crate::base::position::Lsn;
use crate::model::key::Key;
use crate::model::source::{Image, Rows, Transaction, apply};

/// The rows of the tables as they stood at one point, written in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shot {
    /// What `source.lsn` of its rows says.
    pub at: Lsn,
    /// How many transactions its rows show.
    pub shows: usize,
    /// How many transactions were streamed before it; it is no more than those it shows.
    pub behind: usize,
    /// The tables it is of; `None`: all.
    pub tables: Option<Vec<usize>>,
    /// It was seen to its end.
    pub whole: bool,
}

/// The snapshots of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshots {
    /// The first, and each that was taken anew since a restart found no offset: the stream goes on
    /// from what the last of them shows.
    pub taken: Vec<Shot>,
    /// Those that a signal asked for, and for which the stream waited.
    pub blocking: Vec<Shot>,
    /// What the signal table says.
    pub signals: Signals,
    /// Incremental snapshots (by the places of their signals) that are known to be complete.
    pub complete: BTreeSet<usize>,
}

impl Snapshots {
    /// A first snapshot, and no other.
    pub fn first(at: Lsn, shows: usize) -> Self {
        let shot = Shot { at, shows, behind: shows, tables: None, whole: true };
        Self { taken: vec![shot], ..Self::default() }
    }

    /// Where the stream begins for the first time.
    pub fn begins(&self) -> usize {
        self.taken.first().map_or(0, |shot| shot.shows)
    }

    /// Where the stream begins that went on to the end.
    pub fn goes_on(&self) -> usize {
        self.taken.last().map_or(0, |shot| shot.shows)
    }

    /// Some were taken anew.
    pub fn repeated(&self) -> bool {
        self.taken.len() > 1
    }
}

/// Writes the rows of snapshots among the streamed changes of one table.
pub(super) struct Writer<'a> {
    columns: &'a Columns<'a>,
    table: usize,
    rules: &'a Rules,
    snapshots: &'a Snapshots,
    transactions: &'a [Transaction],
    /// The rows of the table after the transactions so far.
    rows: Rows,
    /// The rows of incremental snapshots: their numbers, and in how many windows they stood still.
    groups: BTreeMap<(usize, Option<Key>), (u32, usize)>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        (columns, table): (&'a Columns<'a>, usize),
        rules: &'a Rules,
        snapshots: &'a Snapshots,
        transactions: &'a [Transaction],
    ) -> Self {
        let (rows, groups) = (Rows::of(&columns.table), BTreeMap::new());
        Self { columns, table, rules, snapshots, transactions, rows, groups }
    }

    /// Writes what stands before a transaction, and takes that one.
    pub(super) fn before(
        &mut self,
        place: usize,
        list: &mut Vec<Expected>,
    ) -> Result<(), NotOfType> {
        let last = self.snapshots.taken.len().saturating_sub(1);
        if self.rules.snapshot {
            for (n, shot) in self.snapshots.taken.iter().enumerate() {
                if shot.shows == place {
                    let owed = if n == last { Owed::Yes } else { Owed::No };
                    self.shot(shot, owed, list)?;
                }
            }
        }
        let own = |shot: &&Shot| shot.tables.as_ref().is_none_or(|t| t.contains(&self.table));
        for shot in self.snapshots.blocking.iter().filter(|shot| shot.behind == place).filter(own) {
            let owed = if shot.whole { Owed::Yes } else { Owed::No };
            self.shot(shot, owed, list)?;
        }
        for asked in &self.snapshots.signals.incremental {
            if asked.tables.contains(&self.table) {
                self.windows(asked, place, list)?;
            }
        }
        if let Some(transaction) = self.transactions.get(place) {
            apply(&mut self.rows, self.table, transaction);
        }
        Ok(())
    }

    /// The row as it is read after so many transactions.
    fn read(
        &self,
        (names, shows): (&std::sync::Arc<[String]>, usize),
        row: &Image,
    ) -> Result<Expected, NotOfType> {
        let encoding = &self.rules.encoding;
        let last = shows.checked_sub(1).and_then(|last| self.transactions.get(last));
        let lsn = last.map_or(Lsn(0), |transaction| transaction.commit);
        let columns = self.columns.at(lsn);
        let key = columns.key(names, row, encoding)?;
        let row_key = columns.row(names, row, encoding)?;
        Ok(Expected::read((key, row_key), (names, lsn), row))
    }

    fn shot(&self, shot: &Shot, owed: Owed, list: &mut Vec<Expected>) -> Result<(), NotOfType> {
        let mut rows = self.rows.clone();
        let more = self.transactions.get(shot.behind..shot.shows).unwrap_or_default();
        for transaction in more {
            apply(&mut rows, self.table, transaction);
        }
        for row in rows.iter() {
            let wanted = self.read((&rows.columns, shot.shows), row)?;
            list.push(Expected { owed, shot: Some(shot.at), ..wanted });
        }
        Ok(())
    }

    /// A row that stood still in a window may have been read in it; one that stood still in all of
    /// them has been, in one of them.
    ///
    /// Source: Debezium's manual, PostgreSQL connector, "Incremental snapshots": a streamed
    /// change of a key takes its row out of the window.
    fn windows(
        &mut self,
        asked: &Asked,
        place: usize,
        list: &mut Vec<Expected>,
    ) -> Result<(), NotOfType> {
        let windows = self.snapshots.signals.windows_of(asked).collect::<Vec<_>>();
        let Some(window) = windows.iter().find(|window| window.close == place) else {
            return Ok(());
        };
        if self.columns.table.key.is_empty() {
            return Ok(());
        }
        let changed = self.changed(window.open, window.close)?;
        let complete = self.snapshots.complete.contains(&asked.at);
        let rows = std::mem::replace(&mut self.rows, Rows::of(&self.columns.table));
        for row in rows.iter() {
            let wanted = self.read((&rows.columns, place), row)?;
            if changed.contains(&wanted.row) {
                continue;
            }
            let next = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
            let group = self.groups.entry((asked.at, wanted.row.clone())).or_insert((next, 0));
            group.1 += 1;
            let owed = if complete && group.1 == windows.len() { Owed::Yes } else { Owed::No };
            list.push(Expected { owed, group: Some(group.0), ..wanted });
        }
        self.rows = rows;
        Ok(())
    }

    /// The primary keys of the rows that change between two transactions.
    fn changed(&self, open: usize, close: usize) -> Result<BTreeSet<Option<Key>>, NotOfType> {
        let within = self.transactions.get(open + 1..close).unwrap_or_default();
        let changes = within.iter().flat_map(|transaction| &transaction.changes);
        let mut keys = BTreeSet::new();
        for change in changes.filter(|change| change.table == self.table) {
            for row in [&change.old, &change.new].into_iter().flatten() {
                let columns = self.columns.at(change.lsn);
                keys.insert(columns.row(&change.columns, row, &self.rules.encoding)?);
            }
        }
        Ok(keys)
    }
}
