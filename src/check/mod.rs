//! History against model. Pure; one file a family.
//!
//! A checker looks at the history laid out as a [`case`] and hands in findings; what the scenario
//! demands and allows is applied afterwards. A checker that panics, or that lacks evidence, makes
//! the verdict unknown and never a pass.

mod arrival;
mod case;
mod changelog;
mod changes;
mod completeness;
mod deletes;
mod demands;
mod duplicates;
mod excerpt;
mod feeds;
mod files;
mod flow;
mod found;
mod grades;
mod happened;
mod held;
mod integrity;
mod internal;
mod lives;
mod metadata;
pub mod observed;
pub mod once;
mod order;
mod outbox;
mod patterns;
mod plans;
mod produced;
mod progress;
mod restarts;
mod rows;
pub mod settled;
mod shots;
mod silent;
mod sink;
mod sinks;
mod skipped;
mod snapshot;
mod spelling;
mod statements;
mod summary;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod told;
mod topic;
mod transactions;
mod unfit;
mod unmodelled;
mod vacuity;
mod values;
pub mod verdict;
mod windows;
mod witnesses;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use itertools::Itertools as _;

use crate::base::anomaly::{Anomaly, Family};
use crate::base::exit::Exit;
use crate::history::History;
use crate::history::event::{Cut, Event};
use crate::model::source;
use crate::scenario::expect::Level;
use crate::scenario::pipeline::Sink;
use case::Case;
use found::{Found, Raw};
use sinks::SinkCase;
use verdict::{Gap, Judged, Outcome, Status, Verdict};

pub use rows::mistakes;
pub use told::{POINT, told};

/// One checker: what it looks for, and how.
struct Checker {
    name: &'static str,
    finds: &'static [Anomaly],
    check: fn(&Case<'_>, &mut Found),
}

/// All of them. A further one is a file and a line here.
const CHECKERS: &[Checker] = &[
    Checker { name: "progress", finds: progress::FINDS, check: progress::check },
    Checker { name: "completeness", finds: completeness::FINDS, check: completeness::check },
    Checker { name: "produced", finds: produced::FINDS, check: produced::check },
    Checker { name: "snapshot", finds: snapshot::FINDS, check: snapshot::check },
    Checker { name: "order", finds: order::FINDS, check: order::check },
    Checker { name: "spelling", finds: spelling::FINDS, check: spelling::check },
    Checker { name: "duplicates", finds: duplicates::FINDS, check: duplicates::check },
    Checker { name: "values", finds: values::FINDS, check: values::check },
    Checker { name: "deletes", finds: deletes::FINDS, check: deletes::check },
    Checker { name: "transactions", finds: transactions::FINDS, check: transactions::check },
    Checker { name: "metadata", finds: metadata::FINDS, check: metadata::check },
    Checker { name: "skipped", finds: skipped::FINDS, check: skipped::check },
    Checker { name: "silent", finds: silent::FINDS, check: silent::check },
    Checker { name: "changelog", finds: changelog::FINDS, check: changelog::check },
    Checker { name: "outbox", finds: outbox::FINDS, check: outbox::check },
    Checker { name: "sink", finds: sink::FINDS, check: sink::check },
    Checker { name: "internal", finds: internal::FINDS, check: internal::check },
    Checker { name: "windows", finds: windows::FINDS, check: windows::check },
    Checker { name: "witnesses", finds: witnesses::FINDS, check: witnesses::check },
];

/// Judges a history. The verdict depends on nothing else.
pub fn judge(history: &History) -> Verdict {
    laid_out(history, || match integrity::aborted(history) {
        Some(verdict) => found_before(history, verdict),
        None => judge_case(&Case::of(history)),
    })
}

/// What was proven wrong before a run lost its stack fails it; else the run says nothing.
///
/// What no change of the journal explains is no evidence there: the journal may end before the topics do.
fn found_before(history: &History, lost: Verdict) -> Verdict {
    let Some(invalid) = lost.invalid.as_ref().filter(|why| why.exit == Exit::StackNotUp) else {
        return lost;
    };
    let mut verdict = judge_case(&Case::of(history));
    let is_proven = |judged: &Judged| {
        judged.status == Status::Failing && judged.finding.anomaly != Anomaly::PhantomChange
    };
    if verdict.outcome == Outcome::Invalid || !verdict.findings.iter().any(is_proven) {
        return lost;
    }
    verdict.findings.retain(|judged| judged.status != Status::Failing || is_proven(judged));
    // What was not reached is not missing.
    verdict.unmet.clear();
    let what = "what comes after these findings".to_owned();
    let missing = format!("the run ended early: {}", invalid.sentence);
    verdict.gaps = vec![Gap { what, missing }];
    verdict.outcome = Outcome::Fail;
    verdict
}

/// A bug in laying out the history is no verdict.
fn laid_out(history: &History, judge: impl FnOnce() -> Verdict) -> Verdict {
    let mut verdict = catch_unwind(AssertUnwindSafe(judge)).unwrap_or_else(|cause| {
        let mut verdict = Verdict::empty(Outcome::Unknown);
        verdict.gaps.push(panicked("laying out the history", cause.as_ref()));
        verdict
    });
    verdict.differences = summary::differences(history);
    verdict
}

/// A cut at which the reference of a sink is needed, with the rows of the tables there.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The sink.
    pub sink: String,
    /// The cut.
    pub cut: Cut,
    /// The rows by the place of their table in the history's tables.
    pub tables: BTreeMap<usize, source::Rows>,
    /// The changes that the cut does not show; `None` where that cannot be told.
    pub unseen: Option<Vec<source::Unseen>>,
}

