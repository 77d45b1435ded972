//! One pass over the topics, beside the whole checker.

mod snapshots;

use itertools::Itertools as _;
use rstest::rstest;

use super::super::judge;
use super::super::once::{Once, judge_once};
use super::super::testing::{
    METADATA, Payment, SINK, Scene, TOPIC, at, demand, failing, image, passes, table, topic,
    witnesses, xid,
};
use super::super::verdict::Outcome;
use crate::base::anomaly::Anomaly;
use crate::base::position::{Lsn, Xid};
use crate::base::text::Text;
use crate::codec::pgoutput::{Cell, write};
use crate::history::event::{Column, End, Event, Part, Role, Table};
use crate::history::stream::Stream;
use crate::scenario::expect::{Allowance, Level, PlanTexts};
use crate::scenario::settings::{Options, ReplicaIdentity};

const ANN: Payment<'_> = (1, "ann", 1, 10);
const BOB: Payment<'_> = (2, "bob", 2, 5);
const CID: Payment<'_> = (3, "cid", 3, 1);

/// A row of the snapshot and one that is streamed.
fn scene() -> Scene {
    let mut scene = Scene::new(1).statements();
    scene.read(0, ANN);
    scene.insert(0, BOB);
    scene
}

/// One pass over all that was seen, without the sink.
fn once(mut scene: Scene) -> Once {
    scene.header.trial.pipeline.sinks.clear();
    scene.proof(None, &[]);
    pass(scene)
}

/// One pass over all that was seen.
fn pass(mut scene: Scene) -> Once {
    scene.events.push(Event::End(End::Completed));
    let history = scene.so_far();
    judge_once(|| Ok(Stream::of(&history))).unwrap()
}

/// Why a history is not judged in one pass.
fn refused(scene: Scene) -> Option<String> {
    once(scene).judged.err()
}

#[track_caller]
fn is_refused(scene: Scene, why: &str) {
    let told = refused(scene);
    assert!(told.as_ref().is_some_and(|told| told.contains(why)), "{told:?}");
}

fn edit(scene: &mut Scene, change: impl Fn(&mut Event)) {
    scene.events.iter_mut().for_each(change);
}

/// Where the first message of the journal stands.
fn first_wal(scene: &Scene) -> usize {
    let place = scene.events.iter().position(|event| matches!(event, Event::Wal { .. }));
    place.unwrap_or(scene.events.len())
}

fn wal(scene: &mut Scene, data: Vec<u8>) {
    let lsn = Lsn(scene.lsn);
    scene.events.push(Event::Wal { lsn, xid: xid(lsn), data });
}

/// A transaction with its commit at a place and a time, in milliseconds since 1970; no record tells of
/// its rows.
fn commit_at(scene: &mut Scene, commit: u64, ms: i64, rows: impl Iterator<Item = i64>) {
    let lsn = Lsn(commit - 1);
    let (commit, end, xid) = (Lsn(commit), Lsn(commit + 1), xid(lsn));
    let mut put = |lsn: Lsn, data| scene.events.push(Event::Wal { lsn, xid, data });
    put(lsn, write::begin(commit, ms * 1000, xid));
    for id in rows {
        put(lsn, write::insert(1, &image((id, "ann", 1, 1))));
    }
    put(commit, write::commit(commit, end, ms * 1000));
}

#[test]
fn what_was_seen_is_counted_alike() {
    let mut whole = scene();
    whole.change(0, Some(BOB), None);
    let once = once(whole.clone());
    whole.header.trial.pipeline.sinks.clear();
    whole.proof(None, &[]);
    whole.events.push(Event::End(End::Completed));
    let n_events = whole.events.len();
    let whole = judge(&whole.so_far());
    let taken = once.taken;
    let verdict = once.judged.unwrap();
    passes(&verdict);
    for name in ["transactions", "changes", "records", "keys"] {
        assert_eq!(verdict.figures[name], whole.figures[name], "{name}");
    }
    assert_eq!(u64::try_from(n_events), Ok(taken.events));
    assert_eq!((taken.live_keys, taken.deviating_keys), (2, 0));
    assert!(taken.key_bytes >= 64 && taken.due_bytes >= 64, "{taken:?}");
    assert!(taken.looked_at < n_events, "{taken:?}");
}

