//! Transactions of the journal as SQL for the shadow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::value::Value;
use crate::capture::catalog;
use crate::client::postgres::{ident, literal};
use crate::codec::pgoutput::Cell;
use crate::history::event::Table;
use crate::model::source::{Change, Image, Kind, Transaction};

use super::schema::changes_table;

/// Where the text is sent so far, that Postgres need not hold all of it at once.
pub(super) const PIECE: usize = 256 * 1024;

/// Writes transactions as SQL, in pieces.
#[derive(Debug)]
pub(super) struct Replay<'a> {
    tables: &'a [Table],
    changes: Vec<String>,
    /// Changes so far, over all tables.
    position: i64,
    pieces: Vec<String>,
    open: String,
    /// The table and columns of the INSERT at the end of `open` that further rows can join.
    joinable: Option<(usize, Vec<String>)>,
}

impl<'a> Replay<'a> {
    /// Goes on after `position` changes.
    pub(super) fn new(tables: &'a [Table], position: i64) -> Self {
        let changes = tables.iter().map(|table| changes_table(table, tables)).collect();
        let (pieces, open) = (Vec::new(), String::new());
        Self { tables, changes, position, pieces, open, joinable: None }
    }

    /// The pieces, each of whole statements, and the number of changes so far.
    pub(super) fn finish(mut self) -> (Vec<String>, i64) {
        self.cut();
        (self.pieces, self.position)
    }

    fn cut(&mut self) {
        self.joinable = None;
        if !self.open.is_empty() {
            self.pieces.push(std::mem::take(&mut self.open));
        }
    }

    fn statement(&mut self, sql: &str) {
        self.joinable = None;
        if self.open.len() > PIECE {
            self.cut();
        }
        if !self.open.is_empty() {
            self.open.push_str(";\n");
        }
        self.open.push_str(sql);
    }

    /// The rows that the connector's snapshot reads of the tables that are there, as changes.
    pub(super) fn snapshot(&mut self, there: &BTreeSet<usize>) {
        for n in there.iter().copied() {
            let (Some(table), Some(changes)) = (self.tables.get(n), self.changes.get(n)) else {
                continue;
            };
            let columns: Vec<_> = stored(table).map(|name| ident(&name)).collect();
            let list: String = columns.iter().map(|name| format!("{name}, ")).collect();
            // A snapshot has no order of its own; the rows of a table stand before all changes.
            let sql = format!(
                "INSERT INTO {changes} ({list}_op, _pos) SELECT {list}'r', 0 FROM {}.{}",
                ident(&table.schema),
                ident(&table.name),
            );
            self.statement(&sql);
        }
    }

    /// Some changes of a transaction; those of a table are `streamed` if the snapshot of its connector
    /// does not show them.
    pub(super) fn changes(
        &mut self,
        transaction: &Transaction,
        changes: &[Arc<Change>],
        streamed: impl Fn(usize) -> bool,
    ) {
        for change in changes {
            let names = &change.columns;
            self.position += 1;
            self.row(change, names);
            if streamed(change.table) {
                self.change(transaction, change, names);
            }
        }
    }

    /// Applies a change to the table's current rows.
    fn row(&mut self, change: &Change, names: &[String]) {
        let Some(table) = self.tables.get(change.table) else { return };
        let target = format!("{}.{}", ident(&table.schema), ident(&table.name));
        let key = table.key.clone();
        let old = change.old.as_deref().unwrap_or_default();
        let new = change.new.as_deref().unwrap_or_default();
        match change.kind {
            Kind::Insert => self.insert(change.table, &target, &given(names, new)),
            Kind::Truncate => self.statement(&format!("TRUNCATE ONLY {target}")),
            Kind::Delete => {
                let found = found(&target, names, old, &key);
                self.statement(&format!("DELETE FROM ONLY {target} WHERE {found}"));
            }
            Kind::Update => {
                let given = given(names, new);
                let set: Vec<_> =
                    given.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                let by = if old.is_empty() { new } else { old };
                let found = found(&target, names, by, &key);
                let set = set.join(", ");
                self.statement(&format!("UPDATE ONLY {target} SET {set} WHERE {found}"));
            }
        }
    }

    fn insert(&mut self, table: usize, target: &str, given: &[(String, String)]) {
        let names: Vec<_> = given.iter().map(|(name, _)| name.clone()).collect();
        let values: Vec<_> = given.iter().map(|(_, value)| value.as_str()).collect();
        let values = values.join(", ");
        if names.is_empty() {
            self.statement(&format!("INSERT INTO {target} DEFAULT VALUES"));
            return;
        }
        let joins = self.joinable.as_ref().is_some_and(|(n, other)| *n == table && *other == names);
        if joins && self.open.len() <= PIECE {
            self.open.push_str(", (");
            self.open.push_str(&values);
            self.open.push(')');
            return;
        }
        self.statement(&format!("INSERT INTO {target} ({}) VALUES ({values})", names.join(", ")));
        self.joinable = Some((table, names));
    }

