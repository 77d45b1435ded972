//! Columns side by side, each cell a few lines of text.

use itertools::Itertools;

use super::page::{Ink, Page};

/// One cell: lines, and the ink they are written in.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    /// The lines, the first one the most telling.
    pub(super) lines: Vec<String>,
    /// The ink of all of them; `None` for plain.
    pub(super) ink: Option<Ink>,
}

/// Lays out rows of cells below their heads, no column wider than `widest` characters. Longer lines
/// end in `…`; the whole is in the JSON report.
pub(super) fn lay_out(heads: &[String], rows: &[Vec<Cell>], widest: usize) -> Page {
    let widths: Vec<usize> = (0..heads.len()).map(|n| width(heads, rows, n).min(widest)).collect();
    let mut page = Page::new();
    let head = |text: &String| Cell { lines: vec![text.clone()], ink: Some(Ink::Strong) };
    put_row(&mut page, &heads.iter().map(head).collect_vec(), &widths);
    for row in rows {
        put_row(&mut page, row, &widths);
    }
    page
}

fn width(heads: &[String], rows: &[Vec<Cell>], column: usize) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(column)).flat_map(|cell| &cell.lines);
    heads.get(column).into_iter().chain(cells).map(|line| line.chars().count()).max().unwrap_or(0)
}

fn put_row(page: &mut Page, cells: &[Cell], widths: &[usize]) {
    let height = cells.iter().map(|cell| cell.lines.len()).max().unwrap_or(0);
    for line in 0..height {
        let mut out = Page::new();
        let mut gap = 0;
        for (n, (cell, width)) in cells.iter().zip_eq(widths).enumerate() {
            let text = shorten(cell.lines.get(line).map_or("", String::as_str), *width);
            let length = text.chars().count();
            if n > 0 {
                out.add(Ink::Plain, " ".repeat(gap));
                out.add(
                    Ink::Faint,
                    if text.is_empty() && n + 1 == cells.len() { " │" } else { " │ " },
                );
            }
            out.add(cell.ink.unwrap_or(Ink::Plain), text);
            gap = width.saturating_sub(length);
        }
        page.add(Ink::Plain, "    ");
        page.append(out);
        page.end();
    }
}

/// The text, cut with `…` where it is longer than `width` characters.
pub(super) fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}
