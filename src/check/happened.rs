//! Why a sink differs from its reference, where what happened in the run tells it: changes that the
//! connector left out, values that it made others of, records that a changelog source took for further
//! changes, and state that was forgotten.
//!
//! Source: Flink's manual, Debezium format, "Duplicate change events", and `table.exec.state.ttl`
//! in Flink's "Configuration". Seen on 2.2.0 (scenario
//! `language/a-replayed-tail-is-counted-once-or-twice`).

use std::collections::BTreeSet;

use super::case::Case;
use super::flow::Flow;
use super::found::Raw;
use crate::base::anomaly::Anomaly;
use crate::codec::debezium::Op;
use crate::dialect::duration_ms;
use crate::model::feed::Order;
use crate::scenario::pipeline::Dialect;
use crate::sql::flink::{self, Statement};

/// Flink's option by which a changelog source passes over records that come again.
const PASSES_OVER: &str = "table.exec.source.cdc-events-duplicate";
/// Flink's option that bounds the life of state.
const TTL: &str = "table.exec.state.ttl";

/// Adds the causes to findings at sinks of which nothing tells another.
pub(super) fn explain(case: &Case<'_>, raws: &mut [Raw]) {
    let flow = Flow::of(&case.index);
    let again = again(case, &flow);
    let forgets = forgets(case);
    for raw in raws.iter_mut().filter(|raw| is_of_rows(raw.finding.anomaly)) {
        let finding = &mut raw.finding;
        let is_sink = case.sinks.iter().any(|sink| sink.name == finding.place);
        let is_told = finding.sentence.contains(": ") || finding.sentence.contains("; ");
        let of_topic = finding.first_hop.as_ref().is_some_and(|hop| hop.starts_with("journal"));
        if !is_sink || is_told {
            continue;
        }
        let behind = flow.behind(&finding.place).topics;
        if of_topic {
            let skipped = skipped(case, finding.anomaly);
            let cause = skipped.or_else(|| altered(case, &flow, (&finding.place, &behind)));
            finding.sentence.extend(cause);
            continue;
        }
        let again = behind.intersection(&again).map(String::as_str).collect::<Vec<_>>();
        if !again.is_empty() {
            finding.sentence += &format!(
                "; records of `{}` came again, and without `{PASSES_OVER}` the statement takes each \
                 for a further change",
                again.join("`, `")
            );
        } else if let Some(ttl) = &forgets {
            finding.sentence +=
                &format!("; state that nothing touches for {ttl} is forgotten (`{TTL}`)");
        }
    }
}

fn is_of_rows(anomaly: Anomaly) -> bool {
    let of_rows = [
        Anomaly::DivergedSink,
        Anomaly::GhostRow,
        Anomaly::StaleOverwrite,
        Anomaly::LostChange,
        Anomaly::DuplicateChange,
    ];
    of_rows.contains(&anomaly)
}

/// The changes that the connector leaves out and whose lack shows so.
fn skipped(case: &Case<'_>, anomaly: Anomaly) -> Option<String> {
    let (op, changes) = match anomaly {
        Anomaly::GhostRow => (Op::Delete, "deletes"),
        Anomaly::LostChange => (Op::Create, "inserts"),
        _ => (Op::Update, "updates"),
    };
    let mut rules = case.feeds.iter().filter_map(|feed| feed.rules.as_ref());
    let skips = rules.any(|rules| rules.ever_skips(op));
    skips.then(|| format!("; the connector leaves {changes} out (`skipped.operations`)"))
}

/// A column that a sink's statement names, and of which the connector makes other values.
fn altered(
    case: &Case<'_>,
    flow: &Flow<'_>,
    (sink, behind): (&str, &BTreeSet<String>),
) -> Option<String> {
    let topics = case.topics.iter().filter(|topic| behind.contains(&topic.topic.name));
    let mut found = topics.filter_map(|topic| {
        let columns = case.columns.get(topic.table)?.last();
        let names = columns.table.columns.iter().map(|column| column.name.as_str());
        let is_altered = |name: &&str| columns.shape.has(name) && !columns.shape.is_as_it_is(name);
        let name = names.filter(is_altered).find(|name| flow.names(sink, name))?;
        Some(format!(
            "; the connector's options make other values of `{name}` of `{}`",
            topic.place
        ))
    });
    found.next()
}

/// The topics with records that came again, and that are read as changelogs.
fn again(case: &Case<'_>, flow: &Flow<'_>) -> BTreeSet<String> {
    let trial = &case.index.header.trial;
    let is_on = option(case, PASSES_OVER).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if trial.pipeline.dialect != Dialect::Flink || is_on {
        return BTreeSet::new();
    }
    let replayed = case
        .topics
        .iter()
        .filter(|topic| topic.alignment.matches.iter().any(|found| found.order == Order::Replayed));
    let names = replayed.map(|topic| topic.topic.name.clone());
    names.filter(|name| flow.reads_as_changelog(name)).collect()
}

/// The life of state, where the run took longer.
fn forgets(case: &Case<'_>) -> Option<String> {
    let ttl = option(case, TTL)?;
    let limit = duration_ms(&ttl).filter(|limit| *limit > 0)?;
    let topics = case.index.topics.iter().flat_map(|topic| case.index.of_topic(&topic.name));
    let times = topics.filter_map(|record| record.timestamp).collect::<Vec<_>>();
    let took = times.iter().max()?.saturating_sub(*times.iter().min()?);
    u64::try_from(took).is_ok_and(|took| took >= limit).then_some(ttl)
}

/// What the session or a statement sets; the last counts.
fn option(case: &Case<'_>, name: &str) -> Option<String> {
    let trial = &case.index.header.trial;
    let set = trial.pipeline.statements.iter().rev().find_map(|text| match flink::parse(text) {
        Statement::Set { key, value } if key == name => Some(value),
        _ => None,
    });
    set.or_else(|| trial.settings.flink.get(name).cloned())
}
