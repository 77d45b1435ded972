//! Why a sink holds another value than its reference, where the types alone tell it: a value that a
//! declared type cannot hold, a padded text that equals no shorter one, one value in two spellings.
//!
//! Source: PostgreSQL's manual, "Character Types"; Flink's manual, "Data Types".

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::found::{Raw, Trace};
use super::sinks::SinkCase;
use super::topic::TopicCase;
use crate::base::anomaly::{Anomaly, Family};
use crate::base::text::Text;
use crate::base::value::{Type, Value};
use crate::codec::fits::fits;
use crate::codec::flink::Row;
use crate::codec::pgoutput::Cell;
use crate::codec::postgres;
use crate::codec::types::{DataType, fields};
use crate::codec::value::{canonical, same};
use crate::model::feed::Columns;
use crate::model::source::Change;
use crate::sql::flink::literals::compared;
use crate::sql::flink::{ColumnKind, CreateTable, Statement, parse};
use crate::sql::token::{Language, Token, significant};

/// How many values that do not fit are looked at behind one sink.
const MISFITS: usize = 1000;

/// What the values of a sink's differing columns tell.
pub(super) fn of_row(
    sink: &SinkCase<'_>,
    expected: &Row,
    captured: Option<&Row>,
    columns: &[String],
) -> Option<String> {
    let differs = |column: &&String| {
        let captured = captured.and_then(|row| row.get(*column));
        captured.is_none_or(|captured| expected.get(*column).is_none_or(|of| !same(of, captured)))
    };
    columns.iter().filter(differs).find_map(|column| {
        let value = expected.get(column)?;
        let declared = sink.shape.table.columns.iter().find(|(name, _)| name == column);
        let (_, declared) = declared?;
        if !fits(value, declared) {
            let declared = short(declared);
            return Some(format!("`{column}` = {value} does not fit {declared}"));
        }
        spelling(column, value, captured?.get(column)?)
    })
}

/// Two texts that are one value in two spellings.
fn spelling(column: &str, expected: &Value, captured: &Value) -> Option<String> {
    let (Value::Text(expected), Value::Text(captured)) = (expected, captured) else { return None };
    if expected.trim_end_matches(' ') == captured.trim_end_matches(' ') {
        return Some(format!(
            "`{column}` differs in the spaces at its end only: `char(n)` is padded in a topic, and \
             Postgres strips it as text; let the reference give the column as it is"
        ));
    }
    let document = |text: &str| match postgres::value(text, &DataType::Scalar(Type::Json)) {
        Ok(Value::Json(json)) if json.is_object() || json.is_array() => Some(json),
        _ => None,
    };
    let same_document = document(expected).is_some_and(|one| document(captured) == Some(one));
    same_document.then(|| {
        format!(
            "`{column}` is the same JSON in another spelling, compared as text; let the reference \
             give it as `jsonb`, without `::text`"
        )
    })
}

/// `DECIMAL(8, 2) NOT NULL` → `DECIMAL(8,2)`.
fn short(declared: &str) -> String {
    declared.trim_end_matches("NOT NULL").trim_end().replace(", ", ",")
}

/// Adds to the findings at sinks what the source's values and the statements tell.
pub(super) fn explain(case: &Case<'_>, raws: &mut [Raw]) {
    let statements = &case.index.header.trial.pipeline.statements;
    let statements = statements.iter().map(|text| (text, parse(text))).collect::<Vec<_>>();
    let mut known = BTreeMap::<String, Behind>::new();
    for raw in raws.iter_mut().filter(|raw| is_about_values(raw.finding.anomaly)) {
        let place = raw.finding.place.clone();
        let is_sink = case.index.header.trial.pipeline.sinks.contains_key(&place);
        if !is_sink || raw.finding.sentence.contains("does not fit") {
            continue;
        }
        let behind =
            known.entry(place).or_insert_with_key(|sink| Behind::of(case, &statements, sink));
        if let Some(cause) = behind.cause(raw) {
            raw.finding.sentence = format!("{}: {cause}", raw.finding.sentence);
        }
    }
}

