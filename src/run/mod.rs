//! The stages of a run in order, and the run directory.

pub mod cancel;
pub mod clocks;
pub mod connector;
pub mod context;
pub mod names;
pub mod statements;

pub use cancel::Cancel;
pub use context::{Limits, Progress, RunContext, Silent, Stage, TrialResult};
