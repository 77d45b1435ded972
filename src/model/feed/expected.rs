//! The records that a topic must hold, in journal order: the rows of the snapshot, then the parts
//! of every later change.

use std::sync::Arc;

use super::unwrap::unwrapped;
use super::{Columns, NotOfType, Rules};
use crate::base::position::Lsn;
use crate::codec::debezium::Op;
use crate::model::key::Key;
use crate::model::source::{Carried, Change, Image, Kind, Rows, Transaction};

/// What kind of record is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A row of the snapshot.
    Read,
    /// `c`.
    Create,
    /// `u`.
    Update,
    /// `d`.
    Delete,
    /// The null value after a delete.
    Tombstone,
    /// `t`.
    Truncate,
}

impl Part {
    /// The operation its envelope names; `None` for a tombstone.
    pub fn op(self) -> Option<Op> {
        match self {
            Self::Read => Some(Op::Read),
            Self::Create => Some(Op::Create),
            Self::Update => Some(Op::Update),
            Self::Delete => Some(Op::Delete),
            Self::Truncate => Some(Op::Truncate),
            Self::Tombstone => None,
        }
    }

    /// As `expect` writes it.
    pub fn letter(self) -> &'static str {
        self.op().map_or("null", Op::letter)
    }
}

/// What a record may show as the row before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// Nothing: `before` is null.
    Nothing,
    /// The whole row.
    Full(Image),
    /// The row's key; all other columns were not in the WAL.
    Key(Image),
}

/// One record that the topic must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// What kind of record.
    pub part: Part,
    /// Its key; `None` for a table without one, and for a truncate.
    pub key: Option<Key>,
    /// What `before` may show.
    pub before: Before,
    /// The row after; `None` for deletes, tombstones and truncates.
    pub after: Option<Image>,
    /// The columns of the images.
    pub columns: Arc<[String]>,
    /// The change it comes from; of a snapshot's row none.
    pub change: Option<Arc<Change>>,
    /// The end LSN of the change's transaction; a snapshot's row has none.
    pub end: Option<Lsn>,
    /// It is a part of a primary-key change.
    pub key_change: bool,
}

/// What the topic of a table must hold: the snapshot's rows, then `streamed`'s changes of it.
pub fn expected<'a>(
    columns: &Columns<'_>,
    table: usize,
    rules: &Rules,
    snapshot: &Rows,
    streamed: impl IntoIterator<Item = &'a Transaction>,
) -> Result<Vec<Expected>, NotOfType> {
    let mut list = Vec::new();
    if rules.snapshot {
        let names = &snapshot.columns;
        for row in snapshot.iter() {
            list.push(Expected {
                part: Part::Read,
                key: columns.key(names, row, &rules.encoding)?,
                before: Before::Nothing,
                after: Some(row.clone()),
                columns: names.clone(),
                change: None,
                end: None,
                key_change: false,
            });
        }
    }
    for transaction in streamed {
        for change in transaction.changes.iter().filter(|change| change.table == table) {
            let draft = Draft { columns, rules, change, end: transaction.end };
            draft.parts(&mut list)?;
        }
    }
    Ok(match rules.unwrapped {
        Some(deletes) => unwrapped(list, deletes),
        None => list,
    })
}

/// A change about to become its records.
struct Draft<'a> {
    columns: &'a Columns<'a>,
    rules: &'a Rules,
    change: &'a Arc<Change>,
    end: Lsn,
}

impl Draft<'_> {
    fn parts(&self, list: &mut Vec<Expected>) -> Result<(), NotOfType> {
        let (old, new) = (self.change.old.as_ref(), self.change.new.as_ref());
        match self.change.kind {
            Kind::Insert => self.create(list)?,
            // What is skipped are the records: the two of a key change each by its own operation.
            Kind::Update if self.change.key_changed => {
                self.delete(list)?;
                self.create(list)?;
            }
            Kind::Update if self.rules.skips(Op::Update) => {}
            Kind::Update => list.push(self.part(Part::Update, new, self.before(old), new)?),
            Kind::Delete => self.delete(list)?,
            Kind::Truncate if self.rules.skips(Op::Truncate) => {}
            Kind::Truncate => list.push(self.part(Part::Truncate, None, Before::Nothing, None)?),
        }
        Ok(())
    }

    fn create(&self, list: &mut Vec<Expected>) -> Result<(), NotOfType> {
        let new = self.change.new.as_ref();
        if !self.rules.skips(Op::Create) {
            list.push(self.part(Part::Create, new, Before::Nothing, new)?);
        }
        Ok(())
    }

    fn delete(&self, list: &mut Vec<Expected>) -> Result<(), NotOfType> {
        let old = self.change.old.as_ref();
        if self.rules.skips(Op::Delete) {
            return Ok(());
        }
        list.push(self.part(Part::Delete, old, self.before(old), None)?);
        // A table without a key has no key to clean up, and gets its tombstones all the same.
        if self.rules.tombstones {
            list.push(self.part(Part::Tombstone, old, Before::Nothing, None)?);
        }
        Ok(())
    }

    fn before(&self, old: Option<&Image>) -> Before {
        match (&self.change.carried, old) {
            (Carried::Full, Some(old)) => Before::Full(old.clone()),
            (Carried::Key, Some(old)) => Before::Key(old.clone()),
            (Carried::Nothing, _) | (_, None) => Before::Nothing,
        }
    }

    fn part(
        &self,
        part: Part,
        keyed_by: Option<&Image>,
        before: Before,
        after: Option<&Image>,
    ) -> Result<Expected, NotOfType> {
        let names = &self.change.columns;
        let key = match keyed_by {
            Some(row) => self.columns.key(names, row, &self.rules.encoding)?,
            None => None,
        };
        Ok(Expected {
            part,
            key,
            before,
            after: after.cloned(),
            columns: names.clone(),
            change: Some(self.change.clone()),
            end: Some(self.end),
            key_change: self.change.key_changed,
        })
    }
}
