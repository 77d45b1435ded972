//! Windows: `totals` sums payments by account over ten minutes.

use rstest::rstest;

use super::super::testing::{SINK, Scene, TOPIC, failing, passes, witnesses};
use super::super::verdict::{Finding, Outcome, Verdict};
use super::super::wanted;
use super::scene::names;
use crate::base::anomaly::Anomaly;
use crate::base::text::Text;
use crate::history::event::{Event, ProofGap, SinkMode, Time};
use crate::model::source::Unseen;
use crate::scenario::expect::{Demand, Level};

const KEY: &str = "ann,2025-01-01 10:10:00";

/// A finding at the first window of ann.
fn at_ann(anomaly: Anomaly) -> (Anomaly, Option<String>) {
    (anomaly, Some(KEY.to_owned()))
}

/// Two payments of the first window and one that closes it.
pub(super) fn closed() -> Scene {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, (1, "ann", 1, 10));
    scene.insert(0, (2, "ann", 2, 5));
    scene.insert(0, (9, "tick", 10, 0));
    scene
}

pub(super) const FIRST: (&str, i64, i64) = ("ann", 10, 15);
pub(super) const OPEN: (&str, i64, i64) = ("tick", 20, 0);

#[test]
fn a_window_that_fires_once_with_all_its_rows_passes() {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    let verdict = scene.judged();
    passes(&verdict);
    assert_eq!(witnesses(&verdict), []);
}

#[rstest]
#[case::wrong(&[("ann", 10, 10)], Anomaly::WindowWrongValue)]
#[case::again(&[FIRST, FIRST], Anomaly::WindowRepeated)]
#[case::never(&[], Anomaly::WindowMissing)]
fn a_window_that_does_not_fire_once_and_rightly_is_told(
    #[case] fired: &[(&str, i64, i64)],
    #[case] anomaly: Anomaly,
) {
    let mut scene = closed();
    scene.fires(("bob", 10, 1));
    for total in fired {
        scene.fires(*total);
    }
    scene.proof(Some(10), &[FIRST, ("bob", 10, 1), OPEN]);
    assert_eq!(failing(&scene.judged()), [at_ann(anomaly)]);
}

#[test]
fn a_wrong_window_is_told_once_where_the_end_of_the_run_counts_too() {
    let mut scene = closed();
    scene.header.trial.expect.consistency.insert(SINK.to_owned(), Level::Final);
    scene.fires(("ann", 10, 10));
    scene.proof(Some(10), &[FIRST, OPEN]);
    assert_eq!(failing(&scene.judged()), [at_ann(Anomaly::WindowWrongValue)]);
}

/// The window fired at one state of the input for certain, or at either of two.
#[rstest]
#[case::one(&[], "the one state of the input at which it may have fired")]
#[case::two(&[3], "any of the 2 states of the input at which it may have fired")]
fn a_wrong_window_is_told_with_the_states_that_it_was_compared_with(
    #[case] cut: &[i64],
    #[case] states: &str,
) {
    let mut scene = if cut.is_empty() { closed() } else { late(110) };
    if cut.is_empty() {
        scene.fires(("ann", 10, 110));
        scene.proof(Some(10), &[FIRST, OPEN]);
    } else {
        scene.cut(cut, &[FIRST, OPEN]);
    }
    let verdict = scene.judged();
    let sentence = &said(&verdict, Anomaly::WindowWrongValue).sentence;
    assert!(sentence.contains(states), "{sentence}");
}

#[test]
fn a_window_that_its_reference_never_knew_is_a_ghost() {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.fires(("eve", 10, 3));
    scene.proof(Some(10), &[FIRST, OPEN]);
    let eve = Some("eve,2025-01-01 10:10:00".to_owned());
    assert_eq!(failing(&scene.judged()), [(Anomaly::WindowGhost, eve)]);
}

