//! Runs the entries of a timeline against Postgres.
