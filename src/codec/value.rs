//! Reading and comparing single values, whichever hop they come from.

use bigdecimal::BigDecimal;
use bigdecimal::num_traits::ToPrimitive;

use crate::base::value::Value;

/// The relative difference up to which two floating-point numbers are equal.
const TOLERANCE: f64 = 1e-9;
/// Postgres' numeric has at most 131,072 digits before the point; a larger exponent is a mistake,
/// and writing it out would fill the memory.
const EXPONENT_MAX: i64 = 140_000;
/// How much of a value an error shows.
const SHOWN_CHARS: usize = 60;

/// A text is not of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {wanted}")]
pub struct ValueError {
    /// What was expected (`a date as 2025-01-31`).
    pub wanted: String,
    /// What was found, shortened.
    pub found: String,
}

impl ValueError {
    pub(super) fn new(wanted: &str, found: &str) -> Self {
        let mut shown = found.chars().take(SHOWN_CHARS).collect::<String>();
        if shown.len() < found.len() {
            shown.push('…');
        }
        Self { wanted: wanted.to_owned(), found: shown }
    }
}

/// Whether two values are equal: decimals by value, floating-point numbers to 1e-9 relative, all
/// else exactly.
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other,
        (Value::Float(one), Value::Float(other)) => close(*one, *other),
        (Value::Float(float), Value::Number(number))
        | (Value::Number(number), Value::Float(float)) => {
            number.to_f64().is_some_and(|number| close(number, *float))
        }
        _ => one == other,
    }
}

fn close(one: f64, other: f64) -> bool {
    if one.is_nan() || other.is_nan() {
        return one.is_nan() && other.is_nan();
    }
    let exactly = one.to_bits() == other.to_bits() || (one - other).abs() <= 0.0;
    let bound = TOLERANCE * one.abs().max(other.abs());
    exactly || (bound.is_finite() && (one - other).abs() <= bound)
}

/// The one text of a value under which equal values of one type are equal texts; `None` for NULL.
/// Keys are compared by it.
pub fn canonical(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Absent => None,
        Value::Number(number) => Some(number.normalized().to_plain_string()),
        Value::Bool(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Timestamp(_)
        | Value::TimestampTz(_)
        | Value::Json(_) => Some(value.to_string()),
    }
}

/// Reads a decimal number, also in scientific form.
pub fn decimal(text: &str) -> Result<Value, ValueError> {
    let error = || ValueError::new("a decimal number", text);
    let text = text.trim();
    let first = text.trim_start_matches(['+', '-']).chars().next();
    if !first.is_some_and(|char| char.is_ascii_digit() || char == '.') {
        return Err(error());
    }
    // The exponent is looked at before the number is built.
    if let Some((_, exponent)) = text.split_once(['e', 'E']) {
        let exponent = exponent.parse::<i64>().map_err(|_| error())?;
        if exponent.abs() > EXPONENT_MAX {
            return Err(ValueError::new("a decimal number of a size that Postgres knows", text));
        }
    }
    text.parse::<BigDecimal>().map(Value::Number).map_err(|_| error())
}

pub(super) fn integer(text: &str) -> Result<Value, ValueError> {
    match decimal(text) {
        Ok(Value::Number(number)) if number.is_integer() => Ok(Value::Number(number)),
        _ => Err(ValueError::new("a whole number", text)),
    }
}

pub(super) fn float(text: &str) -> Result<Value, ValueError> {
    let float = match text.to_ascii_lowercase().as_str() {
        "nan" => f64::NAN,
        "infinity" | "inf" | "positive_infinity" | "+infinity" => f64::INFINITY,
        "-infinity" | "-inf" | "negative_infinity" => f64::NEG_INFINITY,
        other => other.parse().map_err(|_| ValueError::new("a floating-point number", text))?,
    };
    Ok(Value::Float(float))
}

/// Reads an exact number that may be one of the special ones.
pub(super) fn numeric(text: &str) -> Result<Value, ValueError> {
    decimal(text).or_else(|error| match float(text) {
        Ok(Value::Float(special)) if !special.is_finite() => Ok(Value::Float(special)),
        _ => Err(error),
    })
}

/// A value as it stands inside of a JSON document: equal values give equal documents.
pub(super) fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null | Value::Absent => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => number_to_json(number),
        Value::Json(json) => json.clone(),
        // JSON has no numbers for the special ones.
        Value::Float(float) if !float.is_finite() => canonical(value).into(),
        Value::Float(float) => (*float).into(),
        Value::Text(_)
        | Value::Bytes(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Timestamp(_)
        | Value::TimestampTz(_) => canonical(value).into(),
    }
}

