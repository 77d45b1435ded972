//! The columns of a source table, and the values of its rows.

use std::borrow::Cow;
use std::collections::BTreeMap;

use itertools::Itertools as _;
use serde_json::value::RawValue;

use super::shape::Shape;
use super::shape::step::{self, Form, Step};
use crate::base::position::Lsn;
use crate::base::value::{Type, Value};
use crate::codec::debezium::{Encoding, Row, may_be_left_out};
use crate::codec::pgoutput::Cell;
use crate::codec::types::DataType;
use crate::codec::value::{ValueError, same};
use crate::history::event::{Column, Table};
use crate::model::key::Key;
use crate::scenario::settings::ReplicaIdentity;

/// A value of a column is not of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}`: {error}")]
pub struct NotOfType {
    /// The column.
    pub column: String,
    /// What is wrong.
    pub error: ValueError,
}

/// A source table's columns by name.
#[derive(Debug, Clone)]
pub struct Columns<'a> {
    /// The table.
    pub table: Cow<'a, Table>,
    /// The columns of its topic's key: its primary key, what `message.key.columns` names, or what
    /// transforms make of them.
    pub key: Vec<String>,
    /// The columns by which the connector keys its records, before any transform.
    split: Vec<String>,
    /// What becomes of its rows on the way to the topic.
    pub shape: Shape,
    types: BTreeMap<String, DataType>,
    /// What changes of the schema made of them, from their places in the WAL on.
    later: Vec<(Lsn, Self)>,
}

impl<'a> Columns<'a> {
    /// Those of a table whose topic has this key; generated columns are not in the WAL and are left
    /// out.
    pub fn of(table: &'a Table, key: Vec<String>) -> Self {
        let shape = Shape::plain(table, &key);
        Self::shaped(table, key, shape)
    }

    /// Those of a table that the connector keys by `split`, and whose rows and keys become others on
    /// the way.
    pub fn shaped(table: &'a Table, split: Vec<String>, shape: Shape) -> Self {
        Self::new(Cow::Borrowed(table), split, shape)
    }

    fn new(table: Cow<'a, Table>, split: Vec<String>, shape: Shape) -> Self {
        let stored = table.columns.iter().filter(|column| !column.generated);
        let types = stored.map(|c| (c.name.clone(), DataType::postgres(c.read_as())));
        let types = types.collect();
        Self { table, key: shape.key(), split, shape, types, later: Vec::new() }
    }

