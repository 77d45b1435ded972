//! The shadow: a second database with the source's tables, which replays the journal.

pub mod schema;
