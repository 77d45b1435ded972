//! What a verdict says besides its findings, and when a run proves nothing.

use rstest::rstest;

use super::super::testing::{Payment, SINK, Scene, TOPIC, Total, at, demand, failing, passes};
use super::super::verdict::{Outcome, Status, Verdict};
use super::windows::{FIRST, OPEN, closed};
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::base::text::{Span, Text};
use crate::history::event::{Event, SinkMode};
use crate::scenario::expect::{Allowance, Level};
use crate::scenario::pipeline::Sink;
use crate::scenario::settings::{Options, Settings};
use crate::scenario::timeline::{Action, Entry, Fault, Target, Verb};

const ANN: Payment<'_> = (1, "ann", 1, 10);
const TOTAL: Total<'_> = ("ann", 0, 10);

/// A payment and the total of it; the sink is judged by what it holds.
fn scene() -> Scene {
    let mut scene = Scene::new(1);
    scene.mode = SinkMode::Upsert;
    let mut scene = scene.statements();
    scene.without_window();
    scene.insert(0, ANN);
    scene.fires(TOTAL);
    scene
}

fn judged(mut scene: Scene) -> Verdict {
    scene.proof(None, &[TOTAL]);
    scene.judged()
}

fn figure(verdict: &Verdict, name: &str) -> u64 {
    verdict.figures[name]
}

fn unjudge(scene: &mut Scene) {
    for sink in scene.header.trial.pipeline.sinks.values_mut() {
        *sink = Sink::Unjudged;
    }
}

#[test]
fn nothing_is_left_unjudged_where_everything_has_its_reference() {
    let verdict = judged(scene());
    passes(&verdict);
    assert_eq!(verdict.not_judged, [""; 0]);
    assert_eq!(verdict.warnings, [""; 0]);
    let figures = ["transactions", "changes", "records", "keys", "sink records", "sinks compared"];
    assert_eq!(figures.map(|name| figure(&verdict, name)), [1; 6]);
}

#[test]
fn columns_that_the_reference_does_not_give_are_named() {
    let mut scene = scene();
    scene.proof(None, &[TOTAL]);
    for event in &mut scene.events {
        if let Event::Reference(reference) = event {
            reference.columns.pop();
            for row in &mut reference.rows {
                row.pop();
            }
        }
    }
    let verdict = scene.judged();
    passes(&verdict);
    assert_eq!(verdict.not_judged, ["sink `totals`: `total`: not in its reference"]);
}

#[test]
fn a_sink_that_is_not_judged_is_named_and_not_counted() {
    let mut scene = scene();
    unjudge(&mut scene);
    let verdict = judged(scene);
    assert_eq!(verdict.not_judged, ["sink `totals`: the pipeline says `unjudged`"]);
    assert_eq!(figure(&verdict, "sinks compared"), 0);
}

#[rstest]
#[case::windows_without_a_window(Level::Windows, true)]
#[case::the_end(Level::Final, false)]
fn a_level_that_nothing_judges_is_no_pass(#[case] level: Level, #[case] unknown: bool) {
    let mut scene = scene();
    scene.header.trial.expect.consistency.insert(SINK.to_owned(), level);
    let verdict = judged(scene);
    let gaps = verdict.gaps.iter().map(|gap| gap.what.as_str()).collect::<Vec<_>>();
    assert_eq!(gaps.contains(&"`totals` at level `windows`"), unknown, "{gaps:?}");
    assert_eq!(verdict.outcome == Outcome::Unknown, unknown);
}

/// So many records that show one row each which was never written.
fn phantoms(n: i64, demanded: bool) -> Verdict {
    let mut scene = scene();
    if demanded {
        scene.header.trial.expect.must_show.push(demand(Anomaly::PhantomChange, "payments"));
    }
    let lsn = Lsn(5000);
    for id in 0..n {
        scene.show(0, lsn, (None, Some((100 + id, "nobody", 1, 1))));
    }
    judged(scene)
}

/// A verdict is for people: of what is wrong in the same way it keeps two hundred.
#[rstest]
#[case::as_many_as_are_kept(200, 200, None)]
#[case::more(203, 200, Some("3 more findings `phantom-change` at `payments` are left out"))]
fn findings_beyond_what_anyone_reads_are_counted(
    #[case] n: i64,
    #[case] kept: usize,
    #[case] said: Option<&str>,
) {
    let verdict = phantoms(n, false);
    let phantom = |name| name == Anomaly::PhantomChange;
    let found = verdict.findings.iter().filter(|judged| phantom(judged.finding.anomaly));
    assert_eq!(found.count(), kept);
    let said_now = verdict.warnings.iter().find(|warning| warning.contains("more findings"));
    assert_eq!(said_now.map(String::as_str), said);
    assert!(figure(&verdict, "findings") >= u64::try_from(n).unwrap());
}

#[test]
fn findings_that_a_scenario_demands_all_stay() {
    let verdict = phantoms(203, true);
    let demanded = verdict.findings.iter().filter(|judged| judged.status == Status::Demanded);
    assert_eq!(demanded.count(), 203);
}

