//! An illegal history beside a nearly illegal legal one, for every anomaly.

mod changelog;
mod files;
mod internal;
mod metadata;
mod silent;
mod snapshot;
mod windows;
