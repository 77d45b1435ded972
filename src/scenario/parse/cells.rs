//! Whether the text of a row table's cell is a value of a Flink type.

use std::str::FromStr;

use bigdecimal::BigDecimal;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

/// `Err` says what is expected. Types that are not known are not checked here: the sink's own
/// values will be compared with the cell.
pub(super) fn fits(data_type: &str, text: &str) -> Result<(), String> {
    let (name, arguments) = parts(data_type);
    let check = |holds: bool, expected: &str| {
        if holds { Ok(()) } else { Err(expected.to_owned()) }
    };
    match name.as_str() {
        "TINYINT" => check(text.parse::<i8>().is_ok(), "a whole number from -128 to 127"),
        "SMALLINT" => check(text.parse::<i16>().is_ok(), "a whole number of 16 bits"),
        "INT" | "INTEGER" => check(text.parse::<i32>().is_ok(), "a whole number of 32 bits"),
        "BIGINT" => check(text.parse::<i64>().is_ok(), "a whole number of 64 bits"),
        "BOOLEAN" => check(matches!(text, "true" | "false"), "`true` or `false`"),
        "FLOAT" | "DOUBLE" | "DOUBLE PRECISION" => {
            check(text.parse::<f64>().is_ok(), "a number, `NaN` or `Infinity`")
        }
        "DECIMAL" | "DEC" | "NUMERIC" => decimal(text, &arguments),
        "DATE" => check(text.parse::<Date>().is_ok(), "a date, as in `2025-01-31`"),
        "TIME" => check(text.parse::<Time>().is_ok(), "a time, as in `10:00:00`"),
        "TIMESTAMP" | "TIMESTAMP WITHOUT TIME ZONE" => {
            let is_bare = text.parse::<DateTime>().is_ok() && !has_zone(text);
            check(is_bare, "a time without a zone, as in `2025-01-31 10:00:00`")
        }
        "TIMESTAMP_LTZ" | "TIMESTAMP WITH LOCAL TIME ZONE" => {
            let is_zoned = text.parse::<Timestamp>().is_ok() && has_zone(text);
            check(is_zoned, "a time with a zone, as in `2025-01-31 10:00:00Z`")
        }
        "BYTES" | "BINARY" | "VARBINARY" => {
            let digits = text.strip_prefix("\\x");
            let is_hex = digits.is_some_and(|digits| hex::decode(digits).is_ok());
            check(is_hex, "bytes as `\\x` and hexadecimal digits")
        }
        "ARRAY" | "MAP" | "ROW" | "MULTISET" => {
            let parsed = serde_json::from_str::<serde_json::Value>(text);
            check(parsed.is_ok_and(|json| json.is_array() || json.is_object()), "JSON")
        }
        _ => Ok(()),
    }
}

/// The type's name and the numbers in its parentheses: `TIMESTAMP(3) WITH LOCAL TIME ZONE`.
fn parts(data_type: &str) -> (String, Vec<i64>) {
    let head = data_type.split('<').next().unwrap_or("");
    let Some((name, rest)) = head.split_once('(') else { return (head.trim().to_owned(), vec![]) };
    let (arguments, tail) = rest.split_once(')').unwrap_or((rest, ""));
    let name = format!("{} {}", name.trim(), tail.trim()).trim().to_owned();
    (name, arguments.split(',').filter_map(|number| number.trim().parse().ok()).collect())
}

/// Digits before and after the point must fit; zeros at the end of the fraction are no digits.
fn decimal(text: &str, arguments: &[i64]) -> Result<(), String> {
    let precision = arguments.first().copied().unwrap_or(10);
    let scale = arguments.get(1).copied().unwrap_or(0);
    let expected = || format!("a number of at most {} and {scale} digits", precision - scale);
    let number = BigDecimal::from_str(text).map_err(|_| expected())?.normalized();
    let (digits, exponent) = number.as_bigint_and_exponent();
    let length = i64::try_from(digits.magnitude().to_string().len()).map_err(|_| expected())?;
    let whole = if digits.magnitude().to_string() == "0" { 0 } else { length - exponent };
    if exponent <= scale && whole <= precision - scale { Ok(()) } else { Err(expected()) }
}

/// A `Z` or an offset after the time of day.
fn has_zone(text: &str) -> bool {
    let time = text.split_once([' ', 'T']).map_or("", |(_, time)| time);
    time.contains(['Z', 'z', '+', '-'])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("INT", "-5", "5.0")]
    #[case("INT", "2147483647", "2147483648")]
    #[case("BIGINT", "2147483648", "x")]
    #[case("BOOLEAN", "true", "yes")]
    #[case("DECIMAL(10, 2)", "12345678.90", "0.001")]
    #[case("DECIMAL(3, 2)", "-9.990", "10")]
    #[case("DECIMAL(38, 2)", "0", "")]
    #[case("DECIMAL(5, 0)", "10000", "1e5")]
    #[case("DOUBLE", "1e300", "one")]
    #[case("DATE", "2024-02-29", "2025-02-29")]
    #[case("TIME(0)", "10:00:00", "25:00:00")]
    #[case("TIMESTAMP(3)", "2025-01-01 10:00:00.123", "2025-01-01 10:00:00Z")]
    #[case("TIMESTAMP_LTZ(3)", "2025-01-01 10:00:00+02:00", "2025-01-01 10:00:00")]
    #[case("TIMESTAMP(3) WITH LOCAL TIME ZONE", "2025-01-01 10:00:00Z", "10:00")]
    #[case("BYTES", "\\x00ff", "00ff")]
    #[case("ARRAY<INT>", "[1, 2]", "1, 2")]
    fn a_value_and_what_is_none(#[case] data_type: &str, #[case] good: &str, #[case] bad: &str) {
        assert_eq!(fits(data_type, good), Ok(()));
        assert!(fits(data_type, bad).is_err(), "{bad} passed as {data_type}");
    }

    #[test]
    fn any_text_is_a_string() {
        assert_eq!(fits("VARCHAR(3)", "anything"), Ok(()));
        assert_eq!(fits("STRING", ""), Ok(()));
    }
}
