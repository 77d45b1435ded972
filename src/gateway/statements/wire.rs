//! Types and values of results as Confluent Cloud writes them: every scalar is text.

use bigdecimal::BigDecimal;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::str::FromStr as _;

/// The type of a column, from the JSON of Flink's logical type.
pub(super) fn data_type(flink: &Value) -> Value {
    let name = flink.get("type").and_then(Value::as_str).unwrap_or("NULL");
    let mut made = Map::new();
    made.insert("type".to_owned(), json!(name));
    let nullable = flink.get("nullable").and_then(Value::as_bool).unwrap_or(true);
    made.insert("nullable".to_owned(), json!(nullable));
    for key in ["length", "precision", "scale", "resolution"] {
        if let Some(value) = flink.get(key) {
            made.insert(key.to_owned(), value.clone());
        }
    }
    for (theirs, ours) in
        [("elementType", "element_type"), ("keyType", "key_type"), ("valueType", "value_type")]
    {
        if let Some(value) = flink.get(theirs) {
            made.insert(ours.to_owned(), data_type(value));
        }
    }
    if let Some(fields) = flink.get("fields").and_then(Value::as_array) {
        let field = |field: &Value| {
            let of = field.get("fieldType").unwrap_or(&Value::Null);
            json!({"name": field.get("name"), "field_type": data_type(of)})
        };
        made.insert("fields".to_owned(), fields.iter().map(field).collect());
    }
    Value::Object(made)
}

/// One value. `kind` is Flink's logical type.
pub(super) fn value(raw: &RawValue, kind: &Value) -> Value {
    let text = raw.get().trim();
    if text == "null" {
        return Value::Null;
    }
    let name = kind.get("type").and_then(Value::as_str).unwrap_or_default();
    let of = |key: &str| kind.get(key).unwrap_or(&Value::Null);
    match name {
        "ARRAY" => items(text, |item| value(item, of("elementType"))),
        "ROW" | "STRUCTURED_TYPE" => row(text, of("fields")),
        "MAP" => entries(text, of("keyType"), of("valueType")),
        "MULTISET" => entries(text, of("elementType"), &json!({"type": "INTEGER"})),
        _ => Value::String(scalar(text, kind, name)),
    }
}

fn scalar(text: &str, kind: &Value, name: &str) -> String {
    let bare = serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned());
    match name {
        "BOOLEAN" => bare.to_uppercase(),
        "DECIMAL" => decimal(&bare, kind),
        "BINARY" | "VARBINARY" => bytes(&bare),
        "TIMESTAMP_WITHOUT_TIME_ZONE" => digits(&bare.replacen('T', " ", 1), kind),
        // Flink writes it in the zone of the session, with a Z all the same.
        "TIMESTAMP_WITH_LOCAL_TIME_ZONE" => {
            digits(&bare.trim_end_matches('Z').replacen('T', " ", 1), kind)
        }
        "TIME_WITHOUT_TIME_ZONE" => digits(&bare, kind),
        _ => bare,
    }
}

/// As many digits behind the point as the type has, which Flink's JSON leaves out where they are zero.
fn decimal(number: &str, kind: &Value) -> String {
    let scale = kind.get("scale").and_then(Value::as_i64);
    let read = BigDecimal::from_str(number);
    read.map_or_else(
        |_| number.to_owned(),
        |read| scale.map_or_else(|| read.clone(), |scale| read.with_scale(scale)).to_plain_string(),
    )
}

/// As many digits behind the second as the type has.
fn digits(time: &str, kind: &Value) -> String {
    let precision = kind.get("precision").and_then(Value::as_u64).unwrap_or(0);
    let precision = usize::try_from(precision).unwrap_or(0);
    let (whole, part) = time.split_once('.').unwrap_or((time, ""));
    // Java leaves out seconds that are none.
    let whole =
        if whole.matches(':').count() == 1 { format!("{whole}:00") } else { whole.to_owned() };
    if precision == 0 {
        return whole;
    }
    let part: String = part.chars().chain(std::iter::repeat('0')).take(precision).collect();
    format!("{whole}.{part}")
}

fn bytes(base64_text: &str) -> String {
    use base64::Engine as _;
    let decoded = base64::engine::general_purpose::STANDARD.decode(base64_text);
    decoded.map_or_else(|_| base64_text.to_owned(), |bytes| format!("x'{}'", hex::encode(bytes)))
}

