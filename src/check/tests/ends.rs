//! How a run ended, and what is judged then.

use rstest::rstest;

use super::super::testing::{Payment, Scene, failing};
use super::super::verdict::{Invalid, Outcome, Verdict};
use super::super::{judge, testing};
use crate::base::anomaly::Anomaly;
use crate::base::exit::Exit;
use crate::history::History;
use crate::history::event::{End, Event};

const ANN: Payment<'_> = (1, "ann", 1, 10);

fn judged(scene: Scene, end: End) -> Verdict {
    let mut events = scene.events;
    events.push(Event::End(end));
    judge(&History::new(scene.header, events))
}

fn trouble(finding: Anomaly) -> Event {
    Event::Trouble {
        finding,
        place: "connector".to_owned(),
        at: None,
        sentence: "it did".to_owned(),
        detail: Vec::new(),
    }
}

#[test]
fn a_run_that_was_broken_off_says_nothing_of_the_pipeline() {
    let mut scene = Scene::new(1).statements();
    scene.commit(None, Some(ANN));
    scene.proof(None, &[]);
    let (exit, sentence) = (Exit::Interrupted, "Ctrl-C".to_owned());
    let verdict = judged(scene, End::Aborted { exit, sentence: sentence.clone() });
    assert_eq!(verdict.outcome, Outcome::Invalid);
    assert_eq!((verdict.invalid, verdict.findings.len()), (Some(Invalid { exit, sentence }), 0));
}

/// What was proven before stays; what only the journal's end makes strange does not count.
#[rstest]
#[case::a_lost_row(true, Exit::StackNotUp, Outcome::Fail)]
#[case::nothing(false, Exit::StackNotUp, Outcome::Invalid)]
#[case::who_interrupts_wants_no_verdict(true, Exit::Interrupted, Outcome::Invalid)]
#[case::a_record_that_is_not_to_be_trusted(true, Exit::CaptureBroken, Outcome::Invalid)]
fn a_run_that_lost_its_stack_keeps_what_it_had_proven(
    #[case] loses: bool,
    #[case] exit: Exit,
    #[case] outcome: Outcome,
) {
    let mut scene = Scene::new(1).statements();
    scene.header.trial.pipeline.sinks.clear();
    if loses {
        scene.commit(None, Some(ANN));
    } else {
        scene.insert(0, ANN);
    }
    scene.proof(None, &[]);
    // The journal may end before the topics do.
    scene.show(0, crate::base::position::Lsn(5000), (None, Some((9, "nobody", 1, 1))));
    let sentence = "Kafka does not answer".to_owned();
    let verdict = judged(scene, End::Aborted { exit, sentence });
    assert_eq!(verdict.outcome, outcome);
    let names = failing(&verdict).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    if outcome == Outcome::Fail {
        assert_eq!(names, [Anomaly::LostChange]);
        assert_eq!(verdict.gaps.len(), 1);
        assert_eq!(verdict.gaps[0].missing, "the run ended early: Kafka does not answer");
    } else {
        assert_eq!((names.len(), verdict.invalid.map(|why| why.exit)), (0, Some(exit)));
    }
}

/// What was not reached is not missing, and the trouble is the finding.
#[rstest]
#[case::everything_recorded(|_: &Event| true)]
#[case::no_connector(|event: &Event| !matches!(event, Event::Connector { .. }))]
#[case::no_point(|event: &Event| !matches!(event, Event::Slot { .. }))]
#[case::no_tables(|event: &Event| !matches!(event, Event::Tables { .. }))]
#[case::nothing(|event: &Event| matches!(event, Event::Trouble { .. }))]
fn a_run_that_ends_in_trouble_fails_by_it_alone(#[case] recorded: fn(&Event) -> bool) {
    let mut scene = Scene::new(1).statements();
    scene.header.trial.pipeline.sinks.clear();
    scene.events.push(trouble(Anomaly::ConnectorFailed));
    scene.events.retain(recorded);
    let verdict = judged(scene, End::Trouble);
    assert_eq!(failing(&verdict), [(Anomaly::ConnectorFailed, None)]);
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert_eq!(verdict.gaps, []);
    let rest = "what comes after the trouble: the run ended there".to_owned();
    assert!(verdict.not_judged.contains(&rest), "{:?}", verdict.not_judged);
}

/// The same gaps count where the run went to its end, or its trouble is not there.
#[rstest]
#[case::completed(End::Completed, true)]
#[case::an_unnamed_trouble(End::Trouble, false)]
fn a_run_that_lacks_evidence_and_has_no_trouble_is_unknown(#[case] end: End, #[case] named: bool) {
    let mut scene = Scene::new(1).statements();
    scene.header.trial.pipeline.sinks.clear();
    if named {
        scene.proof(None, &[]);
    }
    let left_out = |event: &Event| {
        matches!(event, Event::Connector { .. } | Event::Slot { .. } | Event::Tables { .. })
    };
    scene.events.retain(|event| !left_out(event));
    let verdict = judged(scene, end);
    assert_eq!(verdict.outcome, Outcome::Unknown);
    let gaps = verdict.gaps.iter().map(|gap| gap.missing.as_str()).collect::<Vec<_>>();
    assert!(gaps.contains(&"the source tables were not recorded"), "{gaps:?}");
    assert!(gaps.contains(&"no connector's configuration was recorded"), "{gaps:?}");
}

