//! Replay, judged by position: a log under at-least-once is made of *runs* of the expected list.
//! The next record is the one after the current, or a jump back to a position not before the
//! run's start, which opens a new run: 1,1,2,1,2,3 is legal.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Kafka Connect process crashes": events after
//! the last recorded offset are generated again. Seen on 3.6.3 (scenario
//! `language/a-killed-worker`).

use std::cmp::Ordering;

/// What the next record of a log does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The next of the run.
    Next,
    /// It leaves out what stands between.
    Skip,
    /// It jumps back within the run: a replay begins.
    Back,
    /// It jumps back before the run's start, which no replay does.
    Behind,
}

/// Where a log stands in the expected list of its partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Runs {
    start: usize,
    next: usize,
}

impl Runs {
    /// What the record at `rank` of the expected list would do next.
    pub fn look(self, rank: usize) -> Step {
        match rank.cmp(&self.next) {
            Ordering::Equal => Step::Next,
            Ordering::Greater => Step::Skip,
            Ordering::Less if rank >= self.start => Step::Back,
            Ordering::Less => Step::Behind,
        }
    }

    /// Takes that record.
    pub fn take(&mut self, rank: usize) {
        if rank < self.next {
            self.start = rank;
        }
        self.next = rank + 1;
    }

    /// The ranks that a skip to `rank` leaves out.
    pub fn skipped(self, rank: usize) -> std::ops::Range<usize> {
        self.next..rank.max(self.next)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn steps(ranks: &[usize]) -> Vec<Step> {
        let mut runs = Runs::default();
        let mut step = |rank: &usize| {
            let step = runs.look(*rank);
            runs.take(*rank);
            step
        };
        ranks.iter().map(&mut step).collect()
    }

    #[rstest]
    #[case::in_order(&[0, 1, 2], &[Step::Next, Step::Next, Step::Next])]
    #[case::nested_replays(&[0, 0, 1, 0, 1, 2], &[Step::Next, Step::Back, Step::Next, Step::Back, Step::Next, Step::Next])]
    #[case::hole(&[0, 2], &[Step::Next, Step::Skip])]
    #[case::hole_in_a_replay(&[0, 1, 2, 0, 2], &[Step::Next, Step::Next, Step::Next, Step::Back, Step::Skip])]
    #[case::before_the_start(&[0, 1, 2, 1, 0], &[Step::Next, Step::Next, Step::Next, Step::Back, Step::Behind])]
    fn a_log_is_made_of_runs(#[case] ranks: &[usize], #[case] expected: &[Step]) {
        assert_eq!(steps(ranks), expected);
    }

    #[rstest]
    #[case::again_at_once(&[0, 0], 0, Step::Back)]
    #[case::again_from_where_the_run_began(&[0, 1, 1, 2], 1, Step::Back)]
    #[case::before_it_began(&[0, 1, 1, 2], 0, Step::Behind)]
    #[case::a_replay_within_a_replay_begins_anew(&[0, 1, 2, 0, 1, 1], 0, Step::Behind)]
    #[case::behind_a_hole(&[0, 5], 3, Step::Back)]
    fn a_replay_goes_back_to_the_start_of_the_run_at_most(
        #[case] ranks: &[usize],
        #[case] rank: usize,
        #[case] expected: Step,
    ) {
        let mut runs = Runs::default();
        for rank in ranks {
            runs.take(*rank);
        }
        assert_eq!(runs.look(rank), expected);
    }

    #[test]
    fn a_skip_leaves_out_what_stands_between() {
        let mut runs = Runs::default();
        runs.take(1);
        assert_eq!(runs.skipped(5), 2..5);
        assert!(runs.skipped(2).is_empty() && runs.skipped(0).is_empty());
    }
}
