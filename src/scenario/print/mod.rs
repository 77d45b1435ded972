//! The canonical form of a file: two spaces a level, comments and the author's order kept, quotes
//! where another reader of YAML would see another value. Printing never changes what a file says.

mod scalar;
#[cfg(test)]
mod tests;

use super::diagnose::Diagnostics;
use super::yaml::{self, Key, Node, Scalar, ScalarStyle, Value};
use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::text::{Span, Text};

/// Columns of a level.
const STEP: usize = 2;

/// A map or list in `{}` or `[]` stays there up to this width.
const WIDTH: usize = 100;

/// Why a file has no canonical form.
#[derive(Debug)]
pub enum NotPrinted {
    /// It is not the YAML of the language.
    Refused(Vec<Diagnostic>),
    /// The printed text would not say the same: a bug of ours, so nothing is printed.
    Changed,
}

/// The canonical form of a file. Errors of the language do not matter; those of YAML do.
pub fn canonical(source: &Text) -> Result<String, NotPrinted> {
    let (root, comments) = tree(source)?;
    let mut printer = Printer { source, comments: &comments, text: String::new(), keeps: false };
    printer.document(&root);
    let printed = Text::whole(source.file.clone(), printer.text);
    match tree(&printed) {
        Ok((again, kept)) if says_the_same(&root, &again) && kept.len() == comments.len() => {
            Ok(printed.value)
        }
        Ok(_) | Err(_) => Err(NotPrinted::Changed),
    }
}

fn tree(source: &Text) -> Result<(Node, Vec<Span>), NotPrinted> {
    let mut diagnostics = Diagnostics::default();
    let read = yaml::read_with_comments(source, &mut diagnostics);
    let found = diagnostics.finish();
    match read {
        Some(read) if !found.iter().any(|one| one.severity == Severity::Error) => Ok(read),
        Some(_) | None => Err(NotPrinted::Refused(found)),
    }
}

/// Whether two trees hold the same texts under the same keys.
fn says_the_same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Scalar(a), Value::Scalar(b)) => {
            a.text.value == b.text.value && a.is_null() == b.is_null()
        }
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && itertools::zip_eq(a, b).all(|(a, b)| says_the_same(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            let same = |((one, a), (other, b)): (&(Key, Node), &(Key, Node))| {
                one.name == other.name && says_the_same(a, b)
            };
            a.len() == b.len() && itertools::zip_eq(a, b).all(same)
        }
        (Value::Scalar(_) | Value::List(_) | Value::Map(_), _) => false,
    }
}

struct Printer<'a> {
    source: &'a Text,
    /// Those that are not printed yet.
    comments: &'a [Span],
    text: String,
    /// The last thing printed is a block that keeps the blank lines after it.
    keeps: bool,
}

