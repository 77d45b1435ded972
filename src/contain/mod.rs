//! What of the author's files reaches outside of the run: every value that names a place (a host, a
//! port, an address, a folder, a bucket, a catalog, a jar, a program).
//!
//! In comes a trial with the files that were read for it; out go refusals, each with its place and
//! with what to write instead. Each such value is either *owned* (the run puts its own in its place
//! and lists the difference) or *refused* here, before anything is started. The rule is closed: an
//! option that nobody knows and whose value looks like a place is refused too. This room never
//! knows where the components of a stack listen.

pub mod connector;
pub mod fate;
pub mod place;
mod programs;
pub mod scope;
pub mod session;
mod several;
pub mod source;
pub mod statements;
mod topics;
mod written;

use camino::Utf8PathBuf;

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::text::{Span, Text};
use crate::scenario::code::Code;
use crate::scenario::trial::Trial;

/// Everything in a trial that would reach outside of the run, by place. `sources` are the files
/// that were read for it, path and text.
pub fn refuse(trial: &Trial, sources: &[(Utf8PathBuf, String)]) -> Vec<Diagnostic> {
    let mut refused = connector::refuse(trial, sources);
    refused.extend(statements::refuse(trial, sources));
    refused.extend(source::refuse(trial, sources));
    refused.extend(topics::refuse(trial, sources));
    refused.extend(several::refuse(trial, sources));
    refused.sort_by(|a, b| (&a.place, &a.code, &a.message).cmp(&(&b.place, &b.code, &b.message)));
    refused.dedup();
    refused
}

/// A refusal of what stands at `span` of a text.
fn refusal(
    text: &Text,
    span: Span,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Diagnostic {
    Diagnostic {
        code: Code::Outside.name().to_owned(),
        severity: Severity::Error,
        message: message.into(),
        place: text.place(span.start),
        span: text.in_file(span),
        label: String::new(),
        earlier: None,
        help: Some(help.into()),
    }
}
