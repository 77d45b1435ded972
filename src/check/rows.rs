//! Expected rows: against the sink *and* against its reference, so that a wrong expectation is told
//! apart from a wrong pipeline.

use std::collections::BTreeSet;

use super::case::Case;
use super::found::{Found, Raw};
use super::grades;
use super::held::{self, Windows};
use super::sinks::{Rows, SinkCase, equal, shown};
use super::verdict::{Difference, Status, Unmet};
use crate::base::anomaly::Anomaly;
use crate::base::value::Value;
use crate::codec::flink::{Row, cell};
use crate::codec::types::DataType;
use crate::codec::value::same;
use crate::history::event::{Proof, Side, SinkMode, SinkTable};
use crate::model::key::Key;
use crate::scenario::expect::{self, RowCell, RowTable};

/// A row table with its cells read by their columns' types.
struct Table<'a> {
    columns: &'a [String],
    rows: Vec<Wanted>,
    open: bool,
}

/// One expected row; columns with `...` are left out.
struct Wanted {
    row: Row,
    key: Option<Key>,
}

/// What is wrong with the row tables of a scenario, now that the sinks' columns are known: a
/// sentence with its place for each mistake.
pub fn mistakes(expect: &expect::Expect, sinks: &[SinkTable]) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (name, table) in &expect.rows {
        if let Some(sink) = sinks.iter().find(|sink| sink.name == *name) {
            read(table, (sink, &|column| declared(sink, column)), &mut mistakes);
        }
    }
    mistakes
}

/// The type that a sink's column is declared with.
fn declared(sink: &SinkTable, column: &str) -> Option<DataType> {
    let kind = sink.columns.iter().find(|(name, _)| name == column);
    kind.map(|(_, kind)| DataType::flink(kind))
}

/// The type of a sink's column.
type KindOf<'a> = &'a dyn Fn(&str) -> Option<DataType>;

fn read<'a>(
    table: &'a RowTable,
    (sink, kind): (&SinkTable, KindOf<'_>),
    mistakes: &mut Vec<String>,
) -> Table<'a> {
    let kinds = table.columns.iter().map(|column| kind(column)).collect::<Vec<_>>();
    let head = table.text.place(0);
    for (n, column) in table.columns.iter().enumerate() {
        if kinds.get(n).is_some_and(Option::is_none) {
            let known = sink.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
            let known = known.join(", ");
            mistakes.push(format!(
                "{head}: `{}` has no column `{column}`; its columns are {known}",
                sink.name
            ));
        }
    }
    if sink.mode == SinkMode::Upsert {
        for key in sink.key.iter().filter(|key| !table.columns.contains(key)) {
            let name = &sink.name;
            mistakes.push(format!("{head}: the table lacks `{key}`, a key column of `{name}`"));
        }
    }
    let mut rows = Vec::new();
    for written in &table.rows {
        let at = table.text.place(written.at);
        let mut row = Row::new();
        for (n, column) in table.columns.iter().enumerate() {
            let kind = kinds.get(n).and_then(Option::as_ref);
            let (Some(kind), Some(cell)) = (kind, written.cells.get(n)) else { continue };
            match value(cell, kind) {
                Ok(Some(value)) => {
                    row.insert(column.clone(), value);
                }
                Ok(None) if sink.key.contains(column) && sink.mode == SinkMode::Upsert => {
                    mistakes.push(format!("{at}: the key column `{column}` needs a value"));
                }
                Ok(None) => {}
                Err(problem) => mistakes.push(format!("{at}: column `{column}`: {problem}")),
            }
        }
        let values = sink.key.iter().map(|column| row.get(column)).collect::<Option<Vec<_>>>();
        let key = values.filter(|values| !values.is_empty()).map(Key::of);
        rows.push(Wanted { row, key });
    }
    Table { columns: &table.columns, rows, open: table.open }
}

/// `None` for any value.
fn value(written: &RowCell, kind: &DataType) -> Result<Option<Value>, String> {
    match written {
        RowCell::Any => Ok(None),
        RowCell::Null => Ok(Some(Value::Null)),
        RowCell::Value { text, .. } => cell(text, kind).map(Some).map_err(|e| e.to_string()),
    }
}

