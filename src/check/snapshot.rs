//! Snapshot and stream meet without a gap and without an overlap, and nothing was cut off before it
//! was read.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Snapshots": streaming goes on from the
//! position that the snapshot read. DBZ-2288 was a gap between the two. Seen on 3.6.3 (scenario
//! `snapshot/rows-before-and-after-the-snapshot`).

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::found::{Draft, Found};
use super::topic::{TopicCase, envelope, letter, position};
use crate::base::anomaly::Anomaly;
use crate::base::position::{Lsn, Position};
use crate::codec::debezium::{Envelope, Op};
use crate::history::event::{Record, Role, Topic};
use crate::model::feed::{Expected, Logged, Window};
use crate::model::key::Key;

pub(super) const FINDS: &[Anomaly] = &[
    Anomaly::SnapshotGap,
    Anomaly::SnapshotOverlap,
    Anomaly::HistoryTruncated,
    Anomaly::MidSnapshot,
];

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    for topic in case.index.topics {
        truncated(case, topic, found);
    }
    for topic in &case.topics {
        gap(case, topic, found);
        for logged in topic.unexplained().filter(|logged| overlaps(case, topic, logged)) {
            found.add(overlap(case, topic, logged));
        }
    }
    mid_snapshot(case, found);
}

/// The first change that arrived as a streamed one, on whichever topic of the connector that captures
/// this table.
fn first_streamed(case: &Case<'_>, table: usize) -> Option<Position> {
    let nth = case.feed_place(table);
    let own = case.topics.iter().filter(|topic| case.feed_place(topic.table) == nth);
    let streamed = own.flat_map(TopicCase::matched);
    let streamed = streamed.filter_map(|(_, wanted, _)| Some(wanted.change.as_ref()?.position));
    streamed.chain(case.excerpt.first_streamed).min()
}

/// Whether a change that did not arrive stands between the snapshot and the first change that was
/// streamed.
pub(super) fn in_gap(case: &Case<'_>, wanted: &Expected) -> bool {
    let Some(change) = wanted.change.as_ref().filter(|_| wanted.is_owed()) else { return false };
    if !case.rules_of(change.table).is_some_and(|rules| rules.snapshot) {
        return false;
    }
    first_streamed(case, change.table).is_some_and(|first| change.position < first)
}

fn gap(case: &Case<'_>, topic: &TopicCase<'_>, found: &mut Found) {
    let mut told = BTreeSet::new();
    for (_, wanted) in topic.missing(case.last_proof()) {
        let Some(change) = wanted.change.as_ref().filter(|_| in_gap(case, wanted)) else {
            continue;
        };
        // A change of several records is missing as one.
        if !told.insert(change.position) {
            continue;
        }
        let sentence = format!(
            "the {} at {} (LSN {}, transaction {}) was committed after the snapshot's point and \
             before the first change that was streamed, and is in neither",
            change.kind.name(),
            change.position,
            change.lsn,
            change.xid,
        );
        let columns = case.key_columns(topic.table);
        let pair = (Some(wanted), None);
        found.add(Draft::topic(Anomaly::SnapshotGap, topic, columns, pair, sentence));
    }
}

/// Whether a record streams a change that the snapshot has shown.
pub(super) fn overlaps(case: &Case<'_>, topic: &TopicCase<'_>, logged: &Logged<'_>) -> bool {
    let snapshot = case.rules_of(topic.table).is_some_and(|rules| rules.snapshot);
    let Some(envelope) = envelope(logged).filter(|_| snapshot) else { return false };
    let streamed = matches!(envelope.op, Op::Create | Op::Update | Op::Delete);
    let (Some(xid), Some(lsn), Some(point)) =
        (envelope.source.xid, envelope.source.lsn, case.point_of(topic.table))
    else {
        return false;
    };
    let mut shown = case.transactions.iter().filter(|t| t.commit < point && t.xid == xid);
    streamed && shown.any(|t| t.changes.iter().any(|change| change.lsn == lsn))
}

fn overlap<'a>(case: &'a Case<'_>, topic: &'a TopicCase<'_>, logged: &'a Logged<'_>) -> Draft<'a> {
    let xid = envelope(logged).and_then(|envelope| envelope.source.xid);
    let xid = xid.map_or_else(|| "?".to_owned(), |xid| xid.to_string());
    let sentence = format!(
        "record {} (`{}`) streams a change of transaction {xid}, which the snapshot shows already",
        position(logged.record),
        letter(logged),
    );
    let pair = (None, Some(logged));
    let columns = case.key_columns(topic.table);
    Draft::topic(Anomaly::SnapshotOverlap, topic, columns, pair, sentence)
}

/// Offsets of a partition that were gone before they were read: first and last.
fn cut_off(records: &[&Record], partition: i32, low: i64) -> Option<(i64, i64)> {
    let read = records.iter().filter(|record| record.partition == partition);
    let read = read.map(|record| record.offset).filter(|offset| *offset < low);
    let next = read.max().map_or(0, |last| last + 1);
    // One or two offsets may be marks of transactions, which no reader is given; no partition
    // begins with one.
    let hole = low - next;
    (hole > 2 || (next == 0 && hole > 0)).then_some((next, low - 1))
}

