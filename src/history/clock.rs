//! How the tables that statements read tell event time.

use serde::{Deserialize, Serialize};

/// The clock of a table that statements read: what its WATERMARK clause makes of the records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The Flink table.
    pub table: String,
    /// The logical names of its topics.
    pub topics: Vec<String>,
    /// The sinks of the statements that read it.
    pub sinks: Vec<String>,
    /// Where the event time of a record's rows is read.
    pub times: Vec<Time>,
    /// How far the watermark stays behind the latest time, in milliseconds.
    pub delay_ms: i64,
    /// Partitions are left out while they are idle: which ones were, no record tells.
    pub idles: bool,
    /// Its times are wall times of this zone, made of the points in time that the records hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// Where the event time of a record's rows is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Time {
    /// A field of the value.
    Field(String),
    /// A field of the images of Debezium's envelope, as Flink's format reads it.
    Image(String),
    /// A column of a Postgres table in the images of Debezium's envelope; a number counts this
    /// many to the millisecond.
    Column {
        /// The column.
        name: String,
        /// Ticks of the number in a millisecond (1,000 for microseconds).
        ticks: i64,
        /// The envelope is read as one row (the new one; of a delete the old one), as an append
        /// stream is; else as rows of both images, as debezium-json reads it.
        #[serde(default)]
        one_row: bool,
    },
    /// An expression over the columns of a Postgres table in the images of Debezium's envelope, or
    /// in the row that the value is.
    Computed {
        /// In Flink's SQL.
        expression: String,
        /// As in [`Time::Column`].
        #[serde(default)]
        one_row: bool,
    },
    /// `source.ts_ms` of the envelope.
    Commit,
    /// The record's timestamp.
    Record,
}
