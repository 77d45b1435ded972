//! How the connector's configuration says values are written.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bigdecimal::num_bigint::BigInt;
use bigdecimal::num_traits::ToPrimitive as _;
use bigdecimal::{BigDecimal, RoundingMode};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

use super::kinds;
use crate::base::value::{Type, Value};
use crate::codec::json::{self, Json, Object};
use crate::codec::postgres;
use crate::codec::types::DataType;
use crate::codec::value::{ValueError, decimal, float, integer, numeric, time, to_json};

/// What stands for an unchanged TOAST value unless the connector says otherwise.
pub const PLACEHOLDER: &str = "__debezium_unavailable_value";
/// `money.fraction.digits` unless the connector says otherwise.
const MONEY_DIGITS: u32 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decimals {
    Precise,
    Text,
    Double,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    Adaptive,
    AdaptiveMicros,
    Connect,
    Iso,
    Micros,
    Nanos,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Binary {
    Base64,
    Base64Url,
    Hex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intervals {
    Numeric,
    Text,
}

/// How values are written, by the connector's effective configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoding {
    decimals: Decimals,
    times: Times,
    binary: Binary,
    intervals: Intervals,
    /// Digits behind the point of `money` as an exact number.
    money_digits: u32,
    /// Types that the connector does not know are written, as bytes.
    unknown: bool,
    placeholder: String,
}

fn choose<T: Copy>(
    config: &BTreeMap<String, String>,
    option: &str,
    choices: &[(&str, T)],
    problems: &mut Vec<String>,
) -> Option<T> {
    let (_, default) = choices.first()?;
    let Some(value) = config.get(option) else { return Some(*default) };
    let chosen = choices.iter().find(|(name, _)| value.eq_ignore_ascii_case(name));
    if chosen.is_none() {
        problems.push(format!("`{option}={value}` is not known here"));
    }
    Some(chosen.map_or(*default, |(_, choice)| *choice))
}

impl Encoding {
    /// Reads the options; those that are not known are told in sentences.
    pub fn of(config: &BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let decimals = [
            ("precise", Decimals::Precise),
            ("string", Decimals::Text),
            ("double", Decimals::Double),
        ];
        let times = [
            ("adaptive", Times::Adaptive),
            ("adaptive_time_microseconds", Times::AdaptiveMicros),
            ("connect", Times::Connect),
            ("isostring", Times::Iso),
            ("microseconds", Times::Micros),
            ("nanoseconds", Times::Nanos),
        ];
        let binary = [
            ("bytes", Binary::Base64),
            ("base64", Binary::Base64),
            ("base64-url-safe", Binary::Base64Url),
            ("hex", Binary::Hex),
        ];
        let intervals = [("numeric", Intervals::Numeric), ("string", Intervals::Text)];
        let hstore = [("json", ()), ("map", ())];
        let decimals = choose(config, "decimal.handling.mode", &decimals, &mut problems);
        let times = choose(config, "time.precision.mode", &times, &mut problems);
        let binary = choose(config, "binary.handling.mode", &binary, &mut problems);
        let intervals = choose(config, "interval.handling.mode", &intervals, &mut problems);
        choose(config, "hstore.handling.mode", &hstore, &mut problems);
        let placeholder = config.get("unavailable.value.placeholder");
        let placeholder = placeholder.map_or(PLACEHOLDER, String::as_str).to_owned();
        let money_digits = config.get("money.fraction.digits");
        let money_digits = money_digits.and_then(|text| text.parse().ok()).unwrap_or(MONEY_DIGITS);
        match (decimals, times, binary, intervals) {
            (Some(decimals), Some(times), Some(binary), Some(intervals)) if problems.is_empty() => {
                let unknown =
                    config.get("include.unknown.datatypes").is_some_and(|value| value == "true");
                Ok(Self { decimals, times, binary, intervals, money_digits, unknown, placeholder })
            }
            _ => Err(problems),
        }
    }

    /// What stands for an unchanged TOAST value of a text column.
    pub fn placeholder(&self) -> &str {
        &self.placeholder
    }

    /// Whether types that the connector does not know are in the records.
    pub fn writes_unknown(&self) -> bool {
        self.unknown
    }

    /// Whether the value stands for an unchanged TOAST value.
    pub fn is_placeholder(&self, raw: &RawValue) -> bool {
        let mark = self.placeholder.as_str();
        match Json::read(raw) {
            Ok(Json::Text(text)) => {
                text == mark
                    || text == STANDARD.encode(mark)
                    || text == URL_SAFE.encode(mark)
                    || text == hex::encode(mark)
            }
            Ok(Json::Array(items)) => self.is_placeholder_array(&items),
            Ok(Json::Object(members)) => members.len() == 1 && members.contains_key(mark),
            Ok(Json::Null | Json::Bool(_) | Json::Number(_)) | Err(_) => false,
        }
    }

    /// One element that is the placeholder, or (of numbers) its bytes.
    fn is_placeholder_array(&self, items: &[&RawValue]) -> bool {
        if let [only] = items {
            return self.is_placeholder(only);
        }
        let bytes = items.iter().map(|item| item.get().trim().parse::<u8>().ok());
        bytes.eq(self.placeholder.bytes().map(Some))
    }

    /// A decimal number as the connector hands it to transforms, if it is a text or a plain number.
    pub fn handed(&self, number: &BigDecimal) -> Option<Value> {
        match self.decimals {
            Decimals::Text => Some(Value::Text(number.to_plain_string())),
            Decimals::Double => number.to_f64().map(Value::Float),
            Decimals::Precise => None,
        }
    }

    /// Whether two values that Postgres writes otherwise may be one in a record: bits have no leading zeros
    /// there, intervals are a number, times of day have no zone, and numbers no zeros at their end, unless they are
    /// texts.
    pub fn merges(&self, kind: &DataType) -> bool {
        match kind {
            DataType::Bits | DataType::TimeTz | DataType::Interval => true,
            DataType::Scalar(Type::Decimal { .. }) => self.decimals != Decimals::Text,
            DataType::Array(element) | DataType::Map(element) | DataType::Within(element) => {
                self.merges(element)
            }
            DataType::Row(fields) => fields.iter().any(|(_, field)| self.merges(field)),
            DataType::Scalar(_)
            | DataType::Real
            | DataType::Char
            | DataType::Money
            | DataType::Point
            | DataType::Time(_)
            | DataType::Hstore => false,
        }
    }

    /// Whether dates are handed to transforms as numbers of days.
    pub fn has_plain_dates(&self) -> bool {
        matches!(self.times, Times::Adaptive | Times::AdaptiveMicros | Times::Micros)
    }

    /// A timestamp as the number that the connector hands to transforms, if it is a plain one.
    pub fn timestamp_form(&self, micros: i64, digits: u32) -> Option<i64> {
        match self.times {
            Times::Adaptive | Times::AdaptiveMicros if digits <= 3 => Some(micros.div_euclid(1000)),
            Times::Adaptive | Times::AdaptiveMicros | Times::Micros => Some(micros),
            Times::Nanos => micros.checked_mul(1000),
            Times::Connect | Times::Iso => None,
        }
    }

    /// Reads the Postgres value that a record should show, with the digits that its encoding can
    /// carry.
    pub fn expected(&self, text: &str, kind: &DataType) -> Result<Value, ValueError> {
        match kind {
            DataType::Interval => {
                let interval = postgres::interval(text)?;
                return Ok(match self.intervals {
                    Intervals::Text => Value::Text(interval.to_string()),
                    Intervals::Numeric => kinds::in_micros(interval)?,
                });
            }
            DataType::Array(element) if text.starts_with(['{', '[']) => {
                return postgres::array(text, &|text| self.expected(text, element));
            }
            DataType::Scalar(Type::Decimal { .. }) if self.decimals == Decimals::Double => {
                return float(text);
            }
            _ => {}
        }
        let value = postgres::value(text, kind)?;
        Ok(match (kind, self.times, value) {
            (DataType::Money, _, Value::Number(amount)) => self.money(amount),
            // Connect's own types have milliseconds.
            (_, Times::Connect, Value::Timestamp(micros)) => Value::Timestamp(millis_of(micros)),
            (DataType::Time(_), Times::Connect, Value::Time(micros)) => {
                Value::Time(millis_of(micros))
            }
            (_, _, value) => value,
        })
    }

    /// An amount with the digits that its record keeps.
    fn money(&self, amount: BigDecimal) -> Value {
        match self.decimals {
            Decimals::Precise => {
                let digits = i64::from(self.money_digits);
                Value::Number(amount.with_scale_round(digits, RoundingMode::HalfUp))
            }
            Decimals::Double => Value::Float(amount.to_f64().unwrap_or(f64::NAN)),
            Decimals::Text => Value::Number(amount),
        }
    }

    /// Reads a value as the record shows it.
    pub fn value(&self, raw: &RawValue, kind: &DataType) -> Result<Value, ValueError> {
        let json = Json::read(raw)?;
        let wrong = |wanted: &str| Err(ValueError::new(wanted, raw.get()));
        match (kind, json) {
            (_, Json::Null) => Ok(Value::Null),
            (DataType::Scalar(kind), json) => self.scalar(raw, kind, json),
            (DataType::Real, Json::Number(text)) => postgres::real(text),
            (DataType::Real, Json::Text(text)) => postgres::real(&text),
            (DataType::Char, Json::Text(text)) => {
                Ok(Value::Text(postgres::unpadded(&text).to_owned()))
            }
            (DataType::Bits, Json::Text(text)) => kinds::bits(&text),
            (DataType::Money, json) => self.decimal(raw, Some(self.money_digits), json),
            (DataType::Point, Json::Object(members)) => kinds::point(raw, &members),
            (DataType::Within(kind), _) => self.value(raw, kind),
            (DataType::Time(digits), json) => self.time(raw, *digits, &json),
            (DataType::TimeTz, Json::Text(text)) => time::time_tz(&text).map(Value::Time),
            (DataType::Interval, Json::Text(text)) => {
                kinds::iso_interval(&text).map(|interval| Value::Text(interval.to_string()))
            }
            (DataType::Interval, Json::Number(text)) => integer(text),
            (DataType::Hstore | DataType::Map(_), Json::Text(text)) => json::document(&text),
            (DataType::Hstore | DataType::Map(_) | DataType::Row(_), Json::Object(_)) => {
                Ok(Value::Json(json::compared(raw)?))
            }
            (DataType::Array(element), Json::Array(items)) => {
                let item = |item| self.value(item, element).map(|value| to_json(&value));
                Ok(Value::Json(items.into_iter().map(item).collect::<Result<_, _>>()?))
            }
            (DataType::Real, _) => wrong("a floating-point number"),
            (DataType::Char, _) => wrong("a text"),
            (DataType::Bits, _) => wrong("bits in base64"),
            (DataType::Point, _) => wrong("a point with its coordinates"),
            (DataType::TimeTz, _) => wrong("a time of day with a zone"),
            (DataType::Interval, _) => wrong("an interval"),
            (DataType::Array(_), _) => wrong("an array"),
            (DataType::Hstore | DataType::Map(_) | DataType::Row(_), _) => wrong("an object"),
        }
    }

    fn scalar(&self, raw: &RawValue, kind: &Type, json: Json<'_>) -> Result<Value, ValueError> {
        let wrong = |wanted: &str| Err(ValueError::new(wanted, raw.get()));
        match (kind, json) {
            (Type::Bool, Json::Bool(value)) => Ok(Value::Bool(value)),
            (Type::Bool, _) => wrong("a boolean"),
            (Type::Int, Json::Number(text)) => integer(text),
            (Type::Int, _) => wrong("a whole number"),
            (Type::Decimal { scale }, json) => self.decimal(raw, *scale, json),
            (Type::Float, Json::Number(text)) => float(text),
            (Type::Float, Json::Text(text)) => float(&text),
            (Type::Float, _) => wrong("a floating-point number"),
            (Type::Text, Json::Text(text)) => Ok(Value::Text(text)),
            (Type::Text, _) => wrong("a text"),
            (Type::Bytes, Json::Text(text)) => self.bytes(&text),
            (Type::Bytes, _) => wrong("bytes as a text"),
            (Type::Date, json) => date(raw, &json),
            (Type::Time, json) => self.time(raw, 6, &json),
            (Type::Timestamp { precision }, json) => self.timestamp(raw, *precision, &json),
            (Type::TimestampTz { .. }, Json::Text(text)) => {
                time::timestamp_tz(&text).map(Value::TimestampTz)
            }
            (Type::TimestampTz { .. }, _) => wrong("a timestamp with a zone as a text"),
            (Type::Json, Json::Text(text)) => json::document(&text),
            (Type::Json, _) => wrong("JSON as a text"),
            (Type::Other(_), Json::Text(text)) if self.unknown => {
                Ok(kinds::unknown(&text, self.bytes(&text)))
            }
            (Type::Other(_), Json::Text(text)) => Ok(Value::Text(text)),
            (Type::Other(_), _) => Ok(Value::Text(raw.get().to_owned())),
        }
    }

    fn decimal(
        &self,
        raw: &RawValue,
        scale: Option<u32>,
        json: Json<'_>,
    ) -> Result<Value, ValueError> {
        match (self.decimals, json) {
            (Decimals::Text, Json::Text(text)) => numeric(&text),
            (Decimals::Double, Json::Number(text)) => float(text),
            (Decimals::Double, Json::Text(text)) => float(&text),
            // The converter's `decimal.format=NUMERIC`.
            (Decimals::Precise, Json::Number(text)) => decimal(text),
            (Decimals::Precise, Json::Text(text)) => match scale {
                Some(scale) => unscaled(&text, i64::from(scale)),
                None => Err(ValueError::new("a decimal with its scale", raw.get())),
            },
            (Decimals::Precise, Json::Object(members)) => variable_scale(raw, &members),
            (Decimals::Text, _) => Err(ValueError::new("a decimal number as a text", raw.get())),
            (Decimals::Double, _) => Err(ValueError::new("a number", raw.get())),
            (Decimals::Precise, _) => Err(ValueError::new("a decimal in base64", raw.get())),
        }
    }

    fn bytes(&self, text: &str) -> Result<Value, ValueError> {
        let (bytes, wanted) = match self.binary {
            Binary::Base64 => (STANDARD.decode(text).ok(), "bytes in base64"),
            Binary::Base64Url => (URL_SAFE.decode(text).ok(), "bytes in base64 for URLs"),
            Binary::Hex => (hex::decode(text).ok(), "bytes in hexadecimal"),
        };
        bytes.map(Value::Bytes).ok_or_else(|| ValueError::new(wanted, text))
    }

    fn time(&self, raw: &RawValue, digits: u32, json: &Json<'_>) -> Result<Value, ValueError> {
        match json {
            Json::Number(text) => {
                let count = whole(text)?;
                Ok(Value::Time(match self.times {
                    Times::Adaptive if digits <= 3 => scaled(count, text)?,
                    Times::Connect => scaled(count, text)?,
                    Times::Nanos => micros_of_nanos(count, text)?,
                    Times::Adaptive | Times::AdaptiveMicros | Times::Micros | Times::Iso => count,
                }))
            }
            Json::Text(text) if self.times == Times::Iso => {
                time::time_of_day(text.trim_end_matches('Z')).map(Value::Time)
            }
            Json::Null | Json::Bool(_) | Json::Text(_) | Json::Array(_) | Json::Object(_) => {
                Err(ValueError::new("a time of day as a number", raw.get()))
            }
        }
    }

    fn timestamp(&self, raw: &RawValue, digits: u32, json: &Json<'_>) -> Result<Value, ValueError> {
        match json {
            Json::Number(text) => {
                let count = whole(text)?;
                Ok(Value::Timestamp(match self.times {
                    Times::Adaptive | Times::AdaptiveMicros if digits <= 3 => scaled(count, text)?,
                    Times::Connect => scaled(count, text)?,
                    Times::Nanos => micros_of_nanos(count, text)?,
                    Times::Adaptive | Times::AdaptiveMicros | Times::Micros | Times::Iso => count,
                }))
            }
            Json::Text(text) if self.times == Times::Iso => {
                time::timestamp(text.trim_end_matches('Z')).map(Value::Timestamp)
            }
            Json::Null | Json::Bool(_) | Json::Text(_) | Json::Array(_) | Json::Object(_) => {
                Err(ValueError::new("a timestamp as a number", raw.get()))
            }
        }
    }
}

fn date(raw: &RawValue, json: &Json<'_>) -> Result<Value, ValueError> {
    match json {
        Json::Number(text) => whole(text).map(Value::Date),
        Json::Text(text) => time::date(text.trim_end_matches('Z')).map(Value::Date),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => {
            Err(ValueError::new("a date as a number of days", raw.get()))
        }
    }
}

fn whole(text: &str) -> Result<i64, ValueError> {
    text.parse().map_err(|_| ValueError::new("a whole number of 64 bits", text))
}

fn scaled(millis: i64, text: &str) -> Result<i64, ValueError> {
    let micros = millis.checked_mul(1000);
    micros.ok_or_else(|| ValueError::new("a number of milliseconds that a time can have", text))
}

fn micros_of_nanos(nanos: i64, text: &str) -> Result<i64, ValueError> {
    let exact = (nanos % 1000 == 0).then_some(nanos / 1000);
    exact.ok_or_else(|| ValueError::new("a number of nanoseconds that Postgres can have", text))
}

fn millis_of(micros: i64) -> i64 {
    micros.div_euclid(1000) * 1000
}

/// A decimal as Connect's Decimal writes it: its digits as a big-endian signed number.
fn unscaled(text: &str, scale: i64) -> Result<Value, ValueError> {
    let bytes = STANDARD.decode(text);
    let bytes = bytes.map_err(|_| ValueError::new("a decimal in base64", text))?;
    let digits = BigInt::from_signed_bytes_be(&bytes);
    Ok(Value::Number(BigDecimal::new(digits, scale)))
}

/// `{"scale":2,"value":"base64"}`, for a `numeric` without modifier.
fn variable_scale(raw: &RawValue, members: &Object<'_>) -> Result<Value, ValueError> {
    let error = || ValueError::new("a decimal with its scale", raw.get());
    let scale = members.get("scale").and_then(|scale| scale.get().trim().parse::<i64>().ok());
    let scale = scale.filter(|scale| scale.abs() <= 140_000).ok_or_else(error)?;
    let Some(Ok(Json::Text(text))) = members.get("value").map(|value| Json::read(value)) else {
        return Err(error());
    };
    unscaled(&text, scale)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn encoding(options: &[(&str, &str)]) -> Encoding {
        let options = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Encoding::of(&options.collect()).unwrap()
    }

    const STRING: (&str, &str) = ("decimal.handling.mode", "string");
    const DOUBLE: (&str, &str) = ("decimal.handling.mode", "double");
    const CONNECT: (&str, &str) = ("time.precision.mode", "connect");
    const ISO: (&str, &str) = ("time.precision.mode", "isostring");
    const HEX: (&str, &str) = ("binary.handling.mode", "hex");
    const TEXT_INTERVAL: (&str, &str) = ("interval.handling.mode", "string");

    /// What Postgres holds must read the same as what the record shows.
    #[rstest]
    #[case(&[], "numeric(10,2)", "10.00", "\"A+g=\"")]
    #[case(&[], "numeric(10,2)", "-0.01", "\"/w==\"")]
    #[case(&[], "numeric", "1.5", "{\"scale\":1,\"value\":\"Dw==\"}")]
    #[case(&[STRING], "numeric(10,2)", "10.00", "\"10.00\"")]
    #[case(&[STRING], "numeric", "NaN", "\"NaN\"")]
    #[case(&[DOUBLE], "numeric(10,2)", "10.10", "10.1")]
    #[case(&[], "timestamp without time zone", "2025-01-01 10:00:00.000001", "1735725600000001")]
    #[case(&[], "timestamp(3) without time zone", "2025-01-01 10:00:00.001", "1735725600001")]
    #[case(&[CONNECT], "timestamp without time zone", "2025-01-01 10:00:00.001999", "1735725600001")]
    #[case(&[ISO], "timestamp without time zone", "2025-01-01 10:00:00.5", "\"2025-01-01T10:00:00.5Z\"")]
    #[case(&[], "timestamp with time zone", "2025-01-01 10:00:00.5+00", "\"2025-01-01T10:00:00.500000Z\"")]
    #[case(&[], "date", "1969-12-31", "-1")]
    #[case(&[], "time without time zone", "10:00:00.000001", "36000000001")]
    #[case(&[], "time(3) without time zone", "10:00:00.001", "36000001")]
    #[case(&[], "time with time zone", "12:00:00+02", "\"10:00:00Z\"")]
    #[case(&[], "bytea", "\\x00ff", "\"AP8=\"")]
    #[case(&[HEX], "bytea", "\\x00ff", "\"00ff\"")]
    #[case(&[], "interval", "1 mon 1 day 00:00:01", "2716201000000")]
    #[case(&[TEXT_INTERVAL], "interval", "1 year 2 mons 3 days 04:05:06.78", "\"P1Y2M3DT4H5M6.78S\"")]
    #[case(&[], "hstore", "\"a\"=>\"1\", \"b\"=>NULL", "\"{\\\"a\\\":\\\"1\\\",\\\"b\\\":null}\"")]
    #[case(&[], "jsonb", "{\"a\": 1.50}", "\"{\\\"a\\\": 1.5}\"")]
    #[case(&[], "integer[]", "{1,NULL}", "[1,null]")]
    #[case(&[STRING], "numeric(5,2)[]", "{1.50}", "[\"1.5\"]")]
    #[case(&[], "boolean", "t", "true")]
    #[case(&[], "double precision", "0.1", "0.1")]
    #[case(&[], "real", "Infinity", "\"Infinity\"")]
    fn a_record_shows_what_postgres_holds(
        #[case] options: &[(&str, &str)],
        #[case] kind: &str,
        #[case] held: &str,
        #[case] shown: &str,
    ) {
        let (encoding, kind) = (encoding(options), DataType::postgres(kind));
        let held = encoding.expected(held, &kind).unwrap();
        let shown = encoding.value(serde_json::from_str(shown).unwrap(), &kind).unwrap();
        assert!(crate::codec::value::same(&held, &shown), "{held:?} {shown:?}");
    }

    #[test]
    fn a_mode_that_is_not_known_is_told() {
        let options = [("time.precision.mode".to_owned(), "lunar".to_owned())].into();
        let problem = "`time.precision.mode=lunar` is not known here".to_owned();
        assert_eq!(Encoding::of(&options), Err(vec![problem]));
    }

    #[rstest]
    #[case("\"__debezium_unavailable_value\"", true)]
    #[case("\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"", true)]
    #[case("[\"__debezium_unavailable_value\"]", true)]
    #[case("{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}", true)]
    #[case("\"unavailable\"", false)]
    #[case("[]", false)]
    #[case("null", false)]
    fn the_placeholder_is_known_in_every_form(#[case] shown: &str, #[case] is: bool) {
        assert_eq!(encoding(&[]).is_placeholder(serde_json::from_str(shown).unwrap()), is);
    }

    proptest! {
        #[test]
        fn no_json_makes_it_panic(
            json in prop::sample::select(vec![
                "null", "true", "1", "-1.5e3", "9223372036854775807", "99999999999999999999",
                "\"\"", "\"P\"", "\"P1Y\"", "\"T\"", "\"2025-01-01T10:00:00Z\"", "[]", "[1]", "{}",
                "{\"scale\":900000000000,\"value\":\"AA==\"}", "{\"scale\":1,\"value\":2}",
            ]),
            kind in prop::sample::select(vec![
                "boolean", "integer", "numeric", "numeric(9,2)", "real", "bytea", "date",
                "time without time zone", "time(3) without time zone", "time with time zone",
                "timestamp(3) without time zone", "timestamp without time zone",
                "timestamp with time zone", "interval", "hstore", "jsonb", "integer[]", "mood",
            ]),
            mode in prop::sample::select(vec![STRING, DOUBLE, CONNECT, ISO, HEX, TEXT_INTERVAL]),
        ) {
            let raw = serde_json::from_str(json).unwrap();
            let _ = encoding(&[mode]).value(raw, &DataType::postgres(kind)).is_ok();
        }
    }
}
