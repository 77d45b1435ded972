//! Every image equals what Postgres held.
//!
//! Source: Debezium's manual, PostgreSQL connector, "Data type mappings", "Replica identity" and
//! "Toasted values". Seen on 3.6.3 (scenarios `values/every-type` and
//! `controls/default-identity-loses-the-old-row`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::case::Case;
use super::found::{Draft, Found};
use super::topic::{TopicCase, envelope, letter, position};
use super::verdict::Difference;
use crate::base::anomaly::Anomaly;
use crate::base::value::Value;
use crate::codec::debezium::{Encoding, Envelope, Row};
use crate::codec::pgoutput::Cell;
use crate::codec::types::DataType;
use crate::codec::value::same;
use crate::history::event::Column;
use crate::model::feed::{Before, Columns, Expected, Logged};
use crate::model::source::Carried;

pub(super) const FINDS: &[Anomaly] = &[
    Anomaly::WrongValue,
    Anomaly::WrongBefore,
    Anomaly::FabricatedBefore,
    Anomaly::NullBecameDefault,
    Anomaly::ToastPlaceholder,
    Anomaly::KeyValueMismatch,
    Anomaly::SchemaDrift,
];

/// The longest text of a value that a difference shows.
const SHOWN_CHARS: usize = 120;

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    for topic in &case.topics {
        let Some(rules) = case.rules_of(topic.table) else { continue };
        let Some(columns) = case.columns.get(topic.table) else { continue };
        for (_, wanted, logged) in topic.matched() {
            let Some(envelope) = envelope(logged) else { continue };
            let now = columns.at(wanted.lsn);
            let mut record = Compared::new((now, columns), &rules.encoding, wanted, logged);
            record.compare(envelope);
            record.odd();
            for column in std::mem::take(&mut record.undecided) {
                let what = format!("column `{column}` of `{}`", topic.place);
                found.gap(what, "nothing is known of its type, and the texts differ");
            }
            for (anomaly, difference) in record.findings {
                let sentence = sentence(anomaly, topic, logged, &difference);
                let (keys, pair) = (case.key_columns(topic.table), (Some(wanted), Some(logged)));
                let mut draft = Draft::topic(anomaly, topic, keys, pair, sentence);
                draft.difference = difference;
                found.add(draft);
            }
        }
    }
}

fn sentence(
    anomaly: Anomaly,
    topic: &TopicCase<'_>,
    logged: &Logged<'_>,
    difference: &[Difference],
) -> String {
    let names = difference.iter().filter_map(|line| line.column.as_deref());
    let names = names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("`, `");
    let at = format!("record {} (`{}`)", position(logged.record), letter(logged));
    let place = &topic.place;
    match anomaly {
        Anomaly::WrongBefore => format!("{at} shows another `{names}` before than `{place}` held"),
        Anomaly::FabricatedBefore => {
            format!("{at} shows `{names}` before, which the WAL did not carry")
        }
        Anomaly::NullBecameDefault => {
            format!("{at} shows the default of `{names}` where `{place}` held NULL")
        }
        Anomaly::ToastPlaceholder => {
            format!("{at} shows the placeholder in `{names}` although the WAL carried the value")
        }
        Anomaly::KeyValueMismatch => format!("the key of {at} names another row than its value"),
        Anomaly::SchemaDrift => format!("{at} has other columns than `{place}`: `{names}`"),
        _ => format!("{at} shows another `{names}` than `{place}` held"),
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((at, _)) => format!("{}… ({} bytes)", text.get(..at).unwrap_or(""), text.len()),
        None => text,
    }
}

fn difference(column: &str, expected: Option<String>, captured: Option<String>) -> Difference {
    Difference {
        column: Some(column.to_owned()),
        expected: expected.map(shortened),
        captured: captured.map(shortened),
    }
}

/// One record against what it should show.
struct Compared<'a> {
    columns: &'a Columns<'a>,
    /// With all that changes of the schema made of them.
    ever: &'a Columns<'a>,
    encoding: &'a Encoding,
    wanted: &'a Expected,
    logged: &'a Logged<'a>,
    findings: BTreeMap<Anomaly, Vec<Difference>>,
    /// Columns of which it cannot be said whether they are equal.
    undecided: BTreeSet<String>,
}

