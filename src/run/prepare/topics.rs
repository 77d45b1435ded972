//! The topics of a run.

use std::collections::BTreeMap;

use crate::capture::catalog::qualified;
use crate::client::kafka::NewTopic;
use crate::history::event::{Role, Table, Topic};
use crate::model::creation::Shape;
use crate::run::names::Names;
use crate::run::prepare::connector::Connector;
use crate::run::prepare::connectors::Connectors;
use crate::run::prepare::statements::Statements;
use crate::scenario::pipeline::Pipeline;
use crate::scenario::settings::{Options, PerPlace, Settings};

/// The value that is set for a source table, by its name or by `schema.name`.
pub(in crate::run) fn of_table<T: Copy>(set: Option<&PerPlace<T>>, table: &Table) -> Option<T> {
    let set = set?;
    set.at(&qualified(table)).or_else(|| set.at(&table.name))
}

/// The topics of captured tables, routed events, barriers, transactions, applications and sinks.
pub(in crate::run) fn topics(
    tables: &[Table],
    pipeline: &Pipeline,
    plan: &Planned<'_>,
) -> Vec<Topic> {
    let Planned { settings, connectors, statements, names } = plan;
    let topic = |name: String, partitions: u32, role, options: Options| Topic {
        physical: names.topic(&name),
        name,
        partitions: i32::try_from(partitions.max(1)).unwrap_or(i32::MAX),
        role,
        options,
        connector: None,
    };
    let captured =
        |of: &Connector, name: String, partitions: Option<u32>, role, options: Options| {
            let mut shape = of.shape(&name);
            shape.options.extend(options);
            let partitions = partitions.or(shape.partitions).unwrap_or(1);
            let connector = of.name.clone();
            Topic { connector, ..topic(name, partitions, role, shape.options) }
        };
    let mut topics = Vec::new();
    for table in tables.iter().filter(|table| table.captured) {
        let connector = connectors.of_table(table);
        let full = qualified(table);
        let partitions = of_table(settings.partitions.as_ref(), table);
        let set = settings.topics.get(&full).or_else(|| settings.topics.get(&table.name));
        let set = set.cloned().unwrap_or_default();
        let routed = pipeline.outbox.get(&full).or_else(|| pipeline.outbox.get(&table.name));
        if let Some(values) = routed {
            topics.extend(values.iter().map(|value| {
                let role = Role::Outbox { table: full.clone(), value: value.clone() };
                let name = connector.routes.outbox(&table.schema, &table.name, value);
                captured(connector, name, partitions, role, set.clone())
            }));
            continue;
        }
        let name = connector.routes.table(&table.schema, &table.name);
        let mut options = statements.topics.get(&name).cloned().unwrap_or_default().options;
        options.extend(set);
        // Tables may share a topic; it is that of the first.
        let is = |t: &Topic| t.name == name && matches!(t.role, Role::Source { .. });
        if !topics.iter().any(is) {
            let role = Role::Source { table: full };
            topics.push(captured(connector, name, partitions, role, options));
        }
    }
    for connector in connectors.all() {
        topics.push(of_barriers(connector));
        if connector.has_messages_apart() {
            let name = connector.routes.messages_routed();
            if !topics.iter().any(|topic| topic.name == name) {
                topics.push(captured(connector, name, None, Role::Messages, Options::new()));
            }
        }
        if let Some(name) = connector.transaction_topic() {
            topics.push(captured(connector, name, None, Role::Transaction, Options::new()));
        }
    }
    for (name, application) in &pipeline.topics {
        let options = settings.topics.get(name).cloned().unwrap_or_default();
        topics.push(topic(name.clone(), application.partitions, Role::Application, options));
    }
    for sink in pipeline.sinks.keys() {
        let topic = of_sink(plan, sink);
        topics.extend(topic.filter(|new| !topics.iter().any(|topic| topic.name == new.name)));
    }
    topics
}

