//! A recorded run in which a killed worker replayed its tail, and what is made of it where other
//! things are recorded: a replay is legal only behind a fault before its hop, and never where the
//! contract is exactly-once.

use camino::Utf8Path;
use changeproof::base::anomaly::Anomaly;
use changeproof::check::judge;
use changeproof::check::verdict::{Outcome, Verdict};
use changeproof::history::History;
use changeproof::history::event::Event;
use changeproof::scenario::expect::Delivery;
use changeproof::scenario::timeline::Target;

fn recorded() -> History {
    let path = Utf8Path::new("tests/histories/a-replayed-tail.jsonl");
    History::read(path).expect("the recorded run can be read")
}

fn judged(change: impl FnOnce(&mut History)) -> Verdict {
    let mut history = recorded();
    change(&mut history);
    judge(&history)
}

fn count(verdict: &Verdict, anomaly: Anomaly) -> usize {
    let findings = verdict.findings.iter().map(|judged| &judged.finding);
    findings.filter(|finding| finding.anomaly == anomaly && finding.place == "payments").count()
}

fn is_fault(event: &Event) -> bool {
    matches!(event, Event::Fault { .. })
}

/// It fails, because what was a replay is a duplicate now.
fn is_refused(verdict: &Verdict) -> bool {
    verdict.outcome == Outcome::Fail
        && count(verdict, Anomaly::DuplicateChange) > 0
        && count(verdict, Anomaly::Replay) == 0
}

#[test]
fn as_it_was_recorded_it_is_a_replay_and_passes() {
    let verdict = judged(|_| {});
    assert_eq!(verdict.outcome, Outcome::Pass, "{verdict:?}");
    assert!(count(&verdict, Anomaly::Replay) > 0);
    assert_eq!(count(&verdict, Anomaly::DuplicateChange), 0);
}

#[test]
fn without_a_fault_nothing_allows_it() {
    assert!(is_refused(&judged(|history| history.events.retain(|event| !is_fault(event)))));
}

#[test]
fn a_fault_that_came_later_does_not_allow_it() {
    let verdict = judged(|history| {
        let (mut faults, mut rest): (Vec<_>, Vec<_>) = history.events.drain(..).partition(is_fault);
        let end = rest.len() - 1;
        rest.splice(end..end, faults.drain(..));
        history.events = rest;
    });
    assert!(is_refused(&verdict));
}

#[test]
fn a_fault_behind_the_topic_does_not_allow_it() {
    let verdict = judged(|history| {
        for event in &mut history.events {
            if let Event::Fault { fault, .. } = event {
                fault.target = Target::Taskmanager;
            }
        }
    });
    assert!(is_refused(&verdict));
}

#[test]
fn exactly_once_never_allows_it() {
    let delivery = judged(|history| history.header.trial.expect.delivery = Delivery::ExactlyOnce);
    assert!(is_refused(&delivery));
    let set = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let worker = judged(|history| {
        let settings = &mut history.header.trial.settings;
        settings.worker.extend([set("exactly.once.source.support", "enabled")]);
        for event in &mut history.events {
            if let Event::Connector { config, .. } = event {
                config.extend([set("exactly.once.support", "required")]);
            }
        }
    });
    assert!(is_refused(&worker));
}

#[test]
fn a_fault_that_disturbed_nothing_is_no_pass() {
    let verdict = judged(|history| {
        for event in &mut history.events {
            if let Event::Fault { done_ms: Some(done_ms), .. } = event {
                *done_ms = i64::MAX;
            }
        }
    });
    assert_eq!(verdict.outcome, Outcome::Unknown, "{verdict:?}");
    assert!(verdict.gaps.iter().any(|gap| gap.missing.contains("nothing was left")));
}

/// Nobody did anything; these processes read the slot before the fault was, and at the end.
fn read_by(history: &mut History, before: i32, behind: i32) {
    let seen = |pid| Event::Walsender { slot: "s".to_owned(), pid: Some(pid) };
    let fault = history.events.iter().position(is_fault).expect("a fault was recorded");
    history.events.insert(fault, seen(before));
    let end = history.events.len() - 1;
    history.events.insert(end, seen(behind));
    history.events.retain(|event| !is_fault(event));
}

#[test]
fn a_connector_that_was_started_again_by_itself_allows_it_and_is_named() {
    let verdict = judged(|history| read_by(history, 7, 8));
    assert!(count(&verdict, Anomaly::Replay) > 0);
    assert_eq!(count(&verdict, Anomaly::DuplicateChange), 0);
    assert!(verdict.warnings.iter().any(|warning| warning.contains("by itself")), "{verdict:?}");
}

#[test]
fn a_connector_that_went_on_all_the_time_does_not_allow_it() {
    assert!(is_refused(&judged(|history| read_by(history, 7, 7))));
}
