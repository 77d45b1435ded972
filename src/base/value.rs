//! Column types and values in one form, whichever hop they were read at, so that two hops can be
//! compared without going through text or floating point.

use std::fmt;

use bigdecimal::BigDecimal;
use serde::{Deserialize, Serialize};

/// The type a value is compared under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// `boolean`.
    Bool,
    /// Whole numbers of any width.
    Int,
    /// Exact decimals; `scale` is how many digits stand behind the point, if the type fixes it.
    Decimal {
        /// Digits behind the point; `None` for `numeric` without a modifier.
        scale: Option<u32>,
    },
    /// `real`, `double precision`; compared with a relative tolerance of 1e-9.
    Float,
    /// Text of any kind, `uuid`, enums.
    Text,
    /// `bytea`, `BYTES`.
    Bytes,
    /// `date`: days since 1970-01-01.
    Date,
    /// `time`: microseconds since midnight.
    Time,
    /// `timestamp` without a zone: microseconds since 1970-01-01 00:00:00; `precision` is the
    /// number of digits of the second that are kept.
    Timestamp {
        /// Digits behind the second, 0 to 6 (9 in Flink).
        precision: u32,
    },
    /// `timestamptz`, `TIMESTAMP_LTZ`: microseconds since 1970-01-01 00:00:00 UTC.
    TimestampTz {
        /// Digits behind the second.
        precision: u32,
    },
    /// `json`, `jsonb`, arrays, maps, rows: compared as JSON.
    Json,
    /// A type nothing is known of, by its name; compared as text, and `unknown` when that differs.
    Other(String),
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// See [`Type::Bool`].
    Bool(bool),
    /// See [`Type::Int`] and [`Type::Decimal`]: compared by value, `1.10 == 1.1`.
    Number(BigDecimal),
    /// See [`Type::Float`]; also the numeric `NaN` and infinities.
    Float(f64),
    /// See [`Type::Text`].
    Text(String),
    /// See [`Type::Bytes`].
    Bytes(Vec<u8>),
    /// Days since 1970-01-01.
    Date(i64),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01 00:00:00, without a zone.
    Timestamp(i64),
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    TimestampTz(i64),
    /// See [`Type::Json`].
    Json(serde_json::Value),
    /// The WAL carries no value here: an unchanged TOAST column, or a column of a
    /// before-image that the replica identity leaves out.
    Absent,
}

impl fmt::Display for Value {
    /// As people write it in a row table; `NULL` for null.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Bool(value) => value.fmt(f),
            Self::Number(value) => f.write_str(&value.to_plain_string()),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
            Self::Bytes(value) => write!(f, "\\x{}", hex::encode(value)),
            Self::Date(days) => f.write_str(&time::date(*days)),
            Self::Time(micros) => f.write_str(&time::time_of_day(*micros)),
            Self::Timestamp(micros) => f.write_str(&time::timestamp(*micros)),
            Self::TimestampTz(micros) => write!(f, "{}Z", time::timestamp(*micros)),
            Self::Json(value) => value.fmt(f),
            Self::Absent => f.write_str("(not in the WAL)"),
        }
    }
}

/// Dates and times from their counts.
mod time {
    use jiff::civil;
    use jiff::{SignedDuration, ToSpan};

    fn epoch() -> civil::DateTime {
        civil::date(1970, 1, 1).at(0, 0, 0, 0)
    }

    fn seconds(micros: i64) -> String {
        let fraction = micros.rem_euclid(1_000_000);
        if fraction == 0 {
            return String::new();
        }
        format!(".{fraction:06}").trim_end_matches('0').to_owned()
    }

    pub(super) fn date(days: i64) -> String {
        epoch()
            .date()
            .checked_add(days.days())
            .map_or_else(|_| format!("{days} days"), |date| date.to_string())
    }

    pub(super) fn time_of_day(micros: i64) -> String {
        let s = micros.div_euclid(1_000_000);
        format!("{:02}:{:02}:{:02}{}", s / 3600, s / 60 % 60, s % 60, seconds(micros))
    }

    pub(super) fn timestamp(micros: i64) -> String {
        let whole = epoch().checked_add(SignedDuration::from_secs(micros.div_euclid(1_000_000)));
        whole.map_or_else(
            |_| format!("{micros} us"),
            |at| format!("{} {}{}", at.date(), at.time(), seconds(micros)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_people_write_them() {
        assert_eq!(Value::Timestamp(1_735_725_600_000_000).to_string(), "2025-01-01 10:00:00");
        assert_eq!(Value::TimestampTz(-1).to_string(), "1969-12-31 23:59:59.999999Z");
        assert_eq!(Value::Date(-1).to_string(), "1969-12-31");
        assert_eq!(Value::Time(36_000_500_000).to_string(), "10:00:00.5");
    }
}
