//! An expression of Flink's that makes an event time of the columns of a row: read from text, and
//! worked out for one row.
//!
//! Only what makes times of numbers and texts is known; every other function is refused by its name.
//! Whole numbers are divided as in Flink, without a rest. A value that makes no time makes none here
//! either.

mod read;

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::token::{Language, significant};
use read::Reader;

/// A value of a row or of a part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL, or what makes no value.
    Null,
    /// A whole number.
    Whole(i128),
    /// Another number.
    Real(f64),
    /// A text.
    Text(String),
    /// Milliseconds since 1970.
    Time(i128),
}

/// An expression that makes a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    root: Node,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Value(Value),
    /// `table.column`.
    Column(String, String),
    Binary(Operator, Box<Node>, Box<Node>),
    Call(String, Vec<Node>),
    Cast(Box<Node>, Target),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Plus,
    Minus,
    Times,
    Over,
    Joined,
}

/// What a CAST makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Whole,
    Real,
    Text,
    Time,
}

impl Moment {
    /// Reads an expression; the error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let tokens = significant(Language::Flink, text);
        let mut reader = Reader::of(&tokens);
        let root = reader.sum()?;
        if let Some(rest) = reader.next() {
            return Err(format!("`{}` follows the expression", rest.text));
        }
        let found = Self { root };
        if let Node::Column(table, column) = &found.root {
            return Err(format!("this is a column: write `time: {table}.{column}`"));
        }
        if !found.root.is_time() {
            return Err(
                "it makes no time: end it with TO_TIMESTAMP_LTZ(…, 3), TO_TIMESTAMP(…) or \
                        CAST(… AS TIMESTAMP(3))"
                    .to_owned(),
            );
        }
        if found.columns().is_empty() {
            return Err("it names no column, so that each row has the same time".to_owned());
        }
        Ok(found)
    }

    /// The columns that it names, each with its table.
    pub fn columns(&self) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        self.root.columns(&mut found);
        found
    }

    /// The time of a row in milliseconds since 1970; `field` gives the values of its columns.
    pub fn millis(&self, field: &dyn Fn(&str) -> Value) -> Option<i64> {
        match self.root.value(field) {
            Value::Time(ms) => i64::try_from(ms).ok(),
            Value::Null | Value::Whole(_) | Value::Real(_) | Value::Text(_) => None,
        }
    }
}

impl Node {
    /// Whether it makes a time.
    fn is_time(&self) -> bool {
        match self {
            Self::Value(value) => matches!(value, Value::Time(_)),
            Self::Column(..) => false,
            Self::Binary(Operator::Plus | Operator::Minus, left, _) => left.is_time(),
            Self::Binary(..) => false,
            Self::Call(name, of) => match name.as_str() {
                "TO_TIMESTAMP" | "TO_TIMESTAMP_LTZ" => true,
                "COALESCE" | "IFNULL" => of.iter().all(Self::is_time),
                _ => false,
            },
            Self::Cast(_, target) => *target == Target::Time,
        }
    }

    fn columns(&self, found: &mut BTreeSet<(String, String)>) {
        match self {
            Self::Value(_) => {}
            Self::Column(table, column) => {
                found.insert((table.clone(), column.clone()));
            }
            Self::Binary(_, left, right) => {
                left.columns(found);
                right.columns(found);
            }
            Self::Call(_, of) => of.iter().for_each(|one| one.columns(found)),
            Self::Cast(of, _) => of.columns(found),
        }
    }

