//! How what runs differs from what the author wrote: key by key, theirs, ours, and why.
//!
//! A run touches nothing that it did not make, and makes nothing right in silence. So whatever is
//! replaced, left out or added on the way from the author's files to what is submitted is a
//! [`Difference`], and every report lists them all.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::secret::{Secrets, redacted_value};
use super::text::Place;

/// One option, name or clause that is submitted otherwise than the author's files have it.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
// A finding has differences too, and a published schema needs two names.
#[schemars(rename = "FileDifference")]
pub struct Difference {
    /// What it is about: `connector`, ``table `orders` ``, `source`, ``topic `cdc.public.orders` ``.
    pub part: String,
    /// The option, or the words of a statement that are concerned (`OWNER TO app`).
    pub key: String,
    /// What the author's file says; `None` if it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theirs: Option<String>,
    /// What is submitted; `None` if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<String>,
    /// Why: one clause, lower case, without a full stop.
    pub why: String,
    /// Where it stands in the author's files, if it stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Place>,
}

impl Difference {
    /// A difference of a key that stands at no known place; see [`Self::at`].
    pub fn new(part: impl Into<String>, key: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            part: part.into(),
            key: key.into(),
            theirs: None,
            ours: None,
            why: why.into(),
            at: None,
        }
    }

    /// The same with what the author's file says.
    #[must_use]
    pub fn theirs(mut self, value: impl Into<String>) -> Self {
        self.theirs = Some(value.into());
        self
    }

    /// The same with what is submitted instead.
    #[must_use]
    pub fn ours(mut self, value: impl Into<String>) -> Self {
        self.ours = Some(value.into());
        self
    }

    /// What becomes of it: `` `tasks.max`: 4 → 1 ``.
    pub fn change(&self) -> String {
        let key = &self.key;
        match (&self.theirs, &self.ours) {
            (Some(theirs), Some(ours)) => format!("`{key}`: {theirs} → {ours}"),
            (Some(theirs), None) => format!("`{key}`: {theirs} is left out"),
            (None, Some(ours)) => format!("`{key}`: {ours} is added"),
            (None, None) => format!("`{key}` is not as written"),
        }
    }

    /// The same without secrets.
    #[must_use]
    pub fn hidden(mut self, secrets: &Secrets) -> Self {
        for value in [&mut self.theirs, &mut self.ours].into_iter().flatten() {
            let redacted = redacted_value(&self.key, value);
            *value = secrets.known_hidden(&redacted).into_owned();
        }
        self.key = secrets.hidden(&self.key).into_owned();
        self
    }

    /// The same with its place in the author's files.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.at = Some(place);
        self
    }
}

impl fmt::Display for Difference {
    /// ``connector: `tasks.max`: 4 → 1 (the connector has one task)``
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.part, self.change(), self.why)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn difference() -> Difference {
        Difference::new("connector", "tasks.max", "the connector has one task")
    }

    #[rstest]
    #[case(difference().theirs("4").ours("1"), "connector: `tasks.max`: 4 → 1 (the connector has one task)")]
    #[case(difference().theirs("4"), "connector: `tasks.max`: 4 is left out (the connector has one task)")]
    #[case(difference().ours("1"), "connector: `tasks.max`: 1 is added (the connector has one task)")]
    fn a_difference_reads_as_a_sentence(#[case] difference: Difference, #[case] text: &str) {
        assert_eq!(difference.to_string(), text);
    }
}
