//! Grades of proof over the recorded runs: a run whose engine had claimed too much never passes, and is
//! never found wrong by what came late.

use std::collections::BTreeMap;

use changeproof::base::grade::Grade;
use changeproof::check::judge;
use changeproof::check::verdict::{Outcome, Status};
use changeproof::history::History;
use changeproof::history::event::{Event, Proof};

use super::recorded::histories;

/// The same run, as if every proof were the engine's word alone.
fn claimed(history: &History) -> History {
    let mut history = history.clone();
    for event in &mut history.events {
        if let Event::Proof(proof) = event {
            proof.grade = Grade::Reported;
        }
    }
    history
}

fn proofs(history: &History) -> Vec<(usize, &Proof)> {
    let events = history.events.iter().enumerate();
    let proofs = events.filter_map(|(n, event)| match event {
        Event::Proof(proof) => Some((n, proof)),
        _ => None,
    });
    proofs.collect()
}

/// The last record of a judged sink comes only after the last claim; `None` where there is none.
fn late(history: &History) -> Option<History> {
    let (at, proof) = *proofs(history).last()?;
    // Only of a sink about which anything was decided.
    let gaps = proof.gaps.iter().map(|gap| gap.sink.clone()).collect::<Vec<_>>();
    let judged = judge(history);
    let topics: BTreeMap<String, String> = history
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Sinks { sinks } => Some(sinks),
            _ => None,
        })
        .flatten()
        .filter(|sink| sink.kept.is_topic() && !gaps.contains(&sink.name))
        .map(|sink| (sink.topic.clone(), sink.name.clone()))
        .collect();
    if judged.outcome != Outcome::Pass || topics.is_empty() {
        return None;
    }
    let pipeline = &history.header.trial.pipeline;
    let is_judged = |topic: &String| {
        let sink = topics.get(topic).and_then(|name| pipeline.sinks.get(name));
        matches!(sink, Some(changeproof::scenario::pipeline::Sink::Judged { .. }))
    };
    let place = history.events.iter().take(at).rposition(|event| match event {
        Event::Record(record) => is_judged(&record.topic),
        _ => false,
    })?;
    let mut history = history.clone();
    let moved = history.events.remove(place);
    let Event::Record(record) = &moved else { return None };
    let partition = usize::try_from(record.partition).unwrap();
    if let Event::Proof(proof) = &mut history.events[at - 1] {
        let end = proof.ends.get_mut(&record.topic)?.get_mut(partition)?;
        // Nothing else of the partition may stand behind it.
        if end.1 != record.offset + 1 {
            return None;
        }
        end.1 = record.offset;
    }
    history.events.insert(at, moved);
    Some(history)
}

#[test]
fn a_claim_changes_no_verdict_as_long_as_it_is_true() {
    let mut compared = 0;
    for (name, history) in histories() {
        let (checked, claimed) = (judge(&history), judge(&claimed(&history)));
        if proofs(&history).len() == 1 && checked.outcome == Outcome::Pass {
            assert_eq!(claimed.outcome, checked.outcome, "{name}: {:?}", claimed.gaps);
            compared += 1;
        }
        // Further proofs may be undecided, and never anything else.
        let weaker = [checked.outcome, Outcome::Unknown].contains(&claimed.outcome);
        assert!(weaker, "{name}: {:?} instead of {:?}", claimed.outcome, checked.outcome);
    }
    assert!(compared >= 20, "only {compared} recorded runs have one proof");
}

#[test]
fn output_that_comes_after_a_claim_is_never_a_pass_and_never_a_finding() {
    let mut tried = 0;
    for (name, history) in histories() {
        let Some(late) = late(&claimed(&history)) else { continue };
        let verdict = judge(&late);
        let failing = verdict.findings.iter().filter(|judged| judged.status == Status::Failing);
        let failing = failing.map(|judged| &judged.finding).collect::<Vec<_>>();
        assert!(failing.is_empty(), "{name}: {failing:?}");
        assert_eq!(verdict.outcome, Outcome::Unknown, "{name}: {:?}", verdict.unmet);
        let told = |gap: &changeproof::check::verdict::Gap| gap.missing.contains("new input");
        assert!(verdict.gaps.iter().any(told), "{name}: {:?}", verdict.gaps);
        tried += 1;
    }
    assert!(tried >= 20, "only {tried} recorded runs have a sink that could be late");
}
