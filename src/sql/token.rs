//! The only user of the outside tokenizer: its tokens, with spans in bytes and without holes.

use sqlparser::dialect::Dialect;
use sqlparser::tokenizer::{Token as Raw, TokenWithSpan, Tokenizer, Whitespace};

use crate::base::text::Span;

/// Which SQL a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Postgres, with its dollar quotes, escape strings and nested comments.
    Postgres,
    /// Flink, with its backticks.
    Flink,
}

/// What a token is, as far as the harness must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// White space.
    Space,
    /// A comment, with its marks.
    Comment,
    /// A keyword or a bare name.
    Word,
    /// A quoted name.
    Name,
    /// A string of any form.
    Text,
    /// A number.
    Number,
    /// An operator, a bracket, a separator.
    Symbol,
    /// A quote or a comment that is never closed; it holds the rest of the text.
    Open,
}

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its source text.
    pub text: &'a str,
    /// Where it stands.
    pub span: Span,
}

impl Token<'_> {
    /// It is this keyword, in whatever case.
    pub fn is(&self, keyword: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// It is this symbol.
    pub fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    /// It is neither white space nor a comment.
    pub fn is_significant(&self) -> bool {
        !matches!(self.kind, Kind::Space | Kind::Comment)
    }

    /// It is a hint (`/*+ OPTIONS(…) */`), a comment that Flink reads.
    pub fn is_hint(&self) -> bool {
        self.kind == Kind::Comment && self.text.starts_with("/*+")
    }

    /// The name that a word or a quoted name stands for, quotes removed, case kept.
    pub fn name(&self) -> Option<String> {
        match self.kind {
            Kind::Word => Some(self.text.to_owned()),
            Kind::Name => Some(unquote(self.text)),
            Kind::Space | Kind::Comment | Kind::Text | Kind::Number | Kind::Symbol | Kind::Open => {
                None
            }
        }
    }

    /// The value of a plain string, quotes removed.
    pub fn string(&self) -> Option<String> {
        (self.kind == Kind::Text && self.text.starts_with('\'')).then(|| unquote(self.text))
    }
}

/// Removes the quote at both ends and halves the doubled ones between.
fn unquote(quoted: &str) -> String {
    let mut chars = quoted.chars();
    let Some(quote) = chars.next() else { return String::new() };
    let inner = chars.as_str();
    let inner = inner.strip_suffix(quote).unwrap_or(inner);
    inner.replace(&format!("{quote}{quote}"), &quote.to_string())
}

/// Every byte of `sql` belongs to exactly one token, in order. Never fails: what the tokenizer does
/// not know becomes a symbol of one character, what is never closed becomes [`Kind::Open`].
pub fn tokens(language: Language, sql: &str) -> Vec<Token<'_>> {
    let dialect: &dyn Dialect = match language {
        Language::Postgres => &Postgres,
        Language::Flink => &Flink,
    };
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(rest) = sql.get(start..).filter(|rest| !rest.is_empty()) {
        let mut raw = Vec::new();
        let outcome = Tokenizer::new(dialect, rest)
            .with_unescape(false)
            .tokenize_with_location_into_buf(&mut raw);
        start += convert(rest, &raw, start, &mut found);
        let Err(error) = outcome else { break };
        let Some(rest) = sql.get(start..).filter(|rest| !rest.is_empty()) else { break };
        let (kind, text) = if is_open(&error.message) {
            (Kind::Open, rest)
        } else {
            (Kind::Symbol, rest.get(..rest.chars().next().map_or(0, char::len_utf8)).unwrap_or(""))
        };
        found.push(Token { kind, text, span: Span::new(start, start + text.len()) });
        start += text.len();
    }
    found
}

/// The tokens that are neither white space nor comments.
pub fn significant(language: Language, sql: &str) -> Vec<Token<'_>> {
    tokens(language, sql).into_iter().filter(Token::is_significant).collect()
}

/// The tokenizer says so only in words. An escape string with a bad escape is reported as open too;
/// it is read again as a plain string after its `E`, which finds out whether it is.
fn is_open(message: &str) -> bool {
    let open = ["Unterminated", "Unexpected EOF while in a multi-line comment", "Expected close"];
    open.iter().any(|start| message.starts_with(start)) && !message.contains("encoded")
}

/// Appends `raw` as tokens of `rest`, which starts at byte `base`; returns how many bytes they hold.
fn convert<'a>(
    rest: &'a str,
    raw: &[TokenWithSpan],
    base: usize,
    found: &mut Vec<Token<'a>>,
) -> usize {
    let mut place = Walker { rest, byte: 0, line: 1, column: 1 };
    for token in raw {
        let start = place.byte;
        place.walk(token.span.end.line, token.span.end.column);
        let text = rest.get(start..place.byte).unwrap_or("");
        if text.is_empty() {
            continue;
        }
        let span = Span::new(base + start, base + place.byte);
        found.push(Token { kind: kind(&token.token), text, span });
    }
    place.byte
}

/// Turns the tokenizer's lines and columns into bytes.
struct Walker<'a> {
    rest: &'a str,
    byte: usize,
    line: u64,
    column: u64,
}

