//! The life of a finding's key, hop by hop.

use super::super::testing::{Payment, SINK, Scene, Total, failing};
use super::super::verdict::{Seen, Verdict};
use super::scene::judged;
use crate::base::anomaly::Anomaly;
use crate::history::event::SinkMode;

const ANN: Payment<'_> = (1, "ann", 1, 10);
const BEA: Payment<'_> = (1, "bea", 1, 10);
const BOB: Payment<'_> = (2, "bob", 2, 5);

/// A line of a life: hop, event, row, and `!` where the finding is about it.
fn line(seen: &Seen) -> String {
    let mark = if seen.marked { " !" } else { "" };
    format!("{} {} {}{mark}", seen.hop, seen.event, seen.row)
}

fn life(verdict: &Verdict) -> Vec<String> {
    verdict.findings[0].finding.life.iter().map(line).collect()
}

#[test]
fn a_change_that_was_lost_is_marked_where_it_was_committed() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, BOB);
    scene.insert(0, ANN);
    scene.commit(Some(ANN), Some(BEA));
    scene.change(0, Some(BEA), None);
    let verdict = judged(scene);
    assert_eq!(failing(&verdict), [(Anomaly::LostChange, Some("1".to_owned()))]);
    insta::assert_snapshot!(
        life(&verdict).join("\n"),
        @r#"
    journal insert payments: id=1, account=ann, at=2025-01-01 10:01:00, amount=10
    journal update payments: id=1, account=bea, at=2025-01-01 10:01:00, amount=10 !
    journal delete payments: id=1, account=bea, at=2025-01-01 10:01:00, amount=10
    cdc.public.payments c account="ann", amount=10, at=1735725660000, id=1
    cdc.public.payments d account="bea", amount=10, at=1735725660000, id=1
    cdc.public.payments null id=1
    "#
    );
}

#[test]
fn a_record_that_is_repeated_is_marked_and_the_commit_is_not() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, BOB);
    let lsn = scene.commit(None, Some(ANN));
    scene.show(0, lsn, (None, Some(ANN)));
    scene.show(0, lsn, (None, Some(ANN)));
    let verdict = judged(scene);
    assert_eq!(failing(&verdict), [(Anomaly::DuplicateChange, Some("1".to_owned()))]);
    insta::assert_snapshot!(
        life(&verdict).join("\n"),
        @r#"
    journal insert payments: id=1, account=ann, at=2025-01-01 10:01:00, amount=10
    cdc.public.payments c account="ann", amount=10, at=1735725660000, id=1
    cdc.public.payments c account="ann", amount=10, at=1735725660000, id=1 !
    "#
    );
}

/// The rows of the source that a row of a sink comes from are those that agree with as much of its
/// key as they have.
#[test]
fn the_life_of_a_row_of_a_sink_begins_in_the_journal() {
    let mut scene = Scene::new(1);
    scene.mode = SinkMode::Upsert;
    let mut scene = scene.statements();
    scene.without_window();
    scene.insert(0, ANN);
    scene.insert(0, BOB);
    let (right, wrong): (Total<'_>, Total<'_>) = (("ann", 0, 10), ("ann", 0, 11));
    scene.fires(("bob", 0, 5));
    scene.fires(wrong);
    scene.proof(None, &[right, ("bob", 0, 5)]);
    let verdict = scene.judged();
    assert_eq!(verdict.findings[0].finding.place, SINK);
    insta::assert_snapshot!(
        life(&verdict).join("\n"),
        @r#"
    journal insert payments: id=1, account=ann, at=2025-01-01 10:01:00, amount=10
    cdc.public.payments c account="ann", amount=10, at=1735725660000, id=1
    totals +U account=ann, total=11, window_end=2025-01-01 10:00:00 !
    "#
    );
}

/// Of a long life the end is kept, and what the finding is about wherever it stands.
#[test]
fn a_long_life_is_told_from_its_end() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, ANN);
    scene.commit(Some(ANN), Some((1, "ann", 1, 0)));
    for amount in 1..=30 {
        scene.change(0, Some((1, "ann", 1, amount - 1)), Some((1, "ann", 1, amount)));
    }
    let verdict = judged(scene);
    assert_eq!(failing(&verdict), [(Anomaly::LostChange, Some("1".to_owned()))]);
    let life = &verdict.findings[0].finding.life;
    let of = |hop: &str| life.iter().filter(|seen| seen.hop == hop).count();
    // Twenty-four, and the lost one.
    assert_eq!([of("journal"), of("payments") + of("cdc.public.payments")], [25, 24]);
    assert!(line(&life[0]).ends_with('!'), "{:?}", life[0]);
    assert!(life.iter().skip(1).all(|seen| !seen.marked));
}

#[test]
fn a_long_row_is_cut() {
    let long = "x".repeat(300);
    let mut scene = Scene::new(1);
    scene.mode = SinkMode::Upsert;
    let mut scene = scene.statements();
    scene.without_window();
    scene.insert(0, (1, &long, 1, 10));
    scene.fires((&long, 0, 11));
    scene.proof(None, &[(&long, 0, 10)]);
    let verdict = scene.judged();
    let row = &verdict.findings[0].finding.life.last().unwrap().row;
    assert_eq!((row.chars().count(), row.ends_with("x…")), (161, true), "{row}");
}

/// A tombstone says of its row no more than the key, and that is enough.
#[test]
fn what_takes_a_row_out_of_a_sink_is_part_of_its_life() {
    let mut scene = Scene::new(1);
    scene.mode = SinkMode::Upsert;
    let mut scene = scene.statements();
    scene.without_window();
    scene.insert(0, ANN);
    let total: Total<'_> = ("ann", 0, 10);
    scene.fires(total);
    let record = scene.last_record();
    let key = record.key.as_ref().map(|key| String::from_utf8_lossy(&key.0).into_owned());
    scene.record(SINK, 0, key, None);
    scene.proof(None, &[total]);
    let verdict = scene.judged();
    let life = &verdict.findings[0].finding.life;
    let of_sink = life.iter().filter(|seen| seen.hop == SINK).map(|seen| seen.event.as_str());
    assert_eq!(of_sink.collect::<Vec<_>>(), ["+U", "-D"]);
}
