//! Snapshots in one pass: their point, their rows, and what was committed while they were read.

use super::*;

#[test]
fn the_point_of_a_snapshot_is_what_its_rows_say() {
    let mut scene = scene();
    scene.set_point(1006);
    let verdict = once(scene).judged.unwrap();
    passes(&verdict);
}

/// A connector whose snapshot shows more than its slot's point says, and that may have been started
/// again.
#[rstest]
#[case::the_same_reader(7, true)]
#[case::another_reader(8, false)]
fn a_snapshot_behind_its_slots_point_may_be_another_one_after_a_restart(
    #[case] pid: i32,
    #[case] ok: bool,
) {
    let mut scene = scene();
    scene.set_point(990);
    for pid in [7, pid] {
        scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(pid) });
    }
    let told = refused(scene);
    assert_eq!(told.is_none(), ok, "{told:?}");
    assert!(told.is_none_or(|told| told.contains("has had more than one snapshot")));
}

/// Makes the rows of the snapshot say these points, in turn.
fn say_points(scene: &mut Scene, points: &[u64]) {
    let mut points = points.iter();
    for event in &mut scene.events {
        if let Event::Record(record) = event
            && let Some(value) = &mut record.value
        {
            let text = String::from_utf8_lossy(&value.0);
            if text.contains("\"op\":\"r\"")
                && let Some(point) = points.next()
            {
                value.0 = text.replace("\"lsn\":1000", &format!("\"lsn\":{point}")).into();
            }
        }
    }
}

#[test]
fn the_point_of_a_snapshot_is_read_behind_what_was_streamed_elsewhere() {
    let mut scene = Scene::new(2).statements();
    scene.read(1, ANN);
    let read = scene.events.pop();
    scene.insert(0, BOB);
    scene.events.extend(read);
    say_points(&mut scene, &[999]);
    assert_eq!(refused(scene), None);
}

#[test]
fn rows_that_no_snapshot_can_have_shown_may_say_two_points() {
    let mut scene = scene();
    let read = |id: i64| scene_of_read((id, "eve", 1, 1));
    scene.events.extend([7, 8].into_iter().filter_map(read));
    let n = scene.events.iter().filter(|event| matches!(event, Event::Record(_))).count();
    let records = scene.events.iter_mut().filter_map(|event| match event {
        Event::Record(record) => Some(record),
        _ => None,
    });
    for (offset, record) in records.enumerate() {
        record.offset = i64::try_from(offset).unwrap();
    }
    assert_eq!(n, 4);
    // The row of the snapshot comes last.
    let first = scene.events.iter().position(|event| matches!(event, Event::Record(_)));
    let first = scene.events.remove(first.unwrap());
    scene.events.push(first);
    say_points(&mut scene, &[1001, 1002, 1000]);
    is_refused(scene, "more than one snapshot");
}

/// The record of a row of the snapshot.
fn scene_of_read(row: Payment<'_>) -> Option<Event> {
    let mut scene = Scene::new(1).statements();
    scene.read(0, row);
    scene.events.pop()
}

#[test]
fn rows_of_two_snapshots_are_refused() {
    let mut scene = Scene::new(1).statements();
    scene.read(0, ANN);
    scene.read(0, BOB);
    say_points(&mut scene, &[1000, 1001]);
    is_refused(scene, "more than one snapshot");
}

/// So many rows were committed at a time, and one more before; the snapshot's last row was read at
/// ten o'clock.
fn committed_while_read(n: i64, ms: i64, more_ms: i64) -> Scene {
    let mut scene = Scene::new(1).statements();
    scene.read(0, ANN);
    commit_at(&mut scene, 2000, ms, 10..10 + n);
    commit_at(&mut scene, 3000, more_ms, 9..10);
    scene.header.trial.pipeline.sinks.clear();
    scene
}

fn leaves_witnesses_out(scene: Scene) -> bool {
    let verdict = pass(scene).judged.unwrap();
    verdict.warnings.iter().any(|warning| warning.starts_with("more keys show a witness"))
}