/// The topic that a sink writes, if it writes one.
fn of_sink(plan: &Planned<'_>, sink: &str) -> Option<Topic> {
    let Planned { settings, statements, names, .. } = plan;
    let table = statements.tables.get(sink)?;
    let name = table.topics.first().filter(|_| table.kept.is_topic())?;
    let planned = statements.topics.get(sink).cloned().unwrap_or_default();
    let set = settings.partitions.as_ref().and_then(|set| set.at(sink));
    let partitions = planned.partitions.or(set).unwrap_or(1);
    let mut options = planned.options;
    options.extend(settings.topics.get(sink).cloned().unwrap_or_default());
    Some(Topic {
        physical: names.topic(name),
        name: name.clone(),
        partitions: i32::try_from(partitions.max(1)).unwrap_or(i32::MAX),
        role: Role::Sink { sink: sink.to_owned() },
        options,
        connector: None,
    })
}

/// The topic of barriers.
fn of_barriers(connector: &Connector) -> Topic {
    Topic {
        physical: connector.barriers_physical().to_owned(),
        name: connector.barriers().to_owned(),
        partitions: 1,
        role: Role::Barrier,
        options: Options::new(),
        connector: connector.name.clone(),
    }
}

/// Events of an outbox that would come in one topic with others, as a sentence.
pub(in crate::run) fn shared(topics: &[Topic]) -> Option<String> {
    let captured: Vec<_> = topics.iter().filter(|topic| topic.role.is_captured()).collect();
    let first = |topic: &&&Topic| captured.iter().filter(|one| one.name == topic.name).count() > 1;
    let shared = captured.iter().find(first)?;
    Some(format!(
        "more than one value of an outbox, or a table beside one, is routed to the topic `{}`, and \
         nothing here judges a topic of several",
        shared.name
    ))
}

/// A topic that two connectors would write to, as a sentence: nothing says in which order they do.
pub(in crate::run) fn fought_over(tables: &[Table], plan: &Planned<'_>) -> Option<String> {
    let mut known = BTreeMap::<String, &Table>::new();
    for table in tables.iter().filter(|table| table.captured) {
        let routes = &plan.connectors.of_table(table).routes;
        let topic = routes.table(&table.schema, &table.name);
        let first = known.entry(topic.clone()).or_insert(table);
        if first.connector != table.connector {
            let name = |table: &Table| table.connector.clone().unwrap_or_default();
            return Some(format!(
                "the connectors `{}` and `{}` both write to the topic `{topic}`: route the tables of \
                 each to topics of their own",
                name(first),
                name(table)
            ));
        }
    }
    None
}

/// What decides which topics there are.
#[derive(Debug, Clone, Copy)]
pub(in crate::run) struct Planned<'a> {
    pub(in crate::run) settings: &'a Settings,
    pub(in crate::run) connectors: &'a Connectors,
    pub(in crate::run) statements: &'a Statements,
    pub(in crate::run) names: &'a Names,
}

/// The topics as the broker is asked for them. Heartbeats get a topic, but are not looked at.
pub(in crate::run) fn to_create(
    topics: &[Topic],
    connectors: &Connectors,
    names: &Names,
) -> Vec<NewTopic> {
    let mut new: Vec<_> = topics
        .iter()
        .map(|topic| NewTopic {
            name: topic.physical.clone(),
            partitions: topic.partitions,
            options: topic.options.clone(),
        })
        .collect();
    for connector in connectors.all() {
        let Some(heartbeat) = connector.heartbeat_topic() else { continue };
        let name = names.topic(&heartbeat);
        let Shape { partitions, options } = connector.shape(&heartbeat);
        let partitions = i32::try_from(partitions.unwrap_or(1)).unwrap_or(i32::MAX);
        // Connectors may beat on one topic.
        if !new.iter().any(|known| known.name == name) {
            new.push(NewTopic { name, partitions, options });
        }
    }
    new
}
