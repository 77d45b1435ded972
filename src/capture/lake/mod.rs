//! The tap on sinks that are files: what is committed there, each file once, row by row.
//!
//! It looks only after a proof, when nothing is on its way to being committed; what is still being
//! written bears another name, or is in no snapshot, and is not looked at.

mod csv;
#[cfg(feature = "lake")]
mod iceberg;
#[cfg(feature = "lake")]
mod parquet;
mod partitions;
mod room;

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde_json::{Map, Value as Json};

use crate::codec::types::DataType;
use crate::history::event::{Bytes, Event, Record, SinkTable};
use crate::history::files::{DataFile, Holds, Kept};
use crate::sql::flink::With;

#[cfg(feature = "lake")]
pub use room::Objects;
pub use room::Room;

/// The files that were read, by sink.
#[derive(Debug, Default)]
pub struct Lake(BTreeMap<String, Vec<DataFile>>);

/// What is new at a sink of files, and where it ends now.
#[derive(Debug)]
pub struct Look {
    /// Files and their rows.
    pub events: Vec<Event>,
    /// The rows of each file, in the form that the ends of a topic's partitions have.
    pub ends: Vec<(i64, i64)>,
}

/// The files of a sink cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LakeError {
    /// A file or folder cannot be read.
    #[error("{place}: {problem}")]
    Unread {
        /// The file or folder.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// A file that was read is no part of the sink any more.
    #[error("{0} was taken out, as a compaction, an overwrite or an expiry does: not judged")]
    Gone(String),
    /// The rows of such files are not read.
    #[error("{place}: {what} is not read")]
    Unknown {
        /// The file or folder.
        place: String,
        /// What it has.
        what: String,
    },
}

impl LakeError {
    fn unread(place: &Utf8Path, problem: impl ToString) -> Self {
        Self::Unread { place: place.to_string(), problem: problem.to_string() }
    }

    fn unknown(place: impl ToString, what: impl Into<String>) -> Self {
        Self::Unknown { place: place.to_string(), what: what.into() }
    }
}

/// A file that is a part of the sink now.
#[derive(Debug)]
struct Committed {
    name: String,
    holds: Holds,
    commit: i64,
    partition: Option<String>,
}

impl Lake {
    /// Reads what was committed to `sink`, whose files are in `room`, since the last look; `with`
    /// are the options of its table.
    pub async fn read(
        &mut self,
        sink: &SinkTable,
        room: &Room,
        with: Option<&With>,
    ) -> Result<Look, LakeError> {
        let mut committed = match sink.kept {
            Kept::Parquet | Kept::Csv | Kept::Json => parts(room).await?,
            Kept::Iceberg => snapshot(room, &sink.key).await?,
            Kept::Topic => Vec::new(),
        };
        let known = self.0.entry(sink.name.clone()).or_default();
        if let Some(gone) = known.iter().find(|file| committed.iter().all(|c| c.name != file.name))
        {
            return Err(LakeError::Gone(room.place(&gone.name).into_string()));
        }
        committed.retain(|file| known.iter().all(|known| known.name != file.name));
        committed.sort_by(|a, b| (a.commit, &a.name).cmp(&(b.commit, &b.name)));
        let mut events = Vec::new();
        for Committed { name, holds, commit, partition } in committed {
            let rows = rows(room, &name, (sink, holds), with).await?;
            let file = DataFile {
                topic: sink.topic.clone(),
                number: i32::try_from(known.len()).unwrap_or(i32::MAX),
                name,
                holds,
                commit,
                partition,
                rows: i64::try_from(rows.len()).unwrap_or(i64::MAX),
            };
            events.push(Event::File(file.clone()));
            events.extend(rows.into_iter().enumerate().map(|(n, row)| record(&file, n, row)));
            known.push(file);
        }
        Ok(Look { events, ends: known.iter().map(|file| (0, file.rows)).collect() })
    }
}

