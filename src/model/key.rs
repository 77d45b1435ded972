//! Keys in one form at every hop, so that a key is the same key wherever it is seen.

use std::fmt;

use crate::base::value::Value;
use crate::codec::value::canonical;

/// The values of a key's columns in key order, each as its one text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Key(Vec<Option<String>>);

impl Key {
    /// A key of these values.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a Value>) -> Self {
        Self(values.into_iter().map(canonical).collect())
    }

    /// A key of texts in their one form.
    pub fn of_texts(texts: Vec<Option<String>>) -> Self {
        Self(texts)
    }

    /// The columns' texts; `None` for NULL.
    pub fn parts(&self) -> &[Option<String>] {
        &self.0
    }
}

impl fmt::Display for Key {
    /// As `expect` writes it: joined by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, part) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma}{}", part.as_deref().unwrap_or("NULL"))?;
        }
        Ok(())
    }
}
