//! What a trial's own text says of why a sink may be wrong: for findings, which then name the cause.

use super::case::{Case, Found};
use super::{aborted, filtered, generated, groups, latest, misspelt, unmapped};
use crate::base::text::{Span, Text};
use crate::scenario::trial::Trial;
use crate::sql::token::{Language, significant};

/// One thing that a rule has to say of sinks.
pub(super) struct Told<'a> {
    pub(super) text: &'a Text,
    pub(super) span: Span,
    pub(super) message: String,
    /// The sinks whose rows it concerns.
    pub(super) sinks: Vec<String>,
    /// The column that is not what it seems.
    pub(super) column: Option<String>,
    /// The topic that lacks it, although the table has it.
    pub(super) topic: Option<String>,
}

impl Told<'_> {
    /// Warns, unless the scenario itself demands a finding at one of the sinks.
    pub(super) fn warn(self, case: &Case<'_>, found: &mut Found<'_>) {
        let sinks: Vec<&str> = self.sinks.iter().map(String::as_str).collect();
        if !case.is_control(&sinks) {
            found.at(self.text, self.span, self.message);
        }
    }
}

/// Why a sink may be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// In one sentence.
    pub sentence: String,
    /// Where that is written, as `file:line:column`.
    pub place: String,
    /// The sinks whose rows it concerns.
    pub sinks: Vec<String>,
    /// The column that is not what it seems; `None`: it is about whole rows.
    pub column: Option<String>,
    /// The topic that lacks the column, although the table has it: the hop that is wrong.
    pub topic: Option<String>,
    /// Statements use the column.
    pub is_used: bool,
}

/// All causes that the trial's text shows.
pub fn causes(trial: &Trial) -> Vec<Cause> {
    let case = Case::of(trial);
    let of_rules = [
        misspelt::told(&case),
        filtered::told(&case),
        generated::told(&case),
        unmapped::told(&case),
        latest::told(&case),
        groups::told(&case),
        aborted::told(&case),
    ];
    let cause = |told: Told<'_>| Cause {
        place: told.text.place(told.span.start).to_string(),
        is_used: told.column.as_ref().is_none_or(|column| is_used(&case, column)),
        sentence: told.message,
        sinks: told.sinks,
        topic: told.topic,
        column: told.column,
    };
    of_rules.into_iter().flatten().map(cause).collect()
}

/// Whether a column is named elsewhere than where it is declared.
fn is_used(case: &Case<'_>, column: &str) -> bool {
    let named = |text: &Text| {
        let tokens = significant(Language::Flink, &text.value);
        tokens.iter().filter(|token| token.name().is_some_and(|name| name == column)).count()
    };
    case.statements.iter().map(|(text, _)| named(text)).sum::<usize>() > 1
}
