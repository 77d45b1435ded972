//! One pass over a history says what the whole checker says: of recorded runs, of their mutations,
//! and of made-up runs.

use std::collections::{BTreeMap, BTreeSet};

use changeproof::base::anomaly::Anomaly;
use changeproof::check::judge;
use changeproof::check::once::{Once, judge_once};
use changeproof::check::verdict::{Outcome, Verdict};
use changeproof::history::History;
use changeproof::history::event::Event;
use changeproof::history::stream::Stream;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};

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
    let mut events = std::mem::take(&mut history.events);
    let topics = events.iter().filter_map(|event| match event {
        Event::Topics { topics } => Some(topics),
        _ => None,
    });
    let names = topics.flatten().filter(|topic| topic.role.is_sink());
    let names = names.map(|topic| topic.name.clone()).collect::<BTreeSet<_>>();
    events.retain(|event| match event {
        Event::Record(record) => !names.contains(&record.topic),
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
                proof.ends.retain(|topic, _| !names.contains(topic));
                proof.jobs.clear();
                proof.gaps.clear();
            }
            _ => {}
        }
    }
    history.events = events;
    history
}

fn without_sinks() -> Vec<(String, History)> {
    histories().into_iter().map(|(name, run)| (name, topics_only(&run))).collect()
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

/// Which mutants are compared: of each mutation of each run the first, and from there on one of so
/// many. As many cases as are drawn at night take them all.
#[derive(Clone, Copy)]
struct Share {
    every: usize,
    from: usize,
}

impl Share {
    fn drawn() -> Self {
        let cases = usize::try_from(Config::default().cases).unwrap();
        let mut runner = TestRunner::new(Config::default());
        let every = (5000 / cases).max(1);
        Self { every, from: any::<Index>().new_tree(&mut runner).unwrap().current().index(every) }
    }

    fn takes(self, n: usize) -> bool {
        n == 0 || n % self.every == self.from
    }
}

/// What became of the mutants of some runs: how many were compared of each anomaly, and what differs.
#[derive(Default)]
struct Compared {
    judged: BTreeMap<Anomaly, usize>,
    wrong: Vec<String>,
}

/// Compares the mutants of a run at its topics; the run has no sinks, so that no mutant has to lose them.
fn compare_mutants((name, history): &(String, History), share: Share, into: &mut Compared) {
    let Some(scene) = Scene::of(history) else { return };
    for mutation in mutations::all().iter().filter(|mutation| mutation.hop == Hop::Topic) {
        let mut n = 0;
        (mutation.make)(&scene, &mut |mutant| {
            n += 1;
            if !share.takes(n - 1) {
                return;
            }
            match compare(&format!("{name}: {}", mutation.does), &mutant.history) {
                Ok(true) => *into.judged.entry(mutant.wanted.anomaly).or_default() += 1,
                Ok(false) => {}
                Err(sentence) => into.wrong.push(sentence),
            }
        });
    }
}

#[test]
fn one_pass_finds_every_mutation_at_a_topic() {
    let (share, runs) = (Share::drawn(), without_sinks());
    let half = |half: usize| {
        let mut compared = Compared::default();
        let runs = runs.iter().skip(half).step_by(2);
        runs.for_each(|run| compare_mutants(run, share, &mut compared));
        compared
    };
    let halves = std::thread::scope(|threads| {
        let other = threads.spawn(|| half(1));
        [half(0), other.join().unwrap()]
    });
    let wrong = halves.iter().flat_map(|half| &half.wrong).collect::<Vec<_>>();
    let shown = wrong.iter().take(20).map(|sentence| format!("{sentence}\n")).collect::<String>();
    assert!(wrong.is_empty(), "{} differ:\n{shown}", wrong.len());
    let n = halves.iter().flat_map(|half| half.judged.values()).sum::<usize>();
    let anomalies = halves.iter().flat_map(|half| half.judged.keys()).collect::<BTreeSet<_>>();
    assert!(n >= 300 && anomalies.len() >= 10, "only {n} of {anomalies:?}");
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
    let can_be_judged = |(_, run): &(String, History)| once(run).judged.is_ok();
    RUNS.get_or_init(|| without_sinks().into_iter().filter(can_be_judged).collect())
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
    // What it has no model for it refuses: most of what is drawn besides types.
    for _ in 0..400 {
        let plan = plans().new_tree(&mut runner).unwrap().current();
        n_judged += u32::from(of_made_up(&plan) == Some(Ok(true)));
    }
    assert!(n_judged >= 50, "only {n_judged} of 400");
}
