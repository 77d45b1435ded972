//! An outbox whose rows are routed to topics of their values.

use rstest::rstest;

use super::super::testing::{Scene, failing, passes};
use super::super::verdict::{Outcome, Verdict};
use crate::base::anomaly::Anomaly;
use crate::base::position::Lsn;
use crate::codec::pgoutput::{Cell, write};
use crate::history::event::{Bytes, Event, Role, Table, Topic};
use crate::history::testing::text_table;
use crate::scenario::settings::{Options, ReplicaIdentity};

const ORDERS: &str = "outbox.event.order";

fn outbox() -> Table {
    let columns = ["id", "aggregatetype", "aggregateid", "type", "payload"];
    Table { oid: 2, identity: ReplicaIdentity::Default, ..text_table("outbox", &columns) }
}

/// A pipeline with an outbox and nothing else.
fn scene() -> Scene {
    let mut scene = Scene::new(1).statements();
    scene.header.trial.pipeline.sinks.clear();
    scene.option("transforms", "o");
    scene.option("transforms.o.type", "io.debezium.transforms.outbox.EventRouter");
    for event in &mut scene.events {
        match event {
            Event::Tables { tables } => *tables = vec![outbox()],
            Event::Topics { topics } => {
                let role =
                    Role::Outbox { table: "public.outbox".to_owned(), value: "order".to_owned() };
                *topics = vec![Topic {
                    name: ORDERS.to_owned(),
                    physical: format!("r.{ORDERS}"),
                    partitions: 1,
                    role,
                    options: Options::new(),
                    connector: None,
                }];
            }
            _ => {}
        }
    }
    scene
}

/// A row of the outbox is committed.
fn commits(scene: &mut Scene, id: &str) {
    let cells = [id, "order", "42", "made", "p"].map(|text| Cell::Text(text.to_owned()));
    let row: write::Row = cells.into_iter().collect();
    scene.transaction(Lsn(scene.lsn), write::insert(2, &row));
    scene.lsn += 10;
}

/// An event of the aggregate 42 is on the topic.
fn shows(scene: &mut Scene, id: &str, payload: &str) {
    scene.record(ORDERS, 0, Some("\"42\"".to_owned()), Some(format!("\"{payload}\"")));
    let record = scene.last_record();
    record.headers = vec![("id".to_owned(), Some(Bytes(id.as_bytes().to_vec())))];
}

fn judged(mut scene: Scene) -> Verdict {
    scene.proof(None, &[]);
    scene.events.retain(|event| !matches!(event, Event::Capture { .. }));
    let (same, table) = ((0, String::new()), "public.outbox".to_owned());
    let (source, shadow) = (same.clone(), same);
    scene.events.push(Event::Capture { proof: 0, table, source, shadow });
    scene.judged()
}

#[rstest]
#[case::as_committed(&["e1", "e2"], &[])]
#[case::lost(&["e1"], &[Anomaly::LostChange])]
#[case::not_in_commit_order(&["e2", "e1"], &[Anomaly::ReorderedKey])]
#[case::from_nowhere(&["e1", "e2", "e3"], &[Anomaly::PhantomChange])]
#[case::again(&["e1", "e2", "e2"], &[Anomaly::DuplicateChange])]
fn every_event_is_there_once_in_commit_order(#[case] shown: &[&str], #[case] found: &[Anomaly]) {
    let mut scene = scene();
    commits(&mut scene, "e1");
    commits(&mut scene, "e2");
    for id in shown {
        shows(&mut scene, id, "p");
    }
    let verdict = judged(scene);
    let names = failing(&verdict).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, found);
    if found.is_empty() {
        passes(&verdict);
    }
}

#[test]
fn another_payload_is_told_with_both() {
    let mut scene = scene();
    commits(&mut scene, "e1");
    shows(&mut scene, "e1", "q");
    let verdict = judged(scene);
    assert_eq!(failing(&verdict), [(Anomaly::WrongValue, Some("42".to_owned()))]);
    let told = &verdict.findings[0].finding.sentence;
    assert!(told.contains("\"q\""), "{told}");
}

/// A column of the row, which says `made`, is placed in a header; what that says in the record.
#[rstest]
#[case::as_the_row_has_it(&[Some("made")], None)]
#[case::another(&[Some("lost")], Some("is `lost`, the row has `made`"))]
#[case::null(&[None], Some("is `NULL`, the row has `made`"))]
#[case::no_such_header(&[], Some("is missing, the row has `made`"))]
fn a_column_that_is_placed_in_a_header_is_there_as_the_row_has_it(
    #[case] headers: &[Option<&str>],
    #[case] told: Option<&str>,
) {
    let mut scene = scene();
    scene.option("transforms.o.table.fields.additional.placement", "type:header:eventType");
    commits(&mut scene, "e1");
    shows(&mut scene, "e1", "p");
    for text in headers {
        let text = text.map(|text| Bytes(text.as_bytes().to_vec()));
        scene.last_record().headers.push(("eventType".to_owned(), text));
    }
    let verdict = judged(scene);
    match told {
        Some(told) => {
            assert_eq!(failing(&verdict), [(Anomaly::WrongValue, Some("42".to_owned()))]);
            let sentence = &verdict.findings[0].finding.sentence;
            assert!(sentence.contains(told), "{sentence}");
        }
        None => passes(&verdict),
    }
}

/// A commit whose record stands at the slot's point is streamed, and those before may come in any
/// order: the snapshot has none.
#[test]
fn rows_from_before_the_point_have_no_order() {
    for (point, found) in [(1000, vec![Anomaly::ReorderedKey]), (1024, vec![])] {
        let mut scene = scene();
        scene.set_point(point);
        for id in ["e1", "e2", "e3"] {
            commits(&mut scene, id);
        }
        for id in ["e2", "e1", "e3"] {
            shows(&mut scene, id, "p");
        }
        let verdict = judged(scene);
        let names = failing(&verdict).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names, found, "{point}");
    }
}

#[test]
fn an_event_at_the_point_is_streamed() {
    let mut scene = scene();
    scene.set_point(1014);
    // The first is of the snapshot, and must not stand behind the second.
    for id in ["e1", "e2"] {
        commits(&mut scene, id);
    }
    for id in ["e2", "e1"] {
        shows(&mut scene, id, "p");
    }
    let verdict = judged(scene);
    assert_eq!(failing(&verdict), [(Anomaly::ReorderedKey, Some("42".to_owned()))]);
}

/// Events come again from the restart on that makes them, and not before.
#[rstest]
#[case::behind(true, &[])]
#[case::before(false, &[Anomaly::DuplicateChange])]
fn events_may_come_again_behind_a_restart(#[case] behind: bool, #[case] found: &[Anomaly]) {
    let mut scene = scene();
    let seen = |scene: &mut Scene, pid| {
        scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(pid) });
    };
    seen(&mut scene, 7);
    commits(&mut scene, "e1");
    shows(&mut scene, "e1", "p");
    if !behind {
        shows(&mut scene, "e1", "p");
    }
    seen(&mut scene, 7);
    if behind {
        shows(&mut scene, "e1", "p");
    }
    seen(&mut scene, 8);
    let verdict = judged(scene);
    let names = failing(&verdict).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, found);
}

#[test]
fn an_outbox_without_any_record_proves_nothing() {
    let mut scene = scene();
    commits(&mut scene, "e1");
    let verdict = judged(scene);
    assert_eq!(verdict.outcome, Outcome::Fail);
    let why = "no topic and no sink was checked";
    assert!(verdict.gaps.iter().any(|gap| gap.missing == why), "{:?}", verdict.gaps);
}
