//! How well it is proven that nothing more came to a sink.
//!
//! Under a checkpoint, or once a statement was stopped, what has not come does not come. A proof of the
//! grade `reported` is the engine's claim, which may be untrue: where the history itself shows that, or
//! cannot tell what was late from what was wrong, all that rests on the claim is undecided.

use super::case::Case;
use super::found::Raw;
use super::sinks::SinkCase;
use crate::base::anomaly::Anomaly;
use crate::base::grade::Grade;
use crate::history::Index;
use crate::history::event::{Proof, Side};
use crate::model::key::Key;

/// Why quiescence of a sink is not proven at a proof, if it is not.
pub(super) fn unproven(index: &Index<'_>, proof: &Proof, sink: &str) -> Option<String> {
    let gap = proof.gaps.iter().find(|gap| gap.sink == sink);
    gap.map(|gap| gap.sentence.clone()).or_else(|| {
        let late = index.claims.untrue(proof.number, sink)?;
        Some(format!(
            "the engine reported that everything was processed, and {}[{}]@{} came after that \
             without any new input",
            late.topic, late.partition, late.offset
        ))
    })
}

/// Why a difference at a claim says nothing: more was written of the row since, and whether that was
/// owed before or follows from what was written later, no record tells.
pub(super) fn came_later(sink: &SinkCase<'_>, proof: &Proof, key: Option<&Key>) -> Option<String> {
    if proof.grade != Grade::Reported {
        return None;
    }
    let of_key = sink.log.iter().filter(|emitted| key.is_none() || emitted.key.as_ref() == key);
    let mut later = of_key.filter(|emitted| !sink.is_below(emitted, proof));
    later.next().map(|emitted| {
        let record = emitted.record;
        format!(
            "the engine reported that everything was processed, and {}[{}]@{}, which came later, may \
             be what was missing",
            record.topic, record.partition, record.offset
        )
    })
}

/// Of a windowed sink whose engine tells no watermark: the windows that are expected and have not fired.
pub(super) fn untold(case: &Case<'_>, sink: &SinkCase<'_>, proofs: &[&Proof]) -> Option<String> {
    let last = proofs.last().filter(|proof| !proof.watermarks.contains_key(sink.name))?;
    let reference = sink.reference(&case.index, last, Side::Journal).ok()?;
    let wanted = reference.keyed.values().chain(&reference.bag);
    let wanted = wanted.filter_map(|row| sink.end(row)).collect::<std::collections::BTreeSet<_>>();
    let rows = sink.log.iter().filter_map(|emitted| emitted.row.as_ref());
    let fired = rows.filter_map(|row| sink.end(row)).collect();
    let open = wanted.difference(&fired).map(|end| time(*end)).collect::<Vec<_>>();
    (!open.is_empty()).then(|| {
        let ends = open.join(", ");
        format!("the engine tells no watermark, and those that end at {ends} have not fired")
    })
}

/// A time for people.
fn time(millis: i64) -> String {
    crate::base::value::Value::TimestampTz(millis.saturating_mul(1000)).to_string()
}

/// The weakest grade of the proofs.
pub(super) fn weakest(case: &Case<'_>) -> Option<Grade> {
    case.index.proofs.iter().map(|proof| proof.grade).min()
}

/// Whether a finding at a sink rests on something that never came.
fn rests_on_silence(anomaly: Anomaly) -> bool {
    matches!(
        anomaly,
        Anomaly::DivergedSink
            | Anomaly::GhostRow
            | Anomaly::LostChange
            | Anomaly::StaleOverwrite
            | Anomaly::ToastPlaceholder
            | Anomaly::WindowMissing
            | Anomaly::WindowWrongValue
    )
}

/// Says of findings that rest on something that never came by which grade that is known.
pub(super) fn word(case: &Case<'_>, raws: &mut [Raw]) {
    let Some((last, earlier)) = case.index.proofs.split_last() else { return };
    let before = earlier.iter().map(|proof| proof.grade).min();
    for raw in raws {
        let at_sink = case.sinks.iter().any(|sink| sink.name == raw.finding.place);
        if !at_sink || !rests_on_silence(raw.finding.anomaly) {
            continue;
        }
        let grade =
            if raw.at_the_end { last.grade } else { before.unwrap_or(last.grade).min(last.grade) };
        if grade.is_full() {
            continue;
        }
        raw.finding.proof = Some(grade);
        if grade == Grade::Reported {
            raw.finding.sentence += " (so far: the engine reported that everything was processed, and \
                                     no checkpoint proves that nothing more comes)";
        }
    }
}
