//! What sinks hold at the end, and which of them differ.

use super::super::diverged;
use super::super::settled::settled;
use super::super::testing::{Payment, SINK, Scene, Total, text};
use crate::history::event::{Event, SinkMode};
use crate::scenario::pipeline::Sink;

const ANN: Payment<'_> = (1, "ann", 1, 10);
const TOTAL: Total<'_> = ("ann", 0, 10);
const OTHER: Total<'_> = ("abe", 30, 7);

/// A sink without windows that holds these, beside what it should hold.
fn scene(mode: SinkMode, held: &[Total<'_>], wanted: &[Total<'_>]) -> Scene {
    let mut scene = Scene::new(1);
    scene.mode = mode;
    scene.keyed = mode == SinkMode::Upsert;
    let mut scene = scene.statements();
    scene.without_window();
    scene.insert(0, ANN);
    for total in held {
        scene.fires(*total);
    }
    scene.proof(None, wanted);
    scene
}

fn row((account, end, total): Total<'_>) -> Vec<Option<String>> {
    vec![Some(account.to_owned()), Some(text(end)), Some(total.to_string())]
}

#[test]
fn the_rows_of_a_key_are_told_by_their_key() {
    let scene = scene(SinkMode::Upsert, &[("ann", 0, 3), TOTAL, OTHER], &[TOTAL, OTHER]);
    let settled = settled(&scene.so_far()).unwrap();
    assert_eq!(settled.len(), 1);
    assert_eq!(settled[0].sink, SINK);
    assert_eq!(settled[0].columns, ["account", "window_end", "total"]);
    assert_eq!(settled[0].rows, [row(OTHER), row(TOTAL)]);
}

#[test]
fn rows_without_key_are_told_in_the_order_of_their_texts() {
    let scene = scene(SinkMode::Append, &[TOTAL, OTHER, TOTAL], &[TOTAL, TOTAL, OTHER]);
    let settled = settled(&scene.so_far()).unwrap();
    assert_eq!(settled[0].rows, [row(OTHER), row(TOTAL), row(TOTAL)]);
}

/// The reference says nothing of a column that it does not give.
#[test]
fn columns_outside_of_the_reference_are_left_out() {
    let mut scene = scene(SinkMode::Upsert, &[TOTAL], &[TOTAL]);
    for event in &mut scene.events {
        if let Event::Reference(reference) = event {
            reference.columns.pop();
            reference.rows[0].pop();
        }
    }
    let settled = settled(&scene.so_far()).unwrap();
    assert_eq!(settled[0].columns, ["account", "window_end"]);
    assert_eq!(settled[0].rows, [row(TOTAL)[..2].to_vec()]);
}

#[test]
fn windows_that_are_open_are_not_settled() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    scene.fires(("ann", 60, 10));
    scene.fires(("ann", 120, 4));
    scene.proof(Some(90), &[("ann", 60, 10)]);
    let settled = settled(&scene.so_far()).unwrap();
    assert_eq!(settled[0].rows, [row(("ann", 60, 10))]);
}

#[test]
fn a_sink_that_differs_is_not_settled() {
    let scene = scene(SinkMode::Upsert, &[TOTAL], &[OTHER]);
    let told = settled(&scene.so_far()).unwrap_err();
    assert_eq!(told, "`totals` differs from its reference");
    assert_eq!(diverged(&scene.so_far(), 0), [SINK]);
}

#[test]
fn sinks_that_agree_or_are_not_judged_have_not_diverged() {
    let none: [&str; 0] = [];
    let agrees = scene(SinkMode::Upsert, &[TOTAL], &[TOTAL]);
    assert_eq!(diverged(&agrees.so_far(), 0), none);
    let mut differs = scene(SinkMode::Upsert, &[TOTAL], &[OTHER]);
    assert_eq!(diverged(&differs.so_far(), 1), none, "there is no such proof");
    for sink in differs.header.trial.pipeline.sinks.values_mut() {
        *sink = Sink::Unjudged;
    }
    assert_eq!(diverged(&differs.so_far(), 0), none);
}

/// What windows held in between is told by the references of the cuts.
#[test]
fn a_sink_of_windows_asks_for_no_further_reference() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    scene.fires(("ann", 60, 11));
    scene.proof(Some(90), &[("ann", 60, 10)]);
    assert_eq!(diverged(&scene.so_far(), 0), [""; 0]);
}
