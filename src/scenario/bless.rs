//! Writing rows that were seen into a scenario's `expect`, and nothing else of the file.

use super::diagnose::Diagnostics;
use super::expect::RowTable;
use super::yaml::{self, Key, Node, Value};
use crate::base::text::{Span, Text};

/// The rows of a sink, and the table that stands for them so far.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// The sink.
    pub sink: &'a str,
    /// The table as it is written, if one is.
    pub written: Option<&'a RowTable>,
    /// The columns that were seen.
    pub columns: &'a [String],
    /// The rows; `None` is null.
    pub rows: &'a [Vec<Option<String>>],
}

/// The file with these rows. The error says in a sentence where they cannot be put.
pub fn blessed(source: &Text, seen: &[Seen<'_>]) -> Result<String, String> {
    let mut edits: Vec<(Span, String)> = Vec::new();
    for one in seen.iter().filter(|one| one.written.is_some()) {
        edits.extend(one.written.map(|table| replaced(table, one)).transpose()?);
    }
    let new: Vec<&Seen<'_>> = seen.iter().filter(|one| one.written.is_none()).collect();
    if !new.is_empty() {
        edits.push(inserted(source, &new)?);
    }
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut text = source.value.clone();
    for (span, with) in edits {
        text.replace_range(span.start..span.end, &with);
    }
    Ok(text)
}

/// A table that is there: its lines, where they stand.
fn replaced(table: &RowTable, seen: &Seen<'_>) -> Result<(Span, String), String> {
    let place = table.text.place(0);
    if table.open {
        return Err(format!(
            "{place}: the table of `{}` is open (`...`): close it, or mend it by hand",
            seen.sink
        ));
    }
    let lines = lines(&table.columns, seen)?;
    let length = table.text.value.trim_end().len();
    let pad = format!("\n{}", " ".repeat(place.column.saturating_sub(1)));
    Ok((table.text.in_file(Span::new(0, length)), lines.join(&pad)))
}

/// Tables that are not there yet: below `rows`, below `expect`, or at the end of the file.
fn inserted(source: &Text, seen: &[&Seen<'_>]) -> Result<(Span, String), String> {
    let root = yaml::read(source, &mut Diagnostics::default()).ok_or("the file is no YAML")?;
    let Some(expect) = value(&root, "expect") else {
        let end = source.value.len();
        let gap = if source.value.ends_with('\n') { "" } else { "\n" };
        let text = format!("{gap}expect:\n  rows:\n{}", tables(seen, 4)?);
        return Ok((Span::new(end, end), text));
    };
    if matches!(expect.value, Value::List(_)) {
        return Err(
            "`expect` is a list: write a header (the columns, parted by `|`) under `rows` of the \
                    entry that is meant, and bless again"
                .to_owned(),
        );
    }
    let (of, head) = match value(expect, "rows") {
        Some(rows) => (rows, ""),
        None => (expect, "rows:\n"),
    };
    let first = match &of.value {
        Value::Map(entries) if !of.is_flow => entries.first(),
        Value::Map(_) | Value::List(_) | Value::Scalar(_) => None,
    };
    let (key, _) = first.ok_or("`expect` is written in one line: `changeproof fmt` does not part it; write its keys on lines of their own")?;
    let column = key.at.place.column.saturating_sub(1);
    let start = key.at.span.start - column;
    let pad = " ".repeat(column);
    let text = if head.is_empty() {
        tables(seen, column)?
    } else {
        format!("{pad}{head}{}", tables(seen, column + 2)?)
    };
    Ok((Span::new(start, start), text))
}

fn value<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|(found, _): &&(Key, Node)| found.name == key).map(|(_, node)| node)
}

fn tables(seen: &[&Seen<'_>], indent: usize) -> Result<String, String> {
    let (pad, inner) = (" ".repeat(indent), " ".repeat(indent + 2));
    let mut text = String::new();
    for one in seen {
        text += &format!("{pad}{}: |\n", one.sink);
        for line in lines(one.columns, one)? {
            text += &format!("{inner}{line}\n");
        }
    }
    Ok(text)
}

/// A header and the rows, in columns.
fn lines(columns: &[String], seen: &Seen<'_>) -> Result<Vec<String>, String> {
    let places = columns.iter().map(|column| seen.columns.iter().position(|other| other == column));
    let places: Option<Vec<usize>> = places.collect();
    let places = places.ok_or_else(|| {
        format!("the table of `{}` has a column that the reference does not return", seen.sink)
    })?;
    let mut grid: Vec<Vec<String>> = vec![columns.to_vec()];
    for row in seen.rows {
        let cells = places.iter().map(|place| cell(row.get(*place).and_then(Option::as_deref)));
        grid.push(cells.collect::<Result<_, _>>()?);
    }
    let width = |column: usize| {
        grid.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns.len()).filter_map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = itertools::zip_eq(row, &widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join(" | ").trim_end().to_owned()
    };
    Ok(grid.iter().map(line).collect())
}

/// A value as a cell, in quotes where it would be read otherwise.
fn cell(value: Option<&str>) -> Result<String, String> {
    let Some(text) = value else { return Ok("NULL".to_owned()) };
    if text.contains(['\n', '\r']) {
        return Err(
            "a value has several lines, which a row table cannot hold: write `...` for it by hand"
                .to_owned(),
        );
    }
    let is_special = matches!(text, "" | "NULL" | "...");
    if is_special || text.contains('|') || text.starts_with('\'') || text.trim() != text {
        return Ok(format!("'{}'", text.replace('\'', "''")));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn bless(source: &str) -> Result<String, String> {
        let columns = ["id".to_owned(), "name".to_owned()];
        let rows =
            [vec![Some("1".to_owned()), Some("a|b".to_owned())], vec![Some("20".to_owned()), None]];
        let seen = [Seen { sink: "t", written: None, columns: &columns, rows: &rows }];
        blessed(&Text::whole("a.yaml".into(), source.to_owned()), &seen)
    }

    const ROWS: &str = "t: |\n      id | name\n      1  | 'a|b'\n      20 | NULL\n";

    #[rstest]
    #[case::no_expect("timeline: []", format!("timeline: []\nexpect:\n  rows:\n    {ROWS}"))]
    #[case::no_rows("expect:\n  life: {}\n", format!("expect:\n  rows:\n    {ROWS}  life: {{}}\n"))]
    #[case::other_rows("expect:\n  rows:\n    u: |\n      id\n", format!("expect:\n  rows:\n    {ROWS}    u: |\n      id\n"))]
    fn rows_find_their_place(#[case] source: &str, #[case] expected: String) {
        assert_eq!(bless(source), Ok(expected));
    }

    #[rstest]
    #[case("expect:\n  - life: {}\n", "is a list")]
    #[case("expect: {life: {}}\n", "in one line")]
    fn where_they_have_no_place_that_is_said(#[case] source: &str, #[case] says: &str) {
        assert!(bless(source).is_err_and(|error| error.contains(says)));
    }
}
