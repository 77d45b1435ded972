//! The stages of a run in order, and the run directory.

mod bare;
pub mod cancel;
mod changes;
pub mod clocks;
mod coming;
mod conditions;
pub mod connector;
pub mod context;
mod effective;
mod faults;
mod files;
pub mod folder;
mod jobs;
mod made;
pub mod names;
mod outcome;
mod own;
mod proctime;
mod recheck;
mod recovery;
mod refused;
mod schemas;
mod scoring;
mod session;
mod shadow;
mod source;
pub mod statements;
mod subjects;
mod timeline;
mod topics;
mod trial;
mod trouble;
mod walsender;
mod written;

pub use bare::bare;
pub use cancel::Cancel;
pub use context::{Limits, Progress, RunContext, Silent, Stage, TrialResult};
pub use effective::differences;
pub use recheck::{How, Rechecked, history_file, recheck};
pub use trial::trial;

use trial::Run;
