//! Single values: when they need quotes, and how those of several lines are laid out.

use super::super::yaml::{Key, Node, Scalar, ScalarStyle, Value};
use crate::base::text::{Span, Text};

/// A value of several lines.
pub(super) struct Block {
    /// `|-`, beside the key.
    pub head: String,
    /// Its lines, each with its end.
    pub lines: String,
    /// Blank lines after it belong to it.
    pub keeps: bool,
}

/// A key as it is printed.
pub(super) fn key(key: &Key) -> String {
    if key.is_plain && !key.name.contains('\n') && !differs(&key.name) {
        return key.name.clone();
    }
    quoted(&key.name)
}

/// A value that stands as a block of lines below its key, if it is one.
pub(super) fn block(
    source: &Text,
    scalar: &Scalar,
    span: Span,
    indent: usize,
    end: usize,
) -> Option<Block> {
    let value = &scalar.text.value;
    match scalar.style {
        ScalarStyle::Literal => literal(value, indent),
        ScalarStyle::Folded => {
            folded(source, value, span, indent, end).or_else(|| literal(value, indent))
        }
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if value.contains('\n') => {
            if scalar.in_flow { None } else { literal(value, indent) }
        }
        ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => None,
    }
}

/// Lines that a literal block can hold as they are.
fn literal(value: &str, indent: usize) -> Option<Block> {
    let is_line = |c: char| c == '\n' || c == '\t' || (!c.is_control() && c != '\u{feff}');
    let content = value.trim_end_matches('\n');
    if content.trim().is_empty()
        || !value.chars().all(is_line)
        || value.contains(['\u{85}', '\u{2028}', '\u{2029}'])
    {
        return None;
    }
    // A last line of spaces would look like one between two entries.
    if content.lines().next_back().is_some_and(|line| line.trim().is_empty()) {
        return None;
    }
    let n_ends = value.len() - content.len();
    let (chomp, keeps) = match n_ends {
        0 => ("-", false),
        1 => ("", false),
        _ => ("+", true),
    };
    let first = content.trim_start_matches('\n');
    let digit =
        if first.starts_with([' ', '\t']) || first.len() < content.len() { "2" } else { "" };
    let pad = " ".repeat(indent);
    let line =
        |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("{pad}{line}\n") };
    let mut lines: String = content.split('\n').map(line).collect();
    lines.extend(std::iter::repeat_n('\n', n_ends.saturating_sub(1)));
    Some(Block { head: format!("|{digit}{chomp}"), lines, keeps })
}

/// A folded block keeps its lines, moved to its new indent.
fn folded(source: &Text, value: &str, span: Span, indent: usize, end: usize) -> Option<Block> {
    let content = value.trim_end_matches('\n');
    if content.trim().is_empty() {
        return None;
    }
    let old = source.place(span.start).column.saturating_sub(1);
    let raw = source.value.get(span.start..span.end.min(end))?;
    let raw = raw.trim_end_matches([' ', '\n', '\r']);
    let pad = " ".repeat(indent);
    let lines: Vec<String> = raw
        .split('\n')
        .enumerate()
        .map(|(n, line)| {
            let line = line.trim_end_matches('\r');
            let spaces = line.len() - line.trim_start_matches(' ').len();
            let line = line.get(if n == 0 { 0 } else { spaces.min(old) }..).unwrap_or("");
            if line.is_empty() { "\n".to_owned() } else { format!("{pad}{line}\n") }
        })
        .collect();
    let n_ends = value.len() - content.len();
    let chomp = match n_ends {
        0 => "-",
        1 => "",
        _ => return None,
    };
    // Blank lines before the first, or one that is indented further, would be read otherwise.
    (!content.starts_with(['\n', ' ', '\t'])).then(|| Block {
        head: format!(">{chomp}"),
        lines: lines.concat(),
        keeps: false,
    })
}

/// A value on the line of its key (a plain one may go on below).
pub(super) fn inline(source: &Text, scalar: &Scalar, span: Span, indent: usize) -> String {
    let value = &scalar.text.value;
    if !scalar.is_plain {
        return quoted(value);
    }
    if !scalar.is_folded {
        return if differs(value) { quoted(value) } else { value.clone() };
    }
    let raw = source.value.get(span.start..span.end).unwrap_or("");
    let lines: Vec<&str> = raw.trim_end().split('\n').map(str::trim).collect();
    let pad = " ".repeat(indent);
    let rest = lines
        .iter()
        .skip(1)
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("\n{pad}{line}") });
    let rest: String = rest.collect::<Vec<_>>().concat();
    format!("{}{rest}", lines.first().copied().unwrap_or(""))
}