#[test]
fn a_window_that_fires_before_a_proof_that_its_end_is_unreached_is_early() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, (1, "ann", 1, 10));
    scene.insert(0, (2, "ann", 2, 5));
    scene.fires(FIRST);
    scene.proof(Some(2), &[FIRST]);
    scene.insert(0, (9, "tick", 10, 0));
    scene.proof(Some(10), &[FIRST, OPEN]);
    assert_eq!(failing(&scene.judged()), [at_ann(Anomaly::WindowEarly)]);
}

#[test]
fn the_last_millisecond_of_a_window_closes_it() {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            *proof.watermarks.get_mut(SINK).unwrap().as_mut().unwrap() -= 1;
        }
    }
    passes(&scene.judged());
}

#[test]
fn a_row_that_comes_after_the_firing_is_a_witness_and_no_fault() {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    scene.insert(0, (3, "ann", 3, 100));
    scene.proof(Some(10), &[("ann", 10, 115), OPEN]);
    let verdict = scene.judged();
    passes(&verdict);
    assert_eq!(witnesses(&verdict), [at_ann(Anomaly::LateChange)]);
}

#[test]
fn a_window_that_counts_a_row_that_came_after_a_proven_firing_is_wrong() {
    let mut scene = closed();
    scene.fires(("ann", 10, 115));
    scene.proof(Some(10), &[FIRST, OPEN]);
    scene.insert(0, (3, "ann", 3, 100));
    scene.proof(Some(10), &[("ann", 10, 115), OPEN]);
    assert_eq!(failing(&scene.judged()), [at_ann(Anomaly::WindowWrongValue)]);
}

/// A late row between the record that closes the window and the proof: it may have come before the
/// firing or after it.
fn late(fired: i64) -> Scene {
    let mut scene = closed();
    scene.insert(0, (3, "ann", 3, 100));
    scene.fires(("ann", 10, fired));
    scene.proof(Some(10), &[("ann", 10, 115), OPEN]);
    scene
}

#[rstest]
#[case::without_it(15, &[at_ann(Anomaly::LateChange)])]
#[case::with_it(115, &[])]
fn a_row_that_comes_while_the_window_may_fire_may_be_in_it_or_not(
    #[case] fired: i64,
    #[case] seen: &[(Anomaly, Option<String>)],
) {
    let mut scene = late(fired);
    scene.cut(&[3], &[FIRST, OPEN]);
    let verdict = scene.judged();
    passes(&verdict);
    assert_eq!(witnesses(&verdict), seen);
}

#[test]
fn a_value_of_no_state_while_the_window_may_fire_is_wrong() {
    let mut scene = late(110);
    scene.cut(&[3], &[FIRST, OPEN]);
    assert_eq!(failing(&scene.judged()), [at_ann(Anomaly::WindowWrongValue)]);
}

#[test]
fn without_the_reference_between_the_changes_nothing_is_decided() {
    let verdict = late(15).judged();
    assert_eq!(verdict.outcome, Outcome::Unknown);
    assert!(verdict.gaps[0].missing.contains("was not recorded"), "{:?}", verdict.gaps);
}

#[test]
fn the_live_part_is_asked_for_the_cuts_that_matter_and_for_no_others() {
    let mut scene = late(15);
    let wanted = wanted(&scene.so_far());
    let offsets = wanted.iter().map(|wanted| wanted.cut.0[TOPIC].clone()).collect::<Vec<_>>();
    assert_eq!(offsets, [vec![3]]);
    let rows = wanted[0].tables[&0].iter().count();
    assert_eq!(rows, 3, "two payments and the one that closes the window");
    let unseen = Unseen { table: 0, position: 4, op: 'c' };
    assert_eq!(wanted[0].unseen, Some(vec![unseen]), "the late one is not among its changes");
    scene.cut(&[3], &[FIRST, OPEN]);
    assert!(super::super::wanted(&scene.so_far()).is_empty());
}

