//! Where secrets stand in a text of any kind: JSON, YAML, properties, SQL, addresses, headers, keys
//! in PEM, a component's log, a sentence.
//!
//! One pass over the words of the text. A word that is a secret's key is followed by its value in
//! one of a few forms; which format the text has need not be known. Where the end of a value is in
//! doubt, too much is hidden rather than too little.

use super::key::is_secret_key;
use crate::base::text::Span;

/// How many characters of a bare value or an authority are looked at, so that a hostile text costs
/// no more than its length.
const BARE_MAX: usize = 1 << 12;
/// The same for brackets.
const FLOW_MAX: usize = 1 << 16;

/// The values of secrets in `text`, in order; they do not overlap.
pub fn spans(text: &str) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    let mut at = 0;
    while let Some(word) = next_word(text, at) {
        let here = Word { text, span: word };
        let values = here.secrets();
        at = values.last().map_or(word.end, |last| last.end.max(word.end));
        found.extend(values.into_iter().filter(|span| says_something(text, *span)));
    }
    found
}

/// Whether a value is one: neither empty, nor a word that stands for one, nor a reference to a value
/// elsewhere, nor hidden before.
fn says_something(text: &str, span: Span) -> bool {
    let value = text.get(span.start..span.end).unwrap_or("").trim();
    let is_reference = value.starts_with("${") && value.find('}') == value.len().checked_sub(1);
    let is_constant =
        ["null", "NULL", "true", "false", "None", "hidden", "PASSWORD"].contains(&value);
    let was_hidden = value.chars().all(|c| super::FILLERS.contains(&c) || c.is_whitespace());
    !(value.is_empty() || is_reference || is_constant || was_hidden)
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-".contains(c)
}

/// The next run of letters, digits, `.`, `_` and `-` from byte `from` on.
fn next_word(text: &str, from: usize) -> Option<Span> {
    let start = from + text.get(from..)?.find(is_part)?;
    let rest = text.get(start..)?;
    let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    Some(Span::new(start, start + length))
}

/// A word, and the text around it.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    span: Span,
}

/// How a value is tied to its key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tie {
    /// `=`, `=>`, `:=`.
    Equals,
    /// `:`.
    Colon,
    /// Nothing, as in `PASSWORD 'x'`.
    Blank,
}

