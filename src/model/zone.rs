//! The time zone of a Flink session, and what it makes of windows.
//!
//! Windows over a `TIMESTAMP_LTZ` clock start and end at wall times of the session's zone, while the
//! watermark counts points in time. Where the clock goes back, the hour that comes twice is one hour of
//! windows, which fires after the second; where it goes forward, what ends in the hour that is left out
//! fires when that begins (seen in Flink's `TimeWindowUtil`). Windows over a `TIMESTAMP` clock know no
//! zone: the watermark counts wall times, as if they were of UTC.
//!
//! Source: Flink's manual, "Time Zone", "Daylight Saving Time Support". Seen on 2.2.0 (scenario
//! `windows/hours-and-days-over-clock-changes`).

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

const HOUR: i64 = 3_600_000;

/// A time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    zone: TimeZone,
    /// Its clock goes on changing.
    changes: bool,
}

impl Zone {
    /// By the name that Flink takes: `Europe/Vienna`, `GMT+02:00`, `UTC`; `None` if it is not known.
    pub fn of(name: &str) -> Option<Self> {
        let zone = match name.strip_prefix("GMT").or_else(|| name.strip_prefix("UTC")) {
            Some("") => TimeZone::UTC,
            Some(offset) => TimeZone::fixed(fixed(offset)?),
            None => TimeZone::get(name).ok()?,
        };
        let far = Timestamp::from_millisecond(4_000_000_000_000).ok()?;
        let changes = zone.following(far).next().is_some();
        Some(Self { zone, changes })
    }

    /// Whether a name is one of UTC's, in which wall times are points in time.
    pub fn is_utc(name: &str) -> bool {
        let names = ["UTC", "Z", "GMT", "Etc/UTC", "UTC+00:00", "GMT+00:00", "Etc/GMT"];
        names.iter().any(|utc| name.trim().eq_ignore_ascii_case(utc))
    }

    /// Whether its clock goes on changing, from winter to summer and back.
    pub fn changes(&self) -> bool {
        self.changes
    }

    /// The wall time at a point in time, both in milliseconds since 1970.
    pub fn wall(&self, instant: i64) -> i64 {
        let Ok(at) = Timestamp::from_millisecond(instant) else { return instant };
        instant.saturating_add(i64::from(self.zone.to_offset(at).seconds()) * 1000)
    }

    /// The point in time of a wall time: the first of two, and behind the gap where there is none.
    pub fn instant(&self, wall: i64) -> i64 {
        let Ok(at) = Timestamp::from_millisecond(wall) else { return wall };
        let wall_time = Offset::UTC.to_datetime(at);
        let zoned = self.zone.to_ambiguous_zoned(wall_time).compatible();
        zoned.map_or(wall, |zoned| zoned.timestamp().as_millisecond())
    }

    /// The end, as a point in time, of windows that end at a wall time: once the watermark has passed
    /// its last millisecond, they fire.
    pub fn end(&self, wall: i64) -> i64 {
        let last = wall.saturating_sub(1);
        let first = self.instant(last);
        let after = self.instant(last.saturating_add(HOUR));
        let fires = match after.saturating_sub(first) {
            0 if self.changes => first - first.rem_euclid(HOUR),
            between if self.changes && between > HOUR => first.saturating_add(HOUR),
            _ => first,
        };
        fires.saturating_add(1)
    }
}

/// `+02:00`, `-8`.
fn fixed(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let (hours, minutes) = (hours.parse::<i32>().ok()?, minutes.parse::<i32>().ok()?);
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn millis(text: &str) -> i64 {
        let text = if text.ends_with('Z') { text.to_owned() } else { format!("{text}Z") };
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[rstest]
    #[case("Asia/Tokyo", "2025-03-02 00:00:00", "2025-03-01 15:00:00Z")]
    #[case("GMT+05:30", "2025-03-02 00:00:00", "2025-03-01 18:30:00Z")]
    #[case("UTC", "2025-03-02 00:00:00", "2025-03-02 00:00:00Z")]
    #[case::before_summer("Europe/Vienna", "2025-03-30 02:00:00", "2025-03-30 01:00:00Z")]
    #[case::right_behind_the_gap(
        "Europe/Vienna",
        "2025-03-30 03:00:00",
        "2025-03-30 01:00:00.001Z"
    )]
    #[case::in_the_gap("Europe/Vienna", "2025-03-30 02:30:00", "2025-03-30 01:00:00.001Z")]
    #[case::a_day_of_23_hours("Europe/Vienna", "2025-03-31 00:00:00", "2025-03-30 22:00:00Z")]
    #[case::the_hour_that_comes_twice(
        "Europe/Vienna",
        "2025-10-26 03:00:00",
        "2025-10-26 02:00:00Z"
    )]
    #[case::within_it("Europe/Vienna", "2025-10-26 02:30:00", "2025-10-26 01:30:00Z")]
    #[case::a_day_of_25_hours("Europe/Vienna", "2025-10-27 00:00:00", "2025-10-26 23:00:00Z")]
    #[case("America/New_York", "2025-11-02 02:00:00", "2025-11-02 07:00:00Z")]
    fn a_window_ends_at_a_wall_time(#[case] zone: &str, #[case] end: &str, #[case] at: &str) {
        let found = Zone::of(zone).unwrap().end(millis(end));
        assert_eq!(Timestamp::from_millisecond(found).unwrap(), at.parse().unwrap());
    }

    #[rstest]
    #[case("Asia/Tokyo", "2025-03-01 15:00:00Z", "2025-03-02 00:00:00")]
    #[case("Europe/Vienna", "2025-10-26 00:30:00Z", "2025-10-26 02:30:00")]
    #[case("Europe/Vienna", "2025-10-26 01:30:00Z", "2025-10-26 02:30:00")]
    fn a_point_in_time_has_one_wall_time(#[case] zone: &str, #[case] at: &str, #[case] wall: &str) {
        assert_eq!(Zone::of(zone).unwrap().wall(millis(at)), millis(wall));
    }

    #[rstest]
    #[case("Mars/Olympus")]
    #[case("GMT2")]
    fn a_zone_that_is_none_is_not_known(#[case] name: &str) {
        assert_eq!(Zone::of(name), None);
    }
}
