//! What depends on the time of the machine in a statement that has it, by its plan.
//!
//! A window, a filter or an interval join on processing time comes to something else at every run:
//! nothing tells what is right. A column that is only written does not matter. A de-duplication in the
//! order of processing time keeps what arrives first, or last: within a partition that is the order of
//! the records.

mod plan;

use std::collections::BTreeMap;

use plan::{Node, Plan, Times};

use crate::history::written::Arrival;
use crate::run::prepare::statements::{Prepared, Statements};
use crate::sql::flink::{Statement, parse};

/// Operators that make of each row at most one, in the order of the rows.
const ROW_BY_ROW: [&str; 4] = ["Calc", "Exchange", "DropUpdateBefore", "Reused"];
/// What may also stand before a de-duplication.
const SOURCES: [&str; 5] =
    ["TableSourceScan", "Union", "WatermarkAssigner", "ChangelogNormalize", "MiniBatchAssigner"];
/// What may also stand behind one.
const SINKS: [&str; 3] = ["Sink", "SinkMaterializer", "ConstraintEnforcer"];

/// What a statement makes of the time of the machine.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::run) struct Uses {
    /// Why what it writes cannot be told beforehand.
    pub(in crate::run) gaps: Vec<String>,
    /// What keeps rows by their arrival, by sink; the topics are still names of tables.
    pub(in crate::run) arrivals: BTreeMap<String, Arrival>,
}

impl Uses {
    fn gap(&mut self, sentence: &str) {
        if !self.gaps.iter().any(|gap| gap == sentence) {
            self.gaps.push(sentence.to_owned());
        }
    }
}

/// What EXPLAIN is asked about.
pub(in crate::run) fn explained(prepared: &Prepared) -> String {
    let text = prepared.submitted.value.trim();
    match &prepared.statement {
        // EXPLAIN takes a statement set without its EXECUTE.
        Statement::StatementSet(_) => text.get("EXECUTE".len()..).unwrap_or(text).to_owned(),
        // Of a table that is made of a query, the query.
        Statement::CreateTable(_) => {
            let parsed = parse(&prepared.submitted);
            let span = parsed.inserts().first().map(|insert| insert.span);
            let query = span.and_then(|span| prepared.submitted.value.get(span.start..span.end));
            query.unwrap_or(text).to_owned()
        }
        _ => text.to_owned(),
    }
}

/// Reads the plan of a statement.
pub(in crate::run) fn uses(statements: &Statements, prepared: &Prepared, text: &str) -> Uses {
    let mut times = declared(statements);
    times.follow(text);
    let plan = Plan::read(text);
    let only = match prepared.statement.inserts() {
        [insert] => Some(insert.target.table()),
        _ => None,
    };
    let mut uses = Uses::default();
    for (n, node) in plan.0.iter().enumerate() {
        look(&plan, (n, node), &times, only, &mut uses);
    }
    for arrival in uses.arrivals.values_mut() {
        let tables = std::mem::take(&mut arrival.topics);
        let topics = tables.iter().filter_map(|name| statements.tables.get(name));
        arrival.topics = topics.flat_map(|table| table.topics.iter().cloned()).collect();
        arrival.topics.sort();
        arrival.topics.dedup();
    }
    uses
}

/// The event time that the tables declare; the time of the machine is in the plan itself.
fn declared(statements: &Statements) -> Times {
    let mut times = Times::default();
    for table in statements.tables.values() {
        times.event.extend(table.create.watermark.iter().map(|mark| mark.column.clone()));
    }
    times
}