#[test]
fn a_late_delete_may_leave_a_window_without_a_row() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, (1, "ann", 1, 10));
    scene.insert(0, (4, "bob", 4, 1));
    scene.insert(0, (9, "tick", 10, 0));
    scene.change(0, Some((1, "ann", 1, 10)), None);
    scene.fires(("bob", 10, 1));
    scene.proof(Some(10), &[("bob", 10, 1), OPEN]);
    scene.cut(&[3], &[("ann", 10, 10), ("bob", 10, 1), OPEN]);
    passes(&scene.judged());
}

#[test]
fn a_window_fires_only_when_every_partition_has_passed_its_end() {
    let mut scene = Scene::new(2).statements();
    scene.insert(0, (1, "ann", 1, 10));
    scene.insert(0, (9, "tick", 10, 0));
    // Behind its own partition's watermark, but the other one holds the window open.
    scene.insert(0, (2, "ann", 2, 5));
    scene.proof(None, &[FIRST, OPEN]);
    scene.insert(1, (8, "tick", 11, 0));
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    passes(&scene.judged());
}

#[test]
fn an_intermediate_state_is_not_decided_where_updates_may_be_half_applied() {
    let mut scene = late(110);
    scene.header.trial.settings.parallelism = Some(2);
    scene.cut(&[3], &[FIRST, OPEN]);
    let verdict = scene.judged();
    assert_eq!(verdict.outcome, Outcome::Unknown);
    assert!(verdict.gaps[0].missing.contains("half applied"), "{:?}", verdict.gaps);
}

#[rstest]
#[case::right(&[FIRST], &[])]
#[case::wrong(&[("ann", 10, 10)], &[Anomaly::WindowWrongValue])]
#[case::missing(&[], &[Anomaly::WindowMissing])]
#[case::repeated(&[FIRST, FIRST], &[Anomaly::WindowRepeated])]
fn windows_of_an_append_sink_are_judged_as_a_multiset(
    #[case] fired: &[(&str, i64, i64)],
    #[case] told: &[Anomaly],
) {
    let mut scene = Scene::new(1);
    (scene.mode, scene.keyed) = (SinkMode::Append, false);
    let mut scene = scene.statements();
    scene.insert(0, (1, "ann", 1, 15));
    scene.insert(0, (2, "bob", 2, 1));
    scene.insert(0, (9, "tick", 10, 0));
    scene.fires(("bob", 10, 1));
    for total in fired {
        scene.fires(*total);
    }
    scene.proof(Some(10), &[FIRST, ("bob", 10, 1), OPEN]);
    assert_eq!(names(&scene.judged()), told);
}

#[rstest]
#[case::as_many_as_came_late(1, &[])]
#[case::more_than_came_late(2, &[Anomaly::LateDropped])]
fn a_window_may_drop_no_more_rows_than_can_be_late(#[case] n: u64, #[case] told: &[Anomaly]) {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    scene.insert(0, (3, "ann", 3, 100));
    scene.proof(Some(10), &[("ann", 10, 115), OPEN]);
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            proof.jobs[0].late = vec![("GlobalWindowAggregate[5]".to_owned(), n)];
        }
    }
    let verdict = scene.judged();
    assert_eq!(names(&verdict), told);
}

#[rstest]
#[case::fired(&[FIRST], &[])]
#[case::not_fired(&[], &[])]
#[case::wrong(&[("ann", 10, 10)], &[Anomaly::WindowWrongValue])]
#[case::too_late_a_window(&[FIRST, ("bob", 20, 1)], &[Anomaly::WindowEarly])]
fn within_the_bounds_of_the_watermark_a_window_may_have_fired_and_must_be_right(
    #[case] fired: &[(&str, i64, i64)],
    #[case] told: &[Anomaly],
) {
    let mut scene = closed();
    scene.insert(0, (4, "bob", 11, 1));
    for total in fired {
        scene.fires(*total);
    }
    scene.proof_within((None, Some(11)), &[FIRST, ("bob", 20, 1), OPEN]);
    scene.cut(&[3], &[FIRST, OPEN]);
    let verdict = scene.judged();
    assert_eq!(names(&verdict), told);
}

