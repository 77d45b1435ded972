//! Postgres and Flink SQL as tokens with spans; edits by splicing the source text.
