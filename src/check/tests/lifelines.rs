//! The life that a scenario promises of a key.

use rstest::rstest;

use super::super::testing::{Payment, SINK, Scene, Total, demand, passes};
use crate::base::anomaly::Anomaly;
use crate::history::event::{Event, SinkMode};
use crate::scenario::expect::{Life, LifeItem};
use crate::scenario::timeline::{Fault, Target, Verb};

const ANN: Payment<'_> = (1, "ann", 1, 10);
const TOTAL: Total<'_> = ("ann", 0, 10);

/// A key of a place lives through these events, each once.
fn promise(scene: &mut Scene, place: &str, key: &str, events: &[&str]) {
    let item = |event: &&str| LifeItem { events: vec![(*event).to_owned()], min: 1, max: Some(1) };
    let life = Life {
        place: demand(Anomaly::LostChange, place).at,
        source: events.join(" "),
        items: events.iter().map(item).collect(),
    };
    let lives = [(key.to_owned(), life)].into();
    scene.header.trial.expect.life.insert(place.to_owned(), lives);
}

/// A total that is written twice; perhaps the statements were stopped and started before.
fn written_twice(restarted: bool, promised: &[&str]) -> crate::check::verdict::Verdict {
    let mut scene = Scene::new(1);
    scene.mode = SinkMode::Upsert;
    let mut scene = scene.statements();
    scene.without_window();
    scene.insert(0, ANN);
    scene.fires(TOTAL);
    if restarted {
        let fault = Fault {
            verb: Verb::Kill,
            target: Target::Statements,
            savepoint: false,
            connector: None,
        };
        for done_ms in [None, Some(0)] {
            scene.events.push(Event::Fault { entry: 0, fault, done_ms });
        }
    }
    scene.fires(TOTAL);
    scene.proof(None, &[TOTAL]);
    promise(&mut scene, SINK, "ann,2025-01-01 10:00:00", promised);
    scene.judged()
}

/// A statement that was started again may write again what it had written; so both readings fit.
#[rstest]
#[case::as_it_is(false, &["+U", "+U"], true)]
#[case::once(false, &["+U"], false)]
#[case::once_and_again(true, &["+U"], true)]
#[case::twice_and_again(true, &["+U", "+U"], true)]
#[case::another(true, &["+U", "-D"], false)]
fn the_life_of_a_row_of_a_sink_may_repeat_behind_a_restart(
    #[case] restarted: bool,
    #[case] promised: &[&str],
    #[case] fits: bool,
) {
    let verdict = written_twice(restarted, promised);
    if fits {
        return passes(&verdict);
    }
    assert_eq!(verdict.unmet.len(), 1);
    let told = &verdict.unmet[0];
    assert_eq!(told.demand, "life");
    let seen = format!("at `totals` is `+U +U`, expected `{}`", promised.join(" "));
    assert!(told.sentence.ends_with(&seen), "{}", told.sentence);
}

/// At a topic every record counts, whatever was restarted.
#[rstest]
#[case::every_record(&["c", "u"], true)]
#[case::one_of_them(&["c"], false)]
fn the_life_of_a_row_of_a_table_is_every_record(#[case] promised: &[&str], #[case] fits: bool) {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    let fault =
        Fault { verb: Verb::Kill, target: Target::Statements, savepoint: false, connector: None };
    for done_ms in [None, Some(0)] {
        scene.events.push(Event::Fault { entry: 0, fault, done_ms });
    }
    scene.change(0, Some(ANN), Some(ANN));
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    promise(&mut scene, "payments", "1", promised);
    let verdict = scene.judged();
    assert_eq!(verdict.unmet.is_empty(), fits, "{:?}", verdict.unmet);
}
