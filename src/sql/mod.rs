//! Postgres and Flink SQL as tokens with spans; edits by splicing the source text.
//!
//! Nothing here parses SQL into a tree: the statements belong to Postgres and Flink. What the
//! harness must know (where a statement ends, what it creates, what it writes and reads, where a
//! `WITH` option stands) is read from the first tokens and from the parentheses.

pub mod changed;
pub mod columns;
pub mod edit;
pub mod flink;
pub mod moment;
pub mod postgres;
pub mod psql;
mod reader;
pub mod schema;
pub mod secret;
pub mod split;
pub mod sqlstate;
pub mod table;
pub mod token;
mod unparted;

use crate::base::text::{Span, Text};

/// What is wrong with an SQL text before any server has seen it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqlError {
    /// What kind of mistake it is.
    pub kind: SqlErrorKind,
    /// One sentence, lower case at its start, without a full stop.
    pub message: String,
    /// Where it stands, in bytes of the text that was read.
    pub span: Span,
    /// What to do.
    pub help: Option<String>,
}

/// The kinds of mistakes that need no server to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SqlErrorKind {
    /// A quote, dollar quote or comment that is never closed.
    Open,
    /// A command of psql (`\copy`, `\i`).
    PsqlCommand,
    /// `COPY … FROM STDIN` without data lines up to `\.`.
    CopyData,
    /// A Flink statement that cannot be used here as written.
    Refused,
}

impl SqlError {
    fn new(kind: SqlErrorKind, message: impl Into<String>, span: Span) -> Self {
        Self { kind, message: message.into(), span, help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Pieces of `text` as texts of their own.
fn slices(text: &Text, spans: &[Span]) -> Vec<Text> {
    spans.iter().map(|span| text.slice(*span)).collect()
}
