//! What the rest of a history is read by: tables, topics, the connector's configuration and the
//! snapshot's point. They stand near its beginning, and are looked for before the pass.

use std::collections::BTreeMap;

use super::Stop;
use crate::base::position::Lsn;
use crate::base::value::Type;
use crate::codec::types::DataType;
use crate::history::event::{Event, Role, Table, Topic};
use crate::history::stream::{Seen, Stream};
use crate::model::feed::Rules;
use crate::model::outbox::apart;
use crate::scenario::settings::{Options, ReplicaIdentity};

/// How a value of a column is brought to the form that digests are over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// Its digits, which Postgres and the connector write alike.
    Int,
    /// Its text.
    Text,
    Bool,
    /// By the codec.
    Other(DataType),
}

/// A table with a primary key.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) captured: bool,
    /// The columns that are not generated, in order.
    pub(super) columns: Vec<(String, Form)>,
    /// The places of the key's columns among them, in key order.
    pub(super) key: Vec<usize>,
    /// Of its topic.
    pub(super) partitions: i32,
}

/// What a history is read by.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) tables: Vec<Table>,
    pub(super) rules: Rules,
    pub(super) point: Lsn,
    /// By their places in `tables`; `None` for one without key, which is not captured then.
    pub(super) watched: Vec<Option<Watched>>,
    /// The topics of captured tables, by name: the table.
    pub(super) topics: BTreeMap<String, usize>,
    /// The topics that statements write.
    pub(super) sinks: Vec<String>,
}

/// What of it was found so far.
#[derive(Default)]
struct Prologue {
    tables: Option<Vec<Table>>,
    topics: Option<Vec<Topic>>,
    config: Option<Options>,
    slot: Option<Lsn>,
}

impl Frame {
    /// Looks for it; `point` where the snapshot's rows have said another one than the slot.
    pub(super) fn read(stream: &mut Stream<'_>, point: Option<Lsn>) -> Result<Self, Stop> {
        let mut found = Prologue::default();
        while let Some(seen) = stream.see()? {
            let Seen::Other(event) = seen else { continue };
            match event {
                Event::Tables { tables } => found.tables = Some(tables),
                Event::Topics { topics } => found.topics = Some(topics),
                Event::Connector { connector: Some(_), .. } => {
                    return Err(Stop::refused("several connectors capture the tables"));
                }
                Event::Connector { config, .. } => found.config = Some(config),
                Event::Slot { point, .. } => found.slot = found.slot.or(Some(point)),
                _ => continue,
            }
            if found.is_whole() {
                break;
            }
        }
        found.frame(point)
    }
}

impl Prologue {
    fn is_whole(&self) -> bool {
        let Self { tables, topics, config, slot } = self;
        tables.is_some() && topics.is_some() && config.is_some() && slot.is_some()
    }

    fn frame(self, point: Option<Lsn>) -> Result<Frame, Stop> {
        let lacking = |what: &str| Stop::Refused(format!("{what} not recorded"));
        let tables = self.tables.ok_or_else(|| lacking("the source tables were"))?;
        let topics = self.topics.ok_or_else(|| lacking("the topics were"))?;
        let config = self.config.ok_or_else(|| lacking("the connector's configuration was"))?;
        let point =
            point.or(self.slot).ok_or_else(|| lacking("the slot's consistent point was"))?;
        let rules = Rules::of(&apart(&config));
        let rules = rules.map_err(|problems| Stop::Refused(problems.join("; ")))?;
        if tables.iter().any(|table| table.partitioned) {
            return Err(Stop::refused("tables are partitioned"));
        }
        if rules.ever_skips_unchanged() {
            return Err(Stop::refused("the connector leaves out updates that change nothing"));
        }
        if config.get("signal.data.collection").is_some_and(|table| !table.is_empty()) {
            return Err(Stop::refused("the connector may be told to take further snapshots"));
        }
        for topic in &topics {
            if matches!(topic.role, Role::Outbox { .. } | Role::Messages | Role::Transaction) {
                let name = &topic.name;
                return Err(Stop::Refused(format!(
                    "`{name}` holds outbox events, logical messages or transaction metadata"
                )));
            }
            if topic.role == Role::Application {
                return Err(Stop::Refused(format!(
                    "`{}` is written by an application",
                    topic.name
                )));
            }
        }
        let mut frame = Frame {
            watched: Vec::new(),
            topics: BTreeMap::new(),
            sinks: Vec::new(),
            tables,
            rules,
            point,
        };
        for (place, table) in frame.tables.iter().enumerate() {
            let name = format!("{}.{}", table.schema, table.name);
            let is_own = |t: &&Topic| matches!(&t.role, Role::Source { table } if *table == name);
            let topic = topics.iter().find(is_own).filter(|_| table.captured);
            if table.captured && topic.is_none() {
                return Err(Stop::Refused(format!("no topic of `{name}` was recorded")));
            }
            frame.watched.push(watched(table, topic, &frame.rules)?);
            frame.topics.extend(topic.map(|topic| (topic.name.clone(), place)));
        }
        let sinks = topics.into_iter().filter(|topic| topic.role.is_sink());
        frame.sinks = sinks.map(|topic| topic.name).collect();
        Ok(frame)
    }
}

fn watched(table: &Table, topic: Option<&Topic>, rules: &Rules) -> Result<Option<Watched>, Stop> {
    let refused = |why: &str| Err(Stop::Refused(format!("`{}` {why}", table.name)));
    if table.identity == ReplicaIdentity::Index {
        return refused("has REPLICA IDENTITY USING INDEX");
    }
    if table.key.is_empty() && !table.captured {
        return Ok(None);
    }
    if table.key.is_empty() || table.identity == ReplicaIdentity::Nothing {
        return refused("has no key by which its rows are named");
    }
    if rules.key_of(table) != table.key {
        return refused("has a topic whose key is not the primary key");
    }
    if table.captured {
        match rules.shape_of(table) {
            Ok(shape) if shape.unwrapped.is_some() => {
                return refused("has a topic whose records are rows without their envelope");
            }
            Ok(shape) if !shape.is_plain(table, &table.key) => {
                return refused("has a topic whose records the connector changes");
            }
            Ok(_) => {}
            Err(problem) => return Err(Stop::Refused(problem)),
        }
    }
    let stored = table.columns.iter().filter(|column| !column.generated);
    let columns = stored.map(|column| (column.name.clone(), form(column.read_as())));
    let columns = columns.collect::<Vec<_>>();
    let place = |name: &String| columns.iter().position(|(column, _)| column == name);
    let Some(key) = table.key.iter().map(place).collect::<Option<Vec<_>>>() else {
        return refused("has a key column that was not recorded");
    };
    let partitions = topic.map_or(1, |topic| topic.partitions);
    Ok(Some(Watched { captured: table.captured, columns, key, partitions }))
}

fn form(type_name: &str) -> Form {
    match DataType::postgres(type_name) {
        DataType::Scalar(Type::Int) => Form::Int,
        DataType::Scalar(Type::Text) => Form::Text,
        DataType::Scalar(Type::Bool) => Form::Bool,
        other => Form::Other(other),
    }
}
