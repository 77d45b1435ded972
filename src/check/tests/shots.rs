//! Snapshots beside the first, at their boundaries: which of them rows are of, what they show, and
//! when they are complete.

use rstest::rstest;

use super::super::testing::{Payment, Scene, failing, image, passes, table, topic};
use super::super::verdict::{Outcome, Verdict};
use super::scene::{judged, names};
use super::snapshots::{ask, asked, chunk, close, open, read, signal, signalled};
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::codec::pgoutput::write;
use crate::history::event::{Event, Role, Table};

const ANN: Payment<'_> = (1, "ann", 1, 10);
const ANN_2: Payment<'_> = (1, "ann", 1, 20);
const BOB: Payment<'_> = (2, "bob", 2, 5);
const CID: Payment<'_> = (3, "cid", 3, 1);

/// Nothing fails, and a gap is about this.
#[track_caller]
fn is_open(verdict: &Verdict, what: &str) {
    assert_eq!((names(verdict), verdict.outcome), (Vec::new(), Outcome::Unknown));
    let told = verdict.gaps.iter().any(|gap| gap.what.contains(what));
    assert!(told, "{:?}", verdict.gaps);
}

#[test]
fn a_signal_at_the_slots_point_asks_for_another_snapshot() {
    let mut scene = signalled();
    scene.set_point(1004);
    let at = ask(&mut scene, "blocking");
    let lsn = scene.commit(None, Some(ANN));
    read(&mut scene, 0, ANN, (Some(at), "last"));
    scene.show(0, lsn, (None, Some(ANN)));
    passes(&judged(scene));
}

#[test]
fn rows_before_the_signal_are_not_what_it_asks_for() {
    let mut scene = signalled();
    scene.commit(None, Some(ANN));
    let point = scene.lsn;
    read(&mut scene, 0, ANN, (Some(point), "last"));
    let at = ask(&mut scene, "blocking");
    read(&mut scene, 0, ANN, (Some(at), "last"));
    passes(&judged(scene));
}

#[test]
fn a_signal_before_the_slots_point_asks_for_nothing_behind_it() {
    let mut scene = signalled();
    let first = std::mem::replace(&mut scene.lsn, 900);
    ask(&mut scene, "blocking");
    scene.lsn = first;
    scene.commit(None, Some(ANN));
    let point = scene.lsn;
    read(&mut scene, 0, ANN, (Some(point), "last"));
    scene.insert(0, BOB);
    passes(&judged(scene));
}

#[test]
fn the_slots_point_counts_where_a_row_says_it() {
    let mut scene = Scene::new(1).statements();
    scene.held(ANN);
    read(&mut scene, 0, ANN, (Some(990), "true"));
    scene.transaction(Lsn(991), write::insert(1, &image(BOB)));
    read(&mut scene, 0, BOB, (Some(1000), "last"));
    scene.insert(0, CID);
    passes(&judged(scene));
}

/// One snapshot is one, whatever was started again behind it.
#[test]
fn a_restart_alone_takes_no_snapshot_anew() {
    let mut scene = Scene::new(1).statements();
    scene.read(0, ANN);
    for pid in [7, 8] {
        scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(pid) });
    }
    scene.insert(0, BOB);
    passes(&judged(scene));
}

#[test]
fn what_ends_at_the_point_of_a_blocking_snapshot_was_streamed_before_it() {
    let mut scene = signalled();
    scene.insert(0, ANN);
    scene.insert(0, BOB);
    ask(&mut scene, "blocking");
    scene.change(0, Some(ANN), Some(ANN_2));
    let at = scene.lsn - 2;
    read(&mut scene, 0, BOB, (Some(at), "first"));
    read(&mut scene, 0, ANN_2, (Some(at), "last"));
    passes(&judged(scene));
}

