//! A run in which nothing could go wrong proves nothing.

use std::collections::BTreeSet;

use super::case::Case;
use super::found::Found;
use super::held::{self, Windows};
use super::outbox;
use super::produced;
use super::sinks::SinkCase;
use crate::history::event::Role;

/// What was looked at; all of it nothing is no pass.
pub(super) fn check(case: &Case<'_>, found: &mut Found, warnings: &mut Vec<String>) {
    if case.ended_in_trouble() {
        // Then the trouble itself decides; the rest was not reached.
        return;
    }
    captured(case, found);
    faults(case, found);
    growths(case, warnings);
    partitions(case, found);
    sinks(case, found, warnings);
    let compared = case.sinks.iter().any(|sink| sink.judged && !sink.stopped);
    if !compared && case.topics.is_empty() && !outbox::was_read(case) {
        found.gap("the run", "no topic and no sink was checked");
    }
}

/// How many row changes of captured tables the journal holds.
pub(super) fn n_captured(case: &Case<'_>) -> usize {
    let changes = case.transactions.iter().flat_map(|transaction| &transaction.changes);
    let captured = |table: usize| case.columns.get(table).is_some_and(|c| c.table.captured);
    changes
        .filter(|change| captured(change.table) && change.published)
        .count()
        .max(case.excerpt.n_captured)
}

/// Whether a logical message of the author's was captured and passed on.
fn has_messages(case: &Case<'_>) -> bool {
    let mut topics = case.index.topics.iter().filter(|topic| topic.role == Role::Messages);
    topics.any(|topic| !case.index.of_topic(&topic.name).is_empty())
}

fn captured(case: &Case<'_>, found: &mut Found) {
    if n_captured(case) == 0 && (has_messages(case) || produced::has_written(case)) {
        return;
    }
    if n_captured(case) > 0 {
        let n_records = case.topics.iter().map(|topic| topic.log.len()).sum::<usize>();
        let nothing = n_records == 0 && !case.excerpt.has_read() && !outbox::was_read(case);
        if nothing && !case.topics.is_empty() && case.topics.iter().all(|t| t.n_unread == 0) {
            found.gap("the run", "no record of a source topic was captured");
        }
        return;
    }
    let changed = case.transactions.iter().flat_map(|transaction| &transaction.changes);
    let changed = changed.filter_map(|change| case.columns.get(change.table));
    let changed = changed.map(|columns| columns.table.name.as_str()).collect::<BTreeSet<_>>();
    let why = if changed.is_empty() {
        "no change of a captured table was committed: nothing could go wrong".to_owned()
    } else {
        let names = changed.into_iter().collect::<Vec<_>>().join("`, `");
        format!(
            "no change of a captured table was committed; the connector does not capture `{names}`"
        )
    };
    found.gap("the run", why);
}

/// A fault after which nothing went through the pipeline any more has disturbed nothing.
fn faults(case: &Case<'_>, found: &mut Found) {
    for done in case.index.faults.iter().filter(|done| done.fault.verb.disturbs()) {
        let what = format!("whether `{}` (entry {}) is survived", done.fault, done.entry + 1);
        let Some(done_ms) = done.done_ms else {
            found.gap(what, "it began and was never done");
            continue;
        };
        let disturbed = case.index.topics.iter().any(|topic| match topic.role {
            Role::Source { .. } | Role::Outbox { .. } | Role::Messages | Role::Application => {
                let records = case.index.of_topic(&topic.name).iter();
                // What was on its way to the topic is written after the fault.
                records.filter_map(|record| record.timestamp).any(|at| at >= done_ms)
                    || case.excerpt.was_written_since(&topic.name, done_ms)
            }
            Role::Sink { .. } => {
                let read = done.read.get(topic.name.as_str()).copied().unwrap_or_default();
                !done.fault.target.is_before_topics()
                    && case.index.of_topic(&topic.name).len() > read
            }
            Role::Barrier | Role::Transaction => false,
        });
        if !disturbed {
            let why = "nothing was left for it to disturb: no record was written after it";
            found.gap(what, why);
        }
    }
}

