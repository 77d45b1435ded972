//! The root cause of a Java stack trace, in one sentence.
//!
//! Flink and Connect answer with whole traces: an outer exception that says nothing, dozens of
//! frames, and the reason behind the last `Caused by`. People get the reason; frames never leave
//! this file.

use std::fmt;

/// How many lines of the message are kept beside the sentence.
const DETAIL_LINES: usize = 12;

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cause {
    /// The exception's class, without its package (`ValidationException`).
    pub class: String,
    /// The message up to its first blank line, as one line.
    pub sentence: String,
    /// The place in a statement, if the message or one above it names one.
    pub place: Option<StatementPlace>,
    /// The rest of the message.
    pub detail: Vec<String>,
}

/// A place in the text of a statement: lines and columns in characters from 1, the end included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementPlace {
    /// The first line.
    pub line: usize,
    /// The first column.
    pub column: usize,
    /// The last line.
    pub end_line: usize,
    /// The last column.
    pub end_column: usize,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sentence.fmt(f)
    }
}

impl StatementPlace {
    /// The bytes of `statement` that the place covers, from the first up to (not including) the
    /// byte after the last.
    pub fn bytes(&self, statement: &str) -> (usize, usize) {
        let start = byte_of(statement, self.line, self.column);
        let last = byte_of(statement, self.end_line, self.end_column);
        let width = statement.get(last..).and_then(|rest| rest.chars().next());
        (start, (last + width.map_or(0, char::len_utf8)).max(start))
    }
}

fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let before = line.saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(before).map(str::len).sum();
    let rest = text.get(start..).unwrap_or("");
    let inside = rest.char_indices().nth(column.saturating_sub(1));
    start + inside.map_or(rest.len(), |(byte, _)| byte)
}

/// The root cause of a trace, or of a message without one.
pub fn root(trace: &str) -> Cause {
    let causes = messages(trace);
    let place = causes.iter().rev().find_map(|(_, lines)| place(&lines.join(" ")));
    let Some((class, lines)) = causes.into_iter().next_back() else {
        return Cause { sentence: "no cause was given".to_owned(), ..Cause::default() };
    };
    let mut rest = lines.into_iter().skip_while(String::is_empty).peekable();
    let mut head = Vec::new();
    while let Some(line) = rest.next_if(|line| !line.is_empty() && !opens_a_list(line)) {
        head.push(line);
    }
    let sentence = head.join(" ");
    let detail: Vec<_> =
        rest.filter(|line| !line.is_empty() && !line.starts_with('<')).take(DETAIL_LINES).collect();
    let sentence =
        if sentence.is_empty() { format!("{class} without a message") } else { sentence };
    Cause { class, sentence, place, detail }
}

/// A list of everything that would have been right is no part of the sentence.
fn opens_a_list(line: &str) -> bool {
    line.starts_with("Was expecting")
}

/// Class and message of each exception of the chain, the outermost first.
fn messages(trace: &str) -> Vec<(String, Vec<String>)> {
    let mut causes: Vec<(String, Vec<String>)> = Vec::new();
    // Everything below a suppressed exception belongs to it: it is indented, as frames are.
    for line in trace.lines() {
        let frame = line.starts_with("\tat ") || line.starts_with("\t...");
        let suppressed = line.starts_with('\t') && line.trim_start().starts_with("Suppressed: ")
            || line.starts_with("\tCaused by: ")
            || line.starts_with("\t\t");
        if frame || suppressed || line.starts_with("End of exception on server side") {
            continue;
        }
        let line = line.strip_prefix("<Exception on server side:").unwrap_or(line);
        if let Some(text) = line.strip_prefix("Caused by: ") {
            causes.push(exception(text));
        } else if let Some((_, lines)) = causes.last_mut() {
            lines.push(line.trim().to_owned());
        } else if !line.trim().is_empty() {
            causes.push(exception(line));
        }
    }
    causes
}

/// `java.lang.IllegalStateException: text` or a class alone; a serialised one repeats its class.
fn exception(text: &str) -> (String, Vec<String>) {
    let is_class = |word: &str| {
        word.contains('.')
            && !word.contains(' ')
            && word.rsplit('.').next().is_some_and(|name| name.starts_with(char::is_uppercase))
    };
    let mut class = String::new();
    let mut rest = text.trim();
    loop {
        let (word, after) = rest.split_once(':').unwrap_or((rest, ""));
        if !is_class(word) {
            return (class, vec![rest.to_owned()]);
        }
        word.rsplit('.').next().unwrap_or(word).clone_into(&mut class);
        rest = after.trim_start();
        if rest.is_empty() {
            return (class, Vec::new());
        }
    }
}

/// `From line 2, column 3 to line 2, column 6`, `At line 1, column 15`, `at line 1, column 20`.
fn place(message: &str) -> Option<StatementPlace> {
    let (line, column, rest) = line_and_column(message)?;
    let end = rest.strip_prefix(" to ").and_then(line_and_column);
    let (end_line, end_column) = end.map_or((line, column), |(line, column, _)| (line, column));
    Some(StatementPlace { line, column, end_line, end_column })
}

fn line_and_column(text: &str) -> Option<(usize, usize, &str)> {
    let (_, text) = text.split_once("line ")?;
    let (line, text) = number(text)?;
    let (column, text) = number(text.strip_prefix(", column ")?)?;
    Some((line, column, text))
}

fn number(text: &str) -> Option<(usize, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(digits);
    Some((digits.parse().ok()?, rest))
}
