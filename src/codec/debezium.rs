//! Debezium.
