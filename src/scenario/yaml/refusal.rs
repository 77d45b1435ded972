//! Why a file is no YAML, in sentences for its author: what stands where, and what to write instead.

use granit_parser::{ErrorKind, ScanError};

use super::super::code::Code;
use super::lines::{Line, Lines};
use crate::base::text::Span;

/// What the reader stopped at.
pub(super) struct Refusal {
    pub code: Code,
    /// In bytes of the file.
    pub span: Span,
    pub message: String,
    pub help: String,
}

/// What `error` means to the author of `source`.
pub(super) fn of(source: &str, error: &ScanError) -> Refusal {
    let byte = error.marker().byte_offset().unwrap_or(source.len()).min(source.len());
    let lines = Lines::of(source);
    if let Some(tab) = lines.tab_before(byte) {
        return Refusal {
            code: Code::Tab,
            span: Span::new(tab, tab + 1),
            message: "a tab stands in the indentation".to_owned(),
            help: "indent with spaces; tabs may stand inside the lines of a block scalar (`|`)"
                .to_owned(),
        };
    }
    let stopped = Stopped { source, lines: &lines, byte, span: character(source, byte) };
    stopped.refusal(error.kind())
}

/// The character at a byte; at the end of a line, nothing.
fn character(source: &str, byte: usize) -> Span {
    let next = source.get(byte..).and_then(|rest| rest.chars().next());
    Span::new(byte, byte + next.filter(|next| *next != '\n').map_or(0, char::len_utf8))
}

/// Where reading stopped.
struct Stopped<'a> {
    source: &'a str,
    lines: &'a Lines<'a>,
    byte: usize,
    span: Span,
}

