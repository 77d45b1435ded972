//! Runs the entries of a timeline against Postgres.
//!
//! An entry is over when every session is idle or was seen waiting for a lock of another session,
//! so what the next entry meets is the same in every run.

mod driver;
pub mod session;
mod waiting;

pub use driver::{DriveError, Driver};
