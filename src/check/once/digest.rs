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

    fn add(&mut self, watched: &Watched, encoding: &Encoding, name: &[u8], raw: &[u8]) {
        let start = self.row.len();
        let column =
            watched.columns.get(self.places.len()).filter(|(column, _)| column.as_bytes() == name);
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
    pub(super) fn show(&mut self, watched: &Watched, side: Side, name: &[u8], raw: &[u8]) {
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
    pub(super) fn shown(&mut self, watched: &Watched, side: Side, raw: Option<&[u8]>) -> Digest {
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
    pub(super) fn json(&mut self, watched: &Watched, raw: &[u8]) -> Digest {
        self.json_by_name(watched, raw).unwrap_or(NO_DIGEST)
    }

    fn json_by_name(&mut self, watched: &Watched, raw: &[u8]) -> Option<Digest> {
        let shown = serde_json::from_slice::<Row<'_>>(raw).ok()?;
        (shown.len() == watched.columns.len()).then_some(())?;
        self.row.clear();
        for (name, form) in &watched.columns {
            put_json(&mut self.row, &self.encoding, form, shown.get(name)?.get().as_bytes())?;
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
            let (_, form) = columns.next().filter(|(column, _)| column.as_bytes() == name)?;
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
            put_json(&mut self.key, &self.encoding, form, shown.get(name)?.get().as_bytes())?;
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

fn put(out: &mut Vec<u8>, tag: u8, text: &[u8]) {
    out.push(tag);
    // The length keeps neighbours apart.
    out.extend_from_slice(&text.len().to_le_bytes());
    out.extend_from_slice(text);
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
    put(out, tag, canonical(value).as_deref().unwrap_or_default().as_bytes());
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
        Form::Int => put(out, INT, text.as_bytes()),
        Form::Text => put(out, TEXT, text.as_bytes()),
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
fn put_json(out: &mut Vec<u8>, encoding: &Encoding, form: &Form, raw: &[u8]) -> Option<()> {
    if raw == b"null" {
        out.push(NULL);
        return Some(());
    }
    match form {
        Form::Int => {
            let digits = raw.strip_prefix(b"-").unwrap_or(raw);
            digits.iter().all(u8::is_ascii_digit).then_some(())?;
            put(out, INT, raw);
        }
        Form::Text => match plain(raw) {
            Some(text) => put(out, TEXT, text),
            None => put(out, TEXT, serde_json::from_slice::<String>(raw).ok()?.as_bytes()),
        },
        Form::Bool => match raw {
            b"true" => out.push(TRUE),
            b"false" => out.push(FALSE),
            _ => return None,
        },
        Form::Other(kind) => {
            let raw = serde_json::from_slice::<&RawValue>(raw).ok()?;
            put_value(out, &encoding.value(raw, kind).ok()?);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::codec::pgoutput::{self, Cell, View, write};
    use crate::codec::types::DataType;
    use crate::scenario::settings::Options;

    fn digester() -> Digester {
        Digester::new(Encoding::of(&Options::new()).unwrap())
    }

    /// A table `(id int, part text, ok bool, day date)`; its key is of the part and the id.
    fn watched() -> Watched {
        let day = Form::Other(DataType::postgres("date"));
        let columns = [("id", Form::Int), ("part", Form::Text), ("ok", Form::Bool), ("day", day)];
        let columns = columns.map(|(name, form)| (name.to_owned(), form)).to_vec();
        Watched { captured: true, columns, key: vec![1, 0], partitions: 1 }
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    fn row(ok: &str) -> [Cell; 4] {
        [text("-7"), text("x"), text(ok), text("1970-01-03")]
    }

    /// Calls with the cells as the journal shows them.
    fn with_cells<T>(cells: &[Cell], call: impl FnOnce(Cells<'_>) -> T) -> T {
        match pgoutput::view(&write::insert(1, cells)) {
            Some(View::Change { new: Some(cells), .. }) => call(cells),
            other => panic!("{other:?}"),
        }
    }

    fn named(cells: &[Cell]) -> Option<Named> {
        with_cells(cells, |cells| digester().cells((0, &watched()), cells))
    }

    fn name_of(cells: &[Cell]) -> Option<Id> {
        with_cells(cells, |cells| digester().name_of((0, &watched()), cells))
    }

    const JSON: &str = r#"{"id":-7,"part":"x","ok":true,"day":2}"#;

    /// The digest of an image whose columns were shown in order.
    fn shown(json: &str) -> Digest {
        let mut digester = digester();
        digester.start();
        members(json.as_bytes(), |name, raw| {
            digester.show(&watched(), Side::After, name, raw);
            Some(())
        })
        .unwrap();
        digester.shown(&watched(), Side::After, Some(json.as_bytes()))
    }

    #[rstest]
    #[case::short("t")]
    #[case::long("true")]
    #[case::a_bit("1")]
    fn a_row_of_the_journal_is_the_one_that_a_record_shows(#[case] ok: &str) {
        let named = named(&row(ok)).unwrap();
        assert!(!named.is_odd);
        assert_eq!(named.row, digester().json(&watched(), JSON.as_bytes()));
        assert_eq!(named.row, shown(JSON));
    }

    #[rstest]
    #[case::short("f")]
    #[case::long("false")]
    #[case::a_bit("0")]
    fn what_is_false_is_not_true(#[case] ok: &str) {
        let row = named(&row(ok)).unwrap().row;
        assert_eq!(row, shown(&JSON.replace("true", "false")));
        assert_ne!(row, shown(JSON));
    }

    #[rstest]
    #[case::in_another_order(r#"{"part":"x","id":-7,"ok":true,"day":2}"#)]
    #[case::with_an_escape(r#"{"id":-7,"part":"\u0078","ok":true,"day":2}"#)]
    fn a_row_may_be_written_in_other_ways(#[case] json: &str) {
        assert_eq!(shown(json), shown(JSON));
    }

    #[rstest]
    #[case::a_column_less(r#"{"id":-7,"part":"x","ok":true}"#)]
    #[case::a_column_more(r#"{"id":-7,"part":"x","ok":true,"day":2,"more":1}"#)]
    #[case::another_column(r#"{"id":-7,"part":"x","ok":true,"days":2}"#)]
    #[case::a_number_that_is_no_integer(r#"{"id":-7.0,"part":"x","ok":true,"day":2}"#)]
    #[case::no_truth(r#"{"id":-7,"part":"x","ok":1,"day":2}"#)]
    #[case::no_date(r#"{"id":-7,"part":"x","ok":true,"day":"x"}"#)]
    fn what_is_no_row_of_the_table_is_compared_with_nothing(#[case] json: &str) {
        assert_eq!(shown(json), NO_DIGEST);
        assert_eq!(digester().json(&watched(), json.as_bytes()), NO_DIGEST);
    }

    #[test]
    fn other_values_are_other_rows() {
        let others = [
            r#"{"id":7,"part":"x","ok":true,"day":2}"#,
            r#"{"id":-7,"part":"y","ok":true,"day":2}"#,
            r#"{"id":-7,"part":null,"ok":true,"day":2}"#,
            r#"{"id":-7,"part":"null","ok":true,"day":2}"#,
            r#"{"id":-7,"part":"x","ok":null,"day":2}"#,
            r#"{"id":-7,"part":"x","ok":true,"day":3}"#,
        ];
        let digests = others.iter().chain([&JSON]).map(|json| shown(json));
        let digests = digests.collect::<std::collections::BTreeSet<_>>();
        assert_eq!(digests.len(), others.len() + 1);
        assert!(digests.iter().all(|digest| *digest > NO_DIGEST));
        assert_eq!(digester().shown(&watched(), Side::After, None), NO_ROW);
    }

    #[rstest]
    #[case::not_in_the_wal(Cell::Unchanged)]
    #[case::no_date(text("never"))]
    fn a_row_that_is_not_known_whole_has_a_name_and_nothing_to_compare(#[case] day: Cell) {
        let [id, part, ok, _] = row("t");
        let odd = named(&[id, part, ok, day]).unwrap();
        let whole = named(&row("t")).unwrap();
        assert_eq!((odd.id, odd.row, odd.is_odd), (whole.id, NO_DIGEST, true));
    }

    #[test]
    fn a_null_is_known() {
        let [id, part, ok, _] = row("t");
        let named = named(&[id, part, ok, Cell::Null]).unwrap();
        assert_eq!(named.row, shown(&JSON.replace(":2", ":null")));
        assert!(!named.is_odd);
    }

    #[test]
    fn a_row_is_named_by_its_key_alone() {
        let [id, part, ..] = row("t");
        let whole = named(&row("t")).map(|named| named.id);
        assert!(whole.is_some());
        assert_eq!(name_of(&row("t")), whole);
        assert_eq!(name_of(&[id.clone(), part, Cell::Null, Cell::Null]), whole);
        let other = name_of(&[id.clone(), text("y"), Cell::Null, Cell::Null]);
        assert!(other.is_some() && other != whole);
        // A part of the key is not there, or a column.
        for cells in [&[id.clone(), Cell::Unchanged, Cell::Null, Cell::Null][..], &row("t")[..3]] {
            assert_eq!(name_of(cells), None);
            assert!(named(cells).is_none());
        }
    }

    #[rstest]
    #[case::in_the_keys_order(r#"{"part":"x","id":-7}"#, true)]
    #[case::in_another_order(r#"{"id":-7,"part":"x"}"#, true)]
    #[case::a_part_of_it(r#"{"part":"x"}"#, false)]
    #[case::nothing("{}", false)]
    #[case::by_another_name(r#"{"part":"x","no":-7}"#, false)]
    #[case::no_object("1", false)]
    fn the_key_of_a_record_names_the_row(#[case] key: &str, #[case] names: bool) {
        let wanted = named(&row("t")).map(|named| named.id).filter(|_| names);
        assert_eq!(digester().key((0, &watched()), key.as_bytes()), wanted);
        assert_eq!(digester().key_by_name((0, &watched()), key.as_bytes()), wanted);
    }

    #[test]
    fn rows_of_two_tables_have_two_names() {
        let key = br#"{"part":"x","id":-7}"#;
        let of = |table| digester().key((table, &watched()), key);
        assert_ne!(of(0), of(1));
        assert_ne!(of(0), Some(NAMELESS));
    }

    #[rstest]
    #[case::it_is(JSON, true)]
    #[case::another(r#"{"id":7,"part":"x","ok":true,"day":2}"#, false)]
    #[case::not_for_certain(r#"{"id":-7,"part":"x","day":2,"ok":true}"#, false)]
    #[case::not_there(r#"{"id":-7}"#, false)]
    fn an_image_is_of_the_key_that_was_read(#[case] json: &str, #[case] is: bool) {
        let mut digester = digester();
        digester.key((0, &watched()), br#"{"part":"x","id":-7}"#).unwrap();
        digester.start();
        members(json.as_bytes(), |name, raw| {
            digester.show(&watched(), Side::Before, name, raw);
            Some(())
        })
        .unwrap();
        assert_eq!(digester.is_of_key(&watched(), Side::Before), is);
        assert!(!digester.is_of_key(&watched(), Side::After));
        // Of another record nothing is left.
        digester.start();
        assert!(!digester.is_of_key(&watched(), Side::Before));
    }

    #[test]
    fn values_of_two_kinds_are_not_equal() {
        let of = |value: &Value| {
            let mut out = Vec::new();
            put_value(&mut out, value);
            out
        };
        assert_ne!(of(&Value::Text("true".to_owned())), of(&Value::Bool(true)));
        assert_ne!(of(&Value::Date(1)), of(&Value::Time(1)));
        assert_eq!(of(&Value::Null), of(&Value::Absent));
    }
}
