//! What is wrong with files, shown in the files: line, column, caret, and what to do.

use std::collections::{BTreeMap, BTreeSet};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use camino::Utf8Path;

use super::plural;
use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::secret::masked;
use crate::base::text::Span;

/// Whether colours are wanted. The text is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Text alone.
    Plain,
    /// With terminal colours.
    Styled,
}

/// All of them, one below the other; `source` gives a file's text, if it was read.
pub fn render<'a>(
    diagnostics: &'a [Diagnostic],
    source: impl Fn(&Utf8Path) -> Option<&'a str>,
    paint: Paint,
) -> String {
    let renderer = match paint {
        Paint::Plain => Renderer::plain(),
        Paint::Styled => Renderer::styled(),
    };
    // A line is quoted with its secrets overwritten, so that the caret stays where it belongs.
    let files: BTreeSet<_> = diagnostics.iter().map(Diagnostic::file).collect();
    let masked = files.into_iter().filter_map(|file| Some((file, masked(source(file)?))));
    let masked: BTreeMap<_, _> = masked.collect();
    let mut text = String::new();
    for diagnostic in diagnostics {
        let groups = groups(diagnostic, masked.get(diagnostic.file()).map(AsRef::as_ref));
        text.push_str(&renderer.render(&groups));
        text.push_str("\n\n");
    }
    text.push_str(&count(diagnostics));
    text
}

/// `2 errors, 1 warning in 1 file`.
pub fn count(diagnostics: &[Diagnostic]) -> String {
    let of = |severity| diagnostics.iter().filter(|one| one.severity == severity).count();
    let files: BTreeSet<_> = diagnostics.iter().map(Diagnostic::file).collect();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(plural(errors, "error"));
    }
    if warnings > 0 {
        parts.push(plural(warnings, "warning"));
    }
    if parts.is_empty() {
        return "no errors".to_owned();
    }
    format!("{} in {}", parts.join(", "), plural(files.len(), "file"))
}

fn groups<'a>(diagnostic: &'a Diagnostic, source: Option<&'a str>) -> Vec<Group<'a>> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.as_str());
    let place = &diagnostic.place;
    let group = if let Some(source) = source {
        let span = within(source, diagnostic.span);
        let mut mark = AnnotationKind::Primary.span(span.start..span.end);
        if !diagnostic.label.is_empty() {
            mark = mark.label(diagnostic.label.as_str());
        }
        let first = diagnostic.earlier.as_ref().map(|earlier| {
            let span = within(source, earlier.span);
            AnnotationKind::Context.span(span.start..span.end).label("first here")
        });
        let snippet = Snippet::source(source).path(place.file.as_str()).annotation(mark);
        title.element(snippet.annotations(first))
    } else {
        let origin = Origin::path(place.file.as_str());
        title.element(origin.line(place.line).char_column(place.column))
    };
    let help = diagnostic.help.as_ref();
    let help = help.map(|help| Group::with_title(Level::HELP.secondary_title(help.as_str())));
    std::iter::once(group).chain(help).collect()
}

/// The span cut down to the text and to whole characters: a file may have changed since it was
/// read, and a report must not fail over that.
fn within(source: &str, span: Span) -> Span {
    let floor = |byte: usize| {
        let byte = byte.min(source.len());
        (0..=byte).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0)
    };
    let start = floor(span.start);
    Span::new(start, floor(span.end).max(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::text::Place;

    fn unknown_key(span: Span) -> Diagnostic {
        Diagnostic {
            code: "E0102".to_owned(),
            severity: Severity::Error,
            message: "unknown key `timline`".to_owned(),
            place: Place { file: "a.yaml".into(), line: 2, column: 1 },
            span,
            label: "not a key of a scenario".to_owned(),
            earlier: None,
            help: Some("did you mean `timeline`?".to_owned()),
        }
    }

    #[test]
    fn an_error_is_shown_in_its_file() {
        let diagnostics = [unknown_key(Span::new(13, 20))];
        let text = render(&diagnostics, |_| Some("scenario: v1\ntimline: []\n"), Paint::Plain);
        insta::assert_snapshot!(text);
        let styled = render(&diagnostics, |_| Some("scenario: v1\ntimline: []\n"), Paint::Styled);
        assert_eq!(anstream::adapter::strip_str(&styled).to_string(), text);
    }

    #[test]
    fn a_quoted_line_shows_no_secret() {
        let source = "pasword: x\ndatabase.password: hunter2, x\n";
        let text = render(&[unknown_key(Span::new(11, 28))], |_| Some(source), Paint::Plain);
        assert!(text.contains("2 | database.password: **********\n"), "{text}");
    }

    #[test]
    fn a_span_outside_of_the_text_or_inside_a_character_is_cut() {
        for (source, span) in
            [("é", Span::new(1, 9)), ("", Span::new(3, 4)), ("ab", Span::new(2, 1))]
        {
            let diagnostics = [unknown_key(span)];
            let text = render(&diagnostics, |_| Some(source), Paint::Plain);
            assert!(text.contains("unknown key"), "{text}");
        }
    }

    #[test]
    fn an_error_in_a_file_that_was_not_read_names_its_place() {
        let diagnostics = [unknown_key(Span::new(0, 0))];
        insta::assert_snapshot!(render(&diagnostics, |_| None, Paint::Plain));
    }
}
