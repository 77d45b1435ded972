//! Values as Flink's JSON format writes them (SQL timestamps), and as people write them in a row
//! table.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::json::{self, Json, Object};
use super::postgres;
use super::types::DataType;
use super::value::{ValueError, decimal, float, integer, time, to_json};
use crate::base::value::{Type, Value};

/// A row of a sink: column name → value, for the columns that the bytes carry.
pub type Row = std::collections::BTreeMap<String, Value>;

/// The bytes are no JSON object with the sink's columns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Not a JSON object.
    #[error("it is not a JSON object: {0}")]
    Form(String),
    /// A column's value is not of its type.
    #[error("column `{column}`: {error}")]
    Column {
        /// The column.
        column: String,
        /// What is wrong.
        error: ValueError,
    },
}

/// Reads a JSON object as a row; members that are no columns are left out, and a column that is
/// no member is left out of the row.
pub fn row(bytes: &[u8], columns: &[(String, DataType)]) -> Result<Row, RowError> {
    let form = |error: serde_json::Error| RowError::Form(error.to_string());
    let members = serde_json::from_slice::<Object<'_>>(bytes).map_err(form)?;
    let mut row = Row::new();
    for (column, kind) in columns {
        let Some(raw) = members.get(column) else { continue };
        let error = |error| RowError::Column { column: column.clone(), error };
        row.insert(column.clone(), value(raw, kind).map_err(error)?);
    }
    Ok(row)
}

/// Reads one JSON value of a Flink type.
pub fn value(raw: &RawValue, kind: &DataType) -> Result<Value, ValueError> {
    let json = Json::read(raw)?;
    match (kind, json) {
        (_, Json::Null) => Ok(Value::Null),
        (DataType::Scalar(Type::Json), _) => Ok(Value::Json(json::compared(raw)?)),
        (DataType::Scalar(kind), json) => scalar(raw, kind, json),
        (DataType::Real, Json::Number(text)) => postgres::real(text),
        (DataType::Real, Json::Text(text)) => postgres::real(&text),
        (DataType::Char, Json::Text(text)) => Ok(Value::Text(postgres::unpadded(&text).to_owned())),
        (DataType::Within(kind), Json::Text(text)) => Ok(postgres::within(&text, kind)),
        (DataType::Array(element), Json::Array(items)) => {
            let item = |item| value(item, element).map(|value| to_json(&value));
            Ok(Value::Json(items.into_iter().map(item).collect::<Result<_, _>>()?))
        }
        (DataType::Map(element), Json::Object(members)) => {
            let member = |(name, raw)| Ok((name, to_json(&value(raw, element)?)));
            Ok(Value::Json(members.into_iter().map(member).collect::<Result<_, ValueError>>()?))
        }
        (DataType::Row(fields), Json::Object(members)) => {
            let member = |(name, kind): &(String, DataType)| {
                let value = members.get(name).map_or(Ok(Value::Null), |raw| value(raw, kind))?;
                Ok((name.clone(), to_json(&value)))
            };
            Ok(Value::Json(fields.iter().map(member).collect::<Result<_, ValueError>>()?))
        }
        (DataType::Time(_), json) => scalar(raw, &Type::Time, json),
        (DataType::Array(_), _) => Err(ValueError::new("an array", raw.get())),
        (DataType::Map(_) | DataType::Row(_), _) => Err(ValueError::new("an object", raw.get())),
        (DataType::Real, _) => Err(ValueError::new("a floating-point number", raw.get())),
        (DataType::Char | DataType::Within(_), _) => Err(ValueError::new("a text", raw.get())),
        (
            DataType::TimeTz
            | DataType::Interval
            | DataType::Hstore
            | DataType::Bits
            | DataType::Money
            | DataType::Point,
            _,
        ) => Err(ValueError::new("a value of a Flink type", raw.get())),
    }
}

