//! Reads the journal message by message; a transaction is complete at its commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Carried, Change, Fold, Image, Kind, Transaction};
use crate::base::position::{Lsn, Position, Xid};
use crate::codec::pgoutput::{self, Cell, Message, Old, PgoutputError, Relation, Tuple};
use crate::history::event::Table;

/// The journal cannot be read as one: the harness's own record of the truth is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("journal message at {lsn} (transaction {xid}): {problem}")]
pub struct JournalError {
    /// The message.
    pub lsn: Lsn,
    /// Its transaction.
    pub xid: Xid,
    /// What is wrong.
    pub problem: String,
}

/// What a table looks like in the WAL at this point.
#[derive(Debug, Clone)]
struct Shape {
    /// The table's place in the history's tables; `None` for one that is not among them.
    table: Option<usize>,
    /// The columns that a tuple has.
    columns: Arc<[String]>,
    /// The WAL is to be read as `REPLICA IDENTITY USING INDEX` or default: the key's places.
    identity: Vec<usize>,
}

/// Folds the journal: gives each transaction with full images when its commit comes.
#[derive(Debug, Clone)]
pub struct Journal {
    by_name: BTreeMap<(String, String), usize>,
    folds: Vec<Fold>,
    shapes: BTreeMap<u32, Shape>,
    open: Option<Open>,
    last_commit: Option<Lsn>,
}

/// A transaction whose commit has not come yet.
#[derive(Debug, Clone)]
struct Open {
    transaction: Transaction,
    nth: BTreeMap<(Lsn, usize), u32>,
    index: u32,
}

impl Journal {
    /// The journal before the first transaction; the tables are empty then.
    pub fn new(tables: &[Table]) -> Self {
        let name =
            |(place, table): (usize, &Table)| ((table.schema.clone(), table.name.clone()), place);
        let shape = |(place, table): (usize, &Table)| {
            let stored = table.columns.iter().filter(|column| !column.generated);
            let columns = stored.map(|column| column.name.clone()).collect();
            (table.oid, Shape { table: Some(place), columns, identity: Vec::new() })
        };
        Self {
            by_name: tables.iter().enumerate().map(name).collect(),
            folds: tables.iter().map(Fold::of).collect(),
            shapes: tables.iter().enumerate().map(shape).collect(),
            open: None,
            last_commit: None,
        }
    }

    /// The rows of a table after the last transaction.
    pub fn fold(&self, table: usize) -> Option<&Fold> {
        self.folds.get(table)
    }

    /// Whether a transaction has begun whose commit has not come.
    pub fn in_transaction(&self) -> bool {
        self.open.is_some()
    }

    /// Takes the next message of the slot; gives the transaction it completes.
    pub fn push(
        &mut self,
        lsn: Lsn,
        xid: Xid,
        data: &[u8],
    ) -> Result<Option<Transaction>, JournalError> {
        let error = |problem: String| JournalError { lsn, xid, problem };
        let message = pgoutput::parse(data).map_err(|e: PgoutputError| error(e.to_string()))?;
        self.take(lsn, message).map_err(error)
    }

    fn take(&mut self, lsn: Lsn, message: Message) -> Result<Option<Transaction>, String> {
        match message {
            Message::Begin { final_lsn, commit_time_us, xid } => {
                self.begin(final_lsn, commit_time_us, xid)?;
            }
            Message::Commit { commit_lsn, end_lsn, .. } => {
                return self.commit(commit_lsn, end_lsn).map(Some);
            }
            Message::Relation(relation) => self.relation(relation),
            Message::Origin { .. } | Message::Type { .. } => {}
            Message::Insert { relation, new } => {
                let new = self.row(relation, new)?;
                let kind = Kind::Insert;
                self.change(relation, lsn, Draft { kind, old: None, new: Some(new) })?;
            }
            Message::Update { relation, old, new } => {
                let new = self.row(relation, new)?;
                let kind = Kind::Update;
                self.change(relation, lsn, Draft { kind, old, new: Some(new) })?;
            }
            Message::Delete { relation, old } => {
                let kind = Kind::Delete;
                self.change(relation, lsn, Draft { kind, old: Some(old), new: None })?;
            }
            Message::Truncate { relations, .. } => {
                for relation in relations {
                    let kind = Kind::Truncate;
                    self.change(relation, lsn, Draft { kind, old: None, new: None })?;
                }
            }
            Message::Logical(message) => {
                if let Some(open) = &mut self.open {
                    open.transaction.messages.push(message);
                }
            }
        }
        Ok(None)
    }

    fn begin(&mut self, commit: Lsn, time_us: i64, xid: Xid) -> Result<(), String> {
        if let Some(open) = &self.open {
            let open = open.transaction.xid;
            return Err(format!("transaction {xid} begins inside transaction {open}"));
        }
        if let Some(last) = self.last_commit.filter(|last| commit <= *last) {
            return Err(format!("its commit at {commit} does not follow the one before at {last}"));
        }
        let (changes, messages) = (Vec::new(), Vec::new());
        let transaction = Transaction { xid, commit, end: commit, time_us, changes, messages };
        self.open = Some(Open { transaction, nth: BTreeMap::new(), index: 0 });
        Ok(())
    }

    fn commit(&mut self, commit: Lsn, end: Lsn) -> Result<Transaction, String> {
        let open = self.open.take().ok_or("a commit without a begin")?;
        let mut transaction = open.transaction;
        if transaction.commit != commit {
            let begun = transaction.commit;
            return Err(format!(
                "a commit at {commit} ends the transaction that begins for {begun}"
            ));
        }
        transaction.end = end;
        self.last_commit = Some(commit);
        Ok(transaction)
    }