    fn value(&self, field: &dyn Fn(&str) -> Value) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Column(_, column) => field(column),
            Self::Binary(operator, left, right) => {
                combined(*operator, left.value(field), right.value(field))
            }
            Self::Call(name, of) => {
                let values: Vec<Value> = of.iter().map(|one| one.value(field)).collect();
                called(name, &values)
            }
            Self::Cast(of, target) => cast(of.value(field), *target),
        }
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "Flink's DOUBLE loses digits of large numbers too"
)]
fn combined(operator: Operator, left: Value, right: Value) -> Value {
    let real = |value: &Value| match value {
        Value::Whole(number) => Some(*number as f64),
        Value::Real(number) => Some(*number),
        Value::Null | Value::Text(_) | Value::Time(_) => None,
    };
    let found = match (operator, &left, &right) {
        (Operator::Joined, left, right) => return joined([left, right].into_iter()),
        (Operator::Plus, Value::Time(a), Value::Whole(b)) => a.checked_add(*b).map(Value::Time),
        (Operator::Minus, Value::Time(a), Value::Whole(b)) => a.checked_sub(*b).map(Value::Time),
        (_, Value::Whole(a), Value::Whole(b)) => match operator {
            Operator::Plus => a.checked_add(*b),
            Operator::Minus => a.checked_sub(*b),
            Operator::Times => a.checked_mul(*b),
            Operator::Over => a.checked_div(*b),
            Operator::Joined => None,
        }
        .map(Value::Whole),
        (_, left, right) => match (operator, real(left), real(right)) {
            (Operator::Plus, Some(a), Some(b)) => Some(Value::Real(a + b)),
            (Operator::Minus, Some(a), Some(b)) => Some(Value::Real(a - b)),
            (Operator::Times, Some(a), Some(b)) => Some(Value::Real(a * b)),
            (Operator::Over, Some(a), Some(b)) => Some(Value::Real(a / b)),
            _ => None,
        },
    };
    found.unwrap_or(Value::Null)
}

fn joined<'v>(parts: impl Iterator<Item = &'v Value>) -> Value {
    let texts: Option<Vec<String>> = parts
        .map(|part| match part {
            Value::Text(text) => Some(text.clone()),
            Value::Whole(number) => Some(number.to_string()),
            Value::Null | Value::Real(_) | Value::Time(_) => None,
        })
        .collect();
    texts.map_or(Value::Null, |texts| Value::Text(texts.concat()))
}

fn called(name: &str, values: &[Value]) -> Value {
    match (name, values) {
        ("COALESCE" | "IFNULL", values) => {
            values.iter().find(|value| **value != Value::Null).cloned().unwrap_or(Value::Null)
        }
        ("CONCAT", values) => joined(values.iter()),
        ("TRIM", [Value::Text(text)]) => Value::Text(text.trim_matches(' ').to_owned()),
        ("REPLACE", [Value::Text(text), Value::Text(from), Value::Text(to)]) => {
            Value::Text(text.replace(from, to))
        }
        ("SUBSTRING", [Value::Text(text), Value::Whole(from), rest @ ..]) => {
            substring(text, *from, rest.first())
        }
        ("FLOOR", [Value::Whole(number)]) => Value::Whole(*number),
        ("FLOOR", [Value::Real(number)]) => cast(Value::Real(number.floor()), Target::Whole),
        // Texts of the session's zone; what reads them back is told of the zone.
        ("FROM_UNIXTIME", [Value::Whole(seconds)]) => text_of(*seconds),
        ("TO_TIMESTAMP" | "TO_TIMESTAMP_LTZ", [Value::Text(text)]) => {
            read_time(text).map_or(Value::Null, Value::Time)
        }
        ("TO_TIMESTAMP" | "TO_TIMESTAMP_LTZ", [Value::Text(text), Value::Text(format)]) => {
            formatted(text, format).map_or(Value::Null, Value::Time)
        }
        ("TO_TIMESTAMP_LTZ", [number, rest @ ..]) => {
            let Value::Whole(count) = cast(number.clone(), Target::Whole) else {
                return Value::Null;
            };
            let ms = match rest.first() {
                Some(Value::Whole(0)) => count.checked_mul(1_000),
                _ => Some(count),
            };
            ms.map_or(Value::Null, Value::Time)
        }
        _ => Value::Null,
    }
}

fn substring(text: &str, from: i128, length: Option<&Value>) -> Value {
    let skipped = usize::try_from(from - 1).unwrap_or(0);
    let length = match length {
        Some(Value::Whole(length)) => usize::try_from(*length).unwrap_or(0),
        _ => usize::MAX,
    };
    Value::Text(text.chars().skip(skipped).take(length).collect())
}

