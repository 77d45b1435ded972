//! What may be seen: the source tables over time, the records a topic may hold, the sinks' contents.

pub mod application;
pub mod creation;
pub mod effects;
pub mod feed;
pub mod key;
pub mod lists;
pub mod ours;
pub mod outbox;
pub mod partitioner;
pub mod pattern;
pub mod reading;
pub mod routes;
pub mod runs;
pub mod sink;
pub mod source;
pub mod watermark;
pub mod zone;
