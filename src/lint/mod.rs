//! What a scenario or a pipeline should not say, because it would not mean what its author thinks.
//! Pure; one file a rule.
//!
//! A rule looks at one trial and warns. Where the scenario demands a finding at the place that a rule
//! is about, the author knows, and the rule is silent. A few rules refuse (their codes begin with
//! `E`): what they are about could not come to an end.

mod aborted;
mod captured;
mod captures;
mod case;
mod causes;
mod deletes;
mod fan_out;
mod filtered;
mod generated;
mod groups;
mod identity;
mod key_updates;
mod latest;
mod misspelt;
mod narrower;
mod nobody;
mod null_text;
pub mod options;
mod order;
mod padded;
mod patterns;
mod races;
mod records;
mod schemas;
mod seeds;
mod sessions;
mod shapes;
#[cfg(test)]
mod testing;
mod twins;
mod unmapped;
mod volatile;
mod windows;
mod writers;
mod writes;

use camino::Utf8PathBuf;

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::scenario::trial::Trial;
use case::{Case, Found};

pub use causes::{Cause, causes};

/// One rule: what it warns of, or refuses, why, and what mends it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its stable code, `W0101`.
    pub code: &'static str,
    /// What it warns of, in one sentence.
    pub summary: &'static str,
    /// Why that is worth a warning.
    pub reason: &'static str,
    /// What to do.
    pub fix: &'static str,
    check: fn(&Case<'_>, &mut Found<'_>),
}

impl Rule {
    /// Whether it warns or refuses.
    pub fn severity(&self) -> Severity {
        if self.code.starts_with('E') { Severity::Error } else { Severity::Warning }
    }
}

/// All of them, by code. A further one is a file and a line here.
pub const RULES: &[Rule] = &[
    nobody::RULE,
    nobody::TWICE,
    order::RULE,
    windows::RULE,
    deletes::RULE,
    key_updates::RULE,
    captured::RULE,
    sessions::RULE,
    races::RULE,
    identity::RULE,
    fan_out::RULE,
    volatile::RULE,
    patterns::RULE,
    options::RULE,
    schemas::RULE,
    narrower::RULE,
    padded::RULE,
    writers::RULE,
    shapes::UNMODELLED,
    shapes::IDLE,
    misspelt::RULE,
    filtered::RULE,
    generated::RULE,
    unmapped::RULE,
    twins::RULE,
    latest::RULE,
    groups::RULE,
    aborted::RULE,
    seeds::RULE,
    null_text::RULE,
];

/// The warnings of one trial, by place. `sources` are the files that were read for it.
pub fn lint(trial: &Trial, sources: &[(Utf8PathBuf, String)]) -> Vec<Diagnostic> {
    let case = Case::of(trial);
    let mut warnings = Vec::new();
    for rule in RULES {
        (rule.check)(&case, &mut Found { rule, sources, warnings: &mut warnings });
    }
    warnings.sort_by(|a, b| (&a.place, &a.code, &a.message).cmp(&(&b.place, &b.code, &b.message)));
    warnings.dedup();
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_ascend() {
        let codes: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
    }
}
