//! Dates and times as texts, by the calendar's own rules.

/// A date as days since 1970, as a text, and these days again.
pub(crate) fn date(days: i64) -> (String, i64) {
    let mut left = days;
    let mut year = 1970;
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = |year: i64| if is_leap(year) { 366 } else { 365 };
    while left < 0 {
        year -= 1;
        left += length(year);
    }
    while left >= length(year) {
        left -= length(year);
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while left >= months[month] {
        left -= months[month];
        month += 1;
    }
    (format!("{year:04}-{:02}-{:02}", month + 1, left + 1), days)
}

/// A time of day as Postgres writes it: no zeros at the end of its fraction.
pub(crate) fn time(micros: i64) -> String {
    let full = time_of_six_digits(micros);
    if micros % 1_000_000 == 0 {
        full[..8].to_owned()
    } else {
        full.trim_end_matches('0').to_owned()
    }
}

/// A time of day with six digits of its second.
pub(crate) fn time_of_six_digits(micros: i64) -> String {
    let (seconds, part) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{part:06}", seconds % 60)
}

/// Seconds without a zero in front or behind.
pub(crate) fn seconds(micros: i64) -> String {
    let (seconds, part) = (micros / 1_000_000, micros % 1_000_000);
    if part == 0 {
        return seconds.to_string();
    }
    format!("{seconds}.{part:06}").trim_end_matches('0').to_owned()
}
