//! Bytes to nouns and back: pgoutput, Debezium envelopes, keys, Flink rows.

pub mod avro;
pub mod debezium;
pub mod fits;
pub mod flink;
pub mod input;
mod json;
pub mod pgoutput;
pub mod postgres;
pub mod types;
pub mod value;
pub mod written;
