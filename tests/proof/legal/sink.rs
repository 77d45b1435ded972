//! What the statements write: one or two of them copy the topic, row by row, into an upsert or a
//! retract sink.

use changeproof::base::text::Place;
use changeproof::history::event::{Bytes, Event, Record, Reference, Side, SinkMode, SinkTable};
use changeproof::history::files::Kept;
use changeproof::history::written::Written;
use changeproof::scenario::timeline::Target;
use serde_json::{Map, Value, json};

use super::database::{Transaction, layout, rows};
use super::debezium::Emit;
use super::plan::{Parts, Plan};
use super::run::{Log, SINK, kill};

/// Flink's format cannot read truncates, and needs the old row of an update; without a snapshot the
/// sink lacks what was there before, and without every operation what it changed.
pub(crate) fn has_sink(plan: &Plan, log: &Log) -> bool {
    let whole = (plan.snapshot || plan.before == 0) && plan.skips.is_none();
    let truncated = log.iter().any(|(_, emit)| emit.op == 't');
    let alone = plan.parts == Parts::None && plan.shaping.is_read_as_it_is();
    // A chunk and a second snapshot show rows that are there already, and so does what is written again
    // after a crash; a sink
    // without key takes them for further ones, which is a fault of the pipeline.
    let again = plan.windows.is_some() || plan.anew.is_some() || !plan.crashes.is_empty();
    let counts_twice = plan.statements.retracts && again;
    let alone = alone && !counts_twice;
    // An update that has no record changes nothing that the sink shows either.
    whole && plan.keyed && plan.full && !truncated && alone
}

/// The columns of the sink: those that the table has at the beginning and to the end, as far as Flink
/// reads them as they are.
fn columns(plan: &Plan) -> Vec<(String, String)> {
    let first = [("id", "INT"), ("v", "INT"), ("note", "STRING")];
    let first = first.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
    let stays = !plan.alters();
    let further = layout(plan).into_iter().filter(move |_| stays);
    let further =
        further.filter_map(|(name, kind)| Some((name, kind.flink(plan.modes)?.to_owned())));
    first.into_iter().chain(further).collect()
}

pub(crate) fn table(plan: &Plan, statement: &Place) -> SinkTable {
    let also_by = if plan.statements.two { vec![statement.clone()] } else { Vec::new() };
    SinkTable {
        name: SINK.to_owned(),
        topic: SINK.to_owned(),
        kept: Kept::Topic,
        mode: if plan.statements.retracts { SinkMode::Retract } else { SinkMode::Upsert },
        columns: columns(plan),
        key: if plan.statements.retracts { Vec::new() } else { vec!["id".to_owned()] },
        statement: statement.clone(),
        written: Written { also_by, ..Written::default() },
    }
}

/// The events of what is written; and how many records.
pub(crate) fn written(plan: &Plan, log: &Log) -> (Vec<Event>, usize) {
    let mut lines = Vec::new();
    if plan.statements.two {
        // Each statement reads the topic in an order of its own.
        let [one, other] = [0, 1].map(|rest| {
            let mut read = read(plan, log, 5 + 2 * rest);
            read.retain(|emit| {
                emit.key.is_some_and(|key| key.rem_euclid(2) == i64::try_from(rest).unwrap())
            });
            read
        });
        let (mut one, mut other) = (one.into_iter(), other.into_iter());
        for step in 0.. {
            let first = plan.choice(step + 11).is_multiple_of(2);
            let next = if first {
                one.next().or_else(|| other.next())
            } else {
                other.next().or_else(|| one.next())
            };
            let Some(next) = next else { break };
            lines.extend(records(plan, &next));
        }
    } else {
        for emit in read(plan, log, 5) {
            lines.extend(records(plan, &emit));
        }
    }
    let mut events = Vec::new();
    let n = lines.len();
    let mut offset = 0;
    let mut push = |events: &mut Vec<Event>, (key, value): &(Option<Value>, Option<Value>)| {
        let bytes = |value: &Value| Bytes(value.to_string().into_bytes());
        events.push(Event::Record(Record {
            topic: SINK.to_owned(),
            partition: 0,
            offset,
            timestamp: Some(1),
            key: key.as_ref().map(bytes),
            value: value.as_ref().map(bytes),
            headers: Vec::new(),
        }));
        offset += 1;
    };
    let mut from = 0;
    if let Some((upto, back)) = &plan.statements.death {
        let upto = upto.index(n + 1);
        lines[..upto].iter().for_each(|line| push(&mut events, line));
        events.extend(kill(plan.crashes.len() + 1, Target::Taskmanager));
        from = back.index(upto + 1);
    }
    lines[from..].iter().for_each(|line| push(&mut events, line));
    (events, usize::try_from(offset).unwrap())
}

