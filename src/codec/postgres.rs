//! Values as Postgres' output functions write them (UTC, ISO dates, hexadecimal bytea).

use itertools::Itertools as _;
use serde_json::value::RawValue;

use super::json::{self, Json};
use super::types::DataType;
use super::value::{ValueError, decimal, float, integer, numeric, time, to_json};
use crate::base::value::{Type, Value};

/// Reads a value of a type; the type's name may come from Postgres or from Flink.
pub fn value(text: &str, kind: &DataType) -> Result<Value, ValueError> {
    match kind {
        DataType::Scalar(scalar) => value_of(text, scalar),
        DataType::Real => real(text),
        DataType::Char => Ok(Value::Text(unpadded(text).to_owned())),
        DataType::Bits => bits(text),
        DataType::Money => money(text),
        DataType::Point => point(text),
        DataType::Time(_) => time::time_of_day(text).map(Value::Time),
        DataType::TimeTz => time::time_tz(text).map(Value::Time),
        DataType::Interval => interval(text).map(|interval| Value::Text(interval.to_string())),
        DataType::Hstore => hstore(text),
        DataType::Within(kind) => Ok(within(text, kind)),
        DataType::Array(element) => {
            // A sink's array column may also be cast to JSON; bounds stand before an `=`.
            let bounds = text.starts_with('[') && text.contains("]={");
            if text.starts_with('{') || bounds {
                array(text, &|text| value(text, element))
            } else {
                of_document(text, kind)
            }
        }
        DataType::Map(_) if text.starts_with('"') || text.is_empty() => hstore(text),
        DataType::Map(_) | DataType::Row(_) => of_document(text, kind),
    }
}

/// A value of this type as a text writes it; a text that is none stays one.
pub(super) fn within(text: &str, kind: &DataType) -> Value {
    value(text, kind).unwrap_or_else(|_| Value::Text(text.to_owned()))
}

/// A reference's value of its sink's type. What is none of the type is no mistake here: it is what
/// the sink should hold and cannot, and it stays as far as it can be read.
pub fn wanted(text: &str, kind: &DataType) -> Value {
    let read = value(text, kind).or_else(|error| match kind {
        DataType::Scalar(Type::Int) => numeric(text),
        _ => Err(error),
    });
    match read {
        // A number beyond single precision is another one in the sink.
        Ok(Value::Float(float)) if *kind == DataType::Real && float.is_infinite() => {
            numeric(text).unwrap_or(Value::Float(float))
        }
        read => read.unwrap_or_else(|_| Value::Text(text.to_owned())),
    }
}

fn of_document(text: &str, kind: &DataType) -> Result<Value, ValueError> {
    let error = |_| ValueError::new("JSON", text);
    of_json(serde_json::from_str::<&RawValue>(text).map_err(error)?, kind)
}

/// Reads a value of a type from JSON as Postgres makes it (`to_jsonb`).
fn of_json(raw: &RawValue, kind: &DataType) -> Result<Value, ValueError> {
    match (kind, Json::read(raw)?) {
        (_, Json::Null) => Ok(Value::Null),
        (DataType::Scalar(Type::Json), _) => Ok(Value::Json(json::compared(raw)?)),
        (DataType::Array(element), Json::Array(items)) => {
            let item = |item| of_json(item, element).map(|value| to_json(&value));
            Ok(Value::Json(items.into_iter().map(item).collect::<Result<_, _>>()?))
        }
        (DataType::Map(element), Json::Object(members)) => {
            let member = |(name, raw)| Ok((name, to_json(&of_json(raw, element)?)));
            Ok(Value::Json(members.into_iter().map(member).collect::<Result<_, ValueError>>()?))
        }
        (DataType::Row(fields), Json::Object(members)) => {
            let kind = |name: &str| fields.iter().find(|(of, _)| of == name).map(|(_, kind)| kind);
            let member = |(name, raw): (String, &RawValue)| {
                let member = match kind(&name) {
                    Some(kind) => to_json(&of_json(raw, kind)?),
                    None => json::compared(raw)?,
                };
                Ok((name, member))
            };
            Ok(Value::Json(members.into_iter().map(member).collect::<Result<_, ValueError>>()?))
        }
        // Read as a text it would be the same number again, without end.
        (DataType::Array(_) | DataType::Map(_) | DataType::Row(_), Json::Number(_)) => {
            Err(ValueError::new("an array or an object", raw.get()))
        }
        (_, Json::Text(text)) => value(&text, kind),
        (_, Json::Number(text)) => value(text, kind),
        (DataType::Scalar(Type::Bool), Json::Bool(value)) => Ok(Value::Bool(value)),
        (_, Json::Bool(_) | Json::Array(_) | Json::Object(_)) => {
            Ok(Value::Json(json::compared(raw)?))
        }
    }
}