#[test]
fn a_window_that_a_later_proof_shows_closed_must_have_fired_by_then() {
    let mut scene = closed();
    scene.proof_within((None, Some(10)), &[FIRST, OPEN]);
    scene.insert(0, (8, "tick", 11, 0));
    scene.fires(("bob", 10, 1));
    scene.proof(Some(11), &[FIRST, ("bob", 10, 1), OPEN]);
    scene.cut(&[3], &[FIRST, ("bob", 10, 1), OPEN]);
    assert_eq!(failing(&scene.judged()), [at_ann(Anomaly::WindowMissing)]);
}

#[rstest]
#[case::the_same(FIRST, &[])]
#[case::with_what_came_since(("ann", 10, 115), &[])]
#[case::with_what_never_was(("ann", 10, 110), &[at_ann(Anomaly::WindowWrongValue)])]
fn a_window_that_a_restart_lets_fire_again_must_be_right_again(
    #[case] again: (&str, i64, i64),
    #[case] told: &[(Anomaly, Option<String>)],
) {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    scene.restarts();
    scene.insert(0, (3, "ann", 3, 100));
    scene.fires(again);
    scene.proof_within((None, Some(10)), &[("ann", 10, 115), OPEN]);
    scene.cut(&[3], &[FIRST, OPEN]);
    assert_eq!(failing(&scene.judged()), told);
}

#[test]
fn a_proof_that_says_nothing_of_the_sink_decides_no_window() {
    let mut scene = closed();
    scene.fires(("bob", 10, 1));
    scene.proof(Some(10), &[FIRST, ("bob", 10, 1), OPEN]);
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            let gap =
                |sink: &str| ProofGap { sink: sink.to_owned(), sentence: format!("of {sink}") };
            proof.gaps = vec![gap("other"), gap(SINK)];
        }
    }
    let verdict = scene.judged();
    assert_eq!((failing(&verdict), verdict.outcome), (Vec::new(), Outcome::Unknown));
    let told = verdict.gaps.iter().any(|gap| gap.what.starts_with("the windows of"));
    assert!(told, "{:?}", verdict.gaps);
    let mut gaps = verdict.gaps.iter().filter(|gap| gap.what.contains(SINK));
    assert!(gaps.all(|gap| gap.missing.contains("of totals")), "{:?}", verdict.gaps);
}

/// What was proven to lack before a statement failed lacks all the same; what was to be written after
/// it failed is not owed.
#[rstest]
#[case::its_own(SINK)]
#[case::another("other")]
fn the_windows_of_a_statement_that_failed_are_judged_as_far_as_was_proven(#[case] place: &str) {
    let mut scene = closed();
    scene.fires(("bob", 10, 1));
    scene.proof(Some(10), &[FIRST, ("bob", 10, 1), OPEN]);
    scene.fails(place);
    assert_eq!(names(&scene.judged()), [Anomaly::StatementFailed, Anomaly::WindowMissing]);
}

#[test]
fn a_gap_of_another_sink_at_a_proof_says_nothing_of_these_windows() {
    let mut scene = closed();
    scene.fires(("bob", 10, 1));
    scene.proof(Some(10), &[FIRST, ("bob", 10, 1), OPEN]);
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            proof.gaps =
                vec![ProofGap { sink: "other".to_owned(), sentence: "of other".to_owned() }];
        }
    }
    let verdict = scene.judged();
    assert_eq!(failing(&verdict), [at_ann(Anomaly::WindowMissing)]);
    assert_eq!(verdict.gaps, []);
}

/// What is said of a finding.
#[track_caller]
fn said(verdict: &Verdict, anomaly: Anomaly) -> &Finding {
    let told = verdict.findings.iter().find(|judged| judged.finding.anomaly == anomaly);
    told.map_or_else(|| panic!("no {anomaly}: {:?}", verdict.findings), |judged| &judged.finding)
}