#[test]
fn a_key_at_which_something_deviates_is_looked_at_and_others_are_not() {
    let mut scene = scene();
    let lsn = scene.commit(None, Some(CID));
    scene.show(0, lsn, (None, Some((3, "cid", 3, 2))));
    let once = once(scene);
    assert_eq!(once.taken.deviating_keys, 1);
    let verdict = once.judged.unwrap();
    assert_eq!(failing(&verdict), [(Anomaly::WrongValue, Some("3".to_owned()))]);
    // Of the topic's three keys only one is looked at, and all are counted.
    assert_eq!(verdict.figures["keys"], 3);
}

#[test]
fn a_table_that_a_sink_shares_its_name_with_is_named_with_its_schema() {
    let mut scene = scene();
    let lsn = scene.commit(None, Some(CID));
    scene.show(0, lsn, (None, Some((3, "cid", 3, 2))));
    let sinks = &mut scene.header.trial.pipeline.sinks;
    let sink = sinks.remove(SINK).unwrap();
    sinks.insert("payments".to_owned(), sink);
    scene.proof(None, &[]);
    let verdict = pass(scene).judged.unwrap();
    assert_eq!(verdict.findings[0].finding.place, "public.payments");
}

#[test]
fn the_last_change_that_a_proof_covers_is_missed() {
    let mut scene = scene();
    scene.commit(None, Some(CID));
    let verdict = once(scene).judged.unwrap();
    assert_eq!(failing(&verdict), [(Anomaly::LostChange, Some("3".to_owned()))]);
}

#[test]
fn what_was_committed_behind_the_last_proof_need_not_have_arrived() {
    let mut scene = scene();
    scene.header.trial.pipeline.sinks.clear();
    scene.proof(None, &[]);
    scene.commit(None, Some(CID));
    let once = pass(scene);
    assert_eq!(once.taken.deviating_keys, 0);
    passes(&once.judged.unwrap());
}

#[test]
fn a_record_that_comes_again_makes_all_that_follows_it_looked_at() {
    let mut scene = scene();
    let lsn = scene.commit(None, Some(CID));
    scene.show(0, lsn, (None, Some(CID)));
    scene.insert(0, (4, "dan", 4, 1));
    scene.show(0, lsn, (None, Some(CID)));
    let once = once(scene);
    assert_eq!(once.taken.deviating_keys, 2);
    let verdict = once.judged.unwrap();
    assert_eq!(failing(&verdict), [(Anomaly::DuplicateChange, Some("3".to_owned()))]);
}

/// Which events a history lacks.
type LeftOut = fn(&Event) -> bool;

#[test]
fn a_history_that_lacks_its_prologue_is_refused() {
    let without = |left_out: LeftOut| {
        let mut scene = scene();
        scene.events.retain(|event| !left_out(event));
        scene
    };
    let cases: [(LeftOut, &str); 4] = [
        (|event| matches!(event, Event::Tables { .. }), "the source tables were not recorded"),
        (|event| matches!(event, Event::Topics { .. }), "the topics were not recorded"),
        (|event| matches!(event, Event::Connector { .. }), "the connector's configuration was"),
        (|event| matches!(event, Event::Slot { .. }), "the slot's consistent point was"),
    ];
    for (left_out, why) in cases {
        is_refused(without(left_out), why);
    }
}

