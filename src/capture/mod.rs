//! The taps: the journal, the topics, the sinks, and the shadow database.

pub mod catalog;
pub mod journal;
pub mod recorder;
pub mod types;
pub mod volatile;