fn look(
    plan: &Plan,
    (n, node): (usize, &Node),
    times: &Times,
    only: Option<&str>,
    uses: &mut Uses,
) {
    let is_event =
        |attribute: &str| node.names(attribute).first().is_some_and(|c| times.is_event(c));
    let by_machine =
        |attribute: &str| node.names(attribute).iter().any(|c| times.machine.contains(c));
    match node.operator.as_str() {
        "Deduplicate" if node.text.contains("order=[PROCTIME]") => {
            keeps(plan, (n, node), only, uses);
        }
        "Calc" => calculates(plan, (n, node), times, uses),
        "IntervalJoin" if node.text.contains("isRowTime=false") => {
            uses.gap("it joins rows within an interval of processing time");
        }
        "LookupJoin" => {
            uses.gap("it looks rows up in another table, as that stands at the moment");
        }
        "TemporalJoin" if !times.event.iter().any(|column| joins_by(node, column)) => {
            uses.gap("it joins rows with what another table holds at the moment");
        }
        "GroupWindowAggregate" if !node.text.contains("rowtime") && !is_event("time_col") => {
            uses.gap("it has windows on processing time");
        }
        operator
            if operator.contains("Window")
                && node.text.contains("time_col=[")
                && !is_event("time_col") =>
        {
            uses.gap("it has windows on processing time");
        }
        "OverAggregate" | "Match" | "TemporalSort" if !is_event("orderBy") => {
            uses.gap("it takes rows in the order of processing time");
        }
        "Rank" | "SortLimit" | "Sort" if by_machine("orderBy") => {
            uses.gap("it ranks rows by processing time");
        }
        _ => {}
    }
}

fn joins_by(node: &Node, column: &str) -> bool {
    node.text.contains(&format!("_TEMPORAL_JOIN_CONDITION({column},"))
}

/// A column that is the time of the machine may be written; a filter by it, and what is computed
/// with it, cannot be told beforehand.
fn calculates(plan: &Plan, (n, node): (usize, &Node), times: &Times, uses: &mut Uses) {
    let is_time = |text: &str| {
        text.contains("PROCTIME")
            || text
                .split(|c: char| !(c.is_alphanumeric() || "_$".contains(c)))
                .any(|word| times.machine.contains(word))
    };
    let filter = node.text.split_once("where=[").map(|(_, filter)| filter);
    if filter.is_some_and(is_time) {
        uses.gap("it filters rows by processing time");
    }
    let made = node.text.contains("PROCTIME_MATERIALIZE");
    let is_last = |node: &&Node| {
        let is = |names: &[&str]| names.contains(&node.operator.as_str());
        is(&["Calc", "Exchange"]) || is(&SINKS)
    };
    if made && !plan.above(n).iter().all(is_last) {
        uses.gap("a time of the machine goes into what it computes");
    }
}

/// A de-duplication by arrival.
fn keeps(plan: &Plan, (n, node): (usize, &Node), only: Option<&str>, uses: &mut Uses) {
    let is = |node: &Node, names: &[&str]| names.contains(&node.operator.as_str());
    let below = plan.below(n);
    if !below.iter().all(|node| is(node, &ROW_BY_ROW) || is(node, &SOURCES)) {
        uses.gap("it keeps what arrives first, or last, of what it has computed");
        return;
    }
    let above = plan.above(n);
    let is_plain = above.iter().all(|node| is(node, &ROW_BY_ROW) || is(node, &SINKS))
        && !above.iter().any(|node| node.text.contains("where=["));
    let written =
        above.iter().filter(|node| node.operator == "Sink").filter_map(|node| node.table());
    let sinks: Vec<String> = written.chain(only).map(ToOwned::to_owned).collect();
    let scans = below.iter().filter(|node| node.operator == "TableSourceScan");
    let topics: Vec<String> =
        scans.filter_map(|node| node.table()).map(ToOwned::to_owned).collect();
    for sink in sinks {
        let key = node.names("key");
        let new = Arrival { key, topics: topics.clone(), is_plain };
        let is_second = uses.arrivals.get(&sink).is_some_and(|known| *known != new);
        let arrival = uses.arrivals.entry(sink).or_insert(new);
        arrival.is_plain &= !is_second;
    }
}

#[cfg(test)]
mod tests;
