//! What the scenario says of the findings: demanded, allowed, or neither.

use super::case::Case;
use super::found::Raw;
use super::verdict::{Gap, Status, Unmet};
use crate::base::anomaly::Anomaly;
use crate::scenario::expect::{Allowance, Demand};

/// The findings with what the scenario says of them, and the demands that were not met.
#[derive(Default)]
pub(super) struct Judgement {
    pub(super) statuses: Vec<Status>,
    pub(super) unmet: Vec<Unmet>,
    pub(super) gaps: Vec<Gap>,
    pub(super) warnings: Vec<String>,
}

/// Judges all findings; `gaps` are the doubts so far, `complete` says that the run came to a proof.
pub(super) fn judge(case: &Case<'_>, raws: &[Raw], gaps: &[Gap], complete: bool) -> Judgement {
    let mut judgement = Judgement {
        statuses: raws.iter().map(|raw| status(case, raw)).collect(),
        ..Judgement::default()
    };
    for demand in &case.expect.must_show {
        for sentence in unmet(case, demand, raws) {
            let place = format!("`{}`", case.place(&demand.place));
            let doubt = gaps.iter().find(|gap| gap.what.contains(&place));
            let unseen = gaps.first().filter(|_| !is_looked_at(case, &demand.place));
            let doubt = doubt.or(unseen);
            let missing = match doubt {
                Some(doubt) => Some(doubt.missing.clone()),
                None => (!complete).then(|| "the run came to no proof of quiescence".to_owned()),
            };
            match missing {
                Some(missing) => {
                    judgement.gaps.push(Gap { what: format!("`{demand}`"), missing });
                }
                None => judgement.unmet.push(Unmet {
                    demand: "must_show".to_owned(),
                    at: Some(demand.at.to_string()),
                    sentence,
                    difference: Vec::new(),
                }),
            }
        }
    }
    for allowance in &case.expect.may_show {
        if !raws.iter().any(|raw| allows(case, allowance, raw)) {
            let Allowance { finding, place, because, .. } = allowance;
            judgement.warnings.push(format!(
                "`{finding}` at `{place}` may be shown (because {because}) and was not seen"
            ));
        }
    }
    judgement
}

/// Whether all that was written at a place was read: else what was not seen may be there.
fn is_looked_at(case: &Case<'_>, written: &str) -> bool {
    let place = case.place(written);
    let topic = case.topics.iter().find(|topic| topic.place == place);
    let sink = case.sinks.iter().find(|sink| sink.name == place);
    let proof = case.last_proof();
    match (topic, sink) {
        (Some(topic), _) => {
            topic.n_unread == 0 && proof.is_none_or(|proof| topic.unread_partition(proof).is_none())
        }
        (None, Some(sink)) => proof.is_none_or(|proof| sink.unread_partition(proof).is_none()),
        (None, None) => !case.index.tables.is_empty() && !case.is_source(&place),
    }
}

fn status(case: &Case<'_>, raw: &Raw) -> Status {
    if case.expect.must_show.iter().any(|demand| meets(case, demand, raw)) {
        return Status::Demanded;
    }
    if let Some(allowance) = case.expect.may_show.iter().find(|a| allows(case, a, raw)) {
        return Status::Allowed(allowance.because.clone());
    }
    let anomaly = raw.finding.anomaly;
    // Under a default replica identity every delete shows invented values: at the topic that is a
    // witness. It is an anomaly where a statement reads `before`, and the sink shows it there.
    let fabricated = anomaly == Anomaly::FabricatedBefore && case.is_source(&raw.finding.place);
    if anomaly.is_witness() || fabricated { Status::Witness } else { Status::Failing }
}

/// `diverged-sink` stands for every wrong row at the end.
fn is_finding(finding: Anomaly, raw: &Raw) -> bool {
    raw.finding.anomaly == finding || (finding == Anomaly::DivergedSink && raw.at_the_end)
}

fn is_at(case: &Case<'_>, (place, keys): (&str, &[String]), raw: &Raw) -> bool {
    let key = raw.finding.key.as_ref();
    case.place(place) == raw.finding.place
        && (keys.is_empty() || key.is_some_and(|key| keys.contains(key)))
}

pub(super) fn meets(case: &Case<'_>, demand: &Demand, raw: &Raw) -> bool {
    let says = demand.says.as_ref().is_none_or(|says| raw.finding.sentence.contains(says));
    says && is_finding(demand.finding, raw) && is_at(case, (&demand.place, &demand.keys), raw)
}

fn allows(case: &Case<'_>, allowance: &Allowance, raw: &Raw) -> bool {
    let place = (allowance.place.as_str(), allowance.keys.as_slice());
    is_finding(allowance.finding, raw) && is_at(case, place, raw)
}

/// What of a demand was not seen: for each key that it names, else at all.
fn unmet(case: &Case<'_>, demand: &Demand, raws: &[Raw]) -> Vec<String> {
    let met = raws.iter().filter(|raw| meets(case, demand, raw)).collect::<Vec<_>>();
    let Demand { finding, place, keys, says, .. } = demand;
    let saying = says.as_ref().map_or_else(String::new, |says| format!(" that says `{says}`"));
    if keys.is_empty() {
        let sentence = format!("`{finding}` at `{place}`{saying} must be shown and was not seen");
        return if met.is_empty() { vec![sentence] } else { Vec::new() };
    }
    let is_missing = |key: &&String| !met.iter().any(|raw| raw.finding.key.as_ref() == Some(*key));
    let sentence = |key: &String| {
        format!("`{finding}` at `{place}` for key {key}{saying} must be shown and was not seen")
    };
    keys.iter().filter(is_missing).map(sentence).collect()
}