    /// Learns a table's columns; rows that are there are put into their order.
    fn relation(&mut self, relation: Relation) {
        let identity = relation.columns.iter().enumerate();
        let identity = identity.filter(|(_, column)| column.identity).map(|(place, _)| place);
        let identity = identity.collect::<Vec<_>>();
        let columns = relation.columns.into_iter().map(|column| column.name);
        let columns = columns.collect::<Arc<[String]>>();
        let table = self.by_name.get(&(relation.schema, relation.name)).copied();
        let before = self.shapes.insert(
            relation.oid,
            Shape { table, columns: columns.clone(), identity: identity.clone() },
        );
        let Some(fold) = table.and_then(|table| self.folds.get_mut(table)) else { return };
        if let Some(before) = before.filter(|before| before.columns != columns) {
            let place = |name| before.columns.iter().position(|column| column == name);
            fold.reshape(&columns.iter().map(place).collect::<Vec<_>>());
        }
        if relation.identity == b'i' {
            fold.identify(identity);
        }
    }

    fn shape(&self, relation: u32) -> Result<&Shape, String> {
        let unknown = || format!("table {relation} is neither in the catalogue nor described");
        self.shapes.get(&relation).ok_or_else(unknown)
    }

    fn row(&self, relation: u32, tuple: Tuple) -> Result<Tuple, String> {
        let shape = self.shape(relation)?;
        if tuple.len() != shape.columns.len() {
            let (found, wanted) = (tuple.len(), shape.columns.len());
            return Err(format!("a row of table {relation} has {found} cells, expected {wanted}"));
        }
        Ok(tuple)
    }

    fn change(&mut self, relation: u32, lsn: Lsn, draft: Draft) -> Result<(), String> {
        let shape = self.shape(relation)?.clone();
        let Some(table) = shape.table else { return Ok(()) };
        let fold = self.folds.get_mut(table).ok_or("no such table")?;
        let open = self.open.as_mut().ok_or("a change outside of a transaction")?;
        let images = draft.fold(fold, &shape)?;
        let nth = open.nth.entry((lsn, table)).or_default();
        open.transaction.changes.push(Arc::new(Change {
            position: Position { commit: open.transaction.commit, index: open.index },
            xid: open.transaction.xid,
            lsn,
            nth: *nth,
            table,
            columns: shape.columns.clone(),
            kind: images.kind,
            old: images.old,
            new: images.new,
            carried: images.carried,
            unchanged: images.unchanged,
            key_changed: images.key_changed,
        }));
        *nth += 1;
        open.index += 1;
        Ok(())
    }
}

/// A change as the WAL says it.
struct Draft {
    kind: Kind,
    old: Option<Old>,
    new: Option<Tuple>,
}

/// A change with full images.
struct Images {
    kind: Kind,
    old: Option<Image>,
    new: Option<Image>,
    carried: Carried,
    unchanged: Vec<usize>,
    key_changed: bool,
}

impl Draft {
    /// Completes the images from the fold, and takes the change into it.
    fn fold(self, fold: &mut Fold, shape: &Shape) -> Result<Images, String> {
        let (carried, old) = match (self.kind, self.old) {
            (Kind::Insert | Kind::Truncate, _) => (Carried::Nothing, None),
            (Kind::Update | Kind::Delete, Some(Old::Full(row))) => {
                let found = fold.find(&row);
                (Carried::Full, Some(fill(row, found.as_deref())))
            }
            (Kind::Update | Kind::Delete, Some(Old::Key(row))) => {
                let found = fold.find(&row);
                let partial = || key_only(&row, &shape.identity);
                (Carried::Key, Some(found.unwrap_or_else(partial)))
            }
            (Kind::Update | Kind::Delete, None) => {
                let found = self.new.as_ref().and_then(|new| fold.find(new));
                (Carried::Nothing, found)
            }
        };
        let unchanged = unchanged(self.new.as_deref().unwrap_or_default());
        let new = self.new.map(|new| fill(new, old.as_deref()));
        if old.is_none() && self.kind == Kind::Update && fold.is_keyed() {
            return Err("an update of a row that the journal never saw".to_owned());
        }
        let key_of = |row: &Option<Image>| row.as_ref().and_then(|row| fold.key_of(row));
        let key_changed =
            self.kind == Kind::Update && fold.is_keyed() && key_of(&old) != key_of(&new);
        if self.kind == Kind::Truncate {
            fold.clear();
        }
        if let Some(old) = &old {
            fold.remove(old);
        }
        if let Some(new) = &new {
            fold.insert(new);
        }
        Ok(Images { kind: self.kind, old, new, carried, unchanged, key_changed })
    }
}

fn unchanged(row: &[Cell]) -> Vec<usize> {
    let cells = row.iter().enumerate();
    cells.filter(|(_, cell)| **cell == Cell::Unchanged).map(|(place, _)| place).collect()
}

/// Only the columns of the replica identity mean something in such a row.
fn key_only(row: &[Cell], identity: &[usize]) -> Image {
    let cell = |(place, cell): (usize, &Cell)| {
        if identity.contains(&place) { cell.clone() } else { Cell::Unchanged }
    };
    row.iter().enumerate().map(cell).collect()
}

/// Takes unchanged TOAST values from the row before.
fn fill(new: Tuple, old: Option<&[Cell]>) -> Image {
    let fill = |(place, cell)| match cell {
        Cell::Unchanged => old.and_then(|old| old.get(place)).cloned().unwrap_or(Cell::Unchanged),
        Cell::Null | Cell::Text(_) => cell,
    };
    new.into_iter().enumerate().map(fill).collect()
}