/// A padded text without the spaces at its end.
pub(super) fn unpadded(text: &str) -> &str {
    text.trim_end_matches(' ')
}

/// A number of single precision: the one that is nearest.
pub(super) fn real(text: &str) -> Result<Value, ValueError> {
    match float(text)? {
        Value::Float(double) if double.is_finite() => {
            let single = text.trim().parse::<f32>();
            let single = single.map_err(|_| ValueError::new("a floating-point number", text))?;
            Ok(Value::Float(f64::from(single)))
        }
        special => Ok(special),
    }
}

/// `0101`, without the zeros in front.
pub(super) fn bits(text: &str) -> Result<Value, ValueError> {
    if !text.bytes().all(|digit| matches!(digit, b'0' | b'1')) {
        return Err(ValueError::new("bits as 0101", text));
    }
    Ok(Value::Text(text.trim_start_matches('0').to_owned()))
}

/// `-$1,234.50`, as Postgres writes it without a locale.
fn money(text: &str) -> Result<Value, ValueError> {
    let error = || ValueError::new("an amount of money as $1,234.50", text);
    let plain = text.chars().filter(|char| !matches!(char, '$' | ',' | ' ')).collect::<String>();
    decimal(&plain).map_err(|_| error())
}

/// `(1,2)`.
fn point(text: &str) -> Result<Value, ValueError> {
    let error = || ValueError::new("a point as (1,2)", text);
    let body = text.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let (x, y) = body.and_then(|body| body.split_once(',')).ok_or_else(error)?;
    let number = |text: &str| match float(text.trim()) {
        Ok(Value::Float(number)) => Ok(number),
        _ => Err(error()),
    };
    Ok(coordinates(number(x)?, number(y)?))
}

/// A point in the form it is compared in.
pub(super) fn coordinates(x: f64, y: f64) -> Value {
    let part = |number| to_json(&Value::Float(number));
    Value::Json(serde_json::json!({"x": part(x), "y": part(y)}))
}

fn value_of(text: &str, kind: &Type) -> Result<Value, ValueError> {
    match kind {
        Type::Bool => match text {
            // In capitals as Flink casts it to text.
            "t" | "true" | "TRUE" | "1" => Ok(Value::Bool(true)),
            "f" | "false" | "FALSE" | "0" => Ok(Value::Bool(false)),
            _ => Err(ValueError::new("a boolean", text)),
        },
        Type::Int => integer(text),
        Type::Decimal { .. } => numeric(text),
        Type::Float => float(text),
        Type::Text | Type::Other(_) => Ok(Value::Text(text.to_owned())),
        Type::Bytes => bytes(text),
        Type::Date => time::date(text).map(Value::Date),
        Type::Time => time::time_of_day(text).map(Value::Time),
        Type::Timestamp { .. } => time::timestamp(text).map(Value::Timestamp),
        Type::TimestampTz { .. } => time::timestamp_tz(text).map(Value::TimestampTz),
        Type::Json => json::document(text),
    }
}