#[test]
fn a_blocking_snapshot_is_not_complete_by_the_last_row_of_another_one() {
    let mut scene = signalled();
    scene.held(ANN);
    read(&mut scene, 0, ANN, (Some(1000), "last"));
    let at = ask(&mut scene, "blocking");
    read(&mut scene, 0, ANN, (Some(at), "true"));
    is_open(&judged(scene), "whether the blocking snapshot `one` is complete");
}

/// The first change behind the signal has the LSN at which the signal's transaction ends.
#[test]
fn a_change_at_the_point_of_a_blocking_snapshot_is_no_row_of_it() {
    let mut scene = signalled();
    scene.insert(0, ANN);
    scene.insert(0, BOB);
    let at = ask(&mut scene, "blocking");
    scene.lsn = at;
    let deleted = scene.commit(Some(BOB), None);
    let changed = scene.commit(Some(ANN), Some(ANN_2));
    read(&mut scene, 0, ANN_2, (Some(at), "last"));
    scene.show(0, deleted, (Some(BOB), None));
    scene.show(0, changed, (Some(ANN), Some(ANN_2)));
    passes(&judged(scene));
}

#[test]
fn a_blocking_snapshot_need_not_show_a_row_that_went_before_it_began_to_read() {
    let mut scene = signalled();
    scene.insert(0, ANN);
    scene.insert(0, BOB);
    let at = ask(&mut scene, "blocking");
    let lsn = scene.commit(Some(BOB), None);
    read(&mut scene, 0, ANN, (Some(at), "last"));
    scene.show(0, lsn, (Some(BOB), None));
    passes(&judged(scene));
}

/// Another captured table, of which the snapshot is not.
#[test]
fn a_blocking_snapshot_shows_its_own_tables_only() {
    let mut scene = signalled();
    for event in &mut scene.events {
        match event {
            Event::Tables { tables } => {
                tables.push(Table { oid: 3, name: "notes".to_owned(), ..table() });
            }
            Event::Topics { topics } => {
                let role = Role::Source { table: "public.notes".to_owned() };
                topics.push(topic("cdc.public.notes", 1, role));
            }
            _ => {}
        }
    }
    scene.transaction(Lsn(100), write::insert(3, &image(CID)));
    scene.insert(0, ANN);
    scene.insert(0, BOB);
    let at = ask(&mut scene, "blocking");
    let lsn = scene.commit(Some(BOB), None);
    read(&mut scene, 0, ANN, (Some(at), "last"));
    scene.show(0, lsn, (Some(BOB), None));
    assert_eq!(names(&judged(scene)), []);
}

#[test]
fn where_a_row_is_lost_a_blocking_snapshot_shows_the_first_state_with_the_others() {
    let mut scene = signalled();
    scene.insert(0, ANN);
    scene.insert(1, BOB);
    let at = ask(&mut scene, "blocking");
    let lsn = scene.commit(Some(ANN), Some(ANN_2));
    read(&mut scene, 0, ANN_2, (Some(at), "last"));
    scene.show(0, lsn, (Some(ANN), Some(ANN_2)));
    scene.insert(1, CID);
    assert_eq!(failing(&judged(scene)), [(Anomaly::LostChange, Some("2".to_owned()))]);
}

#[test]
fn a_blocking_snapshot_that_no_state_fits_is_judged_where_the_stream_stood_still() {
    let mut scene = signalled();
    scene.insert(0, ANN);
    scene.insert(1, BOB);
    let at = ask(&mut scene, "blocking");
    read(&mut scene, 0, (1, "ann", 1, 99), (Some(at), "first"));
    read(&mut scene, 1, BOB, (Some(at), "last"));
    scene.change(1, Some(BOB), None);
    assert_eq!(failing(&judged(scene)), [(Anomaly::WrongValue, Some("1".to_owned()))]);
}