    /// Those of a table that is made for them, and whose rows no connector writes.
    pub fn owned(table: Table) -> Columns<'static> {
        let (key, shape) = (table.key.clone(), Shape::plain(&table, &table.key));
        Columns::new(Cow::Owned(table), key, shape)
    }

    /// Takes in what the table is from a place in the WAL on, by what the connector keys it then, and
    /// what becomes of its rows.
    pub fn turn(&mut self, lsn: Lsn, table: Table, (split, shape): (Vec<String>, Shape)) {
        self.later.push((lsn, Self::new(Cow::Owned(table), split, shape)));
    }

    /// Those that hold for a change or a record with this LSN.
    pub fn at(&self, lsn: Lsn) -> &Self {
        let last = self.later.iter().rev().find(|(turn, _)| *turn <= lsn);
        last.map_or(self, |(_, columns)| columns)
    }

    /// Those that hold for a record; what does not say its place (a tombstone) has the last whose
    /// columns are all in `row`.
    pub fn of_record(&self, lsn: Option<Lsn>, row: &Row<'_>) -> &Self {
        if let Some(lsn) = lsn {
            return self.at(lsn);
        }
        let fits = |columns: &&Self| columns.key.iter().all(|part| row.contains_key(part));
        let later = self.later.iter().rev().map(|(_, columns)| columns);
        later.chain([self]).find(fits).unwrap_or(self)
    }

    /// These, and those that they become.
    pub fn versions(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.later.iter().map(|(_, columns)| columns))
    }

    /// Those after the last change of the schema.
    pub fn last(&self) -> &Self {
        self.later.last().map_or(self, |(_, columns)| columns)
    }

    /// The same with generated columns as columns like others, as records may show them.
    pub fn with_generated(&self) -> Columns<'static> {
        let mut table = self.table.clone().into_owned();
        table.columns.iter_mut().for_each(|column| column.generated = false);
        let (split, shape) = (self.split.clone(), self.shape.clone());
        let mut all = Columns::new(Cow::Owned(table), split, shape);
        let later = self.later.iter().map(|(lsn, later)| (*lsn, later.with_generated()));
        all.later = later.collect();
        all
    }

    /// The type of a column, if the catalogue has it.
    pub fn kind(&self, column: &str) -> Option<&DataType> {
        self.types.get(column)
    }

    /// How many bits a column of them has, if its type fixes it.
    pub fn width(&self, column: &str) -> Option<usize> {
        let of = |known: &&Column| known.name == column;
        let name = &self.table.columns.iter().find(of)?.type_name;
        name.strip_prefix("bit(")?.strip_suffix(')')?.parse().ok()
    }

    /// Whether the records may lack a column, because the connector has no form for its type.
    pub fn may_lack(&self, column: &str, encoding: &Encoding) -> bool {
        let found = self.table.columns.iter().find(|known| known.name == column);
        let writes = encoding.writes_unknown();
        found.is_some_and(|known| may_be_left_out(&known.type_name, known.base.as_deref(), writes))
    }

    /// The columns and their types.
    pub fn types(&self) -> impl Iterator<Item = (&str, &DataType)> {
        self.types.iter().map(|(name, kind)| (name.as_str(), kind))
    }

    /// Whether the records of its topic have a key.
    pub fn is_keyed(&self) -> bool {
        !self.key.is_empty()
    }

    /// Whether the topic's key is another than the primary key.
    pub fn is_keyed_otherwise(&self) -> bool {
        self.key != self.table.key
    }

    /// Whether the connector keys its records by other columns than the primary key.
    pub fn is_split_otherwise(&self) -> bool {
        self.split != self.table.key
    }

    /// The key that the connector gives a row, before any transform.
    pub fn split_key(
        &self,
        names: &[String],
        row: &[Cell],
        encoding: &Encoding,
    ) -> Result<Option<Key>, NotOfType> {
        self.parts(&self.split, (names, row), encoding)
    }

    /// Whether an image shows these columns as they are.
    fn are_as_they_are(&self, columns: &[String]) -> bool {
        columns.iter().all(|column| self.shape.is_as_it_is(column))
    }

    /// What a record's image must show of a cell; `None` where its column is left out.
    pub fn shown(&self, column: &str, cell: &Cell, encoding: &Encoding) -> Option<Form> {
        let unknown = DataType::Scalar(Type::Other(String::new()));
        let kind = self.types.get(column).unwrap_or(&unknown);
        let steps = self.shape.steps(column)?;
        Some(self.form(column, (steps, kind), cell, encoding))
    }

    fn form(
        &self,
        column: &str,
        (steps, kind): (&[Step], &DataType),
        cell: &Cell,
        encoding: &Encoding,
    ) -> Form {
        let text = if let Cell::Text(text) = cell { Some(text.as_str()) } else { None };
        match self.value(column, cell, encoding) {
            Ok(value) => step::shown(steps, (&value, text), kind, encoding),
            Err(_) => Form::Untold,
        }
    }

    /// Whether the connector sees no change of what it shows of two cells; `None` if nobody knows
    /// here.
    pub fn looks_alike(
        &self,
        column: &str,
        cells: (&Cell, &Cell),
        encoding: &Encoding,
    ) -> Option<bool> {
        let Some(steps) = self.shape.captured(column) else { return Some(true) };
        if cells.0 == cells.1 {
            return Some(true);
        }
        let unknown = DataType::Scalar(Type::Other(String::new()));
        let kind = self.types.get(column).unwrap_or(&unknown);
        if steps.is_empty() && encoding.merges(kind) {
            let value = |cell| self.value(column, cell, encoding).ok();
            return Some(value(cells.0)? == value(cells.1)?);
        }
        let is_time = matches!(kind, DataType::Time(_) | DataType::Scalar(Type::Timestamp { .. }));
        if steps.is_empty() && !is_time {
            return Some(false);
        }
        let form = |cell| self.form(column, (steps, kind), cell, encoding);
        match (form(cells.0), form(cells.1)) {
            (Form::Untold, _) | (_, Form::Untold) => None,
            (one, other) => Some(one == other),
        }
    }

    /// Whether a key of the topic names one row: it has the whole primary key in it.
    pub fn key_names_row(&self) -> bool {
        !self.table.key.is_empty() && self.table.key.iter().all(|part| self.key.contains(part))
    }

    /// The first column of the topic's key that the WAL leaves out where it carries the replica
    /// identity only.
    pub fn uncarried(&self) -> Option<&str> {
        let carried: &[String] = match self.table.identity {
            ReplicaIdentity::Full => return None,
            ReplicaIdentity::Default => &self.table.key,
            ReplicaIdentity::Index | ReplicaIdentity::Nothing => &[],
        };
        self.key.iter().find(|part| !carried.contains(part)).map(String::as_str)
    }

    /// What a record should show of a cell.
    pub fn value(
        &self,
        column: &str,
        cell: &Cell,
        encoding: &Encoding,
    ) -> Result<Value, NotOfType> {
        let error = |error| NotOfType { column: column.to_owned(), error };
        match cell {
            Cell::Null => Ok(Value::Null),
            Cell::Unchanged => Ok(Value::Absent),
            Cell::Text(text) => match self.types.get(column) {
                Some(kind) => encoding.expected(text, kind).map_err(error),
                None => Ok(Value::Text(text.clone())),
            },
        }
    }

    /// The topic's key of a row of the journal; `None` for a topic without one.
    pub fn key(
        &self,
        names: &[String],
        row: &[Cell],
        encoding: &Encoding,
    ) -> Result<Option<Key>, NotOfType> {
        self.parts(&self.key, (names, row), encoding)
    }

    /// The primary key of a row of the journal; `None` for a table without one.
    pub fn row(
        &self,
        names: &[String],
        row: &[Cell],
        encoding: &Encoding,
    ) -> Result<Option<Key>, NotOfType> {
        self.parts(&self.table.key, (names, row), encoding)
    }

    fn parts(
        &self,
        columns: &[String],
        (names, row): (&[String], &[Cell]),
        encoding: &Encoding,
    ) -> Result<Option<Key>, NotOfType> {
        if columns.is_empty() {
            return Ok(None);
        }
        let value = |column: &String| {
            let place = names.iter().position(|name| name == column);
            let cell = place.and_then(|place| row.get(place)).unwrap_or(&Cell::Unchanged);
            self.value(column, cell, encoding)
        };
        let values = columns.iter().map(value).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(Key::of(&values)))
    }

    /// The topic's key that a record's key names; `None` where a key column is missing.
    pub fn captured_key(
        &self,
        row: &Row<'_>,
        encoding: &Encoding,
    ) -> Result<Option<Key>, NotOfType> {
        self.captured_parts(&self.key, row, encoding)
    }

    /// The topic's key that a record's image names; `None` where the image shows a column of it
    /// otherwise than it is.
    pub fn image_key(
        &self,
        image: &Row<'_>,
        encoding: &Encoding,
    ) -> Result<Option<Key>, NotOfType> {
        if !self.are_as_they_are(&self.key) {
            return Ok(None);
        }
        self.captured_parts(&self.key, image, encoding)
    }

    /// The primary key that an image names; `None` where it shows a column of it otherwise.
    pub fn image_row(
        &self,
        image: &Row<'_>,
        encoding: &Encoding,
    ) -> Result<Option<Key>, NotOfType> {
        if !self.are_as_they_are(&self.table.key) {
            return Ok(None);
        }
        self.captured_parts(&self.table.key, image, encoding)
    }

    /// The primary key that a record's key names; `None` where a column of it is missing.
    pub fn captured_row(
        &self,
        row: &Row<'_>,
        encoding: &Encoding,
    ) -> Result<Option<Key>, NotOfType> {
        self.captured_parts(&self.table.key, row, encoding)
    }

    fn captured_parts(
        &self,
        columns: &[String],
        row: &Row<'_>,
        encoding: &Encoding,
    ) -> Result<Option<Key>, NotOfType> {
        let mut values = Vec::with_capacity(columns.len());
        for column in columns {
            let Some(raw) = row.get(column) else { return Ok(None) };
            values.push(self.captured(column, raw, encoding)?);
        }
        Ok((!values.is_empty()).then(|| Key::of(&values)))
    }

    /// Whether an image of a record shows exactly this row of the journal.
    pub fn shows(
        &self,
        names: &[String],
        row: &[Cell],
        shown: &Row<'_>,
        encoding: &Encoding,
    ) -> Result<bool, NotOfType> {
        for (column, cell) in names.iter().zip_eq(row).filter(|(name, _)| self.shape.has(name)) {
            let Some(raw) = shown.get(column) else { return Ok(false) };
            if !self.shape.is_as_it_is(column) {
                let form = self.shown(column, cell, encoding);
                if form.and_then(|form| form.is_shown(raw, encoding)) == Some(false) {
                    return Ok(false);
                }
                continue;
            }
            let held = self.value(column, cell, encoding)?;
            if !self.captured(column, raw, encoding).is_ok_and(|captured| same(&held, &captured)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A value as a record shows it.
    pub fn captured(
        &self,
        column: &str,
        raw: &RawValue,
        encoding: &Encoding,
    ) -> Result<Value, NotOfType> {
        let unknown = DataType::Scalar(Type::Other(String::new()));
        let kind = self.types.get(column).unwrap_or(&unknown);
        let error = |error| NotOfType { column: column.to_owned(), error };
        encoding.value(raw, kind).map_err(error)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::history::testing::text_table;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn table(key: &[&str]) -> Table {
        let table = text_table("payments", &["id", "account", "twice"]);
        let mut table = Table { key: names(key), ..table };
        table.columns[2].generated = true;
        table
    }

    /// Whether there is a key, whether it is not the primary one, and whether it names one row.
    #[rstest]
    #[case::the_primary_key(&["id"], &["id"], (true, false, true))]
    #[case::with_more(&["id"], &["account", "id"], (true, true, true))]
    #[case::another(&["id"], &["account"], (true, true, false))]
    #[case::a_part_of_it(&["id", "account"], &["id"], (true, true, false))]
    #[case::where_there_is_no_primary_key(&[], &["account"], (true, true, false))]
    #[case::none(&[], &[], (false, false, false))]
    fn a_topics_key_may_be_another_than_the_primary_key(
        #[case] primary: &[&str],
        #[case] key: &[&str],
        #[case] expected: (bool, bool, bool),
    ) {
        let table = table(primary);
        let columns = Columns::of(&table, names(key));
        let found = (columns.is_keyed(), columns.is_keyed_otherwise(), columns.key_names_row());
        assert_eq!(found, expected);
    }

    /// What a record shows of the cells, not what Postgres writes of them, says whether anything changed
    /// (Debezium, `RelationalChangeRecordEmitter`, compares the values of the two rows' records).
    #[rstest]
    #[case::zeros("bit varying(12)", ("0010", "10"), "precise", true)]
    #[case::bits("bit varying(12)", ("0110", "10"), "precise", false)]
    #[case::a_day("interval", ("1 day", "24:00:00"), "precise", true)]
    #[case::a_month("interval", ("1 mon", "30 days"), "precise", false)]
    #[case::zones("time with time zone", ("10:00:00+01", "09:00:00+00"), "precise", true)]
    #[case::doubles("numeric", ("1.0", "1.00"), "double", true)]
    #[case::digits("numeric", ("1.0", "1.00"), "precise", true)]
    #[case::texts("numeric", ("1.0", "1.00"), "string", false)]
    #[case::numbers("numeric", ("1.0", "1.01"), "precise", false)]
    #[case::zeros_in_an_array("bit varying(12)[]", ("{0010}", "{10}"), "precise", true)]
    #[case::text("text", ("a ", "a"), "double", false)]
    fn a_change_that_no_record_shows_is_none(
        #[case] kind: &str,
        #[case] (old, new): (&str, &str),
        #[case] decimals: &str,
        #[case] alike: bool,
    ) {
        let mut table = table(&["id"]);
        kind.clone_into(&mut table.columns[1].type_name);
        let columns = Columns::of(&table, names(&["id"]));
        let config = [("decimal.handling.mode".to_owned(), decimals.to_owned())];
        let encoding = Encoding::of(&config.into()).unwrap();
        let cells = [old, new].map(|text| Cell::Text(text.to_owned()));
        let found = columns.looks_alike("account", (&cells[0], &cells[1]), &encoding);
        assert_eq!(found, Some(alike));
    }

    #[test]
    fn generated_columns_have_no_type_here() {
        let table = table(&["id"]);
        let columns = Columns::of(&table, names(&["id"]));
        let of = columns.types().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(of, ["account", "id"]);
        assert_eq!(columns.kind("account"), Some(&DataType::Scalar(Type::Text)));
        assert_eq!(columns.kind("twice"), None);
    }

    #[rstest]
    #[case::the_whole_row(ReplicaIdentity::Full, &["account"], None)]
    #[case::the_primary_key(ReplicaIdentity::Default, &["id"], None)]
    #[case::another_column(ReplicaIdentity::Default, &["id", "account"], Some("account"))]
    #[case::nothing(ReplicaIdentity::Nothing, &["id"], Some("id"))]
    fn a_column_of_the_key_may_not_be_in_the_wal(
        #[case] identity: ReplicaIdentity,
        #[case] key: &[&str],
        #[case] expected: Option<&str>,
    ) {
        let table = Table { identity, ..table(&["id"]) };
        assert_eq!(Columns::of(&table, names(key)).uncarried(), expected);
    }
}