/// What a value can be the cause of.
fn is_about_values(anomaly: Anomaly) -> bool {
    let of_sink = [
        Anomaly::DivergedSink,
        Anomaly::GhostRow,
        Anomaly::StaleOverwrite,
        Anomaly::LostChange,
        Anomaly::StatementFailed,
        Anomaly::ImpossibleOutput,
    ];
    of_sink.contains(&anomaly) || (anomaly.family() == Family::Windows && !anomaly.is_witness())
}

/// What stands behind a sink.
#[derive(Default)]
struct Behind {
    misfits: Vec<Misfit>,
    /// Columns of the source tables that it reads.
    columns: BTreeSet<String>,
    /// Comparisons of padded columns.
    padded: Vec<String>,
}

/// A value of the source that the table which reads it cannot hold.
struct Misfit {
    sentence: String,
    column: String,
    value: String,
    /// The row's values in the form of keys.
    row: BTreeMap<String, Option<String>>,
}

impl Behind {
    fn of(case: &Case<'_>, statements: &[(&Text, Statement)], sink: &str) -> Self {
        let mut behind = Self::default();
        let (tables, queries) = read_for(statements, sink);
        for table in tables {
            let topic = table.with.as_ref().and_then(|with| with.get("topic"));
            let topic = case.topics.iter().find(|of| topic == Some(of.topic.name.as_str()));
            let columns = topic.and_then(|topic| case.columns.get(topic.table));
            let (Some(topic), Some(columns)) = (topic, columns) else { continue };
            behind.columns.extend(columns.types().map(|(name, _)| name.to_owned()));
            behind.look_at(case, (topic, columns), table);
            for query in &queries {
                behind.padded.extend(padded(query, columns));
            }
        }
        behind.misfits.retain(|misfit| queries.iter().any(|query| uses(query, &misfit.column)));
        behind
    }

    fn look_at(
        &mut self,
        case: &Case<'_>,
        (topic, columns): (&TopicCase<'_>, &Columns<'_>),
        table: &CreateTable,
    ) {
        let declared = declared(table);
        let changes = case.transactions.iter().flat_map(|transaction| &transaction.changes);
        for change in changes.filter(|change| change.table == topic.table) {
            if self.misfits.len() >= MISFITS {
                return;
            }
            // As Postgres holds it: what the connector makes of it may have lost digits already.
            let row = values(change, columns.at(change.lsn));
            for (name, value) in &row {
                // Whatever a record writes of these, it is not the text that Postgres has.
                if columns.at(change.lsn).kind(name).is_some_and(DataType::is_written_otherwise) {
                    continue;
                }
                let kind = declared.iter().find(|(of, _)| of.eq_ignore_ascii_case(name));
                let Some((_, kind)) = kind.filter(|(_, kind)| !fits(value, kind)) else { continue };
                let (kind, table) = (short(kind), table.name.table());
                let sentence =
                    format!("`{name}` = {value} does not fit {kind}, as which `{table}` reads it");
                if self.misfits.iter().all(|known| known.sentence != sentence) {
                    let row = row.iter().map(|(name, value)| (name.clone(), canonical(value)));
                    let (column, value) = (name.clone(), value.to_string());
                    self.misfits.push(Misfit { sentence, column, value, row: row.collect() });
                }
            }
        }
    }

