//! Watermarks as Flink combines them.
//!
//! A Kafka source keeps one watermark a partition and emits their minimum; a task takes the minimum
//! of its inputs, over all subtasks of each. So one partition without a record, or one subtask
//! without a partition, holds everything behind it at the start.
//!
//! Two things make bounds of it. Partitions that are left out while they are idle: no record tells
//! which ones were. And a restart: no state holds the watermark of a source, it is made again from
//! the records behind the offsets that were restored, so it may have been further before.

use std::collections::BTreeMap;

/// The watermark that a place must come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// It lies between these.
    Within(Bounds),
    /// It cannot be told from the records, for this reason.
    Unknown(String),
}

/// Watermarks in milliseconds; `None` is the start, before all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bounds {
    /// It comes at least to this.
    pub(super) least: Option<i64>,
    /// It has come at most to this, in any attempt.
    pub(super) most: Option<i64>,
    /// It may have come to this in an attempt that is over, and its metrics may still say so.
    pub(super) stale: Option<i64>,
    /// It may be left out, for being idle.
    pub(super) idles: bool,
}

impl Expected {
    /// It has not left its start.
    pub(super) const START: Self =
        Self::Within(Bounds { least: None, most: None, stale: None, idles: false });

    /// The minimum of two inputs.
    pub(super) fn min(self, other: Self) -> Self {
        match (self, other) {
            (Self::START, _) | (_, Self::START) => Self::START,
            (Self::Unknown(why), _) | (_, Self::Unknown(why)) => Self::Unknown(why),
            (Self::Within(a), Self::Within(b)) => Self::Within(a.min(b)),
        }
    }
}

impl Bounds {
    fn min(self, other: Self) -> Self {
        let most = |a: Option<i64>, b: Option<i64>| match (self.idles, other.idles) {
            (false, false) => a.min(b),
            (true, false) => b,
            (false, true) => a,
            (true, true) => a.max(b),
        };
        Self {
            least: self.least.min(other.least),
            most: most(self.most, other.most),
            stale: most(self.stale, other.stale),
            idles: self.idles && other.idles,
        }
    }
}

/// How a source makes its watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    /// Its parallelism.
    pub(super) parallelism: usize,
    /// Each of its subtasks has a partition.
    pub(super) assigned: bool,
    /// An operator of its own behind the source assigns it: it sees a subtask's records as one
    /// stream and knows no partitions.
    pub(super) assigner: bool,
    /// Partitions are left out while they are idle.
    pub(super) idles: bool,
}

/// What a source has read of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Partition {
    /// The subtask that reads it, where that is seen.
    pub(super) subtask: Option<u32>,
    /// The watermark after all of its records.
    pub(super) all: Option<i64>,
    /// After a restart: that of the records that no attempt before can have read, and that of the
    /// others.
    pub(super) parted: Option<(Option<i64>, Option<i64>)>,
}

/// The watermark that a source emits, from those of its partitions.
pub(super) fn of_source(source: Source, partitions: &[Partition]) -> Expected {
    let values = |value: fn(&Partition) -> Option<i64>| {
        partitions.iter().map(|partition| (partition.subtask, value(partition))).collect::<Vec<_>>()
    };
    let after = |partition: &Partition| partition.parted.map_or(partition.all, |parted| parted.0);
    let before = |partition: &Partition| partition.parted.and_then(|parted| parted.1);
    Expected::Within(Bounds {
        least: source.least(&values(after)),
        most: source.most(&values(|partition| partition.all)),
        stale: source.most(&values(before)),
        idles: source.idles,
    })
}

/// A partition's subtask and watermark.
type Value = (Option<u32>, Option<i64>);

impl Source {
    /// What its watermark surely comes to.
    fn least(self, partitions: &[Value]) -> Option<i64> {
        if !self.assigned {
            return None;
        }
        if self.is_told(partitions) {
            return by_subtask(partitions);
        }
        partitions.iter().map(|(_, value)| *value).min().flatten()
    }

