//! Reading maps, lists and single values of a given type, with what is wrong with each.

use super::Reader;
use crate::base::limits::{self, grouped};
use crate::scenario::code::Code;
use crate::scenario::diagnose::At;
use crate::scenario::words::{Words, listed, nearest, suggestion};
use crate::scenario::yaml::{Key, Node, Scalar, Value};

/// The known keys of a map.
pub(super) struct Fields<'n> {
    /// Where the map stands.
    pub at: At,
    /// What it is, for sentences.
    pub of: &'static str,
    entries: Vec<&'n (Key, Node)>,
    /// The keys that mistyped ones stand for: they are not missing, and were spoken of already.
    meant: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|(_, node)| node)
    }

    /// A key with its value.
    pub(super) fn entry(&self, key: &str) -> Option<&'n (Key, Node)> {
        self.entries.iter().copied().find(|(found, _)| found.name == key)
    }
}

impl Reader<'_> {
    pub(super) fn error(
        &mut self,
        code: Code,
        at: &At,
        message: impl Into<String>,
    ) -> crate::scenario::diagnose::Detail<'_> {
        self.diagnostics.error(code, at, message)
    }

    /// A map with these keys; others are errors, and so are keys without a value.
    pub(super) fn map<'n>(&mut self, node: &'n Node, words: Words) -> Option<Fields<'n>> {
        let entries = self.entries(node, words.of)?;
        let mut known = Vec::new();
        let mut meant = Vec::new();
        for entry in entries {
            let (key, value) = entry;
            if !self.allows(words, key) {
                meant.extend(nearest(&key.name, words.known.iter().copied()));
                continue;
            }
            if matches!(&value.value, Value::Scalar(scalar) if scalar.is_null()) {
                self.no_value(key);
                continue;
            }
            known.push(entry);
        }
        Some(Fields { at: node.at.clone(), of: words.of, entries: known, meant })
    }

    pub(super) fn no_value(&mut self, key: &Key) {
        let message = format!("`{}` has no value", key.name);
        self.error(Code::NoValue, &key.at, message).help("give it one, or leave the key out");
    }

    /// The entries of a map whose keys are not words of the language.
    pub(super) fn entries<'n>(&mut self, node: &'n Node, of: &str) -> Option<&'n [(Key, Node)]> {
        match &node.value {
            Value::Map(entries) => Some(entries),
            Value::List(_) | Value::Scalar(_) => {
                let message = format!("{of} is a map of keys, not {}", node.shape());
                let help = "write its keys on the lines below, indented: `key: value`";
                self.error(Code::WrongShape, &node.at, message).help(help);
                None
            }
        }
    }

    /// Whether the key is a word built here; if not, says so.
    pub(super) fn allows(&mut self, words: Words, key: &Key) -> bool {
        if words.known.contains(&key.name.as_str()) {
            return true;
        }
        if key.name == "<<" {
            // Refused already, as a merge key.
            return false;
        }
        if words.later.contains(&key.name.as_str()) {
            self.not_built(words, &key.at, &key.name);
        } else {
            let message = format!("unknown key `{}`", key.name);
            let help = suggestion(&key.name, words.known.iter().copied());
            let label = format!("no key of {}", words.of);
            self.error(Code::UnknownKey, &key.at, message).label(label).help(help);
        }
        false
    }

    pub(super) fn not_built(&mut self, words: Words, at: &At, word: &str) {
        let allowed = listed(words.known.iter().copied());
        let help = format!("it belongs to the language; this version knows only {allowed} here");
        self.error(Code::NotBuilt, at, format!("`{word}` is not built yet")).help(help);
    }

    /// A key that must be there.
    pub(super) fn required<'n>(
        &mut self,
        fields: &Fields<'n>,
        key: &str,
        help: &str,
    ) -> Option<&'n Node> {
        let found = fields.get(key);
        if found.is_none() && !fields.meant.contains(&key) {
            let message = format!("{} has no `{key}`", fields.of);
            self.error(Code::MissingKey, &fields.at, message).help(help);
        }
        found
    }

    /// A list.
    pub(super) fn list<'n>(&mut self, node: &'n Node, of: &str) -> Option<&'n [Node]> {
        match &node.value {
            Value::List(items) => Some(items),
            Value::Map(_) | Value::Scalar(_) => {
                let message = format!("{of} is a list, not {}", node.shape());
                self.error(Code::WrongShape, &node.at, message).help("begin each item with `- `");
                None
            }
        }
    }

    /// The items of a list, or the node itself.
    #[expect(clippy::unused_self, reason = "reads like its siblings")]
    pub(super) fn one_or_list<'n>(&self, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::List(items) => items,
            Value::Map(_) | Value::Scalar(_) => std::slice::from_ref(node),
        }
    }

    /// A single value that is not null.
    pub(super) fn scalar<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n Scalar> {
        match &node.value {
            Value::Scalar(scalar) if scalar.is_null() => {
                let message = format!("{what} is expected, not nothing");
                self.error(Code::NoValue, &node.at, message)
                    .help("give it, or leave out the key or item it belongs to");
                None
            }
            Value::Scalar(scalar) => Some(scalar),
            Value::List(_) | Value::Map(_) => {
                let message = format!("{what} is expected, not {}", node.shape());
                let help = match (&node.value, node.is_flow) {
                    (_, true) => "write a single value; one that begins with `[` or `{` is quoted",
                    (Value::List(_), false) => "write a single value, without `- `",
                    (Value::Map(_) | Value::Scalar(_), false) => {
                        "write a single value; one with `: ` in it is quoted, or written as a block (`|`)"
                    }
                };
                self.error(Code::WrongShape, &node.at, message).help(help);
                None
            }
        }
    }

    /// A single value as text, without the white space around it; not empty.
    pub(super) fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.scalar(node, what)?.text.value.trim();
        if text.is_empty() {
            let message = format!("{what} is expected, not an empty text");
            self.error(Code::BadValue, &node.at, message)
                .help("give it, or leave out the key or item it belongs to");
            return None;
        }
        Some(text.to_owned())
    }

    /// One of these words.
    pub(super) fn word(&mut self, node: &Node, words: Words) -> Option<&'static str> {
        let text = self.text(node, words.of)?;
        if let Some(known) = words.known.iter().find(|known| **known == text) {
            return Some(known);
        }
        let refused = words.refused.iter().find(|refused| refused.name == text);
        if words.later.contains(&text.as_str()) {
            self.not_built(words, &node.at, &text);
        } else if let Some(refused) = refused {
            let message = format!("{} cannot be `{text}`: {}", words.of, refused.why);
            self.error(Code::UnknownWord, &node.at, message).help(refused.instead);
        } else {
            let message = format!("`{text}` is no word for {}", words.of);
            let help = suggestion(&text, words.known.iter().copied());
            self.error(Code::UnknownWord, &node.at, message).help(help);
        }
        None
    }

    /// A whole number from 1 up to `most`.
    pub(super) fn count(&mut self, node: &Node, what: &str, most: u64) -> Option<u32> {
        let text = self.text(node, what)?;
        let is_number = !text.is_empty() && text.chars().all(|digit| digit.is_ascii_digit());
        let help = format!("write a whole number from 1 to {}", grouped(most));
        if !is_number || text.chars().all(|digit| digit == '0') {
            let message = format!("`{text}` is not {what}");
            self.error(Code::BadValue, &node.at, message).help(help);
            return None;
        }
        let number = text.parse::<u32>().ok().filter(|number| u64::from(*number) <= most);
        if number.is_none() {
            let message = format!("`{text}` is more than changeproof takes here");
            self.error(Code::TooMuch, &node.at, message).help(help);
        }
        number
    }

    /// A duration in milliseconds.
    pub(super) fn duration(&mut self, node: &Node) -> Option<u64> {
        let text = self.text(node, "a duration")?;
        let Some(ms) = duration_ms(&text) else {
            let message = format!("`{text}` is not a duration");
            let help = "write a number and its unit: `500ms`, `5s`, `2m`, `1h`";
            self.error(Code::BadValue, &node.at, message).help(help);
            return None;
        };
        if ms > limits::DURATION_MS {
            let message = format!("`{text}` is longer than a day");
            self.error(Code::TooMuch, &node.at, message).help("write at most `24h`");
            return None;
        }
        Some(ms)
    }
}

/// `500ms 5s 2m 1h` in milliseconds.
fn duration_ms(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ms)
}

#[cfg(test)]
mod tests {
    use super::duration_ms;

    #[test]
    fn durations() {
        let read = ["500ms", "5s", "2m", "1h"].map(duration_ms);
        assert_eq!(read, [Some(500), Some(5_000), Some(120_000), Some(3_600_000)]);
        let wrong = ["5", "s", "5 s", "-1s", "1d", "", "99999999999999999999h"].map(duration_ms);
        assert_eq!(wrong, [None; 7]);
    }
}
