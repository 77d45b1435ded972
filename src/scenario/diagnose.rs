//! Collecting everything that is wrong, instead of stopping at the first.

use super::code::Code;
use crate::base::diagnostic::{Diagnostic, Earlier, Severity};
use crate::base::limits::{self, exceeds, grouped};
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
pub(crate) struct Diagnostics {
    kept: Vec<Diagnostic>,
    /// How many were found.
    found: usize,
}

impl Diagnostics {
    /// Adds an error; label and help may follow. Of very many only the first are kept.
    pub(crate) fn error(&mut self, code: Code, at: &At, message: impl Into<String>) -> Detail<'_> {
        self.found += 1;
        if exceeds(self.found, limits::ERRORS) {
            return Detail(None);
        }
        self.kept.push(Diagnostic {
            code: code.name().to_owned(),
            severity: Severity::Error,
            message: message.into(),
            place: at.place.clone(),
            span: at.span,
            label: String::new(),
            earlier: None,
            help: None,
        });
        Detail(self.kept.last_mut())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.found
    }

    /// All of them by file and place, each once; of those that were not kept, how many.
    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        let Self { mut kept, found } = self;
        let further = found - kept.len();
        kept.sort_by(|a, b| {
            (&a.place, a.span, &a.code, &a.message).cmp(&(&b.place, b.span, &b.code, &b.message))
        });
        kept.dedup();
        if let Some(last) = kept.last().filter(|_| further > 0) {
            let errors = if further == 1 { "error is" } else { "errors are" };
            let message = format!(
                "{} more {errors} not shown",
                grouped(u64::try_from(further).unwrap_or(u64::MAX))
            );
            kept.push(Diagnostic {
                code: Code::TooMuch.name().to_owned(),
                message,
                label: String::new(),
                earlier: None,
                help: Some("mend those above; most of the others may go with them".to_owned()),
                ..last.clone()
            });
        }
        kept
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_errors_the_first_are_told_and_the_rest_counted() {
        let text = Text::whole("a.yaml".into(), "x".to_owned());
        let at = At::of(&text, Span::new(0, 1));
        let told = |n: usize| {
            let mut diagnostics = Diagnostics::default();
            for n in 0..n {
                diagnostics.error(Code::UnknownKey, &at, format!("{n:04}")).help("no");
            }
            diagnostics.finish()
        };
        assert_eq!(told(100).len(), 100);
        let many = told(1_234);
        assert_eq!(many.len(), 101);
        assert_eq!(many.last().unwrap().message, "1,134 more errors are not shown");
    }
}
