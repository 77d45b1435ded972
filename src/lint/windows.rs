//! A window is expected, and no event closes it.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Rule;
use super::case::{Case, Found, session};
use crate::base::text::Text;
use crate::base::value::{Type, Value};
use crate::codec::postgres;
use crate::codec::types::DataType;
use crate::model::zone::Zone;
use crate::scenario::expect::RowCell;
use crate::scenario::pipeline::{Sink, WindowTime};
use crate::sql::flink::{Statement, parse};
use crate::sql::token::{Language, significant};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0102",
    summary: "A row of a window is expected, but no event in the scenario is late enough to close the window.",
    reason: "A window fires when the watermark passes its end. The watermark follows the latest event time less its delay; without a later event the window stays open and its row never comes.",
    fix: "write an event whose time is the window's end plus the watermark's delay or later, on every partition of every source",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    let zone = zone(case);
    for (name, table) in &case.trial.expect.rows {
        let Some(Sink::Judged { window: Some(window), .. }) = case.trial.pipeline.sinks.get(name)
        else {
            continue;
        };
        let end = table.columns.iter().position(|column| *column == window.end);
        let Some(end) = end.filter(|_| matches!(window.time, WindowTime::Columns(_))) else {
            continue;
        };
        let Some(latest) = latest(case).filter(|_| !case.is_control(&[name])) else { continue };
        let delay = jiff::SignedDuration::from_millis(
            i64::try_from(window.delay_ms.unwrap_or(0)).unwrap_or(0),
        );
        for row in &table.rows {
            let Some(RowCell::Value { text, .. }) = row.cells.get(end) else { continue };
            let Ok(ends) = text.parse::<DateTime>() else { continue };
            let ends = zone.as_ref().map_or(ends, |zone| earlier(zone, ends));
            // The last millisecond of a window closes it.
            let closes = ends.checked_sub(jiff::SignedDuration::from_millis(1)).unwrap_or(ends);
            if latest.checked_sub(delay).is_ok_and(|watermark| watermark < closes) {
                let message = format!(
                    "the window that ends at {text} stays open: the latest event time in this scenario is {latest}, and the watermark is {} ms behind",
                    window.delay_ms.unwrap_or(0)
                );
                let length = table
                    .text
                    .value
                    .get(row.at..)
                    .and_then(|rest| rest.lines().next())
                    .map_or(0, str::len);
                let span = crate::base::text::Span::new(row.at, row.at + length);
                found.at(&table.text, span, message);
            }
        }
    }
}

/// The time zone of the session, where it is not UTC.
fn zone(case: &Case<'_>) -> Option<Zone> {
    let statements = case.trial.pipeline.statements.iter().map(parse);
    let mut set = statements.filter_map(|statement| match statement {
        Statement::Set { key, value } if key.ends_with(".local-time-zone") => Some(value),
        _ => None,
    });
    let own = case.trial.settings.flink.get("table.local-time-zone").cloned();
    Zone::of(&set.next_back().or(own).filter(|name| !Zone::is_utc(name))?)
}

/// The wall time of a zone as one of UTC; itself where that is earlier, since windows over a
/// `TIMESTAMP` clock know no zone.
fn earlier(zone: &Zone, wall: DateTime) -> DateTime {
    let Ok(utc) = wall.to_zoned(TimeZone::UTC) else { return wall };
    let end = zone.end(utc.timestamp().as_millisecond());
    let end = jiff::Timestamp::from_millisecond(end).ok();
    end.map_or(wall, |end| end.to_zoned(TimeZone::UTC).datetime().min(wall))
}

/// The latest time that is written in setup and timeline; `None` if there is none, or if times are
/// calculated, so that the latest cannot be seen.
fn latest(case: &Case<'_>) -> Option<DateTime> {
    let sessions = case.trial.timeline.iter().flat_map(|entry| session(&entry.action));
    let statements: Vec<&Text> = case.trial.setup.iter().chain(sessions).collect();
    let mut latest: Option<DateTime> = None;
    for statement in statements {
        for token in significant(Language::Postgres, &statement.value) {
            if ["INTERVAL", "NOW", "CURRENT_TIMESTAMP", "MAKE_TIMESTAMP", "GENERATE_SERIES"]
                .iter()
                .any(|word| token.is(word))
            {
                return None;
            }
            let Some(text) = token.string() else { continue };
            if text.len() > 10
                && let Some(time) = of_zone(&text).or_else(|| text.parse::<DateTime>().ok())
            {
                latest = Some(latest.map_or(time, |latest| latest.max(time)));
            }
        }
    }
    latest
}

/// A time that says how far it is from UTC, in UTC.
fn of_zone(text: &str) -> Option<DateTime> {
    let kind = DataType::Scalar(Type::TimestampTz { precision: 6 });
    let Ok(Value::TimestampTz(micros)) = postgres::value(text, &kind) else { return None };
    let instant = jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(instant.to_zoned(TimeZone::UTC).datetime())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::warned;

    #[rstest]
    #[case("Asia/Tokyo", "2025-01-01 02:00:05", false)]
    #[case("Asia/Tokyo", "2025-01-01 02:00:04", true)]
    #[case("America/New_York", "2025-01-01 11:00:05", false)]
    #[case("Asia/Tokyo", "2025-01-01 11:00:05+09", false)]
    #[case("Asia/Tokyo", "2025-01-01 11:00:04+09", true)]
    #[case("Asia/Tokyo", "2025-01-01 02:00:04.999", false)]
    fn a_window_ends_at_a_wall_time_of_the_sessions_zone(
        #[case] zone: &str,
        #[case] time: &str,
        #[case] expected: bool,
    ) {
        let rest = format!(
            "settings: {{flink: {{table.local-time-zone: {zone}}}}}\n\
             timeline:\n  - a: INSERT INTO payments VALUES (1, 'ann', 5, '{time}')\n\
             expect:\n  rows:\n    hourly: |\n      account | window_end\n      ann | 2025-01-01 11:00:00\n"
        );
        assert_eq!(warned(&rest, "W0102"), expected);
    }

    #[rstest]
    #[case::too_early("'2025-01-01 11:00:04'", true)]
    #[case::just_late_enough("'2025-01-01 11:00:05'", false)]
    #[case::calculated("'2025-01-01 10:00:00'::timestamp + interval '2 hours'", false)]
    fn a_window_and_the_event_that_closes_it(#[case] time: &str, #[case] expected: bool) {
        let rest = format!(
            "timeline:\n  - a: INSERT INTO payments VALUES (1, 'ann', 5, {time})\n\
             expect:\n  rows:\n    hourly: |\n      account | window_end\n      ann | 2025-01-01 11:00:00\n"
        );
        assert_eq!(warned(&rest, "W0102"), expected);
    }
}
