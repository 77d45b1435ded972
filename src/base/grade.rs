//! How well it is proven that nothing more can arrive.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The evidence of the engine on which a proof stands, the weakest first.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// The engine said twice, at later times, that it has processed everything, and no transaction was
    /// open in a sink.
    Reported,
    /// The statement was stopped after it had said so: by then it has written what it owes.
    Stopped,
    /// A checkpoint completed that was taken after everything had been processed.
    #[default]
    Checkpoint,
}

impl Grade {
    /// All of them, the weakest first.
    pub const ALL: [Self; 3] = [Self::Reported, Self::Stopped, Self::Checkpoint];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Stopped => "stopped",
            Self::Checkpoint => "checkpoint",
        }
    }

    /// The grade of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grade| grade.name() == name)
    }

    /// It is the strongest there is, and so needs no word.
    pub fn is_full(&self) -> bool {
        *self == Self::Checkpoint
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grade_is_found_by_its_name_and_ordered_by_its_strength() {
        for grade in Grade::ALL {
            assert_eq!(Grade::of_name(grade.name()), Some(grade));
            assert_eq!(grade.is_full(), Grade::ALL.iter().all(|other| *other <= grade));
        }
        assert_eq!(Grade::of_name("full"), None);
    }
}
