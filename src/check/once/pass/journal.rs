//! What the journal says, and what the topics owe for it.

use super::super::Stop;
use super::super::digest::{Id, NO_ROW, Named};
use super::super::lives::{Due, Marks};
use super::{EARLY_MAX, Pass};
use crate::base::position::{Lsn, Xid};
use crate::codec::debezium::Op;
use crate::codec::pgoutput::{self, Does, OldView, View};
use crate::model::feed::Part;
use crate::model::source::TABLES;

/// A transaction whose commit has not come yet.
#[derive(Debug)]
pub(super) struct Open {
    xid: Xid,
    commit: Lsn,
    time_us: i64,
    changes: Vec<Change>,
}

/// A change of a row.
#[derive(Debug, Clone, Copy)]
struct Change {
    does: Does,
    table: usize,
    lsn: Lsn,
    /// What the WAL carries of the row before.
    old: Option<Named>,
    new: Option<Named>,
}

impl Change {
    /// The keys before and after.
    fn names(&self) -> (Option<Id>, Option<Id>) {
        let id = |named: Named| named.id;
        (self.old.map(id), self.new.map(id))
    }

    /// The row that is gone: of a delete, or of an update that gives it another key.
    fn leaves(&self) -> Option<Id> {
        let (old, new) = self.names();
        old.filter(|old| Some(*old) != new)
    }
}

impl Pass {
    pub(super) fn wal(&mut self, lsn: Lsn, data: &[u8]) -> Result<(), Stop> {
        match pgoutput::view(data) {
            Some(View::Change { does, relation, old, new }) => {
                self.change(lsn, relation, (does, old, new))
            }
            Some(View::Begin { commit, time_us, xid }) => {
                if self.open.is_some() || self.last_commit.is_some_and(|last| commit <= last) {
                    return Err(Stop::refused("the journal is not in commit order"));
                }
                self.open = Some(Open { xid, commit, time_us, changes: Vec::new() });
                Ok(())
            }
            Some(View::Commit { commit, end }) => self.commit(commit, end),
            None => self.rare(data),
        }
    }

    fn rare(&mut self, data: &[u8]) -> Result<(), Stop> {
        let message = pgoutput::parse(data);
        match message.map_err(|error| Stop::Refused(error.to_string()))? {
            pgoutput::Message::Relation(relation) => self.relation(&relation),
            pgoutput::Message::Truncate { relations, .. } => {
                let known = |oid: &u32| self.by_oid.contains_key(oid);
                if relations.iter().any(known) {
                    return Err(Stop::refused("a table is truncated on the way"));
                }
                Ok(())
            }
            pgoutput::Message::Logical(message) if message.prefix == TABLES => {
                Err(Stop::refused("the schema changes on the way"))
            }
            _ => Ok(()),
        }
    }

    fn relation(&mut self, relation: &pgoutput::Relation) -> Result<(), Stop> {
        let named = |table: &crate::history::event::Table| {
            (&table.schema, &table.name) == (&relation.schema, &relation.name)
        };
        let place = self.frame.tables.iter().position(named);
        if place != self.by_oid.get(&relation.oid).copied() {
            let name = &relation.name;
            return Err(Stop::Refused(format!("`{name}` has another OID than was recorded")));
        }
        let Some(place) = place else {
            self.others.insert(relation.oid);
            return Ok(());
        };
        let Some(Some(watched)) = self.frame.watched.get(place) else { return Ok(()) };
        let shown = relation.columns.iter().map(|column| &column.name);
        if !watched.columns.iter().map(|(name, _)| name).eq(shown) {
            return Err(Stop::Refused(format!("`{}` has other columns on the way", relation.name)));
        }
        Ok(())
    }

    fn change(
        &mut self,
        lsn: Lsn,
        relation: u32,
        (does, old, new): (Does, Option<OldView<'_>>, Option<pgoutput::Cells<'_>>),
    ) -> Result<(), Stop> {
        let Some(table) = self.by_oid.get(&relation).copied() else {
            if self.others.contains(&relation) {
                return Ok(());
            }
            return Err(Stop::refused("the journal has a table that was not recorded"));
        };
        let Some(open) = &mut self.open else {
            return Err(Stop::refused("the journal has a change outside of a transaction"));
        };
        // A table without key that is not captured.
        let Some(Some(watched)) = self.frame.watched.get(table) else { return Ok(()) };
        let mut named = |cells| {
            let named = self.digester.cells((table, watched), cells);
            named.ok_or_else(|| Stop::refused("a row of the journal has no key that can be read"))
        };
        let new = new.map(&mut named).transpose()?;
        let old = old.map(|old| named(old.cells())).transpose()?;
        open.changes.push(Change { does, table, lsn, old, new });
        if open.changes.len() > self.due_max {
            return Err(Stop::refused("a transaction has too many changes to be held at once"));
        }
        Ok(())
    }