/// The cuts whose references the live part should record after the last proof, and has not yet.
pub fn wanted(history: &History) -> Vec<Wanted> {
    let trial = &history.header.trial;
    let windowed = |sink: &Sink| matches!(sink, Sink::Judged { window: Some(_), .. });
    let named = |level: &Level| matches!(level, Level::Cut | Level::Commit);
    let by_arrival = |event: &Event| match event {
        Event::Sinks { sinks } => sinks.iter().any(|sink| sink.written.by_arrival.is_some()),
        _ => false,
    };
    if !trial.pipeline.sinks.values().any(windowed)
        && !trial.expect.consistency.values().any(named)
        && !history.events.iter().any(by_arrival)
    {
        return Vec::new();
    }
    let case = Case::of(history);
    [windows::wanted(&case), internal::wanted(&case), arrival::wanted(&case)].concat()
}

/// The sinks that differ from their reference at a proof, and must not; for the live part, which then records
/// the reference over the topics too.
pub fn diverged(history: &History, proof: u32) -> Vec<String> {
    let index = history.index();
    let Some(proof) = index.proofs.iter().find(|other| other.number == proof) else {
        return Vec::new();
    };
    let (sinks, _) = SinkCase::all(&index);
    let differs = |sink: &&SinkCase<'_>| {
        let judged = sink.judged && case::level(&history.header, sink) != Level::Windows;
        judged && sink.compare(&index, proof).is_ok_and(|(_, diffs)| !diffs.is_empty())
    };
    sinks.iter().filter(differs).map(|sink| sink.name.to_owned()).collect()
}