fn scalar(raw: &RawValue, kind: &Type, json: Json<'_>) -> Result<Value, ValueError> {
    let wrong = |wanted: &str| Err(ValueError::new(wanted, raw.get()));
    match (kind, json) {
        (Type::Bool, Json::Bool(value)) => Ok(Value::Bool(value)),
        (Type::Bool, _) => wrong("a boolean"),
        (Type::Int, Json::Number(text)) => integer(text),
        (Type::Int, _) => wrong("a whole number"),
        (Type::Decimal { .. }, Json::Number(text)) => decimal(text),
        (Type::Decimal { .. }, Json::Text(text)) => decimal(&text),
        (Type::Decimal { .. }, _) => wrong("a decimal number"),
        (Type::Float, Json::Number(text)) => float(text),
        (Type::Float, Json::Text(text)) => float(&text),
        (Type::Float, _) => wrong("a floating-point number"),
        (Type::Text, Json::Text(text)) => Ok(Value::Text(text)),
        (Type::Text, _) => wrong("a text"),
        (Type::Bytes, Json::Text(text)) => match STANDARD.decode(&text) {
            Ok(bytes) => Ok(Value::Bytes(bytes)),
            Err(_) => wrong("bytes in base64"),
        },
        (Type::Bytes, _) => wrong("bytes in base64"),
        (Type::Date, Json::Text(text)) => time::date(&text).map(Value::Date),
        (Type::Date, _) => wrong("a date as a text"),
        (Type::Time, Json::Text(text)) => {
            time::time_of_day(text.trim_end_matches('Z')).map(Value::Time)
        }
        (Type::Time, _) => wrong("a time of day as a text"),
        (Type::Timestamp { .. }, Json::Text(text)) => time::timestamp(&text).map(Value::Timestamp),
        (Type::Timestamp { .. }, _) => wrong("a timestamp as a text"),
        (Type::TimestampTz { .. }, Json::Text(text)) => {
            time::timestamp_tz(&text).map(Value::TimestampTz)
        }
        (Type::TimestampTz { .. }, _) => wrong("a timestamp with a zone as a text"),
        (Type::Json, _) => Ok(Value::Json(json::compared(raw)?)),
        (Type::Other(_), Json::Text(text)) => Ok(Value::Text(text)),
        (Type::Other(_), _) => Ok(Value::Text(raw.get().to_owned())),
    }
}

