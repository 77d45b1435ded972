//! No more rows are dropped as late than can be late.
//!
//! Source: Flink's metric `numLateRecordsDropped`. That it counts what the first of two phases
//! has summed up, and not rows, is seen on 2.2.0 (scenario `windows/a-late-row-is-not-counted`).

use super::super::case::Case;
use super::super::found::{Draft, Found};
use super::super::sinks::SinkCase;
use crate::base::anomaly::Anomaly;
use crate::history::event::{Proof, Role};
use crate::model::watermark::may_be_late;

/// Compares what the windowed operators say with what the records allow. With two phases one
/// dropped row can stand for several, and the number may lag, so only too many are a fault.
pub(super) fn check(case: &Case<'_>, sink: &SinkCase<'_>, proofs: &[&Proof], found: &mut Found) {
    let Some(last) = proofs.last() else { return };
    let reads = |clock: &&crate::history::event::Clock| clock.sinks.iter().any(|s| s == sink.name);
    let clocks = case.index.clocks.iter().filter(reads).collect::<Vec<_>>();
    let is_source = |name: &String| {
        let topic = case.index.topics.iter().find(|topic| topic.name == *name);
        topic.is_some_and(|topic| matches!(topic.role, Role::Source { .. } | Role::Application))
    };
    // Of a table in between, the records do not show the rows that a window takes back.
    if clocks.is_empty() || !clocks.iter().all(|clock| clock.topics.iter().all(is_source)) {
        return;
    }
    // Of a partition that was not read, nobody knows how late its records were.
    if !clocks.iter().flat_map(|clock| &clock.topics).all(|topic| is_read(case, last, topic)) {
        return;
    }
    let late = |clock: &&crate::history::event::Clock| {
        let records = clock.topics.iter().flat_map(|topic| case.index.of_topic(topic));
        may_be_late(clock, records.copied())
    };
    let most = clocks.iter().map(late).sum::<u64>();
    let jobs = last.jobs.iter().filter(|job| job.sinks.iter().any(|name| name == sink.name));
    for (operator, dropped) in jobs.flat_map(|job| &job.late).filter(|(_, n)| *n > most) {
        found.add(Draft {
            anomaly: Anomaly::LateDropped,
            place: sink.name,
            key: None,
            key_columns: &[],
            sentence: format!(
                "`{operator}` dropped {dropped} rows as late, and by the event times of the records \
                 at most {most} can have been late{}",
                sink.flushed_late()
            ),
            record: None,
            position: None,
            first_hop: None,
            difference: Vec::new(),
        });
    }
}

/// Whether of each partition that holds records some were read.
fn is_read(case: &Case<'_>, proof: &Proof, topic: &str) -> bool {
    let ends = proof.ends.get(topic).map_or(&[][..], Vec::as_slice);
    let mut of_partitions = ends.iter().enumerate();
    of_partitions.all(|(partition, (low, high))| {
        let mut records = case.index.of_topic(topic).iter();
        low == high || records.any(|r| usize::try_from(r.partition) == Ok(partition))
    })
}