    /// What its watermark cannot pass.
    fn most(self, partitions: &[Value]) -> Option<i64> {
        let values = || partitions.iter().map(|(_, value)| *value);
        match self {
            Self { idles: true, .. } => values().max().flatten(),
            Self { assigned: false, .. } => None,
            _ if self.is_told(partitions) => by_subtask(partitions),
            Self { assigner: true, .. } => values().max().flatten(),
            _ => values().min().flatten(),
        }
    }

    /// An assigner sees each subtask's partitions as one stream, and it is seen which these are.
    fn is_told(self, partitions: &[Value]) -> bool {
        let seen = || partitions.iter().all(|(subtask, _)| subtask.is_some());
        self.assigner && (self.parallelism == 1 || seen())
    }
}

/// The least over the subtasks of the latest of each.
fn by_subtask(partitions: &[Value]) -> Option<i64> {
    let mut latest = BTreeMap::<Option<u32>, Option<i64>>::new();
    for (subtask, value) in partitions {
        let own = latest.entry(*subtask).or_default();
        *own = (*own).max(*value);
    }
    latest.into_values().min().flatten()
}

/// A vertex of a job, for watermarks.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// The vertices it reads from.
    pub(super) inputs: Vec<String>,
    /// It emits a watermark that is behind its input's by an amount that no record tells.
    pub(super) delays: bool,
}

/// The input watermark of every vertex that is no source, from what the sources emit.
pub(super) fn inputs(
    places: &BTreeMap<String, Place>,
    sources: &BTreeMap<String, Expected>,
) -> BTreeMap<String, Expected> {
    let others = places.keys().filter(|id| !sources.contains_key(*id));
    others.map(|id| (id.clone(), input(id, places, sources))).collect()
}