/// Reads a cell of a row table by the Flink type of its column.
pub fn cell(text: &str, kind: &DataType) -> Result<Value, ValueError> {
    match kind {
        DataType::Scalar(Type::Bool) => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(ValueError::new("a boolean (`true` or `false`)", text)),
        },
        DataType::Scalar(Type::Decimal { scale: Some(scale) }) => {
            let value = decimal(text)?;
            match &value {
                Value::Number(number)
                    if number.normalized().fractional_digit_count() > i64::from(*scale) =>
                {
                    Err(ValueError::new(
                        &format!("a decimal with {scale} digits after the point"),
                        text,
                    ))
                }
                _ => Ok(value),
            }
        }
        DataType::Scalar(
            Type::Int
            | Type::Decimal { scale: None }
            | Type::Float
            | Type::Text
            | Type::Bytes
            | Type::Date
            | Type::Time
            | Type::Timestamp { .. }
            | Type::TimestampTz { .. }
            | Type::Json
            | Type::Other(_),
        )
        | DataType::Real
        | DataType::Char
        | DataType::Bits
        | DataType::Money
        | DataType::Point
        | DataType::Within(_)
        | DataType::Time(_)
        | DataType::TimeTz
        | DataType::Interval
        | DataType::Hstore => postgres::value(text, kind),
        DataType::Array(_) | DataType::Map(_) | DataType::Row(_) => {
            let error = |_| ValueError::new("JSON", text);
            value(serde_json::from_str::<&RawValue>(text).map_err(error)?, kind)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    const TYPES: &[&str] = &[
        "BOOLEAN",
        "INT",
        "DECIMAL(10, 2)",
        "DOUBLE",
        "STRING",
        "BYTES",
        "DATE",
        "TIME(0)",
        "TIMESTAMP(3)",
        "TIMESTAMP_LTZ(3)",
        "ARRAY<INT>",
        "MAP<STRING, INT>",
        "ROW<a INT>",
    ];

    fn read(text: &str, kind: &str) -> Result<Value, String> {
        let raw = serde_json::from_str::<&RawValue>(text).unwrap();
        value(raw, &DataType::flink(kind)).map_err(|error| error.to_string())
    }

    #[rstest]
    #[case("1E+1", "DECIMAL(10, 2)", decimal("10").unwrap())]
    #[case("12345678901234567890123456789.01", "DECIMAL(38, 2)", decimal("12345678901234567890123456789.01").unwrap())]
    #[case("null", "INT", Value::Null)]
    #[case("\"\"", "STRING", Value::Text(String::new()))]
    #[case("\"AP8=\"", "BYTES", Value::Bytes(vec![0, 255]))]
    #[case("\"2025-01-01 10:00:00.500\"", "TIMESTAMP(3)", Value::Timestamp(1_735_725_600_500_000))]
    #[case(
        "\"2025-01-01 10:00:00Z\"",
        "TIMESTAMP_LTZ(3)",
        Value::TimestampTz(1_735_725_600_000_000)
    )]
    #[case("[1, null]", "ARRAY<INT>", Value::Json(json!([1, null])))]
    #[case("{\"a\": 1.50}", "ROW<`a` DECIMAL(4, 2), b STRING>", Value::Json(json!({"a": 1.5, "b": null})))]
    fn a_json_value_is_read_by_its_type(
        #[case] text: &str,
        #[case] kind: &str,
        #[case] value: Value,
    ) {
        assert_eq!(read(text, kind), Ok(value));
    }

    #[rstest]
    #[case("\"1\"", "INT", "`\"1\"` is not a whole number")]
    #[case("1", "STRING", "`1` is not a text")]
    #[case("[1, \"x\"]", "ARRAY<INT>", "`\"x\"` is not a whole number")]
    fn a_json_value_of_another_type_is_refused(
        #[case] text: &str,
        #[case] kind: &str,
        #[case] sentence: &str,
    ) {
        assert_eq!(read(text, kind), Err(sentence.to_owned()));
    }

    #[rstest]
    #[case("true", "BOOLEAN", Ok(Value::Bool(true)))]
    #[case("yes", "BOOLEAN", Err("`yes` is not a boolean (`true` or `false`)"))]
    #[case("1.555", "DECIMAL(4, 2)", Err("`1.555` is not a decimal with 2 digits after the point"))]
    #[case(
        "2025-01-01 10:00:00",
        "TIMESTAMP_LTZ(3)",
        Err("`2025-01-01 10:00:00` is not a timestamp with a zone as 2025-01-31 10:30:00Z")
    )]
    #[case("x", "INT", Err("`x` is not a whole number"))]
    #[case("\\x0a", "BYTES", Ok(Value::Bytes(vec![10])))]
    #[case("{\"a\": 1}", "MAP<STRING, INT>", Ok(Value::Json(json!({"a": 1}))))]
    fn a_cell_is_read_by_its_column(
        #[case] text: &str,
        #[case] kind: &str,
        #[case] expected: Result<Value, &str>,
    ) {
        let read = cell(text, &DataType::flink(kind)).map_err(|error| error.to_string());
        assert_eq!(read, expected.map_err(str::to_owned));
    }

    #[test]
    fn a_row_that_is_no_object_is_refused_and_a_wrong_column_is_named() {
        let columns = [("id".to_owned(), DataType::flink("INT"))];
        assert!(matches!(row(b"[]", &columns), Err(RowError::Form(_))));
        let error = row(b"{\"id\":\"a\"}", &columns).unwrap_err();
        assert_eq!(error.to_string(), "column `id`: `\"a\"` is not a whole number");
        assert_eq!(row(b"{\"x\":1}", &columns), Ok(Row::new()));
    }

    proptest! {
        #[test]
        fn no_cell_makes_it_panic(text in "\\PC{0,20}", kind in prop::sample::select(TYPES)) {
            let _ = cell(&text, &DataType::flink(kind)).is_ok();
        }

        #[test]
        fn no_bytes_make_a_row_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let columns = [("a".to_owned(), DataType::flink("INT"))];
            let _ = row(&bytes, &columns).is_ok();
        }
    }
}
