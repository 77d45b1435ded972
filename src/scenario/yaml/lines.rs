//! The lines of a file that is no YAML: their columns, and what is open above one of them.

use crate::base::text::Span;

/// A file by its lines.
pub(super) struct Lines<'a> {
    source: &'a str,
    lines: Vec<Line<'a>>,
}

/// A line.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// From 1 on.
    pub number: usize,
    /// The byte it begins at.
    pub start: usize,
    /// Without its end.
    pub text: &'a str,
}

/// A block scalar above a line.
pub(super) struct Block {
    /// The line of its key.
    pub line: usize,
    /// The column of its key, from 0 on.
    pub key: usize,
    /// The column of its text, from 0 on.
    pub text: usize,
}

/// A column at which a line may go on.
pub(super) struct Level<'a> {
    /// From 0 on.
    pub column: usize,
    /// The items of a list begin there, not keys.
    pub is_item: bool,
    line: usize,
    name: &'a str,
}

impl Level<'_> {
    /// `by 4 to go on beside …`
    pub(super) fn said(&self, begins_item: bool) -> String {
        let Self { column, line, name, .. } = self;
        match (self.is_item, begins_item) {
            (true, true) => format!("by {column} to begin the next item (line {line})"),
            (true, false) => {
                format!("by {column}, behind `- `, to begin the next item (line {line})")
            }
            (false, true) => {
                format!("by {} to begin a list below `{name}` (line {line})", column + 2)
            }
            (false, false) => format!("by {column} to go on beside `{name}` (line {line})"),
        }
    }
}

impl<'a> Line<'a> {
    /// The byte behind it.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// The spaces it begins with.
    pub(super) fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start_matches(' ').len()
    }

    /// It begins with `- `.
    pub(super) fn is_item(&self) -> bool {
        let text = self.text.trim_start_matches(' ');
        text.starts_with("- ") || text == "-"
    }

    /// Its first key, behind the dash if there is one.
    pub(super) fn key(&self) -> Option<&'a str> {
        let text = self.text.trim_start_matches(' ');
        let text = text.strip_prefix("- ").unwrap_or(text).trim_start();
        let at = text.find(": ").or_else(|| text.trim_end().strip_suffix(':').map(str::len))?;
        let key = text.get(..at)?;
        (!key.is_empty() && !key.contains([' ', '#', '{', '['])).then_some(key)
    }

    /// The column of its first key.
    fn key_column(&self) -> usize {
        let text = self.text.trim_start_matches(' ');
        let behind = text.strip_prefix('-').filter(|_| self.is_item()).unwrap_or(text);
        self.text.len() - behind.trim_start().len()
    }

    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Its value is a block that begins on the next line.
    fn begins_block(&self) -> bool {
        let text = self.text.split(" #").next().unwrap_or("").trim_end();
        let sign = text.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-' || c == '+');
        sign.ends_with(": |")
            || sign.ends_with(": >")
            || sign.ends_with("- |")
            || sign.ends_with("- >")
    }
}

impl<'a> Lines<'a> {
    pub(super) fn of(source: &'a str) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        for (n, line) in source.split_inclusive('\n').enumerate() {
            lines.push(Line { number: n + 1, start, text: line.trim_end_matches(['\n', '\r']) });
            start += line.len();
        }
        Self { source, lines }
    }

    /// The line of a byte; behind the last, an empty one.
    pub(super) fn at(&self, byte: usize) -> Line<'a> {
        let behind = Line { number: self.lines.len() + 1, start: self.source.len(), text: "" };
        let found = self.lines.iter().rev().find(|line| line.start <= byte);
        let is_behind = byte >= self.source.len() && self.source.ends_with('\n');
        found.copied().filter(|_| !is_behind).unwrap_or(behind)
    }

    /// The first word of a line.
    pub(super) fn first_word(&self, number: usize) -> Span {
        let Some(line) = number.checked_sub(1).and_then(|n| self.lines.get(n)) else {
            return Span::new(self.source.len(), self.source.len());
        };
        let start = line.start + line.indent();
        let text = line.text.trim_start_matches(' ');
        let length = text.find([' ', ':']).unwrap_or(text.len()).max(1).min(text.len());
        let length = text.char_indices().map(|(at, _)| at).find(|at| *at >= length);
        Span::new(start, start + length.unwrap_or(text.len()))
    }

    /// The lines above a line that are not blank, the nearest first.
    fn above(&self, number: usize) -> impl Iterator<Item = &Line<'a>> {
        self.lines.iter().take(number.saturating_sub(1)).rev().filter(|line| !line.is_blank())
    }

    /// The columns that are open above a line, the deepest first.
    pub(super) fn levels(&self, number: usize) -> Vec<Level<'a>> {
        let mut found: Vec<Level<'a>> = Vec::new();
        for line in self.above(number) {
            let name = line.key().unwrap_or("");
            let key = line.key().map(|_| (line.key_column(), false));
            let item = line.is_item().then(|| (line.indent(), true));
            for (column, is_item) in key.into_iter().chain(item) {
                if found.last().is_none_or(|last| column < last.column) {
                    found.push(Level { column, is_item, line: line.number, name });
                }
            }
        }
        found
    }

    /// The block scalar whose lines stand directly above a line.
    pub(super) fn block_above(&self, number: usize) -> Option<Block> {
        let mut text: Option<usize> = None;
        for line in self.above(number) {
            if line.begins_block() {
                let key = line.key_column();
                return text.filter(|text| *text > key).map(|text| Block {
                    line: line.number,
                    key,
                    text,
                });
            }
            text = Some(line.indent());
        }
        None
    }

    /// The innermost bracket that is open before a byte, quotes aside.
    pub(super) fn open_bracket(&self, byte: usize) -> Option<usize> {
        let mut open: Vec<usize> = Vec::new();
        let mut quote: Option<char> = None;
        for (at, one) in self.source.get(..byte)?.char_indices() {
            match (quote, one) {
                (Some(closing), one) if one == closing => quote = None,
                (Some(_), _) => {}
                (None, '{' | '[') => open.push(at),
                (None, '}' | ']') => {
                    open.pop();
                }
                (None, '\'' | '"') if !open.is_empty() => quote = Some(one),
                (None, _) => {}
            }
        }
        open.pop()
    }

    /// A tab in the white space that opens the line of `byte` or the one after it.
    pub(super) fn tab_before(&self, byte: usize) -> Option<usize> {
        let first = self.at(byte).number.saturating_sub(1);
        self.lines.iter().skip(first).take(2).find_map(|line| {
            let indent = line.text.len() - line.text.trim_start_matches([' ', '\t']).len();
            line.text.get(..indent)?.find('\t').map(|tab| line.start + tab)
        })
    }
}