impl Stopped<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the outside enum is non-exhaustive")]
    fn refusal(&self, kind: &ErrorKind) -> Refusal {
        match kind {
            ErrorKind::MappingValueNotAllowed
            | ErrorKind::InvalidColonPlacement
            | ErrorKind::InvalidMappingValueWhitespace => self.colon(),
            ErrorKind::ExpectedBlockMappingKey
            | ErrorKind::ExpectedBlockSequenceEntry
            | ErrorKind::ExpectedDocumentStart
            | ErrorKind::InvalidIndentation
            | ErrorKind::InvalidBlockScalarIndent
            | ErrorKind::UnexpectedEofBlockMapping
            | ErrorKind::UnexpectedEofBlockSequence => self.indentation(),
            ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => self.no_colon(),
            ErrorKind::BlockSequenceEntryNotAllowed => self.list_behind_key(),
            ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofFlowSequence
            | ErrorKind::UnexpectedEofImplicitFlowMapping
            | ErrorKind::InvalidFlowScalarIndent
            | ErrorKind::UnclosedFlowCollection { .. } => self.flow(),
            ErrorKind::MismatchedFlowCollectionEnd { open, close } => self.here(
                format!("this `{open}` is closed by a `{close}`"),
                format!("close each bracket by its own kind, here `{}`", closing(*open)),
            ),
            ErrorKind::InvalidTrailingSingleQuotedScalar
            | ErrorKind::InvalidTrailingDoubleQuotedScalar => self.behind_quote(),
            _ => self.scalar(kind),
        }
    }

    /// What is wrong inside of a single value.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the outside enum is non-exhaustive")]
    fn scalar(&self, kind: &ErrorKind) -> Refusal {
        let (message, help) = match kind {
            ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => (
                "this quote is never closed",
                "close it after the value; a quote inside of '…' is written twice (`''`)",
            ),
            ErrorKind::UnknownQuotedScalarEscape
            | ErrorKind::InvalidQuotedScalarHexEscape
            | ErrorKind::InvalidUnicodeEscape => (
                "between \"…\" a backslash begins an escape, and here it begins none",
                "write '…', in which a backslash is only a backslash, or write it twice (`\\\\`)",
            ),
            ErrorKind::CommentInterceptedScalar => (
                "YAML takes the rest of this line, from ` #` on, as a comment, but the value goes on below it",
                "quote the value, or write it as a block (`|`)",
            ),
            ErrorKind::CommentNotSeparated => (
                "a `#` follows the value at once",
                "put a space before it to begin a comment, or quote the value it belongs to",
            ),
            ErrorKind::InvalidBlockScalarHeader => (
                "text follows the sign that begins a block",
                "write `|` alone, and the text of the block on the lines below, indented",
            ),
            ErrorKind::BlockEntryInFlowCollection => (
                "an item that begins with `- ` stands inside of brackets",
                "part what stands in `[]` or `{}` by commas, or write the list without brackets, one item a line",
            ),
            ErrorKind::UnexpectedCharacter { .. }
            | ErrorKind::MissingAnchorOrAliasName
            | ErrorKind::PlainScalarStartsWithDashFlowIndicator => {
                return self.first_character();
            }
            ErrorKind::ExpectedNodeContent | ErrorKind::MisplacedFlowCollectionEnd => (
                "a value is expected here, and it cannot begin with this character",
                "write the value that is missing, take out the comma or bracket that is too many, or quote the value",
            ),
            ErrorKind::RecursionLimitExceeded => (
                "maps and lists stand too deep inside each other",
                "no key of the language nests so deep",
            ),
            _ => {
                // Tags, directives and whatever the reader may learn to refuse.
                let help = "compare this line with the reference of the language; quote a value that begins with `!`, `%` or `&`";
                return self.here(format!("the file cannot be read from here on: {kind}"), help);
            }
        };
        self.here(message, help)
    }

    fn here(&self, message: impl Into<String>, help: impl Into<String>) -> Refusal {
        let (message, help) = (message.into(), help.into());
        Refusal { code: Code::NotYaml, span: self.span, message, help }
    }

    fn line(&self) -> Line<'_> {
        self.lines.at(self.byte)
    }

    fn first_character(&self) -> Refusal {
        let character = self.source.get(self.span.start..self.span.end).unwrap_or("");
        let line = self.line();
        let value = self.source.get(self.byte..line.end()).unwrap_or("").trim_end();
        let name =
            if character == "`" { "a backtick".to_owned() } else { format!("`{character}`") };
        let message = format!("a value without quotes cannot begin with {name}");
        self.here(message, quoting(line.key(), value))
    }

    /// A `: ` that YAML cannot take as the one behind a key.
    fn colon(&self) -> Refusal {
        let line = self.line();
        let first = line.text.find(": ").map(|at| line.start + at);
        if first.is_none_or(|first| first == self.byte) {
            // It is the one behind a key, so that the key is what stands wrong.
            return self.indentation();
        }
        let from = first.map_or(line.start, |first| first + 2);
        let value = self.source.get(from..line.end()).unwrap_or("").trim();
        self.here(
            "a second `: ` stands in this line, inside of a value",
            quoting(line.key(), value),
        )
    }

    fn list_behind_key(&self) -> Refusal {
        let line = self.line();
        match line.key().filter(|_| !line.is_item()) {
            Some(key) => self.here(
                format!("a list cannot begin on the line of its key, `{key}`"),
                format!(
                    "write `{key}:` alone, and each item on a line of its own below it: `  - …`"
                ),
            ),
            None => self.indentation(),
        }
    }

    fn no_colon(&self) -> Refusal {
        let line = self.line();
        let text = line.text.trim();
        let text = text.strip_prefix("- ").unwrap_or(text);
        if let Some(refusal) = self.left_of_block() {
            return refusal;
        }
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
        };
        if let Some((key, value)) = text.split_once(':').filter(|(key, _)| is_word(key)) {
            let help = format!("write `{key}: {value}`");
            return self.here("no space follows the colon after the key", help);
        }
        if is_word(text) {
            let help = format!("write `{text}:`, and its value after or below it");
            return self.here(format!("`{text}` is no key: no colon follows"), help);
        }
        let help = "write `key: value`; a value of several lines is a block: `key: |`, and its lines below, indented";
        self.here("this line is neither a key with its value nor a part of the value above", help)
    }

    fn behind_quote(&self) -> Refusal {
        if self.lines.open_bracket(self.byte).is_some() {
            let help = "part the items by commas; a quote inside of '…' is written twice (`''`)";
            return self.here(
                "text follows the closing quote, where a comma or the closing bracket is expected",
                help,
            );
        }
        let help = "quote the whole value, or write it as a block: `key: |`, and the value on the line below, indented";
        self.here("text follows the closing quote of the value", help)
    }

    /// A map or list in brackets that does not go on as it must.
    fn flow(&self) -> Refusal {
        let Some(open) = self.lines.open_bracket(self.byte) else {
            let help = "close every `{` and `[`, and part what stands in them by commas";
            return self.here("a bracket is not closed, or a comma is missing", help);
        };
        let bracket =
            self.source.get(open..=open).and_then(|one| one.chars().next()).unwrap_or('{');
        let close = closing(bracket);
        let (from, to) = (self.lines.at(open), self.line());
        if from.number < to.number || self.source.get(self.byte..).unwrap_or("").trim().is_empty() {
            return Refusal {
                span: character(self.source, open),
                ..self.here(
                    format!("this `{bracket}` is never closed"),
                    format!("close it by `{close}`, after the last thing in it"),
                )
            };
        }
        let written = self.source.get(open..to.end()).unwrap_or("").trim_end();
        let rest = self.source.get(open..self.byte).unwrap_or("").trim_end();
        let message = format!("a comma or `{close}` is missing before this place");
        let help = match comma(rest, self.source.get(self.byte..to.end()).unwrap_or("")) {
            Some(mended) => format!("write `{mended}`"),
            None => format!("part what stands in `{written}` by commas"),
        };
        self.here(message, help)
    }

    fn left_of_block(&self) -> Option<Refusal> {
        let line = self.line();
        let block = self.lines.block_above(line.number)?;
        if line.indent() >= block.text || line.indent() < block.key {
            return None;
        }
        let message = format!(
            "this line is indented by {}, the block that begins in line {} by {}",
            line.indent(),
            block.line,
            block.text
        );
        let help = format!("indent it by {} to make it a part of the block", block.text);
        Some(Refusal { span: self.lines.first_word(line.number), ..self.here(message, help) })
    }

    /// A line whose column fits nothing that is open above it.
    fn indentation(&self) -> Refusal {
        let line = self.line();
        if let Some(refusal) = self.left_of_block().filter(|_| line.key().is_none()) {
            return refusal;
        }
        let levels = self.lines.levels(line.number);
        let own = line.indent();
        let items = levels.iter().any(|level| level.is_item);
        // An item goes on with a list that there is, before it begins another.
        let fitting = levels.iter().filter(|level| !line.is_item() || !items || level.is_item);
        let places: Vec<String> = fitting.map(|level| level.said(line.is_item())).collect();
        let help = match places.split_last() {
            None => "begin the first line at the left margin".to_owned(),
            Some((only, [])) => format!("indent it {only}"),
            Some((last, rest)) => format!("indent it {}, or {last}", rest.join(", ")),
        };
        let fits = levels.iter().find(|level| level.column == own);
        let message = match fits {
            Some(level) if level.is_item => {
                "at this column stand the items of a list, and this line does not begin with `- `"
                    .to_owned()
            }
            Some(_) if line.is_item() => {
                "at this column stand keys, and this line begins an item of a list".to_owned()
            }
            Some(_) => "a key is expected here".to_owned(),
            None if levels.first().is_none_or(|deepest| deepest.column < own) => format!(
                "this line is indented by {own}, deeper than the line above, which has its value already"
            ),
            None => format!("this line is indented by {own}, where nothing above it begins"),
        };
        Refusal { span: self.lines.first_word(line.number), ..self.here(message, help) }
    }
}

