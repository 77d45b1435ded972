//! Topics whose records have no model, since an option of the connector or a transform makes of them
//! what nothing here knows.
//!
//! Their sinks are compared with the journal all the same, so that a topic whose readers are all
//! compared and equal leaves nothing open but itself: it is listed as not judged, and the verdict
//! stands. A topic that no compared sink reads is looked at by nothing, and the verdict is unknown.

use super::case::Case;
use super::verdict::{Gap, Verdict};
use crate::history::event::{Role, Topic};

/// One for all topics, or one for each.
pub(super) fn gaps(case: &Case<'_>) -> Vec<Gap> {
    let gap = |(table, missing): &(Option<usize>, String)| {
        let place = table.and_then(|table| case.index.tables.get(table));
        let what = match place {
            Some(table) => format!("the records of `{}`", case.place_of(table)),
            None => "the records of the source topics".to_owned(),
        };
        let is_looked_at = place.is_none_or(|table| table.captured);
        is_looked_at.then(|| Gap { what, missing: missing.clone() })
    };
    case.unmodelled.iter().filter_map(gap).collect()
}

/// Puts them where they belong: below the verdict, or into it.
pub(super) fn place(case: &Case<'_>, gaps: Vec<Gap>, verdict: &mut Verdict) {
    if gaps.is_empty() {
        return;
    }
    if verdict.gaps.is_empty() && are_compared(case) {
        let line = |gap: Gap| format!("{}: {}", gap.what, gap.missing);
        verdict.not_judged.extend(gaps.into_iter().map(line));
    } else {
        verdict.gaps.extend(gaps);
    }
}

/// Whether all topics without a model are read by statements all of whose sinks are compared.
fn are_compared(case: &Case<'_>) -> bool {
    let Some(proof) = case.last_proof() else { return false };
    let is_compared = |name: &String| {
        case.sinks.iter().any(|sink| sink.name == name && sink.judged && !sink.stopped)
    };
    let read = |topic: &Topic| {
        let reads = |job: &&crate::history::event::JobProof| {
            job.sources.iter().any(|(_, name, ..)| *name == topic.name)
        };
        let mut jobs = proof.jobs.iter().filter(reads).peekable();
        jobs.peek().is_some() && jobs.all(|job| job.sinks.iter().all(is_compared))
    };
    let is_open = |topic: &&Topic| {
        let Role::Source { table } = &topic.role else { return false };
        case.unmodelled.iter().any(|(of, _)| {
            let of = of.and_then(|of| case.index.tables.get(of));
            of.is_none_or(|of| *table == format!("{}.{}", of.schema, of.name))
        })
    };
    case.index.topics.iter().filter(is_open).all(read)
}
