//! The stages of a run in order, and the run directory.

pub mod cancel;
pub mod context;
pub mod names;

pub use cancel::Cancel;
pub use context::{Limits, Progress, RunContext, Silent, Stage, TrialResult};