    fn commit(&mut self, commit: Lsn, end: Lsn) -> Result<(), Stop> {
        let open = self.open.take().filter(|open| open.commit == commit);
        let Some(open) = open else {
            return Err(Stop::refused("the journal has a commit that no transaction has begun"));
        };
        self.last_commit = Some(commit);
        self.counted.transactions += 1;
        self.xids.insert(open.xid.0);
        self.lacking.remove(&open.xid);
        let named = open.changes.iter().filter_map(|change| change.names().1);
        // How many does not matter: what was looked at is near when it is needed.
        std::hint::black_box(self.lives.n_held(named));
        for change in &open.changes {
            self.apply(change, (&open, end))?;
        }
        let captured = open.changes.iter().filter(|change| self.is_captured(change.table));
        let named = |change: &Change| change.names().1.or(change.names().0);
        let last = captured.filter_map(|change| Some((change.lsn, named(change)?)));
        let last = last.max_by_key(|(lsn, _)| *lsn);
        if last.is_some_and(|(lsn, _)| self.highest.is_none_or(|(highest, _)| lsn > highest)) {
            self.highest = last;
        }
        self.lives.forget();
        if self.lives.n_due() > self.due_max {
            return Err(Stop::refused("too many changes were on their way to the topics at once"));
        }
        self.wake()
    }

    fn is_captured(&self, table: usize) -> bool {
        self.frame.watched.get(table).is_some_and(|w| w.as_ref().is_some_and(|w| w.captured))
    }

    fn apply(&mut self, change: &Change, (open, end): (&Open, Lsn)) -> Result<(), Stop> {
        let (left, new) = (change.leaves(), change.names().1);
        let captured = self.is_captured(change.table);
        if captured {
            self.counted.changes += 1;
            self.look_at(change, open);
        }
        for named in [change.old, change.new].into_iter().flatten().filter(|named| named.is_odd) {
            self.suspects.add(named.id);
        }
        let streamed = captured && open.commit >= self.frame.point;
        if streamed {
            self.owe(change, (open.xid, end));
        }
        if let Some(left) = left {
            self.lives.turn(left, None);
            self.show(left, false);
        }
        if let Some(new) = new {
            let was_there = self.lives.turn(new, change.new.map(|new| new.row));
            match change.does {
                Does::Update if change.old.is_none() && !was_there => {
                    return Err(Stop::refused("the journal updates a row that it never saw"));
                }
                // The journal is the truth, and odd.
                Does::Insert if was_there => self.suspects.add(new),
                Does::Insert | Does::Update | Does::Delete => {}
            }
            if !streamed {
                self.show(new, captured && self.frame.rules.snapshot);
            }
        }
        if let (Some(left), Some(new)) = (left, new) {
            self.suspects.link(left, new);
        }
        Ok(())
    }

    /// The snapshot must show the row, or must not.
    pub(super) fn show(&mut self, id: Id, owed: bool) {
        if let Some(life) = self.lives.get(id) {
            life.marks.set(Marks::OWES_READ, owed);
        }
    }

    /// Facts of the journal that may be demanded.
    fn look_at(&mut self, change: &Change, open: &Open) {
        let (old, new) = change.names();
        let Some(id) = new.or(old) else { return };
        if let Some((_, of)) = self.highest.filter(|(highest, _)| change.lsn < *highest) {
            self.suspects.witness([id, of]);
        }
        if open.commit < self.frame.point || !self.frame.rules.snapshot {
            return;
        }
        let time = open.time_us.div_euclid(1000);
        if self.early.len() < EARLY_MAX {
            self.early.push((time, id));
        } else {
            self.later = Some(self.later.map_or(time, |later| later.min(time)));
        }
    }

    /// What the topic must hold of a change.
    fn owe(&mut self, change: &Change, (xid, end): (Xid, Lsn)) {
        let (left, new) = (change.leaves(), change.names().1);
        let rules = &self.frame.rules;
        let (skips_create, skips_delete) =
            (rules.skips(Op::Create, end), rules.skips(Op::Delete, end));
        let (skips_update, tombstone) = (rules.skips(Op::Update, end), rules.has_tombstones(end));
        let row = |named: Option<Named>| named.map_or(NO_ROW, |named| named.row);
        let (before, after) = (row(change.old), row(change.new));
        let due =
            |part, before, after| Due { part, xid, lsn: change.lsn, end, seq: 0, before, after };
        if let Some(left) = left.filter(|_| !skips_delete) {
            self.push(left, due(Part::Delete, before, NO_ROW));
            if tombstone {
                self.push(left, due(Part::Tombstone, NO_ROW, NO_ROW));
            }
        }
        let Some(new) = new else { return };
        if change.does == Does::Insert || left.is_some() {
            if !skips_create {
                self.push(new, due(Part::Create, NO_ROW, after));
            }
        } else if !skips_update {
            self.push(new, due(Part::Update, before, after));
        }
    }

    fn push(&mut self, id: Id, due: Due) {
        self.seq += 1;
        self.lives.push(id, Due { seq: self.seq, ..due });
    }
}
