//! The tables that the statements write, and how: what stands in the keys of their records, and which
//! statements write them.

use serde::{Deserialize, Serialize};

use super::event::SinkMode;
use super::files::Kept;
use crate::base::text::Place;

/// A table that the statements write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkTable {
    /// The Flink table.
    pub name: String,
    /// Its topic's logical name; of a sink of files, that of its folder.
    pub topic: String,
    /// How its rows are kept.
    #[serde(default, skip_serializing_if = "Kept::is_topic")]
    pub kept: Kept,
    /// How it is read.
    pub mode: SinkMode,
    /// Physical columns in order: name and Flink type as DESCRIBE writes it.
    pub columns: Vec<(String, String)>,
    /// The primary key's columns.
    pub key: Vec<String>,
    /// Where the statement that writes it stands.
    pub statement: Place,
    /// How it is written.
    #[serde(default, skip_serializing_if = "Written::is_plain")]
    pub written: Written,
}

/// How the statements write a sink, as far as its columns do not say it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Written {
    /// The key of its records; `None` without one, and in histories that do not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<RecordKey>,
    /// The other statements that write it, by where they stand: the order between two statements is
    /// not determined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_by: Vec<Place>,
    /// Its rows are the first or the last of several, as they arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_arrival: Option<Arrival>,
}

impl Written {
    /// There is nothing to say.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// A sink keeps of several rows the one that arrives first, or last: in the order of a partition, and
/// in any order of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// The columns whose values the rows share of which one is kept.
    pub key: Vec<String>,
    /// The logical names of the topics that they come from.
    pub topics: Vec<String>,
    /// What is kept goes into the sink row by row, and into nothing else.
    pub is_plain: bool,
}

/// The key of a sink's records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordKey {
    /// The columns of the table that stand in it, in order.
    pub columns: Vec<String>,
    /// What stands in front of their names in the table, and not in the record
    /// (`key.fields-prefix`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// Its format (`json`, `raw`).
    pub format: String,
    /// Numbers in `raw` have their lowest byte first (`raw.endianness`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub little_endian: bool,
    /// The character set of texts in `raw`, where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// The value has these columns too (`value.fields-include` is not `EXCEPT_KEY`).
    pub in_value: bool,
}
