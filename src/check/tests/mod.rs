//! An illegal history beside a nearly illegal legal one, for every anomaly.

mod changelog;
mod changes;
mod files;
mod internal;
mod keys;
mod metadata;
mod restarts;
mod silent;
mod skipped;
mod snapshot;
mod snapshots;
mod unwrapped;
mod windows;
