//! Which snapshots a run has had, from the journal, the restarts, and the points that rows of
//! snapshots name.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Snapshots", "Incremental snapshots" and
//! "Blocking snapshots". Seen on 3.6.3 (scenarios `snapshot/a-snapshot-that-is-taken-anew` and
//! `upset/offsets-that-are-lost`).

use std::collections::BTreeSet;

use super::case::Case;
use super::feeds::Feed;
use super::topic::{TopicCase, envelope};
use super::verdict::Gap;
use crate::base::position::Lsn;
use crate::codec::debezium::{Envelope, Op};
use crate::codec::pgoutput::Cell;
use crate::model::feed::{Asked, Columns, Rules, Shot, Signals, Snapshots};
use crate::model::source::{Kind, Rows, Transaction, apply, prefix};

/// The snapshots of a run, and what cannot be said of them.
pub(super) struct Found {
    pub(super) snapshots: Snapshots,
    pub(super) gaps: Vec<Gap>,
}

/// Lays out the snapshots; an error is why the topics cannot be judged at all. No point: nothing
/// tells snapshot and stream apart.
pub(super) fn find(
    case: &Case<'_>,
    (nth, rules): (usize, &Rules),
    topics: &[TopicCase<'_>],
) -> Result<Option<Found>, String> {
    let Some(feed) = case.feeds.get(nth) else { return Ok(None) };
    let points = topics.iter().flat_map(TopicCase::snapshot_points);
    let points = points.chain(case.excerpt.point).collect::<BTreeSet<_>>();
    let mut signals = Signals::of(feed.config, &case.tables_of(nth), &case.transactions)?;
    let Some(first) = first(case, feed, (&signals, &points)) else { return Ok(None) };
    let begins = before(&case.transactions, first);
    signals.from(begins);
    let asked = !signals.blocking.is_empty() || !signals.incremental.is_empty();
    let was_restarted = case.was_restarted(feed.name);
    let anew = || was_restarted && tell_another(case, topics, first);
    // Such a row does not tell which snapshot it is of.
    let is_unwrapped = topics.iter().any(|topic| {
        let columns = case.columns.get(topic.table);
        columns.is_some_and(|columns| columns.shape.unwrapped.is_some())
    });
    if is_unwrapped && (asked || anew()) {
        return Err("a further snapshot of rows without envelope has no model".to_owned());
    }
    let snapshots = Snapshots { signals, ..Snapshots::first(first, begins) };
    let later = points.into_iter().filter(|point| *point > first).collect::<Vec<_>>();
    let mut found = Found { snapshots, gaps: Vec::new() };
    if was_restarted && !later.is_empty() {
        found.taken_anew(case, nth, &later)?;
    } else {
        found.blocking(case, (rules, topics), &later);
    }
    found.incremental(case, rules)?;
    Ok(Some(found))
}

/// Where the first snapshot ends and the stream begins. Its rows say it where the slot was looked at
/// before the connector took the snapshot, or only after it had moved on; rows behind the slot's point
/// may be those of another one, that a signal asked for or that was taken anew.
fn first(
    case: &Case<'_>,
    feed: &Feed<'_>,
    (signals, points): (&Signals, &BTreeSet<Lsn>),
) -> Option<Lsn> {
    let Some(slot) = case.index.slots.get(&feed.name).copied() else {
        return points.first().copied();
    };
    let asked_for = |shown: Lsn| {
        let mut asked = signals.blocking.iter().filter_map(|asked| case.transactions.get(asked.at));
        asked.any(|signal| slot <= signal.commit && signal.end <= shown)
    };
    let is_another =
        |shown: Lsn| slot < shown && (case.was_restarted(feed.name) || asked_for(shown));
    let shown = points.first().copied().filter(|shown| !is_another(*shown));
    Some(shown.filter(|_| !points.contains(&slot)).unwrap_or(slot))
}

/// Whether rows without envelope may be of a snapshot that was taken behind the first one: they say that
/// they were read there, or the place of no change.
fn tell_another(case: &Case<'_>, topics: &[TopicCase<'_>], first: Lsn) -> bool {
    let changes = case.transactions.iter().flat_map(|transaction| &transaction.changes);
    let places = changes.map(|change| change.lsn).collect::<BTreeSet<_>>();
    let told = topics.iter().flat_map(|topic| &topic.log).map(|logged| logged.told);
    let mut behind = told.filter(|told| told.lsn.is_some_and(|lsn| lsn > first));
    behind.any(|told| match told.op {
        Some(op) => op == Op::Read,
        None => told.lsn.is_some_and(|lsn| !places.contains(&lsn)),
    })
}

