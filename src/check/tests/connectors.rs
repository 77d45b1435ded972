//! Two connectors: what was done to one excuses nothing of the other, and each is read by its own
//! rules.

use rstest::rstest;

use super::super::once::judge_once;
use super::super::testing::{Scene, failing, passes, witnesses};
use super::super::verdict::Outcome;
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::history::event::{End, Event};
use crate::history::stream::Stream;
use crate::scenario::pipeline::ConnectorFile;
use crate::scenario::settings::Options;
use crate::scenario::timeline::{Fault, Target, Verb};

const ANN: (i64, &str, i64, i64) = (1, "ann", 1, 10);
const BOB: (i64, &str, i64, i64) = (2, "bob", 2, 5);

/// The table is captured by `shop`; `desk` captures nothing of it. Nobody judges the sink.
fn several() -> Scene {
    let mut scene = Scene::new(1).statements();
    let shop = || Some("shop".to_owned());
    for event in &mut scene.events {
        match event {
            Event::Tables { tables } => tables[0].connector = shop(),
            Event::Topics { topics } => topics[0].connector = shop(),
            Event::Slot { connector, .. } => *connector = shop(),
            Event::Connector { connector, config, .. } => {
                *connector = shop();
                config.insert("slot.name".to_owned(), "s".to_owned());
            }
            _ => {}
        }
    }
    let mut config = Options::from([("slot.name".to_owned(), "d".to_owned())]);
    config.insert("tombstones.on.delete".to_owned(), "false".to_owned());
    let connector = Some("desk".to_owned());
    let submitted = Event::Connector { connector: connector.clone(), config, replaced: Vec::new() };
    scene.events.push(submitted);
    scene.events.push(Event::Slot { connector, point: Lsn(5000) });
    let file = |name: &str| ConnectorFile {
        path: format!("{name}.json").into(),
        name: Some(name.to_owned()),
        options: Options::new(),
    };
    scene.header.trial.pipeline.connectors = vec![file("shop"), file("desk")];
    scene.header.trial.pipeline.sinks.clear();
    scene
}

fn stopped(scene: &mut Scene, connector: Option<usize>) {
    let fault = Fault { connector, ..Fault::of(Verb::Stop, Target::Connector) };
    for done_ms in [None, Some(0)] {
        scene.events.push(Event::Fault { entry: 0, fault, done_ms });
    }
}

#[rstest]
#[case::its_own(Some(0), true)]
#[case::all(None, true)]
#[case::the_other(Some(1), false)]
fn what_comes_again_is_a_replay_where_its_own_connector_was_stopped(
    #[case] connector: Option<usize>,
    #[case] is_replay: bool,
) {
    let mut scene = several();
    let lsn = scene.commit(None, Some(ANN));
    scene.show(0, lsn, (None, Some(ANN)));
    stopped(&mut scene, connector);
    scene.show(0, lsn, (None, Some(ANN)));
    scene.insert(0, BOB);
    scene.proof(None, &[]);
    let verdict = scene.judged();
    let key = Some("1".to_owned());
    if is_replay {
        passes(&verdict);
        assert_eq!(witnesses(&verdict), [(Anomaly::Replay, key)]);
    } else {
        assert_eq!(failing(&verdict), [(Anomaly::DuplicateChange, key)]);
    }
}

#[rstest]
#[case::its_own("s", true)]
#[case::the_other("d", false)]
fn a_restart_that_its_slot_shows_is_its_own(#[case] slot: &str, #[case] is_replay: bool) {
    let mut scene = several();
    let seen = |scene: &mut Scene, pid| {
        for known in ["s", "d"] {
            let pid = if known == slot { pid } else { 7 };
            scene.events.push(Event::Walsender { slot: known.to_owned(), pid: Some(pid) });
        }
    };
    seen(&mut scene, 8);
    let lsn = scene.commit(None, Some(ANN));
    scene.show(0, lsn, (None, Some(ANN)));
    scene.show(0, lsn, (None, Some(ANN)));
    seen(&mut scene, 9);
    scene.proof(None, &[]);
    let names = failing(&scene.judged()).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, if is_replay { vec![] } else { vec![Anomaly::DuplicateChange] });
}

#[test]
fn a_connectors_topic_is_read_by_its_own_rules_and_point() {
    let own = || {
        let mut scene = several();
        scene.insert(0, ANN);
        scene.proof(None, &[]);
        scene
    };
    passes(&own().judged());
    let mut scene = own();
    // As the other connector has it: behind its snapshot, and without tombstones.
    for event in &mut scene.events {
        if let Event::Tables { tables } = event {
            tables[0].connector = Some("desk".to_owned());
        }
    }
    assert!(!failing(&scene.judged()).is_empty(), "its snapshot would have shown the row");
}

#[test]
fn a_table_whose_connector_was_never_seen_is_undecided() {
    let mut scene = several();
    scene.insert(0, ANN);
    scene.proof(None, &[]);
    scene.events.retain(
        |event| !matches!(event, Event::Connector { connector: Some(name), .. } if name == "shop"),
    );
    let verdict = scene.judged();
    assert_eq!(verdict.outcome, Outcome::Unknown);
    assert!(verdict.gaps.iter().any(|gap| gap.missing.contains("`shop`")), "{:?}", verdict.gaps);
}

#[test]
fn one_pass_leaves_several_connectors_to_the_whole_judge() {
    let mut scene = several();
    scene.insert(0, ANN);
    scene.proof(None, &[]);
    scene.events.push(Event::End(End::Completed));
    let history = scene.so_far();
    let told = judge_once(|| Ok(Stream::of(&history))).unwrap().judged.err();
    assert!(told.as_ref().is_some_and(|why| why.contains("several connectors")), "{told:?}");
}
