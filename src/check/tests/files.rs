//! Sinks of files: no row lost, repeated or brought back.

use rstest::rstest;
use serde_json::json;

use super::super::testing::{SINK, Scene, Total, failing, passes, text, witnesses};
use super::super::verdict::Outcome;
use crate::base::anomaly::Anomaly;
use crate::history::event::{Event, SinkMode};
use crate::history::files::{Holds, Kept};
use crate::scenario::timeline::{Fault, Target, Verb};

const ONE: Total<'_> = ("ann", 10, 1);
const TWO: Total<'_> = ("ann", 10, 2);
const BOB: Total<'_> = ("bob", 10, 5);

const KEY: &str = "ann,2025-01-01 10:10:00";

fn row((account, end, total): Total<'_>) -> String {
    json!({"account": account, "window_end": text(end), "total": total}).to_string()
}

fn key((account, end, _): Total<'_>) -> String {
    json!({"account": account, "window_end": text(end)}).to_string()
}

/// A place in the file with that number.
fn place(file: usize, row: i64) -> String {
    let path = format!("data/{file}.parquet");
    json!({"file_path": path, "pos": row}).to_string()
}

fn scene(kept: Kept, keyed: bool) -> Scene {
    let mut scene = Scene::new(1);
    let mode = if keyed { SinkMode::Upsert } else { SinkMode::Append };
    (scene.kept, scene.mode, scene.keyed) = (kept, mode, keyed);
    scene.without_window();
    let mut scene = scene.statements();
    scene.insert(0, (1, "ann", 1, 10));
    scene
}

type File<'r> = ((Holds, i64), &'r [String]);

/// What is told of these files of a table with a key, of which the reference holds `held`.
fn told(files: &[File<'_>], held: &[Total<'_>]) -> Vec<(Anomaly, Option<String>)> {
    let mut scene = scene(Kept::Iceberg, true);
    for (file, rows) in files {
        scene.file(*file, rows);
    }
    scene.proof(None, held);
    failing(&scene.judged())
}

#[test]
fn a_key_takes_out_what_earlier_commits_wrote_and_not_what_its_own_did() {
    let files: [File<'_>; 3] = [
        ((Holds::Rows, 1), &[row(ONE)]),
        ((Holds::Keys, 2), &[key(ONE)]),
        ((Holds::Rows, 2), &[row(TWO)]),
    ];
    assert_eq!(told(&files, &[TWO]), []);
    // The same key, deleted by the commit that wrote the first row: the row stays.
    let files: [File<'_>; 3] = [
        ((Holds::Rows, 1), &[row(ONE)]),
        ((Holds::Keys, 1), &[key(ONE)]),
        ((Holds::Rows, 2), &[row(TWO)]),
    ];
    let again = (Anomaly::DuplicateChange, Some(KEY.to_owned()));
    assert_eq!(told(&files, &[TWO]), [again]);
}

/// A row of one partition, and the key of a later commit, whose file is of another or of none.
#[rstest]
#[case::of_the_same(Some("depot=north"), Some("depot=north"), &[])]
#[case::of_another(Some("depot=north"), Some("depot="), &[Anomaly::GhostRow])]
#[case::of_none(Some("depot=north"), None, &[])]
#[case::of_a_table_without(None, None, &[])]
#[case::of_a_row_without(None, Some("depot=north"), &[Anomaly::GhostRow])]
fn a_key_takes_out_rows_of_its_own_partition(
    #[case] row_in: Option<&str>,
    #[case] key_in: Option<&str>,
    #[case] found: &[Anomaly],
) {
    let mut scene = scene(Kept::Iceberg, true);
    for (commit, holds, of, partition) in
        [(1, Holds::Rows, row(ONE), row_in), (2, Holds::Keys, key(ONE), key_in)]
    {
        scene.file((holds, commit), &[of]);
        if let Some(partition) = partition {
            scene.parted(partition);
        }
    }
    scene.proof(None, &[]);
    let told = failing(&scene.judged()).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(told, found);
}

/// A key that moves to another partition, and back.
#[test]
fn a_key_that_moves_is_deleted_where_it_was() {
    let parts = [
        (1, Holds::Rows, row(ONE), "north"),
        (2, Holds::Keys, key(ONE), "north"),
        (2, Holds::Rows, row(TWO), "south"),
        (3, Holds::Keys, key(TWO), "south"),
        (3, Holds::Rows, row(ONE), "north"),
    ];
    let judged = |parts: &[(i64, Holds, String, &str)]| {
        let mut scene = scene(Kept::Iceberg, true);
        for (commit, holds, of, partition) in parts {
            scene.file((*holds, *commit), std::slice::from_ref(of));
            scene.parted(partition);
        }
        scene.proof(None, &[ONE]);
        failing(&scene.judged())
    };
    assert_eq!(judged(&parts), []);
    // Without the second delete the row is there twice.
    let parts = [&parts[..3], &parts[4..]].concat();
    assert_eq!(judged(&parts), [(Anomaly::DuplicateChange, Some(KEY.to_owned()))]);
}

