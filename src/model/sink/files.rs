//! What a sink of files holds: the rows of its files, without those that its deletes take out.
//!
//! Iceberg's rules: a key in a delete file takes out the rows with that key that *earlier* commits
//! wrote; a place takes out the row that stands there, also one of its own commit.

use std::collections::{BTreeMap, BTreeSet};

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
    /// The last commit that deletes a key.
    keys: BTreeMap<&'l Key, i64>,
    /// File and number of the rows that go.
    places: BTreeSet<(&'l str, i64)>,
}

impl<'l> Deletes<'l> {
    fn of<'a: 'l>(log: impl Iterator<Item = &'l Emitted<'a>>) -> Self {
        let mut deletes = Self::default();
        for emitted in log.filter(|emitted| emitted.row.is_none()) {
            let Some(stored) = &emitted.stored else { continue };
            if let Some(place) = &stored.removes {
                deletes.places.insert((&place.file_path, place.pos));
            } else if let Some(key) = &emitted.key {
                let commit = deletes.keys.entry(key).or_default();
                *commit = stored.file.commit.max(*commit);
            }
        }
        deletes
    }

    fn take(&self, emitted: &Emitted<'_>) -> bool {
        let Some(stored) = &emitted.stored else { return false };
        let by_key = emitted.key.as_ref().and_then(|key| self.keys.get(key));
        by_key.is_some_and(|commit| stored.file.commit < *commit)
            || self.places.contains(&(stored.file.name.as_str(), emitted.record.offset))
    }
}
