//! Topics that an application writes: what their records hold, and what a timeline has it write.

use serde::{Deserialize, Serialize};

use super::expect::{RowCell, RowTable};
use crate::base::text::Text;
use crate::codec::types::arguments;
use crate::codec::written::Field;

/// The column of a row table that says whether a record takes its row away: `c` or `d`.
pub const OP: &str = "_op";
/// The column that says to which partition a record goes.
pub const PARTITION: &str = "_partition";
/// The column that says which timestamp a record bears.
pub const TIMESTAMP: &str = "_timestamp";
/// The column with the bytes of a key, as they stand.
pub const KEY: &str = "_key";
/// The column with the bytes of a value, as they stand.
pub const VALUE: &str = "_value";

/// What a row table of `produce` may have besides the columns of its topic, with Flink's types.
pub const BESIDES: [(&str, &str); 5] =
    [(OP, "STRING"), (PARTITION, "INT"), (TIMESTAMP, "STRING"), (KEY, "STRING"), (VALUE, "STRING")];

/// How a part of an application's record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wire {
    /// A JSON object.
    Json,
    /// The bytes of its one column.
    Raw,
    /// Avro behind the frame of a schema registry.
    AvroRegistry,
}

/// A topic that an application writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// Its columns as they are written.
    pub text: Text,
    /// Its columns with Flink's types.
    pub columns: Vec<(String, String)>,
    /// The columns of the key; none: records have no key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// How keys are written.
    pub key_format: Wire,
    /// How values are written.
    pub value_format: Wire,
    /// How many partitions it has.
    pub partitions: u32,
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// Its records count.
    Commit,
    /// Who reads committed records never sees them.
    Abort,
}

/// An entry that writes records to a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Produce {
    /// The topic of an application, or a source table or sink.
    pub topic: String,
    /// A row for each record.
    pub rows: RowTable,
    /// What every record of it bears.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// They are written in a transaction, which ends so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Ending>,
}

/// A key or a value as a timeline says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<'a> {
    /// None.
    Null,
    /// These bytes, whatever they are.
    Bytes(Vec<u8>),
    /// These columns, in the topic's format.
    Row(Vec<Field<'a>>),
}

/// One record as a timeline says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft<'a> {
    /// The partition that is asked for.
    pub partition: Option<i32>,
    /// The timestamp that is asked for, as text.
    pub timestamp: Option<&'a str>,
    /// Its key.
    pub key: Content<'a>,
    /// Its value.
    pub value: Content<'a>,
    /// It takes away the row of its key.
    pub is_delete: bool,
    /// All columns of the topic, if the record is a row or takes one away.
    pub row: Option<Vec<Field<'a>>>,
}

impl Application {
    /// What is JSON becomes Avro.
    pub fn be_avro(&mut self) {
        for format in [&mut self.key_format, &mut self.value_format] {
            if *format == Wire::Json {
                *format = Wire::AvroRegistry;
            }
        }
    }

    /// The columns that a value holds.
    pub fn of_value(&self) -> impl Iterator<Item = &(String, String)> {
        let bare = self.value_format == Wire::Raw;
        self.columns.iter().filter(move |(name, _)| !bare || !self.key.contains(name))
    }

    /// The columns of the key, with their types.
    pub fn of_key(&self) -> impl Iterator<Item = &(String, String)> {
        self.key.iter().filter_map(|key| self.columns.iter().find(|(name, _)| name == key))
    }
}

impl Produce {
    /// The cell of a column in a row; `None` if the table has no such column, or NULL stands there.
    fn cell(&self, row: usize, column: &str) -> Option<&str> {
        let place = self.rows.columns.iter().position(|name| name == column)?;
        match self.rows.rows.get(row)?.cells.get(place)? {
            RowCell::Value { text, .. } => Some(text),
            RowCell::Null | RowCell::Any => None,
        }
    }

    /// Whether the row table has a column.
    pub fn has(&self, column: &str) -> bool {
        self.rows.columns.iter().any(|name| name == column)
    }

    /// Whether its records are bytes as they stand, in part or whole.
    pub fn is_raw(&self) -> bool {
        self.has(KEY) || self.has(VALUE)
    }

    /// Whether its records count for those who read committed records.
    pub fn counts(&self) -> bool {
        self.transaction != Some(Ending::Abort)
    }

    /// The records, in order. `application` is what is known of the topic.
    pub fn drafts<'a>(&'a self, application: Option<&'a Application>) -> Vec<Draft<'a>> {
        (0..self.rows.rows.len()).map(|row| self.draft(row, application)).collect()
    }

    fn draft<'a>(&'a self, row: usize, application: Option<&'a Application>) -> Draft<'a> {
        let field = |(name, kind): &'a (String, String)| {
            (name.as_str(), kind.as_str(), self.cell(row, name))
        };
        let stands = |column: &str| self.cell(row, column).map_or(Content::Null, bytes);
        let is_delete = self.cell(row, OP) == Some("d");
        let key = match application {
            _ if self.has(KEY) => stands(KEY),
            Some(of) if !of.key.is_empty() => Content::Row(of.of_key().map(field).collect()),
            _ => Content::Null,
        };
        let value = match application {
            _ if self.has(VALUE) => stands(VALUE),
            Some(of) if !is_delete => Content::Row(of.of_value().map(field).collect()),
            _ => Content::Null,
        };
        let all = application.filter(|_| !self.is_raw());
        let whole = |of: &'a Application| {
            let shown = |(name, kind, text): Field<'a>| {
                let is_there = !is_delete || of.key.iter().any(|key| key == name);
                (name, kind, text.filter(|_| is_there))
            };
            of.columns.iter().map(field).map(shown).collect()
        };
        Draft {
            partition: self.cell(row, PARTITION).and_then(|text| text.parse().ok()),
            timestamp: self.cell(row, TIMESTAMP),
            key,
            value,
            is_delete,
            row: all.map(whole),
        }
    }
}

/// Whether Flink's Avro format has a form for values of a type.
pub fn is_in_avro(kind: &str) -> bool {
    let (word, arguments) = arguments(kind);
    match word.as_str() {
        "TIMESTAMP" => arguments.first().is_some_and(|digits| *digits <= 3),
        "DECIMAL" => arguments.len() == 2,
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "INT" | "BIGINT" | "FLOAT" | "DOUBLE" | "STRING"
        | "VARCHAR" | "CHAR" | "BYTES" | "VARBINARY" | "BINARY" | "DATE" => true,
        _ => false,
    }
}

/// A time in milliseconds since 1970; without a zone it is UTC.
pub fn millis(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    let time: jiff::civil::DateTime = text.parse().ok()?;
    let zoned = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_millisecond())
}

/// The bytes that a cell stands for: `\x` and hexadecimal digits, or its text.
fn bytes(text: &str) -> Content<'static> {
    let digits = text.strip_prefix("\\x").and_then(|digits| hex::decode(digits).ok());
    Content::Bytes(digits.unwrap_or_else(|| text.as_bytes().to_vec()))
}