/// Partitions that were added, and on which nothing was written, have changed nothing yet: what was
/// written is judged all the same.
fn growths(case: &Case<'_>, warnings: &mut Vec<String>) {
    for growth in &case.index.grown {
        for name in growth.topics {
            let had = growth.before.get(name.as_str()).copied().unwrap_or_default();
            let mut records = case.index.of_topic(name).iter();
            if records.all(|record| record.partition < had) {
                warnings.push(format!(
                    "more partitions of `{name}` (entry {}) changed nothing: no record was written to \
                     one of them. Does the producer know of them? A `set` of the connector behind it \
                     starts one that does",
                    growth.entry + 1
                ));
            }
        }
    }
}

/// A partition that holds records of which none was read was not looked at.
fn partitions(case: &Case<'_>, found: &mut Found) {
    let Some(proof) = case.last_proof() else { return };
    for (topic, ends) in &proof.ends {
        let read = case.index.of_topic(topic).iter().map(|record| record.partition);
        let read = read.chain(case.excerpt.partitions(topic)).collect::<BTreeSet<_>>();
        for (partition, (low, high)) in ends.iter().enumerate() {
            let was_read =
                i32::try_from(partition).is_ok_and(|partition| read.contains(&partition));
            if high > low && !was_read {
                let missing = format!("its offsets {low} to {high} were not read");
                found.gap(format!("partition {partition} of `{topic}`"), missing);
            }
        }
    }
}

fn sinks(case: &Case<'_>, found: &mut Found, warnings: &mut Vec<String>) {
    let judged = case.sinks.iter().filter(|sink| sink.judged && !sink.stopped);
    let (written, idle) = judged.partition::<Vec<_>, _>(|sink| is_exercised(case, sink));
    let excused = |sink: &&SinkCase<'_>| {
        let empty = case.expect.rows.get(sink.name).is_some_and(|rows| rows.rows.is_empty());
        empty || case.expect.must_show.iter().any(|demand| demand.place == sink.name)
    };
    for sink in idle.iter().filter(|sink| !excused(sink)) {
        let why = match held::windows(case, sink) {
            Some(Windows::Held(why)) => {
                let what = format!("whether `{}` agrees with its reference", sink.name);
                found.gap(what, format!("no window of it closed: {why}"));
                continue;
            }
            Some(Windows::Open(why)) => format!("no window of it closed: {why}"),
            None if held::has_been_wanted(case, sink) => {
                // Then what it lacks is a finding, unless something kept it from being compared.
                if !found.findings.iter().any(|raw| raw.finding.place == sink.name) {
                    let what = format!("whether `{}` agrees with its reference", sink.name);
                    found.gap(
                        what,
                        "it never held a row that counts, and its reference has held one",
                    );
                }
                continue;
            }
            None if sink.was_written() => "no window of it closed".to_owned(),
            None => "it never held a row: nothing in the timeline reaches it".to_owned(),
        };
        if is_named(case, sink.name) || written.is_empty() {
            let what = format!("whether `{}` agrees with its reference", sink.name);
            found.gap(what, why);
        } else {
            warnings.push(format!("`{}` was not exercised: {why}", sink.name));
        }
    }
}

/// Whether it held a row at some time; of a windowed sink, whether a window closed.
fn is_exercised(case: &Case<'_>, sink: &SinkCase<'_>) -> bool {
    if sink.window.is_none() {
        return sink.was_written();
    }
    let Some(proof) = case.last_proof() else { return sink.was_written() };
    let rows = sink.log.iter().filter_map(|emitted| emitted.row.as_ref());
    // What fired of a window that may be closed has shown that it is, where no watermark is told.
    let may_be_closed = |row| sink.end(row).is_some_and(|end| sink.may_be_closed(end, proof));
    rows.into_iter().any(|row| !sink.is_open(row, proof) || may_be_closed(row))
}

fn is_named(case: &Case<'_>, sink: &str) -> bool {
    let expect = case.expect;
    expect.consistency.contains_key(sink)
        || expect.rows.contains_key(sink)
        || expect.life.contains_key(sink)
        || expect.may_show.iter().any(|allowance| allowance.place == sink)
}