/// How many transactions a snapshot at this point shows.
fn before(transactions: &[Transaction], point: Lsn) -> usize {
    transactions.partition_point(|transaction| transaction.commit < point)
}

impl Found {
    fn gap(&mut self, what: String, missing: &str) {
        self.gaps.push(Gap { what, missing: missing.to_owned() });
    }

    /// A restart that finds no offset takes the snapshot anew.
    fn taken_anew(&mut self, case: &Case<'_>, nth: usize, points: &[Lsn]) -> Result<(), String> {
        if !self.snapshots.signals.blocking.is_empty() {
            return Err(
                "after a restart, a blocking snapshot and one that is taken anew cannot be \
                        told apart"
                    .to_owned(),
            );
        }
        for at in points {
            let shows = before(&case.transactions, *at);
            let shot = Shot { at: *at, shows, behind: shows, tables: None, whole: true };
            self.snapshots.taken.push(shot);
        }
        let skipped = self.snapshots.begins()..self.snapshots.goes_on();
        let skipped = case.transactions.get(skipped).unwrap_or_default();
        let changes = skipped.iter().flat_map(|transaction| &transaction.changes);
        let nameless = changes.filter(|change| change.kind != Kind::Insert).find_map(|change| {
            let columns = case.columns.get(change.table).filter(|c| c.table.captured)?;
            let is_own = case.feed_place(change.table) == nth;
            (is_own && columns.table.key.is_empty()).then_some(columns)
        });
        if let Some(columns) = nameless {
            self.gap(
                format!("whether `{}` lost deletes", case.place_of(&columns.table)),
                "a snapshot was taken anew, and rows without primary key do not tell which of them \
                 the topic has shown before",
            );
        }
        Ok(())
    }

    /// Each blocking snapshot that was asked for has a point of its own.
    fn blocking(
        &mut self,
        case: &Case<'_>,
        (rules, topics): (&Rules, &[TopicCase<'_>]),
        points: &[Lsn],
    ) {
        let asked = self.snapshots.signals.blocking.clone();
        for (n, asked) in asked.iter().enumerate() {
            let Some(at) = points.get(n).copied() else {
                let what = format!("the blocking snapshot `{}`", asked.id);
                self.gap(what, "no row of it was seen, so that nothing says whether it was taken");
                continue;
            };
            let reads = Reads { case, topics, rules, at, asked };
            let mut all = reads.own().flat_map(|topic| reads.of(topic));
            let whole = all.any(|read| read.source.snapshot.as_deref() == Some("last"));
            if !whole {
                let what = format!("whether the blocking snapshot `{}` is complete", asked.id);
                self.gap(what, "its last row was not seen: `await: processed` again after it");
            }
            let behind = case.transactions.partition_point(|t| t.end <= at);
            let shows = reads.shows(behind);
            let tables = Some(asked.tables.clone());
            self.snapshots.blocking.push(Shot { at, shows, behind, tables, whole });
        }
    }

    fn incremental(&mut self, case: &Case<'_>, rules: &Rules) -> Result<(), String> {
        let signals = self.snapshots.signals.clone();
        if signals.incremental.is_empty() {
            return Ok(());
        }
        if [Op::Create, Op::Update, Op::Delete].into_iter().any(|op| rules.ever_skips(op)) {
            return Err(
                "an incremental snapshot beside skipped operations has no model: a change \
                        that is skipped does not take its row out of a chunk"
                    .to_owned(),
            );
        }
        for asked in &signals.incremental {
            for table in asked.tables.iter().filter_map(|table| case.columns.get(*table)) {
                if table.table.key.is_empty() {
                    self.gap(
                        format!("the rows of `{}` in `{}`", case.place_of(&table.table), asked.id),
                        "an incremental snapshot of a table without primary key has no model",
                    );
                }
            }
            if is_complete(case, &signals, asked) {
                self.snapshots.complete.insert(asked.at);
            } else {
                self.gap(
                    format!("whether the incremental snapshot `{}` is complete", asked.id),
                    "no proof was made behind its last window, and before the next snapshot of a \
                     table of it: wait for its `snapshot-window-close`, then `await: processed`",
                );
            }
        }
        Ok(())
    }
}

/// A proof stands behind the last window. The connector opens the next window before it goes on in the
/// stream, so that by the time of the proof the journal would have it.
fn is_complete(case: &Case<'_>, signals: &Signals, asked: &Asked) -> bool {
    let Some(last) = signals.windows_of(asked).last() else { return false };
    let next = signals.next(asked).and_then(|next| case.transactions.get(next.at));
    match next {
        Some(next) => {
            let mut proofs = case.index.proofs.iter();
            proofs.any(|proof| last.end <= proof.barrier_end && proof.barrier_end <= next.commit)
        }
        None => {
            let proven = case.last_proof().is_some_and(|proof| last.end <= proof.barrier_end);
            proven && !signals.open
        }
    }
}

/// The rows of one blocking snapshot, as the topics show them.
struct Reads<'c, 'a> {
    case: &'c Case<'a>,
    topics: &'c [TopicCase<'a>],
    rules: &'c Rules,
    at: Lsn,
    asked: &'c Asked,
}

impl<'c, 'a> Reads<'c, 'a> {
    /// The topics of its tables.
    fn own(&self) -> impl Iterator<Item = &'c TopicCase<'a>> {
        let tables = &self.asked.tables;
        self.topics.iter().filter(|topic| tables.contains(&topic.table))
    }

