//! An illegal history beside a nearly illegal legal one, for every anomaly.

mod changelog;
mod changes;
mod demands;
mod ends;
mod files;
mod internal;
mod keys;
mod lifelines;
mod lives;
mod metadata;
mod outbox;
mod point;
mod restarts;
mod settled;
mod silent;
mod sinks;
mod skipped;
mod snapshot;
mod snapshots;
mod summary;
mod told;
mod unread;
mod unwrapped;
mod values;
mod windows;
