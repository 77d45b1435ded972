//! The records that a topic must hold, in journal order: the rows of the snapshot, then the parts
//! of every later change, with the rows of further snapshots among them.
//!
//! Source: Debezium's manual, PostgreSQL connector, "create events", "update events",
//! "delete events", "Tombstone events" and "truncate events". Seen on 3.6.3 (scenario
//! `changes/insert-update-delete`).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::snapshots::Writer;
use super::unwrap::unwrapped;
use super::{Columns, NotOfType, Rules, Snapshots};
use crate::base::position::Lsn;
use crate::codec::debezium::Op;
use crate::model::key::Key;
use crate::model::source::{Carried, Change, Image, Kind, Transaction};

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
    /// Its key; `None` for a topic without one, and for a truncate.
    pub key: Option<Key>,
    /// The primary key of the row it is about; `None` for a table without one.
    pub row: Option<Key>,
    /// What `before` may show.
    pub before: Before,
    /// The row after; `None` for deletes, tombstones and truncates.
    pub after: Option<Image>,
    /// The columns of the images.
    pub columns: Arc<[String]>,
    /// The place in the WAL that says which columns the table had.
    pub lsn: Lsn,
    /// The change it comes from; of a snapshot's row none.
    pub change: Option<Arc<Change>>,
    /// The end LSN of the change's transaction; a snapshot's row has none.
    pub end: Option<Lsn>,
    /// It is a part of a change of the topic's key.
    pub key_change: bool,
    /// Whether it must arrive.
    pub owed: Owed,
    /// The point of the snapshot whose row it is; none of an incremental one's.
    pub shot: Option<Lsn>,
    /// Of the rows of an incremental snapshot with the same number one is read.
    pub group: Option<u32>,
}

/// Whether a record must arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owed {
    /// It must.
    Yes,
    /// It may.
    No,
    /// A delete that no later snapshot shows: it must if the row was shown before.
    IfShown,
}

impl Expected {
    /// A row of a snapshot with the topic's key and the primary key.
    pub(super) fn read(
        (key, row): (Option<Key>, Option<Key>),
        (columns, lsn): (&Arc<[String]>, Lsn),
        image: &Image,
    ) -> Self {
        Self {
            part: Part::Read,
            key,
            row,
            before: Before::Nothing,
            after: Some(image.clone()),
            columns: columns.clone(),
            lsn,
            change: None,
            end: None,
            key_change: false,
            owed: Owed::Yes,
            shot: None,
            group: None,
        }
    }

    /// It must arrive in any case.
    pub fn is_owed(&self) -> bool {
        self.owed == Owed::Yes
    }
}

/// What the topic of a table must hold: the snapshot's rows, then the changes behind it, with the
/// rows of further snapshots at their places.
pub fn expected(
    columns: &Columns<'_>,
    table: usize,
    rules: &Rules,
    (snapshots, transactions): (&Snapshots, &[Transaction]),
) -> Result<Vec<Expected>, NotOfType> {
    let mut list = Vec::new();
    let (begins, goes_on) = (snapshots.begins(), snapshots.goes_on());
    let mut writer = Writer::new((columns, table), rules, snapshots, transactions);
    for place in 0..=transactions.len() {
        writer.before(place, &mut list)?;
        let Some(transaction) = transactions.get(place).filter(|_| place >= begins) else {
            continue;
        };
        let from = list.len();
        let seen = |change: &&Arc<Change>| change.table == table && change.published;
        for change in transaction.changes.iter().filter(seen) {
            let columns = columns.at(change.lsn);
            let draft = Draft { columns, rules, change, end: transaction.end };
            draft.parts(&mut list)?;
        }
        // The last snapshot stands for what was not streamed before it, but for deletes.
        for wanted in list.iter_mut().skip(from).filter(|_| place < goes_on) {
            let gone = wanted.part == Part::Delete && wanted.row.is_some();
            wanted.owed = if gone { Owed::IfShown } else { Owed::No };
        }
    }
    if let Some(last) = snapshots.taken.last().filter(|_| snapshots.repeated()) {
        forgive_deletes(&mut list, last.at);
    }
    let mut list = match &columns.shape.unwrapped {
        Some(of_rows) => unwrapped(list, of_rows.deletes),
        None => list,
    };
    if columns.shape.is_dropped {
        list.clear();
    }
    if !columns.shape.tombstones {
        list.retain(|wanted| wanted.part != Part::Tombstone);
    }
    Ok(list)
}

