//! Watermarks as Flink combines them.
//!
//! A Kafka source keeps one watermark a partition and emits their minimum; a task takes the minimum
//! of its inputs, over all subtasks of each. So one partition without a record, or one subtask
//! without a partition, holds everything behind it at the start.

use std::collections::BTreeMap;

/// The watermark that a place must come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// It has not left its start.
    Start,
    /// This one, in milliseconds.
    At(i64),
    /// It cannot be told from the records, for this reason.
    Unknown(String),
}

impl Expected {
    /// The minimum of two inputs.
    pub(super) fn min(self, other: Self) -> Self {
        match (self, other) {
            (Self::Start, _) | (_, Self::Start) => Self::Start,
            (Self::Unknown(why), _) | (_, Self::Unknown(why)) => Self::Unknown(why),
            (Self::At(a), Self::At(b)) => Self::At(a.min(b)),
        }
    }
}

/// How a source makes its watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    /// Its parallelism.
    pub(super) parallelism: usize,
    /// How many of its subtasks have a partition.
    pub(super) assigned: usize,
    /// An operator of its own behind the source assigns it: it sees a subtask's records as one
    /// stream and knows no partitions.
    pub(super) assigner: bool,
}

/// The watermark that a source emits, from those of its partitions.
pub(super) fn of_source(source: Source, partitions: &[Option<i64>]) -> Expected {
    let values = || partitions.iter().copied();
    if source.assigned < source.parallelism {
        return Expected::Start;
    }
    let at = |value: Option<i64>| value.map_or(Expected::Start, Expected::At);
    if !source.assigner {
        return at(values().collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().min()));
    }
    if source.parallelism == 1 {
        return at(values().flatten().max());
    }
    if values().all(|value| value.is_none()) {
        return Expected::Start;
    }
    Expected::Unknown(
        "the watermark is not assigned in the source, and which subtask reads which partition \
         decides it"
            .to_owned(),
    )
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
                (Expected::At(_), Some(place)) if place.delays => {
                    Expected::Unknown("an interval join holds the watermark back".to_owned())
                }
                (expected, _) => expected,
            },
        })
        .reduce(Expected::min)
        .unwrap_or(Expected::Start)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ONE: Source = Source { parallelism: 1, assigned: 1, assigner: false };

    #[rstest]
    #[case::the_minimum_counts(ONE, &[Some(7), Some(5)], Expected::At(5))]
    #[case::an_empty_partition_holds_all(ONE, &[Some(7), None], Expected::Start)]
    #[case::an_idle_subtask_holds_all(
        Source { parallelism: 2, ..ONE }, &[Some(7)], Expected::Start)]
    #[case::an_assigner_sees_one_stream(
        Source { assigner: true, ..ONE }, &[Some(7), None, Some(5)], Expected::At(7))]
    #[case::nothing_was_read(Source { assigner: true, ..ONE }, &[None], Expected::Start)]
    fn a_source_combines_its_partitions(
        #[case] source: Source,
        #[case] partitions: &[Option<i64>],
        #[case] expected: Expected,
    ) {
        assert_eq!(of_source(source, partitions), expected);
    }

    #[test]
    fn two_assigners_of_several_partitions_cannot_be_told() {
        let source = Source { parallelism: 2, assigned: 2, assigner: true };
        assert!(matches!(of_source(source, &[Some(7), Some(5)]), Expected::Unknown(_)));
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

    #[test]
    fn a_vertex_takes_the_minimum_of_everything_above_it() {
        let found = inputs(&graph(false), &sources(Expected::At(9), Expected::At(4)));
        assert_eq!(found["window"], Expected::At(4));
        assert_eq!(found.len(), 2, "sources have no input");
        let found = inputs(&graph(false), &sources(Expected::At(9), Expected::Start));
        assert_eq!(found["window"], Expected::Start);
    }

    #[test]
    fn behind_an_interval_join_it_cannot_be_told_but_for_the_start() {
        let found = inputs(&graph(true), &sources(Expected::At(9), Expected::At(4)));
        assert_eq!(found["join"], Expected::At(4));
        assert!(matches!(found["window"], Expected::Unknown(_)));
        let found = inputs(&graph(true), &sources(Expected::At(9), Expected::Start));
        assert_eq!(found["window"], Expected::Start);
    }
}
