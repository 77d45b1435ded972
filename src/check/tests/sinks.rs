//! What a sink without windows holds, against its reference.

use rstest::rstest;

use super::super::testing::{SINK, Scene, Total, failing};
use super::super::verdict::Verdict;
use crate::base::anomaly::Anomaly;
use crate::history::event::{Event, Side, SinkMode};

const ANN: (i64, &str, i64, i64) = (1, "ann", 1, 10);
const ROW: Total<'static> = ("ann", 0, 10);
const OTHER: Total<'static> = ("bob", 0, 5);

fn scene(mode: SinkMode) -> Scene {
    let mut scene = Scene::new(1);
    scene.mode = mode;
    scene.keyed = mode == SinkMode::Upsert;
    scene.without_window();
    let mut scene = scene.statements();
    scene.insert(0, ANN);
    scene.fires(OTHER);
    scene
}

fn judged(mode: SinkMode, held: &[Total<'_>], wanted: &[Total<'_>]) -> Verdict {
    let mut scene = scene(mode);
    for total in held {
        scene.fires(*total);
    }
    scene.proof(None, &[wanted, &[OTHER]].concat());
    scene.judged()
}

const UPSERT: SinkMode = SinkMode::Upsert;
const APPEND: SinkMode = SinkMode::Append;

#[rstest]
#[case::lost(UPSERT, &[], &[ROW], Anomaly::LostChange, "lacks a row that its reference has")]
#[case::ghost(UPSERT, &[ROW], &[], Anomaly::GhostRow, "a row that its reference does not have")]
#[case::other(UPSERT, &[("ann", 0, 9)], &[ROW], Anomaly::DivergedSink, "shows another `total`")]
#[case::lost_of_many(APPEND, &[ROW], &[ROW, ROW], Anomaly::LostChange, "lacks a row")]
#[case::too_often(APPEND, &[ROW, ROW], &[ROW], Anomaly::DuplicateChange, "holds a row more often")]
fn each_difference_from_the_reference_has_its_name_and_says_what_it_is(
    #[case] mode: SinkMode,
    #[case] held: &[Total<'_>],
    #[case] wanted: &[Total<'_>],
    #[case] anomaly: Anomaly,
    #[case] says: &str,
) {
    let verdict = judged(mode, held, wanted);
    let names = failing(&verdict).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, [anomaly]);
    let sentence = &verdict.findings[0].finding.sentence;
    assert!(sentence.contains(says), "{sentence}");
}

#[rstest]
#[case::what_the_reference_held(10, Anomaly::StaleOverwrite)]
#[case::what_it_never_held(11, Anomaly::DivergedSink)]
fn a_value_is_stale_where_the_reference_held_it_at_an_earlier_proof(
    #[case] stays: i64,
    #[case] anomaly: Anomaly,
) {
    let mut scene = scene(UPSERT);
    scene.fires(ROW);
    scene.proof(None, &[ROW, OTHER]);
    scene.change(0, Some(ANN), Some((1, "ann", 1, 20)));
    if stays != ROW.2 {
        scene.fires(("ann", 0, stays));
    }
    scene.proof(None, &[("ann", 0, 20), OTHER]);
    let key = Some("ann,2025-01-01 10:00:00".to_owned());
    assert_eq!(failing(&scene.judged()), [(anomaly, key)]);
}

/// The sink holds the row twice; over the topics its reference has it so often.
#[rstest]
#[case::the_topics_have_it_once(1, "cdc.public.payments → totals")]
#[case::the_topics_have_it_twice(2, "journal → cdc.public.payments")]
fn the_reference_over_the_topics_tells_which_hop_repeated_a_row(
    #[case] n_over_topics: usize,
    #[case] hop: &str,
) {
    let mut scene = scene(APPEND);
    scene.fires(ROW);
    scene.fires(ROW);
    scene.proof(None, &[ROW, OTHER]);
    let over_topics = scene.events.iter().find_map(|event| match event {
        Event::Reference(reference) if reference.sink == SINK => {
            let mut over_topics = reference.clone();
            over_topics.side = Side::Topics;
            let again = over_topics.rows[0].clone();
            over_topics.rows.extend((1..n_over_topics).map(|_| again.clone()));
            Some(Event::Reference(over_topics))
        }
        _ => None,
    });
    scene.events.extend(over_topics);
    let verdict = scene.judged();
    assert_eq!(verdict.findings.len(), 1, "{:?}", verdict.findings);
    assert_eq!(verdict.findings[0].finding.first_hop.as_deref(), Some(hop));
}

/// Without a key rows are told apart by their texts, but for what floating-point arithmetic may leave.
#[rstest]
#[case::within_the_tolerance("DOUBLE", "0.30000000000000004", &[])]
#[case::beyond_it("DOUBLE", "0.31", &[Anomaly::GhostRow, Anomaly::LostChange])]
fn rows_without_key_may_differ_by_the_tolerance_of_floats(
    #[case] kind: &str,
    #[case] held: &str,
    #[case] told: &[Anomaly],
) {
    let mut scene = Scene::new(1);
    (scene.mode, scene.keyed) = (APPEND, false);
    scene.without_window();
    let mut scene = scene.statements();
    scene.insert(0, ANN);
    let row = |total: &str| {
        format!(r#"{{"account":"ann","window_end":"2025-01-01 10:00:00","total":{total}}}"#)
    };
    scene.record(SINK, 0, None, Some(row(held)));
    scene.proof(None, &[ROW]);
    for event in &mut scene.events {
        match event {
            Event::Sinks { sinks } => kind.clone_into(&mut sinks[0].columns[2].1),
            Event::Reference(reference) => {
                kind.clone_into(&mut reference.columns[2].1);
                reference.rows[0][2] = Some("0.3".to_owned());
            }
            _ => {}
        }
    }
    let names = failing(&scene.judged()).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, told);
}
