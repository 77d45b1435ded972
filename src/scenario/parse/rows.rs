//! Row tables: a header, then rows, cells parted by `|`.

use super::Reader;
use super::cells;
use crate::base::text::{Span, Text};
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::expect::{Row, RowCell, RowTable};
use crate::scenario::words::suggestion;
use crate::scenario::yaml::Node;
use crate::sql::flink::{Column, CreateTable};

/// A cell with its bytes in the table's text.
struct Cell<'t> {
    span: Span,
    /// What stands there, quotes and all, without white space around it.
    text: &'t str,
    /// A quote that is never closed, or something after the closing one.
    is_broken: bool,
}

impl Reader<'_> {
    /// The row table of a sink, checked against what is known of the sink's table.
    pub(super) fn row_table(
        &mut self,
        node: &Node,
        sink: &str,
        tables: &[CreateTable],
    ) -> Option<RowTable> {
        let scalar = self.scalar(node, "a row table")?;
        let text = &scalar.text;
        if scalar.is_folded {
            let message = "YAML folds the lines of this row table into one";
            self.error(Code::RowTable, &node.at, message)
                .help(format!("write `{sink}: |`, so that the lines below it stay lines"));
            return None;
        }
        let mut lines = lines(text).into_iter();
        let Some(header) = lines.next() else {
            self.error(Code::RowTable, &node.at, "the row table has no header")
                .help("begin with the columns, parted by `|`; a header alone means no rows");
            return None;
        };
        let errors = self.diagnostics.len();
        let columns = self.header(text, header, (sink, tables));
        let mut table = RowTable { text: text.clone(), columns, rows: Vec::new(), open: false };
        for line in lines {
            if table.open {
                let message = "`...` (further rows allowed) is not the last line";
                self.error(Code::RowTable, &At::of(text, trimmed(text, line)), message)
                    .help("put it below all rows, on a line of its own");
                break;
            }
            let written = text.value.get(line.start..line.end).unwrap_or("").trim();
            if written == "..." {
                table.open = true;
            } else if let Some(row) = self.row(text, line, &table.columns, tables) {
                table.rows.push(row);
            }
        }
        (self.diagnostics.len() == errors).then_some(table)
    }

    fn header(
        &mut self,
        text: &Text,
        line: Span,
        (sink, tables): (&str, &[CreateTable]),
    ) -> Vec<String> {
        let known: Vec<&str> = written_columns(tables).map(|column| column.name.as_str()).collect();
        let shows_all = !tables.is_empty() && tables.iter().all(|table| table.derived.is_none());
        let mut columns: Vec<String> = Vec::new();
        for cell in split(text, line) {
            let name = cell.text.to_owned();
            let at = At::of(text, visible(&cell, line));
            if name.is_empty() {
                self.error(Code::RowTable, &at, "a column of the header has no name")
                    .help("name it, or take out the `|` that is too many");
            } else if columns.contains(&name) {
                self.error(Code::RowTable, &at, format!("the column `{name}` stands twice"))
                    .help("keep one of the two, with its cells");
            } else if shows_all && !known.contains(&name.as_str()) {
                let help = suggestion(&name, known.iter().copied());
                let message = format!("`{sink}` has no column `{name}`");
                self.error(Code::UnknownColumn, &at, message).help(help);
            }
            columns.push(name);
        }
        let key = tables.first().map_or(&[][..], |table| &table.primary_key);
        let missing: Vec<&str> = key
            .iter()
            .map(String::as_str)
            .filter(|key| !columns.iter().any(|c| c == key))
            .collect();
        if !missing.is_empty() {
            let at = At::of(text, trimmed(text, line));
            let message = format!("the row table leaves out `{}` of the key", missing.join("`, `"));
            self.error(Code::RowKey, &at, message)
                .help(format!("the primary key of `{sink}` is ({})", key.join(", ")));
        }
        columns
    }

    fn row(
        &mut self,
        text: &Text,
        line: Span,
        columns: &[String],
        tables: &[CreateTable],
    ) -> Option<Row> {
        let written = split(text, line);
        if written.len() != columns.len() {
            let at = At::of(text, trimmed(text, line));
            let (n, expected) = (written.len(), columns.len());
            let message = format!("the row has {n} {}, the header has {expected}", cells_word(n));
            self.error(Code::RowTable, &at, message)
                .help("a `|` inside a value needs quotes: `'a|b'`");
            return None;
        }
        let mut cells = Vec::new();
        for (n, cell) in written.iter().enumerate() {
            let at = At::of(text, visible(cell, line));
            let Some(value) = self.cell(cell, &at) else { continue };
            let column = columns.get(n).map_or("", String::as_str);
            self.check_type(&value, column, &at, tables);
            cells.push(value);
        }
        Some(Row { at: line.start, cells })
    }

    fn cell(&mut self, cell: &Cell<'_>, at: &At) -> Option<RowCell> {
        if cell.is_broken {
            let message = "the quoted cell does not end with its closing quote";
            self.error(Code::RowTable, at, message)
                .help("write `'…'`; a quote inside is written twice");
            return None;
        }
        match cell.text {
            "" => {
                self.error(Code::RowTable, at, "the cell is empty")
                    .help("write `''` for an empty text, `NULL` for no value, `...` for any");
                None
            }
            "NULL" => Some(RowCell::Null),
            "..." => Some(RowCell::Any),
            text => {
                let inner = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
                Some(match inner {
                    Some(inner) => RowCell::Value { text: inner.replace("''", "'"), quoted: true },
                    None => RowCell::Value { text: text.to_owned(), quoted: false },
                })
            }
        }
    }

    fn check_type(&mut self, cell: &RowCell, column: &str, at: &At, tables: &[CreateTable]) {
        let RowCell::Value { text, .. } = cell else { return };
        let mut types: Vec<&str> = written_columns(tables)
            .filter(|known| known.name == column)
            .filter_map(Column::data_type)
            .collect();
        types.dedup();
        // Where cells swap the statement, the type may differ between them.
        let [data_type] = types.as_slice() else { return };
        if let Err(expected) = cells::fits(data_type, text) {
            let message =
                format!("`{text}` is no value of the column `{column}`, which is {data_type}");
            self.error(Code::CellType, at, message)
                .label(format!("column `{column}`"))
                .help(format!("write {expected}, `NULL` for no value, or `...` for any"));
        }
    }
}

