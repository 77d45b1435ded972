//! Bytes to nouns and back: pgoutput, Debezium envelopes, keys, Flink rows.

pub mod avro;
pub mod debezium;
pub mod flink;
mod json;
pub mod pgoutput;
pub mod postgres;
pub mod types;
pub mod value;