/// The topic's records as a job reads them: partition by partition, in an order of its own.
fn read(plan: &Plan, log: &Log, shift: usize) -> Vec<Emit> {
    let n = usize::try_from(plan.partitions).unwrap();
    let own = |p: usize| log.iter().filter(move |(q, _)| usize::try_from(*q) == Ok(p));
    let mut read = (0..n).map(own).collect::<Vec<_>>();
    let mut all = Vec::new();
    let mut heads = read.iter_mut().map(Iterator::next).collect::<Vec<_>>();
    for step in 0.. {
        let left = (0..n).filter(|p| heads[*p].is_some()).collect::<Vec<_>>();
        let Some(next) = left.get(plan.choice(step + shift) % left.len().max(1)) else { break };
        let (_, emit) = heads[*next].unwrap();
        heads[*next] = read[*next].next();
        all.push(emit.clone());
    }
    all
}

/// The columns of the sink in an image of the topic.
fn picked(plan: &Plan, image: &Value) -> Value {
    let columns = columns(plan).into_iter();
    columns.map(|(name, _)| (name.clone(), image[&name].clone())).collect::<Map<_, _>>().into()
}

/// What a statement writes of a record of the topic.
fn records(plan: &Plan, emit: &Emit) -> Vec<(Option<Value>, Option<Value>)> {
    let key = emit.key.map(|key| json!({"id": key}));
    let row = |image: &Value| picked(plan, image);
    if emit.op == 'n' {
        return Vec::new();
    }
    if !plan.statements.retracts {
        return vec![(key, (emit.op != 'd').then(|| row(&emit.after)))];
    }
    let gone = || json!({"before": row(&emit.before), "after": null, "op": "d"});
    let come = || json!({"before": null, "after": row(&emit.after), "op": "c"});
    let values = match emit.op {
        'd' => vec![gone()],
        'u' => vec![gone(), come()],
        _ => vec![come()],
    };
    values.into_iter().map(|value| (None, Some(value))).collect()
}

/// What Postgres gives for the query of the sink.
pub(crate) fn reference(plan: &Plan, transactions: &[Transaction]) -> Reference {
    let columns = columns(plan);
    let rows = rows(transactions).into_iter().map(|row| {
        let first = [Some(row.id.to_string()), row.v.map(|v| v.to_string()), Some(row.note)];
        let has = |name: &String| columns.iter().any(|(column, _)| column == name);
        let further = row.more.into_iter().filter(|(name, _)| has(name));
        first.into_iter().chain(further.map(|(_, cell)| cell.text)).collect()
    });
    let rows = rows.collect();
    let kind = |name: &String| match name.as_str() {
        "id" | "v" => "integer".to_owned(),
        "note" => "text".to_owned(),
        _ => {
            let layout = layout(plan);
            let of = layout.iter().find(|(column, _)| column == name).unwrap();
            of.1.catalogue().1.to_owned()
        }
    };
    Reference {
        proof: 0,
        sink: SINK.to_owned(),
        side: Side::Journal,
        kinds: columns.iter().map(|(name, _)| kind(name)).collect(),
        columns: columns.clone(),
        rows,
    }
}