/// The bracket that closes this one.
fn closing(open: char) -> char {
    if open == '[' { ']' } else { '}' }
}

/// How to quote a value, as it would stand in the file if it is short and holds no quote.
fn quoting(key: Option<&str>, value: &str) -> String {
    let is_short = value.chars().count() <= 60 && !value.contains('\'');
    match key {
        Some(key) if is_short => format!("quote the value: `{key}: '{value}'`"),
        Some(key) => {
            format!(
                "write the value as a block: `{key}: |`, and the value on the line below, indented"
            )
        }
        None => "quote the value, or write it as a block (`|`)".to_owned(),
    }
}

/// `before` and `after` with the comma that is missing between them, if both are on one line: it
/// belongs before the last word of `before` where a key's colon was met.
fn comma(before: &str, after: &str) -> Option<String> {
    if before.contains('\n') {
        return None;
    }
    let after = after.trim_end();
    if !after.starts_with(':') {
        return Some(format!("{before}, {}", after.trim_start()));
    }
    let space = before.rfind(' ')?;
    let (head, key) = before.split_at_checked(space)?;
    Some(format!("{head},{key}{after}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::base::text::Text;
    use crate::scenario::diagnose::Diagnostics;

    #[rstest]
    #[case::second_colon("title: Deletes: x\n", "1:15: a second `: `", "`title: 'Deletes: x'`")]
    #[case::second_colon_in_sql("- a: SET note = 'x: y'\n", "1:19: a second `: `", "`a: |`")]
    #[case::deeper_key(
        "a:\n  b: c\n    d: {}\n",
        "3:5: this line is indented by 4, deeper",
        "by 2 to go on beside `b` (line 2), or by 0 to go on beside `a`"
    )]
    #[case::deeper_than_all(
        "a: []\n  b: {}\n",
        "2:3: this line is indented by 2, deeper",
        "by 0 to go on beside `a` (line 1)"
    )]
    #[case::between(
        "t:\n  - a: x\n   w: 5\n",
        "3:4: this line is indented by 3, where nothing",
        "by 4 to go on beside `a` (line 2)"
    )]
    #[case::no_dash(
        "t:\n  - a: x\n  w: 5\n",
        "3:3: at this column stand the items",
        "or by 0 to go on beside `t` (line 1)"
    )]
    #[case::dash_too_deep(
        "t:\n  - a: x\n    - w: 5\n",
        "3:5: at this column stand keys",
        "by 2 to begin the next item (line 2)"
    )]
    #[case::comma_in_map("s: {a: 3 b: 1}\n", "1:11: a comma or `}` is missing", "`{a: 3, b: 1}`")]
    #[case::comma_behind_quote(
        "s: ['a' 'b']\n",
        "1:9: text follows the closing quote, where",
        "by commas"
    )]
    #[case::open_bracket("s: {a: [1, 3]\nt: []\n", "1:4: this `{` is never closed", "by `}`")]
    #[case::other_bracket("s: [1}\n", "1:4: this `[` is closed by a `}`", "`]`")]
    #[case::list_behind_key(
        "t: - a: x\n",
        "1:4: a list cannot begin on the line of its key, `t`",
        "`t:` alone"
    )]
    #[case::no_space("a: b\ntitle:A b\n", "2:1: no space follows the colon", "`title: A b`")]
    #[case::no_colon("a: b\ntimeline\nc: d\n", "2:1: `timeline` is no key", "`timeline:`")]
    #[case::text("a: b\nsome words\nc: d\n", "2:1: this line is neither", "`key: |`")]
    #[case::left_of_a_block(
        "t:\n  - a: |\n        SELECT 1;\n      SELECT 2\n",
        "4:7: this line is indented by 6, the block that begins in line 2 by 8",
        "by 8"
    )]
    #[case::left_of_a_block_at_the_key(
        "t:\n  - a: |\n      SELECT 1;\n    SELECT 2\n",
        "4:5: this line is indented by 4, the block that begins in line 2 by 6",
        "by 6"
    )]
    #[case::open_quote("a: 'b\nc: d\n", "1:4: this quote is never closed", "`''`")]
    #[case::behind_quote(
        "a: 'b' c\n",
        "1:8: text follows the closing quote of the value",
        "`key: |`"
    )]
    #[case::escape("a: \"\\d\"\n", "a backslash begins an escape", "'…'")]
    #[case::comment("a: b # c\n   d\n", "1:6: YAML takes the rest of this line", "quote")]
    #[case::backtick(
        "a: `b` c\n",
        "1:4: a value without quotes cannot begin with a backtick",
        "`a: '`b` c'`"
    )]
    #[case::tab("a:\n\t- b\n", "2:1: a tab stands in the indentation", "spaces")]
    #[case::block_header("a: |x\n  y\n", "text follows the sign", "`|` alone")]
    #[case::item_in_brackets("a: [- b]\n", "an item that begins with `- `", "commas")]
    fn a_refusal_says_where_and_what_to_write(
        #[case] source: &str,
        #[case] message: &str,
        #[case] help: &str,
    ) {
        let mut diagnostics = Diagnostics::default();
        let text = Text::whole("a.yaml".into(), source.to_owned());
        assert_eq!(super::super::read(&text, &mut diagnostics), None);
        let found: Vec<String> = diagnostics.finish().iter().map(ToString::to_string).collect();
        let [one] = found.as_slice() else { panic!("{found:?}") };
        let (said, told) = one.split_once("; ").expect("it has a help line");
        assert!(said.contains(message), "{one}");
        assert!(told.contains(help), "{one}");
    }
}
