//! Exit codes: what a script may conclude. They are a public contract.

use serde::{Deserialize, Serialize};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// 0: everything that ran passed.
    Pass,
    /// 2: the command line is wrong.
    Usage,
    /// 10: an anomaly that nothing allows, or something demanded that was not seen.
    Anomaly,
    /// 11: at least one verdict could not be decided.
    Unknown,
    /// 12: nothing was selected, or nothing ran.
    NothingRun,
    /// 20: a scenario, pipeline, SQL, row table or history is invalid.
    ScenarioInvalid,
    /// 30: the stack is not up (something missing, refused or full), which says nothing about the
    /// pipeline.
    StackNotUp,
    /// 31: the harness's own record of the truth is broken.
    CaptureBroken,
    /// 70: a bug in changeproof.
    Internal,
    /// 130: interrupted.
    Interrupted,
}

impl Exit {
    /// The number a shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Usage => 2,
            Self::Anomaly => 10,
            Self::Unknown => 11,
            Self::NothingRun => 12,
            Self::ScenarioInvalid => 20,
            Self::StackNotUp => 30,
            Self::CaptureBroken => 31,
            Self::Internal => 70,
            Self::Interrupted => 130,
        }
    }

    /// Of several endings the one that counts: the first of 70, 130, 10, 31, 30, 20, 11. A real
    /// finding stands whatever else broke beside it.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::NothingRun => 1,
            Self::Usage => 2,
            Self::Unknown => 3,
            Self::ScenarioInvalid => 4,
            Self::StackNotUp => 5,
            Self::CaptureBroken => 6,
            Self::Anomaly => 7,
            Self::Interrupted => 8,
            Self::Internal => 9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_endings_counts() {
        let order = [
            Exit::Internal,
            Exit::Interrupted,
            Exit::Anomaly,
            Exit::CaptureBroken,
            Exit::StackNotUp,
            Exit::ScenarioInvalid,
            Exit::Unknown,
            Exit::Usage,
            Exit::NothingRun,
            Exit::Pass,
        ];
        for (n, worse) in order.into_iter().enumerate() {
            for better in order.into_iter().skip(n) {
                assert_eq!(worse.worst(better), worse);
                assert_eq!(better.worst(worse), worse);
            }
        }
    }
}
