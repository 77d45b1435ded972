//! The language reference: the prose of `docs/language.md` with its tables made from the words that
//! the parser knows.
//!
//! A table stands between `<!-- words: of -->` and `<!-- end -->`, where `of` is what has the words.

use super::words::{self, Words};

/// The page as it was when this program was built.
const PAGE: &str = include_str!("../../docs/language.md");

/// The page with every table made anew.
pub fn page() -> String {
    made(PAGE, words::ALL)
}

/// A page with every table made anew, of these words.
pub(super) fn made(page: &str, all: &[Words]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut in_table = false;
    for line in page.lines() {
        if line == "<!-- end -->" {
            in_table = false;
        }
        if !in_table {
            lines.push(line.to_owned());
        }
        if let Some(words) = marked(line, all) {
            in_table = true;
            lines.push(table(words));
        }
    }
    lines.join("\n") + "\n"
}

/// The words whose table begins at this line.
fn marked(line: &str, all: &[Words]) -> Option<Words> {
    let of = line.strip_prefix("<!-- words: ")?.strip_suffix(" -->")?;
    all.iter().copied().find(|words| words.of == of)
}

fn table(words: Words) -> String {
    let with_types = words.rows.iter().any(|word| word.takes.is_some());
    let mut lines = if with_types {
        vec!["| key | value | meaning |".to_owned(), "|---|---|---|".to_owned()]
    } else {
        vec!["| word | meaning |".to_owned(), "|---|---|".to_owned()]
    };
    for word in words.rows {
        let must = if word.is_required { ", required" } else { "" };
        let takes =
            word.takes.map(|takes| format!("{}{must} | ", takes.name().replace('|', "\\|")));
        let meaning = word.meaning.replace('|', "\\|");
        lines.push(format!("| `{}` | {}{meaning} |", word.name, takes.unwrap_or_default()));
    }
    if !words.later.is_empty() {
        let later: Vec<String> = words.later.iter().map(|word| format!("`{word}`")).collect();
        lines.push(format!("\nNot built yet, and refused by name: {}.", later.join(", ")));
    }
    for refused in words.refused {
        lines.push(format!("\nRefused: `{}`: {}; {}.", refused.name, refused.why, refused.instead));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::base::anomaly::Anomaly;
    use crate::scenario::schema;

    #[test]
    fn the_published_reference_is_current() {
        assert!(page() == PAGE, "write it anew: ci/generate");
    }

    /// `true` and `false` need no table, and the modifiers' list is for suggestions alone.
    fn is_told(words: Words) -> bool {
        !words.rows.is_empty() && words != words::BOOL && words != words::MODIFIERS
    }

    #[test]
    fn every_table_of_words_stands_in_the_reference_once() {
        for words in words::ALL.iter().filter(|words| is_told(**words)) {
            let n = PAGE.lines().filter(|line| marked(line, words::ALL) == Some(*words)).count();
            assert_eq!(n, 1, "<!-- words: {} -->", words.of);
        }
    }

    fn keys(schema: &Value, found: &mut BTreeSet<String>) {
        match schema {
            Value::Object(map) => {
                let named = map.get("properties").and_then(Value::as_object);
                found.extend(named.into_iter().flat_map(|named| named.keys().cloned()));
                map.values().for_each(|value| keys(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn the_reference_lists_exactly_the_keys_of_the_schemas() {
        let mut in_schema = BTreeSet::new();
        for text in [schema::scenario(), schema::pipeline(), schema::project()] {
            keys(&serde_json::from_str(&text).expect("it is JSON"), &mut in_schema);
        }
        in_schema.retain(|key| key.parse::<Anomaly>().is_err());
        let row = |line: &str| {
            let cells: Vec<&str> = line.split(" | ").collect();
            let [key, _, _, ..] = cells.as_slice() else { return None };
            Some(key.strip_prefix("| `")?.strip_suffix('`')?.to_owned())
        };
        let listed: BTreeSet<String> = PAGE.lines().filter_map(row).collect();
        assert_eq!(listed, in_schema);
    }
}