fn judge_case(case: &Case<'_>) -> Verdict {
    if let Some(verdict) = integrity::broken(case) {
        return verdict;
    }
    let mut found = Found { gaps: case.gaps.clone(), ..Found::default() };
    integrity::incomplete(case, &mut found);
    for checker in CHECKERS {
        run(checker, case, &mut found);
    }
    // Of a sink whose statement failed, the failure says what is missing.
    let stopped = case.sinks.iter().filter(|sink| sink.stopped);
    let stopped: Vec<_> = stopped.map(|sink| format!("`{}`", sink.name)).collect();
    found.gaps.retain(|gap| !stopped.iter().any(|name| gap.what.contains(name.as_str())));
    windows::explain(&mut found.findings);
    unfit::explain(case, &mut found.findings);
    grades::word(case, &mut found.findings);
    let mut verdict = Verdict::empty(Outcome::Pass);
    verdict.proof = grades::weakest(case);
    vacuity::check(case, &mut found, &mut verdict.warnings);

    let complete = case.last_proof().is_some() || case.ended_in_trouble();
    let unmodelled = unmodelled::gaps(case);
    let doubts = [found.gaps.as_slice(), &unmodelled].concat();
    let judgement = demands::judge(case, &found.findings, &doubts, complete);
    let raws = std::mem::take(&mut found.findings);
    verdict.unmet = judgement.unmet;
    verdict.unmet.extend(rows::check(case, &mut found, (&raws, &judgement.statuses)));
    verdict.unmet.extend(patterns::check(case, &mut found));
    verdict.unmet.extend(plans::check(case, &mut found));
    summary::undemanded_levels(case, &mut found);
    verdict.gaps = found.gaps;
    verdict.gaps.extend(judgement.gaps);
    verdict.warnings.extend(judgement.warnings);
    verdict.warnings.extend(summary::warnings(case));
    verdict.not_judged = summary::not_judged(case);
    unmodelled::place(case, unmodelled, &mut verdict);
    verdict.figures = summary::figures(case, &raws);
    verdict.figures.append(&mut found.figures);

    let mut judged = raws.into_iter().zip_eq(judgement.statuses).collect::<Vec<_>>();
    judged.sort_by_key(weight);
    let (mut raws, statuses): (Vec<_>, Vec<_>) = judged.into_iter().unzip();
    statements::name(case, &mut raws);
    happened::explain(case, &mut raws);
    lives::look_up(case, &mut raws);
    files::name(case, &mut raws);
    let left_out = summary::left_out(&raws);
    let judged = raws.into_iter().zip_eq(statuses);
    verdict.findings =
        judged.map(|(raw, status)| Judged { finding: raw.finding, status }).collect();
    conclude(case, &mut verdict);
    summary::cut(&mut verdict, left_out);
    verdict
}

fn run(checker: &Checker, case: &Case<'_>, found: &mut Found) {
    let mut own = Found::default();
    match catch_unwind(AssertUnwindSafe(|| (checker.check)(case, &mut own))) {
        Ok(()) => {
            let anomalies = || own.findings.iter().map(|raw| raw.finding.anomaly);
            debug_assert!(
                anomalies().all(|anomaly| checker.finds.contains(&anomaly)),
                "the checker `{}` tells what it does not look for",
                checker.name
            );
            found.findings.append(&mut own.findings);
            found.figures.append(&mut own.figures);
            for gap in own.gaps {
                found.gap(gap.what, gap.missing);
            }
        }
        Err(cause) => {
            found.gaps.push(panicked(&format!("the checker `{}`", checker.name), cause.as_ref()));
        }
    }
}

fn panicked(what: &str, cause: &(dyn std::any::Any + Send)) -> Gap {
    let said = cause.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("no message");
    let missing = format!("it stopped with a bug in changeproof: {said}");
    Gap { what: what.to_owned(), missing }
}

/// Most telling first: what fails the run, then what is demanded; what the run itself saw before
/// what follows from it. Within that the order of the checkers, from the topics to the sinks.
fn weight((raw, status): &(Raw, Status)) -> (u8, bool) {
    let status = match status {
        Status::Failing => 0,
        Status::Demanded => 1,
        Status::Allowed(_) => 2,
        Status::Witness => 3,
    };
    (status, raw.finding.anomaly.family() != Family::Progress)
}

fn conclude(case: &Case<'_>, verdict: &mut Verdict) {
    let failing = verdict.findings.iter().any(|judged| judged.status == Status::Failing);
    verdict.outcome = if failing || !verdict.unmet.is_empty() {
        Outcome::Fail
    } else if verdict.gaps.is_empty() {
        Outcome::Pass
    } else {
        Outcome::Unknown
    };
    let fault = |finding: Anomaly| !finding.is_witness();
    verdict.control = verdict.outcome == Outcome::Pass
        && case.expect.must_show.iter().any(|demand| fault(demand.finding));
}
