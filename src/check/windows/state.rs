//! The source tables and their changes as the records below a cut make them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::case::Case;
use super::super::topic::TopicCase;
use super::super::{Wanted, sinks::SinkCase};
use super::feed::Feed;
use crate::history::event::Cut;
use crate::model::feed::Part;
use crate::model::source::{Rows, Unseen};

/// The cut of a sink with all that its reference needs there.
pub(in crate::check) fn wanted(
    case: &Case<'_>,
    (sink, feed): (&SinkCase<'_>, &Feed<'_, '_>),
    cut: Cut,
) -> Wanted {
    let (tables, unseen) = (at(case, feed, &cut), unseen(case, feed, &cut));
    Wanted { sink: sink.name.to_owned(), cut, tables, unseen }
}

/// Whether a record stands below a cut.
fn is_below(cut: &Cut, topic: &TopicCase<'_>, (partition, offset): (i32, i64)) -> bool {
    let offsets = cut.0.get(&topic.topic.name).map_or(&[][..], Vec::as_slice);
    let partition = usize::try_from(partition).unwrap_or(usize::MAX);
    offsets.get(partition).is_some_and(|end| offset < *end)
}

/// The changes whose records all stand at the cut or above it. `None` where the rows of a snapshot stand on
/// both sides: nothing tells them apart among the changes.
fn unseen(case: &Case<'_>, feed: &Feed<'_, '_>, cut: &Cut) -> Option<Vec<Unseen>> {
    let changes = case.transactions.iter().flat_map(|transaction| &transaction.changes);
    let positions = changes.enumerate().map(|(n, change)| (change.position, n + 1));
    let positions = positions.collect::<BTreeMap<_, _>>();
    let (mut below, mut above) = (BTreeSet::new(), BTreeSet::new());
    for topic in feed.sources.iter().map(|source| source.topic) {
        for (_, wanted, logged) in topic.matched() {
            let op = match wanted.part {
                Part::Read => 'r',
                Part::Create => 'c',
                Part::Update => 'u',
                Part::Delete => 'd',
                Part::Truncate => 't',
                Part::Tombstone => continue,
            };
            let position = match &wanted.change {
                Some(change) => i64::try_from(*positions.get(&change.position)?).ok()?,
                None => 0,
            };
            let change = Unseen { table: topic.table, position, op };
            let place = (logged.record.partition, logged.record.offset);
            if is_below(cut, topic, place) { &mut below } else { &mut above }.insert(change);
        }
    }
    let parted = above.iter().any(|change| change.position == 0 && below.contains(change));
    (!parted).then(|| above.difference(&below).cloned().collect())
}

/// The rows of the source tables, by the place of the table; the values are the journal's, since a
/// wrong value of a record is the fault of the hop before.
fn at(case: &Case<'_>, feed: &Feed<'_, '_>, cut: &Cut) -> BTreeMap<usize, Rows> {
    let mut tables = BTreeMap::new();
    for source in &feed.sources {
        let topic = source.topic;
        let Some(table) = case.index.tables.get(topic.table) else { continue };
        let mut rows = Rows::of(table);
        for (_, wanted, logged) in topic.matched() {
            if !is_below(cut, topic, (logged.record.partition, logged.record.offset)) {
                continue;
            }
            let old = wanted.change.as_ref().and_then(|change| change.old.as_ref());
            let new = wanted.after.as_ref();
            match wanted.part {
                Part::Read | Part::Create => rows.replace(&wanted.columns, None, new),
                Part::Update => rows.replace(&wanted.columns, old, new),
                Part::Delete => rows.replace(&wanted.columns, old, None),
                Part::Truncate => rows.clear(),
                Part::Tombstone => {}
            }
        }
        tables.insert(topic.table, rows);
    }
    tables
}