impl<'a> Compared<'a> {
    fn new(
        (columns, ever): (&'a Columns<'a>, &'a Columns<'a>),
        encoding: &'a Encoding,
        wanted: &'a Expected,
        logged: &'a Logged<'a>,
    ) -> Self {
        let (findings, undecided) = (BTreeMap::new(), BTreeSet::new());
        Self { columns, ever, encoding, wanted, logged, findings, undecided }
    }

    fn say(&mut self, anomaly: Anomaly, line: Difference) {
        self.findings.entry(anomaly).or_default().push(line);
    }

    fn compare(&mut self, envelope: &Envelope<'_>) {
        if self.wanted.part.op() != Some(envelope.op) {
            // What the images of another operation should be cannot be said. A key change has a
            // name of its own for it.
            if !self.wanted.key_change {
                let expected = self.wanted.part.letter().to_owned();
                let captured = envelope.op.letter().to_owned();
                self.say(Anomaly::WrongValue, difference("op", Some(expected), Some(captured)));
            }
            return;
        }
        if self.key(envelope) {
            self.after(envelope.after.as_ref());
            self.before(envelope.before.as_ref());
        }
    }

    /// Fields that a transform puts in, and that hold something else.
    fn odd(&mut self) {
        for (field, expected, captured) in &self.logged.odd {
            let line = difference(field, Some(expected.clone()), captured.clone());
            self.say(Anomaly::WrongValue, line);
        }
    }

    /// Whether record key and row agree; if not, the columns of the key are not compared again.
    fn key(&mut self, envelope: &Envelope<'_>) -> bool {
        if !self.columns.is_keyed() || self.wanted.key.is_none() {
            return true;
        }
        let image = envelope.after.as_ref().or(envelope.before.as_ref());
        let in_value = image.map(|image| self.columns.image_key(image, self.encoding));
        let in_value = in_value.and_then(Result::ok).flatten();
        let agrees = match &in_value {
            Some(in_value) => self.logged.key.as_ref() == Some(in_value),
            None => self.logged.key == self.wanted.key,
        };
        if !agrees {
            let shown = |key: Option<String>| Some(key.unwrap_or_else(|| "null".to_owned()));
            let value = shown(in_value.or_else(|| self.wanted.key.clone()).map(|k| k.to_string()));
            let key = shown(self.logged.key.as_ref().map(ToString::to_string));
            self.say(Anomaly::KeyValueMismatch, difference("key", value, key));
        }
        agrees
    }

    fn after(&mut self, after: Option<&Row<'_>>) {
        let wanted = self.wanted;
        match (&wanted.after, after) {
            (Some(held), Some(shown)) => {
                self.schema(shown);
                let change = wanted.change.as_ref();
                let unchanged = change.map_or(&[][..], |change| change.unchanged.as_slice());
                let full = change.is_some_and(|change| change.carried == Carried::Full);
                for (place, column, cell) in cells(&wanted.columns, held) {
                    let Some(raw) = shown.get(column) else { continue };
                    // With the full old row the WAL carries the value all the same.
                    let left_out = unchanged.contains(&place) && !full;
                    if left_out && self.shows_placeholder(column, raw) {
                        continue;
                    }
                    self.column(Anomaly::WrongValue, column, cell, raw);
                }
            }
            (None, None) => {}
            (Some(_), None) => {
                let line = difference("after", Some("a row".to_owned()), Some("null".to_owned()));
                self.say(Anomaly::WrongValue, line);
            }
            (None, Some(_)) => {
                let line = difference("after", Some("null".to_owned()), Some("a row".to_owned()));
                self.say(Anomaly::WrongValue, line);
            }
        }
    }

    /// Whether a value stands for one that the WAL left out, also behind what is done to it.
    fn shows_placeholder(&self, column: &str, raw: &RawValue) -> bool {
        if self.columns.shape.is_as_it_is(column) {
            return self.encoding.is_placeholder(raw);
        }
        let mark = Cell::Text(self.encoding.placeholder().to_owned());
        let form = self.columns.shown(column, &mark, self.encoding);
        form.and_then(|form| form.is_shown(raw, self.encoding)) == Some(true)
    }

