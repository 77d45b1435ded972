//! What is wrong with a file, as data: the rendering belongs to `report` and `cli`.

use std::fmt;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::secret::Secrets;
use super::text::{Place, Span};

/// Whether the file can be used all the same.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is used; the author should know.
    Warning,
}

/// One thing wrong in one file.
///
/// The sentence says what happened and what was expected; the help says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Diagnostic {
    /// A stable code such as `E0102`; `changeproof explain CODE` tells more.
    pub code: String,
    /// Error or warning.
    pub severity: Severity,
    /// One sentence, lower case at its start, without a full stop.
    pub message: String,
    /// The file, and the place in it as people count.
    pub place: Place,
    /// The bytes of the file that are underlined.
    pub span: Span,
    /// A few words at the caret; may be empty.
    pub label: String,
    /// The earlier place in the same file that says the same or the opposite, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Earlier>,
    /// What to do: the nearest allowed word, the allowed list, the mending command.
    pub help: Option<String>,
}

/// A place that a diagnostic points at besides its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Earlier {
    /// The place as people count.
    pub place: Place,
    /// The bytes of the file that are underlined.
    pub span: Span,
}

impl Diagnostic {
    /// The file this is about.
    pub fn file(&self) -> &Utf8PathBuf {
        &self.place.file
    }

    /// Hides secrets in what it says.
    pub fn hide(&mut self, secrets: &Secrets) {
        let help = self.help.as_mut();
        for text in [&mut self.message, &mut self.label].into_iter().chain(help) {
            *text = secrets.hidden(text).into_owned();
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.place, self.message, self.code)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}