fn text_of(seconds: i128) -> Value {
    let time = i64::try_from(seconds).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
    let text = time.map(|time| {
        let civil = time.to_zoned(TimeZone::UTC).datetime();
        format!("{} {}", civil.date(), civil.time())
    });
    text.map_or(Value::Null, Value::Text)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "what does not fit is cut, as in Flink"
)]
fn cast(value: Value, target: Target) -> Value {
    match (target, value) {
        (Target::Whole, Value::Whole(number)) => Value::Whole(number),
        (Target::Whole, Value::Real(number)) => Value::Whole(number.trunc() as i128),
        (Target::Whole, Value::Text(text)) => text.trim().parse().map_or(Value::Null, Value::Whole),
        (Target::Real, Value::Text(text)) => text.trim().parse().map_or(Value::Null, Value::Real),
        (Target::Real, number @ (Value::Whole(_) | Value::Real(_))) => number,
        (Target::Text, Value::Text(text)) => Value::Text(text),
        (Target::Text, Value::Whole(number)) => Value::Text(number.to_string()),
        (Target::Time, Value::Text(text)) => read_time(&text).map_or(Value::Null, Value::Time),
        (Target::Time, Value::Time(time)) => Value::Time(time),
        _ => Value::Null,
    }
}

/// A time as text, with a zone or without, as Flink and Debezium write it.
fn read_time(text: &str) -> Option<i128> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond().into());
    }
    let bare = text.trim_end_matches('Z');
    let time = bare.parse::<DateTime>().ok();
    since_1970(time.or_else(|| Some(bare.parse::<Date>().ok()?.to_datetime(Time::midnight())))?)
}

fn since_1970(time: DateTime) -> Option<i128> {
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond().into())
}

/// A text read by one of Java's patterns.
fn formatted(text: &str, format: &str) -> Option<i128> {
    let mut rest = text;
    let (mut date, mut time) = ([1970, 1, 1], [0, 0, 0]);
    let mut nanos = 0_i32;
    for (letter, length) in pieces(format).ok()? {
        let Piece::Digits(letter) = letter else {
            let Piece::Said(said) = letter else { return None };
            rest = rest.strip_prefix(said)?;
            continue;
        };
        let digits = rest.chars().take(length).take_while(char::is_ascii_digit).count();
        let (number, after) = (rest.get(..digits)?, rest.get(digits..)?);
        let value: i32 = number.parse().ok()?;
        rest = after;
        match letter {
            'y' | 'u' => *date.first_mut()? = value,
            'M' => *date.get_mut(1)? = value,
            'd' => *date.get_mut(2)? = value,
            'H' => *time.first_mut()? = value,
            'm' => *time.get_mut(1)? = value,
            's' => *time.get_mut(2)? = value,
            _ => {
                let scale = u32::try_from(9_usize.checked_sub(digits)?).ok()?;
                nanos = value.checked_mul(10_i32.pow(scale))?;
            }
        }
    }
    let small = |n: i32| i8::try_from(n).ok();
    let ([year, month, day], [hour, minute, second]) = (date, time);
    let date = Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
    let time = Time::new(small(hour)?, small(minute)?, small(second)?, nanos).ok()?;
    if rest.is_empty() { since_1970(date.to_datetime(time)) } else { None }
}

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// Digits that this letter stands for.
    Digits(char),
    /// The letter itself.
    Said(char),
}

