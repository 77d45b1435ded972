//! Digests of rows and keys, alike for the journal's cells and for the JSON of a record that shows
//! exactly them. Values that are equal in another writing have other digests: then the whole checker
//! is asked, which knows better.

use serde_json::value::RawValue;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::frame::{Form, Watched};
use crate::base::value::Value;
use crate::codec::debezium::scan::{Side, members, plain};
use crate::codec::debezium::{Encoding, Row};
use crate::codec::pgoutput::{CellView, Cells};
use crate::codec::value::canonical;

/// The digest of a row; zero stands for no row.
pub(super) type Digest = u64;
/// No row.
pub(super) const NO_ROW: Digest = 0;
/// A row that nothing may be compared with.
pub(super) const NO_DIGEST: Digest = 1;

/// The name of a row: a digest of table and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(pub(super) u64, pub(super) u64);

/// Of a record whose key names no row.
pub(super) const NAMELESS: Id = Id(0, 0);

/// The row of the journal and its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub(super) id: Id,
    pub(super) row: Digest,
    /// A value of it is not in the WAL, or cannot be read.
    pub(super) is_odd: bool,
}

/// Makes digests.
#[derive(Debug)]
pub(super) struct Digester {
    encoding: Encoding,
    row: Vec<u8>,
    key: Vec<u8>,
    /// Where each column of the row stands in `row`.
    places: Vec<(usize, usize)>,
    before: Shown,
    after: Shown,
}

/// The image of a record, as far as it was shown.
#[derive(Debug, Default)]
struct Shown {
    row: Vec<u8>,
    /// Where each column stands in `row`.
    places: Vec<(usize, usize)>,
    /// A column stands elsewhere than in the table, or is written as it seldom is.
    is_odd: bool,
}

impl Shown {
    fn clear(&mut self) {
        self.row.clear();
        self.places.clear();
        self.is_odd = false;
    }

    fn add(&mut self, watched: &Watched, encoding: &Encoding, name: &str, raw: &str) {
        let start = self.row.len();
        let column = watched.columns.get(self.places.len()).filter(|(column, _)| column == name);
        let put = column.and_then(|(_, form)| put_json(&mut self.row, encoding, form, raw));
        self.is_odd |= put.is_none();
        self.places.push((start, self.row.len()));
    }
}

impl Digester {
    pub(super) fn new(encoding: Encoding) -> Self {
        let (before, after) = (Shown::default(), Shown::default());
        Self { encoding, row: Vec::new(), key: Vec::new(), places: Vec::new(), before, after }
    }

    /// Of a row of the journal; `None` if it has not the table's columns, or no key.
    pub(super) fn cells(
        &mut self,
        (table, watched): (usize, &Watched),
        cells: Cells<'_>,
    ) -> Option<Named> {
        if cells.len() != watched.columns.len() {
            return None;
        }
        self.row.clear();
        self.places.clear();
        let mut is_odd = false;
        for ((_, form), cell) in itertools::zip_eq(&watched.columns, cells) {
            let start = self.row.len();
            let whole = put_cell(&mut self.row, &self.encoding, form, cell);
            if !whole {
                self.row.truncate(start);
                self.row.push(UNREAD);
                is_odd = true;
            }
            self.places.push((start, self.row.len()));
        }
        let id = self.name(table, watched)?;
        let row = if is_odd { NO_DIGEST } else { digest(&self.row) };
        Some(Named { id, row, is_odd })
    }

    /// The name of the row that was just read; `None` where a part of its key is not in it.
    fn name(&mut self, table: usize, watched: &Watched) -> Option<Id> {
        self.start_key(table);
        for place in &watched.key {
            let (start, end) = *self.places.get(*place)?;
            let part = self.row.get(start..end)?;
            (part != [UNREAD]).then_some(())?;
            self.key.extend_from_slice(part);
        }
        Some(id(&self.key))
    }

    /// The name of a row of the journal, as [`cells`](Self::cells) gives it.
    pub(super) fn name_of(
        &mut self,
        (table, watched): (usize, &Watched),
        cells: Cells<'_>,
    ) -> Option<Id> {
        if cells.len() != watched.columns.len() {
            return None;
        }
        self.start_key(table);
        for place in &watched.key {
            let (_, form) = watched.columns.get(*place)?;
            let cell = cells.into_iter().nth(*place)?;
            put_cell(&mut self.key, &self.encoding, form, cell).then_some(())?;
        }
        Some(id(&self.key))
    }

    fn start_key(&mut self, table: usize) {
        self.key.clear();
        self.key.extend_from_slice(&table.to_le_bytes());
    }

    /// Begins with the images of another record.
    pub(super) fn start(&mut self) {
        self.before.clear();
        self.after.clear();
    }

    /// The next column of an image, as it stands there.
    pub(super) fn show(&mut self, watched: &Watched, side: Side, name: &str, raw: &str) {
        let shown = match side {
            Side::Before => &mut self.before,
            Side::After => &mut self.after,
        };
        shown.add(watched, &self.encoding, name, raw);
    }

    /// Whether an image whose columns were shown is for certain of the row that the key names which was
    /// read last.
    pub(super) fn is_of_key(&self, watched: &Watched, side: Side) -> bool {
        let shown = match side {
            Side::Before => &self.before,
            Side::After => &self.after,
        };
        let mut rest = self.key.get(size_of::<usize>()..).unwrap_or_default();
        for place in &watched.key {
            let part =
                shown.places.get(*place).and_then(|(start, end)| shown.row.get(*start..*end));
            let Some(behind) = part.and_then(|part| rest.strip_prefix(part)) else { return false };
            rest = behind;
        }
        rest.is_empty() && !shown.is_odd
    }

