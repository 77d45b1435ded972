//! What a sink holds: its records folded up to a proven end.
//!
//! Source: Flink's manual, Upsert Kafka SQL connector, first section: the last value of a key
//! counts, and a null value is a delete. Seen on 2.2.0 (scenario
//! `sinks/a-row-that-leaves-the-filter-leaves-the-sink`).

mod files;
mod key;
mod retract;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::base::value::Value;
use crate::codec::flink::{self, Row, RowError};
use crate::codec::types::DataType;
use crate::codec::value::canonical;
use crate::history::event::{Proof, Record, SinkMode, SinkTable};
use crate::history::files::DataFile;
use crate::model::key::Key;

pub use files::Stored;
pub use retract::{Form, scattered};

/// A sink's columns by name and type.
#[derive(Debug, Clone)]
pub struct Shape<'a> {
    /// The table.
    pub table: &'a SinkTable,
    /// Its columns.
    pub columns: Vec<(String, DataType)>,
}

/// A record of a sink, read.
#[derive(Debug, Clone)]
pub struct Emitted<'a> {
    /// The record as it was recorded.
    pub record: &'a Record,
    /// Its key; `None` for an append sink.
    pub key: Option<Key>,
    /// The row; `None` deletes the key's, or takes back the old one.
    pub row: Option<Row>,
    /// The row that a record of a retract sink takes back.
    pub old: Option<Row>,
    /// Where it stands, if it is a row of a file.
    pub stored: Option<Stored<'a>>,
}

/// A record of a sink that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {topic}[{partition}]@{offset} of sink `{sink}`: {problem}")]
pub struct SinkError {
    /// The sink.
    pub sink: String,
    /// Its topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// What is wrong.
    pub problem: String,
}

/// The rows of a sink.
#[derive(Debug, Clone, Default)]
pub struct Contents<'a> {
    /// Of an upsert sink: by key.
    pub keyed: BTreeMap<Key, Emitted<'a>>,
    /// Of an append sink: every row; of a sink of files, also further rows of a key.
    pub bag: Vec<Emitted<'a>>,
}

/// A record of debezium-json.
#[derive(Deserialize)]
struct Change<'a> {
    op: String,
    #[serde(borrow)]
    before: Option<&'a RawValue>,
    #[serde(borrow)]
    after: Option<&'a RawValue>,
}

impl<'a> Shape<'a> {
    /// That of a table.
    pub fn of(table: &'a SinkTable) -> Self {
        let column = |(name, kind): &(String, String)| (name.clone(), DataType::flink(kind));
        Self { table, columns: table.columns.iter().map(column).collect() }
    }