#[test]
fn a_commit_while_the_snapshot_was_read_is_a_witness_in_one_pass_too() {
    let verdict = once(scene()).judged.unwrap();
    assert_eq!(witnesses(&verdict), [(Anomaly::MidSnapshot, Some("2".to_owned()))]);
}

/// Of the commits that are not held only the earliest is known.
#[rstest]
#[case::as_many_as_are_held(4095, at(0) - 1, false)]
#[case::one_more(4096, at(0) - 1, true)]
#[case::one_more_as_the_last_row_was_read(4096, at(0), false)]
fn many_commits_while_the_snapshot_was_read_are_not_all_looked_at(
    #[case] n: i64,
    #[case] more_ms: i64,
    #[case] left_out: bool,
) {
    assert_eq!(leaves_witnesses_out(committed_while_read(n, at(1), more_ms)), left_out);
}

#[rstest]
#[case::before_the_point(999, false)]
#[case::at_the_point(1000, true)]
fn only_what_the_snapshot_does_not_show_is_committed_while_it_is_read(
    #[case] commit: u64,
    #[case] left_out: bool,
) {
    let mut scene = Scene::new(1).statements();
    scene.read(0, ANN);
    commit_at(&mut scene, commit, 0, 10..300);
    scene.header.trial.pipeline.sinks.clear();
    assert_eq!(leaves_witnesses_out(scene), left_out);
}

#[test]
fn what_is_committed_at_the_point_itself_is_streamed() {
    let mut scene = Scene::new(1).statements();
    scene.set_point(1004);
    scene.insert(0, BOB);
    let once = once(scene);
    assert_eq!(once.taken.deviating_keys, 0);
    passes(&once.judged.unwrap());
}

#[rstest]
#[case::as_many_as_are_looked_at(198, false)]
#[case::more(199, true)]
fn witnesses_that_are_not_looked_at_are_told(#[case] n: i64, #[case] left_out: bool) {
    let scene = committed_while_read(n, 0, 0);
    assert_eq!(leaves_witnesses_out(scene.clone()), left_out);
    // Where one must be shown it may be among them.
    for (anomaly, matters) in [(Anomaly::MidSnapshot, true), (Anomaly::LostChange, false)] {
        let mut scene = scene.clone();
        scene.header.trial.expect.must_show.push(demand(anomaly, "payments"));
        let told = pass(scene).judged.err();
        assert_eq!(told.is_some(), left_out && matters, "{told:?}");
    }
}

#[test]
fn a_row_that_the_snapshot_lacks_is_missed_without_a_proof() {
    let mut scene = Scene::new(1).statements();
    scene.held(CID);
    scene.read(0, ANN);
    scene.header.trial.pipeline.sinks.clear();
    assert_eq!(pass(scene).taken.deviating_keys, 1);
}

#[test]
fn a_row_of_the_snapshot_behind_the_stream_is_looked_at_with_what_stands_before_it() {
    let mut scene = Scene::new(1).statements();
    scene.held(ANN);
    scene.insert(0, BOB);
    scene.events.extend(scene_of_read(ANN));
    if let Some(Event::Record(record)) = scene.events.last_mut() {
        record.offset = 1;
    }
    scene.header.trial.pipeline.sinks.clear();
    assert_eq!(pass(scene).taken.deviating_keys, 2);
}

#[rstest]
#[case::named("public.signals", false)]
#[case::empty("", true)]
fn further_snapshots_have_no_model_where_there_may_be_some(#[case] table: &str, #[case] ok: bool) {
    let mut scene = scene();
    scene.option("signal.data.collection", table);
    let told = refused(scene);
    assert_eq!(told.is_none(), ok, "{told:?}");
    assert!(told.is_none_or(|told| told.contains("further snapshots")));
}

#[test]
fn a_row_that_changes_before_the_snapshot_shows_it_must_be_shown_all_the_same() {
    let mut scene = Scene::new(1).statements();
    scene.held(CID);
    scene.change(0, Some(CID), Some((3, "cid", 3, 2)));
    scene.header.trial.pipeline.sinks.clear();
    assert_eq!(pass(scene).taken.deviating_keys, 1);
}