#[test]
fn the_prologue_may_be_told_in_any_order() {
    let mut scene = scene();
    let is_prologue = |event: &mut Event| {
        use Event::{Connector, Slot, Tables, Topics};
        matches!(event, Tables { .. } | Topics { .. } | Connector { .. } | Slot { .. })
    };
    let prologue = scene.events.extract_if(.., is_prologue).collect::<Vec<_>>();
    assert_eq!(prologue.len(), 4);
    scene.header.trial.pipeline.sinks.clear();
    scene.proof(None, &[]);
    let behind = std::mem::take(&mut scene.events);
    for order in prologue.into_iter().permutations(4) {
        scene.events = order.into_iter().chain(behind.clone()).collect();
        passes(&pass(scene.clone()).verdict());
    }
}

#[test]
fn rows_without_their_envelope_are_refused() {
    let mut scene = scene();
    scene.option("transforms", "unwrap");
    scene.option("transforms.unwrap.type", "io.debezium.transforms.ExtractNewRecordState");
    is_refused(scene, "without their envelope");
}

#[test]
fn transaction_metadata_is_refused() {
    is_refused(scene().with_metadata(), &format!("`{METADATA}` holds"));
}

#[test]
fn a_captured_table_without_its_topic_is_refused() {
    let mut scene = scene();
    edit(&mut scene, |event| {
        if let Event::Topics { topics } = event {
            topics.retain(|topic| topic.name != TOPIC);
        }
    });
    is_refused(scene, "no topic of `public.payments` was recorded");
}

#[rstest]
#[case::an_index(|table: &mut Table| table.identity = ReplicaIdentity::Index, "USING INDEX")]
#[case::nothing(|table: &mut Table| table.identity = ReplicaIdentity::Nothing, "has no key by which")]
#[case::no_key(|table: &mut Table| table.key.clear(), "has no key by which")]
#[case::another_key(|table: &mut Table| table.key = vec!["x".to_owned()], "was not recorded")]
fn a_table_whose_rows_cannot_be_named_is_refused(
    #[case] change: fn(&mut Table),
    #[case] why: &str,
) {
    let mut scene = scene();
    scene.change_table(change);
    is_refused(scene, why);
}

#[test]
fn a_key_that_is_not_the_primary_key_is_refused() {
    is_refused(scene().keyed_by_account(), "not the primary key");
}

/// A table beside the captured one.
fn other_table(key: &[&str]) -> Table {
    let key = key.iter().map(|&column| column.to_owned()).collect();
    Table { oid: 2, name: "notes".to_owned(), key, captured: false, ..table() }
}

/// The scene with another table, whose rows come and go.
fn beside(other: Table) -> Scene {
    let mut scene = Scene::new(1).statements();
    edit(&mut scene, |event| {
        if let Event::Tables { tables } = event {
            tables.push(other.clone());
        }
    });
    scene.read(0, ANN);
    scene.insert(0, BOB);
    for _ in 0..2 {
        let lsn = Lsn(scene.lsn);
        scene.transaction(lsn, write::insert(2, &image(CID)));
        scene.lsn += 10;
        let lsn = Lsn(scene.lsn);
        scene.transaction(lsn, write::delete(2, &write::full(&image(CID))));
        scene.lsn += 10;
    }
    scene
}

#[rstest]
#[case::with_a_key(&["id"])]
#[case::without(&[])]
fn a_table_that_is_not_captured_owes_nothing(#[case] key: &[&str]) {
    let once = once(beside(other_table(key)));
    assert_eq!(once.taken.deviating_keys, 0);
    let verdict = once.judged.unwrap();
    passes(&verdict);
    // A row of the snapshot and a streamed one.
    assert_eq!(verdict.figures["changes"], 2);
}

#[test]
fn generated_columns_are_not_in_the_journal_and_are_no_key() {
    let mut plain = scene();
    plain.change_table(|table| {
        let twice =
            Column { name: "twice".to_owned(), generated: true, ..table.columns[0].clone() };
        table.columns.push(twice);
    });
    assert_eq!(refused(plain), None);
    let mut keyed = scene();
    keyed.change_table(|table| table.columns[0].generated = true);
    is_refused(keyed, "has a key column that was not recorded");
}

