//! Every window fires once, when it may, with what the reference gives at a cut of the input at which
//! it may have fired.
//!
//! A window that ends at E fires once the watermark has reached E: after the records by which each
//! partition's own watermark passes E, and before the first proof of quiescence whose watermark has
//! passed it. What may have been in it are the cuts between.
//!
//! Where a proof has only bounds of the watermark (a restart takes it back, and idle partitions may be
//! left out), a window is open before the proof whose upper bound passes its end, and must have fired
//! by the one whose lower bound does. In between it may have fired or not, and what it shows if it has
//! is judged all the same. A window that a restart lets fire again must be right each time.
//!
//! Source: Flink's manual, "Windowing table-valued functions (Windowing TVFs)" and "Window
//! Aggregation"; FLINK-20281 for windows over updates. That changes before the firing are folded
//! in, and that those after it emit nothing, is seen on 2.2.0 (scenarios
//! `windows/changes-before-the-firing-are-folded-in` and
//! `windows/a-late-retraction-changes-nothing`).

mod cuts;
mod ends;
pub(super) mod feed;
mod firing;
mod late;
mod moved;
mod repeats;
pub(super) mod state;

use std::collections::BTreeSet;

use super::Wanted;
use super::case::Case;
use super::found::{Found, Raw};
use super::grades;
use super::sinks::SinkCase;
use crate::base::anomaly::{Anomaly, Family};
use crate::history::event::Proof;

use cuts::{At, Between};
use feed::Feed;

pub(super) const FINDS: &[Anomaly] = &[
    Anomaly::WindowMissing,
    Anomaly::WindowRepeated,
    Anomaly::WindowWrongValue,
    Anomaly::WindowGhost,
    Anomaly::WindowEarly,
    Anomaly::LateDropped,
    Anomaly::LateChange,
    // At topics and at other sinks they have checkers of their own.
    Anomaly::Replay,
];

/// How many cuts a window may have fired at before nothing is said of it.
const CUTS_MAX: usize = 256;
/// How many cuts of one sink are looked at after one proof.
const CUTS_AT_A_PROOF: usize = 1024;

/// The cuts whose references the live part should record after the last proof, and has not yet.
pub(super) fn wanted(case: &Case<'_>) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for sink in judged(case) {
        let proofs = proofs(case, sink);
        let Some((at, earlier)) = proofs.split_last() else { continue };
        if case.last_proof().is_none_or(|last| last.number != at.number) {
            continue;
        }
        let Ok(feed) = Feed::of(case, sink, at) else { continue };
        let mut of_sink = BTreeSet::new();
        let closing = ends::closing(case, sink, (earlier, at));
        let again = ends::again(case, sink, (earlier, at));
        let looked_at =
            closing.into_iter().chain(again).chain(ends::undecided(sink, (earlier, at)));
        let between =
            |end: i64| (end, Between { before: open_at(sink, earlier, end), at, seen: at });
        let settled = ends::settled(case, sink, (earlier, at));
        let settled = settled.into_iter().filter(|_| feed.reworked);
        for (end, between) in looked_at.map(between).chain(settled) {
            let Ok(cuts) = cuts::of(case, &feed, end, between) else {
                continue;
            };
            for cut in cuts {
                let At::Cut(cut) = cut else { continue };
                if !case.index.cuts.contains_key(&(sink.name, &cut)) {
                    of_sink.insert(cut);
                }
            }
        }
        let cuts = of_sink.into_iter().take(CUTS_AT_A_PROOF);
        wanted.extend(cuts.map(|cut| state::wanted(case, (sink, &feed), cut)));
    }
    wanted
}

/// The sinks whose windows are looked at, whatever level is demanded of them.
fn judged<'c, 'a>(case: &'c Case<'a>) -> impl Iterator<Item = &'c SinkCase<'a>> {
    let looked_at = |sink: &&SinkCase<'_>| sink.is_looked_at(&case.index) && sink.window.is_some();
    let once = case.corrects_windows().is_none();
    case.sinks.iter().filter(looked_at).filter(move |_| once)
}

/// The proofs that say how far the windows of a sink are.
fn proofs<'a>(case: &Case<'a>, sink: &SinkCase<'_>) -> Vec<&'a Proof> {
    let proven = |proof: &&&Proof| {
        let gap = grades::unproven(&case.index, proof, sink.name);
        gap.is_none() && proof.ends.contains_key(&sink.shape.table.topic)
    };
    case.index.proofs.iter().filter(proven).copied().collect()
}

/// The last of these proofs at which windows that end at `end` were surely open.
fn open_at<'p>(sink: &SinkCase<'_>, proofs: &[&'p Proof], end: i64) -> Option<&'p Proof> {
    proofs.iter().rev().find(|proof| !sink.may_be_closed(end, proof)).copied()
}

pub(super) fn check(case: &Case<'_>, found: &mut Found) {
    for sink in judged(case) {
        let what = format!("the windows of `{}`", sink.name);
        if let Some(unread) = &sink.unread {
            found.gap(what, unread.clone());
            continue;
        }
        if !sink.shape.table.kept.is_topic() {
            found.gap(what, "its rows are in files, which do not show when a window fired");
            continue;
        }
        let proofs = proofs(case, sink);
        if proofs.len() < case.index.proofs.len() {
            let all = case.index.proofs.iter();
            let mut gaps = all.filter_map(|at| grades::unproven(&case.index, at, sink.name));
            let why = gaps.next();
            let why = why.unwrap_or_else(|| "the end of its topic was not proven".to_owned());
            found.gap(what.clone(), why);
        }
        if let Some(untold) = grades::untold(case, sink, &proofs) {
            found.gap(what.clone(), untold);
        }
        late::check(case, sink, &proofs, found);
        if let Err(missing) = firing::judge(case, sink, &proofs, found) {
            found.gap(what, missing);
        }
    }
}

/// A sink's difference from its reference that a finding about the window explains is no finding of
/// its own.
pub(super) fn explain(findings: &mut Vec<Raw>) {
    let of_windows = |raw: &Raw| raw.finding.anomaly.family() == Family::Windows;
    let windows = findings.iter().filter(|raw| of_windows(raw));
    let told = windows.map(|raw| (raw.finding.place.clone(), raw.finding.key.clone()));
    let told = told.collect::<Vec<_>>();
    findings.retain(|raw| {
        let place = (raw.finding.place.clone(), raw.finding.key.clone());
        !raw.at_the_end || of_windows(raw) || place.1.is_none() || !told.contains(&place)
    });
}