/// A collection in flow style on one line; `None` if a value in it has several.
pub(super) fn flow(node: &Node) -> Option<String> {
    match &node.value {
        Value::Scalar(scalar) if scalar.is_plain && !scalar.text.value.contains('\n') => {
            let value = &scalar.text.value;
            let is_split = scalar.is_folded && !is_flow_safe(value);
            Some(if differs(value) || is_split { quoted(value) } else { value.clone() })
        }
        Value::Scalar(scalar) => Some(quoted(&scalar.text.value)),
        Value::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(flow).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Value::Map(entries) => {
            let entry = |(name, value): &(Key, Node)| {
                let value = flow(value)?;
                let space = if value.is_empty() { "" } else { " " };
                Some(format!("{}:{space}{value}", key(name)))
            };
            let entries: Option<Vec<String>> = entries.iter().map(entry).collect();
            Some(format!("{{{}}}", entries?.join(", ")))
        }
    }
}

fn is_flow_safe(value: &str) -> bool {
    !value.contains([',', '[', ']', '{', '}'])
}

/// A value in quotes: single ones, unless it has such quotes itself or needs escapes.
fn quoted(value: &str) -> String {
    let needs_escapes = value
        .chars()
        .any(|c| c.is_control() || matches!(c, '\u{feff}' | '\u{85}' | '\u{2028}' | '\u{2029}'));
    let has_double = value.contains(['"', '\\']);
    if !needs_escapes && (has_double || !value.contains('\'')) {
        return format!("'{}'", value.replace('\'', "''"));
    }
    let escaped = value.chars().map(|c| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        c if c.is_control() || matches!(c, '\u{feff}' | '\u{85}' | '\u{2028}' | '\u{2029}') => {
            format!("\\U{:08x}", u32::from(c))
        }
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// Whether YAML 1.1 reads this plain text otherwise than YAML 1.2 does.
fn differs(text: &str) -> bool {
    const BOOLS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "=", "<<"];
    let is_bool = BOOLS.iter().any(|word| text.eq_ignore_ascii_case(word));
    is_bool || is_number(text) || is_date(text)
}

/// Octal `012`, binary `0b1`, `1_000`, and `10:30`, which counts in sixties. The octal `0o7` of
/// YAML 1.2 is a text there.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let all = |text: &str, is: fn(char) -> bool| !text.is_empty() && text.chars().all(is);
    if let Some(binary) = digits.strip_prefix("0b") {
        return all(binary, |c| matches!(c, '0' | '1' | '_'));
    }
    if let Some(octal) = digits.strip_prefix("0o") {
        return all(octal, |c| ('0'..='7').contains(&c));
    }
    if digits
        .strip_prefix('0')
        .is_some_and(|octal| all(octal, |c| ('0'..='7').contains(&c) || c == '_'))
    {
        return true;
    }
    let number = |c: char| c.is_ascii_digit() || matches!(c, '_' | '.' | ':');
    let starts = digits.starts_with(|c: char| c.is_ascii_digit());
    starts && digits.contains(['_', ':']) && digits.chars().all(number)
}

/// `2025-01-31`, alone or with a time.
fn is_date(text: &str) -> bool {
    let date = text.split(['T', 't', ' ']).next().unwrap_or("");
    let parts: Vec<&str> = date.split('-').collect();
    let all_digits = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    parts.iter().all(all_digits) && matches!(lengths.as_slice(), [4, 1..=2, 1..=2])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("no", true)]
    #[case("On", true)]
    #[case("10:30", true)]
    #[case("012", true)]
    #[case("0b11", true)]
    #[case("1_000", true)]
    #[case("2025-01-31", true)]
    #[case("2025-01-31 10:00:00Z", true)]
    #[case("true", false)]
    #[case("2.10", false)]
    #[case("0", false)]
    #[case("089", false)]
    #[case("1", false)]
    #[case("null", false)]
    #[case("cdc.public.rates", false)]
    #[case("5s", false)]
    #[case("a: b", false)]
    fn what_an_older_reader_takes_for_something_else(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(differs(text), expected);
    }

    #[rstest]
    #[case("a", "'a'")]
    #[case("it's", "\"it's\"")]
    #[case("'a' \"b\"", "'''a'' \"b\"'")]
    #[case("a\nb", "\"a\\nb\"")]
    fn quotes(#[case] value: &str, #[case] expected: &str) {
        assert_eq!(quoted(value), expected);
    }
}
