//! What every finding at a sink says of its statement: where it stands, and the hop into the sink.

use super::case::Case;
use super::flow::Flow;
use super::found::Raw;
use super::verdict::Finding;
use crate::base::anomaly::Family;
use crate::lint::{Cause, causes};

/// Names the statements, and the hops of findings that have none.
pub(super) fn name(case: &Case<'_>, raws: &mut [Raw]) {
    let flow = Flow::of(&case.index);
    let sinks = &case.index.header.trial.pipeline.sinks;
    // Where a topic was found wrong, what follows from it is not the statement's.
    let wrong: Vec<String> = raws
        .iter()
        .filter(|raw| !raw.finding.anomaly.is_witness() && !sinks.contains_key(&raw.finding.place))
        .map(|raw| raw.finding.place.clone())
        .collect();
    let mut of_sinks =
        raws.iter_mut().filter(|raw| sinks.contains_key(&raw.finding.place)).peekable();
    let causes = match of_sinks.peek() {
        Some(_) => causes(&case.index.header.trial),
        None => Vec::new(),
    };
    for raw in of_sinks {
        let finding = &mut raw.finding;
        finding.statement = flow.place(&finding.place);
        let family = finding.anomaly.family();
        let is_open = finding.first_hop.is_none() || family == Family::Windows;
        if finding.anomaly.is_witness() || give_cause(finding, &causes) || !is_open {
            continue;
        }
        let behind = flow.behind(&finding.place).topics;
        let is_wrong = |topic: &&String| {
            let table = flow.table(topic).unwrap_or_default();
            let name = table.rsplit('.').next().unwrap_or_default();
            wrong.iter().any(|place| place == table || place == name)
        };
        let topics: Vec<&str> = behind.iter().filter(is_wrong).map(String::as_str).collect();
        finding.first_hop = if family == Family::Progress || topics.is_empty() {
            flow.hop_into(&finding.place).or_else(|| finding.first_hop.take())
        } else {
            Some(format!("journal → {}", topics.join(", ")))
        };
    }
}

/// Adds what the text of the pipeline says of why the sink is wrong; whether that tells the hop.
fn give_cause(finding: &mut Finding, causes: &[Cause]) -> bool {
    let columns: Vec<String> =
        finding.difference.iter().filter_map(|line| line.column.clone()).collect();
    let explains = |cause: &&Cause| {
        let is_of_sink = cause.sinks.contains(&finding.place);
        let is_of_column = match &cause.column {
            Some(column) if !columns.is_empty() => columns.contains(column),
            Some(_) | None => cause.is_used,
        };
        is_of_sink && is_of_column
    };
    let Some(cause) = causes.iter().find(explains) else { return false };
    finding.sentence += &format!("; {} ({})", cause.sentence, cause.place);
    let is_of_column = cause.column.is_some() && !columns.is_empty();
    let hop = cause.topic.as_ref().filter(|_| is_of_column);
    if let Some(topic) = hop {
        finding.first_hop = Some(format!("journal → {topic}"));
    }
    hop.is_some()
}
