//! Columns of Flink tables that the records of their topic do not have, each with the cause.
//!
//! Flink's formats take fields by their names, upper and lower case told apart, and give NULL for a
//! field that a record lacks. Which fields there are follows from the source DDL and the connector's
//! options; where either says too little, nothing is told.

use super::captures::Capture;
use super::case::Case;
use super::causes::Told;
use crate::base::text::{Span, Text};
use crate::dialect::connector::is_managed;
use crate::model::routes::{REGEX_ROUTER, TABLE_ROUTER, class, transforms};
use crate::scenario::nearest;
use crate::scenario::pipeline::Dialect;
use crate::scenario::settings::Options;
use crate::sql::flink::{ColumnKind, CreateTable, With};
use crate::sql::table::{Part, parts};
use crate::sql::token::{Language, significant};

/// A column that no record has, or not every one.
pub(super) struct Lacking<'a> {
    pub(super) text: &'a Text,
    pub(super) span: Span,
    /// The Flink table.
    pub(super) table: String,
    /// The source table.
    pub(super) source: String,
    /// The column, as the table calls it.
    pub(super) column: String,
    pub(super) why: Why,
    topic: Option<String>,
    /// It is a column of the source table's primary key.
    is_key: bool,
    /// The sinks whose rows come from the table.
    sinks: Vec<String>,
}

impl<'a> Lacking<'a> {
    pub(super) fn told(self) -> Told<'a> {
        let message = self.sentence();
        let Self { text, span, sinks, column, why, topic, .. } = self;
        let topic = topic.filter(|_| !matches!(why, Why::Unknown(_)));
        Told { text, span, message, sinks, column: Some(column), topic }
    }

    fn sentence(&self) -> String {
        let Self { table, source, column, .. } = self;
        match &self.why {
            Why::Unknown(near) => {
                let near = match near {
                    Some(near) if near.starts_with("after.") => {
                        format!("; it stands in the envelope, as `{near}`")
                    }
                    Some(near) => format!("; did you mean `{near}`?"),
                    None => String::new(),
                };
                format!(
                    "no record of `{source}` has the column `{column}` of `{table}`, which is always \
                     NULL{near}"
                )
            }
            Why::Filtered(option) => {
                let what = if self.is_key { "key column" } else { "column" };
                format!(
                    "`{option}` leaves the {what} `{column}` of `{source}` out of the values, so that \
                     it is always NULL in `{table}`"
                )
            }
            Why::Generated => format!(
                "`{column}` of `{source}` is generated, not in the WAL: in `{table}` it is NULL in \
                 every row but those of a snapshot"
            ),
            Why::Unmapped(kind) => format!(
                "Debezium leaves `{column}` of `{source}` out of its records, because it has no form \
                 for the type `{kind}`: it is always NULL in `{table}`"
            ),
        }
    }
}

/// Why a record lacks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// There is none of that name; which one may be meant.
    Unknown(Option<String>),
    /// This option leaves it out.
    Filtered(&'static str),
    /// It is generated, so that only rows of a snapshot have it.
    Generated,
    /// Debezium has no form for this type.
    Unmapped(String),
}

/// Transforms that leave the fields of values alone.
const KEEPING: [&str; 4] = [
    REGEX_ROUTER,
    TABLE_ROUTER,
    "io.debezium.transforms.Filter",
    "org.apache.kafka.connect.transforms.Filter",
];
const UNWRAPPING: &str = "io.debezium.transforms.ExtractNewRecordState";

/// The fields of Debezium's envelope, and of a record behind its schema.
const ENVELOPE: [&str; 10] = [
    "before",
    "after",
    "source",
    "op",
    "ts_ms",
    "ts_us",
    "ts_ns",
    "transaction",
    "schema",
    "payload",
];

/// Types for which Debezium's `PostgresValueConverter` has no form: it leaves their columns out,
/// unless `include.unknown.datatypes` is true.
const UNMAPPED: [&str; 17] = [
    "box",
    "circle",
    "line",
    "lseg",
    "path",
    "polygon",
    "pg_lsn",
    "pg_snapshot",
    "txid_snapshot",
    "tsquery",
    "jsonpath",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "tsmultirange",
    "tstzmultirange",
    "datemultirange",
];

