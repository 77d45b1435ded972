//! The cuts through the source topics at which a window may have fired.

use itertools::Itertools as _;

use super::super::case::Case;
use super::CUTS_MAX;
use super::feed::{Feed, Source};
use crate::history::event::{Cut, Proof};
use crate::model::watermark::closes;

/// A state of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum At {
    /// Everything before the proof.
    Proof,
    /// The records below a cut.
    Cut(Cut),
}

/// The proofs between which windows fired, and the one at which they are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Between<'p> {
    /// At the last of these they were open.
    pub(super) before: Option<&'p Proof>,
    /// At this one they were closed, or may have been.
    pub(super) at: &'p Proof,
    /// What comes to them after they have fired has come by this one.
    pub(super) seen: &'p Proof,
}

/// The states at which the windows that end at `end` may have fired.
pub(super) fn of(
    case: &Case<'_>,
    feed: &Feed<'_, '_>,
    end: i64,
    Between { before, at, seen }: Between<'_>,
) -> Result<Vec<At>, String> {
    let (mut names, mut choices) = (Vec::new(), Vec::new());
    let mut count = 1_usize;
    for source in &feed.sources {
        let name = &source.topic.topic.name;
        let proof = if source.beside { seen } else { at };
        let ends = proof.ends.get(name).map(Vec::as_slice);
        let ends = ends.ok_or_else(|| format!("the end of `{name}` was not proven"))?;
        if source.beside {
            names.extend(ends.iter().map(|_| name.clone()));
            choices.extend(ends.iter().map(|(_, high)| vec![*high]));
            continue;
        }
        for (partition, (low, high)) in ends.iter().enumerate() {
            let proven = before.and_then(|proof| proof.ends.get(name)?.get(partition));
            let partition = i32::try_from(partition).unwrap_or(i32::MAX);
            let own = passed(case, feed, source, (partition, end));
            let low = proven.map_or(*low, |(_, high)| *high).max(own.map_or(0, |own| own + 1));
            let range = low.min(*high)..*high;
            let mut offsets = vec![range.start];
            offsets.extend(concerned(case, source, (partition, end), &range));
            count = count.saturating_mul(offsets.len());
            names.push(name.clone());
            choices.push(offsets);
        }
    }
    if count > CUTS_MAX {
        return Err(format!(
            "they may have fired at {count} cuts of the input, and more than {CUTS_MAX} are not \
             looked at: await `processed` more often"
        ));
    }
    let last = choices.iter().filter_map(|offsets| offsets.last().copied()).collect::<Vec<_>>();
    let cuts = choices.into_iter().multi_cartesian_product().map(|offsets| {
        if offsets == last && at.number == seen.number {
            return At::Proof;
        }
        let mut cut = Cut::default();
        for (name, offset) in names.iter().zip_eq(offsets) {
            cut.0.entry(name.clone()).or_default().push(offset);
        }
        At::Cut(cut)
    });
    Ok(cuts.collect())
}

/// The offset of the record of a partition before which the windows cannot have fired.
fn passed(
    case: &Case<'_>,
    feed: &Feed<'_, '_>,
    source: &Source<'_, '_>,
    (partition, end): (i32, i64),
) -> Option<i64> {
    let name = &source.topic.topic.name;
    let own = feed.progress.iter().filter_map(|clock| clock.passed(name, partition, end)).max();
    if own.is_some() {
        return own;
    }
    // Behind other statements, a single partition tells it too: a row of the time must be in it.
    let windowed = feed.sources.iter().filter(|source| !source.beside);
    let alone = windowed.count() == 1 && source.topic.topic.partitions == 1;
    let behind = feed.behind_ms.filter(|_| alone)?;
    let matched = source.topic.matched().find(|(_, wanted, _)| {
        let time = wanted.after.as_ref().and_then(|row| source.time_of(case, wanted, row));
        time.is_some_and(|time| closes(time.saturating_sub(behind), end))
    });
    matched.map(|(_, _, logged)| logged.record.offset)
}

/// The offsets behind the records of a range that can make a difference to the windows.
fn concerned(
    case: &Case<'_>,
    source: &Source<'_, '_>,
    (partition, end): (i32, i64),
    range: &std::ops::Range<i64>,
) -> Vec<i64> {
    let inside = source.topic.matched().filter(|(_, wanted, logged)| {
        logged.record.partition == partition
            && range.contains(&logged.record.offset)
            && source.concerns(case, wanted, end)
    });
    inside.map(|(_, _, logged)| logged.record.offset + 1).collect()
}
