//! Whether the history can be judged at all: it says so itself, and the journal was checked.

use super::case::Case;
use super::found::Found;
use super::verdict::{Invalid, Outcome, Verdict};
use crate::base::exit::Exit;
use crate::base::position::Xid;
use crate::history::History;
use crate::history::event::{End, Event};

use std::collections::BTreeSet;

fn invalid(exit: Exit, sentence: String) -> Verdict {
    let mut verdict = Verdict::empty(Outcome::Invalid);
    verdict.invalid = Some(Invalid { exit, sentence });
    verdict
}

/// The run ended for a reason that says nothing about the pipeline.
pub(super) fn aborted(history: &History) -> Option<Verdict> {
    let aborted = |event: &Event| match event {
        Event::End(End::Aborted { exit, sentence }) => Some(invalid(*exit, sentence.clone())),
        _ => None,
    };
    history.events.iter().rev().find_map(aborted)
}

/// The harness's own record of the truth cannot be trusted, or the scenario is wrong.
pub(super) fn broken(case: &Case<'_>) -> Option<Verdict> {
    if let Some(error) = &case.journal_error {
        return Some(invalid(Exit::CaptureBroken, error.clone()));
    }
    for capture in &case.index.captures {
        if capture.source != capture.shadow {
            let (table, proof) = (capture.table, capture.proof);
            let ((source, of_source), (shadow, of_shadow)) = (capture.source, capture.shadow);
            return Some(invalid(
                Exit::CaptureBroken,
                format!(
                    "the journal does not give what `{table}` holds at proof {proof}: the source \
                     has {source} rows ({of_source}), the replayed journal {shadow} ({of_shadow})"
                ),
            ));
        }
    }
    let in_journal = case.transactions.iter().map(|t| t.xid).collect::<BTreeSet<_>>();
    let lacking = |(_, _, xid): &&(Option<usize>, &str, Xid)| !in_journal.contains(xid);
    if let Some((entry, session, xid)) = case.index.commits.iter().find(lacking) {
        let entry = entry.map_or_else(|| "`setup`".to_owned(), |n| format!("entry {}", n + 1));
        return Some(invalid(
            Exit::CaptureBroken,
            format!(
                "transaction {xid} (session `{session}`, {entry}) was acknowledged and is not in \
                 the journal"
            ),
        ));
    }
    let mistakes = super::mistakes(case.expect, case.index.sinks);
    (!mistakes.is_empty()).then(|| invalid(Exit::ScenarioInvalid, mistakes.join("\n")))
}

/// What a complete history has and this one lacks.
pub(super) fn incomplete(case: &Case<'_>, found: &mut Found) {
    if case.index.end.is_none() {
        found.gap("the run", "the history has no end: the recording stopped before the run did");
    }
    if case.index.after_end {
        found.gap("the run", "events follow the end of the history");
    }
    if case.index.tables.is_empty() && !case.ended_in_trouble() {
        found.gap("the run", "the source tables were not recorded");
    }
    if case.index.proofs.is_empty() && !case.ended_in_trouble() {
        found.gap("whether anything is missing", "no proof of quiescence was recorded");
    }
    for proof in &case.index.proofs {
        if !case.index.captures.iter().any(|capture| capture.proof == proof.number) {
            let what = format!("whether the journal is the truth at proof {}", proof.number);
            found.gap(what, "it was not compared with the source");
        }
    }
    if matches!(case.index.end, Some(End::Trouble)) && case.index.troubles.is_empty() {
        found.gap("the run", "it ended in trouble, and the trouble was not recorded");
    }
}
