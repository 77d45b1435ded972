//! One pass over a history says what the whole checker says: of recorded runs, of their mutations,
//! and of made-up runs.

use std::collections::BTreeMap;

use changeproof::check::judge;
use changeproof::check::once::{Once, judge_once};
use changeproof::check::verdict::{Outcome, Verdict};
use changeproof::history::History;
use changeproof::history::event::Event;
use changeproof::history::stream::Stream;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::legal::{Plan, changes, expected, history, plans, runs, runs_anew};
use super::mutations::{self, Hop};
use super::recorded::{histories, line};
use super::scene::Scene;

fn once(history: &History) -> Once {
    judge_once(|| Ok(Stream::of(history))).unwrap()
}

/// The history of the same run without statements: what one pass judges.
fn topics_only(history: &History) -> History {
    let mut history = history.clone();
    let trial = &mut history.header.trial;
    let sinks = std::mem::take(&mut trial.pipeline.sinks);
    trial.expect.rows.clear();
    trial.expect.life.clear();
    trial.expect.plan.clear();
    trial.expect.consistency.clear();
    trial.expect.must_show.retain(|demand| !sinks.contains_key(&demand.place));
    trial.expect.may_show.retain(|allowance| !sinks.contains_key(&allowance.place));
    let is_sink = |history: &History, topic: &str| {
        let topics = history.events.iter().filter_map(|event| match event {
            Event::Topics { topics } => Some(topics),
            _ => None,
        });
        let mut sinks = topics.flatten().filter(|topic| topic.role.is_sink());
        sinks.any(|sink| sink.name == topic)
    };
    let mut events = std::mem::take(&mut history.events);
    history.events.clone_from(&events);
    events.retain(|event| match event {
        Event::Record(record) => !is_sink(&history, &record.topic),
        Event::Sinks { .. }
        | Event::Clocks { .. }
        | Event::Plan { .. }
        | Event::File(_)
        | Event::Reference(_)
        | Event::CutReference(_) => false,
        _ => true,
    });
    for event in &mut events {
        match event {
            Event::Topics { topics } => topics.retain(|topic| !topic.role.is_sink()),
            Event::Proof(proof) => {
                proof.ends.retain(|topic, _| !is_sink(&history, topic));
                proof.jobs.clear();
                proof.gaps.clear();
            }
            _ => {}
        }
    }
    history.events = events;
    history
}

/// What must be the same.
fn said(verdict: &Verdict) -> Vec<String> {
    let findings = verdict.findings.iter().map(|judged| {
        format!("{:?} {} {}", judged.status, line(&judged.finding), judged.finding.sentence)
    });
    let unmet = verdict.unmet.iter().map(|unmet| format!("unmet {}", unmet.sentence));
    let gaps = verdict.gaps.iter().map(|gap| format!("gap {}: {}", gap.what, gap.missing));
    let outcome = format!("{:?} {:?}", verdict.outcome, verdict.invalid);
    let mut said = findings.chain(unmet).chain(gaps).chain([outcome]).collect::<Vec<_>>();
    said.sort();
    said
}

/// Compares; whether one pass could judge the history at all.
fn compare(name: &str, history: &History) -> Result<bool, String> {
    let once = once(history);
    let Ok(verdict) = once.judged else { return Ok(false) };
    let (whole, said_once) = (said(&judge(history)), said(&verdict));
    if whole == said_once {
        return Ok(true);
    }
    let only = |one: &[String], other: &[String]| {
        let lines = one.iter().filter(|line| !other.contains(line));
        lines.map(|line| format!("\n    {line}")).collect::<String>()
    };
    Err(format!(
        "{name}:\n  only the whole checker:{}\n  only one pass:{}",
        only(&whole, &said_once),
        only(&said_once, &whole)
    ))
}

/// Whether one pass has the outcome of the whole checker, fails, and says nothing that it does not say.
fn tells_no_more(history: &History) -> bool {
    let Ok(verdict) = once(history).judged else { return false };
    let whole = said(&judge(history));
    verdict.outcome == Outcome::Fail && said(&verdict).iter().all(|line| whole.contains(line))
}

#[test]
fn one_pass_judges_recorded_runs_as_the_whole_checker_does() {
    let (mut n_judged, mut refused, mut wrong) = (0, BTreeMap::new(), Vec::new());
    for (name, history) in histories() {
        let history = topics_only(&history);
        match compare(&name, &history) {
            Ok(true) => n_judged += 1,
            Ok(false) => drop(refused.insert(name, once(&history).judged.unwrap_err())),
            Err(sentence) => wrong.push(sentence),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(n_judged >= 20, "only {n_judged} were judged; refused: {refused:#?}");
}

#[test]
fn what_one_pass_does_not_judge_is_told() {
    let mut n_sinks = 0;
    for (name, history) in histories() {
        let once = once(&history);
        let Ok(verdict) = once.judged else { continue };
        if !once.left_out.is_empty() {
            n_sinks += 1;
            assert_ne!(verdict.outcome, Outcome::Pass, "{name}");
        }
    }
    assert!(n_sinks >= 5, "only {n_sinks}");
}

#[test]
fn one_pass_finds_every_mutation_at_a_topic() {
    let (mut judged, mut wrong) = (BTreeMap::<_, usize>::new(), Vec::new());
    let topics = mutations::all().into_iter().filter(|mutation| mutation.hop == Hop::Topic);
    let topics = topics.collect::<Vec<_>>();
    for (name, history) in histories() {
        let Some(scene) = Scene::of(&history) else { continue };
        for mutation in &topics {
            (mutation.make)(&scene, &mut |mutant| {
                let anomaly = mutant.wanted.anomaly;
                let mutant = topics_only(&mutant.history);
                match compare(&format!("{name}: {}", mutation.does), &mutant) {
                    Ok(true) => *judged.entry(anomaly).or_default() += 1,
                    Ok(false) => {}
                    Err(sentence) => wrong.push(sentence),
                }
            });
        }
    }
    let shown = wrong.iter().take(20).cloned().collect::<Vec<_>>();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), shown.join("\n"));
    let n = judged.values().sum::<usize>();
    assert!(n >= 300 && judged.len() >= 10, "only {judged:?}");
}