#[test]
fn tables_may_be_recorded_twice_if_they_are_the_same() {
    let mut same = scene();
    same.events.push(Event::Tables { tables: vec![table()] });
    assert_eq!(refused(same), None);
    let mut other = scene();
    other.events.push(Event::Tables { tables: vec![Table { oid: 3, ..table() }] });
    is_refused(other, "recorded twice");
}

#[test]
fn what_changes_on_the_way_is_refused() {
    let schema = Event::Schema {
        topic: TOPIC.to_owned(),
        part: Part::Value,
        id: 1,
        schema: "\"string\"".to_owned(),
    };
    let (config, before, after) = (Options::new(), Lsn(1), Lsn(2));
    let reconfigured = Event::Reconfigured { entry: 0, connector: None, config, before, after };
    let reshaped = Event::Reshaped { entry: 0, grown: Vec::new(), topics: Vec::new() };
    let cases = [
        (schema, "in Avro"),
        (reconfigured, "the connector is reconfigured"),
        (reshaped, "the topics are changed"),
    ];
    for (event, why) in cases {
        let mut scene = scene();
        scene.events.push(event);
        is_refused(scene, why);
    }
}

#[rstest]
#[case::of_the_topic(TOPIC, false)]
#[case::of_a_sink(SINK, true)]
fn records_that_were_removed_from_a_topic_are_refused(#[case] topic: &str, #[case] ok: bool) {
    let mut scene = scene();
    scene.header.trial.pipeline.sinks.clear();
    scene.proof(None, &[]);
    edit(&mut scene, |event| {
        if let Event::Proof(proof) = event
            && let Some(ends) = proof.ends.get_mut(topic)
        {
            for (low, _) in ends {
                *low = 1;
            }
        }
    });
    let told = pass(scene).judged.err();
    assert_eq!(told.is_none(), ok, "{told:?}");
    assert!(told.is_none_or(|told| told.contains("records were removed")));
}

#[test]
fn a_journal_out_of_order_is_refused() {
    let begin = |commit: u64| write::begin(Lsn(commit), 0, Xid(77));
    let end = |commit: u64| write::commit(Lsn(commit), Lsn(commit + 1), 0);
    let cases = [
        // Nothing ends the first before the second begins.
        (vec![begin(5000), begin(5010)], "not in commit order"),
        (vec![begin(5000), end(5000), begin(5000)], "not in commit order"),
        (vec![begin(5000), end(5000), begin(4000)], "not in commit order"),
        (vec![end(5000)], "a commit that no transaction has begun"),
        (vec![begin(5000), end(5004)], "a commit that no transaction has begun"),
        (vec![write::insert(1, &image(CID))], "outside of a transaction"),
        (vec![write::truncate(&[9, 1])], "a table is truncated"),
        (vec![begin(5000), write::insert(9, &image(CID))], "a table that was not recorded"),
        (vec![begin(5000), write::insert(1, &image(CID)[1..])], "no key that can be read"),
        (
            vec![begin(5000), write::update(1, None, &image(CID)), end(5000)],
            "updates a row that it never saw",
        ),
        (vec![b"?".to_vec()], "pgoutput"),
    ];
    for (messages, why) in cases {
        let mut scene = scene();
        for data in messages {
            wal(&mut scene, data);
        }
        is_refused(scene, why);
    }
}

#[test]
fn a_row_that_was_seen_may_be_updated_without_its_old_image() {
    let mut scene = scene();
    let lsn = Lsn(scene.lsn);
    let new = (2, "bob", 2, 6);
    scene.transaction(lsn, write::update(1, None, &image(new)));
    scene.lsn += 10;
    assert_eq!(refused(scene), None);
}

#[test]
fn a_row_that_comes_twice_is_looked_at() {
    let mut scene = scene();
    scene.insert(0, BOB);
    assert_eq!(once(scene).taken.deviating_keys, 1);
}

const COLUMNS: [(&str, bool); 4] =
    [("id", true), ("account", false), ("at", false), ("amount", false)];

