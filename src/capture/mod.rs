//! The taps: the journal, the topics, the sinks, and the shadow database.

pub mod catalog;
pub mod ddl;
pub mod diagnose;
pub mod journal;
pub mod lake;
pub mod recorder;
pub mod seeds;
pub mod shadow;
pub mod turns;
pub mod types;
pub mod volatile;
