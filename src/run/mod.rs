//! The stages of a run, in reading order: a trial is prepared, started, performed and judged, and
//! whatever happens, what it made is removed.
//!
//! ```text
//!  trial ─▶ prepare ─▶ start ─▶ perform ─▶ judge ─▶ verdict
//!             │          │         │          └─ the history, and what is kept of the run
//!             │          │         └─ entries, conditions, faults, evidence
//!             │          └─ source, capture, shadow, statements
//!             └─ names, folder, what is submitted, what is refused
//! ```
//!
//! In: a trial and a lease on a stack. Out: a history, a verdict, a folder. It never learns which kind
//! of stack it is on.

pub mod cancel;
pub mod context;
pub mod folder;
pub mod names;
mod objects;
mod outcome;
mod trouble;

mod cleanup;
mod injector;

pub mod prepare;

mod start;

mod questions;

mod perform;

mod judge;
mod kept;

mod bare;
pub mod batch;
mod recheck;
mod trial;

pub use bare::bare;
pub use cancel::Cancel;
pub use context::{Limits, Progress, RunContext, Silent, Stage, TrialResult};
pub use prepare::effective::{differences, refuse};
pub use recheck::{How, Rechecked, history_file, recheck};
pub use trial::trial;
