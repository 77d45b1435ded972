//! Regular expressions for names of topics, as Java matches them.
//!
//! Source: `java.util.regex.Pattern`. Seen on Kafka 4.3.1 (scenario
//! `names/a-predicate-of-topics`).

use regex::Regex;

/// A regular expression that holds for a whole name or not at all.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl Pattern {
    /// Reads it; what cannot be read here is told in a sentence.
    pub fn of(regex: &str) -> Result<Self, String> {
        let whole = Regex::new(&format!(r"\A(?:{regex})\z"));
        whole.map(Self).map_err(|_| {
            format!(
                "the regular expression `{regex}` cannot be read here; look-around and back \
                 references are not known"
            )
        })
    }

    /// Whether it holds for a name.
    pub fn holds(&self, name: &str) -> bool {
        self.0.is_match(name)
    }

    /// The expression itself.
    pub fn regex(&self) -> &Regex {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a|b", "b", true)]
    #[case("a|b", "ab", false)]
    #[case("a.*", "ba", false)]
    #[case("", "", true)]
    #[case("", "a", false)]
    fn it_holds_for_whole_names(#[case] regex: &str, #[case] name: &str, #[case] expected: bool) {
        assert_eq!(Pattern::of(regex).unwrap().holds(name), expected);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        assert!(Pattern::of("(?<!a)b").unwrap_err().contains("look-around"));
    }
}