    /// Appends a change to the table of changes, as the connector emits it: a changed key is a
    /// delete and a create.
    fn change(&mut self, transaction: &Transaction, change: &Change, names: &[String]) {
        let old = change.old.as_deref().unwrap_or_default();
        let new = change.new.as_deref().unwrap_or_default();
        match change.kind {
            Kind::Insert => self.append(transaction, change, "c", &given(names, new)),
            Kind::Update if change.key_changed => {
                self.append(transaction, change, "d", &given(names, old));
                self.append(transaction, change, "c", &given(names, new));
            }
            Kind::Update => self.append(transaction, change, "u", &given(names, new)),
            Kind::Delete => self.append(transaction, change, "d", &given(names, old)),
            Kind::Truncate => self.append(transaction, change, "t", &[]),
        }
    }

    fn append(
        &mut self,
        transaction: &Transaction,
        change: &Change,
        op: &str,
        given: &[(String, String)],
    ) {
        let mut all = given.to_vec();
        let time = Value::TimestampTz(transaction.time_us).to_string();
        all.push(("_op".to_owned(), literal(op)));
        all.push(("_pos".to_owned(), self.position.to_string()));
        all.push(("_commit_time".to_owned(), literal(&time)));
        all.push(("_tx".to_owned(), transaction.xid.to_string()));
        let (names, values): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let (names, values) = (names.join(", "), values.join(", "));
        for changes in self.changes_of(change.table) {
            self.statement(&format!("INSERT INTO {changes} ({names}) VALUES ({values})"));
        }
    }

    /// The tables of changes that have those of a table: its own, and those of what it is a part of.
    fn changes_of(&self, place: usize) -> Vec<String> {
        let Some(table) = self.tables.get(place) else { return Vec::new() };
        let named = |other: &Table| table.within.contains(&catalog::qualified(other));
        let above = self.tables.iter().enumerate().filter(|(_, other)| named(other));
        let places = std::iter::once(place).chain(above.map(|(place, _)| place));
        places.filter_map(|place| self.changes.get(place).cloned()).collect()
    }
}

/// The statements that make a table hold the rows `to` instead of `from`. Each side has the names of
/// its columns.
pub(super) fn exchange(
    table: &Table,
    (from_names, from): (&[String], &[&Image]),
    (to_names, to): (&[String], &[&Image]),
) -> Vec<String> {
    let target = format!("{}.{}", ident(&table.schema), ident(&table.name));
    let mut surplus = BTreeMap::<(&[String], &Image), i64>::new();
    for image in from {
        *surplus.entry((from_names, *image)).or_default() += 1;
    }
    for image in to {
        *surplus.entry((to_names, *image)).or_default() -= 1;
    }
    let (mut out, mut into) = (Vec::new(), Vec::new());
    for ((names, image), count) in surplus {
        for _ in 0..count {
            let found = found(&target, names, image, &[]);
            out.push(format!("DELETE FROM ONLY {target} WHERE {found}"));
        }
        for _ in count..0 {
            let (names, values): (Vec<_>, Vec<_>) = given(names, image).into_iter().unzip();
            let (names, values) = (names.join(", "), values.join(", "));
            into.push(format!("INSERT INTO {target} ({names}) VALUES ({values})"));
        }
    }
    [out, into].concat()
}

/// The statements that make a table hold these rows instead of all that it has.
pub(super) fn refill(table: &Table, rows: &[Image]) -> Vec<String> {
    let target = catalog::quoted(table);
    let names = stored(table).collect::<Vec<_>>();
    let insert = |row: &Image| {
        let (names, values): (Vec<_>, Vec<_>) = given(&names, row).into_iter().unzip();
        if names.is_empty() {
            return format!("INSERT INTO {target} DEFAULT VALUES");
        }
        format!("INSERT INTO {target} ({}) VALUES ({})", names.join(", "), values.join(", "))
    };
    let empty = format!("TRUNCATE ONLY {target}");
    std::iter::once(empty).chain(rows.iter().map(insert)).collect()
}

/// Names of the columns that rows in the WAL have.
pub(super) fn stored(table: &Table) -> impl Iterator<Item = String> + '_ {
    table.columns.iter().filter(|column| !column.generated).map(|column| column.name.clone())
}

/// The columns that an image has a value for, as SQL.
fn given(names: &[String], image: &[Cell]) -> Vec<(String, String)> {
    let cells = itertools::Itertools::zip_eq(names.iter(), image);
    cells
        .filter_map(|(name, cell)| match cell {
            Cell::Null => Some((ident(name), "NULL".to_owned())),
            Cell::Text(text) => Some((ident(name), literal(text))),
            Cell::Unchanged => None,
        })
        .collect()
}

