//! What a judge may ask for during a run.

use serde::{Deserialize, Serialize};

/// What a judge may ask for during a run, since only the run can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// References of windowed sinks at the cuts at which a window may have fired.
    Windows,
    /// References at the states that a sink passes through, for the levels `cut` and `commit`.
    Levels,
    /// What sinks that keep rows by their arrival would hold of one partition alone.
    Arrivals,
    /// References over what the topics told, of sinks that diverge.
    Topics,
}

impl Question {
    /// All that this version asks.
    pub const ALL: [Self; 4] = [Self::Windows, Self::Levels, Self::Arrivals, Self::Topics];
}
