//! Runs the entries of a timeline against Postgres.

pub mod session;
