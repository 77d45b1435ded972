//! Types of Postgres that have forms of their own in records, or none at all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bigdecimal::BigDecimal;
use bigdecimal::num_traits::ToPrimitive as _;
use serde_json::value::RawValue;

use crate::base::value::Value;
use crate::codec::json::{Json, Object};
use crate::codec::postgres::{self, Interval};
use crate::codec::types::DataType;
use crate::codec::value::{ValueError, decimal, float};

/// Arrays whose elements have a form and which have none themselves, as the connector's
/// `PostgresValueConverter` lists them.
const ARRAYS: &[&str] = &["money", "name", "interval", "bit varying", "xml", "point", "refcursor"];

/// Whether the connector may leave a column of this type out of its records. `base` is what the type
/// is read as, if that is another one; `writes` says that it is told to write types that it does not
/// know.
pub fn may_be_left_out(type_name: &str, base: Option<&str>, writes: bool) -> bool {
    let unknown = |name: &str| !writes && DataType::postgres(name).is_unknown();
    let Some(element) = type_name.strip_suffix("[]") else {
        return base.is_none() && unknown(type_name);
    };
    let word = element.split(['(']).next().unwrap_or(element);
    // Nor has an array of a domain one; one of an enum has.
    ARRAYS.iter().any(|array| word.starts_with(array))
        || (unknown(element) && base != Some("text[]"))
}

/// The text that stands in the bytes of a type which the connector does not know.
pub(super) fn unknown(text: &str, bytes: Result<Value, ValueError>) -> Value {
    let read = match bytes {
        Ok(Value::Bytes(bytes)) => String::from_utf8(bytes).ok(),
        _ => None,
    };
    Value::Text(read.unwrap_or_else(|| text.to_owned()))
}

/// Bits as Debezium writes them: the last ones in the first byte, in base64 whatever the mode of
/// binary values.
pub(super) fn bits(text: &str) -> Result<Value, ValueError> {
    let bytes = STANDARD.decode(text);
    let bytes = bytes.map_err(|_| ValueError::new("bits in base64", text))?;
    let digits = bytes.iter().rev().map(|byte| format!("{byte:08b}")).collect::<String>();
    postgres::bits(&digits)
}

/// A point: its coordinates, which its well-known binary form says again.
pub(super) fn point(raw: &RawValue, members: &Object<'_>) -> Result<Value, ValueError> {
    let error = || ValueError::new("a point with its coordinates", raw.get());
    let coordinate = |name| match members.get(name).map(|raw| Json::read(raw)) {
        Some(Ok(Json::Number(text))) => float(text),
        Some(Ok(Json::Text(text))) => float(&text),
        _ => Err(error()),
    };
    let (Value::Float(x), Value::Float(y)) = (coordinate("x")?, coordinate("y")?) else {
        return Err(error());
    };
    if let Some(Ok(Json::Text(wkb))) = members.get("wkb").map(|raw| Json::read(raw)) {
        // Little-endian, of the kind 1 (a point).
        let head = [1, 1, 0, 0, 0].into_iter();
        let expected = head.chain(x.to_le_bytes()).chain(y.to_le_bytes()).collect::<Vec<_>>();
        if STANDARD.decode(wkb).ok() != Some(expected) {
            return Err(ValueError::new("a point whose `wkb` says its coordinates", raw.get()));
        }
    }
    Ok(postgres::coordinates(x, y))
}

/// The microseconds of an interval as Debezium counts them: a month is a twelfth of 365.25 days.
pub(super) fn in_micros(interval: Interval) -> Result<Value, ValueError> {
    let error = || ValueError::new("an interval of countable length", &interval.to_string());
    let months = interval.months.to_f64().ok_or_else(error)?;
    let days = interval.days.to_f64().ok_or_else(error)?;
    let micros = interval.micros.to_f64().ok_or_else(error)?;
    let total = (months * (365.25 / 12.0) + days) * 86_400_000_000.0 + micros;
    total.trunc().to_i64().map(|total| Value::Number(total.into())).ok_or_else(error)
}

/// `P1Y2M3DT4H5M6.78S`.
pub(super) fn iso_interval(text: &str) -> Result<Interval, ValueError> {
    let error = || ValueError::new("an interval as P1Y2M3DT4H5M6S", text);
    let body = text.strip_prefix('P').ok_or_else(error)?;
    let (date, clock) = body.split_once('T').unwrap_or((body, ""));
    let mut interval = Interval::default();
    for (count, unit) in units(date).ok_or_else(error)? {
        let count = count.parse::<i64>().map_err(|_| error())?;
        match unit {
            'Y' => interval.months += count.checked_mul(12).ok_or_else(error)?,
            'M' => interval.months += count,
            'W' => interval.days += count.checked_mul(7).ok_or_else(error)?,
            'D' => interval.days += count,
            _ => return Err(error()),
        }
    }
    for (count, unit) in units(clock).ok_or_else(error)? {
        let Value::Number(count) = decimal(count)? else { return Err(error()) };
        let micros: i64 = match unit {
            'H' => 3_600_000_000,
            'M' => 60_000_000,
            'S' => 1_000_000,
            _ => return Err(error()),
        };
        let micros = (count * BigDecimal::from(micros)).to_i64().ok_or_else(error)?;
        interval.micros = interval.micros.checked_add(micros).ok_or_else(error)?;
    }
    Ok(interval)
}

/// `4H5M` → (4, H), (5, M).
fn units(text: &str) -> Option<Vec<(&str, char)>> {
    let mut units = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let at = rest.find(|char: char| char.is_ascii_alphabetic())?;
        let (count, unit) = rest.split_at_checked(at)?;
        units.push((count, unit.chars().next()?));
        rest = unit.get(1..)?;
    }
    Some(units)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("box", None, true)]
    #[case("box[]", None, true)]
    #[case("pair", None, true)]
    #[case("money[]", None, true)]
    #[case("interval(3)[]", None, true)]
    #[case("bit varying(5)[]", None, true)]
    #[case("price[]", Some("numeric(8,2)[]"), true)]
    #[case("mood[]", Some("text[]"), false)]
    #[case("mood", Some("text"), false)]
    #[case("price", Some("numeric(8,2)"), false)]
    #[case("money", None, false)]
    #[case("integer[]", None, false)]
    #[case("bit(3)", None, false)]
    fn only_types_without_a_form_may_be_left_out(
        #[case] type_name: &str,
        #[case] base: Option<&str>,
        #[case] expected: bool,
    ) {
        assert_eq!(may_be_left_out(type_name, base, false), expected);
        // An array that has no form has none whatever the connector is told.
        let has_none = expected && !type_name.contains("box") && type_name.ends_with("[]");
        let has_none = has_none && base.is_none();
        assert_eq!(may_be_left_out(type_name, base, true), has_none);
    }

    #[test]
    fn a_point_whose_two_forms_differ_is_none() {
        let wkb = |x: f64| {
            let bytes =
                [1, 1, 0, 0, 0].into_iter().chain(x.to_le_bytes()).chain(2_f64.to_le_bytes());
            STANDARD.encode(bytes.collect::<Vec<u8>>())
        };
        let read = |x: f64| {
            let json = format!("{{\"x\":1.0,\"y\":2.0,\"wkb\":\"{}\",\"srid\":null}}", wkb(x));
            let members = serde_json::from_str::<Object<'_>>(&json).unwrap();
            point(serde_json::from_str(&json).unwrap(), &members)
        };
        assert_eq!(read(1.0), postgres::value("(1,2)", &DataType::Point));
        assert!(read(1.5).is_err());
    }
}
