//! What a verdict says besides its findings: what was not judged, what was looked at.

use std::collections::BTreeMap;

use super::case::Case;
use super::found::{Found, Raw};
use super::vacuity::n_captured;
use super::verdict::{Outcome, Status, Verdict};
use crate::base::anomaly::Anomaly;
use crate::base::difference::Difference;
use crate::history::History;
use crate::history::event::{Event, Side};
use crate::scenario::expect::Level;

/// How many findings of one name at one place a verdict keeps.
const KEPT: usize = 200;

impl Verdict {
    /// One that says nothing yet.
    pub(super) fn empty(outcome: Outcome) -> Self {
        Self {
            outcome,
            control: false,
            proof: None,
            invalid: None,
            findings: Vec::new(),
            unmet: Vec::new(),
            gaps: Vec::new(),
            not_judged: Vec::new(),
            warnings: Vec::new(),
            differences: Vec::new(),
            figures: BTreeMap::new(),
        }
    }
}

/// Levels, sinks and columns without a check, each with the reason.
pub(super) fn not_judged(case: &Case<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for sink in &case.sinks {
        let name = sink.name;
        if !sink.judged {
            lines.push(format!("sink `{name}`: the pipeline says `unjudged`"));
            continue;
        }
        if sink.stopped {
            let what = "its statement failed or was rejected";
            let proven = if sink.is_looked_at(&case.index) { ", after the last proof" } else { "" };
            lines.push(format!("sink `{name}`{proven}: {what}"));
            continue;
        }
        if let (Some(_), Some(option)) = (sink.window, case.corrects_windows()) {
            lines.push(format!(
                "sink `{name}`: `{option}` lets windows fire more than once, which the level \
                 `windows` has no model for; judged `final` over its closed windows"
            ));
        }
        let reference = case.last_proof();
        let reference =
            reference.and_then(|proof| sink.reference(&case.index, proof, Side::Journal).ok());
        if let Some(reference) = reference {
            let columns = sink.shape.columns.iter().map(|(column, _)| column);
            let lacking = columns.filter(|column| !reference.columns.contains(column));
            let lacking = lacking.map(String::as_str).collect::<Vec<_>>();
            if !lacking.is_empty() {
                let columns = lacking.join("`, `");
                lines.push(format!("sink `{name}`: `{columns}`: not in its reference"));
            }
        }
    }
    if case.ended_in_trouble() {
        lines.push("what comes after the trouble: the run ended there".to_owned());
    }
    lines
}

/// A level that a scenario demands by name and that nothing judges is no pass.
pub(super) fn undemanded_levels(case: &Case<'_>, found: &mut Found) {
    for (name, level) in &case.expect.consistency {
        let sink = case.sinks.iter().find(|other| other.name == name);
        if *level == Level::Windows && sink.is_some_and(|sink| sink.window.is_none()) {
            let what = format!("`{name}` at level `windows`");
            found.gap(what, "the pipeline declares no `window` for it");
        }
    }
}

/// What the author should know.
pub(super) fn warnings(case: &Case<'_>) -> Vec<String> {
    let restart = case.restarted_by_itself().map(|restart| restart.warning());
    restart.into_iter().chain(left_out_columns(case)).collect()
}

/// Columns that no record has, because the connector has no form for their types.
fn left_out_columns(case: &Case<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    for topic in &case.topics {
        let Some(rules) = case.rules_of(topic.table) else { continue };
        let Some(columns) = case.columns.get(topic.table) else { continue };
        let envelopes = topic.log.iter().filter_map(super::topic::envelope);
        let rows = envelopes.filter_map(|envelope| envelope.after.as_ref()).collect::<Vec<_>>();
        let missing = columns.table.columns.iter().filter(|column| {
            let is_shown = rows.iter().any(|row| row.contains_key(&column.name));
            columns.may_lack(&column.name, &rules.encoding) && !is_shown && !rows.is_empty()
        });
        let missing = missing.map(|column| format!("`{}` ({})", column.name, column.type_name));
        let missing = missing.collect::<Vec<_>>();
        if !missing.is_empty() {
            warnings.push(format!(
                "no record of `{}` has {}: Debezium has no form for a column of such a type, and \
                 leaves it out unless `include.unknown.datatypes` is true",
                topic.place,
                missing.join(", ")
            ));
        }
    }
    warnings
}

/// What differs from the author's files, each once. Older histories tell only the names of options.
pub(super) fn differences(history: &History) -> Vec<Difference> {
    let mut all = Vec::new();
    for event in &history.events {
        let told = match event {
            Event::Connector { replaced, .. } => {
                let old = |key| Difference::new("connector", key, "the harness replaced it");
                replaced.iter().map(old).collect()
            }
            Event::Differences { differences } => differences.clone(),
            _ => Vec::new(),
        };
        for difference in told {
            if !all.contains(&difference) {
                all.push(difference);
            }
        }
    }
    all
}

/// What was looked at.
pub(super) fn figures(case: &Case<'_>, raws: &[Raw]) -> BTreeMap<String, u64> {
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let records = case.topics.iter().map(|topic| topic.log.len()).sum::<usize>();
    let rows = case.sinks.iter().map(|sink| sink.log.len()).sum::<usize>();
    let keys = case.topics.iter().map(|topic| {
        let keys = topic.log.iter().filter_map(|logged| logged.key.as_ref());
        keys.collect::<std::collections::BTreeSet<_>>().len()
    });
    let compared = case.sinks.iter().filter(|sink| sink.is_looked_at(&case.index)).count();
    BTreeMap::from([
        ("transactions".to_owned(), count(case.transactions.len())),
        ("changes".to_owned(), count(n_captured(case))),
        ("records".to_owned(), count(records)),
        ("keys".to_owned(), count(keys.sum())),
        ("sink records".to_owned(), count(rows)),
        ("sinks compared".to_owned(), count(compared)),
        ("proofs".to_owned(), count(case.index.proofs.len())),
        ("findings".to_owned(), count(raws.len())),
    ])
}

/// How many findings of one name and place are more than a verdict keeps.
pub(super) fn left_out(raws: &[Raw]) -> BTreeMap<(Anomaly, String), usize> {
    let mut counts = BTreeMap::<_, usize>::new();
    for raw in raws {
        *counts.entry((raw.finding.anomaly, raw.finding.place.clone())).or_default() += 1;
    }
    counts.into_iter().filter(|(_, n)| *n > KEPT).map(|(what, n)| (what, n - KEPT)).collect()
}

/// Leaves out the findings that are more than anyone reads, and says so.
pub(super) fn cut(verdict: &mut Verdict, left_out: BTreeMap<(Anomaly, String), usize>) {
    let mut kept = BTreeMap::<(Anomaly, String), usize>::new();
    verdict.findings.retain(|judged| {
        let what = (judged.finding.anomaly, judged.finding.place.clone());
        let n = kept.entry(what).or_default();
        *n += 1;
        // Demands are met by name and key: all that they name stay.
        *n <= KEPT || judged.status == Status::Demanded
    });
    for ((anomaly, place), n) in left_out {
        verdict.warnings.push(format!("{n} more findings `{anomaly}` at `{place}` are left out"));
    }
}
