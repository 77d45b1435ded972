//! The clock of a sink whose statement makes windows, with the delay that its WATERMARK promises.

use std::time::Duration;

use super::query::parts;
use super::scene::Scene;
use super::tables::Table;
use crate::base::text::{Span, Text};
use crate::sql::edit::{Edit, splice};
use crate::sql::flink::{CreateTable, Insert, Statement};
use crate::sql::moment::{Moment, Value};
use crate::sql::token::{Language, Token, significant};

/// Words of a statement that makes windows.
const MAKERS: [&str; 4] = ["TUMBLE", "HOP", "CUMULATE", "SESSION"];

/// What is found of a sink's windows.
pub(super) enum Found {
    /// It has none.
    None,
    Clock(Clock),
    /// It has, but what closes them is not known; why.
    Unknown(String),
}

/// The clock of windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clock {
    /// The sink's column with the end of the window.
    pub end: String,
    pub time: Time,
    pub delay_ms: Option<u64>,
}

/// What tells the time of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Time {
    pub table: String,
    pub column: String,
    /// What the statement makes of the column, where that is more than to read a time.
    expression: Option<String>,
    /// A value of the column that is later than those of the first rows.
    pub later: String,
}

/// 2025-01-02 10:00:00 in milliseconds, and the values by which a column may say it.
const LATER: (i64, [&str; 5]) = (
    1_735_812_000_000,
    [
        "2025-01-02 10:00:00",
        "1735812000",
        "1735812000000",
        "1735812000000000",
        "2025-01-02T10:00:00Z",
    ],
);

impl Clock {
    /// `window: {…}`.
    pub(super) fn written(&self) -> String {
        let Time { table, column, expression, .. } = &self.time;
        let time = match expression {
            // In quotes of YAML, since it may hold what ends a plain text there.
            Some(expression) => format!("{{expression: '{}'}}", expression.replace('\'', "''")),
            None => format!("{table}.{column}"),
        };
        let delay = self.delay_ms.map_or(String::new(), |ms| {
            format!(", delay: {}", humantime::format_duration(Duration::from_millis(ms)))
        });
        format!("window: {{end: {}, time: {time}{delay}}}", self.end)
    }
}

/// The clock of a sink's windows.
pub(super) fn clock(scene: &Scene<'_>, sink: &str) -> Found {
    for (statement, insert) in scene.writers(sink) {
        let text = statement.slice(insert.span);
        let words = significant(Language::Flink, &text.value);
        let makes = |word: &Token<'_>| {
            let kind = word.text.to_uppercase();
            MAKERS.contains(&kind.split('_').next().unwrap_or_default())
        };
        let makes = words.iter().any(makes) && words.iter().any(|word| word.is_symbol("("));
        if !makes {
            continue;
        }
        let Some(end) = end(scene, sink, &words) else {
            return Found::Unknown("it writes no column with the end of its windows".to_owned());
        };
        let Some((time, delay_ms)) = watermark(scene, insert) else {
            return Found::Unknown(
                "the clock of its windows is no column of a source table".to_owned(),
            );
        };
        return Found::Clock(Clock { end, time, delay_ms });
    }
    Found::None
}

/// The column of the sink into which the end of a window goes.
fn end(scene: &Scene<'_>, sink: &str, words: &[Token<'_>]) -> Option<String> {
    let select = words.iter().position(|word| word.is("SELECT"))?;
    let rest = words.get(select + 1..)?;
    let mut depth = 0_usize;
    let from = rest.iter().position(|word| {
        if word.is_symbol("(") {
            depth += 1;
        } else if word.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && word.is("FROM")
    })?;
    let items = parts(rest.get(..from)?);
    let is_end = |item: &&[Token<'_>]| {
        item.iter().any(|word| word.text.to_lowercase().contains("window_end"))
            || item.first().is_some_and(|word| word.text.to_uppercase().ends_with("_END"))
    };
    let at = items.iter().position(is_end)?;
    let (_, create) = scene.create(sink)?;
    let columns: Vec<&str> = create
        .columns
        .iter()
        .filter(|column| column.is_written())
        .map(|column| column.name.as_str())
        .collect();
    match columns.get(at) {
        Some(column) => Some((*column).to_owned()),
        None => items.get(at)?.last()?.name(),
    }
}