/// All of them in a trial.
pub(super) fn lacking<'a>(case: &Case<'a>) -> Vec<Lacking<'a>> {
    let mut found = Vec::new();
    if case.trial.pipeline.dialect != Dialect::Flink {
        return found;
    }
    for (text, table) in case.tables() {
        let (Some(with), Some(capture)) = (&table.with, case.capture_of(table)) else { continue };
        let options = case.options_of(&capture.schema, &capture.name);
        let Some(options) = options.filter(|options| !is_managed(options)) else { continue };
        let Some(is_unwrapped) = is_unwrapped(options) else { continue };
        if !capture.is_whole || table.derived.is_some() || is_altered(case, table) {
            continue;
        }
        let named = match layout(table, with, is_unwrapped) {
            Some(Layout::Row) => columns(text),
            Some(Layout::Envelope) => images(text),
            None => continue,
        };
        let keys = keys(table, with);
        for (column, span) in named {
            // What begins so is added by transforms.
            let is_added = column.starts_with("__");
            if is_added || keys.iter().any(|key| *key == column) {
                continue;
            }
            let Some(why) = why(&column, capture, options) else { continue };
            let is_key = capture.key.contains(&column);
            let topic = capture.topic.clone();
            let (table, source) = (table.name.table().to_owned(), capture.full());
            let sinks = sinks(case, &table);
            found.push(Lacking { text, span, table, source, column, why, topic, is_key, sinks });
        }
    }
    found
}

/// Whether records are rows without their envelope; `None` if a transform does more than that.
fn is_unwrapped(options: &Options) -> Option<bool> {
    let mut is_unwrapped = false;
    for name in transforms(options) {
        match class(options, name)? {
            UNWRAPPING => is_unwrapped = true,
            class if KEEPING.contains(&class) => {}
            _ => return None,
        }
        // Then some records are of one form and some of the other.
        if is_unwrapped && options.contains_key(&format!("transforms.{name}.predicate")) {
            return None;
        }
    }
    Some(is_unwrapped)
}

fn is_altered(case: &Case<'_>, table: &CreateTable) -> bool {
    let mut alters = case.statements.iter().filter_map(|(text, _)| crate::sql::table::alter(text));
    alters.any(|alter| alter.name.table() == table.name.table())
}

enum Layout {
    Row,
    Envelope,
}

fn layout(table: &CreateTable, with: &With, is_unwrapped: bool) -> Option<Layout> {
    match with.get("value.format").or_else(|| with.get("format"))? {
        format if format.starts_with("debezium-") => (!is_unwrapped).then_some(Layout::Row),
        "json" | "avro-confluent" if is_unwrapped => Some(Layout::Row),
        "json" | "avro-confluent" => {
            let is_payload = table.columns.iter().any(|column| column.name == "payload");
            (!is_payload).then_some(Layout::Envelope)
        }
        _ => None,
    }
}

/// The columns that come from the record's key, as far as they need not stand in its value.
fn keys<'t>(table: &'t CreateTable, with: &'t With) -> Vec<&'t str> {
    if with.get("connector") == Some("upsert-kafka") {
        return table.primary_key.iter().map(String::as_str).collect();
    }
    let fields = with.get("key.fields").unwrap_or("");
    fields.split(';').map(str::trim).filter(|field| !field.is_empty()).collect()
}

/// The physical columns, with their places.
fn columns(text: &Text) -> Vec<(String, Span)> {
    let items = parts(text).and_then(|parts| parts.list).map(|list| list.items);
    let columns = items.unwrap_or_default().into_iter().filter_map(|item| match item.part {
        Part::Column(column) if matches!(column.kind, ColumnKind::Physical(_)) => {
            Some((column.name, item.span))
        }
        _ => None,
    });
    columns.collect()
}

/// The fields of `before` and `after`, with their places.
fn images(text: &Text) -> Vec<(String, Span)> {
    let items = parts(text).and_then(|parts| parts.list).map(|list| list.items);
    let mut found = Vec::new();
    for item in items.unwrap_or_default() {
        let Part::Column(column) = item.part else { continue };
        if !matches!(column.kind, ColumnKind::Physical(_)) {
            continue;
        }
        if column.name == "before" || column.name == "after" {
            let at = column.definition;
            let row = text.value.get(at.start..at.end).unwrap_or("");
            found.extend(
                fields(row).into_iter().map(|(name, span)| {
                    (name, Span::new(at.start + span.start, at.start + span.end))
                }),
            );
        }
    }
    found
}

