//! Values of Postgres as a Flink table has them behind the connector, in Postgres' words: where a
//! record has a number in the place of a time, the reference must have it too.

use super::columns::Column;
use super::query::types::postgres;
use super::tables::quoted;
use crate::scenario::settings::Options;

/// The SQL that gives what a Flink column of this type reads.
pub(super) fn written(column: &Column, flink: &str, connector: &Options) -> String {
    let name = quoted(&column.name);
    let flink = flink.split(['(', ' ']).next().unwrap_or(flink);
    let mode = connector.get("time.precision.mode").map_or("adaptive", String::as_str);
    let is_number = matches!(flink, "BIGINT" | "INT" | "INTEGER");
    let is_text = matches!(flink, "STRING" | "VARCHAR" | "CHAR");
    let coarse = mode == "connect" || column.arguments.first().is_some_and(|digits| *digits <= 3);
    match column.kind.as_str() {
        "timestamp" if is_number => {
            let unit = match mode {
                "nanoseconds" => 1_000_000_000,
                "microseconds" => 1_000_000,
                _ if coarse => 1_000,
                _ => 1_000_000,
            };
            format!("CAST(EXTRACT(EPOCH FROM {name}) * {unit} AS bigint)")
        }
        "date" if is_number => format!("({name} - DATE '1970-01-01')"),
        "timestamptz" if is_text => {
            let digits = match column.arguments.first() {
                Some(0) => "",
                Some(3) => ".MS",
                _ => ".US",
            };
            format!("to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS{digits}\"Z\"')")
        }
        "text" | "varchar" | "char" | "character" | "bpchar" | "citext" if is_text => name,
        _ if is_text && !column.is_array => format!("CAST({name} AS text)"),
        _ => name,
    }
}

/// What a Flink column gives that no column of the table feeds.
pub(super) fn nothing(flink: &str) -> String {
    format!("CAST(NULL AS {})", postgres(flink).unwrap_or_else(|| "text".to_owned()))
}

/// The Flink type that a column has where Confluent infers it.
pub(super) fn inferred(column: &Column, connector: &Options) -> &'static str {
    let mode = connector.get("time.precision.mode").map_or("adaptive", String::as_str);
    match column.kind.as_str() {
        "timestamp" if mode == "connect" => "TIMESTAMP(3)",
        "timestamp" => "BIGINT",
        "date" if mode == "connect" => "DATE",
        "date" => "INT",
        "timestamptz" | "uuid" | "json" | "jsonb" | "enum" | "inet" => "STRING",
        _ => "",
    }
}
