//! Debezium's envelope read as append or upsert: Flink's formats know only retract, so the raw
//! envelope is a table, and a view over it bears the name.

use super::captured::{Captured, Shape, ticked};
use super::emit::{Form, ROWTIME, Read, TopicPlan, generated, options, ticked_rowtime};
use super::numbers;
use super::options::Mode;
use super::refusal::Refusal;
use crate::base::text::Text;
use crate::sql::edit::{Edit, splice};
use crate::sql::flink::ColumnKind;
use crate::sql::table::{Column, Part};
use crate::sql::token::{Language, Token, significant};

/// The view and its table.
pub(super) fn form(read: &Read<'_>, captured: &Captured, cause: &Text) -> Result<Form, Refusal> {
    let name = read.parts.name.table().to_owned();
    let raw = format!("{name}$envelope");
    let upsert = read.meaning.mode == Mode::Upsert;
    let key = if upsert { read.primary_key() } else { Vec::new() };
    if upsert && key != captured.key {
        return Err(Refusal::new(
            "read as upsert, the table's primary key is the key of the records",
            format!("write PRIMARY KEY ({}) NOT ENFORCED", captured.key.join(", ")),
        ));
    }
    let rowtime = Rowtime::of(read, captured)?;
    let mut items = columns(read, captured, &key)?;
    if read.declares_rowtime() {
        items.push(ROWTIME.to_owned());
    }
    items.extend(rowtime.declared.clone());
    items.extend(read.open_watermark());
    if upsert {
        let key: Vec<_> = key.iter().map(|key| ticked(key)).collect();
        items.push(format!("PRIMARY KEY ({}) NOT ENFORCED", key.join(", ")));
    }
    let with: Vec<_> = options(read, read.meaning.registry(), &key)
        .iter()
        .map(|(key, value)| format!("'{key}' = '{}'", value.replace('\'', "''")))
        .collect();
    let table = format!(
        "CREATE TABLE {} (\n  {}\n) WITH (\n  {}\n)",
        ticked(&raw),
        items.join(",\n  "),
        with.join(",\n  ")
    );
    let told = captured.has_counted().then(numbers::note);
    let view = view(read, captured, &raw, &rowtime);
    Ok(Form {
        statements: vec![generated(table, cause), generated(view, cause)],
        drops: vec![format!("DROP VIEW {}", ticked(&name)), format!("DROP TABLE {}", ticked(&raw))],
        watermark: read.open_watermark(),
        topic: TopicPlan::default(),
        notes: [if upsert {
            "upsert over Debezium's envelope: upsert-kafka on the envelope, and a view of its new \
             rows; a record of a delete takes the row away"
                .to_owned()
        } else {
            "append over Debezium's envelope: every insert, read and update is a new row, deletes \
             are left out; a view picks them from the envelope"
                .to_owned()
        }]
        .into_iter()
        .chain(told)
        .collect(),
    })
}

/// The columns of the table over envelopes: the key, both images, and what is metadata.
fn columns(read: &Read<'_>, captured: &Captured, key: &[String]) -> Result<Vec<String>, Refusal> {
    let mut items = Vec::new();
    for column in read.columns().filter(|column| key.contains(&column.name)) {
        let words = read.words(column.definition);
        let words = match captured.counted(&column.name) {
            Some((kind, counted)) => words.replacen(kind, counted.number(), 1),
            None => words.to_owned(),
        };
        items.push(format!("{} {words}", ticked(&column.name)));
    }
    let image = captured.numbers()?;
    items.push(format!("`before` {image}"));
    items.push(format!("`after` {image}"));
    items.push("`op` STRING".to_owned());
    for column in read.columns() {
        if let (ColumnKind::Metadata { data_type, .. }, Some(key)) =
            (&column.kind, &column.metadata)
        {
            let key = key.replace('\'', "''");
            items.push(format!(
                "{} {data_type} METADATA FROM '{key}' VIRTUAL",
                ticked(&column.name)
            ));
        }
    }
    Ok(items)
}

/// The column that the watermark is of.
struct Rowtime {
    name: Option<String>,
    /// Its declaration on the envelope, if it is not a metadata column.
    declared: Option<String>,
}

