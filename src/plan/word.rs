//! A word of the command line, and what it names: ids, folders of ids, labels, or a pattern of any.

use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

use crate::scenario::trial::Trial;

/// An id (`order/a-late-row`), its first folders (`order`), a label, or a pattern in which `*` is any
/// text and `?` any one character.
#[derive(Debug, Clone)]
pub struct Word {
    text: String,
    pattern: Option<GlobMatcher>,
}

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pattern = text.contains(['*', '?']).then(|| pattern(text)).transpose()?;
        Ok(Self { text: text.to_owned(), pattern })
    }
}

impl Word {
    /// Whether it names an id: the id, its first folders, or a pattern that fits.
    pub fn is_id(&self, id: &str) -> bool {
        match &self.pattern {
            Some(pattern) => pattern.is_match(id),
            None => {
                let folder = self.text.trim_end_matches('/');
                id == self.text || id.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
            }
        }
    }

    /// Whether it names a label of `covers`.
    pub fn is_label(&self, label: &str) -> bool {
        self.pattern.as_ref().map_or(label == self.text, |pattern| pattern.is_match(label))
    }

    /// Whether it names a trial: by id, label, or the whole name with the cell.
    pub fn is_trial(&self, trial: &Trial) -> bool {
        self.is_id(&trial.id)
            || self.is_label(&trial.name())
            || trial.covers.iter().any(|label| self.is_label(label))
    }
}

/// Cells stand in brackets, so that no bracket of a pattern has a meaning.
fn pattern(text: &str) -> Result<GlobMatcher, String> {
    let plain = |char: char| match char {
        '[' | ']' | '{' | '}' => format!("[{char}]"),
        char => char.to_string(),
    };
    let escaped: String = text.chars().map(plain).collect();
    let glob = GlobBuilder::new(&escaped).literal_separator(false).backslash_escape(false).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| format!("`{text}`: {error}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("order/late", "order/late", true)]
    #[case("order", "order/late", true)]
    #[case("order/", "order/late", true)]
    #[case("ord", "order/late", false)]
    #[case("order/lat", "order/late", false)]
    #[case("*late*", "order/a-late-row", true)]
    #[case("order/*", "order/deep/late", true)]
    #[case("order/?ate", "order/late", true)]
    #[case("late*", "order/late", false)]
    #[case("*[partitions=3]", "order/late [partitions=3]", true)]
    #[case("*[partitions=3]", "order/late p", false)]
    #[case("**", "order/late", true)]
    #[case("*{a,b}", "x{a,b}", true)]
    fn a_word_names_ids(#[case] word: &str, #[case] id: &str, #[case] expected: bool) {
        assert_eq!(word.parse::<Word>().unwrap().is_id(id), expected);
    }

    #[rstest]
    #[case("SNK-05", true)]
    #[case("SNK-*", true)]
    #[case("SNK", false)]
    fn a_word_names_labels(#[case] word: &str, #[case] expected: bool) {
        assert_eq!(word.parse::<Word>().unwrap().is_label("SNK-05"), expected);
    }
}
