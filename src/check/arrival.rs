//! Sinks that keep of several rows the one that arrives first, or last.
//!
//! Within a partition rows arrive in the order of the records. Between partitions nothing determines
//! which comes first, so that a sink may hold any of the rows that it would hold of one partition
//! alone: those that the reference gives there.
//!
//! Source: Kafka orders records within a partition only. Seen on Flink 2.2.0 (scenario
//! `order/the-first-and-the-last-to-arrive`).

use std::collections::BTreeMap;

use super::Wanted;
use super::case::Case;
use super::sinks::{RowDiff, Rows, SinkCase, equal};
use super::verdict::Gap;
use super::windows::feed::Feed;
use super::windows::state;
use crate::codec::flink::Row;
use crate::codec::value::canonical;
use crate::history::event::{Cut, Proof, Question, Role, Topic};

/// How many partitions are looked at, each alone.
const LANES_MAX: usize = 64;

/// The cuts that show one partition and nothing of the others; none where the records of all rows are
/// in one order.
fn lanes(case: &Case<'_>, (sink, proof): (&SinkCase<'_>, &Proof)) -> Result<Vec<Cut>, String> {
    let Some(arrival) = &sink.shape.table.written.by_arrival else { return Ok(Vec::new()) };
    let feed = Feed::of(case, sink, proof)?;
    let read = case.index.topics.iter().filter(|topic| arrival.topics.contains(&topic.name));
    let read = read.collect::<Vec<&Topic>>();
    let sources = feed.sources.iter().map(|source| source.topic.topic).collect::<Vec<&Topic>>();
    let count = |topics: &[&Topic]| topics.iter().map(|topic| topic.partitions).sum::<i32>();
    if count(&read) <= 1 && count(&sources) <= 1 {
        return Ok(Vec::new());
    }
    if !read.iter().all(|topic| matches!(topic.role, Role::Source { .. } | Role::Application)) {
        return Err(
            "it keeps what arrives first, or last, of the rows of another statement, which \
                    come from several partitions in any order"
                .to_owned(),
        );
    }
    if !arrival.is_plain {
        return Err(
            "it keeps what arrives first, or last, of several partitions in any order, and \
                    goes on to compute with it"
                .to_owned(),
        );
    }
    let none = |topic: &&Topic| (topic.name.clone(), vec![0; n_of(topic.partitions)]);
    let mut lanes = Vec::new();
    for topic in read {
        let ends = proof.ends.get(&topic.name);
        let ends = ends.ok_or_else(|| format!("the end of `{}` was not proven", topic.name))?;
        for (partition, (_, end)) in ends.iter().enumerate() {
            let mut cut = Cut(sources.iter().map(none).collect());
            let own = cut.0.get_mut(&topic.name).and_then(|own| own.get_mut(partition));
            if let Some(own) = own {
                *own = *end;
                lanes.push(cut);
            }
        }
    }
    if lanes.len() > LANES_MAX {
        return Err(format!(
            "it keeps what arrives first, or last, of {} partitions, and more than {LANES_MAX} are \
             not looked at",
            lanes.len()
        ));
    }
    Ok(lanes)
}

fn n_of(partitions: i32) -> usize {
    usize::try_from(partitions).unwrap_or_default()
}

/// The cuts whose references the live part should record after the last proof: of the sinks that differ
/// from theirs.
pub(super) fn wanted(case: &Case<'_>) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let Some(proof) = case.last_proof() else { return wanted };
    for sink in case.sinks.iter().filter(|sink| sink.judged && !sink.stopped) {
        let Ok(lanes) = lanes(case, (sink, proof)) else { continue };
        let Ok(feed) = Feed::of(case, sink, proof) else { continue };
        let differs = sink.compare(&case.index, proof).is_ok_and(|(_, diffs)| !diffs.is_empty());
        let new = lanes.into_iter().filter(|cut| !case.index.cuts.contains_key(&(sink.name, cut)));
        wanted.extend(new.filter(|_| differs).map(|cut| state::wanted(case, (sink, &feed), cut)));
    }
    wanted
}

/// The differences without those that are another order of arrival.
pub(super) fn admit<'a>(
    case: &Case<'_>,
    (sink, proof): (&SinkCase<'a>, &Proof),
    reference: &Rows,
    diffs: Vec<RowDiff<'a>>,
) -> Result<Vec<RowDiff<'a>>, Gap> {
    if diffs.is_empty() || sink.shape.table.written.by_arrival.is_none() {
        return Ok(diffs);
    }
    let admitted = admitted(case, (sink, proof)).map_err(|missing| sink.gap(proof, missing))?;
    if admitted.is_empty() {
        return Ok(diffs);
    }
    let is_admitted =
        |row: &Row| admitted.iter().any(|other| equal(row, other, &reference.columns));
    let mut groups = BTreeMap::<_, Vec<RowDiff<'a>>>::new();
    for diff in diffs {
        groups.entry(shared(sink, &diff)).or_default().push(diff);
    }
    let is_other_order = |group: &[RowDiff<'a>]| {
        let expected = group.iter().filter(|diff| diff.expected.is_some()).count();
        let captured = group.iter().filter_map(|diff| diff.captured.as_ref()?.row.as_ref());
        let captured = captured.collect::<Vec<_>>();
        captured.len() == expected && captured.into_iter().all(is_admitted)
    };
    Ok(groups.into_values().filter(|group| !is_other_order(group)).flatten().collect())
}

/// The rows of the sink by each partition alone; none where there is only one order.
fn admitted(case: &Case<'_>, (sink, proof): (&SinkCase<'_>, &Proof)) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for cut in lanes(case, (sink, proof))? {
        let of_one = case.index.cuts.get(&(sink.name, &cut));
        let of_one = of_one.ok_or_else(|| {
            let what = "what it would hold of one partition alone";
            case.unanswered(Question::Arrivals, what)
        })?;
        let of_one = sink.rows(&of_one.columns, &of_one.rows)?;
        rows.extend(of_one.keyed.into_values());
        rows.extend(of_one.bag);
    }
    Ok(rows)
}

/// What the rows share of which one is kept: the columns that the statement names, if the sink has
/// them, else its own key.
fn shared(sink: &SinkCase<'_>, diff: &RowDiff<'_>) -> Vec<Option<String>> {
    let captured = diff.captured.as_ref().and_then(|emitted| emitted.row.as_ref());
    let row = diff.expected.as_ref().or(captured);
    let arrival = sink.shape.table.written.by_arrival.as_ref();
    let named = arrival.map_or(&[][..], |arrival| arrival.key.as_slice());
    let is_known = named.iter().all(|column| sink.shape.kind(column).is_some());
    let columns = if is_known { named } else { &sink.shape.table.key };
    let value = |column: &String| row.and_then(|row| row.get(column)).and_then(canonical);
    columns.iter().map(value).collect()
}