#[test]
fn tables_must_be_described_as_they_were_recorded() {
    let described = |oid: u32, name: &str, columns: &[(&str, bool)]| {
        let mut scene = scene();
        wal(&mut scene, write::relation(oid, name, b'f', columns));
        scene
    };
    assert_eq!(refused(described(1, "payments", &COLUMNS)), None);
    assert_eq!(refused(described(7, "notes", &COLUMNS)), None);
    is_refused(described(7, "payments", &COLUMNS), "`payments` has another OID");
    is_refused(described(1, "notes", &COLUMNS), "`notes` has another OID");
    is_refused(described(1, "payments", &COLUMNS[..3]), "`payments` has other columns");
}

#[test]
fn what_is_done_to_a_table_of_no_concern_is_passed_over() {
    let mut scene = scene();
    let lsn = scene.lsn;
    wal(&mut scene, write::relation(7, "notes", b'd', &COLUMNS[..1]));
    wal(&mut scene, write::begin(Lsn(lsn + 4), 0, Xid(77)));
    wal(&mut scene, write::insert(7, &[Cell::Text("1".to_owned())]));
    wal(&mut scene, write::commit(Lsn(lsn + 4), Lsn(lsn + 8), 0));
    wal(&mut scene, write::truncate(&[7]));
    scene.lsn += 10;
    scene.insert(0, CID);
    let verdict = once(scene).judged.unwrap();
    passes(&verdict);
    assert_eq!(verdict.figures["transactions"], 4);
}

fn acknowledged(xid: Xid) -> Event {
    Event::Commit { entry: None, session: "setup".to_owned(), xid }
}

#[test]
fn a_commit_may_be_acknowledged_before_and_behind_the_journal() {
    for behind in [false, true] {
        let mut scene = scene();
        let xid = xid(Lsn(1000));
        let event = acknowledged(xid);
        let at = if behind { scene.events.len() } else { first_wal(&scene) };
        scene.events.insert(at, event);
        passes(&once(scene).judged.unwrap());
    }
}

#[test]
fn an_acknowledged_commit_that_the_journal_lacks_breaks_it() {
    let mut scene = scene();
    scene.events.push(acknowledged(Xid(7)));
    let verdict = once(scene).judged.unwrap();
    assert_eq!(verdict.outcome, Outcome::Invalid);
}

#[rstest]
#[case::as_many_as_are_looked_at(0, true)]
#[case::one_more(1, false)]
fn rare_events_are_looked_at_up_to_a_number(#[case] more: usize, #[case] ok: bool) {
    let mut scene = scene();
    let kept = once(scene.clone()).taken.looked_at;
    let event = Event::Walsender { slot: "s".to_owned(), pid: None };
    let rare = std::iter::repeat_n(event, 200_000 - kept + more);
    scene.events.extend(rare);
    let told = refused(scene);
    assert_eq!(told.is_none(), ok, "{told:?}");
    assert!(told.is_none_or(|told| told.contains("have more than 200000 events")));
}