/// The partitions of a topic that lost records, each with the first and last offset.
pub(super) fn lost_offsets(case: &Case<'_>, topic: &Topic) -> Vec<(i32, (i64, i64))> {
    let records = case.index.of_topic(&topic.name);
    let proofs = case.index.proofs.iter().filter_map(|proof| proof.ends.get(&topic.name));
    let mut lows = BTreeMap::<usize, i64>::new();
    for ends in proofs {
        for (partition, (low, _)) in ends.iter().enumerate() {
            let known = lows.entry(partition).or_default();
            *known = (*known).max(*low);
        }
    }
    let lost = lows.into_iter().filter_map(|(partition, low)| {
        let partition = i32::try_from(partition).ok()?;
        Some((partition, cut_off(records, partition, low)?))
    });
    lost.collect()
}

fn truncated(case: &Case<'_>, topic: &Topic, found: &mut Found) {
    let place = match &topic.role {
        Role::Source { table } | Role::Outbox { table, .. } => case.place(table),
        Role::Sink { sink } => sink.clone(),
        Role::Application => topic.name.clone(),
        Role::Barrier | Role::Messages | Role::Transaction => return,
    };
    for (partition, (first, last)) in lost_offsets(case, topic) {
        let name = &topic.name;
        found.add(Draft {
            anomaly: Anomaly::HistoryTruncated,
            place: &place,
            key: None,
            key_columns: &[],
            sentence: format!(
                "offsets {first} to {last} of `{name}`, partition {partition}, were removed before \
                 they were read"
            ),
            record: None,
            position: None,
            first_hop: None,
            difference: Vec::new(),
        });
    }
}

/// Changes that were committed while a snapshot was being read; one finding a key and table.
fn mid_snapshot(case: &Case<'_>, found: &mut Found) {
    for nth in 0..case.feeds.len() {
        mid_snapshot_of(case, nth, found);
    }
}

/// The same of one connector's tables.
fn mid_snapshot_of(case: &Case<'_>, nth: usize, found: &mut Found) {
    let Some(feed) = case.feeds.get(nth) else { return };
    let (Some(point), Some(rules)) = (feed.point, feed.rules.as_ref()) else { return };
    let end = read_until(case, nth, point);
    let mut told = BTreeMap::<usize, BTreeSet<Option<Key>>>::new();
    for (place, transaction) in case.transactions.iter().enumerate() {
        // By the clocks of the database and of the connector, or in the window of a chunk.
        let first = transaction.commit >= point
            && end.is_some_and(|end| transaction.time_us.div_euclid(1000) < end);
        let in_window = |window: &Window| window.open < place && place < window.close;
        if !first && !feed.windows.iter().any(in_window) {
            continue;
        }
        for change in &transaction.changes {
            let Some(columns) = case.columns.get(change.table).filter(|c| c.table.captured) else {
                continue;
            };
            if case.feed_place(change.table) != nth {
                continue;
            }
            let row = change.new.as_ref().or(change.old.as_ref());
            let key = row.and_then(|row| {
                let columns = columns.at(change.lsn);
                columns.key(&change.columns, row, &rules.encoding).ok().flatten()
            });
            if !told.entry(change.table).or_default().insert(key.clone()) {
                continue;
            }
            found.add(Draft {
                anomaly: Anomaly::MidSnapshot,
                place: &case.place_of(&columns.table),
                key: key.as_ref(),
                key_columns: case.key_columns(change.table),
                sentence: format!(
                    "transaction {} was committed while the snapshot was being read",
                    change.xid
                ),
                record: None,
                position: Some(change.position),
                first_hop: None,
                difference: Vec::new(),
            });
        }
    }
}

/// When the last row of the first snapshot was written.
fn read_until(case: &Case<'_>, nth: usize, point: Lsn) -> Option<i64> {
    let is_first = |envelope: &Envelope<'_>| {
        let source = &envelope.source;
        let of_point = source.lsn.is_none_or(|lsn| lsn == point);
        envelope.op == Op::Read && !source.is_incremental() && of_point
    };
    let own = case.topics.iter().filter(|topic| case.feed_place(topic.table) == nth);
    let reads = own.flat_map(|topic| &topic.log);
    let reads = reads.filter(|logged| envelope(logged).is_some_and(is_first));
    let read = reads.filter_map(|logged| logged.record.timestamp).max();
    read.max(case.excerpt.read_until)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing_was_removed(&[], 0, None)]
    #[case::the_first_was_never_read(&[], 1, Some((0, 0)))]
    #[case::all_was_read_before(&[0, 1], 2, None)]
    #[case::two_marks_of_transactions(&[0, 1], 4, None)]
    #[case::more_than_marks(&[0, 1], 5, Some((2, 4)))]
    #[case::what_is_left_is_read(&[0, 1, 7], 5, Some((2, 4)))]
    fn offsets_that_were_removed_unread_are_told(
        #[case] read: &[i64],
        #[case] low: i64,
        #[case] lost: Option<(i64, i64)>,
    ) {
        let record = |partition: i32, offset: i64| Record {
            topic: "t".to_owned(),
            partition,
            offset,
            timestamp: None,
            key: None,
            value: None,
            headers: Vec::new(),
        };
        let mut records = read.iter().map(|offset| record(0, *offset)).collect::<Vec<_>>();
        records.push(record(1, low - 1));
        assert_eq!(cut_off(&records.iter().collect::<Vec<_>>(), 0, low), lost);
    }
}
