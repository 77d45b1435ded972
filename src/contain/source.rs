//! SQL that runs in Postgres (the source DDL, the set-up, the sessions): what reaches out of the
//! run's database, made harmless, isolated or refused.

use camino::Utf8PathBuf;

use crate::base::diagnostic::Diagnostic;
use crate::scenario::trial::Trial;

/// Statements that would reach out of the run's database.
pub(super) fn refuse(_trial: &Trial, _sources: &[(Utf8PathBuf, String)]) -> Vec<Diagnostic> {
    Vec::new()
}