#[test]
fn keys_that_nothing_is_wrong_with_are_not_looked_at() {
    let (mut n_clean, mut looked_at) = (0, Vec::new());
    for (name, history) in histories() {
        let once = once(&topics_only(&history));
        let Ok(verdict) = once.judged else { continue };
        if verdict.findings.is_empty() && verdict.outcome == Outcome::Pass {
            n_clean += 1;
            looked_at.extend((once.taken.deviating_keys > 0).then_some(name));
        }
    }
    assert_eq!(looked_at, Vec::<String>::new());
    assert!(n_clean >= 10, "only {n_clean} clean runs");
}

/// Recorded runs that one pass can judge, without their sinks.
fn corpus() -> &'static [(String, History)] {
    static RUNS: std::sync::OnceLock<Vec<(String, History)>> = std::sync::OnceLock::new();
    RUNS.get_or_init(|| {
        let runs = histories().into_iter().map(|(name, run)| (name, topics_only(&run)));
        runs.filter(|(_, run)| once(run).judged.is_ok()).collect()
    })
}

#[test]
fn a_run_without_some_evidence_is_judged_alike() {
    let kinds: [fn(&Event) -> bool; 8] = [
        |event| matches!(event, Event::Tables { .. }),
        |event| matches!(event, Event::Connector { .. }),
        |event| matches!(event, Event::Topics { .. }),
        |event| matches!(event, Event::Slot { .. }),
        |event| matches!(event, Event::Proof(_)),
        |event| matches!(event, Event::Capture { .. }),
        |event| matches!(event, Event::End(_)),
        |event| matches!(event, Event::Record(_)),
    ];
    for (name, history) in corpus() {
        for (n, left_out) in kinds.iter().enumerate() {
            let mut history = history.clone();
            history.events.retain(|event| !left_out(event));
            let compared = compare(&format!("{name} without {n}"), &history);
            assert!(compared.is_ok(), "{}", compared.unwrap_err());
        }
    }
}

proptest! {
    #[test]
    fn changed_events_are_judged_alike(
        run: Index, at: Index, other: Index, byte: Index, value: u8, what in 0..6,
    ) {
        let (name, history) = run.get(corpus());
        let mut history = history.clone();
        let many = |event: &Event| matches!(event, Event::Record(_) | Event::Wal { .. });
        let places = history.events.iter().enumerate().filter(|(_, event)| many(event));
        let places = places.map(|(place, _)| place).collect::<Vec<_>>();
        let (at, other) = (*at.get(&places[..]), *other.get(&places[..]));
        match what {
            0 => drop(history.events.remove(at)),
            1 => history.events.swap(at, other),
            2 => { let copy = history.events[at].clone(); history.events.insert(other, copy) }
            _ => {
                let bytes = match &mut history.events[at] {
                    Event::Record(record) if what == 3 => record.key.as_mut().map(|key| &mut key.0),
                    Event::Record(record) => record.value.as_mut().map(|value| &mut value.0),
                    Event::Wal { data, .. } => Some(data),
                    _ => None,
                };
                let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
                let byte = byte.index(bytes.len());
                if what == 4 { bytes.truncate(byte) } else { bytes[byte] = value }
            }
        }
        // Two records that change places are two faults at once: behind them one pass may leave out a
        // further key of the many that are wrong.
        if what == 1 && tells_no_more(&history) {
            return Ok(());
        }
        if let Err(sentence) = compare(&format!("{name}: {what} at {at} and {other}"), &history) {
            prop_assert!(false, "{}", sentence);
        }
    }

    #[test]
    fn one_pass_says_of_made_up_runs_what_the_whole_checker_says(plan in plans()) {
        if let Some(Err(sentence)) = of_made_up(&plan) {
            prop_assert!(false, "{}", sentence);
        }
    }
}

/// Compares on a made-up run; `None` where nothing is left to judge.
fn of_made_up(plan: &Plan) -> Option<Result<bool, String>> {
    let changes = changes(plan);
    let expected = expected(plan, &changes);
    if expected.is_empty() {
        return None;
    }
    let runs = runs_anew(plan, &changes).unwrap_or_else(|| runs(plan, &expected));
    Some(compare("made up", &topics_only(&history(plan, &changes, &runs))))
}

#[test]
fn one_pass_can_judge_many_of_the_made_up_runs() {
    let mut runner = TestRunner::deterministic();
    let mut n_judged = 0;
    for _ in 0..200 {
        let plan = plans().new_tree(&mut runner).unwrap().current();
        n_judged += u32::from(of_made_up(&plan) == Some(Ok(true)));
    }
    assert!(n_judged >= 50, "only {n_judged} of 200");
}
