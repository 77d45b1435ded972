//! What the scenario demands, allows and promises.

use rstest::rstest;

use super::super::testing::{SINK, Scene, Total, demand, failing, passes};
use super::super::verdict::{Outcome, Status};
use crate::base::anomaly::Anomaly;
use crate::base::text::{Place, Text};
use crate::history::event::Event;
use crate::scenario::expect::{Allowance, Demand, Life, PlanTexts};
use crate::scenario::pipeline::Sink;

const ANN: (i64, &str, i64, i64) = (1, "ann", 1, 10);
const TEN: Total<'static> = ("ann", 0, 10);

fn place() -> Place {
    Text::whole("p.yaml".into(), String::new()).place(0)
}

fn allowance(finding: Anomaly, keys: &[&str]) -> Allowance {
    Allowance {
        at: place(),
        finding,
        place: SINK.to_owned(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        because: "it may".to_owned(),
    }
}

/// A payment, and a sink without windows that holds this, beside what it should hold.
fn scene(held: &[Total<'_>], wanted: &[Total<'_>]) -> Scene {
    let mut scene = Scene::new(1).statements();
    scene.without_window();
    scene.insert(0, ANN);
    for total in held {
        scene.fires(*total);
    }
    scene.proof(None, wanted);
    scene
}

#[rstest]
#[case::any_row(Anomaly::GhostRow, &[], true)]
#[case::of_this_key(Anomaly::GhostRow, &["ann,2025-01-01 10:00:00"], true)]
#[case::of_another_key(Anomaly::GhostRow, &["bob,2025-01-01 10:00:00"], false)]
#[case::of_another_name(Anomaly::LostChange, &[], false)]
fn what_may_be_shown_is_allowed_and_what_is_not_seen_of_it_is_told(
    #[case] finding: Anomaly,
    #[case] keys: &[&str],
    #[case] allowed: bool,
) {
    let mut scene = scene(&[TEN], &[]);
    scene.header.trial.expect.may_show.push(allowance(finding, keys));
    let verdict = scene.judged();
    let statuses = verdict.findings.iter().map(|judged| &judged.status).collect::<Vec<_>>();
    let because = Status::Allowed("it may".to_owned());
    assert_eq!(statuses, [if allowed { &because } else { &Status::Failing }], "{verdict:?}");
    let told = verdict.warnings.iter().any(|warning| warning.ends_with("was not seen"));
    assert_eq!(told, !allowed, "{:?}", verdict.warnings);
}

#[rstest]
#[case::another_place("payments", &[], true)]
#[case::this_key(SINK, &["ann,2025-01-01 10:00:00"], false)]
#[case::another_key(SINK, &["bob,2025-01-01 10:00:00"], true)]
fn what_must_be_shown_must_be_shown_there_and_of_the_key(
    #[case] place: &str,
    #[case] keys: &[&str],
    #[case] missing: bool,
) {
    let mut scene = scene(&[TEN], &[]);
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    let demand = Demand { keys, ..demand(Anomaly::GhostRow, place) };
    scene.header.trial.expect.must_show.push(demand);
    let verdict = scene.judged();
    assert_eq!(verdict.unmet.len(), usize::from(missing), "{:?}", verdict.unmet);
    let ghost = (Anomaly::GhostRow, Some("ann,2025-01-01 10:00:00".to_owned()));
    assert_eq!(failing(&verdict), if missing { vec![ghost] } else { Vec::new() });
    assert_eq!(verdict.control, !missing);
}

#[rstest]
#[case::it_has_it(&["Rank"], &[], 0)]
#[case::it_does_not_have_it(&["Rank", "Join"], &[], 1)]
#[case::it_lacks_it(&[], &["Join"], 0)]
#[case::it_does_not_lack_it(&[], &["Rank", "Join"], 1)]
fn the_plan_has_what_it_must_have_and_nothing_that_it_must_not(
    #[case] has: &[&str],
    #[case] lacks: &[&str],
    #[case] n_unmet: usize,
) {
    let mut scene = scene(&[TEN], &[TEN]);
    let text = "Sink(Rank(Source))".to_owned();
    scene.events.push(Event::Plan { sink: SINK.to_owned(), text });
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let texts = PlanTexts { has: owned(has), lacks: owned(lacks) };
    scene.header.trial.expect.plan.insert(SINK.to_owned(), texts);
    let verdict = scene.judged();
    assert_eq!(verdict.unmet.len(), n_unmet, "{:?}", verdict.unmet);
    assert_eq!(verdict.outcome, if n_unmet == 0 { Outcome::Pass } else { Outcome::Fail });
}

#[test]
fn a_plan_that_was_not_recorded_is_unknown() {
    let mut scene = scene(&[TEN], &[TEN]);
    scene.header.trial.expect.plan.insert(SINK.to_owned(), PlanTexts::default());
    assert_eq!(scene.judged().outcome, Outcome::Unknown);
}

/// Another sink of the same topic that was written, so that the run itself proves something.
fn beside_a_written_sink(mut scene: Scene) -> Scene {
    for event in &mut scene.events {
        if let Event::Sinks { sinks } = event {
            let mut other = sinks[0].clone();
            "empty".clone_into(&mut other.name);
            "empty".clone_into(&mut other.topic);
            sinks.push(other);
        }
        if let Event::Proof(proof) = event {
            proof.ends.insert("empty".to_owned(), vec![(0, 0)]);
        }
    }
    let references = scene.events.iter().filter_map(|event| match event {
        Event::Reference(reference) => {
            let mut other = reference.clone();
            "empty".clone_into(&mut other.sink);
            other.rows.clear();
            Some(Event::Reference(other))
        }
        _ => None,
    });
    let references = references.collect::<Vec<_>>();
    scene.events.extend(references);
    let text = Text::whole("p.yaml".into(), "SELECT 1".to_owned());
    let sink = Sink::Judged { reference: text, window: None };
    scene.header.trial.pipeline.sinks.insert("empty".to_owned(), sink);
    scene
}

#[test]
fn a_sink_that_nothing_reaches_is_a_warning_where_another_was_written() {
    let verdict = beside_a_written_sink(scene(&[TEN], &[TEN])).judged();
    passes(&verdict);
    let idle = verdict.warnings.iter().filter(|warning| warning.contains("was not exercised"));
    assert_eq!(idle.count(), 1, "{:?}", verdict.warnings);
}

#[test]
fn a_sink_that_nothing_reaches_is_unknown_where_the_scenario_names_it() {
    let names: [fn(&mut Scene); 3] = [
        |scene| {
            let life = Life { place: place(), source: String::new(), items: Vec::new() };
            let lives = [("ann,2025-01-01 10:00:00".to_owned(), life)].into();
            scene.header.trial.expect.life.insert("empty".to_owned(), lives);
        },
        |scene| {
            let level = crate::scenario::expect::Level::Final;
            scene.header.trial.expect.consistency.insert("empty".to_owned(), level);
        },
        |scene| {
            let allowance = allowance(Anomaly::GhostRow, &[]);
            let allowance = Allowance { place: "empty".to_owned(), ..allowance };
            scene.header.trial.expect.may_show.push(allowance);
        },
    ];
    for (n, name) in names.into_iter().enumerate() {
        let mut scene = beside_a_written_sink(scene(&[TEN], &[TEN]));
        name(&mut scene);
        let verdict = scene.judged();
        let gaps = verdict.gaps.iter().map(|gap| gap.missing.as_str()).collect::<Vec<_>>();
        let why = "it never held a row: nothing in the timeline reaches it";
        assert_eq!(gaps, [why], "{n}");
    }
}

/// A demand at another place excuses no sink, and one at its own does.
#[rstest]
#[case::its_own(SINK, true)]
#[case::another("payments", false)]
fn a_sink_that_must_show_something_need_not_be_written(#[case] at: &str, #[case] excused: bool) {
    let mut scene = scene(&[], &[]);
    scene.header.trial.expect.must_show.push(demand(Anomaly::LostChange, at));
    let verdict = scene.judged();
    let idle = verdict.gaps.iter().any(|gap| gap.missing.starts_with("it never held a row"));
    assert_eq!(idle, !excused, "{:?}", verdict.gaps);
}
