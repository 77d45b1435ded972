//! Bytes to nouns and back: pgoutput, Debezium envelopes, keys, Flink rows.

pub mod pgoutput;
