//! The clock of a sink whose statement makes windows, with the delay that its WATERMARK promises.

use std::time::Duration;

use super::tables::Table;
use crate::base::text::Text;
use crate::sql::flink::{CreateTable, Insert, Statement};
use crate::sql::token::{Language, Token, significant};

/// Words of a statement that makes windows.
const MAKERS: [&str; 4] = ["TUMBLE", "HOP", "CUMULATE", "SESSION"];

/// `window: {…}`, as far as the statements tell; `None` if the sink's statement makes no windows.
pub(super) fn clock(
    (statement, insert): (&Text, &Insert),
    parsed: &[(&Text, Statement)],
    tables: &[Table],
) -> Option<String> {
    let text = statement.slice(insert.span);
    let words = significant(Language::Flink, &text.value);
    if !words.iter().any(|word| MAKERS.iter().any(|maker| word.is(maker))) {
        return None;
    }
    let (text, create) = insert.reads.iter().find_map(|name| {
        parsed.iter().find_map(|(text, statement)| match statement {
            Statement::CreateTable(table) if table.name.table() == name.table() => {
                table.watermark.is_some().then_some((*text, &**table))
            }
            _ => None,
        })
    })?;
    let watermark = create.watermark.as_ref()?;
    let time = time(text, create, &watermark.column, tables)?;
    let delay = watermark.delay_ms.map_or(String::new(), |ms| {
        format!(", delay: {}", humantime::format_duration(Duration::from_millis(ms)))
    });
    Some(format!("window: {{end: window_end, time: {time}{delay}}}"))
}

/// The source column of a rowtime column: of the same name, or what its expression names.
fn time(text: &Text, create: &CreateTable, rowtime: &str, tables: &[Table]) -> Option<String> {
    let topic = create.with.as_ref()?.get("topic")?;
    let source = tables.iter().find(|source| source.prefix_of(topic).is_some())?;
    let has = |name: &str| source.columns.iter().any(|column| column.name == name);
    let of = |name: &str| format!("{}.{name}", source.name);
    if has(rowtime) {
        return Some(of(rowtime));
    }
    let tokens = significant(Language::Flink, &text.value);
    let defined = tokens.windows(2).position(|two| match two {
        [name, word] => word.is("AS") && name.name().is_some_and(|name| name == rowtime),
        _ => false,
    })?;
    let names = tokens.iter().skip(defined + 2).filter_map(Token::name);
    names.into_iter().find(|name| has(name)).map(|name| of(&name))
}