    /// That of a table whose reference gives its columns these types of Postgres: its texts are
    /// compared as what the reference says they are.
    #[must_use]
    pub fn said_by<'s>(mut self, said: impl Iterator<Item = (&'s str, &'s str)>) -> Self {
        for (name, postgres) in said {
            for (_, kind) in self.columns.iter_mut().filter(|(column, _)| column == name) {
                *kind = kind.clone().said_by(postgres);
            }
        }
        self
    }

    /// The type of a column.
    pub fn kind(&self, column: &str) -> Option<&DataType> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, kind)| kind)
    }

    /// The key of a row; `None` for a sink without key columns, or a row without their values.
    pub fn key_of(&self, row: &Row) -> Option<Key> {
        let values = self.table.key.iter().map(|column| row.get(column));
        let values = values.collect::<Option<Vec<_>>>()?;
        (!values.is_empty()).then(|| Key::of(values))
    }

    /// Whether a row is told from others by its key. Of a retract sink that several statements write,
    /// one statement's row of a key says nothing about another's.
    pub fn is_keyed(&self) -> bool {
        match self.table.mode {
            SinkMode::Upsert => true,
            SinkMode::Append => false,
            SinkMode::Retract => {
                !self.table.key.is_empty() && self.table.written.also_by.is_empty()
            }
        }
    }

    /// Reads a record; `files` are those of a sink of files.
    pub fn read(
        &self,
        record: &'a Record,
        files: &[&'a DataFile],
    ) -> Result<Emitted<'a>, SinkError> {
        let error = |problem: String| SinkError {
            sink: self.table.name.clone(),
            topic: record.topic.clone(),
            partition: record.partition,
            offset: record.offset,
            problem,
        };
        let read = |part: &str, bytes: &[u8]| {
            let problem = |problem: RowError| error(format!("{part}: {problem}"));
            flink::row(bytes, &self.columns).map_err(problem)
        };
        if !self.table.kept.is_topic() {
            let file = files.iter().find(|file| file.number == record.partition);
            let file = file.ok_or_else(|| error("its file was not recorded".to_owned()))?;
            return self.read_row(record, file).map_err(error);
        }
        let in_key = match (&self.table.written.key, &record.key) {
            (Some(key), bytes) if self.table.mode == SinkMode::Upsert || !key.in_value => {
                let read = key::columns(self, key, bytes.as_ref());
                read.map_err(|problem| error(format!("key: {problem}")))?
            }
            (None, Some(key)) if self.table.mode == SinkMode::Upsert => read("key", &key.0)?,
            _ => Row::new(),
        };
        if self.table.mode == SinkMode::Retract {
            return self.read_retract(record, &in_key).map_err(error);
        }
        let row = match &record.value {
            Some(value) => {
                // The value may leave the key's columns out (`EXCEPT_KEY`), and have another member
                // by the name that one of them has there.
                let mut row = read("value", &value.0)?;
                if self.is_bare() {
                    row.extend(in_key.clone());
                } else {
                    for (column, value) in &in_key {
                        row.entry(column.clone()).or_insert_with(|| value.clone());
                    }
                }
                for (column, _) in &self.columns {
                    row.entry(column.clone()).or_insert(Value::Null);
                }
                Some(row)
            }
            None => None,
        };
        let key = match self.table.mode {
            SinkMode::Append | SinkMode::Retract => None,
            SinkMode::Upsert => {
                let key = self.key_of(&in_key).or_else(|| self.key_of(row.as_ref()?));
                Some(key.ok_or_else(|| error("it has no key".to_owned()))?)
            }
        };
        Ok(Emitted { record, key, row, old: None, stored: None })
    }

    /// The values of its records leave the columns of the key out.
    fn is_bare(&self) -> bool {
        self.table.written.key.as_ref().is_some_and(|key| !key.in_value)
    }

    /// Flink's debezium-json writes `c` for a row that comes and `d` for one that goes.
    fn read_retract(&self, record: &'a Record, in_key: &Row) -> Result<Emitted<'a>, String> {
        let value = record.value.as_ref().ok_or("a retract sink has no tombstones")?;
        let change: Change<'_> = serde_json::from_slice(&value.0).map_err(|e| e.to_string())?;
        let image = |part: &str, raw: Option<&RawValue>| {
            let raw = raw.ok_or_else(|| format!("its `{part}` is null"))?;
            let row = flink::row(raw.get().as_bytes(), &self.columns);
            let mut row = row.map_err(|problem| format!("{part}: {problem}"))?;
            row.extend(in_key.clone());
            for (column, _) in &self.columns {
                row.entry(column.clone()).or_insert(Value::Null);
            }
            Ok::<_, String>(row)
        };
        let (row, old) = match change.op.as_str() {
            "c" => (Some(image("after", change.after)?), None),
            "d" => (None, Some(image("before", change.before)?)),
            other => return Err(format!("`op` is `{other}`, expected `c` or `d`")),
        };
        let key = row.as_ref().or(old.as_ref()).and_then(|row| self.key_of(row));
        let key = key.filter(|_| self.is_keyed());
        Ok(Emitted { record, key, row, old, stored: None })
    }

    /// Folds a sink's records below the ends of a proof.
    pub fn fold(&self, log: &[Emitted<'a>], proof: &Proof) -> Contents<'a> {
        let ends = proof.ends.get(&self.table.topic).map_or(&[][..], Vec::as_slice);
        let below = |emitted: &&Emitted<'a>| {
            let partition = usize::try_from(emitted.record.partition).unwrap_or(usize::MAX);
            ends.get(partition).is_some_and(|(_, end)| emitted.record.offset < *end)
        };
        if !self.table.kept.is_topic() {
            return files::fold(log.iter().filter(below));
        }
        if self.table.mode == SinkMode::Retract {
            return retract::fold(self, log.iter().filter(below));
        }
        let mut contents = Contents::default();
        for emitted in log.iter().filter(below) {
            match (&emitted.key, &emitted.row) {
                (Some(key), Some(_)) => {
                    contents.keyed.insert(key.clone(), emitted.clone());
                }
                (Some(key), None) => {
                    contents.keyed.remove(key);
                }
                (None, Some(_)) => contents.bag.push(emitted.clone()),
                (None, None) => {}
            }
        }
        contents
    }
}

/// The row's values in the order of these columns, each as its one text.
pub fn texts(row: &Row, columns: &[String]) -> Vec<Option<String>> {
    columns.iter().map(|column| row.get(column).and_then(canonical)).collect()
}
