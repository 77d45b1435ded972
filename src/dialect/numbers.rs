//! Connect's own times in JSON: numbers, of which the schema says that they are times. Confluent's
//! tables have times there. Flink's JSON has no schema, so that a table has the numbers, and a view
//! over it bears the name and makes times of them.

use super::captured::{Captured, Shape, ticked};
use super::emit::{Form, generated};
use crate::base::text::{Span, Text};
use crate::sql::edit::{Edit, splice};
use crate::sql::flink::ColumnKind;
use crate::sql::table::{Column, Part, parts};
use crate::sql::token::{Language, Token, significant};

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// Days since 1970: a date.
    Days,
    /// Milliseconds since midnight: a time of day.
    OfTheDay,
    /// Milliseconds since 1970: a point in time.
    Millis,
}

impl Counted {
    /// What a type that Confluent infers is in the record; `None` if it is no time.
    pub(super) fn of(kind: &str) -> Option<Self> {
        match kind {
            "DATE" => Some(Self::Days),
            "TIME(3)" => Some(Self::OfTheDay),
            "TIMESTAMP_LTZ(3)" => Some(Self::Millis),
            _ => None,
        }
    }

    /// The type of the number.
    pub(super) fn number(self) -> &'static str {
        match self {
            Self::Days | Self::OfTheDay => "INT",
            Self::Millis => "BIGINT",
        }
    }

    /// The time that a number is.
    pub(super) fn time(self, number: &str) -> String {
        match self {
            Self::Days => format!("CAST(TIMESTAMPADD(DAY, {number}, DATE '1970-01-01') AS DATE)"),
            Self::OfTheDay => {
                format!(
                    "CAST(TIME '00:00:00' + {number} * INTERVAL '0.001' SECOND(1, 3) AS TIME(3))"
                )
            }
            Self::Millis => format!("TO_TIMESTAMP_LTZ({number}, 3)"),
        }
    }
}

/// The table of a form with its numbers, and the view that makes times of them.
pub(super) fn form(form: Form, captured: &Captured, shape: Shape, cause: &Text) -> Form {
    let Some(table) = form.statements.first() else { return form };
    let Some(found) = parts(table) else { return form };
    let name = found.name.table().to_owned();
    let numbers = format!("{name}$numbers");
    let items = found.list.iter().flat_map(|list| &list.items);
    let mut edits = vec![Edit::new(found.name.span, ticked(&numbers))];
    let mut shown = Vec::new();
    let mut clock = None;
    for item in items {
        match &item.part {
            Part::Column(column) => {
                let own = table.value.get(column.definition.start..column.definition.end);
                let own = own.unwrap_or("");
                edits.extend(edit(column, own, captured, shape));
                shown.push((column.name.clone(), column.kind.clone()));
            }
            Part::Watermark(Some(watermark)) if captured.counted(&watermark.column).is_some() => {
                clock = Some((watermark.column.clone(), item.span));
            }
            Part::Watermark(_) | Part::PrimaryKey(_) | Part::Other => {}
        }
    }
    if let Some((column, span)) = &clock {
        edits.push(clocked(table, captured, column, *span));
    }
    edits.sort_by_key(|edit| edit.span);
    let columns: Vec<String> = shown
        .iter()
        .map(|(column, kind)| {
            let is_clock = clock.as_ref().is_some_and(|(name, _)| name == column);
            let name = ticked(column);
            if is_clock {
                return format!("{} AS {name}", ticked(&timed(column)));
            }
            match kind {
                ColumnKind::Physical(_) => captured.shown(column, shape),
                ColumnKind::Computed | ColumnKind::Metadata { .. } => name,
            }
        })
        .collect();
    let view = format!(
        "CREATE VIEW {} AS SELECT\n  {}\nFROM {}",
        ticked(&name),
        columns.join(",\n  "),
        ticked(&numbers)
    );
    let mut notes = form.notes;
    notes.push(note());
    Form {
        statements: vec![generated(splice(table, &edits).value, cause), generated(view, cause)],
        drops: vec![
            format!("DROP VIEW {}", ticked(&name)),
            format!("DROP TABLE {}", ticked(&numbers)),
        ],
        notes,
        ..form
    }
}

/// What is told of it.
pub(super) fn note() -> String {
    "time.precision.mode=connect writes times as numbers, and JSON does not mark them: the table has \
     the numbers, and a view makes times of them, as Confluent's schema says they are"
        .to_owned()
}

/// The column beside a number that is its time, for a watermark.
fn timed(column: &str) -> String {
    format!("{column}$time")
}

/// A column of the table with numbers.
fn edit(column: &Column, own: &str, captured: &Captured, shape: Shape) -> Option<Edit> {
    match &column.kind {
        ColumnKind::Physical(_) if shape == Shape::Envelope && is_image(&column.name) => {
            Some(Edit::new(column.definition, captured.numbers().ok()?))
        }
        ColumnKind::Physical(_) => {
            let (kind, counted) = captured.counted(&column.name)?;
            Some(Edit::new(column.definition, own.replacen(kind, counted.number(), 1)))
        }
        ColumnKind::Computed => {
            let over = over_numbers(own, captured);
            (over != own).then(|| Edit::new(column.definition, over))
        }
        ColumnKind::Metadata { .. } => None,
    }
}

/// Whether a column holds an image of the row.
fn is_image(name: &str) -> bool {
    name == "before" || name == "after"
}

/// A watermark of a time, with the column that it is of.
fn clocked(table: &Text, captured: &Captured, column: &str, span: Span) -> Edit {
    let words = table.value.get(span.start..span.end).unwrap_or("");
    let named = significant(Language::Flink, words).into_iter();
    let named = named.filter(|token| token.name().is_some_and(|name| name == column));
    let edits: Vec<Edit> =
        named.map(|token| Edit::new(token.span, ticked(&timed(column)))).collect();
    let over = splice(&Text::whole("".into(), words.to_owned()), &edits).value;
    let counted = captured.counted(column).map(|(_, counted)| counted.time(&ticked(column)));
    Edit::new(
        span,
        format!("{} AS {},\n  {over}", ticked(&timed(column)), counted.unwrap_or_default()),
    )
}

/// An expression over columns that are numbers here, with the times that they are: `born`, or of an
/// envelope `after.born`.
pub(super) fn over_numbers(words: &str, captured: &Captured) -> String {
    let tokens = significant(Language::Flink, words);
    let mut edits = Vec::new();
    for (n, token) in tokens.iter().enumerate() {
        let is_called = tokens.get(n + 1).is_some_and(|next| next.is_symbol("("));
        let name = Token::name(token).filter(|_| !is_called);
        let Some((_, counted)) = name.and_then(|name| captured.counted(&name)) else { continue };
        let behind_dot = n.checked_sub(1).and_then(|n| tokens.get(n)).filter(|t| t.is_symbol("."));
        let image = n.checked_sub(2).and_then(|n| tokens.get(n)).filter(|_| behind_dot.is_some());
        let start = match (behind_dot, image) {
            (None, _) => token.span.start,
            (Some(_), Some(image)) if image.name().is_some_and(|name| is_image(&name)) => {
                image.span.start
            }
            (Some(_), _) => continue,
        };
        let span = Span::new(start, token.span.end);
        let own = words.get(span.start..span.end).unwrap_or("");
        edits.push(Edit::new(span, counted.time(own)));
    }
    splice(&Text::whole("".into(), words.to_owned()), &edits).value
}
