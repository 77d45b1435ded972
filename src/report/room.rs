//! How much room a report for people has.

/// Below this many columns hops do not fit side by side.
const SIDE_BY_SIDE: usize = 100;

/// From this many columns on nothing is cut.
const WHOLE: usize = 200;

/// Rows of a life that are shown around the marked one.
const ROWS: usize = 7;

/// Lines of one difference that are shown.
const DIFFERENCES: usize = 6;

/// Lines that a row of values takes in one column.
const LINES: usize = 2;

/// The width of what a report is shown in, and whether anything may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    columns: usize,
    is_whole: bool,
}

impl Room {
    /// Room for everything: files, and other tools.
    pub const WHOLE: Self = Self { columns: WHOLE, is_whole: true };

    /// A terminal of so many columns; a whole report is asked for there, too.
    pub fn of(columns: usize, is_whole: bool) -> Self {
        Self { columns, is_whole }
    }

    /// Hops stand side by side; else each event is a block of its own.
    pub(super) fn is_wide(self) -> bool {
        self.columns >= SIDE_BY_SIDE
    }

    /// The columns that are there besides an indentation.
    pub(super) fn columns(self, indented: usize) -> usize {
        self.columns.saturating_sub(indented).max(20)
    }

    /// How many rows of a life are shown.
    pub(super) fn rows(self) -> usize {
        if self.is_whole { usize::MAX } else { ROWS }
    }

    /// How many lines of one difference are shown.
    pub(super) fn differences(self) -> usize {
        if self.is_whole { usize::MAX } else { DIFFERENCES }
    }

    /// How many lines a row of values takes in its column.
    pub(super) fn lines(self) -> usize {
        if self.is_whole || self.columns >= WHOLE { usize::MAX } else { LINES }
    }
}