/// The source column behind the rowtime column, and the delay of its watermark.
fn watermark(scene: &Scene<'_>, insert: &Insert) -> Option<(Time, Option<u64>)> {
    let mut open: Vec<String> = insert.reads.iter().map(|name| name.table().to_owned()).collect();
    let mut seen = Vec::new();
    while let Some(name) = open.pop() {
        if seen.contains(&name) {
            continue;
        }
        if let Some((text, create)) = scene.create(&name)
            && let Some(watermark) = &create.watermark
            && let Some(time) = time(scene, (text, create), &watermark.column)
        {
            return Some((time, watermark.delay_ms));
        }
        let views = scene.parsed.iter().filter_map(|(_, statement)| match statement {
            Statement::CreateView { name: own, reads } if own.table() == name => Some(reads),
            _ => None,
        });
        open.extend(views.flatten().map(|name| name.table().to_owned()));
        seen.push(name);
    }
    None
}

/// The source column of a rowtime column: of the same name, or what its expression names.
fn time(scene: &Scene<'_>, (text, create): (&Text, &CreateTable), rowtime: &str) -> Option<Time> {
    let source = scene.source(create.name.table())?;
    let of = |name: &str| Time {
        table: source.name.clone(),
        column: name.to_owned(),
        expression: None,
        later: LATER.1.first().map_or(String::new(), |text| (*text).to_owned()),
    };
    if source.column(rowtime).is_some() {
        return Some(of(rowtime));
    }
    let tokens = significant(Language::Flink, &text.value);
    let defined = tokens.windows(2).position(|two| match two {
        [name, word] => word.is("AS") && name.name().is_some_and(|name| name == rowtime),
        _ => false,
    })?;
    let tokens = tokens.get(defined + 2..)?;
    let name = tokens.iter().filter_map(Token::name).find(|name| source.column(name).is_some())?;
    let plain = of(&name);
    let kind = source.column(&name).map_or("", |column| column.kind.as_str());
    if kind.starts_with("timestamp") || kind == "date" {
        return Some(plain);
    }
    let expression = qualified(text, tokens, source);
    let Some(moment) = expression.as_ref().and_then(|one| Moment::parse(one).ok()) else {
        return Some(plain);
    };
    let said = |text: &&str| match text.parse() {
        Ok(number) => Value::Whole(number),
        Err(_) => Value::Text((*text).to_owned()),
    };
    let later = LATER.1.iter().find(|text| moment.millis(&|_| said(text)) == Some(LATER.0));
    let later = later.map_or(plain.later.clone(), |text| (*text).to_owned());
    Some(Time { expression, later, ..plain })
}

/// The expression of a computed column that begins with these tokens, its columns with their source
/// table.
fn qualified(text: &Text, tokens: &[Token<'_>], source: &Table) -> Option<String> {
    let mut depth = 0_i32;
    let length = tokens.iter().position(|token| {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth -= 1;
        }
        depth < 0 || depth == 0 && token.is_symbol(",")
    });
    let own = tokens.get(..length.unwrap_or(tokens.len()))?;
    let whole = Span::new(own.first()?.span.start, own.last()?.span.end);
    let mut edits = Vec::new();
    for (n, token) in own.iter().enumerate() {
        let is_called = own.get(n + 1).is_some_and(|next| next.is_symbol("("));
        let Some(name) = token.name().filter(|_| !is_called) else { continue };
        if source.column(&name).is_none() {
            continue;
        }
        // Of an envelope it is the new image's.
        let image = n.checked_sub(2).and_then(|n| own.get(n..)).filter(
            |three| matches!(three, [image, dot, ..] if image.is("after") && dot.is_symbol(".")),
        );
        let start = image.and_then(<[Token<'_>]>::first).map_or(token.span.start, |t| t.span.start);
        let span = Span::new(start - whole.start, token.span.end - whole.start);
        edits.push(Edit::new(span, format!("{}.{name}", source.name)));
    }
    Some(splice(&text.slice(whole), &edits).value)
}
