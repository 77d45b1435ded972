//! The source tables as the records below a cut make them.

use std::collections::BTreeMap;

use super::super::case::Case;
use super::feed::Feed;
use crate::history::event::Cut;
use crate::model::feed::Part;
use crate::model::source::Rows;

/// The rows of the source tables, by the place of the table; the values are the journal's, since a
/// wrong value of a record is the fault of the hop before.
pub(in crate::check) fn at(
    case: &Case<'_>,
    feed: &Feed<'_, '_>,
    cut: &Cut,
) -> BTreeMap<usize, Rows> {
    let mut tables = BTreeMap::new();
    for source in &feed.sources {
        let topic = source.topic;
        let Some(table) = case.index.tables.get(topic.table) else { continue };
        let offsets = cut.0.get(&topic.topic.name).map_or(&[][..], Vec::as_slice);
        let below = |partition: i32, offset: i64| {
            let partition = usize::try_from(partition).unwrap_or(usize::MAX);
            offsets.get(partition).is_some_and(|end| offset < *end)
        };
        let mut rows = Rows::of(table);
        for (_, wanted, logged) in topic.matched() {
            if !below(logged.record.partition, logged.record.offset) {
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
