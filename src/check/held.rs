//! What holds windows open that an event should have closed.
//!
//! A watermark is the least of all partitions, subtasks and sources that it comes from. One of them
//! that never has a record holds every window open, and the sink stays empty without any fault that its
//! rows could show. An event late enough to close a window tells that it was to fire.
//!
//! Source: Flink's manual, "Generating Watermarks", "Dealing With Idle Sources"; Kafka SQL
//! connector, "Source Per-Partition Watermarks". Seen on 2.2.0 (scenarios
//! `windows/empty-partitions-hold-windows-open` and `windows/idle-partitions-let-windows-fire`).

use std::collections::BTreeSet;

use super::case::Case;
use super::sinks::SinkCase;
use super::windows::feed::Feed;
use crate::base::value::Value;
use crate::history::event::{Clock, Proof, Side};
use crate::model::watermark::{Progress, closes};

/// Where the open windows of a sink are.
pub(super) enum Windows {
    /// An event is late enough to close one of them, and this holds it open.
    Held(String),
    /// No event is late enough.
    Open(String),
}

/// What is known of the windows of a sink that are still open; `None` if there are none.
pub(super) fn windows(case: &Case<'_>, sink: &SinkCase<'_>) -> Option<Windows> {
    let last = case.last_proof().filter(|_| sink.window.is_some())?;
    let end = ends(case, sink).into_iter().find(|end| !sink.is_closed(*end, last))?;
    let feed = Feed::of(case, sink, last).ok()?;
    let clocks = feed.clocks.iter().map(|clock| (*clock, progress(case, clock)));
    let clocks = clocks.collect::<Vec<_>>();
    let latest = clocks.iter().flat_map(|(clock, progress)| {
        partitions(case, clock, last).map(|(topic, n, below)| progress.below(&topic, n, below))
    });
    let latest = latest.max().flatten();
    if !latest.is_some_and(|at| closes(at, end)) {
        let at = latest.map_or_else(|| "none".to_owned(), time);
        let end = time(end);
        return Some(Windows::Open(format!(
            "no event is late enough to close one: its first window ends at {end}, and by the latest \
             event the watermark is {at}"
        )));
    }
    let held = clocks.iter().flat_map(|(clock, progress)| {
        holding(case, clock, progress, (last, end)).into_iter().chain(unassigned(clock, last))
    });
    let mut held = held.collect::<Vec<_>>();
    if held.is_empty() {
        let at = last.watermarks.get(sink.name).copied().flatten();
        held.push(format!("the watermark is {}", at.map_or_else(|| "none".to_owned(), time)));
    }
    Some(Windows::Held(format!(
        "an event is late enough to close the window that ends at {}, and it stays open: {}",
        time(end),
        held.join(", and ")
    )))
}

/// Whether the reference of a sink held a row at any proof.
pub(super) fn has_been_wanted(case: &Case<'_>, sink: &SinkCase<'_>) -> bool {
    let proofs = case.index.proofs.iter();
    let mut rows = proofs.filter_map(|at| sink.reference(&case.index, at, Side::Journal).ok());
    rows.any(|rows| !rows.keyed.is_empty() || !rows.bag.is_empty())
}

/// The ends of the windows that the reference had at any state.
fn ends(case: &Case<'_>, sink: &SinkCase<'_>) -> BTreeSet<i64> {
    let proofs = case.index.proofs.iter();
    let at_proofs = proofs.filter_map(|at| sink.reference(&case.index, at, Side::Journal).ok());
    let cuts = case.index.cuts.iter().filter(|((name, _), _)| *name == sink.name);
    let at_cuts = cuts.filter_map(|(_, found)| sink.rows(&found.columns, &found.rows).ok());
    let mut ends = BTreeSet::new();
    for rows in at_proofs.chain(at_cuts) {
        ends.extend(rows.keyed.values().chain(&rows.bag).filter_map(|row| sink.end(row)));
    }
    ends
}

fn progress(case: &Case<'_>, clock: &Clock) -> Progress {
    let mut progress = Progress::default();
    for topic in &clock.topics {
        for record in case.index.of_topic(topic) {
            progress.note(clock, record);
        }
    }
    progress
}

/// Topic, partition and proven end of all that a clock goes by.
fn partitions<'p>(
    case: &'p Case<'_>,
    clock: &'p Clock,
    proof: &'p Proof,
) -> impl Iterator<Item = (String, i32, i64)> + 'p {
    let topics = case.index.topics.iter().filter(|topic| clock.topics.contains(&topic.name));
    topics.flat_map(|topic| {
        let ends = proof.ends.get(&topic.name).map_or(&[][..], Vec::as_slice);
        let ends = ends.iter().enumerate();
        ends.map(|(n, (_, high))| (topic.name.clone(), i32::try_from(n).unwrap_or(i32::MAX), *high))
    })
}

/// The partitions of a clock that have not come to an end.
fn holding(
    case: &Case<'_>,
    clock: &Clock,
    progress: &Progress,
    (proof, end): (&Proof, i64),
) -> Vec<String> {
    if clock.idles {
        return Vec::new();
    }
    let (mut silent, mut behind, mut all) = (Vec::new(), Vec::new(), 0);
    for (topic, partition, below) in partitions(case, clock, proof) {
        all += 1;
        match progress.below(&topic, partition, below) {
            None => silent.push((topic, partition)),
            Some(at) if !closes(at, end) => behind
                .push(format!("partition {partition} of `{topic}` has come to {} only", time(at))),
            Some(_) => {}
        }
    }
    if silent.len() == all && all > 0 {
        let table = &clock.table;
        return vec![format!("the source `{table}` is idle: it has had no record with a time")];
    }
    let topics = silent.iter().map(|(topic, _)| topic).collect::<BTreeSet<_>>();
    let silent = topics.into_iter().map(|topic| {
        let of = silent.iter().filter(|(other, _)| other == topic);
        let numbers = of.map(|(_, n)| n.to_string()).collect::<Vec<_>>();
        match numbers.split_last() {
            Some((last, [])) => format!("partition {last} of `{topic}` holds no record"),
            Some((last, others)) => {
                let others = others.join(", ");
                format!("partitions {others} and {last} of `{topic}` hold no record")
            }
            None => String::new(),
        }
    });
    silent.chain(behind).collect()
}

/// The subtasks that read a clock's table and have no partition.
fn unassigned(clock: &Clock, proof: &Proof) -> Vec<String> {
    let jobs =
        proof.jobs.iter().filter(|job| job.sinks.iter().any(|sink| clock.sinks.contains(sink)));
    let found = jobs.flat_map(|job| &job.unassigned).filter(|found| found.table == clock.table);
    let sentences = found.map(|found| {
        format!(
            "{} of the {} subtasks that read `{}` have no partition",
            found.without, found.subtasks, found.table
        )
    });
    sentences.collect::<BTreeSet<_>>().into_iter().collect()
}

/// A time for people.
fn time(millis: i64) -> String {
    Value::TimestampTz(millis.saturating_mul(1000)).to_string()
}