/// What stands before the digits of a number that a JSON library would round.
const EXACT: &str = "number ";

/// A number that a JSON library would round stays as a text with its digits.
pub(super) fn number_to_json(exact: &BigDecimal) -> serde_json::Value {
    let digits = exact.normalized().to_plain_string();
    if let Ok(whole) = digits.parse::<i64>() {
        return whole.into();
    }
    let float = digits.parse::<f64>().ok().filter(|float| float.is_finite());
    let kept = float.filter(|float| {
        float.to_string().parse::<BigDecimal>().is_ok_and(|rounded| rounded == *exact)
    });
    kept.map_or_else(|| format!("{EXACT}{digits}").into(), serde_json::Value::from)
}

/// The digits of a number that stands as a text in the form that documents are compared in.
pub(super) fn exact_digits(text: &str) -> Option<&str> {
    text.strip_prefix(EXACT).filter(|digits| decimal(digits).is_ok())
}

pub(super) mod time {
    //! Dates and times as counts, for every year that Postgres has.

    use super::ValueError;

    const DAY_US: i64 = 86_400_000_000;

    fn number(text: &str) -> Option<i64> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    }

    fn in_range(text: &str, low: i64, high: i64) -> Option<i64> {
        number(text).filter(|n| text.len() == 2 && (low..=high).contains(n))
    }

    /// Days since 1970-01-01 of a date of the proleptic Gregorian calendar (years count from March
    /// here, so that a leap day is the last of its year).
    fn days(year: i64, month: i64, day: i64) -> i64 {
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    fn days_in(year: i64, month: i64) -> i64 {
        let next = if month == 12 { days(year + 1, 1, 1) } else { days(year, month + 1, 1) };
        next - days(year, month, 1)
    }

    fn civil(text: &str, before_christ: bool) -> Option<i64> {
        let (sign, text) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let mut parts = text.splitn(3, '-');
        let year = parts.next().filter(|year| (4..=6).contains(&year.len())).and_then(number)?;
        let year = if before_christ { 1 - year } else { sign * year };
        let month = in_range(parts.next()?, 1, 12)?;
        let day = in_range(parts.next()?, 1, days_in(year, month))?;
        Some(days(year, month, day))
    }

    pub(in crate::codec) fn date(text: &str) -> Result<i64, ValueError> {
        let (date, before_christ) = without_era(text);
        civil(date, before_christ).ok_or_else(|| ValueError::new("a date as 2025-01-31", text))
    }

    fn without_era(text: &str) -> (&str, bool) {
        text.strip_suffix(" BC").map_or((text, false), |date| (date, true))
    }

    fn of_day(text: &str) -> Option<i64> {
        let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
        let mut parts = clock.split(':');
        let hour = in_range(parts.next()?, 0, 24)?;
        let minute = in_range(parts.next()?, 0, 59)?;
        let second = parts.next().map_or(Some(0), |text| in_range(text, 0, 60))?;
        if parts.next().is_some() || text.ends_with('.') {
            return None;
        }
        // Digits beyond the microsecond have no place in a value; they must be zeros.
        let (micros, beyond) = fraction.split_at_checked(6).unwrap_or((fraction, ""));
        if !beyond.bytes().all(|byte| byte == b'0') {
            return None;
        }
        let micros = if micros.is_empty() { 0 } else { number(&format!("{micros:0<6}"))? };
        Some(((hour * 60 + minute) * 60 + second) * 1_000_000 + micros)
    }

    pub(in crate::codec) fn time_of_day(text: &str) -> Result<i64, ValueError> {
        of_day(text).ok_or_else(|| ValueError::new("a time of day as 10:30:00", text))
    }

    /// Splits a zone (`Z`, `+02`, `-03:30`, `+05:30:15`) off, in seconds.
    fn zone(text: &str) -> Option<(&str, i64)> {
        if let Some(clock) = text.strip_suffix('Z') {
            return Some((clock, 0));
        }
        let at = text.rfind(['+', '-']).filter(|at| text.get(..*at).is_some_and(has_clock))?;
        let (clock, zone) = text.split_at_checked(at)?;
        let (sign, zone) = zone.split_at_checked(1)?;
        let mut seconds = 0;
        let mut unit = 3600;
        for part in zone.split(':') {
            seconds += in_range(part, 0, 59)? * unit;
            unit /= 60;
        }
        Some((clock.trim_end(), if sign == "-" { -seconds } else { seconds }))
    }

    fn has_clock(text: &str) -> bool {
        text.contains(':')
    }

    pub(in crate::codec) fn time_tz(text: &str) -> Result<i64, ValueError> {
        let read = || {
            let (clock, seconds) = zone(text)?;
            Some((of_day(clock)? - seconds * 1_000_000).rem_euclid(DAY_US))
        };
        read().ok_or_else(|| ValueError::new("a time of day with a zone as 10:30:00+02", text))
    }

    fn local(text: &str, before_christ: bool) -> Option<i64> {
        let (date, clock) = text.split_once([' ', 'T'])?;
        civil(date, before_christ)?.checked_mul(DAY_US)?.checked_add(of_day(clock)?)
    }

    pub(in crate::codec) fn timestamp(text: &str) -> Result<i64, ValueError> {
        let (moment, before_christ) = without_era(text);
        local(moment, before_christ)
            .ok_or_else(|| ValueError::new("a timestamp as 2025-01-31 10:30:00", text))
    }

    pub(in crate::codec) fn timestamp_tz(text: &str) -> Result<i64, ValueError> {
        let (moment, before_christ) = without_era(text);
        let read = || {
            let (moment, seconds) = zone(moment)?;
            local(moment, before_christ)?.checked_sub(seconds * 1_000_000)
        };
        read()
            .ok_or_else(|| ValueError::new("a timestamp with a zone as 2025-01-31 10:30:00Z", text))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1970-01-01", 0)]
    #[case("2000-02-29", 11_016)]
    #[case("1969-12-31", -1)]
    #[case("0001-01-01 BC", -719_528)]
    #[case("10000-01-01", 2_932_897)]
    fn dates_are_days_since_1970(#[case] text: &str, #[case] days: i64) {
        assert_eq!(time::date(text), Ok(days));
    }

    #[rstest]
    #[case("2025-02-29")]
    #[case("2025-1-1")]
    #[case("infinity")]
    #[case("")]
    fn what_is_no_date_is_refused(#[case] text: &str) {
        let sentence = time::date(text).unwrap_err().to_string();
        assert_eq!(sentence, format!("`{text}` is not a date as 2025-01-31"));
    }

    #[rstest]
    #[case("2025-01-01 10:00:00Z", 1_735_725_600_000_000)]
    #[case("2025-01-01T12:00:00.000001+02", 1_735_725_600_000_001)]
    #[case("2025-01-01 06:30:00-03:30", 1_735_725_600_000_000)]
    fn zones_are_taken_off(#[case] text: &str, #[case] micros: i64) {
        assert_eq!(time::timestamp_tz(text), Ok(micros));
    }

    #[test]
    fn a_zone_is_needed_where_it_counts_and_refused_where_not() {
        assert!(time::timestamp_tz("2025-01-01 10:00:00").is_err());
        assert!(time::timestamp("2025-01-01 10:00:00Z").is_err());
        assert!(time::timestamp("2025-01-01 10:00:00.0000001").is_err());
        assert_eq!(time::timestamp("2025-01-01 10:00:00.100000000"), Ok(1_735_725_600_100_000));
        assert_eq!(time::time_tz("01:00:00+02"), Ok(82_800_000_000));
    }

    #[test]
    fn numbers_are_compared_by_value_and_floats_nearly() {
        let number = |text| decimal(text).unwrap();
        assert!(same(&number("1.10"), &number("1.1")));
        assert!(same(&number("1E+1"), &number("10")));
        assert!(!same(&number("0.30000000000000001"), &number("0.3")));
        assert!(same(&Value::Float(0.1 + 0.2), &Value::Float(0.3)));
        assert!(!same(&Value::Float(0.3), &Value::Float(0.300_001)));
        assert!(same(&Value::Float(f64::NAN), &Value::Float(f64::NAN)));
        assert!(same(&number("0.1"), &Value::Float(0.1)));
        assert!(!same(&number("1"), &Value::Text("1".to_owned())));
        assert!(!same(&Value::Null, &Value::Text(String::new())));
    }

    #[test]
    fn a_number_that_would_fill_the_memory_is_refused() {
        assert!(decimal("1E+1000000000").is_err());
        assert!(decimal("1E-99999999999999999999").is_err());
        assert!(decimal("nan").is_err());
        assert_eq!(canonical(&decimal("1E+2").unwrap()), Some("100".to_owned()));
    }
}