#[test]
fn the_point_of_the_slot_is_evidence() {
    let mut scene = Scene::new(1).statements();
    scene.header.trial.pipeline.sinks.clear();
    scene.insert(0, ANN);
    scene.proof(None, &[]);
    scene.events.retain(|event| !matches!(event, Event::Slot { .. }));
    let verdict = judged(scene, End::Completed);
    let told = verdict.gaps.iter().any(|gap| gap.missing.contains("consistent point was not"));
    assert!(told, "{:?}", verdict.gaps);
}

/// The worst comes first: what the run itself saw stands before what follows from it.
#[test]
fn what_the_run_saw_stands_before_what_follows_from_it() {
    let mut scene = Scene::new(1).statements();
    scene.header.trial.pipeline.sinks.clear();
    scene.insert(0, ANN);
    scene.show(0, crate::base::position::Lsn(5000), (None, Some((9, "nobody", 1, 1))));
    scene.events.push(trouble(Anomaly::Stalled));
    let verdict = judged(scene, End::Trouble);
    let names = failing(&verdict).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names.first(), Some(&Anomaly::Stalled), "{names:?}");
}

/// A row of a transaction that was rolled back has a name of its own.
#[rstest]
#[case::rolled_back(true, Anomaly::AbortedChange)]
#[case::unknown(false, Anomaly::PhantomChange)]
fn a_row_that_was_never_committed_is_told_by_its_transaction(
    #[case] aborted: bool,
    #[case] name: Anomaly,
) {
    let mut scene = Scene::new(1).statements();
    scene.header.trial.pipeline.sinks.clear();
    scene.insert(0, ANN);
    let lsn = crate::base::position::Lsn(5000);
    scene.show(0, lsn, (None, Some((9, "nobody", 1, 1))));
    if aborted {
        let (entry, session, xid) = (Some(0), "a".to_owned(), testing::xid(lsn));
        scene.events.push(Event::Abort { entry, session, xid });
    }
    scene.proof(None, &[]);
    let verdict = judged(scene, End::Completed);
    assert_eq!(failing(&verdict), [(name, Some("9".to_owned()))]);
}

/// A source table is named with its schema only where its name alone would not tell.
#[rstest]
#[case::alone("elsewhere", "payments")]
#[case::beside_its_namesake("payments", "public.payments")]
fn a_table_with_a_namesake_is_named_with_its_schema(#[case] other: &str, #[case] place: &str) {
    let mut scene = Scene::new(1).statements();
    scene.header.trial.pipeline.sinks.clear();
    for event in &mut scene.events {
        if let Event::Tables { tables } = event {
            let mut namesake = testing::table();
            namesake.oid = 3;
            other.clone_into(&mut namesake.name);
            "other".clone_into(&mut namesake.schema);
            namesake.captured = false;
            tables.push(namesake);
        }
    }
    scene.commit(None, Some(ANN));
    scene.insert(0, (2, "bob", 2, 5));
    scene.proof(None, &[]);
    let verdict = judged(scene, End::Completed);
    let found = verdict.findings.iter().map(|judged| judged.finding.place.as_str());
    assert_eq!(found.collect::<Vec<_>>(), [place]);
}

/// Two tombstones are two records: only the one that a repeated delete takes along is told with it.
#[test]
fn a_tombstone_that_comes_again_alone_is_a_duplicate() {
    let mut scene = Scene::new(1).statements();
    scene.header.trial.pipeline.sinks.clear();
    scene.insert(0, ANN);
    scene.change(0, Some(ANN), None);
    scene.record(testing::TOPIC, 0, Some(scene.key(ANN)), None);
    scene.proof(None, &[]);
    let verdict = judged(scene, End::Completed);
    assert_eq!(failing(&verdict), [(Anomaly::DuplicateChange, Some("1".to_owned()))]);
}

/// A change of the key of which nothing arrived is one lost change; of which a part arrived, that
/// part has a name of its own.
#[rstest]
#[case::nothing(false, &[Anomaly::LostChange])]
#[case::the_delete(true, &[Anomaly::SplitKeyChange])]
fn a_change_of_the_key_is_lost_as_one(#[case] delete: bool, #[case] found: &[Anomaly]) {
    let mut scene = Scene::new(1).statements();
    scene.header.trial.pipeline.sinks.clear();
    scene.insert(0, ANN);
    let lsn = scene.commit(Some(ANN), Some((2, "ann", 1, 10)));
    if delete {
        scene.show(0, lsn, (Some(ANN), None));
    }
    scene.insert(0, (3, "cid", 3, 1));
    scene.proof(None, &[]);
    let verdict = judged(scene, End::Completed);
    let names = failing(&verdict).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, found);
}