#[test]
fn what_no_pass_over_the_topics_judges_is_told() {
    let mut scene = scene();
    let expect = &mut scene.header.trial.expect;
    expect.plan.insert(SINK.to_owned(), PlanTexts::default());
    expect.consistency.insert(SINK.to_owned(), Level::Windows);
    expect.must_show.push(demand(Anomaly::MidSnapshot, "payments"));
    expect.must_show.push(demand(Anomaly::StaleOverwrite, SINK));
    for place in [SINK, "payments"] {
        expect.may_show.push(Allowance {
            at: Text::whole("p.yaml".into(), String::new()).place(0),
            finding: Anomaly::WrongValue,
            place: place.to_owned(),
            keys: Vec::new(),
            because: "it may".to_owned(),
        });
    }
    scene.fires(("ann", 5, 10));
    scene.proof(Some(9), &[("ann", 5, 10)]);
    let once = pass(scene);
    let whats = once.left_out.iter().map(|gap| gap.what.as_str()).collect::<Vec<_>>();
    assert_eq!(whats.len(), 3, "{whats:?}");
    assert_eq!(whats[0], format!("whether `{SINK}` agrees with its reference"));
    assert_eq!(whats[1], format!("`plan` of `{SINK}`"));
    assert!(whats[2].starts_with("`must_show` "), "{whats:?}");
    let left_out = once.left_out.clone();
    let verdict = once.judged.unwrap();
    assert_eq!(verdict.gaps, left_out);
    assert_eq!((verdict.outcome, verdict.control), (Outcome::Unknown, false));
    assert_eq!((failing(&verdict), verdict.unmet.len()), (Vec::new(), 0));
    // What is allowed at the topic and was not seen is told; what is allowed at the sink is not.
    let told = verdict.warnings.iter().filter(|warning| warning.contains("wrong-value"));
    let told = told.collect::<Vec<_>>();
    assert!(told.len() == 1 && told[0].contains("payments"), "{told:?}");
}

#[test]
fn a_run_that_is_refused_is_unknown_with_all_that_was_left_out() {
    let mut scene = scene();
    scene.events.retain(|event| !matches!(event, Event::Slot { .. }));
    let verdict = pass(scene).verdict();
    assert_eq!(verdict.outcome, Outcome::Unknown);
    let missing = verdict.gaps.iter().map(|gap| gap.missing.as_str()).collect::<Vec<_>>();
    assert_eq!(missing.len(), 2, "{missing:?}");
    assert!(missing[0].ends_with("`check --whole` judges it with all events in memory"));
    assert_eq!(missing[1], "one pass judges the topics only");
}

#[test]
fn a_topic_of_no_table_is_looked_at_whole() {
    let mut scene = scene();
    edit(&mut scene, |event| {
        if let Event::Topics { topics } = event {
            topics.push(topic("barriers", 1, Role::Barrier));
        }
    });
    let without = once(scene.clone()).taken.looked_at;
    for _ in 0..3 {
        scene.record("barriers", 0, None, None);
    }
    scene.record(SINK, 0, None, None);
    assert_eq!(once(scene).taken.looked_at, without + 3);
}

#[test]
fn a_record_that_cannot_be_read_is_told() {
    let mut scene = scene();
    scene.record(TOPIC, 0, Some("{\"id\":3}".to_owned()), Some("{".to_owned()));
    let verdict = once(scene).judged.unwrap();
    assert!(verdict.gaps.iter().any(|gap| gap.what == format!("1 records of `{TOPIC}`")));
}

/// The record of a row that came, with its value written otherwise.
fn written(otherwise: impl Fn(&str) -> String) -> Once {
    let mut scene = scene();
    scene.insert(0, CID);
    if let Some(Event::Record(record)) = scene.events.last_mut()
        && let Some(value) = &mut record.value
    {
        value.0 = otherwise(&String::from_utf8_lossy(&value.0)).into();
    }
    once(scene)
}

#[test]
fn a_row_whose_columns_stand_in_another_order_is_the_same() {
    let once = written(|value| {
        let value = value.replace("\"id\":3,", "").replace("\"id\":3", "");
        value.replace("\"after\":{", "\"after\":{\"id\":3,").replace(",}", "}")
    });
    assert_eq!(once.taken.deviating_keys, 0);
    passes(&once.judged.unwrap());
}

#[test]
fn the_row_that_a_value_names_is_looked_at_with_the_one_that_its_key_names() {
    let once = written(|value| value.replace("\"id\":3", "\"id\":2"));
    assert_eq!(once.taken.deviating_keys, 2);
}

/// Such records are read the long way.
#[test]
fn records_that_tell_their_place_in_a_transaction_are_read_alike() {
    let mut scene = scene();
    scene.metadata = true;
    scene.insert(0, CID);
    let once = once(scene);
    assert_eq!(once.taken.deviating_keys, 0);
    passes(&once.judged.unwrap());
}