pub(super) fn bytes(text: &str) -> Result<Value, ValueError> {
    let digits = text.strip_prefix("\\x").and_then(|digits| hex::decode(digits).ok());
    digits.map(Value::Bytes).ok_or_else(|| ValueError::new("bytes as \\x00ff", text))
}

/// An interval as Postgres keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Interval {
    pub(super) months: i64,
    pub(super) days: i64,
    pub(super) micros: i64,
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { months, days, micros } = self;
        write!(f, "{months} months {days} days {micros} us")
    }
}

/// `1 year 2 mons -3 days 04:05:06.78`.
pub(super) fn interval(text: &str) -> Result<Interval, ValueError> {
    let error = || ValueError::new("an interval as `1 day 02:03:04`", text);
    let mut interval = Interval::default();
    let mut words = text.split_ascii_whitespace();
    while let Some(word) = words.next() {
        if word.contains(':') {
            interval.micros = clock(word).ok_or_else(error)?;
            continue;
        }
        let count = word.parse::<i64>().map_err(|_| error())?;
        match words.next().ok_or_else(error)?.trim_end_matches('s') {
            "year" => interval.months += count.checked_mul(12).ok_or_else(error)?,
            "mon" => interval.months += count,
            "day" => interval.days += count,
            _ => return Err(error()),
        }
    }
    Ok(interval)
}

/// `-04:05:06.78`; hours have no limit.
fn clock(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (hours, rest) = text.strip_prefix('+').unwrap_or(text).split_once(':')?;
    let rest = time::time_of_day(&format!("00:{rest}")).ok()?;
    hours.parse::<i64>().ok()?.checked_mul(3_600_000_000)?.checked_add(rest)?.checked_mul(sign)
}

/// `"a"=>"1", "b"=>NULL`.
fn hstore(text: &str) -> Result<Value, ValueError> {
    let error = || ValueError::new("an hstore", text);
    let mut pairs = serde_json::Map::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = quoted(rest).ok_or_else(error)?;
        let after = after.strip_prefix("=>").ok_or_else(error)?;
        let (value, after) = match after.strip_prefix("NULL") {
            Some(after) => (None, after),
            None => quoted(after).map(|(value, after)| (Some(value), after)).ok_or_else(error)?,
        };
        pairs.insert(key, value.into());
        rest = after.trim_start_matches([',', ' ']);
    }
    Ok(Value::Json(pairs.into()))
}

/// A text in double quotes with backslash escapes, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let mut content = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((content, text.get(at + 1..)?)),
            '\\' => content.push(chars.next()?.1),
            _ => content.push(char),
        }
    }
    None
}

/// Reads an element of an array.
type Element<'a> = &'a dyn Fn(&str) -> Result<Value, ValueError>;

/// `{1,NULL,"a b",{2}}`, perhaps behind `[0:2]=`.
pub(super) fn array(text: &str, element: Element<'_>) -> Result<Value, ValueError> {
    let error = || ValueError::new("an array as {1,2}", text);
    let body = match text.strip_prefix('[') {
        Some(bounds) => bounds.split_once('=').map(|(_, body)| body).ok_or_else(error)?,
        None => text,
    };
    let mut parser = ArrayParser { text: body, element };
    let items = parser.items().ok_or_else(error)??;
    if parser.text.is_empty() { Ok(Value::Json(items)) } else { Err(error()) }
}

struct ArrayParser<'a> {
    text: &'a str,
    element: Element<'a>,
}

