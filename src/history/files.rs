//! Sinks that are files: what a file's rows mean, and where they stand.
//!
//! A file takes the part of a partition, and the number of a row in it that of an offset: its rows
//! are records like any others, and the ends that a proof names are the rows of each file.

use serde::{Deserialize, Serialize};

/// How the rows of a sink are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// As records of a topic.
    #[default]
    Topic,
    /// As Parquet files in a folder.
    Parquet,
    /// As CSV files in a folder.
    Csv,
    /// As files of JSON objects, one a line, in a folder.
    Json,
    /// As a table of Iceberg's.
    Iceberg,
}

impl Kept {
    /// Its files hold columns, and are read with the feature `lake` alone.
    pub fn is_columnar(&self) -> bool {
        matches!(self, Self::Parquet | Self::Iceberg)
    }

    /// It is a topic.
    pub fn is_topic(&self) -> bool {
        *self == Self::Topic
    }
}

/// What the rows of a file mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// They are rows of the table.
    Rows,
    /// They are keys: every row with one of them goes that an earlier commit wrote, in files of the
    /// same partition.
    Keys,
    /// They are places (`file_path`, `pos`): the rows that stand there go.
    Places,
}

/// A row of a file of places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file, by its path below the sink's folder.
    pub file_path: String,
    /// The number of the row.
    pub pos: i64,
}

/// A file of a sink, seen committed. Its rows follow as records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// The sink's folder by its logical name, which its records have as their topic.
    pub topic: String,
    /// Its number among the files of the folder, from 0; its records have it as their partition.
    pub number: i32,
    /// Its path below the folder.
    pub name: String,
    /// What its rows mean.
    pub holds: Holds,
    /// Which commit of the table wrote it (Iceberg's sequence number); 0 where there are none.
    pub commit: i64,
    /// The partition that it is of (`depot=north`), where the table has any. Keys in a file of one
    /// delete rows in files of the same alone, those in a file of none everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// How many rows it has.
    pub rows: i64,
}