/// The parts of a pattern, each with the length; the error is the letter that is not known.
fn pieces(format: &str) -> Result<Vec<(Piece, usize)>, char> {
    let mut found: Vec<(Piece, usize)> = Vec::new();
    let mut is_quoted = false;
    for letter in format.chars() {
        match letter {
            '\'' => is_quoted = !is_quoted,
            _ if is_quoted || !letter.is_ascii_alphabetic() => {
                found.push((Piece::Said(letter), 1));
            }
            'y' | 'u' | 'M' | 'd' | 'H' | 'm' | 's' | 'S' => match found.last_mut() {
                Some((Piece::Digits(same), length)) if *same == letter => *length += 1,
                _ => found.push((Piece::Digits(letter), 1)),
            },
            other => return Err(other),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// 2025-01-01 10:00:00.
    const TEN: i64 = 1_735_725_600_000;

    fn whole(number: i64) -> Value {
        Value::Whole(number.into())
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[rstest]
    #[case("TO_TIMESTAMP_LTZ(t.x, 3)", whole(TEN), Some(TEN))]
    #[case("to_timestamp_ltz(t.x * 1000, 3)", whole(TEN / 1_000), Some(TEN))]
    #[case("TO_TIMESTAMP_LTZ(t.x, 0)", whole(TEN / 1_000), Some(TEN))]
    #[case("TO_TIMESTAMP_LTZ(`t`.`x` / 1000, 3)", whole(TEN * 1_000 + 999), Some(TEN))]
    #[case("TO_TIMESTAMP_LTZ(CAST(t.x * 1000 AS BIGINT), 3)", Value::Real(1_735_725_600.5), Some(TEN + 500))]
    #[case("TO_TIMESTAMP(FROM_UNIXTIME(t.x))", whole(TEN / 1_000), Some(TEN))]
    #[case("TO_TIMESTAMP(t.x)", text("2025-01-01 10:00:00.250"), Some(TEN + 250))]
    #[case(
        "TO_TIMESTAMP(REPLACE(REPLACE(t.x, 'T', ' '), 'Z', ''))",
        text("2025-01-01T10:00:00Z"),
        Some(TEN)
    )]
    #[case("TO_TIMESTAMP(t.x, 'dd.MM.yyyy HH:mm')", text("01.01.2025 10:00"), Some(TEN))]
    #[case("TO_TIMESTAMP(t.x, 'yyyyMMdd''T''HHmmssSSS')", text("20250101T100000250"), Some(TEN + 250))]
    #[case("TO_TIMESTAMP(SUBSTRING(t.x, 1, 10) || ' 10:00:00')", text("2025-01-01T23"), Some(TEN))]
    #[case(
        "CAST(t.x AS TIMESTAMP(3)) + INTERVAL '2' HOURS",
        text("2025-01-01 08:00:00"),
        Some(TEN)
    )]
    #[case(
        "CAST(t.x AS TIMESTAMP(3) WITH LOCAL TIME ZONE)",
        text("2025-01-01T11:00:00+01:00"),
        Some(TEN)
    )]
    #[case("COALESCE(TO_TIMESTAMP(t.x), TIMESTAMP '2025-01-01 10:00:00')", text("soon"), Some(TEN))]
    #[case("TO_TIMESTAMP(t.x)", text("soon"), None)]
    #[case("TO_TIMESTAMP(t.x, 'yyyy-MM-dd')", text("2025-01-01 10"), None)]
    #[case("TO_TIMESTAMP_LTZ(t.x / 0, 3)", whole(5), None)]
    #[case("TO_TIMESTAMP_LTZ(t.x, 3)", Value::Null, None)]
    fn a_time_is_made_as_flink_makes_it(
        #[case] expression: &str,
        #[case] x: Value,
        #[case] expected: Option<i64>,
    ) {
        let moment = Moment::parse(expression).unwrap();
        assert_eq!(moment.columns(), BTreeSet::from([("t".to_owned(), "x".to_owned())]));
        assert_eq!(moment.millis(&|_| x.clone()), expected);
    }

    #[rstest]
    #[case("t.x", "this is a column")]
    #[case("t.x / 1000", "makes no time")]
    #[case("TO_TIMESTAMP_LTZ(x, 3)", "`x` lacks its source table")]
    #[case("TO_TIMESTAMP(DATE_FORMAT(t.x, 'yyyy'))", "`DATE_FORMAT` is not known here")]
    #[case("TO_TIMESTAMP(t.x, 'EEE')", "`E` in the pattern")]
    #[case("TIMESTAMP '2025-01-01 00:00:00'", "names no column")]
    #[case("TO_TIMESTAMP(t.x", "`,` is expected, not the end")]
    #[case("TO_TIMESTAMP(t.x) t", "`t` follows the expression")]
    #[case("TO_TIMESTAMP(t.x) + INTERVAL '1' MONTH", "INTERVAL '1' MONTH is not known")]
    #[case("", "it ends too early")]
    fn what_makes_no_time_is_told(#[case] expression: &str, #[case] expected: &str) {
        let told = Moment::parse(expression).unwrap_err();
        assert!(told.contains(expected), "{told}");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(
            expression in "(TO_TIMESTAMP|\\(|\\)|t\\.x|,|'y|'| \\+ | / |[0-9]{1,20}|CAST|AS|INTERVAL|é){0,20}",
            x in any::<i64>(),
        ) {
            if let Ok(moment) = Moment::parse(&expression) {
                moment.millis(&|_| whole(x));
            }
        }
    }
}
