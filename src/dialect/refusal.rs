//! Why something cannot be translated, and what comes nearest.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::text::{Span, Text};
use crate::scenario::code::Code;

/// A refusal, before it is known in which text it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    message: String,
    help: String,
    span: Option<Span>,
}

impl Refusal {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), span: None }
    }

    /// At these bytes of the statement.
    pub(super) fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// In this statement; at its first line if no place in it is known.
    pub(super) fn in_text(self, text: &Text) -> Diagnostic {
        let span = self.span.unwrap_or_else(|| {
            let line = text.value.lines().next().unwrap_or("").trim_end().len();
            Span::new(0, line.max(1).min(text.value.len()))
        });
        Diagnostic {
            code: Code::Dialect.name().to_owned(),
            severity: Severity::Error,
            message: self.message,
            place: text.place(span.start),
            span: text.in_file(span),
            label: String::new(),
            earlier: None,
            help: Some(self.help),
        }
    }
}
