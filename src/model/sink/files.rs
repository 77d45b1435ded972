//! What a sink of files holds: the rows of its files, without those that its deletes take out.
//!
//! Iceberg's rules: a key in a delete file takes out the rows with that key that *earlier* commits
//! wrote to files of the same partition (to all files, if the delete file is of none); a place takes
//! out the row that stands there, also one of its own commit.
//!
//! Source: Iceberg's table specification, "Scan Planning". Seen on 1.11.0 (scenario
//! `lake/a-statement-that-loses-and-repeats-deletes`).

use std::collections::BTreeMap;

use super::{Contents, Emitted, Shape};
use crate::base::value::Value;
use crate::codec::flink;
use crate::history::event::{Record, SinkMode};
use crate::history::files::{DataFile, Holds, Place};
use crate::model::key::Key;

/// The file of a row, and the place that it takes out if it names one.
#[derive(Debug, Clone)]
pub struct Stored<'a> {
    /// The file.
    pub file: &'a DataFile,
    /// The row that goes.
    pub removes: Option<Place>,
}

impl<'a> Shape<'a> {
    /// Reads a row of a file.
    pub(super) fn read_row(
        &self,
        record: &'a Record,
        file: &'a DataFile,
    ) -> Result<Emitted<'a>, String> {
        let bytes = record.value.as_ref().ok_or("a row of a file has a value")?;
        let stored = |removes| Some(Stored { file, removes });
        if file.holds == Holds::Places {
            let place: Place = serde_json::from_slice(&bytes.0).map_err(|e| e.to_string())?;
            let stored = stored(Some(place));
            return Ok(Emitted { record, key: None, row: None, old: None, stored });
        }
        let mut row = flink::row(&bytes.0, &self.columns).map_err(|problem| problem.to_string())?;
        let key = match self.table.mode {
            SinkMode::Upsert => Some(self.key_of(&row).ok_or("it has no key")?),
            SinkMode::Append | SinkMode::Retract => None,
        };
        if file.holds == Holds::Keys {
            key.as_ref().ok_or("the sink has no key, and its files delete by one")?;
            return Ok(Emitted { record, key, row: None, old: None, stored: stored(None) });
        }
        for (column, _) in &self.columns {
            row.entry(column.clone()).or_insert(Value::Null);
        }
        Ok(Emitted { record, key, row: Some(row), old: None, stored: stored(None) })
    }
}

/// The rows that are left. A second row of a key, which there must not be, goes into the bag.
pub(super) fn fold<'a, 'l>(log: impl Iterator<Item = &'l Emitted<'a>> + Clone) -> Contents<'a>
where
    'a: 'l,
{
    let deletes = Deletes::of(log.clone());
    let mut contents = Contents::default();
    for emitted in log.filter(|emitted| emitted.row.is_some() && !deletes.take(emitted)) {
        match &emitted.key {
            Some(key) if !contents.keyed.contains_key(key) => {
                contents.keyed.insert(key.clone(), emitted.clone());
            }
            Some(_) | None => contents.bag.push(emitted.clone()),
        }
    }
    contents
}

/// What takes rows out.
#[derive(Default)]
struct Deletes<'l> {
    /// The last commit that deletes a key in a partition, or everywhere.
    keys: BTreeMap<(&'l Key, Option<&'l str>), i64>,
    /// File and number of the rows that go, with the last commit that says so.
    places: BTreeMap<(&'l str, i64), i64>,
}

impl<'l> Deletes<'l> {
    fn of<'a: 'l>(log: impl Iterator<Item = &'l Emitted<'a>>) -> Self {
        let mut deletes = Self::default();
        for emitted in log.filter(|emitted| emitted.row.is_none()) {
            let Some(stored) = &emitted.stored else { continue };
            if let Some(place) = &stored.removes {
                let commit = deletes.places.entry((&place.file_path, place.pos)).or_default();
                *commit = stored.file.commit.max(*commit);
            } else if let Some(key) = &emitted.key {
                let within = stored.file.partition.as_deref();
                let commit = deletes.keys.entry((key, within)).or_default();
                *commit = stored.file.commit.max(*commit);
            }
        }
        deletes
    }

    fn take(&self, emitted: &Emitted<'_>) -> bool {
        let Some(stored) = &emitted.stored else { return false };
        let of_key = |key, within| self.keys.get(&(key, within)).copied();
        let by_key = emitted.key.as_ref().and_then(|key| {
            let within = stored.file.partition.as_deref();
            of_key(key, None).max(within.and_then(|_| of_key(key, within)))
        });
        let by_place = self.places.get(&(stored.file.name.as_str(), emitted.record.offset));
        by_key.is_some_and(|commit| stored.file.commit < commit)
            || by_place.is_some_and(|commit| stored.file.commit <= *commit)
    }
}