impl Rowtime {
    fn of(read: &Read<'_>, captured: &Captured) -> Result<Self, Refusal> {
        let items = read.parts.list.iter().flat_map(|list| &list.items);
        let watermark = items.into_iter().find_map(|item| match &item.part {
            Part::Watermark(Some(watermark)) => Some((watermark.column.clone(), item.span)),
            _ => None,
        });
        let Some((name, span)) = watermark else { return Ok(Self { name: None, declared: None }) };
        let Some(column) = read.columns().find(|column| column.name == name) else {
            let declared = None;
            return Ok(Self { name: (name == "$rowtime").then_some(name), declared });
        };
        let declared = match &column.kind {
            ColumnKind::Metadata { .. } => None,
            ColumnKind::Physical(_) if captured.is_timestamp(&name) => {
                let time = captured.time(&name, &format!("`after`.{}", ticked(&name)));
                Some(of_new_rows(&name, &time, captured.counted(&name).is_some()))
            }
            ColumnKind::Physical(_) => {
                return Err(Refusal::new(
                    format!("`{name}` is no TIMESTAMP in Debezium's records, so no watermark can be of it"),
                    "add a computed column, as in ALTER TABLE … ADD (ts AS TO_TIMESTAMP_LTZ(…, 3)), \
                     and declare the watermark on that",
                )
                .at(span));
            }
            ColumnKind::Computed => {
                let expression = over_image(read, captured, column);
                Some(of_new_rows(&name, &expression, is_local(read.words(column.definition))))
            }
        };
        Ok(Self { name: Some(name), declared })
    }
}

/// A computed column that has a time for new rows. A delete is no row here and moves no watermark, but
/// its time must not be NULL.
fn of_new_rows(name: &str, time: &str, is_local: bool) -> String {
    let zero = if is_local { "TO_TIMESTAMP_LTZ(0, 3)" } else { "TIMESTAMP '1970-01-01 00:00:00'" };
    let name = ticked(name);
    format!("{name} AS CASE WHEN `op` IN ('c', 'r', 'u') THEN {time} ELSE {zero} END")
}

/// Whether an expression makes a `TIMESTAMP_LTZ`.
fn is_local(expression: &str) -> bool {
    let tokens = significant(Language::Flink, expression);
    tokens.iter().any(|token| token.is("TO_TIMESTAMP_LTZ") || token.is("TIMESTAMP_LTZ"))
}

/// The expression of a computed column with each column of the row taken from the new image.
fn over_image(read: &Read<'_>, captured: &Captured, column: &Column) -> String {
    let words = read.words(column.definition);
    let tokens = significant(Language::Flink, words);
    let physical = |name: &str| {
        read.columns().any(|c| c.name == name && matches!(c.kind, ColumnKind::Physical(_)))
    };
    let mut edits = Vec::new();
    for (n, token) in tokens.iter().enumerate() {
        let before = n.checked_sub(1).and_then(|n| tokens.get(n));
        let after = tokens.get(n + 1);
        let is_call = after.is_some_and(|t| t.is_symbol("("));
        let is_field = before.is_some_and(|t| t.is_symbol("."));
        let name = Token::name(token).filter(|name| !is_call && !is_field && physical(name));
        edits.extend(name.map(|name| {
            let image = format!("`after`.{}", ticked(&name));
            Edit::new(token.span, captured.time(&name, &image))
        }));
    }
    splice(&Text::whole("".into(), words.to_owned()), &edits).value
}

fn view(read: &Read<'_>, captured: &Captured, raw: &str, rowtime: &Rowtime) -> String {
    let upsert = read.meaning.mode == Mode::Upsert;
    let key = if upsert { read.primary_key() } else { Vec::new() };
    let mut columns = Vec::new();
    for column in read.columns() {
        let name = ticked(&column.name);
        columns.push(match column.kind {
            _ if rowtime.name.as_ref() == Some(&column.name) => name,
            _ if key.contains(&column.name) => captured.shown(&column.name, Shape::Decoded),
            ColumnKind::Physical(_) => {
                let value = captured.time(&column.name, &format!("`after`.{name}"));
                format!("{value} AS {name}")
            }
            ColumnKind::Metadata { .. } => name,
            ColumnKind::Computed => {
                format!("{} AS {name}", ticked_rowtime(&over_image(read, captured, column)))
            }
        });
    }
    if read.declares_rowtime() {
        columns.push("`$rowtime`".to_owned());
    }
    let rows = if upsert { "`op` <> 'd'" } else { "`op` IN ('c', 'r', 'u')" };
    let name = ticked(read.parts.name.table());
    format!(
        "CREATE VIEW {name} AS SELECT\n  {}\nFROM {}\nWHERE {rows}",
        columns.join(",\n  "),
        ticked(raw)
    )
}