    /// Its rows on one of them.
    fn of(&self, topic: &'c TopicCase<'a>) -> impl Iterator<Item = &'c Envelope<'a>> {
        let at = self.at;
        let all = topic.log.iter().filter_map(envelope);
        all.filter(move |e| e.op == Op::Read && e.source.lsn == Some(at))
    }

    /// How many transactions it shows: the stream stood still before it began to read, and what was
    /// committed in between it shows already, and the stream shows again. No record says how many
    /// these are, but all rows show the same, and no row is left out. Where some are lost, it is the
    /// first state that has all the others.
    fn shows(&self, behind: usize) -> usize {
        let transactions = &self.case.transactions;
        let shown = transactions.get(..behind).unwrap_or_default();
        let mut tables = prefix(self.case.index.tables, shown);
        let mut first = None;
        for upto in behind..=transactions.len() {
            if self.fit(&tables) {
                if self.are_all_of(&tables) {
                    return upto;
                }
                first = first.or(Some(upto));
            }
            let Some(next) = transactions.get(upto) else { break };
            for (table, rows) in tables.iter_mut().enumerate() {
                apply(rows, table, next);
            }
        }
        // What fits nowhere is judged where the stream stood still.
        first.unwrap_or(behind)
    }

    /// The tables have every row that it shows.
    fn fit(&self, tables: &[Rows]) -> bool {
        self.own().all(|topic| {
            let of = (tables.get(topic.table), self.case.columns.get(topic.table));
            let (Some(rows), Some(columns)) = of else { return false };
            let is_there = |read| rows.iter().any(|row| self.is_shown(columns, (rows, row), read));
            self.of(topic).all(is_there)
        })
    }

    /// It shows every row that the tables have.
    fn are_all_of(&self, tables: &[Rows]) -> bool {
        self.own().all(|topic| {
            let of = (tables.get(topic.table), self.case.columns.get(topic.table));
            let (Some(rows), Some(columns)) = of else { return false };
            let is_read =
                |row| self.of(topic).any(|read| self.is_shown(columns, (rows, row), read));
            rows.iter().all(|row| is_read(row))
        })
    }

    fn is_shown(
        &self,
        columns: &Columns<'_>,
        (rows, row): (&Rows, &[Cell]),
        read: &Envelope<'_>,
    ) -> bool {
        let Some(after) = &read.after else { return false };
        let columns = columns.at(read.source.lsn.unwrap_or_default());
        columns.shows(&rows.columns, row, after, &self.rules.encoding).unwrap_or(false)
    }
}