/// Judges the expected rows at the end. `raws` and `statuses` are the findings: keys with one that
/// must or may be shown are compared with the sink only.
pub(super) fn check(
    case: &Case<'_>,
    found: &mut Found,
    (raws, statuses): (&[Raw], &[Status]),
) -> Vec<Unmet> {
    let mut unmet = Vec::new();
    for (name, written) in &case.expect.rows {
        let Some(sink) = case.sinks.iter().find(|sink| sink.name == *name) else {
            if !case.ended_in_trouble() {
                found.gap(format!("the rows of `{name}`"), "its table was not recorded");
            }
            continue;
        };
        if sink.stopped {
            continue;
        }
        let kind = |column: &str| sink.shape.kind(column).cloned();
        let table = read(written, (sink.shape.table, &kind), &mut Vec::new());
        let Some(proof) = case.last_proof().filter(|proof| is_readable(case, sink, proof)) else {
            if !case.ended_in_trouble() {
                found.gap(
                    format!("the rows of `{name}`"),
                    "the sink was not proven and read to its end",
                );
            }
            continue;
        };
        let told = told_apart(name, raws, statuses);
        let contents = sink.contents(proof);
        let keyed = contents.keyed.values().chain(&contents.bag);
        let captured = keyed.filter_map(|emitted| emitted.row.clone()).collect::<Vec<_>>();
        let in_sink = table.differences(sink, &captured);
        let reference = sink.reference(&case.index, proof, Side::Journal).ok();
        let known = reference.as_ref().is_some_and(|reference| {
            let part = Table { open: true, ..table.without(&told) };
            part.of(sink, reference, &told).is_empty()
        });
        let reference = reference.filter(|_| !has_moved_on(name, raws) && !is_open(name, found));
        // Whether a window has closed is not told: its rows are measured by the sink alone.
        let in_doubt = |row: &Row| {
            let end = sink.end(row);
            sink.is_open(row, proof) && end.is_some_and(|end| sink.may_be_closed(end, proof))
        };
        let reference = reference
            .filter(|reference| !reference.keyed.values().chain(&reference.bag).any(in_doubt));
        let in_reference = reference.map(|mut reference| {
            // Windows that are not closed yet are in the reference and not in the sink.
            reference.keyed.retain(|_, row| !sink.is_open(row, proof));
            reference.bag.retain(|row| !sink.is_open(row, proof));
            // Of several rows that a key may have, the sink holds one.
            let told = told.iter().cloned();
            let told = told.chain(reference.others.keys().map(ToString::to_string)).collect();
            table.without(&told).of(sink, &reference, &told)
        });
        // The reference has the rows, of windows that are still open.
        let open = known && in_reference.as_ref().is_some_and(|differs| !differs.is_empty());
        let held = held::windows(case, sink).filter(|_| open && !in_sink.is_empty());
        let sentence = match held {
            Some(Windows::Held(why) | Windows::Open(why)) => {
                let sentence = format!("the rows expected of `{name}` are of open windows: {why}");
                Some((sentence, in_sink))
            }
            None => sentence(name, &in_sink, in_reference.as_deref()),
        };
        if let Some((sentence, difference)) = sentence {
            let at = Some(written.text.place(0).to_string());
            unmet.push(Unmet { demand: "rows".to_owned(), at, sentence, difference });
        }
    }
    unmet
}

fn is_readable(case: &Case<'_>, sink: &SinkCase<'_>, proof: &Proof) -> bool {
    let unproven = grades::unproven(&case.index, proof, sink.name);
    let ended = unproven.is_none() && proof.ends.contains_key(&sink.shape.table.topic);
    ended && sink.unread.is_none() && sink.unread_partition(proof).is_none()
}

/// Keys with a finding that the scenario demands or allows, and those of windows that changed after
/// they had fired: their reference has moved on.
fn told_apart(sink: &str, raws: &[Raw], statuses: &[Status]) -> BTreeSet<String> {
    let told = raws.iter().enumerate().filter(|(n, raw)| {
        let status = statuses.get(*n);
        let told = matches!(status, Some(Status::Demanded | Status::Allowed(_)));
        let moved_on = raw.finding.anomaly == Anomaly::LateChange;
        (told || moved_on) && raw.finding.place == sink
    });
    told.filter_map(|(_, raw)| raw.finding.key.clone()).collect()
}

/// Rows of windows that have no key changed after they had fired: their reference is no measure of
/// what the sink should hold.
fn has_moved_on(sink: &str, raws: &[Raw]) -> bool {
    let of_rows = |raw: &&Raw| raw.finding.place == sink && raw.finding.key.is_none();
    raws.iter().filter(of_rows).any(|raw| raw.finding.anomaly == Anomaly::LateChange)
}

/// What the windows of a sink should show was not decided: then its reference is no measure either.
fn is_open(sink: &str, found: &Found) -> bool {
    let windows = format!("the windows of `{sink}`");
    found.gaps.iter().any(|gap| gap.what.starts_with(&windows))
}

