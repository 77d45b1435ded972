//! The tables as Postgres' catalogue has them, and the topics and options of a made-up run.

use changeproof::history::event::{Column, Event, Role, Table, Topic};
use changeproof::scenario::settings::{Options, ReplicaIdentity};

use super::database::Layout;
use super::debezium::captured;
use super::plan::{Parts, Plan};
use super::run::SINK;
use super::types::Kind;
use super::wal;

pub(super) fn column(name: &str, type_oid: u32, type_name: &str) -> Column {
    Column {
        name: name.to_owned(),
        type_oid,
        type_name: type_name.to_owned(),
        base: None,
        not_null: false,
        default: None,
        generated: false,
    }
}

fn further((name, kind): &(String, Kind)) -> Column {
    let (oid, type_name, base) = kind.catalogue();
    Column { base: base.map(str::to_owned), ..column(name, oid, type_name) }
}

/// All tables; `beside`: one that came on the way, and that nobody captures.
pub(crate) fn tables(plan: &Plan, layout: &Layout, beside: bool) -> Vec<Table> {
    let first = [("id", 23, "integer"), ("v", 23, "integer"), ("note", 25, "text")];
    let first = first.map(|(name, oid, type_name)| column(name, oid, type_name));
    let table = Table {
        oid: wal::TABLE,
        schema: "public".to_owned(),
        name: "t".to_owned(),
        columns: first.into_iter().chain(layout.iter().map(further)).collect(),
        key: if plan.keyed { vec!["id".to_owned()] } else { Vec::new() },
        identity: if plan.full { ReplicaIdentity::Full } else { ReplicaIdentity::Default },
        captured: captured(plan, 0),
        partitioned: plan.parts != Parts::None,
        within: Vec::new(),
        connector: None,
    };
    let leaf = |n: u32, name: &str| Table {
        oid: wal::TABLE + n,
        name: name.to_owned(),
        captured: captured(plan, 1),
        partitioned: false,
        within: vec!["public.t".to_owned()],
        ..table.clone()
    };
    let mut tables = vec![signal_table(&table)];
    if plan.parts != Parts::None {
        tables.extend([leaf(1, "t_0"), leaf(2, "t_1")]);
    }
    if beside {
        let name = "other".to_owned();
        tables.push(Table { oid: 4999, name, captured: false, ..signal_table(&table) });
    }
    tables.insert(0, table);
    tables
}

/// The table of the signals, which the connector reads and does not capture.
fn signal_table(table: &Table) -> Table {
    Table {
        oid: wal::SIGNALS,
        name: "signals".to_owned(),
        columns: ["id", "v", "note"].map(|name| column(name, 25, "text")).to_vec(),
        key: vec!["id".to_owned()],
        identity: ReplicaIdentity::Full,
        captured: false,
        partitioned: false,
        ..table.clone()
    }
}

/// The tables with topics, by their places: the only one or the root, and the leaves.
pub(crate) fn names(plan: &Plan) -> Vec<&'static str> {
    if plan.parts == Parts::None { vec!["t"] } else { vec!["t", "t_0", "t_1"] }
}

pub(crate) fn topics(plan: &Plan, sink: bool) -> Event {
    let topic = |name: &str, partitions, role| Topic {
        name: name.to_owned(),
        physical: format!("run.{name}"),
        partitions,
        role,
        options: Options::new(),
        connector: None,
    };
    let mut topics = Vec::new();
    for (place, name) in names(plan).into_iter().enumerate() {
        if captured(plan, place) {
            let source = Role::Source { table: format!("public.{name}") };
            topics.push(topic(&plan.shaping.topic(name), plan.partitions, source));
        }
    }
    if sink {
        topics.push(topic(SINK, 1, Role::Sink { sink: SINK.to_owned() }));
    }
    Event::Topics { topics }
}

pub(crate) fn config(plan: &Plan) -> Options {
    let snapshot = if plan.snapshot { "initial" } else { "no_data" };
    let skipped = match (plan.truncates, plan.skips) {
        (true, None) => "none".to_owned(),
        (false, None) => "t".to_owned(),
        (true, Some(op)) => op.to_string(),
        (false, Some(op)) => format!("t, {op}"),
    };
    let signals = if plan.windows.is_some() { "public.signals" } else { "" };
    let via_root = matches!(plan.parts, Parts::Root(_));
    let options = [
        ("topic.prefix", "cdc"),
        ("signal.data.collection", signals),
        ("message.key.columns", if plan.message_key { "public.t:id" } else { "" }),
        ("snapshot.mode", snapshot),
        ("skipped.operations", skipped.as_str()),
        ("tombstones.on.delete", if plan.tombstones { "true" } else { "false" }),
        ("publish.via.partition.root", if via_root { "true" } else { "false" }),
    ];
    let options = options.into_iter().chain(plan.modes.options());
    let options = options.map(|(option, value)| (option.to_owned(), value.to_owned()));
    options.chain(plan.shaping.options()).collect()
}
