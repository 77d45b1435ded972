//! Verdicts as text, JSON and JUnit. Pure.
//!
//! Everything here is built from a [`Case`]: what was run and how it was judged. A report can
//! therefore be made again from a recorded run, and is the same one.

use camino::Utf8Path;

use crate::base::exit::Exit;
use crate::check::verdict::{Outcome, Verdict};
use crate::history::event::Header;

pub mod diagnostics;
pub mod human;
pub mod page;

#[cfg(test)]
mod examples;
mod grid;
mod life;

/// One judged trial.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What was run.
    pub header: &'a Header,
    /// How it was judged.
    pub verdict: &'a Verdict,
    /// The run's folder, if it is kept.
    pub folder: Option<&'a Utf8Path>,
    /// How long it took, in milliseconds; `None` for a recorded run.
    pub elapsed_ms: Option<u64>,
}

/// The ending that a verdict stands for.
///
/// An invalid verdict names its exit code; a name that this version does not know is a bug of
/// whoever wrote it.
pub fn exit_of(verdict: &Verdict) -> Exit {
    match verdict.outcome {
        Outcome::Pass => Exit::Pass,
        Outcome::Unknown => Exit::Unknown,
        Outcome::Fail => Exit::Anomaly,
        Outcome::Invalid => {
            let name = verdict.invalid.as_ref().map_or("internal", |(name, _)| name.as_str());
            serde_json::from_value(serde_json::Value::String(name.to_owned()))
                .unwrap_or(Exit::Internal)
        }
    }
}
