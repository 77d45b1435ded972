//! Whether a column of a declared Flink type can hold a value as it is.

use bigdecimal::BigDecimal;
use bigdecimal::num_traits::ToPrimitive as _;

use super::types::arguments;
use super::value::decimal;
use crate::base::value::Value;

const DAY_US: i64 = 86_400_000_000;

/// Whether a value fits a type as Flink writes it (`DECIMAL(8, 2) NOT NULL`). Where the type is of
/// another kind than the value, nothing is said against it.
pub fn fits(value: &Value, declared: &str) -> bool {
    let (name, arguments) = arguments(declared);
    let name = name.as_str();
    let argument = |n: usize| arguments.get(n).copied();
    match value {
        Value::Number(number) => number_fits(number, name, &arguments),
        Value::Float(float) if !float.is_finite() => !is_exact(name),
        Value::Float(float) if is_whole(name) => {
            BigDecimal::try_from(*float).is_ok_and(|number| number_fits(&number, name, &arguments))
        }
        Value::Text(text) => match name {
            "CHAR" | "VARCHAR" => {
                let most = usize::try_from(argument(0).unwrap_or(1)).unwrap_or(usize::MAX);
                text.trim_end_matches(' ').chars().nth(most).is_none()
            }
            _ if is_exact(name) => match decimal(text) {
                Ok(Value::Number(number)) => number_fits(&number, name, &arguments),
                _ => false,
            },
            _ => !matches!(name, "DATE" | "TIME" | "TIMESTAMP" | "TIMESTAMP_LTZ"),
        },
        Value::Bytes(bytes) => match name {
            "BINARY" | "VARBINARY" => {
                let most = usize::try_from(argument(0).unwrap_or(1)).unwrap_or(usize::MAX);
                bytes.len() <= most
            }
            _ => true,
        },
        Value::Timestamp(micros) | Value::TimestampTz(micros) => match name {
            "TIMESTAMP" | "TIMESTAMP_LTZ" => has_digits(*micros, argument(0).unwrap_or(6)),
            "DATE" => micros.rem_euclid(DAY_US) == 0,
            _ => true,
        },
        Value::Time(micros) if name == "TIME" => has_digits(*micros, argument(0).unwrap_or(0)),
        Value::Null
        | Value::Absent
        | Value::Bool(_)
        | Value::Float(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Json(_) => true,
    }
}

fn is_whole(name: &str) -> bool {
    matches!(name, "TINYINT" | "SMALLINT" | "INT" | "INTEGER" | "BIGINT")
}

fn is_exact(name: &str) -> bool {
    is_whole(name) || matches!(name, "DECIMAL" | "DEC" | "NUMERIC")
}

fn number_fits(number: &BigDecimal, name: &str, arguments: &[u32]) -> bool {
    let whole = |bits: u32| {
        let limit = BigDecimal::from(1_i128 << (bits - 1));
        number.is_integer() && *number < limit && *number >= -limit
    };
    match name {
        "TINYINT" => whole(8),
        "SMALLINT" => whole(16),
        "INT" | "INTEGER" => whole(32),
        "BIGINT" => whole(64),
        "DECIMAL" | "DEC" | "NUMERIC" => {
            let precision = i64::from(arguments.first().copied().unwrap_or(10));
            let scale = i64::from(arguments.get(1).copied().unwrap_or(0));
            let number = number.normalized();
            let before_point = if number.abs() < 1 {
                0
            } else {
                i64::try_from(number.digits()).unwrap_or(i64::MAX) - number.fractional_digit_count()
            };
            number.fractional_digit_count() <= scale && before_point <= precision - scale
        }
        "FLOAT" => number.to_f32().is_some_and(f32::is_finite),
        "DOUBLE" => number.to_f64().is_some_and(f64::is_finite),
        _ => true,
    }
}

/// Whether a count of microseconds needs no more digits behind the second.
fn has_digits(micros: i64, digits: u32) -> bool {
    let unit = 10_i64.pow(6_u32.saturating_sub(digits));
    micros % unit == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::codec::postgres;
    use crate::codec::types::DataType;

    #[rstest]
    #[case("numeric", "999999.99", "DECIMAL(8,2)", true)]
    #[case("numeric", "1000000.00", "DECIMAL(8,2)", false)]
    #[case("numeric", "-1000000.00", "DECIMAL(8, 2) NOT NULL", false)]
    #[case("numeric", "1.230", "DECIMAL(8,2)", true)]
    #[case("numeric", "1.234", "DECIMAL(8,2)", false)]
    #[case("numeric", "0.05", "DECIMAL(2,2)", true)]
    #[case("numeric", "1", "DECIMAL(2,2)", false)]
    #[case("numeric", "1e20", "DECIMAL(10,4)", false)]
    #[case("numeric", "100", "DECIMAL", true)]
    #[case("numeric", "NaN", "DECIMAL(38,2)", false)]
    #[case("numeric", "NaN", "DOUBLE", true)]
    #[case("bigint", "2147483647", "INT", true)]
    #[case("bigint", "2147483648", "INT", false)]
    #[case("bigint", "-2147483648", "INT NOT NULL", true)]
    #[case("bigint", "-129", "TINYINT", false)]
    #[case("numeric", "1.5", "BIGINT", false)]
    #[case("double precision", "1.5", "INT", false)]
    #[case("double precision", "1.5", "DECIMAL(3,1)", true)]
    #[case("text", "abc", "VARCHAR(3)", true)]
    #[case("text", "abcd", "VARCHAR(3)", false)]
    #[case("text", "äöü", "CHAR(3)", true)]
    #[case("text", "ab   ", "CHAR(2)", true)]
    #[case("text", "abcd", "STRING", true)]
    #[case("text", "12", "INT", true)]
    #[case("text", "x", "INT", false)]
    #[case("text", "x", "DATE", false)]
    #[case("bytea", "\\x0102", "BINARY(1)", false)]
    #[case("bytea", "\\x0102", "BYTES", true)]
    #[case("timestamp without time zone", "2025-01-01 10:00:00.001", "TIMESTAMP(3)", true)]
    #[case("timestamp without time zone", "2025-01-01 10:00:00.0001", "TIMESTAMP(3)", false)]
    #[case("timestamp without time zone", "2025-01-01 10:00:00.0001", "TIMESTAMP", true)]
    #[case("timestamp with time zone", "2025-01-01 10:00:00.0001+00", "TIMESTAMP_LTZ(3)", false)]
    #[case("timestamp without time zone", "2025-01-01 10:00:00", "DATE", false)]
    #[case("timestamp without time zone", "2025-01-01 10:00:00.0001", "BIGINT", true)]
    #[case("time without time zone", "10:00:00.5", "TIME", false)]
    #[case("date", "2025-01-01", "INT", true)]
    fn a_type_holds_what_it_can(
        #[case] postgres: &str,
        #[case] text: &str,
        #[case] declared: &str,
        #[case] expected: bool,
    ) {
        let value = postgres::value(text, &DataType::postgres(postgres)).unwrap();
        assert_eq!(fits(&value, declared), expected);
    }

    proptest! {
        #[test]
        fn a_number_fits_the_type_that_has_its_digits(whole in 0_u32..1_000_000, cents in 0_u32..100) {
            let value = decimal(&format!("{whole}.{cents:02}")).unwrap();
            prop_assert!(fits(&value, "DECIMAL(8,2)"));
            prop_assert_eq!(fits(&value, "DECIMAL(7,1)"), cents % 10 == 0);
            prop_assert_eq!(fits(&value, "DECIMAL(7,2)"), whole < 100_000);
            prop_assert_eq!(fits(&value, "INT"), cents == 0);
        }

        #[test]
        fn no_type_makes_it_panic(declared in "\\PC{0,20}", text in "-?[0-9]{1,40}(\\.[0-9]{1,40})?") {
            let _ = fits(&decimal(&text).unwrap(), &declared);
        }
    }
}