/// The names of the fields of a ROW.
fn fields(row: &str) -> Vec<(String, Span)> {
    let tokens = significant(Language::Flink, row);
    let mut found = Vec::new();
    let mut depth = 0_usize;
    if !tokens.first().is_some_and(|token| token.is("ROW")) {
        return found;
    }
    for (n, token) in tokens.iter().enumerate() {
        let opens = token.is_symbol("<") || token.is_symbol("(");
        if opens {
            depth += 1;
        } else if token.is_symbol(">") || token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if token.is_symbol(">>") {
            depth = depth.saturating_sub(2);
        }
        let begins = depth == 1 && (opens || token.is_symbol(","));
        if let Some(field) = tokens.get(n + 1).filter(|_| begins) {
            found.extend(field.name().map(|name| (name, field.span)));
        }
    }
    found
}

/// Why records of the table lack a column; `None` if they have it.
fn why(column: &str, capture: &Capture, options: &Options) -> Option<Why> {
    if let Some(own) = capture.column(column) {
        if let Some(option) = capture.filter(column, options) {
            return Some(Why::Filtered(option));
        }
        let unknown = options.get("include.unknown.datatypes").is_some_and(|on| on == "true");
        let kind = own.data_type.name.as_str();
        let is_unmapped = UNMAPPED.contains(&kind) && !unknown;
        return is_unmapped.then(|| Why::Unmapped(kind.to_owned()));
    }
    if capture.generated.iter().any(|name| name == column) {
        return Some(Why::Generated);
    }
    // Names that the connector or a converter writes otherwise are compared as they are written.
    let written = |name: &str| -> String {
        let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
        name.chars().map(|c| if is_legal(c) { c } else { '_' }).collect()
    };
    let mut names = capture.columns.iter().map(|own| own.name.as_str());
    if names.any(|name| written(name) == column) {
        return None;
    }
    let names = capture.columns.iter().map(|own| own.name.as_str());
    let same = names.clone().find(|name| name.eq_ignore_ascii_case(column));
    let part = |name: &&str| name.len() > 2 && (column.contains(*name) || name.contains(column));
    let near = same.or_else(|| nearest(column, names.clone())).or_else(|| names.clone().find(part));
    Some(Why::Unknown(near.map(ToOwned::to_owned)))
}

/// Top-level columns of a table over envelopes that no envelope has.
pub(super) fn beside_the_envelope<'a>(case: &Case<'a>) -> Vec<Lacking<'a>> {
    let mut found = Vec::new();
    if case.trial.pipeline.dialect != Dialect::Flink {
        return found;
    }
    for (text, table) in case.tables() {
        let (Some(with), Some(capture)) = (&table.with, case.capture_of(table)) else { continue };
        let options = case.options_of(&capture.schema, &capture.name);
        let Some(options) = options.filter(|options| !is_managed(options)) else { continue };
        if is_unwrapped(options) != Some(false) {
            continue;
        }
        let is_envelope = matches!(layout(table, with, false), Some(Layout::Envelope));
        if !is_envelope || table.derived.is_some() || is_altered(case, table) {
            continue;
        }
        let keys = keys(table, with);
        for (column, span) in columns(text) {
            let is_field = ENVELOPE.contains(&column.as_str());
            if is_field || column.starts_with("__") || keys.iter().any(|key| *key == column) {
                continue;
            }
            let near = ENVELOPE.iter().find(|field| field.eq_ignore_ascii_case(&column));
            let of_row = capture.column(&column).map(|_| format!("after.{column}"));
            let near = near.map(|field| (*field).to_owned()).or(of_row);
            let (table, source) = (table.name.table().to_owned(), capture.full());
            let (why, sinks) = (Why::Unknown(near), sinks(case, &table));
            let topic = None;
            found.push(Lacking {
                text,
                span,
                table,
                source,
                column,
                why,
                topic,
                is_key: false,
                sinks,
            });
        }
    }
    found
}

fn sinks(case: &Case<'_>, table: &str) -> Vec<String> {
    case.sinks_over(table).into_iter().map(ToOwned::to_owned).collect()
}
