//! An illegal history beside a nearly illegal legal one, for every anomaly.

mod changelog;
mod changes;
mod demands;
mod files;
mod internal;
mod keys;
mod metadata;
mod restarts;
mod rows;
mod silent;
mod sinks;
mod skipped;
mod snapshot;
mod snapshots;
mod unread;
mod unwrapped;
mod windows;
mod windows_fed;
