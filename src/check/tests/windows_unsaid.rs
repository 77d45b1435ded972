//! Windows of an append sink whose rows do not show when they end.

use super::super::testing::{SINK, Scene, failing, passes};
use super::super::verdict::{Outcome, Verdict};
use crate::base::anomaly::Anomaly;
use crate::history::event::{Event, SinkMode};

/// Rows that fire, and what the reference gives; `window_end` stands in the reference alone.
fn unsaid(fired: &[(&str, i64, i64)], reference: &[(&str, i64, i64)]) -> Verdict {
    let mut scene = Scene::new(1);
    (scene.mode, scene.keyed) = (SinkMode::Append, false);
    let mut scene = scene.statements();
    scene.insert(0, (1, "ann", 1, 15));
    scene.insert(0, (2, "ann", 11, 7));
    scene.insert(0, (9, "tick", 20, 0));
    for total in fired {
        scene.fires(*total);
    }
    scene.proof(Some(20), reference);
    for event in &mut scene.events {
        match event {
            Event::Sinks { sinks } => {
                sinks[0].columns.retain(|(name, _)| name != "window_end");
            }
            Event::Record(record) if record.topic == SINK => {
                let value = record.value.as_mut().unwrap();
                let mut row: serde_json::Value = serde_json::from_slice(&value.0).unwrap();
                row.as_object_mut().unwrap().remove("window_end");
                value.0 = row.to_string().into_bytes();
            }
            _ => {}
        }
    }
    scene.judged()
}

const FIRST: (&str, i64, i64) = ("ann", 10, 15);
const SECOND: (&str, i64, i64) = ("ann", 20, 7);
const OPEN: (&str, i64, i64) = ("tick", 30, 0);

#[test]
fn the_reference_tells_when_their_windows_end() {
    passes(&unsaid(&[FIRST, SECOND], &[FIRST, SECOND, OPEN]));
}

#[test]
fn one_that_does_not_fire_is_missing() {
    let verdict = unsaid(&[FIRST], &[FIRST, SECOND, OPEN]);
    assert_eq!(failing(&verdict), [(Anomaly::WindowMissing, None)]);
}

#[test]
fn a_wrong_one_is_a_row_of_no_window_and_its_window_is_missing() {
    let verdict = unsaid(&[FIRST, ("ann", 20, 8)], &[FIRST, SECOND, OPEN]);
    let found = failing(&verdict).into_iter().map(|(anomaly, _)| anomaly).collect::<Vec<_>>();
    assert_eq!(found, [Anomaly::WindowMissing, Anomaly::WindowGhost]);
}

#[test]
fn rows_of_two_windows_that_look_alike_are_not_decided() {
    let alike = [FIRST, ("ann", 20, 15), OPEN];
    let verdict = unsaid(&alike[..2], &alike);
    assert_eq!(verdict.outcome, Outcome::Unknown);
    let missing = &verdict.gaps[0].missing;
    assert!(missing.contains("do not show `window_end`"), "{missing}");
}
