//! Secrets: what counts as one, where they stand in a text, and how they are hidden.
//!
//! A password, a token, a line of JAAS, a user info or a private key is known by the kind of its key
//! ([`is_secret_key`]) or by its own form (an address with a password, a key in PEM, a header). What
//! is known to be one in the author's files is hidden wherever else it stands, too ([`Secrets`]).

mod key;
mod scan;

pub use key::is_secret_key;
pub use scan::spans;

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::text::Span;

/// What stands in the place of a secret where the length does not matter.
const HIDDEN: &str = "…";

/// What stands in the place of each character of a secret where every byte and every column must
/// stay where it was: by the character's length, from one byte to four.
const FILLERS: [char; 4] = ['*', '·', '…', '🔒'];

/// Whether a secret stands in the text.
pub fn is_in(text: &str) -> bool {
    !spans(text).is_empty()
}

/// The text with `…` in the place of every secret.
pub fn redacted(text: &str) -> Cow<'_, str> {
    redacted_at(text, &spans(text))
}

/// [`redacted`], at given places, which ascend and do not overlap.
pub fn redacted_at<'a>(text: &'a str, spans: &[Span]) -> Cow<'a, str> {
    // Line breaks stay, so that what follows stands on its line.
    let line = |line: &str| if line.is_empty() { "" } else { HIDDEN };
    replaced(text, spans, |secret| secret.split('\n').map(line).collect::<Vec<_>>().join("\n"))
}

/// The value of a key: hidden whole if the key is a secret's, else with the secrets in it hidden.
pub fn redacted_value<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    if is_secret_key(key) && !value.is_empty() { Cow::Borrowed(HIDDEN) } else { redacted(value) }
}

/// The text with every secret overwritten, so that each byte and each column that remains stands
/// where it stood.
pub fn masked(text: &str) -> Cow<'_, str> {
    masked_at(text, &spans(text))
}

/// [`masked`], at given places, which ascend and do not overlap.
pub fn masked_at<'a>(text: &'a str, spans: &[Span]) -> Cow<'a, str> {
    let filler = |c: char| FILLERS.get(c.len_utf8() - 1).copied().unwrap_or('*');
    let over = |c: char| if c == '\n' || c == '\r' { c } else { filler(c) };
    replaced(text, spans, |secret| secret.chars().map(over).collect())
}

fn replaced<'a>(text: &'a str, spans: &[Span], with: impl Fn(&str) -> String) -> Cow<'a, str> {
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    for span in spans {
        result.push_str(text.get(from..span.start).unwrap_or(""));
        result.push_str(&with(text.get(span.start..span.end).unwrap_or("")));
        from = span.end;
    }
    result.push_str(text.get(from..).unwrap_or(""));
    Cow::Owned(result)
}

/// Secrets that are known by their values, because they stand under their keys in the author's
/// files or in the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeSet<String>);

impl Secrets {
    /// None known yet.
    pub const fn none() -> Self {
        Self(BTreeSet::new())
    }

    /// Learns a value, each of its lines too, and how it is written within a string of JSON and of
    /// SQL.
    pub fn learn(&mut self, value: &str) {
        let is_mark = |line: &str| line.trim().starts_with("-----");
        for line in value.lines().filter(|line| !is_mark(line)).chain([value]) {
            self.learn_one(line.trim());
        }
    }

    fn learn_one(&mut self, value: &str) {
        if !is_telling(value) {
            return;
        }
        let json = serde_json::Value::from(value).to_string();
        let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"'));
        self.0.extend(json.map(ToOwned::to_owned));
        self.0.insert(value.replace('\'', "''"));
        self.0.insert(value.to_owned());
    }

    /// Learns the value of a key: whole if the key is a secret's, and the secrets in it.
    pub fn learn_value(&mut self, key: &str, value: &str) {
        if is_secret_key(key) {
            self.learn(value);
            // Of a user info the user is no secret.
            if let Some((_, password)) = value.split_once(':').filter(|(user, _)| is_name(user)) {
                self.learn(password);
            }
        }
        self.learn_text(value);
    }

    /// Learns the secrets that stand in a text.
    pub fn learn_text(&mut self, text: &str) {
        for span in spans(text) {
            self.learn(text.get(span.start..span.end).unwrap_or(""));
        }
    }

    /// Learns what others know.
    pub fn join(&mut self, others: &Self) {
        self.0.extend(others.0.iter().cloned());
    }

    /// Whether a text is such a value, and nothing more.
    pub fn knows(&self, text: &str) -> bool {
        self.0.contains(text)
    }

    /// The text with `…` in the place of what is known, and of nothing else: for what is not to be
    /// judged by kinds, such as SQL, whose columns may be called as they like.
    pub fn known_hidden<'a>(&self, text: &'a str) -> Cow<'a, str> {
        redacted_at(text, &disjoint(self.places(text)))
    }

    /// The text with `…` in the place of every secret, known or told by its kind.
    pub fn hidden<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut all = spans(text);
        all.extend(self.places(text));
        redacted_at(text, &disjoint(all))
    }

    /// [`Self::known_hidden`], with every byte where it was.
    pub fn known_masked<'a>(&self, text: &'a str) -> Cow<'a, str> {
        masked_at(text, &disjoint(self.places(text)))
    }

    /// Where known values stand as words of their own.
    fn places(&self, text: &str) -> Vec<Span> {
        let found = self.0.iter().flat_map(|value| {
            let found = text.match_indices(value.as_str());
            found.map(|(at, value)| Span::new(at, at + value.len()))
        });
        found.filter(|span| is_apart(text, *span)).collect()
    }
}

/// Overlapping spans united, in order.
pub fn disjoint(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut united: Vec<Span> = Vec::new();
    for span in spans {
        match united.last_mut().filter(|last| span.start < last.end) {
            Some(last) => last.end = last.end.max(span.end),
            None => united.push(span),
        }
    }
    united
}

/// Whether a value is worth hiding where its key is not beside it. A short plain word or number is
/// hidden at its key alone: `postgres` and `1234` stand in every log, and tell nobody anything.
fn is_telling(value: &str) -> bool {
    let is_plain = value.chars().all(char::is_alphabetic) || value.chars().all(char::is_numeric);
    value.chars().count() >= if is_plain { 9 } else { 4 }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "._@+-".contains(c))
}

/// Whether a span neither begins nor ends within a word.
fn is_apart(text: &str, span: Span) -> bool {
    let cut = |left: Option<char>, right: Option<char>| {
        left.is_some_and(char::is_alphanumeric) && right.is_some_and(char::is_alphanumeric)
    };
    let (before, rest) = text.split_at_checked(span.start).unwrap_or(("", text));
    let (value, after) = rest.split_at_checked(span.end - span.start).unwrap_or((rest, ""));
    !cut(before.chars().last(), value.chars().next())
        && !cut(value.chars().last(), after.chars().next())
}

#[cfg(test)]
mod tests;