impl Printer<'_> {
    fn document(&mut self, root: &Node) {
        let end = self.source.value.len();
        self.comments_before(self.start(root), 0);
        match &root.value {
            Value::Scalar(_) => {
                self.value(root, 0, end);
            }
            Value::List(_) | Value::Map(_) if self.flow(root, 0).is_some() => {
                let flow = self.flow(root, 0).unwrap_or_default();
                self.put(&flow);
                self.comment_beside(root.span.end);
                self.end_line();
            }
            Value::List(_) | Value::Map(_) => self.block(root, 0, end),
        }
        self.comments_before(end + 1, 0);
    }

    /// A collection in block style, beginning where the text stands. What is in it ends before
    /// byte `end`.
    fn block(&mut self, node: &Node, indent: usize, end: usize) {
        let starts: Vec<usize> = match &node.value {
            Value::Map(entries) => entries.iter().map(|(key, _)| key.at.span.start).collect(),
            Value::List(items) => items.iter().map(|item| self.dash(item)).collect(),
            Value::Scalar(_) => Vec::new(),
        };
        let ends = |n: usize| starts.get(n + 1).copied().unwrap_or(end);
        match &node.value {
            Value::Map(entries) => {
                for (n, (key, value)) in entries.iter().enumerate() {
                    self.lead(key.at.span.start, indent, n > 0);
                    self.put(&scalar::key(key));
                    self.put(":");
                    self.entry(value, key.at.span.end, indent, ends(n));
                }
            }
            Value::List(items) => {
                for (n, item) in items.iter().enumerate() {
                    // A comment between the dash and what it begins would part them.
                    self.comments_before(self.leaf(item), indent);
                    self.lead(self.dash(item), indent, n > 0);
                    self.put("-");
                    self.item(item, indent, ends(n));
                }
            }
            Value::Scalar(_) => {}
        }
        let column = starts.first().map_or(0, |first| self.column(*first));
        self.comments_inside(column, indent, end);
    }

    /// The value of a key, after its colon.
    fn entry(&mut self, value: &Node, key_end: usize, indent: usize, end: usize) {
        if matches!(value.value, Value::Scalar(_)) || self.flow(value, indent).is_some() {
            self.value(value, indent, end);
            return;
        }
        if self.beside(key_end).is_some_and(|comment| comment.start < self.start(value)) {
            self.comment_beside(key_end);
        }
        self.end_line();
        self.comments_before(self.start(value), indent + STEP);
        self.block(value, indent + STEP, end);
    }

    /// An item of a list, after its dash.
    fn item(&mut self, item: &Node, indent: usize, end: usize) {
        if matches!(item.value, Value::Scalar(_)) || self.flow(item, indent).is_some() {
            self.value(item, indent, end);
        } else {
            self.put(" ");
            self.block(item, indent + STEP, end);
        }
    }

    /// A scalar or a collection in flow style, with the comment beside it, to the end of its line.
    fn value(&mut self, node: &Node, indent: usize, end: usize) {
        if let Value::Scalar(found) = &node.value {
            if found.is_plain && found.text.value.is_empty() {
                let at = node.span.start.min(self.text_end(node.span.start));
                self.comment_beside(at);
                self.end_line();
                return;
            }
            let lead = if self.text.is_empty() { "" } else { " " };
            if let Some(block) = scalar::block(self.source, found, node.span, indent + STEP, end) {
                self.put(lead);
                self.put(&block.head);
                // The comment stands beside the head, before the lines.
                if let Some(comment) =
                    self.comments.first().copied().filter(|c| c.start < node.span.start)
                {
                    self.comments = self.comments.get(1..).unwrap_or_default();
                    self.put(" ");
                    self.put(
                        self.source.value.get(comment.start..comment.end).unwrap_or("").trim_end(),
                    );
                }
                self.end_line();
                self.put(&block.lines);
                self.keeps = block.keeps;
                return;
            }
            self.put(lead);
            self.put(&scalar::inline(self.source, found, node.span, indent + STEP));
        } else {
            let flow = self.flow(node, indent).unwrap_or_default();
            self.put(" ");
            self.put(&flow);
        }
        self.comment_beside(node.span.end);
        self.end_line();
    }

    /// A collection in `{}` or `[]`, if it may stay there: no comment in it, and not too wide.
    fn flow(&self, node: &Node, indent: usize) -> Option<String> {
        let is_empty = match &node.value {
            Value::Map(entries) => entries.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Scalar(_) => return None,
        };
        let inside =
            |comment: &Span| node.span.start < comment.start && comment.end <= node.span.end;
        if !node.is_flow || self.comments.iter().any(inside) {
            return None;
        }
        let text = scalar::flow(node)?;
        let line = self.text.rsplit('\n').next().map_or(0, |line| line.chars().count());
        let width = line.max(indent) + 1 + text.chars().count();
        (is_empty || width <= WIDTH).then_some(text)
    }

    /// What stands above an entry: a blank line where one was, and its comments; then its indent,
    /// unless it begins where a dash already stands.
    fn lead(&mut self, at: usize, indent: usize, is_further: bool) {
        self.comments_before(at, indent);
        if is_further && self.is_after_blank(at) {
            self.blank();
        }
        if self.text.is_empty() || self.text.ends_with('\n') {
            self.put(&" ".repeat(indent));
        }
    }

    fn comments_before(&mut self, at: usize, indent: usize) {
        while let Some((comment, rest)) = self.comments.split_first().filter(|(c, _)| c.start < at)
        {
            self.comments = rest;
            self.own_line(*comment, indent);
        }
    }

    /// The comments after the last entry that are indented as the entries are.
    fn comments_inside(&mut self, column: usize, indent: usize, end: usize) {
        while let Some((comment, rest)) = self.comments.split_first() {
            if comment.start >= end || self.column(comment.start) < column || column == 0 {
                return;
            }
            self.comments = rest;
            self.own_line(*comment, indent);
        }
    }

    fn own_line(&mut self, comment: Span, indent: usize) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.end_line();
        }
        if self.is_after_blank(comment.start) {
            self.blank();
        }
        let text = self.source.value.get(comment.start..comment.end).unwrap_or("").trim_end();
        self.put(&" ".repeat(indent));
        self.put(text);
        self.end_line();
    }

    /// The next comment, if it stands on the line of byte `at`, after it.
    fn beside(&self, at: usize) -> Option<Span> {
        let next = self.comments.first().copied().filter(|comment| comment.start >= at)?;
        let between = self.source.value.get(at..next.start)?;
        (!between.contains('\n')).then_some(next)
    }

    /// Puts the comment beside byte `at`, as far away as it was.
    fn comment_beside(&mut self, at: usize) {
        let Some(comment) = self.beside(at) else { return };
        self.comments = self.comments.get(1..).unwrap_or_default();
        let before = self.source.value.get(..comment.start).unwrap_or("");
        let spaces = before.len() - before.trim_end_matches(' ').len();
        let text = self.source.value.get(comment.start..comment.end).unwrap_or("").trim_end();
        self.put(&" ".repeat(spaces.max(1)));
        self.put(text);
    }

    fn text_end(&self, at: usize) -> usize {
        let before = self.source.value.get(..at).unwrap_or("");
        before.trim_end().len()
    }

    /// The first byte of a node; of a block the first of the line with its head.
    fn start(&self, node: &Node) -> usize {
        match &node.value {
            Value::Map(entries) if !node.is_flow => {
                entries.first().map_or(node.span.start, |(key, _)| key.at.span.start)
            }
            Value::Scalar(found)
                if matches!(found.style, ScalarStyle::Literal | ScalarStyle::Folded) =>
            {
                let before = self.source.value.get(..node.span.start).unwrap_or("").trim_end();
                let line = before.rfind('\n').map_or(0, |newline| newline + 1);
                let head = before.get(line..).unwrap_or("");
                line + head.len() - head.trim_start().len()
            }
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => node.span.start,
        }
    }

    /// The first byte of the first value or key in a node.
    fn leaf(&self, node: &Node) -> usize {
        match &node.value {
            Value::List(items) if !node.is_flow => {
                items.first().map_or(node.span.start, |first| self.leaf(first))
            }
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => self.start(node),
        }
    }

    /// The dash of an item, if it stands on the item's first line.
    fn dash(&self, item: &Node) -> usize {
        let start = self.start(item);
        let text = self.source.value.as_str();
        let line = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let is_block =
            |found: &Scalar| matches!(found.style, ScalarStyle::Literal | ScalarStyle::Folded);
        let before = match &item.value {
            // Of a block the start is that of its line.
            Value::Scalar(found) if is_block(found) => {
                let head = text.get(line..).and_then(|rest| rest.lines().next()).unwrap_or("");
                let dashes = head.len() - head.trim_start_matches(['-', ' ']).len();
                head.get(..dashes).unwrap_or("")
            }
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
                text.get(line..start).unwrap_or("")
            }
        };
        before.rfind('-').map_or(start, |at| line + at)
    }

    /// Whether the line above that of byte `at` is blank.
    fn is_after_blank(&self, at: usize) -> bool {
        let before = self.source.value.get(..at).unwrap_or("");
        let mut lines = before.rsplit('\n').skip(1);
        lines.next().is_some_and(|line| line.trim().is_empty())
    }

    fn blank(&mut self) {
        if !self.keeps && !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// The column of a byte, from 0.
    fn column(&self, at: usize) -> usize {
        self.source.place(at).column.saturating_sub(1)
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        self.keeps = false;
    }

    fn end_line(&mut self) {
        self.text.push('\n');
    }
}
