//! Collecting everything that is wrong, instead of stopping at the first.

use super::code::Code;
use crate::base::diagnostic::{Diagnostic, Earlier, Severity};
use crate::base::text::{Place, Span, Text};

/// A place in a file in both ways of counting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At {
    /// As people count.
    pub place: Place,
    /// In bytes of the file.
    pub span: Span,
}

impl At {
    /// A part of a text.
    pub(crate) fn of(text: &Text, span: Span) -> Self {
        Self { place: text.place(span.start), span: text.in_file(span) }
    }

    /// The first line of a text.
    pub(crate) fn start_of(text: &Text) -> Self {
        let line = text.value.lines().next().unwrap_or("");
        Self::of(text, Span::new(0, line.trim_end().len().max(1).min(text.value.len())))
    }
}

/// The diagnostics of a scenario and of the files it names, in the order they were found.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Adds an error; label and help may follow.
    pub(crate) fn error(&mut self, code: Code, at: &At, message: impl Into<String>) -> Detail<'_> {
        self.0.push(Diagnostic {
            code: code.name().to_owned(),
            severity: Severity::Error,
            message: message.into(),
            place: at.place.clone(),
            span: at.span,
            label: String::new(),
            earlier: None,
            help: None,
        });
        Detail(self.0.last_mut())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them by file and place, each once.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.0.sort_by(|a, b| {
            (&a.place, a.span, &a.code, &a.message).cmp(&(&b.place, b.span, &b.code, &b.message))
        });
        self.0.dedup();
        self.0
    }
}

/// The diagnostic just added.
pub(crate) struct Detail<'a>(Option<&'a mut Diagnostic>);

impl Detail<'_> {
    /// A few words at the caret.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        if let Some(diagnostic) = self.0.as_mut() {
            diagnostic.label = label.into();
        }
        self
    }

    /// The place in the same file where it stood first.
    pub(crate) fn earlier(mut self, at: &At) -> Self {
        if let Some(diagnostic) = self.0.as_mut() {
            diagnostic.earlier = Some(Earlier { place: at.place.clone(), span: at.span });
        }
        self
    }

    /// What to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        if let Some(diagnostic) = self.0.as_mut() {
            diagnostic.help = Some(help.into());
        }
        self
    }
}