    fn cause(&self, raw: &Raw) -> Option<String> {
        if raw.finding.anomaly == Anomaly::StatementFailed {
            // A statement fails of many things; only Flink's own words tell of the value.
            let told = |misfit: &&Misfit| raw.finding.sentence.contains(&misfit.value);
            return self.misfits.iter().find(told).map(|misfit| misfit.sentence.clone());
        }
        let trace = &raw.trace;
        let of_row = |misfit: &&Misfit| misfit.is_of(trace);
        // Where the key names a row of the source, another row's value is no cause.
        let is_known = !trace.columns.is_empty()
            && trace.columns.iter().all(|(name, _)| self.columns.contains(name));
        let misfit = match self.misfits.iter().find(of_row) {
            None if is_known => None,
            found => found.or(self.misfits.first()),
        };
        if let Some(misfit) = misfit {
            return Some(misfit.sentence.clone());
        }
        let filtered = matches!(raw.finding.anomaly, Anomaly::LostChange | Anomaly::GhostRow);
        self.padded.first().filter(|_| filtered || !is_known).cloned()
    }
}

/// Whether a query may use a column: it names it, or all columns.
fn uses(query: &str, column: &str) -> bool {
    let names = |token: &Token<'_>| token.name().is_some_and(|n| n.eq_ignore_ascii_case(column));
    significant(Language::Flink, query).iter().any(|token| token.is_symbol("*") || names(token))
}

impl Misfit {
    fn is_of(&self, trace: &Trace) -> bool {
        let equal = |(name, value): &(String, Option<String>)| self.row.get(name) == Some(value);
        !trace.columns.is_empty() && trace.columns.iter().all(equal)
    }
}

/// The values of the new row of a change, by column.
fn values(change: &Change, columns: &Columns<'_>) -> Vec<(String, Value)> {
    let Some(row) = &change.new else { return Vec::new() };
    let value = |(n, name): (usize, &String)| {
        let Cell::Text(text) = row.get(n)? else { return None };
        Some((name.clone(), postgres::value(text, columns.kind(name)?).ok()?))
    };
    change.columns.iter().enumerate().filter_map(value).collect()
}

/// The columns of a table with the types that they are declared with, those of the images of an
/// envelope among them.
fn declared(table: &CreateTable) -> Vec<(String, String)> {
    let mut declared = Vec::new();
    for column in &table.columns {
        let ColumnKind::Physical(kind) = &column.kind else { continue };
        if column.name == "after" || column.name == "before" {
            declared.extend(fields(kind));
        }
        declared.push((column.name.clone(), kind.clone()));
    }
    declared
}

/// Comparisons of a padded column with a shorter text.
fn padded(query: &str, columns: &Columns<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for one in compared(query) {
        let of = |known: &&crate::history::event::Column| known.name == one.column;
        let Some(column) = columns.table.columns.iter().find(of) else { continue };
        let length = column.read_as().strip_prefix("character(").and_then(|n| n.strip_suffix(')'));
        let Some(length) = length.and_then(|n| n.parse::<usize>().ok()) else { continue };
        if one.literal.chars().count() < length {
            found.push(format!(
                "`{}` is {}, padded to {length} characters in its topic, and never equals '{}'",
                one.column, column.type_name, one.literal
            ));
        }
    }
    found
}

/// The tables that are read for a sink, and the queries that read them.
fn read_for<'s>(
    statements: &'s [(&Text, Statement)],
    sink: &str,
) -> (Vec<&'s CreateTable>, Vec<&'s str>) {
    let (mut tables, mut queries) = (Vec::new(), Vec::new());
    let mut open = vec![sink.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        for (text, statement) in statements {
            match statement {
                Statement::CreateTable(table) if table.name.table() == name => {
                    tables.push(&**table);
                }
                Statement::CreateView { name: view, reads } if view.table() == name => {
                    open.extend(reads.iter().map(|read| read.table().to_owned()));
                    queries.push(text.value.as_str());
                }
                _ => {}
            }
            for insert in statement.inserts().iter().filter(|of| of.target.table() == name) {
                open.extend(insert.reads.iter().map(|read| read.table().to_owned()));
                queries.extend(text.value.get(insert.span.start..insert.span.end));
            }
        }
    }
    (tables, queries)
}
