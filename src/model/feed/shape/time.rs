//! What Kafka's `TimestampConverter` makes of a time that is a number.
//!
//! Source: Kafka's `TimestampConverter`. Seen on 4.3.1 (scenario
//! `records/times-as-another-kind`).

use super::step::Form;

/// What it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    target: Target,
    unit: Unit,
    /// The pattern of texts.
    format: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Text,
    Unix,
    Date,
    Time,
    Timestamp,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

const DAY: i64 = 86_400_000;

impl Time {
    /// By the options `target.type`, `unix.precision` and `format`.
    pub(super) fn of(
        target: Option<&str>,
        unit: Option<&str>,
        format: Option<&str>,
    ) -> Result<Self, String> {
        let target = match target.unwrap_or("") {
            "string" => Target::Text,
            "unix" => Target::Unix,
            "Date" => Target::Date,
            "Time" => Target::Time,
            "Timestamp" => Target::Timestamp,
            other => return Err(format!("a time as `{other}` has no model")),
        };
        let unit = match unit.unwrap_or("milliseconds") {
            "seconds" => Unit::Seconds,
            "milliseconds" => Unit::Millis,
            "microseconds" => Unit::Micros,
            "nanoseconds" => Unit::Nanos,
            other => return Err(format!("a time in `{other}` has no model")),
        };
        let format = format.unwrap_or("").to_owned();
        if target == Target::Text && formatted(&format, 0).is_none() {
            return Err(format!("a time in the form `{format}` has no model"));
        }
        Ok(Self { target, unit, format })
    }

    /// What becomes of a number.
    pub(super) fn of_number(&self, number: i128) -> Form {
        let Ok(number) = i64::try_from(number) else { return Form::Untold };
        let millis = match self.unit {
            Unit::Seconds => number.saturating_mul(1000),
            Unit::Millis => number,
            // Java cuts off towards nothing.
            Unit::Micros => number / 1000,
            Unit::Nanos => number / 1_000_000,
        };
        match self.target {
            Target::Text => formatted(&self.format, millis).map_or(Form::Untold, Form::Text),
            Target::Unix => Form::Whole(i128::from(match self.unit {
                Unit::Seconds => millis / 1000,
                Unit::Millis => millis,
                Unit::Micros => millis.saturating_mul(1000),
                Unit::Nanos => millis.saturating_mul(1_000_000),
            })),
            Target::Date => Form::Time(millis.div_euclid(DAY)),
            Target::Time => Form::Time(millis.rem_euclid(DAY)),
            Target::Timestamp => Form::Time(millis),
        }
    }
}

/// A time in UTC by a pattern of Java's `SimpleDateFormat`; `None` where a letter of it is not known
/// here.
fn formatted(pattern: &str, millis: i64) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(millis).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
    let mut text = String::new();
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        if letter == '\'' {
            if rest.next_if_eq(&'\'').is_some() {
                text.push('\'');
                continue;
            }
            while let Some(c) = rest.next() {
                if c == '\'' && rest.next_if_eq(&'\'').is_none() {
                    break;
                }
                text.push(c);
            }
            continue;
        }
        if !letter.is_ascii_alphabetic() {
            text.push(letter);
            continue;
        }
        let mut width = 1;
        while rest.next_if_eq(&letter).is_some() {
            width += 1;
        }
        let number = match (letter, width) {
            ('y', 2) => i64::from(at.year().rem_euclid(100)),
            ('y', _) if at.year() > 0 => i64::from(at.year()),
            ('M', 1 | 2) => i64::from(at.month()),
            ('d', _) => i64::from(at.day()),
            ('H', _) => i64::from(at.hour()),
            ('m', _) => i64::from(at.minute()),
            ('s', _) => i64::from(at.second()),
            ('S', _) => millis.rem_euclid(1000),
            ('X', 1..=3) => {
                text.push('Z');
                continue;
            }
            ('Z', _) => {
                text.push_str("+0000");
                continue;
            }
            ('z', 1..=3) => {
                text.push_str("UTC");
                continue;
            }
            _ => return None,
        };
        text.push_str(&format!("{number:0width$}"));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("yyyy-MM-dd HH:mm:ss.SSS", 1_735_725_600_001, "2025-01-01 10:00:00.001")]
    #[case("yyyy-MM-dd'T'HH:mm:ssXXX", 0, "1970-01-01T00:00:00Z")]
    #[case("d.M.yy 'at' H 'o''clock'", 1_735_725_600_001, "1.1.25 at 10 o'clock")]
    fn times_are_written_as_java_writes_them(
        #[case] format: &str,
        #[case] millis: i128,
        #[case] text: &str,
    ) {
        let time = Time::of(Some("string"), None, Some(format));
        assert_eq!(time.unwrap().of_number(millis).text(), text);
    }

    #[rstest]
    #[case("unix", "microseconds", 1_735_725_600_001_999, "1735725600001000")]
    #[case("unix", "seconds", 7, "7")]
    #[case("Timestamp", "microseconds", 1_735_725_600_001_999, "1735725600001")]
    #[case("Timestamp", "milliseconds", -1, "-1")]
    #[case("Date", "milliseconds", -1, "-1")]
    #[case("Date", "milliseconds", 86_400_000, "1")]
    #[case("Time", "milliseconds", 86_400_001, "1")]
    fn numbers_become_other_times(
        #[case] target: &str,
        #[case] unit: &str,
        #[case] number: i128,
        #[case] expected: &str,
    ) {
        let time = Time::of(Some(target), Some(unit), None).unwrap();
        assert_eq!(time.of_number(number).text(), expected);
    }

    #[rstest]
    #[case(Some("string"), None, Some("YYYY"))]
    #[case(Some("string"), None, Some("EEE"))]
    #[case(Some("moon"), None, None)]
    #[case(Some("unix"), Some("days"), None)]
    fn what_has_no_model_is_told(
        #[case] target: Option<&str>,
        #[case] unit: Option<&str>,
        #[case] format: Option<&str>,
    ) {
        assert!(Time::of(target, unit, format).unwrap_err().contains("no model"));
    }
}
