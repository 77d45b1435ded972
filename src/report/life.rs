//! The life of one key, every hop beside the others, so that the first difference meets the eye.

use itertools::Itertools;

use super::Room;
use super::grid::{self, Cell};
use super::page::{Ink, Page};
use crate::check::verdict::{Finding, Seen};

/// What a block is indented by.
const INDENT: usize = 8;

/// The width of the mark between two columns.
const MARK: usize = 3;

/// The life as a table: one column a hop. What a topic saw stands beside the change of the journal
/// that it carries (same LSN and xid); what a sink saw follows in its own order. Where columns do not
/// fit, the same row by row, with a block for each event.
///
/// The hop that the finding is about has a column even where nothing came there: that is the finding.
pub(super) fn side_by_side(finding: &Finding, room: Room) -> Page {
    let life = &finding.life;
    let accused = finding.first_hop.as_deref().and_then(|hop| hop.rsplit(" → ").next());
    let accused = if finding.statement.is_some() { Some(finding.place.as_str()) } else { accused };
    // Several topics in one hop are no column.
    let accused = accused.filter(|hop| !hop.contains(", "));
    let hops = life.iter().map(|seen| seen.hop.as_str()).chain(accused);
    let hops: Vec<&str> = hops.unique().collect();
    let rows = align(life, &hops);
    let (from, upto) = window(&rows, room.rows());
    let shown = rows.get(from..upto).unwrap_or_default();
    let changed: Vec<&str> =
        finding.difference.iter().filter_map(|one| one.column.as_deref()).collect();
    let mut page = if room.is_wide() {
        let n = hops.len().max(2);
        let widest = room.columns(4 + MARK * n) / n;
        let cells = |row: &Row<'_>| {
            row.iter().map(|seen| cell(*seen, &changed, (widest, room))).collect_vec()
        };
        let heads = hops.iter().map(|hop| (*hop).to_owned()).collect_vec();
        grid::lay_out(&heads, &shown.iter().map(cells).collect_vec(), widest)
    } else {
        blocks(shown, (&hops, &changed), room)
    };
    let (earlier, later) = (from, rows.len() - upto);
    if earlier + later > 0 {
        page.add(Ink::Faint, format!("    ({earlier} rows before these, {later} after)\n"));
    }
    page
}

/// Each event by itself: where it was seen, what it was, and the row below.
fn blocks(rows: &[Row<'_>], (hops, changed): (&[&str], &[&str]), room: Room) -> Page {
    let mut page = Page::new();
    for seen in rows.iter().flatten().flatten() {
        let Cell { lines, ink } = cell(Some(seen), changed, (room.columns(INDENT), room));
        page.add(Ink::Strong, format!("    {}\n", seen.hop));
        for line in lines {
            page.add(ink.unwrap_or(Ink::Plain), format!("      {line}\n"));
        }
    }
    let is_seen = |hop: &&&str| rows.iter().flatten().flatten().any(|seen| seen.hop == **hop);
    for hop in hops.iter().filter(|hop| !is_seen(hop)) {
        page.add(Ink::Strong, format!("    {hop}\n"));
        page.add(Ink::Faint, "      nothing\n");
    }
    page
}

/// One row: for each hop what it saw, if anything.
type Row<'a> = Vec<Option<&'a Seen>>;

fn align<'a>(life: &'a [Seen], hops: &[&str]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    for (column, hop) in hops.iter().enumerate() {
        let mut next = 0;
        for seen in life.iter().filter(|seen| seen.hop == *hop) {
            let at = place(&rows, column, next, seen).unwrap_or_else(|| {
                rows.insert(next, vec![None; hops.len()]);
                next
            });
            if let Some(slot) = rows.get_mut(at).and_then(|row| row.get_mut(column)) {
                *slot = Some(seen);
            }
            next = at + 1;
        }
    }
    rows
}

/// The existing row that `seen` belongs into, not before `next`: the one with the same change, or
/// for a sink (its records carry no LSN) simply the next one.
fn place(rows: &[Row<'_>], column: usize, next: usize, seen: &Seen) -> Option<usize> {
    let same = |row: &Row<'_>| {
        let mut others = row.iter().take(column).flatten();
        others.any(|other| other.lsn.is_some() && other.lsn == seen.lsn && other.xid == seen.xid)
    };
    let in_turn = (next < rows.len() && column > 0).then_some(next);
    match (seen.lsn, seen.event.as_str()) {
        // A tombstone is no change of its own, it follows its delete.
        (_, "null") => None,
        // A snapshot row carries the snapshot's LSN, not that of the change it shows.
        (_, "r") | (None, _) => in_turn,
        (Some(_), _) => (next..rows.len()).find(|at| rows.get(*at).is_some_and(same)),
    }
}

