//! The windows that a proof has to look at, by their ends: what was known of them by then, and no more, so
//! that what is asked for at a proof is what its judgement needs.

use std::collections::BTreeSet;

use itertools::Itertools as _;

use super::super::case::Case;
use super::super::sinks::{Rows, SinkCase};
use super::cuts::Between;
use super::open_at;
use crate::codec::flink::Row;
use crate::history::event::{Cut, Proof, Side};

/// The ends of the windows that a proof is the first to show closed, as far as the reference or the
/// sink knew of them then: what came after the proof was not asked for at it.
pub(super) fn closing(
    case: &Case<'_>,
    sink: &SinkCase<'_>,
    (earlier, at): (&[&Proof], &Proof),
) -> BTreeSet<i64> {
    let mut ends = BTreeSet::new();
    for proof in earlier.last().into_iter().copied().chain([at]) {
        if let Ok(rows) = sink.reference(&case.index, proof, Side::Journal) {
            ends.extend(all(&rows).filter_map(|row| sink.end(row)));
        }
    }
    for (_, rows) in at_cuts(case, sink).filter(|(cut, _)| is_within(cut, at)) {
        ends.extend(all(&rows).filter_map(|row| sink.end(row)));
    }
    ends.extend(written(sink, at));
    let closed = |proof: &Proof, end: i64| sink.is_closed(end, proof);
    ends.retain(|end| closed(at, *end) && !earlier.iter().any(|proof| closed(proof, *end)));
    ends
}

/// The ends of the windows that have fired by a proof, and of which no proof says that they must.
pub(super) fn undecided(sink: &SinkCase<'_>, (earlier, at): (&[&Proof], &Proof)) -> BTreeSet<i64> {
    let proofs = || earlier.iter().copied().chain([at]);
    let closed = |end: i64| proofs().any(|proof| sink.is_closed(end, proof));
    written(sink, at).filter(|end| sink.may_be_closed(*end, at) && !closed(*end)).collect()
}

/// The ends of the windows that were long closed at a proof and of which something was written since
/// that must be right too: a first row, or one that a restart explains. What was written before as
/// well is right if it was right then.
pub(super) fn again(
    case: &Case<'_>,
    sink: &SinkCase<'_>,
    (earlier, at): (&[&Proof], &Proof),
) -> BTreeSet<i64> {
    let Some(before) = earlier.last() else { return BTreeSet::new() };
    let from = sink.repeats_from(case);
    let mut ends = BTreeSet::new();
    for (place, emitted) in sink.log.iter().enumerate() {
        let new = sink.is_below(emitted, at) && !sink.is_below(emitted, before);
        let end = emitted.row.as_ref().filter(|_| new).and_then(|row| sink.end(row));
        let closed = |end: &i64| earlier.iter().any(|proof| sink.is_closed(*end, proof));
        let Some(end) = end.filter(closed) else { continue };
        let mut older = sink.log.iter().take(place).filter(|other| other.key == emitted.key);
        let legal = from.is_some_and(|from| place >= from);
        let judged = emitted.key.is_none() || legal || !older.clone().any(|o| o.row.is_some());
        if judged && !older.any(|other| other.row == emitted.row) {
            ends.insert(end);
        }
    }
    ends
}

/// The windows that were closed before a proof, where rows of other tables come to them after they
/// have fired: what they show may have changed with these, and nothing else.
pub(super) fn settled<'p>(
    case: &Case<'_>,
    sink: &SinkCase<'_>,
    (earlier, at): (&[&'p Proof], &'p Proof),
) -> Vec<(i64, Between<'p>)> {
    let mut found = Vec::new();
    let mut firings = at.jobs.iter().flat_map(|job| &job.firings);
    if !firings.any(|firing| firing.reworked) {
        return found;
    }
    for (n, closed) in earlier.iter().copied().enumerate() {
        let (before, _) = earlier.split_at(n);
        for end in closing(case, sink, (before, closed)) {
            let before = open_at(sink, before, end);
            found.push((end, Between { before, at: closed, seen: at }));
        }
    }
    found
}

/// The ends of the windows of which the sink had written a row by a proof.
fn written(sink: &SinkCase<'_>, by: &Proof) -> impl Iterator<Item = i64> {
    let emitted = sink.log.iter().filter(|emitted| sink.is_below(emitted, by));
    emitted.filter_map(|emitted| sink.end(emitted.row.as_ref()?))
}

/// Whether a proof has everything below a cut.
fn is_within(cut: &Cut, proof: &Proof) -> bool {
    cut.0.iter().all(|(topic, offsets)| {
        let ends = proof.ends.get(topic).map_or(&[][..], Vec::as_slice);
        let pairs = offsets.iter().zip_longest(ends);
        pairs.filter_map(itertools::EitherOrBoth::both).all(|(offset, (_, high))| offset <= high)
    })
}

fn all(rows: &Rows) -> impl Iterator<Item = &Row> {
    rows.keyed.values().chain(&rows.bag)
}

/// The rows that the reference gives at cuts.
pub(super) fn at_cuts<'c>(
    case: &'c Case<'_>,
    sink: &'c SinkCase<'_>,
) -> impl Iterator<Item = (&'c Cut, Rows)> {
    let own = case.index.cuts.iter().filter(|((name, _), _)| *name == sink.name);
    own.filter_map(|((_, cut), found)| Some((*cut, sink.rows(&found.columns, &found.rows).ok()?)))
}