impl<'a> Word<'a> {
    fn word(&self) -> &'a str {
        self.text.get(self.span.start..self.span.end).unwrap_or("")
    }

    /// The text from a byte on.
    fn from(&self, byte: usize) -> &'a str {
        self.text.get(byte..).unwrap_or("")
    }

    /// The secrets that this word announces, or is.
    fn secrets(&self) -> Vec<Span> {
        let word = self.word();
        let one = if self.from(self.span.end).starts_with("://") {
            self.password_of_address()
        } else if word.starts_with("-----BEGIN") {
            self.pem()
        } else if word.starts_with("eyJ") && word.matches('.').count() == 2 {
            Some(self.span)
        } else if ["basic", "bearer"].contains(&word.to_ascii_lowercase().as_str()) {
            self.header()
        } else if is_secret_key(word) {
            return self.values();
        } else {
            None
        };
        one.into_iter().collect()
    }

    /// The password of `scheme://user:password@host`. It may hold a `/`, but `host:5432/…@` is a
    /// port and a path.
    fn password_of_address(&self) -> Option<Span> {
        let start = self.span.end + "://".len();
        let rest = self.from(start);
        let ends = |c: char| c.is_whitespace() || "'\"`<>\\,;)".contains(c);
        let authority = upto(rest, ends);
        let (info, _) = authority.rsplit_once('@')?;
        let (user, password) = info.split_once(':')?;
        let path = password.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_port = path.len() < password.len() && path.starts_with('/');
        let is_path = user.contains(['/', '?', '#']);
        let start = start + user.len() + 1;
        (!is_port && !is_path).then(|| Span::new(start, start + password.len()))
    }

    /// What stands between the marks of a private key; to the end if the last mark is missing.
    fn pem(&self) -> Option<Span> {
        let rest = self.from(self.span.end);
        let (label, body) = rest.split_once("-----")?;
        if !label.ends_with("PRIVATE KEY") {
            return None;
        }
        let start = self.span.end + label.len() + "-----".len();
        Some(Span::new(start, start + body.find("-----END").unwrap_or(body.len())))
    }

    /// What follows `Basic` or `Bearer`, unless it is a plain word.
    fn header(&self) -> Option<Span> {
        let rest = self.from(self.span.end).strip_prefix(' ')?;
        let ends = |c: char| !(c.is_ascii_alphanumeric() || "+/=._~-".contains(c));
        let value = upto(rest, ends);
        let is_plain = value.chars().all(|c| c.is_ascii_alphabetic() || ".-".contains(c));
        let start = self.span.end + 1;
        (value.len() >= 4 && !is_plain).then(|| Span::new(start, start + value.len()))
    }

    /// The values of a key that is a secret's.
    fn values(&self) -> Vec<Span> {
        let quote = closing_of_key(self.from(self.span.end));
        let (tie, after) = self.tie(self.span.end + quote.len());
        let at = after + blanks(self.from(after));
        if tie == Tie::Blank {
            let follows = quote.is_empty() && at > after && self.is_password();
            let value = if follows { self.quoted(at) } else { None };
            return value.into_iter().collect();
        }
        if tie == Tie::Colon && quote.is_empty() {
            if !self.is_key(after) {
                return Vec::new();
            }
            if let Some(lines) = self.block(at).filter(|_| self.opens_line()) {
                return lines;
            }
        }
        let at = at + if quote.is_empty() { 0 } else { breaks(self.from(at)) };
        let one = self.quoted(at).or_else(|| self.flow(at)).or_else(|| self.bare(at, tie));
        one.into_iter().collect()
    }

    /// How the value is tied to the key whose name (and quote) ends at `end`, and where it begins.
    fn tie(&self, end: usize) -> (Tie, usize) {
        let at = end + blanks(self.from(end));
        let rest = self.from(at);
        for (mark, tie) in [
            ("=>", Tie::Equals),
            (":=", Tie::Equals),
            ("==", Tie::Equals),
            ("=", Tie::Equals),
            // A cast.
            ("::", Tie::Blank),
            (":", Tie::Colon),
        ] {
            if rest.starts_with(mark) {
                let width = if mark == "::" { 0 } else { mark.len() };
                return (tie, at + width);
            }
        }
        (Tie::Blank, end)
    }

    /// The key says `password` in any form, which nothing but a password follows.
    fn is_password(&self) -> bool {
        let word = self.word().to_ascii_lowercase();
        ["password", "passwd", "passphrase", "pwd"].iter().any(|end| word.ends_with(end))
    }

    /// A colon ties this bare word to a value, and does not merely follow a word of a sentence, as
    /// in `unexpected token: FROM`, or part two names, as in `secret:latest`.
    fn is_key(&self, after: usize) -> bool {
        let is_doubtful = ["token", "credentials"].contains(&self.word());
        let before = self.text.get(..self.span.start).unwrap_or("").trim_end();
        let is_item = before.ends_with(['{', ',', '[', '(', ';']) || self.opens_line();
        let next = self.from(after);
        let is_apart = next.starts_with(char::is_whitespace) || !opening_quote(next).is_empty();
        self.is_password() || (is_apart && (is_item || !is_doubtful))
    }

    /// Nothing but indentation, dashes of a list and a mark of a comment stand before it.
    fn opens_line(&self) -> bool {
        let before = self.text.get(..self.span.start).unwrap_or("");
        let mut line = before.chars().rev().take_while(|c| *c != '\n');
        line.all(|c| c.is_whitespace() || "-#?".contains(c))
    }

    /// A string with its quotes, whatever they are; the value is what stands between them.
    fn quoted(&self, at: usize) -> Option<Span> {
        let rest = self.from(at);
        if let Some(tagged) = rest.strip_prefix('$') {
            let tag = tagged.find('$').and_then(|end| rest.get(..end + 2))?;
            let is_tag = tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
            let length = is_tag.then(|| rest.get(tag.len()..)?.find(tag))??;
            return Some(Span::new(at + tag.len(), at + tag.len() + length));
        }
        let prefix = ["E'", "e'", "N'", "n'", "U&'", "u&'"].iter();
        let prefix = prefix.filter(|prefix| rest.starts_with(**prefix)).map(|p| p.len() - 1).next();
        let quote = opening_quote(rest.get(prefix.unwrap_or(0)..)?);
        if quote.is_empty() {
            return None;
        }
        let start = at + prefix.unwrap_or(0) + quote.len();
        let escapes = prefix.is_some() || !quote.starts_with('\'');
        Some(Span::new(start, start + closing(self.from(start), quote, escapes)))
    }

    /// `[…]` or `{…}`: what stands between the brackets.
    fn flow(&self, at: usize) -> Option<Span> {
        let rest = self.from(at);
        rest.starts_with(['[', '{']).then_some(())?;
        let mut depth = 0_usize;
        for (n, c) in rest.char_indices().take(FLOW_MAX) {
            match c {
                '[' | '{' => depth += 1,
                ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return Some(Span::new(at + 1, at + n));
            }
        }
        None
    }

    /// A value without quotes: the rest of the line of a key that opens its line, else a word.
    fn bare(&self, at: usize, tie: Tie) -> Option<Span> {
        let line = self.from(at).split('\n').next()?;
        let length = if self.opens_line() {
            let value = if tie == Tie::Colon { line.split(" #").next()? } else { line };
            value.trim_end().trim_end_matches(',').len()
        } else {
            // `Authorization: Basic dTpw` has two words.
            let is_header = self.word().to_ascii_lowercase().ends_with("authorization");
            let blank = |c: char| c.is_whitespace() && !(is_header && c == ' ');
            let ends = |c: char| blank(c) || "'\"`,;&()[]{}<>|\\".contains(c);
            upto(line, ends).len()
        };
        Some(Span::new(at, at + length))
    }

    /// The lines of YAML's block below a key: a block scalar, a list, or a scalar on a line of its
    /// own. `None` if the value stands on the key's line.
    fn block(&self, at: usize) -> Option<Vec<Span>> {
        let first = self.from(at).split('\n').next()?;
        let head = first.split(" #").next()?.trim();
        let is_scalar = head.starts_with(['|', '>'])
            && head.chars().skip(1).all(|c| c.is_ascii_digit() || "+-".contains(c));
        if !(is_scalar || head.is_empty()) {
            return None;
        }
        let before = self.text.get(..self.span.start)?;
        let indent = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
        let mut start = at + first.len() + 1;
        let mut lines = Vec::new();
        for line in self.from(start).split('\n') {
            let content = line.trim_start();
            let deep = line.len() - content.len();
            let is_item = content.starts_with("- ");
            if !(content.is_empty() || deep > indent || (deep == indent && is_item)) {
                break;
            }
            let value = if is_scalar { content } else { content.trim_start_matches("- ") };
            let is_nested = !is_scalar && (value.contains(": ") || value.ends_with(':'));
            if !(value.trim().is_empty() || is_nested) {
                let end = start + line.trim_end().len();
                lines.push(Span::new(end - value.trim_end().len(), end));
            }
            start += line.len() + 1;
        }
        Some(lines)
    }
}