fn cell(seen: Option<&Seen>, changed: &[&str], (widest, room): (usize, Room)) -> Cell {
    let Some(seen) = seen else { return Cell::default() };
    let mark = if seen.marked { "▶ " } else { "" };
    let head = format!("{mark}{} {}", seen.event, position(seen)).trim_end().to_owned();
    let mut lines = if room.lines() == usize::MAX { wrapped(&head, widest) } else { vec![head] };
    let width = widest.saturating_sub(2).max(1);
    let row = changed_first(&seen.row, changed);
    let row = grid::shorten(&row, width.saturating_mul(room.lines()));
    let chunks = row.chars().chunks(width);
    lines.extend(chunks.into_iter().map(|chunk| format!("  {}", chunk.collect::<String>())));
    Cell { lines, ink: seen.marked.then_some(Ink::Bad) }
}

/// A line in as many as it needs, parted where it has a blank.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in line.split(' ') {
        match lines.last_mut() {
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                *last = format!("{last} {word}");
            }
            // What goes on stands further in.
            Some(_) => lines.push(format!("  {word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A row `a=1, b=2` with the columns that differ before the others, since what is cut is at its end.
fn changed_first(row: &str, changed: &[&str]) -> String {
    // The journal names the table before the first column.
    let (table, values) = match row.split_once(": ") {
        Some((table, values)) if !table.contains('=') => (format!("{table}: "), values),
        _ => (String::new(), row),
    };
    let mut columns: Vec<String> = Vec::new();
    for part in values.split(", ") {
        let is_column = part.split_once('=').is_some_and(|(name, _)| {
            name.chars().all(|char| char.is_alphanumeric() || char == '_')
        });
        match columns.last_mut() {
            // A comma in a value.
            Some(last) if !is_column => *last += &format!(", {part}"),
            _ => columns.push(part.to_owned()),
        }
    }
    let is_changed =
        |column: &String| column.split_once('=').is_some_and(|(name, _)| changed.contains(&name));
    let (first, rest): (Vec<String>, Vec<String>) = columns.into_iter().partition(is_changed);
    table + &first.into_iter().chain(rest).join(", ")
}

/// Journal: the transaction and where it committed, which is the order that counts. Elsewhere: the
/// record, and the LSN by which it names its change.
fn position(seen: &Seen) -> String {
    let record = seen.record.as_ref().map(|at| match &at.file {
        Some(file) => format!("{file} row {}", at.offset),
        None => format!("[{}]@{}", at.partition, at.offset),
    });
    let xid = seen.xid.map(|xid| format!("xid {xid}"));
    let commit = seen.commit.map(|commit| format!("commit {commit}"));
    let lsn = seen.lsn.filter(|_| commit.is_none()).map(|lsn| format!("lsn {lsn}"));
    record.into_iter().chain(xid).chain(commit).chain(lsn).join(" ")
}

/// Which rows are shown: all, or those around the first marked one.
fn window(rows: &[Row<'_>], most: usize) -> (usize, usize) {
    if rows.len() <= most {
        return (0, rows.len());
    }
    let marked = |row: &Row<'_>| row.iter().flatten().any(|seen| seen.marked);
    let first = rows.iter().position(marked).unwrap_or(rows.len() - 1);
    let upto = (first + 2).clamp(most, rows.len());
    (upto - most, upto)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::check::verdict::Difference;
    use crate::report::examples;

    #[rstest]
    #[case("id=1, name=Ann, amount=5", "amount=5, id=1, name=Ann")]
    #[case("orders: id=1, amount=5", "orders: amount=5, id=1")]
    #[case("id=1, note=a, b, amount=5", "amount=5, id=1, note=a, b")]
    #[case("t1 | ACC1 | 10.00", "t1 | ACC1 | 10.00")]
    #[case("", "")]
    fn what_differs_stands_first(#[case] row: &str, #[case] expected: &str) {
        assert_eq!(changed_first(row, &["amount"]), expected);
    }

    fn shown(columns: usize, is_whole: bool) -> String {
        let mut finding = examples::fail().findings.remove(0).finding;
        for seen in &mut finding.life {
            seen.row = format!("id=1, text={}, amount=5", "x".repeat(150));
        }
        let column = Some("amount".to_owned());
        finding.difference = vec![Difference { column, expected: None, captured: None }];
        side_by_side(&finding, Room::of(columns, is_whole)).to_string()
    }

    #[rstest]
    #[case(40)]
    #[case(80)]
    #[case(99)]
    #[case(100)]
    #[case(140)]
    #[case(240)]
    fn no_line_is_wider_than_the_terminal(#[case] columns: usize) {
        let text = shown(columns, false);
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(widest <= columns, "{widest} of {columns}:\n{text}");
        assert_eq!(text.contains('│'), columns >= 100);
        assert!(text.contains("amount=5, id=1"), "{text}");
    }

    #[rstest]
    #[case(200, false)]
    #[case(100, true)]
    #[case(60, true)]
    fn nothing_is_cut_on_a_wide_terminal_or_if_asked_for(
        #[case] columns: usize,
        #[case] whole: bool,
    ) {
        let text = shown(columns, whole);
        assert!(!text.contains('…'), "{text}");
    }
}
