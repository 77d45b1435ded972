//! Watermarks as Flink combines them.