/// Every record has the timestamp of ten o'clock; the minute is that of the fault.
#[rstest]
#[case::before_a_record_of_the_topic(Target::Worker, Some(0), false, false)]
#[case::behind_every_record(Target::Worker, Some(1), false, true)]
#[case::the_sink_alone_says_nothing_of_what_is_before_it(Target::Worker, Some(1), true, true)]
#[case::the_sink_was_written_behind(Target::Statements, Some(1), true, false)]
#[case::the_sink_was_not_written_behind(Target::Statements, Some(1), false, true)]
#[case::never_done(Target::Worker, None, false, true)]
fn a_fault_that_disturbs_nothing_proves_nothing(
    #[case] target: Target,
    #[case] minute: Option<i64>,
    #[case] written_behind: bool,
    #[case] unknown: bool,
) {
    let mut scene = scene();
    let fault = Fault { verb: Verb::Kill, target, savepoint: false, connector: None };
    for done_ms in std::iter::once(None).chain(minute.map(|minute| Some(at(minute)))) {
        scene.events.push(Event::Fault { entry: 0, fault, done_ms });
    }
    if written_behind {
        scene.fires(TOTAL);
    }
    let verdict = judged(scene);
    let doubts = verdict.gaps.iter().filter(|gap| gap.what.contains("is survived"));
    assert_eq!(doubts.count() == 1, unknown, "{:?}", verdict.gaps);
}

#[test]
fn what_no_fault_disturbs_is_not_asked_whether_it_survives() {
    let mut scene = scene();
    let fault =
        Fault { verb: Verb::Start, target: Target::Worker, savepoint: false, connector: None };
    scene.events.push(Event::Fault { entry: 0, fault, done_ms: None });
    passes(&judged(scene));
}

/// Nothing but the sink was looked at, or not even that.
#[rstest]
#[case::the_sink(true)]
#[case::nothing(false)]
fn something_must_have_been_checked(#[case] compared: bool) {
    let mut scene = scene();
    if !compared {
        unjudge(&mut scene);
    }
    scene.proof(None, &[TOTAL]);
    for event in &mut scene.events {
        if let Event::Topics { topics } = event {
            topics.retain(|topic| topic.name != TOPIC);
        }
    }
    scene.events.retain(|event| !matches!(event, Event::Record(record) if record.topic == TOPIC));
    let verdict = scene.judged();
    let said = verdict.gaps.iter().any(|gap| gap.missing == "no topic and no sink was checked");
    assert_eq!(said, !compared, "{:?}", verdict.gaps);
    // A captured table without its topic is in doubt either way.
    assert_eq!(verdict.outcome, Outcome::Unknown);
}

/// Another run of a scenario is worth it only if nothing but a demanded finding is missing.
#[test]
fn a_run_that_lacks_only_what_it_must_show_is_told_apart() {
    let lost = |place: &str| demand(Anomaly::LostChange, place);
    assert!(!judged(scene()).lacks_only_a_show());
    let mut demanded = scene();
    demanded.header.trial.expect.must_show.push(lost("payments"));
    assert!(judged(demanded.clone()).lacks_only_a_show());
    // Another finding fails it besides.
    demanded.commit(None, Some((2, "bob", 2, 5)));
    demanded.header.trial.expect.must_show = vec![lost("elsewhere")];
    assert!(!judged(demanded).lacks_only_a_show());
}

#[test]
fn a_run_without_any_change_proves_nothing() {
    let mut scene = Scene::new(1).statements();
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    let verdict = scene.judged();
    let why = "no change of a captured table was committed: nothing could go wrong";
    assert!(verdict.gaps.iter().any(|gap| gap.missing == why), "{:?}", verdict.gaps);
}

/// Of a sink that is not judged nobody asks whether anything reaches it.
#[test]
fn a_sink_that_is_not_judged_need_not_be_written() {
    let mut scene = Scene::new(1).statements();
    unjudge(&mut scene);
    scene.insert(0, ANN);
    scene.proof(None, &[]);
    let verdict = scene.judged();
    passes(&verdict);
    assert_eq!(verdict.warnings, [""; 0]);
}

/// What fails the run comes first, wherever it was found.
#[test]
fn what_a_scenario_allows_stands_behind_what_it_does_not() {
    let mut scene = scene();
    scene.commit(None, Some((2, "bob", 2, 5)));
    scene.fires(("bob", 0, 5));
    let allowance = Allowance {
        at: demand(Anomaly::LostChange, "payments").at,
        finding: Anomaly::LostChange,
        place: "payments".to_owned(),
        keys: Vec::new(),
        because: "it may".to_owned(),
    };
    scene.header.trial.expect.may_show.push(allowance);
    let verdict = judged(scene);
    let told = verdict.findings.iter().map(|judged| judged.finding.place.as_str());
    assert_eq!(told.collect::<Vec<_>>(), [SINK, "payments"]);
}

/// Windows that may fire more than once are judged by their end alone, and that is said.
#[rstest]
#[case::early("table.exec.emit.early-fire.enabled", "true", true)]
#[case::late("table.exec.emit.late-fire.enabled", "TRUE", true)]
#[case::switched_off("table.exec.emit.late-fire.enabled", "false", false)]
#[case::another_option("table.exec.mini-batch.enabled", "true", false)]
fn windows_that_fire_again_are_judged_by_their_end(
    #[case] option: &str,
    #[case] value: &str,
    #[case] told: bool,
    #[values(false, true)] by_the_timeline: bool,
) {
    let mut scene = closed();
    let flink = Options::from([(option.to_owned(), value.to_owned())]);
    let trial = &mut scene.header.trial;
    if by_the_timeline {
        let place = Text::whole("s.yaml".into(), String::new()).place(0);
        let action = Action::Set(Box::new(Settings { flink, ..Settings::default() }));
        trial.timeline.push(Entry { place, span: Span::default(), action });
    } else {
        trial.settings.flink = flink;
    }
    scene.fires(("ann", 10, 10));
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    let verdict = scene.judged();
    // Where each window fires once, a second firing is a fault.
    assert_eq!(failing(&verdict).is_empty(), told, "{:?}", verdict.findings);
    let line = format!("sink `totals`: `{option}` lets windows fire more than once");
    let is_told = verdict.not_judged.iter().any(|one| one.starts_with(&line));
    assert_eq!(is_told, told, "{:?}", verdict.not_judged);
}