fn cells_word(n: usize) -> &'static str {
    if n == 1 { "cell" } else { "cells" }
}

fn written_columns(tables: &[CreateTable]) -> impl Iterator<Item = &Column> {
    tables.iter().flat_map(|table| &table.columns).filter(|column| column.is_written())
}

/// The lines that are not blank, without their ends.
fn lines(text: &Text) -> Vec<Span> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.value.split_inclusive('\n') {
        let ended = line.trim_end_matches(['\n', '\r']);
        if !ended.trim().is_empty() {
            found.push(Span::new(start, start + ended.len()));
        }
        start += line.len();
    }
    found
}

/// A line without the white space around it.
fn trimmed(text: &Text, line: Span) -> Span {
    let written = text.value.get(line.start..line.end).unwrap_or("");
    let start = line.start + written.len() - written.trim_start().len();
    Span::new(start, start + written.trim().len())
}

/// An empty cell is shown by the byte at which it stands.
fn visible(cell: &Cell<'_>, line: Span) -> Span {
    let end = cell.span.end.max(cell.span.start + 1).min(line.end.max(cell.span.start));
    Span::new(cell.span.start, end)
}

/// The cells of a line. A `|` between quotes parts nothing.
fn split(text: &Text, line: Span) -> Vec<Cell<'_>> {
    let written = text.value.get(line.start..line.end).unwrap_or("");
    let mut cells = Vec::new();
    let mut start = 0;
    loop {
        let rest = written.get(start..).unwrap_or("");
        let lead = rest.len() - rest.trim_start().len();
        let body = rest.get(lead..).unwrap_or("");
        let quoted = body.starts_with('\'').then(|| quoted_length(body));
        let from = lead + quoted.flatten().unwrap_or(0);
        let bar = rest.get(from..).and_then(|rest| rest.find('|')).map(|at| at + from);
        let end = bar.unwrap_or(rest.len());
        let content = rest.get(..end).unwrap_or("");
        let inner = content.trim();
        let at = line.start + start + if inner.is_empty() { 0 } else { lead };
        let is_broken = match quoted {
            Some(None) => true,
            Some(Some(length)) => inner.len() != length,
            None => false,
        };
        cells.push(Cell { span: Span::new(at, at + inner.len()), text: inner, is_broken });
        match bar {
            Some(bar) => start += bar + 1,
            None => return cells,
        }
    }
}

/// The bytes of the quoted text that `body` begins with; `None` if it is never closed.
fn quoted_length(body: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        at += body.get(at..)?.find('\'')? + 1;
        if !body.get(at..)?.starts_with('\'') {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a | b", &["a", "b"], false)]
    #[case("1|'x|y'| 'it''s' ", &["1", "'x|y'", "'it''s'"], false)]
    #[case("1 || 2", &["1", "", "2"], false)]
    #[case("é|", &["é", ""], false)]
    #[case("'a' b | c", &["'a' b", "c"], true)]
    #[case("'a | b", &["'a", "b"], true)]
    fn cells_are_parted(#[case] line: &str, #[case] expected: &[&str], #[case] is_broken: bool) {
        let text = Text::whole("a.yaml".into(), line.to_owned());
        let cells = split(&text, Span::new(0, line.len()));
        let texts: Vec<_> = cells.iter().map(|cell| cell.text).collect();
        assert_eq!(texts, expected);
        assert_eq!(cells.iter().any(|cell| cell.is_broken), is_broken);
        for cell in cells {
            assert_eq!(&line[cell.span.start..cell.span.end], cell.text);
        }
    }
}
