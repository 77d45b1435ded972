//! Reads the journal message by message; a transaction is complete at its commit.
//!
//! Source: PostgreSQL's manual, "Logical Streaming Replication Protocol" and "Logical Replication
//! Message Formats".

use std::collections::BTreeMap;
use std::sync::Arc;

use super::turn::{Noted, differs, renamed, same_type, stored};
use super::{Carried, Change, Fold, Image, Kind, NOTE, ROWS, Reshaped, TABLES, Transaction, Turn};
use crate::base::position::{Lsn, Position, Xid};
use crate::codec::pgoutput::{self, Cell, Logical, Message, Old, PgoutputError, Relation, Tuple};
use crate::history::event::{Column, Table};

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
    /// What the catalogue said of it last.
    known: Option<Arc<Table>>,
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
        let shape = |(place, table): (usize, &Table)| (table.oid, Shape::of(Some(place), table));
        Self {
            by_name: tables.iter().enumerate().map(name).collect(),
            folds: tables.iter().map(Fold::of).collect(),
            shapes: tables.iter().enumerate().map(shape).collect(),
            open: None,
            last_commit: None,
        }
    }

    /// Knows a table that was not among the others, and has no rows yet.
    pub fn learn(&mut self, table: &Table) {
        self.by_name.insert((table.schema.clone(), table.name.clone()), self.folds.len());
        self.folds.push(Fold::of(table));
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
                self.note(lsn, &message)?;
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
        let turns = Vec::new();
        let transaction =
            Transaction { xid, commit, end: commit, time_us, changes, messages, turns };
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
        let known = self.shapes.get(&relation.oid).and_then(|shape| shape.known.clone());
        let identified = identity.clone();
        let shape = Shape { table, columns: columns.clone(), identity: identified, known };
        let before = self.shapes.insert(relation.oid, shape);
        let Some(fold) = table.and_then(|table| self.folds.get_mut(table)) else { return };
        if let Some(before) = before.filter(|before| before.columns != columns) {
            let place = |name| before.columns.iter().position(|column| column == name);
            fold.reshape(&columns.iter().map(place).collect::<Vec<_>>());
        }
        if relation.identity == b'i' {
            fold.identify(identity);
        }
    }

    /// Takes a note of a change of the schema.
    fn note(&mut self, lsn: Lsn, message: &Logical) -> Result<(), String> {
        let text = || String::from_utf8_lossy(&message.content).into_owned();
        let wrong = |error: serde_json::Error| format!("a note on the schema: {error}");
        match message.prefix.as_str() {
            NOTE => {
                let Some(open) = &mut self.open else { return Ok(()) };
                let behind = open.transaction.changes.len();
                // The statement is noted behind what it did.
                match open.transaction.turns.last_mut() {
                    Some(last) if last.ddl.is_none() && last.behind == behind => {
                        last.ddl = Some(text());
                    }
                    Some(_) | None => {
                        let (tables, reshaped, ddl) = (None, Vec::new(), Some(text()));
                        open.transaction.turns.push(Turn { behind, lsn, ddl, tables, reshaped });
                    }
                }
            }
            TABLES => {
                let tables = serde_json::from_slice::<Vec<Table>>(&message.content);
                self.tables(lsn, tables.map_err(wrong)?);
            }
            ROWS => {
                let noted = serde_json::from_slice::<Noted>(&message.content);
                self.rows(noted.map_err(wrong)?);
            }
            _ => {}
        }
        Ok(())
    }

    /// The tables are these from here on.
    fn tables(&mut self, lsn: Lsn, tables: Vec<Table>) {
        let Some(open) = &mut self.open else { return };
        let mut reshaped = Vec::new();
        let mut moved = BTreeMap::new();
        // What is gone first: another table may have its name now.
        let name = |table: &Table| (table.schema.clone(), table.name.clone());
        let now = tables.iter().map(|t| (t.oid, name(t))).collect::<BTreeMap<_, _>>();
        for (oid, shape) in &mut self.shapes {
            let Some(known) = shape.known.clone() else { continue };
            if now.get(oid).is_some_and(|now| *now == name(&known)) {
                continue;
            }
            let fold = shape.table.and_then(|place| self.folds.get_mut(place));
            moved.insert(*oid, fold.map(|fold| fold.rows().cloned().collect::<Vec<_>>()));
            if let Some(place) = shape.table
                && let Some(fold) = self.folds.get_mut(place)
            {
                fold.clear();
            }
            let (place, table) = (shape.table.take(), known);
            reshaped.push(Reshaped { place, table, gone: true, rows: Vec::new(), noted: false });
        }
        self.shapes.retain(|oid, shape| shape.known.is_none() || now.contains_key(oid));
        for table in &tables {
            let place = self.by_name.get(&name(table)).copied();
            let before = self.shapes.get(&table.oid).and_then(|shape| shape.known.clone());
            let here = before.as_ref().is_some_and(|before| name(before) == name(table));
            let same = before.as_ref().is_some_and(|before| !differs(before, table));
            if here && same {
                continue;
            }
            let shape = Shape::of(place, table);
            let known = shape.known.clone();
            let rows = match moved.remove(&table.oid).flatten() {
                Some(rows) => rows,
                None => {
                    let fold = place.filter(|_| here).and_then(|place| self.folds.get(place));
                    fold.map(|fold| fold.rows().cloned().collect()).unwrap_or_default()
                }
            };
            let rows = match &before {
                Some(before) => turned(rows, before, table),
                None => rows,
            };
            self.shapes.insert(table.oid, shape);
            if let Some(fold) = place.and_then(|place| self.folds.get_mut(place)) {
                *fold = Fold::of(table);
                for row in &rows {
                    fold.insert(row);
                }
            }
            reshaped.extend(known.map(|table| Reshaped {
                place,
                table,
                gone: false,
                rows,
                noted: false,
            }));
        }
        let (behind, tables) = (open.transaction.changes.len(), Some(tables.into()));
        open.transaction.turns.push(Turn { behind, lsn, ddl: None, tables, reshaped });
    }

    /// The rows of a table are these from here on, or these too.
    fn rows(&mut self, noted: Noted) {
        let Some(shape) = self.shapes.get(&noted.table) else { return };
        let (place, Some(table)) = (shape.table, shape.known.clone()) else { return };
        let Some(open) = &mut self.open else { return };
        let more = noted.more;
        let rows = noted.images();
        if let Some(fold) = place.and_then(|place| self.folds.get_mut(place)) {
            if !more {
                *fold = Fold::of(&table);
            }
            for row in &rows {
                fold.insert(row);
            }
        }
        let Some(turn) = open.transaction.turns.last_mut() else { return };
        let of = |reshaped: &&mut Reshaped| !reshaped.gone && reshaped.table.oid == table.oid;
        match turn.reshaped.iter_mut().find(of) {
            Some(reshaped) if more => reshaped.rows.extend(rows),
            Some(reshaped) => (reshaped.rows, reshaped.noted) = (rows, true),
            None => {
                turn.reshaped.push(Reshaped { place, table, gone: false, rows, noted: true });
            }
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
            published: true,
        }));
        *nth += 1;
        open.index += 1;
        Ok(())
    }
}

impl Shape {
    fn of(table: Option<usize>, known: &Table) -> Self {
        let columns = stored(known);
        Self { table, columns, known: Some(Arc::new(known.clone())), identity: Vec::new() }
    }
}

/// Rows in the columns that their table has after a change of the schema. What it made of a value
/// whose type is another is not known.
fn turned(rows: Vec<Image>, before: &Table, after: &Table) -> Vec<Image> {
    let renamed = renamed(before, after);
    let was = before.columns.iter().filter(|column| !column.generated).collect::<Vec<_>>();
    let place = |column: &Column| {
        let name = renamed.get(column.name.as_str()).copied().unwrap_or(&column.name);
        was.iter().position(|old| old.name == name && same_type(old, column))
    };
    let places = after.columns.iter().filter(|column| !column.generated).map(place);
    let places = places.collect::<Vec<_>>();
    let row = |row: &Image| {
        let cell = |place: &Option<usize>| place.and_then(|place| row.get(place)).cloned();
        places.iter().map(|place| cell(place).unwrap_or(Cell::Unchanged)).collect()
    };
    rows.iter().map(row).collect()
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