#[test]
fn a_window_that_fires_early_is_told_with_its_end_and_the_watermark() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, (1, "ann", 1, 15));
    scene.fires(FIRST);
    scene.proof(Some(2), &[FIRST]);
    let verdict = scene.judged();
    let sentence = &said(&verdict, Anomaly::WindowEarly).sentence;
    assert!(sentence.contains("its end at 2025-01-01 10:10:00"), "{sentence}");
    assert!(sentence.contains("the watermark was 2025-01-01 10:02:00"), "{sentence}");
}

/// A time that was not understood is no reason to accuse a window.
#[test]
fn windows_that_fire_by_a_time_that_no_record_shows_are_unknown() {
    let mut scene = Scene::new(1).statements();
    for event in &mut scene.events {
        if let Event::Clocks { clocks } = event {
            let name = "elsewhere".to_owned();
            clocks[0].times = vec![Time::Column { name, ticks: 1, one_row: false }];
        }
    }
    scene.insert(0, (1, "ann", 1, 15));
    scene.fires(FIRST);
    scene.proof(None, &[FIRST]);
    let verdict = scene.judged();
    assert_eq!((failing(&verdict), verdict.outcome), (Vec::new(), Outcome::Unknown));
    let told = verdict.gaps.iter().any(|gap| gap.missing.contains("no record of `payments` shows"));
    assert!(told, "{:?}", verdict.gaps);
}

#[test]
fn the_fault_of_a_window_is_that_of_the_last_hop_and_a_witness_is_of_none() {
    let mut scene = closed();
    scene.insert(0, (4, "bob", 4, 1));
    scene.insert(0, (8, "tick", 11, 0));
    scene.fires(FIRST);
    scene.fires(("bob", 10, 2));
    scene.proof(Some(10), &[FIRST, ("bob", 10, 1), OPEN]);
    scene.cut(&[3], &[FIRST, OPEN]);
    scene.insert(0, (3, "ann", 3, 100));
    scene.proof(Some(10), &[("ann", 10, 115), ("bob", 10, 1), OPEN]);
    let verdict = scene.judged();
    let hop = |anomaly| said(&verdict, anomaly).first_hop.as_deref();
    assert_eq!(hop(Anomaly::WindowWrongValue), Some("cdc.public.payments → totals"));
    assert_eq!(hop(Anomaly::LateChange), None);
}

/// `diverged-sink` stands for every wrong row at the end, and a late change makes none wrong.
#[rstest]
#[case::a_wrong_window(10, 0)]
#[case::a_late_change(15, 1)]
fn a_wrong_window_meets_the_demand_of_a_diverged_sink(#[case] fired: i64, #[case] n_unmet: usize) {
    let mut scene = closed();
    scene.header.trial.expect.must_show.push(Demand {
        at: Text::whole("p.yaml".into(), String::new()).place(0),
        finding: Anomaly::DivergedSink,
        place: SINK.to_owned(),
        keys: Vec::new(),
        says: None,
    });
    scene.fires(("ann", 10, fired));
    scene.proof(Some(10), &[FIRST, OPEN]);
    scene.insert(0, (3, "ann", 3, 100));
    scene.proof(Some(10), &[("ann", 10, 115), OPEN]);
    let verdict = scene.judged();
    assert_eq!(verdict.unmet.len(), n_unmet, "{:?}", verdict.findings);
}

#[test]
fn a_window_that_fires_before_its_first_row_came_is_wrong_and_no_ghost() {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.fires(("eve", 10, 3));
    scene.proof(Some(10), &[FIRST, OPEN]);
    scene.insert(0, (3, "eve", 3, 3));
    scene.proof(Some(10), &[FIRST, ("eve", 10, 3), OPEN]);
    let eve = Some("eve,2025-01-01 10:10:00".to_owned());
    assert_eq!(failing(&scene.judged()), [(Anomaly::WindowWrongValue, eve)]);
}