    /// Of an image whose columns were shown; `raw` is all of it.
    pub(super) fn shown(&mut self, watched: &Watched, side: Side, raw: Option<&str>) -> Digest {
        let Some(raw) = raw else { return NO_ROW };
        let shown = match side {
            Side::Before => &self.before,
            Side::After => &self.after,
        };
        if !shown.is_odd && shown.places.len() == watched.columns.len() {
            return digest(&shown.row);
        }
        self.json(watched, raw)
    }

    /// Of the JSON of a row as a record shows it, its columns in any order; `NO_DIGEST` if it has not
    /// exactly the table's columns, or one cannot be read.
    pub(super) fn json(&mut self, watched: &Watched, raw: &str) -> Digest {
        self.json_by_name(watched, raw).unwrap_or(NO_DIGEST)
    }

    fn json_by_name(&mut self, watched: &Watched, raw: &str) -> Option<Digest> {
        let shown = serde_json::from_str::<Row<'_>>(raw).ok()?;
        (shown.len() == watched.columns.len()).then_some(())?;
        self.row.clear();
        for (name, form) in &watched.columns {
            put_json(&mut self.row, &self.encoding, form, shown.get(name)?.get())?;
        }
        Some(digest(&self.row))
    }

    /// The name of the row that a record's key names; `None` where it is not exactly the table's key.
    pub(super) fn key(&mut self, (table, watched): (usize, &Watched), key: &[u8]) -> Option<Id> {
        self.start_key(table);
        let (parts, encoding) = (&mut self.key, &self.encoding);
        let column = |place: &usize| watched.columns.get(*place);
        let mut columns = watched.key.iter().map_while(column);
        let in_order = members(key, |name, value| {
            let (_, form) = columns.next().filter(|(column, _)| column == name)?;
            put_json(parts, encoding, form, value)
        });
        if in_order.is_some() && columns.next().is_none() {
            return Some(id(&self.key));
        }
        self.key_by_name((table, watched), key)
    }

    /// The name of the row in the JSON of a key or of an image.
    pub(super) fn key_by_name(
        &mut self,
        (table, watched): (usize, &Watched),
        key: &[u8],
    ) -> Option<Id> {
        let raw = crate::codec::debezium::payload(key).ok().flatten()?;
        let shown = serde_json::from_str::<Row<'_>>(raw.get()).ok()?;
        self.start_key(table);
        for place in &watched.key {
            let (name, form) = watched.columns.get(*place)?;
            put_json(&mut self.key, &self.encoding, form, shown.get(name)?.get())?;
        }
        Some(id(&self.key))
    }
}

fn digest(bytes: &[u8]) -> Digest {
    xxh3_64(bytes).max(NO_DIGEST + 1)
}

fn id(bytes: &[u8]) -> Id {
    let both = xxh3_128(bytes);
    let low = u64::try_from(both & u128::from(u64::MAX)).unwrap_or_default();
    Id(u64::try_from(both >> 64).unwrap_or_default().max(1), low)
}

const NULL: u8 = 0;
const INT: u8 = 1;
const TEXT: u8 = 2;
const FALSE: u8 = 3;
const TRUE: u8 = 4;
const UNREAD: u8 = 5;
/// Kinds of values that the codec reads follow from here.
const READ: u8 = 16;

fn put(out: &mut Vec<u8>, tag: u8, text: &str) {
    out.push(tag);
    // The length keeps neighbours apart.
    out.extend_from_slice(&text.len().to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    // Values of two kinds may have one text, and are not equal.
    let tag = match value {
        Value::Null | Value::Absent => return out.push(NULL),
        Value::Bool(_) => READ,
        Value::Number(_) => READ + 1,
        Value::Float(_) => READ + 2,
        Value::Text(_) => READ + 3,
        Value::Bytes(_) => READ + 4,
        Value::Date(_) => READ + 5,
        Value::Time(_) => READ + 6,
        Value::Timestamp(_) => READ + 7,
        Value::TimestampTz(_) => READ + 8,
        Value::Json(_) => READ + 9,
    };
    put(out, tag, canonical(value).as_deref().unwrap_or_default());
}

/// Whether the cell has a value that can be read.
fn put_cell(out: &mut Vec<u8>, encoding: &Encoding, form: &Form, cell: CellView<'_>) -> bool {
    let text = match cell {
        CellView::Null => {
            out.push(NULL);
            return true;
        }
        CellView::Unchanged => return false,
        CellView::Text(text) => text,
    };
    match form {
        Form::Int => put(out, INT, text),
        Form::Text => put(out, TEXT, text),
        Form::Bool => match text {
            "t" | "true" | "1" => out.push(TRUE),
            "f" | "false" | "0" => out.push(FALSE),
            _ => return false,
        },
        Form::Other(kind) => match encoding.expected(text, kind) {
            Ok(value) => put_value(out, &value),
            Err(_) => return false,
        },
    }
    true
}

/// `None` for a value that cannot be read, or is written as it seldom is.
fn put_json(out: &mut Vec<u8>, encoding: &Encoding, form: &Form, raw: &str) -> Option<()> {
    if raw == "null" {
        out.push(NULL);
        return Some(());
    }
    match form {
        Form::Int => {
            let digits = raw.strip_prefix('-').unwrap_or(raw);
            digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
            put(out, INT, raw);
        }
        Form::Text => match plain(raw) {
            Some(text) => put(out, TEXT, text),
            None => put(out, TEXT, &serde_json::from_str::<String>(raw).ok()?),
        },
        Form::Bool => match raw {
            "true" => out.push(TRUE),
            "false" => out.push(FALSE),
            _ => return None,
        },
        Form::Other(kind) => {
            let raw = serde_json::from_str::<&RawValue>(raw).ok()?;
            put_value(out, &encoding.value(raw, kind).ok()?);
        }
    }
    Some(())
}
