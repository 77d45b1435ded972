//! An illegal history beside a nearly illegal legal one, for every anomaly.

mod changelog;
mod files;
mod internal;
mod metadata;
mod restarts;
mod silent;
mod skipped;
mod snapshot;
mod unwrapped;
mod windows;