fn input(
    id: &str,
    places: &BTreeMap<String, Place>,
    sources: &BTreeMap<String, Expected>,
) -> Expected {
    let inputs = places.get(id).map(|place| place.inputs.as_slice()).unwrap_or_default();
    inputs
        .iter()
        .map(|from| match sources.get(from) {
            Some(expected) => expected.clone(),
            // A job's graph has no cycle, so this ends.
            None => match (input(from, places, sources), places.get(from)) {
                (Expected::Within(bounds), Some(place))
                    if place.delays && bounds.most.is_some() =>
                {
                    Expected::Unknown("an interval join holds the watermark back".to_owned())
                }
                (expected, _) => expected,
            },
        })
        .reduce(Expected::min)
        .unwrap_or(Expected::START)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ONE: Source = Source { parallelism: 1, assigned: true, assigner: false, idles: false };
    const TWO: Source = Source { parallelism: 2, ..ONE };

    #[rstest]
    #[case::the_minimum_counts(ONE, &[Some(7), Some(5)], Some(5), Some(5))]
    #[case::an_empty_partition_holds_all(ONE, &[Some(7), None], None, None)]
    #[case::a_subtask_without_a_partition_holds_all(
        Source { assigned: false, ..TWO }, &[Some(7)], None, None)]
    #[case::an_assigner_sees_one_stream(
        Source { assigner: true, ..ONE }, &[Some(7), None, Some(5)], Some(7), Some(7))]
    #[case::an_assigner_of_each_subtask_sees_its_own(
        Source { assigner: true, ..TWO }, &[Some(3), Some(5), Some(4)], Some(4), Some(4))]
    #[case::nothing_was_read(Source { assigner: true, ..ONE }, &[None], None, None)]
    #[case::an_idle_partition_may_be_left_out(
        Source { idles: true, ..ONE }, &[Some(7), None, Some(5)], None, Some(7))]
    #[case::an_idle_subtask_may_be_left_out(
        Source { idles: true, assigned: false, ..TWO }, &[Some(7)], None, Some(7))]
    fn a_source_combines_its_partitions(
        #[case] source: Source,
        #[case] values: &[Option<i64>],
        #[case] least: Option<i64>,
        #[case] most: Option<i64>,
    ) {
        let partition = |n: usize, all: Option<i64>| Partition {
            subtask: (source.parallelism > 1).then(|| u32::try_from(n % 2).unwrap()),
            all,
            parted: None,
        };
        let partitions: Vec<_> =
            values.iter().enumerate().map(|(n, all)| partition(n, *all)).collect();
        let expected = Bounds { least, most, stale: None, idles: source.idles };
        assert_eq!(of_source(source, &partitions), Expected::Within(expected));
    }

    #[test]
    fn after_a_restart_only_later_records_surely_count() {
        let read = |after, before: Option<i64>| Partition {
            subtask: None,
            all: before.max(after),
            parted: Some((after, before)),
        };
        let bounds = |partitions: &[Partition]| match of_source(ONE, partitions) {
            Expected::Within(bounds) => (bounds.least, bounds.most, bounds.stale),
            Expected::Unknown(why) => panic!("{why}"),
        };
        let both = [read(Some(4), Some(9)), read(Some(6), Some(5))];
        assert_eq!(bounds(&both), (Some(4), Some(6), Some(5)));
        let one = [read(Some(4), Some(9)), read(None, Some(5))];
        assert_eq!(bounds(&one), (None, Some(5), Some(5)));
    }

    #[test]
    fn after_a_restart_assigners_of_several_subtasks_are_told_by_bounds() {
        let read = |after| Partition { subtask: None, all: after, parted: Some((after, None)) };
        let source = Source { assigner: true, ..TWO };
        let expected = Bounds { least: Some(3), most: Some(5), stale: None, idles: false };
        let partitions = [read(Some(3)), read(Some(5))];
        assert_eq!(of_source(source, &partitions), Expected::Within(expected));
    }

    fn place(inputs: &[&str]) -> Place {
        let inputs = inputs.iter().map(|&id| id.to_owned()).collect();
        Place { inputs, delays: false }
    }

    fn graph(delays: bool) -> BTreeMap<String, Place> {
        [
            ("a", place(&[])),
            ("b", place(&[])),
            ("join", Place { delays, ..place(&["a", "b"]) }),
            ("window", place(&["join"])),
        ]
        .map(|(id, place)| (id.to_owned(), place))
        .into()
    }

    fn sources(a: Expected, b: Expected) -> BTreeMap<String, Expected> {
        [("a".to_owned(), a), ("b".to_owned(), b)].into()
    }

    fn at(value: i64) -> Expected {
        let (least, most) = (Some(value), Some(value));
        Expected::Within(Bounds { least, most, ..Bounds::default() })
    }

    #[test]
    fn a_vertex_takes_the_minimum_of_everything_above_it() {
        let found = inputs(&graph(false), &sources(at(9), at(4)));
        assert_eq!(found["window"], at(4));
        assert_eq!(found.len(), 2, "sources have no input");
        let found = inputs(&graph(false), &sources(at(9), Expected::START));
        assert_eq!(found["window"], Expected::START);
    }

    #[test]
    fn an_input_that_may_be_idle_does_not_hold_the_other_back_for_sure() {
        let idle = Bounds { least: None, most: Some(4), stale: None, idles: true };
        let found = inputs(&graph(false), &sources(at(9), Expected::Within(idle)));
        let expected = Bounds { least: None, most: Some(9), ..Bounds::default() };
        assert_eq!(found["window"], Expected::Within(expected));
    }

    #[test]
    fn behind_an_interval_join_it_cannot_be_told_but_for_the_start() {
        let found = inputs(&graph(true), &sources(at(9), at(4)));
        assert_eq!(found["join"], at(4));
        assert!(matches!(found["window"], Expected::Unknown(_)));
        let found = inputs(&graph(true), &sources(at(9), Expected::START));
        assert_eq!(found["window"], Expected::START);
    }
}
