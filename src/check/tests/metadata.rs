//! Transaction metadata.

use rstest::rstest;

use super::super::testing::{Scene, failing};
use crate::base::anomaly::Anomaly;
use crate::history::event::Event;

/// One transaction whose END counts this many events; `block`: its record says its place.
fn told(marks: Option<u64>, block: bool) -> Vec<Anomaly> {
    let mut scene = Scene::new(1).statements().with_metadata();
    scene.metadata = block;
    let new = Some((1, "ann", 1, 10));
    let lsn = scene.commit(None, new);
    scene.show(0, lsn, (None, new));
    if let Some(count) = marks {
        scene.marks(lsn, count);
    }
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    failing(&scene.judged()).into_iter().map(|(name, _)| name).collect()
}

const TORN: Anomaly = Anomaly::TornTransaction;

#[rstest]
#[case::right(Some(1), true, &[])]
#[case::too_many(Some(2), true, &[TORN, TORN])]
#[case::no_marks(None, true, &[TORN, TORN])]
#[case::no_block(Some(1), false, &[TORN])]
fn marks_and_records_must_agree_with_the_journal(
    #[case] marks: Option<u64>,
    #[case] block: bool,
    #[case] found: &[Anomaly],
) {
    assert_eq!(told(marks, block), found);
}

#[test]
fn a_connector_that_does_not_tell_transactions_apart_is_not_judged_on_them() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, (1, "ann", 1, 10));
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    assert_eq!(failing(&scene.judged()), []);
}

#[test]
fn an_end_that_stands_before_its_begin_is_told() {
    let mut scene = Scene::new(1).statements().with_metadata();
    let new = Some((1, "ann", 1, 10));
    let lsn = scene.commit(None, new);
    scene.show(0, lsn, (None, new));
    scene.marks(lsn, 1);
    let marks = scene.events.iter_mut().rev().filter_map(|event| match event {
        Event::Record(record) => Some(record),
        _ => None,
    });
    let mut marks = marks.take(2).collect::<Vec<_>>();
    let (end, begin) = (marks[0].value.clone(), marks[1].value.clone());
    (marks[0].value, marks[1].value) = (begin, end);
    scene.proof(None, &[]);
    scene.header.trial.pipeline.sinks.clear();
    let verdict = scene.judged();
    assert_eq!(failing(&verdict).len(), 1, "{:?}", verdict.findings);
    let sentence = &verdict.findings[0].finding.sentence;
    assert!(sentence.contains("stands before its BEGIN"), "{sentence}");
}