/// The one row that an image means: by its key, or else one of the rows that equal it.
fn found(target: &str, names: &[String], image: &[Cell], key: &[String]) -> String {
    let cells: Vec<_> = itertools::Itertools::zip_eq(names.iter(), image).collect();
    let by_key = !key.is_empty() && key.iter().all(|part| names.contains(part));
    let mut conditions = Vec::new();
    for (name, cell) in cells {
        if by_key && !key.contains(name) {
            continue;
        }
        let column = ident(name);
        match cell {
            Cell::Null => conditions.push(format!("{column} IS NULL")),
            Cell::Text(text) if by_key => conditions.push(format!("{column} = {}", literal(text))),
            // Not every type has an equality; its text has.
            Cell::Text(text) => conditions.push(format!("{column}::text = {}", literal(text))),
            Cell::Unchanged => {}
        }
    }
    let conditions =
        if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
    format!("ctid = (SELECT ctid FROM ONLY {target} WHERE {conditions} LIMIT 1)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::position::{Lsn, Position, Xid};
    use crate::history::testing::text_table;
    use crate::model::source::Carried;

    fn table(key: &[&str]) -> Table {
        let key = key.iter().map(ToString::to_string).collect();
        Table { key, ..text_table("t", &["id", "v"]) }
    }

    fn change(kind: Kind, old: Option<[&str; 2]>, new: Option<[&str; 2]>) -> Arc<Change> {
        let image = |row: [&str; 2]| {
            row.into_iter()
                .map(|text| match text {
                    "-" => Cell::Null,
                    "~" => Cell::Unchanged,
                    text => Cell::Text(text.to_owned()),
                })
                .collect()
        };
        Arc::new(Change {
            position: Position { commit: Lsn(1), index: 0 },
            xid: Xid(7),
            lsn: Lsn(1),
            nth: 0,
            table: 0,
            columns: ["id".to_owned(), "v".to_owned()].into(),
            kind,
            key_changed: matches!((old, new), (Some(old), Some(new)) if old[0] != new[0]),
            old: old.map(image),
            new: new.map(image),
            carried: Carried::Full,
            unchanged: Vec::new(),
            published: true,
        })
    }

    fn replayed(key: &[&str], changes: Vec<Arc<Change>>, streamed: bool) -> String {
        let tables = [table(key)];
        let transaction = Transaction {
            xid: Xid(7),
            commit: Lsn(1),
            end: Lsn(2),
            time_us: 0,
            changes,
            messages: Vec::new(),
            turns: Vec::new(),
        };
        let mut replay = Replay::new(&tables, 10);
        replay.changes(&transaction, &transaction.changes, |_| streamed);
        let (pieces, _) = replay.finish();
        pieces.join(";\n")
    }

    #[test]
    fn rows_are_found_by_key_and_inserts_are_joined() {
        let changes = vec![
            change(Kind::Insert, None, Some(["1", "it's"])),
            change(Kind::Insert, None, Some(["2", "-"])),
            change(Kind::Update, Some(["1", "it's"]), Some(["3", "~"])),
            change(Kind::Delete, Some(["2", "-"]), None),
            change(Kind::Truncate, None, None),
        ];
        insta::assert_snapshot!(replayed(&["id"], changes, false), @r#"
        INSERT INTO "public"."t" ("id", "v") VALUES ('1', 'it''s'), ('2', NULL);
        UPDATE ONLY "public"."t" SET "id" = '3' WHERE ctid = (SELECT ctid FROM ONLY "public"."t" WHERE "id" = '1' LIMIT 1);
        DELETE FROM ONLY "public"."t" WHERE ctid = (SELECT ctid FROM ONLY "public"."t" WHERE "id" = '2' LIMIT 1);
        TRUNCATE ONLY "public"."t"
        "#);
    }

    #[test]
    fn without_a_key_one_of_the_equal_rows_is_meant() {
        let changes = vec![change(Kind::Delete, Some(["2", "-"]), None)];
        insta::assert_snapshot!(replayed(&[], changes, false), @r#"DELETE FROM ONLY "public"."t" WHERE ctid = (SELECT ctid FROM ONLY "public"."t" WHERE "id"::text = '2' AND "v" IS NULL LIMIT 1)"#);
    }

    #[test]
    fn a_changed_key_is_a_delete_and_a_create() {
        let changes = vec![change(Kind::Update, Some(["1", "a"]), Some(["2", "a"]))];
        insta::assert_snapshot!(replayed(&["id"], changes, true), @r#"
        UPDATE ONLY "public"."t" SET "id" = '2', "v" = 'a' WHERE ctid = (SELECT ctid FROM ONLY "public"."t" WHERE "id" = '1' LIMIT 1);
        INSERT INTO changes."t" ("id", "v", _op, _pos, _commit_time, _tx) VALUES ('1', 'a', 'd', 11, '1970-01-01 00:00:00Z', 7);
        INSERT INTO changes."t" ("id", "v", _op, _pos, _commit_time, _tx) VALUES ('2', 'a', 'c', 11, '1970-01-01 00:00:00Z', 7)
        "#);
    }
}