fn items(text: &str, of: impl Fn(&RawValue) -> Value) -> Value {
    let all: Vec<Box<RawValue>> = serde_json::from_str(text).unwrap_or_default();
    all.iter().map(|item| of(item)).collect()
}

/// A row: its fields by their names, or in their order.
fn row(text: &str, fields: &Value) -> Value {
    let fields = fields.as_array().cloned().unwrap_or_default();
    let null = Value::Null;
    let kind = |field: &Value| field.get("fieldType").unwrap_or(&null).clone();
    if let Ok(named) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(text) {
        let of = |field: &Value| {
            let name = field.get("name").and_then(Value::as_str).unwrap_or_default();
            named.get(name).map_or(Value::Null, |raw| value(raw, &kind(field)))
        };
        return fields.iter().map(of).collect();
    }
    let all: Vec<Box<RawValue>> = serde_json::from_str(text).unwrap_or_default();
    let pairs = all.iter().enumerate();
    pairs.map(|(n, raw)| value(raw, &fields.get(n).map(&kind).unwrap_or_default())).collect()
}

/// A map: pairs of key and value. As a key of JSON, whatever it is stands as text.
fn entries(text: &str, key: &Value, of: &Value) -> Value {
    let all: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).unwrap_or_default();
    let pair = |(name, raw): (&String, &RawValue)| {
        let quoted = Value::String(name.clone()).to_string();
        let key_type = key.get("type").and_then(Value::as_str).unwrap_or_default();
        json!([scalar(&quoted, key, key_type), value(raw, of)])
    };
    all.iter().map(|(name, raw)| pair((name, raw))).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn shown(json: &str, kind: Value) -> Value {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        value(&raw, &kind)
    }

    #[rstest]
    #[case("1", json!({"type": "INTEGER"}), json!("1"))]
    #[case("true", json!({"type": "BOOLEAN"}), json!("TRUE"))]
    #[case("1.5", json!({"type": "DECIMAL", "precision": 10, "scale": 2}), json!("1.50"))]
    #[case("1E+2", json!({"type": "DECIMAL", "precision": 10, "scale": 0}), json!("100"))]
    #[case("12345678901234567890.123", json!({"type": "DECIMAL"}), json!("12345678901234567890.123"))]
    #[case(r#""fwID""#, json!({"type": "VARBINARY"}), json!("x'7f0203'"))]
    #[case("null", json!({"type": "VARCHAR"}), Value::Null)]
    #[case(r#""2025-04-25T06:53:43.5""#, json!({"type": "TIMESTAMP_WITHOUT_TIME_ZONE", "precision": 3}), json!("2025-04-25 06:53:43.500"))]
    #[case(r#""2025-04-25T06:53""#, json!({"type": "TIMESTAMP_WITHOUT_TIME_ZONE", "precision": 0}), json!("2025-04-25 06:53:00"))]
    #[case(r#""2025-04-25T06:53:43Z""#, json!({"type": "TIMESTAMP_WITH_LOCAL_TIME_ZONE", "precision": 6}), json!("2025-04-25 06:53:43.000000"))]
    #[case("[1,2]", json!({"type": "ARRAY", "elementType": {"type": "INTEGER"}}), json!(["1", "2"]))]
    #[case(r#"{"a":1}"#, json!({"type": "MAP", "keyType": {"type": "VARCHAR"}, "valueType": {"type": "INTEGER"}}), json!([["a", "1"]]))]
    #[case(r#"{"y":"t","x":1}"#, json!({"type": "ROW", "fields": [{"name": "x", "fieldType": {"type": "INTEGER"}}, {"name": "y", "fieldType": {"type": "VARCHAR"}}]}), json!(["1", "t"]))]
    fn a_value_is_text(#[case] json: &str, #[case] kind: Value, #[case] expected: Value) {
        assert_eq!(shown(json, kind), expected);
    }

    #[test]
    fn a_type_keeps_its_numbers_and_parts() {
        let flink = json!({"type": "ARRAY", "nullable": true,
            "elementType": {"type": "DECIMAL", "nullable": false, "precision": 5, "scale": 2}});
        let expected = json!({"type": "ARRAY", "nullable": true,
            "element_type": {"type": "DECIMAL", "nullable": false, "precision": 5, "scale": 2}});
        assert_eq!(data_type(&flink), expected);
    }
}
