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

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde_json::{Map, Value as Json};

use crate::codec::types::DataType;
use crate::history::event::{Bytes, Event, Record, SinkTable};
use crate::history::files::{DataFile, Holds, Kept};
use crate::sql::flink::With;

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
    /// Reads what was committed to `sink`, whose files are in `folder`, since the last look; `with`
    /// are the options of its table.
    pub fn read(
        &mut self,
        sink: &SinkTable,
        folder: &Utf8Path,
        with: Option<&With>,
    ) -> Result<Look, LakeError> {
        let mut committed = match sink.kept {
            Kept::Parquet | Kept::Csv | Kept::Json => parts(folder)?,
            Kept::Iceberg => snapshot(folder, &sink.key)?,
            Kept::Topic => Vec::new(),
        };
        let known = self.0.entry(sink.name.clone()).or_default();
        if let Some(gone) = known.iter().find(|file| committed.iter().all(|c| c.name != file.name))
        {
            return Err(LakeError::Gone(folder.join(&gone.name).into_string()));
        }
        committed.retain(|file| known.iter().all(|known| known.name != file.name));
        committed.sort_by(|a, b| (a.commit, &a.name).cmp(&(b.commit, &b.name)));
        let mut events = Vec::new();
        for Committed { name, holds, commit, partition } in committed {
            let rows = rows(folder, &name, (sink, holds), with)?;
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

/// The finished files of Flink's filesystem connector, those of partitions in folders of their own:
/// what is in progress, or waits for its checkpoint, has a hidden name.
fn parts(folder: &Utf8Path) -> Result<Vec<Committed>, LakeError> {
    let unread = |error: std::io::Error| LakeError::unread(folder, error);
    let mut found = Vec::new();
    // Flink makes the folder with the first row.
    if !folder.exists() {
        return Ok(found);
    }
    let mut open = vec![folder.to_owned()];
    while let Some(within) = open.pop() {
        for entry in within.read_dir_utf8().map_err(unread)? {
            let entry = entry.map_err(unread)?;
            if entry.file_name().starts_with(['.', '_']) {
                continue;
            }
            if entry.file_type().map_err(unread)?.is_dir() {
                open.push(entry.into_path());
                continue;
            }
            let name = entry.path().strip_prefix(folder);
            let name = name.map_err(|error| LakeError::unread(folder, error))?;
            let partition = name.parent().map(Utf8Path::as_str).filter(|path| !path.is_empty());
            found.push(Committed {
                name: name.to_string(),
                holds: Holds::Rows,
                commit: 0,
                partition: partition.map(ToOwned::to_owned),
            });
        }
    }
    Ok(found)
}

/// The rows of a file, each as a JSON object. A place names its file by the path below the folder.
fn rows(
    folder: &Utf8Path,
    name: &str,
    (sink, holds): (&SinkTable, Holds),
    with: Option<&With>,
) -> Result<Vec<String>, LakeError> {
    let path = folder.join(name);
    let typed = |(name, kind): &(String, String)| (name.clone(), DataType::flink(kind));
    let mut columns: Vec<_> = sink.columns.iter().map(typed).collect();
    let in_path = match sink.kept {
        Kept::Csv | Kept::Json | Kept::Parquet => partitions::values(name, &columns, with),
        Kept::Iceberg | Kept::Topic => Ok(Map::new()),
    };
    let in_path = in_path.map_err(|what| LakeError::unknown(&path, what))?;
    columns.retain(|(column, _)| !in_path.contains_key(column));
    let rows = match sink.kept {
        Kept::Csv => csv::rows(&path, &columns, with),
        Kept::Json => lines(&path),
        Kept::Parquet | Kept::Iceberg | Kept::Topic => columnar(folder, &path, (&columns, holds)),
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
fn lines(path: &Utf8Path) -> Result<Vec<String>, LakeError> {
    let text = fs_err::read_to_string(path).map_err(|error| LakeError::unread(path, error))?;
    Ok(text.lines().map(ToOwned::to_owned).collect())
}

#[cfg(feature = "lake")]
use iceberg::snapshot;

#[cfg(feature = "lake")]
fn columnar(
    folder: &Utf8Path,
    path: &Utf8Path,
    (columns, holds): (&[(String, DataType)], Holds),
) -> Result<Vec<String>, LakeError> {
    if holds == Holds::Places {
        return iceberg::places(folder, parquet::rows(path, &[])?);
    }
    parquet::rows(path, columns)
}

/// Without the feature such sinks are refused before anything runs; this says it once more.
#[cfg(not(feature = "lake"))]
fn snapshot(folder: &Utf8Path, _: &[String]) -> Result<Vec<Committed>, LakeError> {
    Err(LakeError::unknown(folder, "a table of Iceberg's without the feature `lake`"))
}

/// As [`snapshot`].
#[cfg(not(feature = "lake"))]
fn columnar(
    _: &Utf8Path,
    path: &Utf8Path,
    _: (&[(String, DataType)], Holds),
) -> Result<Vec<String>, LakeError> {
    Err(LakeError::unknown(path, "a Parquet file without the feature `lake`"))
}