impl Walker<'_> {
    fn walk(&mut self, line: u64, column: u64) {
        while (self.line, self.column) < (line, column) {
            let Some(next) = self.rest.get(self.byte..).and_then(|rest| rest.chars().next()) else {
                return;
            };
            self.byte += next.len_utf8();
            if next == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the outside crate has a hundred operators, all alike here"
)]
fn kind(raw: &Raw) -> Kind {
    match raw {
        Raw::Whitespace(Whitespace::Space | Whitespace::Newline | Whitespace::Tab) => Kind::Space,
        Raw::Whitespace(_) => Kind::Comment,
        Raw::Word(word) if word.quote_style.is_some() => Kind::Name,
        Raw::Word(_) => Kind::Word,
        // A name may begin with a dollar (`$rowtime`); a number after it is a parameter.
        Raw::Placeholder(text) if text.chars().nth(1).is_some_and(char::is_alphabetic) => {
            Kind::Word
        }
        Raw::Number(..) => Kind::Number,
        Raw::SingleQuotedString(_)
        | Raw::DoubleQuotedString(_)
        | Raw::DollarQuotedString(_)
        | Raw::NationalStringLiteral(_)
        | Raw::EscapedStringLiteral(_)
        | Raw::UnicodeStringLiteral(_)
        | Raw::HexStringLiteral(_) => Kind::Text,
        _ => Kind::Symbol,
    }
}

/// What the tokenizer must know of Postgres. Operators stay in small pieces on purpose: joined to
/// custom ones, `=--` would hide a comment.
#[derive(Debug)]
struct Postgres;

impl Dialect for Postgres {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_' || !ch.is_ascii()
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_ascii_alphanumeric() || ch == '_' || ch == '$' || !ch.is_ascii()
    }

    fn supports_string_escape_constant(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }
}

/// What the tokenizer must know of Flink.
#[derive(Debug)]
struct Flink;

impl Dialect for Flink {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_' || !ch.is_ascii()
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_ascii_alphanumeric() || ch == '_' || ch == '$' || !ch.is_ascii()
    }

    fn supports_dollar_placeholder(&self) -> bool {
        // Flink has no dollar quotes.
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn kinds(language: Language, sql: &str) -> Vec<(Kind, &str)> {
        significant(language, sql).iter().map(|token| (token.kind, token.text)).collect()
    }

    #[rstest]
    #[case("E'it\\'s' 'it''s'", vec![(Kind::Text, "E'it\\'s'"), (Kind::Text, "'it''s'")])]
    #[case("$a$ ' $b$ ; $a$ x", vec![(Kind::Text, "$a$ ' $b$ ; $a$"), (Kind::Word, "x")])]
    #[case("$$ $ ' $$;", vec![(Kind::Text, "$$ $ ' $$"), (Kind::Symbol, ";")])]
    #[case("a=-- '\n1", vec![(Kind::Word, "a"), (Kind::Symbol, "="), (Kind::Number, "1")])]
    #[case("/* a /* b */ ' */ x", vec![(Kind::Word, "x")])]
    #[case("\"a \"\"b\"\" ;\"", vec![(Kind::Name, "\"a \"\"b\"\" ;\"")])]
    #[case("'é' 'open", vec![(Kind::Text, "'é'"), (Kind::Open, "'open")])]
    #[case("1 /* open", vec![(Kind::Number, "1"), (Kind::Open, "/* open")])]
    #[case("U&'\\zzzz' x", vec![
        (Kind::Word, "U"), (Kind::Symbol, "&"), (Kind::Text, "'\\zzzz'"), (Kind::Word, "x")
    ])]
    fn postgres_tokens(#[case] sql: &str, #[case] expected: Vec<(Kind, &str)>) {
        assert_eq!(kinds(Language::Postgres, sql), expected);
    }

    #[rstest]
    #[case("`$rowtime` `a.b-c`", vec![(Kind::Name, "`$rowtime`"), (Kind::Name, "`a.b-c`")])]
    #[case("t.$rowtime", vec![(Kind::Word, "t"), (Kind::Symbol, "."), (Kind::Word, "$rowtime")])]
    #[case("/* /* */ x", vec![(Kind::Word, "x")])]
    #[case("'a\\' $$", vec![(Kind::Text, "'a\\'"), (Kind::Symbol, "$$")])]
    fn flink_tokens(#[case] sql: &str, #[case] expected: Vec<(Kind, &str)>) {
        assert_eq!(kinds(Language::Flink, sql), expected);
    }

    proptest! {
        #[test]
        fn tokens_cover_every_byte_in_order(
            sql in "([a-zé0-9 ;'\"`$\\\\\n\r/*.:_=()E-]|BEGIN|END|U&|\\PC){0,40}",
            flink: bool,
        ) {
            let language = if flink { Language::Flink } else { Language::Postgres };
            let mut end = 0;
            for token in tokens(language, &sql) {
                prop_assert_eq!(token.span.start, end);
                prop_assert_eq!(sql.get(token.span.start..token.span.end), Some(token.text));
                end = token.span.end;
            }
            prop_assert_eq!(end, sql.len());
        }
    }
}
