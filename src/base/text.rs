//! Text that remembers where in which file it stood, so that an error in it can be shown there.

use std::fmt;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

/// A half-open range of bytes.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// The range from `start` up to `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The same range in a text in which this one's begins at byte `by`.
    #[must_use]
    pub fn shifted(self, by: usize) -> Self {
        Self { start: self.start + by, end: self.end + by }
    }
}

/// A place in a file as people count: both from 1, the column in characters.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Place {
    /// The file as it was named.
    #[schemars(with = "String")]
    pub file: Utf8PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A piece of text taken from a file, with the place of each of its pieces.
///
/// A block scalar of YAML loses its indentation when it is read, so one offset is not enough: the
/// text keeps one anchor per line (or per run without a break in the mapping).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The text itself.
    pub value: String,
    /// The file it came from.
    pub file: Utf8PathBuf,
    /// Ascending by `at`; the first has `at` 0. Never empty.
    pub anchors: Vec<Anchor>,
}

/// "From byte `at` of the text on, it stands at `line`, `column` (of the first such byte) and byte
/// `offset` of the file."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Byte in the text.
    pub at: usize,
    /// Byte in the file.
    pub offset: usize,
    /// Line in the file, from 1.
    pub line: usize,
    /// Column in the file in characters, from 1.
    pub column: usize,
}

impl Text {
    /// A text that is a whole file.
    pub fn whole(file: Utf8PathBuf, value: String) -> Self {
        let mut anchors = vec![Anchor { at: 0, offset: 0, line: 1, column: 1 }];
        for (n, (at, _)) in value.match_indices('\n').enumerate() {
            anchors.push(Anchor { at: at + 1, offset: at + 1, line: n + 2, column: 1 });
        }
        Self { value, file, anchors }
    }

    fn anchor(&self, byte: usize) -> Anchor {
        let index = self.anchors.partition_point(|anchor| anchor.at <= byte);
        self.anchors.get(index.saturating_sub(1)).copied().unwrap_or(Anchor {
            at: 0,
            offset: 0,
            line: 1,
            column: 1,
        })
    }

    /// Where byte `byte` of this text stands in its file.
    pub fn place(&self, byte: usize) -> Place {
        let anchor = self.anchor(byte);
        let upto = self.value.get(anchor.at..byte.min(self.value.len())).unwrap_or("");
        Place {
            file: self.file.clone(),
            line: anchor.line,
            column: anchor.column + upto.chars().count(),
        }
    }

    /// The range of the file that holds `span` of this text.
    pub fn in_file(&self, span: Span) -> Span {
        let map = |byte| {
            let anchor = self.anchor(byte);
            anchor.offset + (byte - anchor.at)
        };
        let start = map(span.start);
        // The end is mapped through its last byte, so that it does not slip to the next line.
        let end = if span.end > span.start { map(span.end - 1) + 1 } else { start };
        Span::new(start, end)
    }

    /// The part of this text in `span`, with its places.
    #[must_use]
    pub fn slice(&self, span: Span) -> Self {
        let value = self.value.get(span.start..span.end).unwrap_or("").to_owned();
        let first = self.anchor(span.start);
        let skipped = self.value.get(first.at..span.start).unwrap_or("").chars().count();
        let mut anchors = vec![Anchor {
            at: 0,
            offset: first.offset + (span.start - first.at),
            line: first.line,
            column: first.column + skipped,
        }];
        // They ascend: a long text is cut into many pieces, and must not be gone through for each.
        let from = self.anchors.partition_point(|anchor| anchor.at <= span.start);
        let upto = self.anchors.partition_point(|anchor| anchor.at < span.end);
        let inner = self.anchors.get(from..upto).unwrap_or_default();
        anchors.extend(inner.iter().map(|anchor| Anchor { at: anchor.at - span.start, ..*anchor }));
        Self { value, file: self.file.clone(), anchors }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_in_the_file_and_in_a_slice() {
        let text = Text::whole("a.sql".into(), "SELECT 1;\nSELÉCT 2;\n".to_owned());
        assert_eq!(text.place(0).to_string(), "a.sql:1:1");
        assert_eq!(text.place(10).to_string(), "a.sql:2:1");
        let slice = text.slice(Span::new(17, 21));
        assert_eq!(slice.value, " 2;\n");
        assert_eq!(slice.place(1).to_string(), "a.sql:2:8");
        assert_eq!(slice.in_file(Span::new(1, 2)), Span::new(18, 19));
    }
}
