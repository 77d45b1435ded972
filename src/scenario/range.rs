//! Ranges of versions: `from V`, `below V`, `from V below W`.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The versions from one on and below another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The first that is in it.
    pub from: Option<String>,
    /// The first behind it.
    pub below: Option<String>,
}

/// Components and the versions they must have.
pub type Ranges = BTreeMap<String, Range>;

impl Range {
    /// Reads a range; `None` if the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let version = |text: &&str| {
            text.starts_with(|c: char| c.is_ascii_digit()).then(|| (*text).to_owned())
        };
        let (from, below) = match words.as_slice() {
            ["from", from] => (Some(version(from)?), None),
            ["below", below] => (None, Some(version(below)?)),
            ["from", from, "below", below] => (Some(version(from)?), Some(version(below)?)),
            _ => return None,
        };
        Some(Self { from, below })
    }

    /// Whether a version lies in it.
    pub fn holds(&self, version: &str) -> bool {
        let from = self.from.as_ref().is_none_or(|from| order(version, from).is_ge());
        let below = self.below.as_ref().is_none_or(|below| order(version, below).is_lt());
        from && below
    }

    /// Whether a version can lie in both.
    pub fn meets(&self, other: &Self) -> bool {
        let apart = |a: &Self, b: &Self| match (&a.below, &b.from) {
            (Some(below), Some(from)) => order(from, below).is_ge(),
            _ => false,
        };
        !apart(self, other) && !apart(other, self)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.from.iter().map(|version| format!("from {version}"));
        let below = self.below.iter().map(|version| format!("below {version}"));
        f.write_str(&from.chain(below).collect::<Vec<_>>().join(" "))
    }
}

/// Versions are ordered by their numbers; words (`Final`) count for nothing.
pub fn order(a: &str, b: &str) -> Ordering {
    let numbers = |text: &str| -> Vec<u64> {
        text.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
    };
    let (mut a, mut b) = (numbers(a), numbers(b));
    let length = a.len().max(b.len());
    a.resize(length, 0);
    b.resize(length, 0);
    a.cmp(&b)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("from 2.2", "2.2.0", true)]
    #[case("from 2.2", "2.10", true)]
    #[case("from 2.2", "2.1.9", false)]
    #[case("below 3", "2.99", true)]
    #[case("below 3", "3.0.0.Final", false)]
    #[case("from 3.6 below 4", "3.6.3.Final", true)]
    fn versions_are_ordered_by_their_numbers(
        #[case] range: &str,
        #[case] version: &str,
        #[case] expected: bool,
    ) {
        let range = Range::parse(range).unwrap();
        assert_eq!(range.holds(version), expected);
        assert_eq!(Range::parse(&range.to_string()), Some(range));
    }

    #[test]
    fn ranges_that_part_the_versions_do_not_meet() {
        let range = |text: &str| Range::parse(text).unwrap();
        assert!(!range("below 2").meets(&range("from 2")));
        assert!(range("below 2").meets(&range("from 1.9")));
        assert_eq!(
            ["2.2", "since 2", "from", "from x"].map(Range::parse),
            [None, None, None, None]
        );
    }
}
