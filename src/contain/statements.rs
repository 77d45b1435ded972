//! The Flink statements: options, catalogs, functions and jars that name a place, owned or refused.

use camino::Utf8PathBuf;

use crate::base::diagnostic::Diagnostic;
use crate::scenario::trial::Trial;

/// Statements, table options and Flink settings that would reach outside of the run.
pub(super) fn refuse(_trial: &Trial, _sources: &[(Utf8PathBuf, String)]) -> Vec<Diagnostic> {
    Vec::new()
}