/// Of deletes that no later snapshot shows, only the last of each row must arrive, and none where
/// the snapshot at `point` has the row again.
///
/// Source: a snapshot shows no row that is gone; seen on 3.6.3 (scenario
/// `upset/offsets-that-are-lost`).
fn forgive_deletes(list: &mut [Expected], point: Lsn) {
    let mut come_back = BTreeSet::new();
    for wanted in list.iter_mut().rev() {
        match wanted.part {
            Part::Read if wanted.shot == Some(point) => {
                come_back.extend(wanted.row.clone());
            }
            Part::Delete if wanted.owed == Owed::IfShown => {
                if wanted.row.as_ref().is_some_and(|row| !come_back.insert(row.clone())) {
                    wanted.owed = Owed::No;
                }
            }
            Part::Read
            | Part::Create
            | Part::Update
            | Part::Delete
            | Part::Tombstone
            | Part::Truncate => {}
        }
    }
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
        let key_changed = self.key_changed()?;
        let from = list.len();
        let is_unchanged = self.is_unchanged();
        match self.change.kind {
            Kind::Update if is_unchanged == Some(true) => {}
            Kind::Insert => self.create(list)?,
            // What is skipped are the records: the two of a key change each by its own operation.
            Kind::Update if key_changed => {
                self.delete(list)?;
                self.create(list)?;
            }
            Kind::Update if self.rules.skips(Op::Update, self.end) => {}
            Kind::Update => list.push(self.part(Part::Update, new, self.before(old), new)?),
            Kind::Delete => self.delete(list)?,
            Kind::Truncate if self.rules.skips(Op::Truncate, self.end) => {}
            Kind::Truncate => list.push(self.part(Part::Truncate, None, Before::Nothing, None)?),
        }
        if self.change.kind == Kind::Update && is_unchanged.is_none() {
            let new = list.iter_mut().skip(from);
            new.for_each(|wanted| wanted.owed = Owed::No);
        }
        Ok(())
    }

    /// Whether the connector leaves the update out since the rows that it shows before and after are
    /// the same; `None` if nobody knows here. It compares what the WAL carries.
    ///
    /// Source: Debezium's manual, PostgreSQL connector, property `skip.messages.without.change`,
    /// which applies under `REPLICA IDENTITY FULL` alone. Seen on 3.6.3 (scenario
    /// `records/updates-that-change-nothing`).
    fn is_unchanged(&self) -> Option<bool> {
        let (Some(old), Some(new)) = (&self.change.old, &self.change.new) else {
            return Some(false);
        };
        if !self.rules.skips_unchanged(self.end) || self.change.carried != Carried::Full {
            return Some(false);
        }
        let mut all = Some(true);
        for (place, name) in self.change.columns.iter().enumerate() {
            let (Some(old), Some(new)) = (old.get(place), new.get(place)) else { continue };
            match self.columns.looks_alike(name, (old, new), &self.rules.encoding) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => all = None,
            }
        }
        all
    }

    fn create(&self, list: &mut Vec<Expected>) -> Result<(), NotOfType> {
        let new = self.change.new.as_ref();
        if !self.rules.skips(Op::Create, self.end) {
            list.push(self.part(Part::Create, new, Before::Nothing, new)?);
        }
        Ok(())
    }

    fn delete(&self, list: &mut Vec<Expected>) -> Result<(), NotOfType> {
        let old = self.change.old.as_ref();
        if self.rules.skips(Op::Delete, self.end) {
            return Ok(());
        }
        list.push(self.part(Part::Delete, old, self.before(old), None)?);
        // A table without a key has no key to clean up, and gets its tombstones all the same.
        if self.rules.has_tombstones(self.end) {
            list.push(self.part(Part::Tombstone, old, Before::Nothing, None)?);
        }
        Ok(())
    }

    /// The connector compares the keys of the images that the WAL carries.
    fn key_changed(&self) -> Result<bool, NotOfType> {
        key_changed(self.columns, self.change, self.rules)
    }

    /// What the record may show as the row before: what the WAL carries of it.
    ///
    /// Source: Debezium's manual, PostgreSQL connector, "Replica identity". Seen on 3.6.3
    /// (scenario `controls/default-identity-loses-the-old-row`).
    fn before(&self, old: Option<&Image>) -> Before {
        if !self.columns.shape.before {
            return Before::Nothing;
        }
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
        let encoding = &self.rules.encoding;
        let (key, row) = match keyed_by {
            Some(row) => {
                (self.columns.key(names, row, encoding)?, self.columns.row(names, row, encoding)?)
            }
            None => (None, None),
        };
        Ok(Expected {
            part,
            key,
            row,
            before,
            after: after.cloned(),
            columns: names.clone(),
            lsn: self.change.lsn,
            change: Some(self.change.clone()),
            end: Some(self.end),
            key_change: self.key_changed()?,
            owed: Owed::Yes,
            shot: None,
            group: None,
        })
    }
}