    /// The columns by name; their order means nothing in JSON.
    fn schema(&mut self, shown: &Row<'_>) {
        let (wanted, shape) = (self.wanted, &self.columns.shape);
        let left_out = |column: &str| self.columns.may_lack(column, self.encoding);
        let expected = wanted.columns.iter().filter(|column| shape.has(column));
        let lacking = expected.filter(|column| !shown.contains_key(*column));
        for column in lacking.filter(|column| !left_out(column)) {
            let line = difference(column, Some("a column".to_owned()), None);
            self.say(Anomaly::SchemaDrift, line);
        }
        let generated = |name: &str| {
            self.columns.table.columns.iter().any(|column| column.generated && column.name == name)
        };
        let known =
            |name: &String| (wanted.columns.contains(name) && shape.has(name)) || generated(name);
        let extra = shown.keys().filter(|name| !known(name)).cloned().collect::<Vec<_>>();
        for column in extra {
            let line = difference(&column, None, Some("a column".to_owned()));
            self.say(Anomaly::SchemaDrift, line);
        }
    }

    fn before(&mut self, before: Option<&Row<'_>>) {
        let wanted = self.wanted;
        match (&wanted.before, before) {
            (Before::Nothing, None) => {}
            (Before::Nothing, Some(shown)) => {
                let held = wanted.change.as_ref().and_then(|change| change.old.as_deref());
                self.fabricated(held, shown, &[]);
            }
            (Before::Full(_) | Before::Key(_), None) => {
                let line = difference("before", Some("a row".to_owned()), Some("null".to_owned()));
                self.say(Anomaly::WrongBefore, line);
            }
            (Before::Full(held), Some(shown)) => {
                for (_, column, cell) in cells(&wanted.columns, held) {
                    match shown.get(column) {
                        Some(raw) => self.column(Anomaly::WrongBefore, column, cell, raw),
                        None if self.columns.may_lack(column, self.encoding) => {}
                        None if !self.columns.shape.has(column) => {}
                        None => {
                            let line = difference(column, Some("a column".to_owned()), None);
                            self.say(Anomaly::SchemaDrift, line);
                        }
                    }
                }
            }
            (Before::Key(held), Some(shown)) => {
                let key = &self.columns.table.key;
                for (_, column, cell) in cells(&wanted.columns, held) {
                    if let Some(raw) = shown.get(column).filter(|_| key.contains(column)) {
                        self.column(Anomaly::WrongBefore, column, cell, raw);
                    }
                }
                self.fabricated(Some(held), shown, key);
            }
        }
    }

    /// Columns that show something which the WAL did not carry.
    fn fabricated(&mut self, held: Option<&[Cell]>, shown: &Row<'_>, carried: &[String]) {
        let wanted = self.wanted;
        for (place, column) in wanted.columns.iter().enumerate() {
            let Some(raw) = shown.get(column).filter(|_| !carried.contains(column)) else {
                continue;
            };
            // What is shown of a NULL may be anything there.
            if !self.columns.shape.is_as_it_is(column) {
                continue;
            }
            let cell = held.and_then(|held| held.get(place)).unwrap_or(&Cell::Unchanged);
            let held = self.columns.value(column, cell, self.encoding).unwrap_or(Value::Absent);
            let captured = self.columns.captured(column, raw, self.encoding);
            if captured != Ok(Value::Null) {
                let captured = captured.map_or_else(|_| raw.get().to_owned(), |v| v.to_string());
                let line = difference(column, Some(held.to_string()), Some(captured));
                self.say(Anomaly::FabricatedBefore, line);
            }
        }
    }

    /// Compares a value that is not shown as it is.
    fn shaped(&mut self, otherwise: Anomaly, column: &str, cell: &Cell, raw: &RawValue) {
        let Some(form) = self.columns.shown(column, cell, self.encoding) else { return };
        // A transform reads the default of the column in the place of a NULL, unless it is told not
        // to, and does to it what it does.
        let of = |known: &&Column| known.name == column;
        let default = self.columns.table.columns.iter().find(of).and_then(|c| c.default.as_ref());
        if *cell == Cell::Null && default.is_some() && raw.get() != "null" {
            self.undecided.insert(column.to_owned());
            return;
        }
        match form.is_shown(raw, self.encoding) {
            Some(true) => {}
            Some(false) => {
                let line = difference(column, Some(form.text()), Some(raw.get().to_owned()));
                self.say(otherwise, line);
            }
            None => drop(self.undecided.insert(column.to_owned())),
        }
    }

