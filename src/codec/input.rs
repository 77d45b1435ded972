//! Values as Postgres' input functions read them, so that what records show can be put into a table.

use itertools::Itertools as _;
use serde_json::Value as Json;

use super::types::DataType;
use super::value::exact_digits;
use crate::base::value::{Type, Value};

/// The text of a value that is not NULL, for a column of this type.
pub fn text(value: &Value, kind: &DataType, width: Option<usize>) -> String {
    match (value, kind) {
        (Value::Text(digits), DataType::Bits) => {
            // No record keeps the zeros in front.
            let width = width.unwrap_or(digits.len());
            format!("{digits:0>width$}")
        }
        (Value::Number(micros), DataType::Interval) => {
            format!("{} us", micros.to_plain_string())
        }
        (Value::Json(json), kind) => nested(json, kind),
        (value, _) => value.to_string(),
    }
}

fn nested(json: &Json, kind: &DataType) -> String {
    match (json, kind) {
        (Json::Array(items), DataType::Array(element)) => {
            let items = items.iter().map(|item| item_of(item, element)).join(",");
            format!("{{{items}}}")
        }
        (Json::Object(members), DataType::Hstore) => {
            let pair = |(name, value): (&String, &Json)| {
                let value = value.as_str().map_or_else(|| "NULL".to_owned(), quoted);
                format!("{}=>{value}", quoted(name))
            };
            members.iter().map(pair).join(",")
        }
        (Json::Object(members), DataType::Point) => {
            let part = |name| members.get(name).map_or_else(|| "0".to_owned(), plain);
            format!("({},{})", part("x"), part("y"))
        }
        (json, DataType::Scalar(Type::Json)) => document(json),
        (json, _) => plain(json),
    }
}

fn item_of(item: &Json, element: &DataType) -> String {
    match (item, element) {
        (Json::Null, _) => "NULL".to_owned(),
        // An array in an array.
        (Json::Array(_), kind) if !matches!(kind, DataType::Scalar(Type::Json)) => {
            nested(item, &DataType::Array(Box::new(kind.clone())))
        }
        (item, kind) => quoted(&nested(item, kind)),
    }
}

/// A text or a number without the marks of JSON.
fn plain(json: &Json) -> String {
    match json {
        Json::String(text) => exact_digits(text).unwrap_or(text).to_owned(),
        other => other.to_string(),
    }
}

/// A document in which numbers that stand as texts are numbers again.
fn document(json: &Json) -> String {
    match json {
        Json::String(text) => {
            exact_digits(text).map_or_else(|| json.to_string(), ToOwned::to_owned)
        }
        Json::Array(items) => format!("[{}]", items.iter().map(document).join(",")),
        Json::Object(members) => {
            let member = |(name, value): (&String, &Json)| {
                format!("{}:{}", Json::from(name.as_str()), document(value))
            };
            format!("{{{}}}", members.iter().map(member).join(","))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => json.to_string(),
    }
}

/// In double quotes, as elements of arrays and pairs of an hstore may be.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::codec::postgres;

    /// What Postgres wrote is read again as the same value.
    #[rstest]
    #[case("{1,NULL,3}", "integer[]")]
    #[case("{{1,2},{3,4}}", "integer[]")]
    #[case("{a,\"b \\\"c\\\\\",\"\",\"NULL\"}", "text[]")]
    #[case("{12345678901234567890.123456789}", "numeric[]")]
    #[case("{\"2025-01-01 10:00:00\"}", "timestamp without time zone[]")]
    #[case("{\"{\\\"a\\\": [1]}\"}", "jsonb[]")]
    #[case("{\"a\": 12345678901234567890.123456789, \"b\": \"x\"}", "jsonb")]
    #[case("\"a\"=>\"1\", \"b\\\"\"=>NULL", "hstore")]
    #[case("(1,-2.5)", "point")]
    #[case("00101", "bit(5)")]
    #[case("$1,234.50", "money")]
    #[case("1 mon 2 days 00:00:03", "interval")]
    #[case("t", "boolean")]
    #[case("\\x00ff", "bytea")]
    fn what_postgres_wrote_is_read_again(#[case] written: &str, #[case] kind: &str) {
        let kind = DataType::postgres(kind);
        let value = postgres::value(written, &kind).unwrap();
        let text = text(&value, &kind, None);
        let again = match kind {
            // Months and microseconds are words that Postgres reads.
            DataType::Interval => {
                assert_eq!(text, "1 months 2 days 3000000 us");
                return;
            }
            _ => postgres::value(&text, &kind).unwrap(),
        };
        assert_eq!(again, value, "{text}");
    }

    #[test]
    fn bits_get_their_zeros_back() {
        let value = postgres::value("00101", &DataType::Bits).unwrap();
        assert_eq!(text(&value, &DataType::Bits, Some(5)), "00101");
        assert_eq!(text(&Value::Number(7.into()), &DataType::Interval, None), "7 us");
    }
}
