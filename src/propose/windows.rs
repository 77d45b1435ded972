//! The clock of a sink whose statement makes windows, with the delay that its WATERMARK promises.

use std::time::Duration;

use super::query::parts;
use super::scene::Scene;
use crate::base::text::Text;
use crate::sql::flink::{CreateTable, Insert, Statement};
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
    /// The source table and its column.
    pub time: (String, String),
    pub delay_ms: Option<u64>,
}

impl Clock {
    /// `window: {…}`.
    pub(super) fn written(&self) -> String {
        let (table, column) = &self.time;
        let delay = self.delay_ms.map_or(String::new(), |ms| {
            format!(", delay: {}", humantime::format_duration(Duration::from_millis(ms)))
        });
        format!("window: {{end: {}, time: {table}.{column}{delay}}}", self.end)
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
fn watermark(scene: &Scene<'_>, insert: &Insert) -> Option<((String, String), Option<u64>)> {
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
fn time(
    scene: &Scene<'_>,
    (text, create): (&Text, &CreateTable),
    rowtime: &str,
) -> Option<(String, String)> {
    let source = scene.source(create.name.table())?;
    let of = |name: &str| Some((source.name.clone(), name.to_owned()));
    if source.column(rowtime).is_some() {
        return of(rowtime);
    }
    let tokens = significant(Language::Flink, &text.value);
    let defined = tokens.windows(2).position(|two| match two {
        [name, word] => word.is("AS") && name.name().is_some_and(|name| name == rowtime),
        _ => false,
    })?;
    let mut names = tokens.iter().skip(defined + 2).filter_map(Token::name);
    let name = names.find(|name| source.column(name).is_some())?;
    of(&name)
}