impl ArrayParser<'_> {
    fn eat(&mut self, char: char) -> bool {
        let rest = self.text.strip_prefix(char);
        self.text = rest.unwrap_or(self.text);
        rest.is_some()
    }

    /// `None`: not the form of an array; an inner error: an element is not of its type.
    fn items(&mut self) -> Option<Result<serde_json::Value, ValueError>> {
        if !self.eat('{') {
            return None;
        }
        let mut items = Vec::new();
        if self.eat('}') {
            return Some(Ok(items.into()));
        }
        loop {
            match self.item()? {
                Ok(item) => items.push(item),
                Err(error) => return Some(Err(error)),
            }
            if self.eat('}') {
                return Some(Ok(items.into()));
            }
            if !self.eat(',') {
                return None;
            }
        }
    }

    fn item(&mut self) -> Option<Result<serde_json::Value, ValueError>> {
        if self.text.starts_with('{') {
            return self.items();
        }
        if self.text.starts_with('"') {
            let (content, rest) = quoted(self.text)?;
            self.text = rest;
            return Some((self.element)(&content).map(|value| to_json(&value)));
        }
        let end = self.text.find([',', '}'])?;
        let (word, rest) = self.text.split_at_checked(end)?;
        self.text = rest;
        if word.eq_ignore_ascii_case("null") {
            return Some(Ok(serde_json::Value::Null));
        }
        Some((self.element)(word).map(|value| to_json(&value)))
    }
}

/// What a row reads as, for people: `NULL`, or the text.
pub fn shown(cells: &[Option<String>]) -> String {
    cells.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).join(" | ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn read(text: &str, kind: &str) -> Result<Value, String> {
        value(text, &DataType::postgres(kind)).map_err(|error| error.to_string())
    }

    #[rstest]
    #[case("t", "boolean", Value::Bool(true))]
    #[case("\\x00ff", "bytea", Value::Bytes(vec![0, 255]))]
    #[case("NaN", "text", Value::Text("NaN".to_owned()))]
    #[case("", "text", Value::Text(String::new()))]
    #[case("2025-01-01", "date", Value::Date(20_089))]
    #[case(
        "2025-01-01 10:00:00.5",
        "timestamp(3) without time zone",
        Value::Timestamp(1_735_725_600_500_000)
    )]
    #[case(
        "2025-01-01 10:00:00+00",
        "timestamp with time zone",
        Value::TimestampTz(1_735_725_600_000_000)
    )]
    #[case("1 year 2 mons 3 days -04:05:06.5", "interval", Value::Text("14 months 3 days -14706500000 us".to_owned()))]
    #[case("{1,NULL,3}", "integer[]", Value::Json(json!([1, null, 3])))]
    #[case("{{1.50},{2}}", "numeric(5,2)[]", Value::Json(json!([[1.5], [2]])))]
    #[case("[0:1]={a,\"b \\\"c\"}", "text[]", Value::Json(json!(["a", "b \"c"])))]
    #[case("\"a\"=>\"1\", \"b\"=>NULL", "hstore", Value::Json(json!({"a": "1", "b": null})))]
    fn a_value_is_read_by_its_type(#[case] text: &str, #[case] kind: &str, #[case] value: Value) {
        assert_eq!(read(text, kind), Ok(value));
    }

    #[rstest]
    #[case("yes", "boolean", "`yes` is not a boolean")]
    #[case("1.5", "integer", "`1.5` is not a whole number")]
    #[case("{1", "integer[]", "`{1` is not an array as {1,2}")]
    #[case("{x}", "integer[]", "`x` is not a whole number")]
    #[case("infinity", "date", "`infinity` is not a date as 2025-01-31")]
    fn what_is_not_of_its_type_is_refused(
        #[case] text: &str,
        #[case] kind: &str,
        #[case] sentence: &str,
    ) {
        assert_eq!(read(text, kind), Err(sentence.to_owned()));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}", kind in prop::sample::select(vec![
            "boolean", "integer", "numeric", "real", "bytea", "date", "time without time zone",
            "time with time zone", "timestamp without time zone", "timestamp with time zone",
            "interval", "hstore", "jsonb", "integer[]", "text[]",
        ])) {
            let _ = read(&text, kind).is_ok();
        }
    }
}
