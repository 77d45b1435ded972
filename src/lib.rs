//! changeproof proves what a change data capture pipeline does to the order, the number and the
//! life of rows.
//!
//! ```text
//!  scenario.yaml ─▶ plan ─▶ drive ──SQL──▶ Postgres ──WAL──▶ Debezium ──▶ Kafka topics ──▶ Flink SQL ──▶ sinks
//!                                            │ journal tap                  │ topic taps                  │ sink taps
//!                                            └──────────────┬───────────────┴──────────────┬──────────────┘
//!                                                           ▼                              ▼
//!                                        history (one file a run) ──▶ check against model ──▶ verdict ──▶ report
//! ```
//!
//! Data flows one way, and so do the imports: a module uses only modules named above it in this
//! file (the test `tidy` holds that table).
//!
//! **Invariants**
//! - A verdict is a function of the recorded history. Everything from [`base`] to [`report`]
//!   is pure: no clock, no environment, no network, no async, no randomness. Checking a run again
//!   needs no stack and gives the same verdict.
//! - Each hop is judged against what went into it: a topic against the journal, a sink against its
//!   reference query. The model never reads a captured value of the hop under judgement.
//! - Nothing waits for a fixed time. The only waiting loop is `client::wait`; it waits for a named
//!   condition, with a limit, and on time-out it says what was there instead.
//! - What cannot be decided is `unknown` with the missing evidence named; it is never a pass. A run
//!   in which nothing could go wrong (no change captured, nothing expected) is an error.
//! - A run touches nothing that it did not make: every place that the author's files name is owned
//!   or refused, and what differs from them is listed; nothing is made right in silence.
//! - What a run made is named after the run, claimed in a file before it is made, and gone after
//!   it, however the run ended.

// A blank line apart, so that the formatter keeps the order of the flow.
pub mod base;

pub mod disk;

pub mod sql;

pub mod codec;

pub mod scenario;

pub mod history;

pub mod model;

pub mod dialect;

pub mod contain;

pub mod lint;

pub mod propose;

pub mod plan;

pub mod check;

pub mod report;

pub mod client;

pub mod generate;

pub mod score;

pub mod stack;

pub mod capture;

pub mod quiesce;

pub mod drive;

pub mod run;

pub mod gateway;

pub mod cli;