    /// Compares one value; `otherwise` names a difference that has no closer name.
    fn column(&mut self, otherwise: Anomaly, column: &str, cell: &Cell, raw: &RawValue) {
        if !self.columns.shape.is_as_it_is(column) {
            return self.shaped(otherwise, column, cell, raw);
        }
        if *cell == Cell::Unchanged {
            // The journal never carried the value: a column added with a default.
            self.undecided.insert(column.to_owned());
            return;
        }
        let Ok(held) = self.columns.value(column, cell, self.encoding) else {
            // `infinity` is no time, and may be written as it is.
            let shown = serde_json::from_str::<String>(raw.get());
            let is_text = |held: &String| shown.as_ref().is_ok_and(|shown| shown == held);
            if !matches!(cell, Cell::Text(held) if is_text(held)) {
                self.undecided.insert(column.to_owned());
            }
            return;
        };
        let captured = self.columns.captured(column, raw, self.encoding);
        if captured.as_ref().is_ok_and(|captured| same(&held, captured)) {
            return;
        }
        let null = captured.as_ref().is_ok_and(|captured| *captured == Value::Null);
        let anomaly = if self.encoding.is_placeholder(raw) {
            Anomaly::ToastPlaceholder
        } else if held == Value::Null && self.is_default(column, captured.as_ref().ok()) {
            Anomaly::NullBecameDefault
        } else {
            otherwise
        };
        let unknown = self.columns.kind(column).is_none_or(DataType::is_unknown);
        if unknown && anomaly == otherwise && held != Value::Null && !null {
            self.undecided.insert(column.to_owned());
            return;
        }
        let captured = captured.map_or_else(|_| raw.get().to_owned(), |value| value.to_string());
        let line = difference(column, Some(held.to_string()), Some(captured));
        self.say(anomaly, line);
    }

    /// Whether a value that stands for a NULL is the column's default, as far as that can be told:
    /// a default that is no constant may show as anything. It may be one that the column got later:
    /// the connector asks the catalogue, which is ahead of the WAL that it reads.
    fn is_default(&self, column: &str, captured: Option<&Value>) -> bool {
        let of = |known: &&Column| known.name == column;
        let tables = self.ever.versions().map(|columns| &columns.table);
        let mut defaults = tables.filter_map(|t| t.columns.iter().find(of)?.default.as_deref());
        let Some(captured) = captured else { return false };
        defaults.any(|default| self.is_this_default(column, default, captured))
    }

    fn is_this_default(&self, column: &str, default: &str, captured: &Value) -> bool {
        let Some(constant) = constant(default) else { return true };
        let cell = Cell::Text(constant);
        let default = self.columns.value(column, &cell, self.encoding);
        default.is_ok_and(|default| same(&default, captured))
    }
}

/// The text of a constant default (`'PENDING'::character varying`, `5`, `true`).
fn constant(default: &str) -> Option<String> {
    if let Some(quoted) = default.strip_prefix('\'') {
        let (text, rest) = quoted.rsplit_once('\'')?;
        let cast = rest.is_empty() || rest.starts_with("::");
        // Another quote inside ends the constant: the default is an expression.
        let whole = !text.replace("''", "").contains('\'');
        return (cast && whole).then(|| text.replace("''", "'"));
    }
    let plain = default.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char));
    plain.then(|| default.to_owned())
}

/// The columns of an image with their places and cells.
fn cells<'a>(
    columns: &'a [String],
    row: &'a [Cell],
) -> impl Iterator<Item = (usize, &'a String, &'a Cell)> {
    let columns = columns.iter().enumerate();
    columns.filter_map(|(place, name)| Some((place, name, row.get(place)?)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("'PENDING'::character varying", Some("PENDING"))]
    #[case("'it''s'", Some("it's"))]
    #[case("5", Some("5"))]
    #[case("-1.5", Some("-1.5"))]
    #[case("true", Some("true"))]
    #[case("now()", None)]
    #[case("'a' || b", None)]
    #[case("'a' || 'b'", None)]
    #[case("'a'::text || 'b'::text", None)]
    fn only_constant_defaults_have_a_text(#[case] default: &str, #[case] text: Option<&str>) {
        assert_eq!(constant(default).as_deref(), text);
    }
}
