//! What a scenario or a pipeline should not say, because it would not mean what its author thinks.
//! Pure; one file a rule.
//!
//! A rule looks at one trial and warns; it never refuses. Where the scenario demands a finding at the
//! place that a rule is about, the author knows, and the rule is silent.

mod captured;
mod case;
mod deletes;
mod fan_out;
mod identity;
mod key_updates;
pub mod options;
mod order;
mod patterns;
mod races;
mod schemas;
mod sessions;
#[cfg(test)]
mod testing;
mod volatile;
mod windows;
mod writers;
mod writes;

use camino::Utf8PathBuf;

use crate::base::diagnostic::Diagnostic;
use crate::scenario::trial::Trial;
use case::{Case, Found};

/// One rule: what it warns of, why, and what mends it.
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

/// All of them, by code. A further one is a file and a line here.
pub const RULES: &[Rule] = &[
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
    writers::RULE,
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
