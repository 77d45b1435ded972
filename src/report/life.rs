//! The life of one key, every hop beside the others, so that the first difference meets the eye.

use itertools::Itertools;

use super::grid::{self, Cell};
use super::page::{Ink, Page};
use crate::check::verdict::{Finding, Seen};

/// More rows than this are cut around the marked ones, so that a report needs no scrolling.
const ROWS_SHOWN: usize = 7;

/// All columns together are about this many characters wide.
const WIDTH: usize = 112;

/// A row of values takes no more lines than this in a cell; the JSON report has it whole.
const LINES_OF_A_ROW: usize = 2;

/// The life as a table: one column a hop. What a topic saw stands beside the change of the journal
/// that it carries (same LSN and xid); what a sink saw follows in its own order.
///
/// The hop that the finding is about has a column even where nothing came there: that is the finding.
pub(super) fn side_by_side(finding: &Finding) -> Page {
    let life = &finding.life;
    let accused = finding.first_hop.as_deref().and_then(|hop| hop.rsplit(" → ").next());
    let accused = if finding.statement.is_some() { Some(finding.place.as_str()) } else { accused };
    // Several topics in one hop are no column.
    let accused = accused.filter(|hop| !hop.contains(", "));
    let hops = life.iter().map(|seen| seen.hop.as_str()).chain(accused);
    let hops: Vec<&str> = hops.unique().collect();
    let rows = align(life, &hops);
    let (from, upto) = window(&rows);
    let widest = WIDTH / hops.len().max(2);
    let cells = |row: &Row<'_>| row.iter().map(|seen| cell(*seen, widest)).collect_vec();
    let shown = rows.get(from..upto).unwrap_or_default();
    let heads = hops.iter().map(|hop| (*hop).to_owned()).collect_vec();
    let mut page = grid::lay_out(&heads, &shown.iter().map(cells).collect_vec(), widest);
    let (earlier, later) = (from, rows.len() - upto);
    if earlier + later > 0 {
        page.add(Ink::Faint, format!("    ({earlier} rows before these, {later} after)\n"));
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

fn cell(seen: Option<&Seen>, widest: usize) -> Cell {
    let Some(seen) = seen else { return Cell::default() };
    let mark = if seen.marked { "▶ " } else { "" };
    let mut lines = vec![format!("{mark}{} {}", seen.event, position(seen)).trim_end().to_owned()];
    let row = grid::shorten(&seen.row, widest.saturating_sub(2) * LINES_OF_A_ROW);
    let chunks = row.chars().chunks(widest.saturating_sub(2).max(1));
    lines.extend(chunks.into_iter().map(|chunk| format!("  {}", chunk.collect::<String>())));
    Cell { lines, ink: seen.marked.then_some(Ink::Bad) }
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
fn window(rows: &[Row<'_>]) -> (usize, usize) {
    if rows.len() <= ROWS_SHOWN {
        return (0, rows.len());
    }
    let marked = |row: &Row<'_>| row.iter().flatten().any(|seen| seen.marked);
    let first = rows.iter().position(marked).unwrap_or(rows.len() - 1);
    let upto = (first + 2).clamp(ROWS_SHOWN, rows.len());
    (upto - ROWS_SHOWN, upto)
}