/// A restart, and a blocking snapshot that is asked for; whether rows of a further snapshot are seen.
#[rstest]
#[case::rows(true, "the records of the source topics")]
#[case::no_row(false, "the blocking snapshot `one`")]
fn behind_a_restart_the_rows_of_a_further_snapshot_may_be_of_two_kinds(
    #[case] seen: bool,
    #[case] what: &str,
) {
    let mut scene = signalled();
    scene.read(0, ANN);
    let at = ask(&mut scene, "blocking");
    for pid in [7, 8] {
        scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(pid) });
    }
    if seen {
        read(&mut scene, 0, ANN, (Some(at), "last"));
    }
    is_open(&judged(scene), what);
}

/// Moves the barrier of the proof that was made last.
fn set_barrier(scene: &mut Scene, to: u64) {
    let proofs = scene.events.iter_mut().rev().filter_map(|event| match event {
        Event::Proof(proof) => Some(proof),
        _ => None,
    });
    proofs.take(1).for_each(|proof| proof.barrier_end = Lsn(to));
}

/// An incremental snapshot in one window; and where that one ends.
fn read_in_a_window(scene: &mut Scene) -> u64 {
    open(scene);
    close(scene);
    chunk(scene, 0, ANN);
    chunk(scene, 1, BOB);
    scene.lsn - 2
}

#[rstest]
#[case::at_its_end(0, true)]
#[case::before(1, false)]
fn a_proof_at_the_end_of_the_last_window_is_behind_it(#[case] before: u64, #[case] complete: bool) {
    let mut scene = asked();
    let end = read_in_a_window(&mut scene);
    scene.proof(None, &[]);
    set_barrier(&mut scene, end - before);
    scene.header.trial.pipeline.sinks.clear();
    let verdict = scene.judged();
    if complete {
        passes(&verdict);
    } else {
        is_open(&verdict, "whether the incremental snapshot `one` is complete");
    }
}

/// Where a proof stands beside the first of two snapshots of a table.
#[derive(Debug, Clone, Copy)]
enum Stands {
    BeforeTheWindowsEnd,
    AtTheWindowsEnd,
    AtTheNextSignal,
    BehindTheNextSignal,
}
use Stands::{AtTheNextSignal, AtTheWindowsEnd, BeforeTheWindowsEnd, BehindTheNextSignal};

#[rstest]
#[case(BeforeTheWindowsEnd, false)]
#[case(AtTheWindowsEnd, true)]
#[case(AtTheNextSignal, true)]
#[case(BehindTheNextSignal, false)]
fn a_snapshot_before_another_one_is_complete_by_a_proof_between_them(
    #[case] stands: Stands,
    #[case] complete: bool,
) {
    let mut scene = asked();
    let end = read_in_a_window(&mut scene);
    let next = scene.lsn + 4;
    scene.proof(None, &[]);
    set_barrier(
        &mut scene,
        match stands {
            BeforeTheWindowsEnd => end - 1,
            AtTheWindowsEnd => end,
            AtTheNextSignal => next,
            BehindTheNextSignal => next + 1,
        },
    );
    let data = r#"{"data-collections": ["public.payments"]}"#;
    signal(&mut scene, "two", "execute-snapshot", data);
    read_in_a_window(&mut scene);
    let verdict = judged(scene);
    if complete {
        passes(&verdict);
    } else {
        is_open(&verdict, "whether the incremental snapshot `one` is complete");
    }
}

/// A row that goes and comes back as it was between the two windows of its snapshot; read twice.
#[rstest]
#[case::at_once(false)]
#[case::behind_another_change(true)]
fn a_row_of_a_chunk_that_comes_again_is_the_last_that_was_there(#[case] further: bool) {
    let mut scene = asked();
    open(&mut scene);
    close(&mut scene);
    scene.change(1, Some(BOB), None);
    scene.insert(1, BOB);
    open(&mut scene);
    close(&mut scene);
    chunk(&mut scene, 0, ANN);
    chunk(&mut scene, 1, BOB);
    if further {
        scene.insert(1, CID);
    }
    chunk(&mut scene, 1, BOB);
    // It is no row that comes back behind its delete.
    assert_eq!(failing(&judged(scene)), [(Anomaly::DuplicateChange, Some("2".to_owned()))]);
}
