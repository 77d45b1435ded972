//! Other values of a column, as the connector would write them.

use changeproof::history::event::Column;
use changeproof::scenario::settings::Options;
use serde_json::{Value, json};

/// A value of the column's type that is not this one.
pub(super) fn other(column: &Column, connector: &Options, value: &Value) -> Value {
    let samples = samples(&column.type_name, connector);
    samples.into_iter().find(|sample| sample != value).unwrap()
}

fn samples(kind: &str, connector: &Options) -> [Value; 2] {
    let decimals = connector.get("decimal.handling.mode").map_or("precise", String::as_str);
    let base = kind.split('(').next().unwrap_or(kind);
    match base {
        "boolean" => [json!(true), json!(false)],
        "smallint" | "integer" | "bigint" | "date" => [json!(7), json!(8)],
        "double precision" | "real" => [json!(7.5), json!(8.5)],
        "numeric" if decimals == "string" => [json!("7.5"), json!("8.5")],
        "numeric" if decimals == "double" => [json!(7.5), json!(8.5)],
        "numeric" | "bytea" => [json!("Bw=="), json!("CA==")],
        "timestamp" if kind == "timestamp without time zone" => {
            [json!(7_000_000), json!(8_000_000)]
        }
        "timestamp" => [json!(7000), json!(8000)],
        "timestamp with time zone" => {
            [json!("2001-01-01T00:00:00Z"), json!("2002-01-01T00:00:00Z")]
        }
        "uuid" => {
            let one = json!("00000000-0000-4000-8000-000000000001");
            [one, json!("00000000-0000-4000-8000-000000000002")]
        }
        "json" | "jsonb" => [json!("{\"other\": 1}"), json!("{\"other\": 2}")],
        _ => [json!("other"), json!("another")],
    }
}

/// A constant default as the connector writes it; `Err` for one that is not constant.
pub(super) fn default(column: &Column) -> Result<Option<Value>, ()> {
    let Some(default) = &column.default else { return Ok(None) };
    if let Some(quoted) = default.strip_prefix('\'') {
        return Ok(quoted.split('\'').next().map(|text| json!(text)));
    }
    serde_json::from_str(default).map(Some).map_err(|_| ())
}

/// Whether the column holds texts.
pub(super) fn is_text(column: &Column) -> bool {
    column.type_name == "text" || column.type_name.starts_with("character")
}