/// Whether an update becomes a delete and a create, since its topic's key changes. Where the WAL
/// carries nothing of the row before, the connector sees no change of its key.
///
/// Source: Debezium's manual, PostgreSQL connector, "Primary key updates"; Debezium's
/// `RelationalChangeRecordEmitter` takes an update without an old key for a plain one. Seen on
/// 3.6.3 (scenario `keys/primary-key-update-over-partitions`).
pub fn key_changed(
    columns: &Columns<'_>,
    change: &Change,
    rules: &Rules,
) -> Result<bool, NotOfType> {
    if !columns.is_split_otherwise() {
        return Ok(change.key_changed);
    }
    let (Some(old), Some(new)) = (&change.old, &change.new) else { return Ok(false) };
    if change.carried == Carried::Nothing {
        return Ok(false);
    }
    let key = |row: &Image| columns.split_key(&change.columns, row, &rules.encoding);
    Ok(key(old)? != key(new)?)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::base::position::Xid;
    use crate::base::value::Value;
    use crate::codec::pgoutput::{Cell, write};
    use crate::history::testing::text_table;
    use crate::model::source::Journal;
    use crate::scenario::settings::Options;

    #[test]
    fn parts_are_written_as_expectations_write_them() {
        let parts =
            [Part::Read, Part::Create, Part::Update, Part::Delete, Part::Truncate, Part::Tombstone];
        assert_eq!(parts.map(Part::letter), ["r", "c", "u", "d", "t", "null"]);
    }

    fn wanted(part: Part, row: &str, owed: Owed) -> Expected {
        let key = Key::of(&[Value::Text(row.to_owned())]);
        let image: Image = [Cell::Text(row.to_owned())].into_iter().collect();
        let columns = ["id".to_owned()].into_iter().collect();
        let read = Expected::read((Some(key.clone()), Some(key)), (&columns, Lsn(0)), &image);
        Expected { part, owed, ..read }
    }

    fn shown(row: &str, point: u64) -> Expected {
        Expected { shot: Some(Lsn(point)), ..wanted(Part::Read, row, Owed::Yes) }
    }

    fn owed(mut list: Vec<Expected>) -> Vec<Owed> {
        forgive_deletes(&mut list, Lsn(20));
        let deletes = list.into_iter().filter(|wanted| wanted.part == Part::Delete);
        deletes.map(|wanted| wanted.owed).collect()
    }

    #[test]
    fn of_deletes_that_no_snapshot_shows_the_last_must_arrive() {
        let deletes = ["a", "b", "a"].map(|row| wanted(Part::Delete, row, Owed::IfShown));
        assert_eq!(owed(deletes.to_vec()), [Owed::No, Owed::IfShown, Owed::IfShown]);
    }

    #[rstest]
    #[case::by_the_last_snapshot("a", 20, Owed::No)]
    #[case::by_one_before("a", 10, Owed::IfShown)]
    #[case::with_another_row("b", 20, Owed::IfShown)]
    fn a_delete_must_not_arrive_where_the_row_is_shown_again(
        #[case] row: &str,
        #[case] point: u64,
        #[case] expected: Owed,
    ) {
        let list = vec![wanted(Part::Delete, "a", Owed::IfShown), shown(row, point)];
        assert_eq!(owed(list), [expected]);
    }

    #[test]
    fn what_is_streamed_behind_the_last_snapshot_forgives_nothing() {
        let list = vec![
            wanted(Part::Delete, "a", Owed::IfShown),
            wanted(Part::Create, "a", Owed::Yes),
            wanted(Part::Delete, "a", Owed::Yes),
            wanted(Part::Create, "a", Owed::Yes),
            wanted(Part::Delete, "a", Owed::Yes),
        ];
        assert_eq!(owed(list), [Owed::IfShown, Owed::Yes, Owed::Yes]);
    }

    #[rstest]
    #[case::left_out("t", &[])]
    #[case::written("none", &[Part::Truncate])]
    fn a_truncate_is_written_where_it_is_not_left_out(
        #[case] skipped: &str,
        #[case] expected_parts: &[Part],
    ) {
        let table = text_table("t", &["id"]);
        let mut journal = Journal::new(std::slice::from_ref(&table));
        let begin = write::begin(Lsn(10), 0, Xid(7));
        let end = write::commit(Lsn(10), Lsn(18), 0);
        let messages = [begin, write::truncate(&[1]), end];
        let push = |message: &Vec<u8>| journal.push(Lsn(1), Xid(7), message).unwrap();
        let transactions = messages.iter().filter_map(push).collect::<Vec<_>>();
        let columns = Columns::of(&table, table.key.clone());
        let options = Options::from([("skipped.operations".to_owned(), skipped.to_owned())]);
        let rules = Rules::of(&options).unwrap();
        let list = expected(&columns, 0, &rules, (&Snapshots::first(Lsn(1), 0), &transactions));
        let parts = list.unwrap().into_iter().map(|wanted| wanted.part).collect::<Vec<_>>();
        assert_eq!(parts, expected_parts);
    }
}
