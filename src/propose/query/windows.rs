//! Windows: the functions that make tables of them, and the older ones of GROUP BY.

use super::{Why, Writer, close, parts};
use crate::propose::tables::quoted;
use crate::sql::token::Token;

/// Units of an interval, with their seconds.
pub(super) const UNITS: [(&str, u32); 5] =
    [("SECOND", 1), ("MINUTE", 60), ("HOUR", 3_600), ("DAY", 86_400), ("WEEK", 604_800)];

/// Where windows are counted from.
const ORIGIN: &str = "TIMESTAMP '1970-01-01'";

/// `INTERVAL '5' MINUTES` as Postgres has it, and where it ends; an interval of another form stays.
pub(super) fn interval(tokens: &[Token<'_>], at: usize) -> Option<(String, usize)> {
    let amount = tokens.get(at + 1)?.string()?;
    let unit = tokens.get(at + 2)?.text.to_uppercase();
    let unit = unit.strip_suffix('S').unwrap_or(&unit);
    amount.parse::<u32>().ok()?;
    let is_range = tokens.get(at + 3).is_some_and(|token| token.is("TO") || token.is_symbol("("));
    let known = ["SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR"];
    (known.contains(&unit) && !is_range)
        .then(|| (format!("INTERVAL '{amount}' {unit}").replace("' WEEK", " weeks'"), at + 3))
}

/// The start of the window of `size` that `time` falls into.
fn start(size: &str, time: &str) -> String {
    format!("date_bin({size}, {time}, {ORIGIN})")
}

impl Writer<'_, '_> {
    /// `TABLE(TUMBLE(TABLE t, DESCRIPTOR(time), size))` as a query in brackets, and where it ends.
    pub(super) fn windowed(
        &mut self,
        source: &str,
        tokens: &[Token<'_>],
        at: usize,
    ) -> Result<Option<(String, usize)>, Why> {
        let is_open = |n: usize| tokens.get(n).is_some_and(|token| token.is_symbol("("));
        let wraps = tokens.get(at).is_some_and(|token| token.is("TABLE")) && is_open(at + 1);
        let call = if wraps { at + 2 } else { at };
        let Some(function) = tokens.get(call).map(|token| token.text.to_uppercase()) else {
            return Ok(None);
        };
        if !["TUMBLE", "HOP", "CUMULATE", "SESSION"].contains(&&*function) || !is_open(call + 1) {
            return if wraps {
                Err(format!("it reads the function `{function}` as a table"))
            } else {
                Ok(None)
            };
        }
        let end = close(tokens, call + 1);
        let inner = tokens.get(call + 2..end).unwrap_or_default();
        let written = self.window(source, &function, inner)?;
        Ok(Some((written, if wraps { end + 2 } else { end + 1 })))
    }

    fn window(
        &mut self,
        source: &str,
        function: &str,
        tokens: &[Token<'_>],
    ) -> Result<String, Why> {
        let arguments: Vec<&[Token<'_>]> = parts(tokens).into_iter().map(unnamed).collect();
        let [data, time, sizes @ ..] = arguments.as_slice() else {
            return Err(format!("the arguments of `{function}` cannot be read"));
        };
        let data = match data.split_first() {
            Some((first, rest)) if first.is("TABLE") => rest,
            _ => data,
        };
        let (table, _) = self.relation(source, data, 0)?;
        let column = time.iter().rev().find_map(Token::name).unwrap_or_default();
        let time = self.clock(data, &column);
        let mut written = Vec::new();
        for size in sizes {
            written.push(self.group(source, size, false)?.trim().to_owned());
        }
        // The start, or the end, of each window of a row, and where it comes from.
        let (own, other, rows) = match (function, &*written) {
            ("TUMBLE", [size]) => {
                let start =
                    format!("SELECT *, {} AS window_start FROM {table}", start(size, &time));
                (start, format!("window_start + {size} AS window_end"), size)
            }
            ("HOP", [slide, size]) => {
                let last = start(slide, &time);
                let starts = format!(
                    "SELECT *, generate_series({last} - {size} + {slide}, {last}, {slide}) AS window_start FROM {table}"
                );
                (starts, format!("window_start + {size} AS window_end"), size)
            }
            ("CUMULATE", [step, size]) => {
                let (first, next) = (start(size, &time), start(step, &time));
                let ends = format!(
                    "SELECT *, {first} AS window_start, generate_series({next} + {step}, {first} + {size}, {step}) AS window_end FROM {table}"
                );
                (ends, String::new(), size)
            }
            _ => {
                return Err(format!(
                    "windows of `{function}` with these arguments are not known here"
                ));
            }
        };
        let mut list = vec!["*".to_owned()];
        list.extend(Some(other).filter(|other| !other.is_empty()));
        if self.scene.names("window_time") {
            let end = if function == "CUMULATE" {
                "window_end".to_owned()
            } else {
                format!("window_start + {rows}")
            };
            list.push(format!("{end} - INTERVAL '0.001' SECOND AS window_time"));
        }
        Ok(format!("(SELECT {} FROM ({own}) AS windowed)", list.join(", ")))
    }

    /// A time as the wall time that windows are counted by.
    fn clock(&self, data: &[Token<'_>], column: &str) -> String {
        let table = data.iter().rev().find_map(Token::name).unwrap_or_default();
        let name = quoted(column);
        if self.scene.is_zoned(&table, column) {
            return format!("{name} AT TIME ZONE '{}'", self.scene.zone);
        }
        name
    }

    /// `TUMBLE(time, size)` of a GROUP BY, and what asks for the window's ends.
    pub(super) fn of_window(
        &mut self,
        source: &str,
        name: &str,
        tokens: &[Token<'_>],
    ) -> Result<Option<String>, Why> {
        let (kind, part) = name.split_once('_').unwrap_or((name, ""));
        if matches!(kind, "HOP" | "SESSION") && matches!(part, "" | "START" | "END" | "ROWTIME") {
            return Err(format!("it groups by windows of `{kind}`"));
        }
        if kind != "TUMBLE" {
            return Ok(None);
        }
        let parts = parts(tokens);
        let [time, size] = parts.as_slice() else { return Ok(None) };
        let column = time.iter().rev().find_map(Token::name).unwrap_or_default();
        let mut written = self.group(source, time, false)?.trim().to_owned();
        if self.scene.is_zoned_anywhere(&column) {
            written = format!("{written} AT TIME ZONE '{}'", self.scene.zone);
        }
        let size = self.group(source, size, false)?;
        let start = start(size.trim(), &written);
        Ok(match part {
            "" | "START" => Some(start),
            "END" => Some(format!("{start} + {}", size.trim())),
            "ROWTIME" => Some(format!("{start} + {} - INTERVAL '0.001' SECOND", size.trim())),
            _ => None,
        })
    }
}

/// An argument without the name before `=>`.
fn unnamed<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    let arrow = tokens.get(1).filter(|token| token.is_symbol("=>"));
    match arrow {
        Some(_) => tokens.get(2..).unwrap_or_default(),
        None if tokens.get(1).is_some_and(|t| t.is_symbol("=")) => {
            tokens.get(3..).unwrap_or_default()
        }
        None => tokens,
    }
}