#[test]
fn a_place_takes_out_one_row_of_its_own_commit() {
    let rows = [row(ONE), row(TWO)];
    let gone = [place(0, 0)];
    let files: [File<'_>; 2] = [((Holds::Rows, 1), &rows), ((Holds::Places, 1), &gone)];
    assert_eq!(told(&files, &[TWO]), []);
    let other = [place(1, 0)];
    let files: [File<'_>; 2] = [((Holds::Rows, 1), &rows), ((Holds::Places, 1), &other)];
    assert!(!told(&files, &[TWO]).is_empty());
}

#[test]
fn a_second_row_of_a_key_is_a_duplicate() {
    let files: [File<'_>; 2] =
        [((Holds::Rows, 1), &[row(ONE)]), ((Holds::Rows, 2), &[row(ONE), row(BOB)])];
    let told = told(&files, &[ONE, BOB]);
    assert_eq!(told, [(Anomaly::DuplicateChange, Some(KEY.to_owned()))]);
}

#[test]
fn a_row_that_is_deleted_and_comes_back_unasked_is_told() {
    let gone: [File<'_>; 2] =
        [((Holds::Rows, 1), &[row(ONE), row(BOB)]), ((Holds::Keys, 2), &[key(ONE)])];
    assert_eq!(told(&gone, &[BOB]), []);
    let again = [row(ONE)];
    let back = [&gone[..], &[((Holds::Rows, 3), &again[..])]].concat();
    assert_eq!(told(&back, &[BOB]), [(Anomaly::GhostRow, Some(KEY.to_owned()))]);
    assert_eq!(told(&back, &[ONE, BOB]), []);
}

#[rstest]
#[case::right(&[ONE, BOB], &[])]
#[case::lost(&[ONE], &[Anomaly::LostChange])]
#[case::repeated(&[ONE, BOB, ONE], &[Anomaly::DuplicateChange])]
#[case::unasked(&[ONE, BOB, TWO], &[Anomaly::GhostRow])]
fn every_row_of_a_bucket_is_there_once(#[case] rows: &[Total<'_>], #[case] found: &[Anomaly]) {
    let mut scene = scene(Kept::Parquet, false);
    for total in rows {
        scene.file((Holds::Rows, 0), &[row(*total)]);
    }
    scene.proof(None, &[ONE, BOB]);
    let verdict = scene.judged();
    let names = failing(&verdict).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, found);
    let place = verdict.findings.first().and_then(|judged| judged.finding.record.clone());
    if let Some(place) = place {
        assert_eq!(place.to_string(), format!("{SINK}/data/2.parquet row 0"));
    }
}

/// A restart, after which the bucket holds a row twice.
#[rstest]
#[case::from_a_savepoint(Verb::Stop, Target::Statements, true, true)]
#[case::from_a_checkpoint(Verb::Kill, Target::Taskmanager, false, true)]
#[case::from_nothing(Verb::Kill, Target::Statements, false, false)]
#[case::before_the_topic(Verb::Kill, Target::Worker, false, false)]
fn a_repeat_is_legal_only_where_the_state_was_lost_or_the_input_repeats(
    #[case] verb: Verb,
    #[case] target: Target,
    #[case] savepoint: bool,
    #[case] fails: bool,
) {
    let mut scene = scene(Kept::Parquet, false);
    scene.file((Holds::Rows, 0), &[row(ONE)]);
    let fault = Fault { verb, target, savepoint, connector: None };
    for done_ms in [None, Some(0)] {
        scene.events.push(Event::Fault { entry: 0, fault, done_ms });
    }
    scene.insert(0, (2, "bob", 1, 5));
    scene.file((Holds::Rows, 0), &[row(ONE), row(BOB)]);
    scene.proof(None, &[ONE, BOB]);
    let verdict = scene.judged();
    let names = |found: Vec<(Anomaly, _)>| found.into_iter().map(|(name, _)| name);
    let failing = names(failing(&verdict)).collect::<Vec<_>>();
    if fails {
        assert_eq!(failing, [Anomaly::DuplicateChange]);
    } else {
        assert_eq!(failing, []);
        assert!(names(witnesses(&verdict)).any(|name| name == Anomaly::Replay));
    }
}

#[test]
fn a_file_of_which_a_row_was_not_read_makes_the_verdict_unknown() {
    let mut scene = scene(Kept::Parquet, false);
    scene.file((Holds::Rows, 0), &[row(ONE), row(BOB)]);
    scene.proof(None, &[ONE, BOB]);
    passes(&scene.clone().judged());
    let last = scene
        .events
        .iter()
        .rposition(|event| matches!(event, Event::Record(record) if record.topic == SINK));
    scene.events.remove(last.unwrap());
    let verdict = scene.judged();
    assert_eq!(verdict.outcome, Outcome::Unknown);
    let missing = verdict.gaps.iter().map(|gap| gap.missing.as_str()).collect::<Vec<_>>();
    assert!(
        missing.contains(&"of the 2 rows of its file data/0.parquet, 1 were read"),
        "{missing:?}"
    );
}