#[test]
fn a_window_that_a_restart_does_not_let_fire_again_is_not_judged_again() {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    scene.restarts();
    scene.insert(0, (3, "ann", 3, 100));
    // Since nothing was written, no state of the input is asked for.
    scene.proof_within((None, Some(10)), &[("ann", 10, 115), OPEN]);
    assert!(wanted(&scene.so_far()).is_empty());
    let verdict = scene.judged();
    assert_eq!(failing(&verdict), []);
    let told = verdict.gaps.iter().any(|gap| gap.what.starts_with("the windows of"));
    assert!(!told, "{:?}", verdict.gaps);
}

/// The sink has an account and its total, and does not show when the window ends.
fn without_ends(mut scene: Scene) -> Scene {
    for event in &mut scene.events {
        let of_postgres = |columns: &mut Vec<(String, String)>| {
            "timestamp(3) without time zone".clone_into(&mut columns[1].1);
        };
        match event {
            Event::Sinks { sinks } => {
                sinks[0].columns.remove(1);
                sinks[0].key.remove(1);
            }
            Event::Reference(reference) => of_postgres(&mut reference.columns),
            Event::CutReference(reference) => of_postgres(&mut reference.columns),
            _ => {}
        }
    }
    scene
}

#[test]
fn the_reference_tells_when_the_windows_end_of_a_sink_that_does_not_show_it() {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    passes(&without_ends(scene).judged());
}

#[test]
fn a_row_of_which_nothing_tells_a_window_is_a_ghost() {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.fires(("eve", 10, 3));
    scene.proof(Some(10), &[FIRST, OPEN]);
    let verdict = without_ends(scene).judged();
    assert_eq!(failing(&verdict), [(Anomaly::WindowGhost, Some("eve".to_owned()))]);
    let sentence = &said(&verdict, Anomaly::WindowGhost).sentence;
    assert_eq!(sentence, "the sink holds a row of no window that its reference knows");
}

#[test]
fn the_reference_between_changes_tells_when_a_window_ends_that_lost_its_rows() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, (1, "ann", 1, 10));
    scene.insert(0, (4, "bob", 4, 1));
    scene.insert(0, (9, "tick", 10, 0));
    scene.change(0, Some((1, "ann", 1, 10)), None);
    scene.fires(("ann", 10, 10));
    scene.fires(("bob", 10, 1));
    scene.proof(Some(10), &[("bob", 10, 1), OPEN]);
    scene.cut(&[3], &[("ann", 10, 10), ("bob", 10, 1), OPEN]);
    let verdict = without_ends(scene).judged();
    passes(&verdict);
    assert_eq!(witnesses(&verdict), [(Anomaly::LateChange, Some("ann".to_owned()))]);
}

/// The statement runs in parallel, and a row came late: rows that no state explains may be of one that
/// was not looked at.
#[rstest]
#[case::of_a_state(&[FIRST, ("bob", 10, 1)], false)]
#[case::of_the_other_state(&[("ann", 10, 115), ("bob", 10, 1)], false)]
#[case::one_more(&[FIRST, ("bob", 10, 1), ("ann", 10, 110)], true)]
#[case::one_less(&[FIRST], true)]
fn rows_without_key_are_not_decided_where_updates_may_be_half_applied(
    #[case] fired: &[(&str, i64, i64)],
    #[case] in_doubt: bool,
) {
    let mut scene = Scene::new(1);
    (scene.mode, scene.keyed) = (SinkMode::Append, false);
    scene.header.trial.settings.parallelism = Some(2);
    let mut scene = scene.statements();
    scene.insert(0, (1, "ann", 1, 15));
    scene.insert(0, (4, "bob", 2, 1));
    scene.insert(0, (9, "tick", 10, 0));
    scene.insert(0, (3, "ann", 3, 100));
    for total in fired {
        scene.fires(*total);
    }
    scene.proof(Some(10), &[("ann", 10, 115), ("bob", 10, 1), OPEN]);
    scene.cut(&[3], &[FIRST, ("bob", 10, 1), OPEN]);
    let verdict = scene.judged();
    assert_eq!(failing(&verdict), []);
    let told = verdict.gaps.iter().any(|gap| gap.missing.contains("half applied"));
    assert_eq!(told, in_doubt, "{:?}", verdict.gaps);
}