/// What stands before the first character that ends a value.
fn upto(text: &str, ends: impl Fn(char) -> bool) -> &str {
    let end = text.char_indices().enumerate().find(|(n, (_, c))| *n == BARE_MAX || ends(*c));
    end.and_then(|(_, (at, _))| text.get(..at)).unwrap_or(text)
}

/// How many bytes of blanks a text begins with.
fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

/// How many bytes of white space a text begins with.
fn breaks(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// A quote, with the backslashes of a text that stands in another (`"`, `\"`, `\\\"`, `'`), or
/// doubled as in a string of SQL that stands in another.
fn opening_quote(text: &str) -> &str {
    let rest = text.trim_start_matches('\\');
    let depth = text.len() - rest.len();
    let is_doubled = text.strip_prefix("''").is_some_and(|inner| {
        inner.starts_with(|c: char| !(c.is_whitespace() || "',;)".contains(c)))
    });
    if is_doubled {
        return "''";
    }
    let has_quote = rest.starts_with(['"', '\'', '`']);
    text.get(..depth + 1).filter(|_| has_quote).unwrap_or("")
}

/// The quote that closes a quoted key.
fn closing_of_key(text: &str) -> &str {
    if text.starts_with("''") { "''" } else { opening_quote(text) }
}

/// How many bytes of `text` stand before the quote that closes it; the rest of the line if none
/// does.
fn closing(text: &str, quote: &str, escapes: bool) -> usize {
    let rest_of_line = || text.find('\n').unwrap_or(text.len());
    if quote == "''" {
        return text.find(quote).unwrap_or_else(rest_of_line);
    }
    let depth = quote.len() - 1;
    let mut run = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && escapes {
            run += 1;
            continue;
        }
        if quote.ends_with(c) {
            let is_doubled = quote == "'" && chars.next_if(|(_, next)| *next == c).is_some();
            // Each text within another doubles the backslashes and adds one before a quote.
            let is_inner = run > depth && ((run - depth) / (depth + 1)) % 2 == 1;
            if !(is_doubled || is_inner) {
                return at - run.min(depth);
            }
        }
        run = 0;
    }
    rest_of_line()
}