fn sentence(
    sink: &str,
    in_sink: &[Difference],
    in_reference: Option<&[Difference]>,
) -> Option<(String, Vec<Difference>)> {
    let (sentence, difference) = match (in_sink, in_reference) {
        ([], None | Some([])) => return None,
        ([], Some(differs)) => (
            format!(
                "the rows expected of `{sink}` are in the sink, but its reference has others: the \
                 expectation or the reference query is wrong, or the pipeline is wrong as expected"
            ),
            differs,
        ),
        (differs, Some([])) => (
            format!(
                "the rows of `{sink}` differ from those expected; its reference agrees with the \
                     expectation, so the pipeline is wrong"
            ),
            differs,
        ),
        (differs, Some(_)) => (
            format!(
                "the rows of `{sink}` differ from those expected, and its reference differs from \
                     them too: the expectation is wrong, or the reference query is"
            ),
            differs,
        ),
        (differs, None) => (format!("the rows of `{sink}` differ from those expected"), differs),
    };
    Some((sentence, difference.to_vec()))
}

impl Table<'_> {
    /// The table without the rows of these keys.
    fn without(&self, keys: &BTreeSet<String>) -> Self {
        let kept = |wanted: &&Wanted| {
            wanted.key.as_ref().is_none_or(|key| !keys.contains(&key.to_string()))
        };
        let copy = |wanted: &Wanted| Wanted { row: wanted.row.clone(), key: wanted.key.clone() };
        let rows = self.rows.iter().filter(kept).map(copy).collect();
        Self { columns: self.columns, rows, open: self.open }
    }

    /// The differences of a reference, as far as it has the table's columns.
    fn of(
        &self,
        sink: &SinkCase<'_>,
        reference: &Rows,
        told: &BTreeSet<String>,
    ) -> Vec<Difference> {
        let kept = |(key, _): &(&Key, &Row)| !told.contains(&key.to_string());
        let keyed = reference.keyed.iter().filter(kept).map(|(_, row)| row);
        let rows = keyed.chain(&reference.bag).cloned().collect::<Vec<_>>();
        let columns = |row: &Row| {
            let has = |(name, _): &(&String, &Value)| reference.columns.contains(name);
            row.iter().filter(has).map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        let copy = |wanted: &Wanted| Wanted { row: columns(&wanted.row), key: wanted.key.clone() };
        let rows_wanted = self.rows.iter().map(copy).collect();
        let table = Table { columns: self.columns, rows: rows_wanted, open: self.open };
        table.differences(sink, &rows)
    }

    fn differences(&self, sink: &SinkCase<'_>, captured: &[Row]) -> Vec<Difference> {
        let mut left = captured.iter().collect::<Vec<_>>();
        let mut differences = Vec::new();
        // Rows that say most are matched first, so that one with `...` takes no other's row.
        let mut wanted = self.rows.iter().collect::<Vec<_>>();
        wanted.sort_by_key(|wanted| std::cmp::Reverse(wanted.row.len()));
        let mut unmatched = Vec::new();
        for wanted in wanted {
            match left.iter().position(|row| shows(row, &wanted.row)) {
                Some(place) => {
                    left.swap_remove(place);
                }
                None => unmatched.push(wanted),
            }
        }
        for wanted in unmatched {
            let same_key = |row: &&Row| {
                wanted.key.is_some() && sink.shape.key_of(row).as_ref() == wanted.key.as_ref()
            };
            match left.iter().position(same_key) {
                Some(place) => {
                    let captured = left.swap_remove(place);
                    differences.extend(columns(wanted, captured));
                }
                None => differences.push(whole(Some(&wanted.row), None)),
            }
        }
        if !self.open {
            let names = self.columns;
            let extra = left.into_iter().map(|row| {
                let kept = row.iter().filter(|(name, _)| names.contains(name));
                kept.map(|(name, value)| (name.clone(), value.clone())).collect::<Row>()
            });
            differences.extend(extra.map(|row| whole(None, Some(&row))));
        }
        differences
    }
}

fn shows(row: &Row, wanted: &Row) -> bool {
    wanted.iter().all(|(name, value)| row.get(name).is_some_and(|shown| same(shown, value)))
}

fn whole(expected: Option<&Row>, captured: Option<&Row>) -> Difference {
    Difference { column: None, expected: expected.map(shown), captured: captured.map(shown) }
}

fn columns(wanted: &Wanted, captured: &Row) -> Vec<Difference> {
    let key = wanted.key.as_ref().map_or_else(String::new, |key| format!(" (key {key})"));
    let differs =
        |(name, _): &(&String, &Value)| !equal(&wanted.row, captured, std::slice::from_ref(*name));
    let line = |(name, value): (&String, &Value)| Difference {
        column: Some(format!("{name}{key}")),
        expected: Some(value.to_string()),
        captured: captured.get(name).map(ToString::to_string),
    };
    wanted.row.iter().filter(differs).map(line).collect()
}
