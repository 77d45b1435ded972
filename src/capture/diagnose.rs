//! What only Postgres can find wrong with a scenario, as diagnostics that point into its file.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::text::{Span, Text};
use crate::client::postgres::PostgresError;
use crate::scenario::code::Code;
use crate::scenario::timeline::Entry;

/// Postgres refused a statement that no `error:` announces.
pub const REFUSED: &str = Code::Refused.name();
/// A statement passed although it should have been refused, or was refused with another error.
pub const OTHER_ERROR: &str = Code::OtherError.name();
/// A wait that was announced did not come, or one came that was not announced.
pub const OTHER_WAIT: &str = Code::OtherWait.name();
/// An entry did not end within its limit.
pub const TOO_LONG: &str = Code::TooLong.name();
/// A session is used while it waits, or left in a transaction.
pub const SESSION: &str = Code::Session.name();
/// DDL that would change rows without any row event.
pub const VOLATILE: &str = Code::Volatile.name();
/// A reference that Postgres refuses, or that has no one result.
pub const REFERENCE: &str = Code::Reference.name();
/// A part of a pipeline that does not fit together.
pub const PIPELINE: &str = Code::Pipeline.name();

/// A fault that did not act, or a condition that means nothing where it stands.
pub const FAULT: &str = Code::Fault.name();

/// An error at an entry of the timeline.
pub fn entry(code: &str, entry: &Entry, message: impl Into<String>) -> Diagnostic {
    Diagnostic {
        code: code.to_owned(),
        severity: Severity::Error,
        message: message.into(),
        place: entry.place.clone(),
        span: entry.span,
        label: String::new(),
        earlier: None,
        help: None,
    }
}

/// An error at a whole statement.
pub fn at(code: &str, text: &Text, message: impl Into<String>) -> Diagnostic {
    spanned(code, text, whole(text), message)
}

/// An error at some bytes of a statement.
pub fn spanned(code: &str, text: &Text, span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic {
        code: code.to_owned(),
        severity: Severity::Error,
        message: message.into(),
        place: text.place(span.start),
        span: text.in_file(span),
        label: String::new(),
        earlier: None,
        help: None,
    }
}

/// Postgres' refusal of `text`, shown where Postgres points; `shift` is the number of bytes that
/// were sent before it.
pub fn refused(code: &str, text: &Text, shift: usize, error: &PostgresError) -> Diagnostic {
    let byte = error.byte.and_then(|byte| byte.checked_sub(shift));
    let span = match byte.filter(|byte| *byte < text.value.len()) {
        Some(byte) => word(text, byte),
        None => whole(text),
    };
    let sqlstate = error.sqlstate.as_deref().unwrap_or("none");
    let message = format!("Postgres refuses this: {} (SQLSTATE {sqlstate})", error.message);
    let mut diagnostic = spanned(code, text, span, message);
    diagnostic.label = error.detail.clone().unwrap_or_default();
    diagnostic.help.clone_from(&error.hint);
    diagnostic
}

/// The first line of a text without the white space around it.
fn whole(text: &Text) -> Span {
    let start = text.value.len() - text.value.trim_start().len();
    let rest = text.value.get(start..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default().trim_end();
    Span::new(start, start + line.len())
}

/// The word that begins at a byte, or one character.
fn word(text: &Text, byte: usize) -> Span {
    let rest = text.value.get(byte..).unwrap_or_default();
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let first = rest.chars().next().map_or(0, char::len_utf8);
    Span::new(byte, byte + end.max(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_points_at_the_word_that_postgres_means() {
        let text = Text::whole("a.sql".into(), "\n  SELECT colour FROM t".to_owned());
        let error = PostgresError {
            sqlstate: Some("42703".to_owned()),
            message: "column \"colour\" does not exist".to_owned(),
            hint: Some("Perhaps you meant \"t.color\".".to_owned()),
            byte: Some(10 + 4),
            ..PostgresError::default()
        };
        let shown = refused(REFUSED, &text, 4, &error);
        assert_eq!(
            shown.to_string(),
            "a.sql:2:10: Postgres refuses this: column \"colour\" does not exist (SQLSTATE 42703) \
             [E0901]; Perhaps you meant \"t.color\"."
        );
        assert_eq!(shown.span, Span::new(10, 16));
        let shown = refused(REFUSED, &text, 0, &PostgresError::default());
        assert_eq!(shown.span, Span::new(3, 23));
    }
}
