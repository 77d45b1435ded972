//! Rows as an application writes them: the JSON that Flink's format reads, and raw bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::value::RawValue;

use super::types::arguments;

/// A cell of a column: its name, its Flink type, and its text as a row table has it.
pub type Field<'a> = (&'a str, &'a str, Option<&'a str>);

/// The JSON object of a row. Its texts fit their types.
pub fn json(fields: &[Field<'_>]) -> Vec<u8> {
    let member = |(name, kind, text): &Field<'_>| {
        let value = text.map_or_else(|| "null".to_owned(), |text| member(kind, text));
        format!("{}:{value}", Value::from(*name))
    };
    let members: Vec<_> = fields.iter().map(member).collect();
    format!("{{{}}}", members.join(",")).into_bytes()
}

/// A value as JSON: numbers keep their digits, times are as SQL writes them.
fn member(kind: &str, text: &str) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let (name, _) = arguments(kind);
    match name.split(['<', ' ']).next().unwrap_or_default() {
        "BOOLEAN" => text.to_owned(),
        "TINYINT" | "SMALLINT" | "INT" | "INTEGER" | "BIGINT" | "DECIMAL" | "DEC" | "NUMERIC"
        | "FLOAT" | "DOUBLE" => match serde_json::from_str::<&RawValue>(text) {
            Ok(number) => number.get().to_owned(),
            // `+5`, `.5` and `NaN` are no numbers of JSON's; Flink reads them from a text.
            Err(_) => quoted(text),
        },
        "ARRAY" | "MAP" | "ROW" | "MULTISET" => text.to_owned(),
        "BYTES" | "BINARY" | "VARBINARY" => quoted(&STANDARD.encode(bytes(text))),
        "TIMESTAMP" | "TIMESTAMP_LTZ" => quoted(&timestamp(kind, text)),
        _ => quoted(text),
    }
}

/// A timestamp as SQL writes it; one with a zone is of UTC.
fn timestamp(kind: &str, text: &str) -> String {
    let kind = kind.to_ascii_uppercase();
    let is_zoned = kind.contains("LTZ") || kind.contains("LOCAL");
    match text.parse::<jiff::Timestamp>() {
        Ok(at) if is_zoned => at.to_string().replacen('T', " ", 1),
        Ok(_) | Err(_) => text.replacen('T', " ", 1),
    }
}

/// The bytes of a text or of bytes, as Flink's raw format reads them.
pub fn raw(kind: &str, text: &str) -> Vec<u8> {
    match arguments(kind).0.as_str() {
        "BYTES" | "BINARY" | "VARBINARY" => bytes(text),
        _ => text.as_bytes().to_vec(),
    }
}

fn bytes(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("\\x").and_then(|digits| hex::decode(digits).ok());
    digits.unwrap_or_else(|| text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::codec::flink;
    use crate::codec::types::DataType;

    #[rstest]
    #[case("INT", "-5", "-5")]
    #[case("DECIMAL(38, 2)", "12345678901234567890123456.10", "12345678901234567890123456.10")]
    #[case("DOUBLE", "NaN", "\"NaN\"")]
    #[case("BOOLEAN", "true", "true")]
    #[case("STRING", "a \"b\"", "\"a \\\"b\\\"\"")]
    #[case("BYTES", "\\x00ff", "\"AP8=\"")]
    #[case("DATE", "2025-01-31", "\"2025-01-31\"")]
    #[case("TIMESTAMP(3)", "2025-01-31T10:00:00.5", "\"2025-01-31 10:00:00.5\"")]
    #[case("TIMESTAMP_LTZ(3)", "2025-01-31 10:00:00+02:00", "\"2025-01-31 08:00:00Z\"")]
    #[case("ARRAY<INT>", "[1, 2]", "[1, 2]")]
    fn a_value_is_written_as_flinks_format_reads_it(
        #[case] kind: &str,
        #[case] text: &str,
        #[case] expected: &str,
    ) {
        let bytes = json(&[("c", kind, Some(text)), ("n", kind, None)]);
        let written = String::from_utf8(bytes.clone()).unwrap();
        assert_eq!(written, format!("{{\"c\":{expected},\"n\":null}}"));
        let columns = [("c".to_owned(), DataType::flink(kind))];
        flink::row(&bytes, &columns).unwrap();
    }

    #[test]
    fn raw_is_the_value_itself() {
        assert_eq!(raw("STRING", "\\x00"), b"\\x00");
        assert_eq!(raw("BYTES", "\\x00ff"), [0, 255]);
    }
}
