//! Where each line of a scalar stands in the file.

use super::ScalarStyle;
use crate::base::text::{Anchor, Span, Text};

/// Where each line of a scalar stands in the file. `span` is the scalar in the file: with its
/// quotes, or from the first text line of a block on.
pub(super) fn anchors(source: &Text, value: &str, style: ScalarStyle, span: Span) -> Vec<Anchor> {
    let raw = source.value.get(span.start..span.end).unwrap_or("");
    let anchor = |at: usize, offset: usize| {
        let place = source.place(offset);
        Anchor { at, offset, line: place.line, column: place.column }
    };
    let pairs = match style {
        ScalarStyle::SingleQuoted => quoted_lines(raw, value, '\''),
        ScalarStyle::DoubleQuoted => quoted_lines(raw, value, '"'),
        ScalarStyle::Plain => block_lines(raw, value, None),
        ScalarStyle::Literal | ScalarStyle::Folded => {
            block_lines(raw, value, Some(source.place(span.start).column.saturating_sub(1)))
        }
    };
    let mut found: Vec<Anchor> =
        pairs.into_iter().map(|(at, raw)| anchor(at, span.start + raw)).collect();
    if found.first().is_none_or(|first| first.at > 0) {
        let quote =
            usize::from(matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted));
        found.insert(0, anchor(0, (span.start + quote).min(span.end)));
    }
    found
}

/// Pairs (byte of the value, byte of `raw`) at the start of each line with text. `indent` is what
/// a block's further lines have before their text; a plain scalar's lines are trimmed.
fn block_lines(raw: &str, value: &str, indent: Option<usize>) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut at = 0;
    let mut offset = 0;
    for (n, line) in raw.split_inclusive('\n').enumerate() {
        let ended = line.trim_end_matches(['\n', '\r']);
        let spaces = ended.len() - ended.trim_start_matches([' ', '\t']).len();
        let skipped = match indent {
            _ if n == 0 => 0,
            Some(indent) => spaces.min(indent),
            None => spaces,
        };
        let text = ended.get(skipped..).unwrap_or("");
        let text = if indent.is_none() { text.trim_end() } else { text };
        if !text.trim().is_empty() {
            // What folding puts between two lines is white space.
            while let Some(rest) = value.get(at..) {
                if rest.starts_with(text) {
                    pairs.push((at, offset + skipped));
                    at += text.len();
                    break;
                }
                match rest.chars().next().filter(|next| next.is_whitespace()) {
                    Some(next) => at += next.len_utf8(),
                    None => return pairs,
                }
            }
        }
        offset += line.len();
    }
    pairs
}

/// The same for a quoted scalar: a new pair after every escape and every line break.
fn quoted_lines(raw: &str, value: &str, quote: char) -> Vec<(usize, usize)> {
    let mut pairs = vec![(0, 1)];
    let mut raw_at = 1;
    let mut in_step = true;
    for (at, expected) in value.char_indices() {
        let Some(next) = raw.get(raw_at..).and_then(|rest| rest.chars().next()) else { break };
        let doubled = quote == '\'' && next == '\'';
        let escaped = quote == '"' && next == '\\';
        if !in_step {
            pairs.push((at, raw_at));
        }
        in_step = next == expected && !doubled && !escaped;
        if in_step {
            raw_at += next.len_utf8();
        } else if doubled {
            raw_at += 2;
        } else if escaped {
            raw_at += escape_length(raw.get(raw_at..).unwrap_or(""));
        } else if expected.is_whitespace() {
            let rest = raw.get(raw_at..).unwrap_or("");
            raw_at += rest.len() - rest.trim_start().len();
        } else {
            break;
        }
    }
    pairs
}

/// The bytes of one escape of a double-quoted scalar, with its backslash.
fn escape_length(rest: &str) -> usize {
    let mut chars = rest.chars().skip(1);
    match chars.next() {
        Some('x') => 4,
        Some('u') => 6,
        Some('U') => 10,
        Some('\n' | '\r') => rest.len() - rest.get(1..).unwrap_or("").trim_start().len(),
        Some(other) => 1 + other.len_utf8(),
        None => 1,
    }
}
