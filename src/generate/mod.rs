//! The generator of card customers and transactions: the rows that the reference pipeline lives on,
//! written to any Postgres that has its two tables.
//!
//! [`rows`] makes rows from a seed and knows no database; [`target`] writes and deletes them.
//! [`history`] makes histories of any length, to measure how fast they are judged.

pub mod history;
pub mod rows;
pub mod target;
