//! The clients of Confluent Cloud against its published contracts: every request and answer is held
//! against the OpenAPI documents, recorded pages fold to what they must, and what goes wrong on the wire
//! is tried again or said in one sentence.
//!
//! The documents are not part of this repository: they lie beside it (`../shared/cloud`), or where
//! `CHANGEPROOF_CLOUD_CONTRACTS` says. Without them what needs them is NOT RUN, and says so.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests of a client and a server of their own"
)]

mod calls;
mod documents;
mod recorded;
mod server;
mod wire;