fn record(file: &DataFile, row: usize, value: String) -> Event {
    Event::Record(Record {
        topic: file.topic.clone(),
        partition: file.number,
        offset: i64::try_from(row).unwrap_or(i64::MAX),
        timestamp: None,
        key: None,
        value: Some(Bytes(value.into_bytes())),
        headers: Vec::new(),
    })
}

/// The finished files of Flink's filesystem connector, those of partitions in folders of their own.
async fn parts(room: &Room) -> Result<Vec<Committed>, LakeError> {
    let names = room.names().await?.into_iter();
    let committed = names.map(|name| {
        let partition = Utf8Path::new(&name).parent().map(Utf8Path::as_str);
        let partition = partition.filter(|path| !path.is_empty()).map(ToOwned::to_owned);
        Committed { name, holds: Holds::Rows, commit: 0, partition }
    });
    Ok(committed.collect())
}

/// The rows of a file, each as a JSON object. A place names its file by the path below the folder.
async fn rows(
    room: &Room,
    name: &str,
    (sink, holds): (&SinkTable, Holds),
    with: Option<&With>,
) -> Result<Vec<String>, LakeError> {
    let (path, bytes) = (room.place(name), room.read(name).await?);
    let typed = |(name, kind): &(String, String)| (name.clone(), DataType::flink(kind));
    let mut columns: Vec<_> = sink.columns.iter().map(typed).collect();
    let in_path = match sink.kept {
        Kept::Csv | Kept::Json | Kept::Parquet => partitions::values(name, &columns, with),
        Kept::Iceberg | Kept::Topic => Ok(Map::new()),
    };
    let in_path = in_path.map_err(|what| LakeError::unknown(&path, what))?;
    columns.retain(|(column, _)| !in_path.contains_key(column));
    let rows = match sink.kept {
        Kept::Csv => csv::rows((&path, &bytes), &columns, with),
        Kept::Json => lines(&path, &bytes),
        Kept::Parquet | Kept::Iceberg | Kept::Topic => {
            columnar(room, (&path, bytes), (&columns, holds))
        }
    };
    if in_path.is_empty() {
        return rows;
    }
    rows?.into_iter().map(|row| with_values(&path, &row, &in_path)).collect()
}

/// A row with the values of its partition.
fn with_values(
    path: &Utf8Path,
    row: &str,
    values: &Map<String, Json>,
) -> Result<String, LakeError> {
    let unread = |error: serde_json::Error| LakeError::unread(path, error);
    let mut members = serde_json::from_str::<Map<String, Json>>(row).map_err(unread)?;
    members.extend(values.clone());
    serde_json::to_string(&members).map_err(unread)
}

/// The lines of a file that has a JSON object in each.
fn lines(path: &Utf8Path, bytes: &[u8]) -> Result<Vec<String>, LakeError> {
    let text = std::str::from_utf8(bytes).map_err(|error| LakeError::unread(path, error))?;
    Ok(text.lines().map(ToOwned::to_owned).collect())
}

#[cfg(feature = "lake")]
use iceberg::snapshot;

#[cfg(feature = "lake")]
fn columnar(
    room: &Room,
    (path, bytes): (&Utf8Path, Vec<u8>),
    (columns, holds): (&[(String, DataType)], Holds),
) -> Result<Vec<String>, LakeError> {
    if holds == Holds::Places {
        return iceberg::places(room, parquet::rows((path, bytes), &[])?);
    }
    parquet::rows((path, bytes), columns)
}

/// Without the feature such sinks are refused before anything runs; this says it once more.
#[cfg(not(feature = "lake"))]
async fn snapshot(room: &Room, _: &[String]) -> Result<Vec<Committed>, LakeError> {
    Err(LakeError::unknown(room.place(""), "a table of Iceberg's without the feature `lake`"))
}

/// As [`snapshot`].
#[cfg(not(feature = "lake"))]
fn columnar(
    _: &Room,
    (path, _): (&Utf8Path, Vec<u8>),
    _: (&[(String, DataType)], Holds),
) -> Result<Vec<String>, LakeError> {
    Err(LakeError::unknown(path, "a Parquet file without the feature `lake`"))
}
