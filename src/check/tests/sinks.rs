//! What a sink without windows holds, against its reference.

use itertools::Itertools as _;
use rstest::rstest;
use serde_json::json;

use super::super::sinks::equal;
use super::super::testing::{SINK, Scene, TOPIC, Total, failing, passes};
use super::super::verdict::{Outcome, Verdict};
use super::scene::names;
use crate::base::anomaly::Anomaly;
use crate::base::text::Text;
use crate::base::value::Value;
use crate::codec::flink::Row;
use crate::history::event::{Event, ProofGap, Role, Side, SinkMode};
use crate::history::written::Arrival;
use crate::scenario::expect::Demand;

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
    assert_eq!(names(&verdict), [anomaly]);
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
    assert_eq!(names(&verdict), [Anomaly::DuplicateChange]);
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
    assert_eq!(names(&scene.judged()), told);
}

/// A row without a key that its reference does not have, twice.
#[test]
fn equal_rows_without_key_are_told_one_by_one_at_the_end() {
    let verdict = judged(APPEND, &[ROW, ROW], &[]);
    assert_eq!(names(&verdict), [Anomaly::GhostRow, Anomaly::GhostRow]);
    let captured = verdict.findings[0].finding.difference[0].captured.as_deref();
    assert_eq!(captured, Some("account=ann, total=10, window_end=2025-01-01 10:00:00"));
}

#[test]
fn a_row_that_stands_wrong_at_several_proofs_is_told_once_and_each_row_is() {
    let mut scene = scene(APPEND);
    let other_ghost = ("cid", 0, 7);
    scene.fires(ROW);
    scene.fires(other_ghost);
    for _ in 0..2 {
        scene.proof(None, &[OTHER]);
    }
    scene.proof(None, &[OTHER, ROW, other_ghost]);
    let verdict = scene.judged();
    let rows = verdict.findings.iter().map(|judged| {
        let captured = judged.finding.difference[0].captured.as_deref();
        (judged.finding.anomaly, captured.and_then(|row| row.split(',').next()))
    });
    let ghosts = ["account=ann", "account=cid"].map(|row| (Anomaly::GhostRow, Some(row)));
    assert_eq!(rows.sorted().collect::<Vec<_>>(), ghosts);
}

fn diverged() -> Demand {
    Demand {
        at: Text::whole("p.yaml".into(), String::new()).place(0),
        finding: Anomaly::DivergedSink,
        place: SINK.to_owned(),
        keys: Vec::new(),
        says: None,
    }
}

/// `diverged-sink` stands for every wrong row at the end.
#[rstest]
#[case::it_stays(&[OTHER, ROW], 0)]
#[case::it_is_healed(&[OTHER], 1)]
fn a_row_that_is_lost_for_a_while_is_told_so_and_meets_no_demand_of_the_end(
    #[case] at_the_end: &[Total<'_>],
    #[case] n_unmet: usize,
) {
    let mut scene = scene(UPSERT);
    scene.header.trial.expect.must_show.push(diverged());
    scene.proof(None, &[OTHER, ROW]);
    scene.proof(None, at_the_end);
    let verdict = scene.judged();
    let all = verdict.findings.iter().map(|judged| judged.finding.anomaly);
    assert_eq!(all.collect::<Vec<_>>(), [Anomaly::LostChange]);
    let finding = &verdict.findings[0].finding;
    let healed = finding.sentence.ends_with(" at proof 0 (not at the end)");
    assert_eq!(healed, n_unmet == 1, "{}", finding.sentence);
    assert_eq!(verdict.unmet.len(), n_unmet, "{:?}", verdict.unmet);
}

#[test]
fn an_older_value_and_a_placeholder_are_told_as_such() {
    let mut scene = Scene::new(1);
    scene.without_window();
    let mut scene = scene.statements();
    scene.insert(0, ANN);
    for event in &mut scene.events {
        if let Event::Sinks { sinks } = event {
            "STRING".clone_into(&mut sinks[0].columns[2].1);
        }
    }
    let write = |scene: &mut Scene, account: &str, total: &str| {
        let key = json!({"account": account, "window_end": "2025-01-01 10:00:00"});
        let mut row = key.clone();
        row["total"] = json!(total);
        scene.record(SINK, 0, Some(key.to_string()), Some(row.to_string()));
    };
    write(&mut scene, "bob", "5");
    write(&mut scene, "ann", "10");
    write(&mut scene, "cid", "__debezium_unavailable_value");
    scene.proof(None, &[ROW, OTHER, ("cid", 0, 1)]);
    scene.proof(None, &[("ann", 0, 20), OTHER, ("cid", 0, 1)]);
    for event in &mut scene.events {
        if let Event::Reference(reference) = event {
            "STRING".clone_into(&mut reference.columns[2].1);
        }
    }
    let verdict = scene.judged();
    let said = verdict.findings.iter().map(|judged| {
        let finding = &judged.finding;
        (finding.anomaly, finding.sentence.as_str())
    });
    let older = "`totals` shows an older `total` of the row than its reference";
    let marked = "`totals` shows the placeholder of an unchanged TOAST value in `total`";
    let told = [(Anomaly::StaleOverwrite, older), (Anomaly::ToastPlaceholder, marked)];
    assert_eq!(said.collect::<Vec<_>>(), told);
}

#[test]
fn only_the_source_topics_that_the_statement_reads_are_its_first_hop() {
    let mut scene = scene(APPEND);
    scene.fires(ROW);
    for event in &mut scene.events {
        if let Event::Topics { topics } = event {
            let mut other = topics[0].clone();
            other.name = "cdc.public.other".to_owned();
            other.role = Role::Source { table: "public.other".to_owned() };
            topics.push(other);
        }
    }
    scene.proof(None, &[OTHER]);
    let over_topics = scene.events.iter().find_map(|event| match event {
        Event::Reference(reference) => {
            let mut over_topics = reference.clone();
            over_topics.side = Side::Topics;
            Some(Event::Reference(over_topics))
        }
        _ => None,
    });
    scene.events.extend(over_topics);
    let verdict = scene.judged();
    let ghost = verdict.findings.iter().find(|judged| judged.finding.anomaly == Anomaly::GhostRow);
    let hop = ghost.and_then(|judged| judged.finding.first_hop.as_deref());
    assert_eq!(hop, Some("cdc.public.payments → totals"));
}

/// Only what this sink has not proven says nothing of it.
#[rstest]
#[case::of_another("other", true)]
#[case::its_own(SINK, false)]
fn a_sink_with_a_gap_at_a_proof_is_not_compared(#[case] sink: &str, #[case] compared: bool) {
    let mut scene = scene(UPSERT);
    scene.proof(None, &[ROW, OTHER]);
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            let sentence = "it was not proven".to_owned();
            proof.gaps = vec![ProofGap { sink: sink.to_owned(), sentence }];
        }
    }
    let verdict = scene.judged();
    assert_eq!(names(&verdict), if compared { &[Anomaly::LostChange][..] } else { &[] });
    let told = verdict.gaps.iter().any(|gap| gap.missing == "it was not proven");
    assert_eq!(told, !compared, "{:?}", verdict.gaps);
}

/// What was found before a statement failed stands beside the failure.
#[rstest]
#[case::its_own(SINK)]
#[case::another("other")]
fn what_was_proven_before_a_statement_failed_is_compared(#[case] place: &str) {
    let mut scene = scene(UPSERT);
    scene.proof(None, &[ROW, OTHER]);
    scene.fails(place);
    assert_eq!(names(&scene.judged()), [Anomaly::StatementFailed, Anomaly::LostChange]);
}

/// The rows that came after the last proof are not all that were to come.
#[test]
fn what_a_statement_wrote_after_the_last_proof_is_not_compared() {
    let mut scene = scene(UPSERT);
    scene.proof(None, &[OTHER]);
    scene.fires(("ann", 0, 9));
    scene.fails(SINK);
    let verdict = scene.judged();
    assert_eq!(names(&verdict), [Anomaly::StatementFailed]);
}

/// A run that ended in trouble may not have come to its sinks.
#[rstest]
#[case::without_trouble(None, true)]
#[case::its_statement_failed(Some(SINK), false)]
#[case::another_failed(Some("other"), false)]
fn a_sink_without_a_table_is_a_gap_of_a_run_without_trouble(
    #[case] trouble: Option<&str>,
    #[case] told: bool,
) {
    let mut scene = scene(UPSERT);
    scene.proof(None, &[OTHER]);
    scene.events.retain(|event| !matches!(event, Event::Sinks { .. }));
    if let Some(place) = trouble {
        scene.fails(place);
    }
    let verdict = scene.judged();
    let gaps = verdict.gaps.iter().filter(|gap| gap.what == "sink `totals`");
    assert_eq!(gaps.count(), usize::from(told), "{:?}", verdict.gaps);
}

/// The last proof says nothing of the topic, and an earlier one has a partition of which no record was
/// read.
#[test]
fn a_sink_is_not_compared_at_a_proof_with_a_partition_that_was_not_read() {
    let mut scene = scene(UPSERT);
    scene.proof(None, &[OTHER, ROW]);
    scene.proof(None, &[OTHER, ROW]);
    for event in &mut scene.events {
        let Event::Proof(proof) = event else { continue };
        if proof.number == 0 {
            proof.ends.entry(SINK.to_owned()).or_default().push((0, 1));
        } else {
            proof.ends.remove(SINK);
        }
    }
    let verdict = scene.judged();
    assert_eq!(failing(&verdict), []);
    let told = |missing: &str| verdict.gaps.iter().any(|gap| gap.missing == missing);
    assert!(told("partition 1 of its topic was not read"), "{:?}", verdict.gaps);
    assert!(told("the end of its topic was not proven"), "{:?}", verdict.gaps);
}

#[test]
fn a_table_of_floats_alone_has_their_tolerance_too() {
    let mut scene = Scene::new(1);
    (scene.mode, scene.keyed) = (APPEND, false);
    scene.without_window();
    let mut scene = scene.statements();
    scene.insert(0, ANN);
    scene.record(SINK, 0, None, Some(r#"{"total":0.30000000000000004}"#.to_owned()));
    scene.proof(None, &[ROW]);
    let total = || vec![("total".to_owned(), "DOUBLE".to_owned())];
    for event in &mut scene.events {
        match event {
            Event::Sinks { sinks } => sinks[0].columns = total(),
            Event::Reference(reference) => {
                reference.columns = total();
                reference.rows = vec![vec![Some("0.3".to_owned())]];
            }
            _ => {}
        }
    }
    passes(&scene.judged());
}

#[test]
fn a_column_that_one_row_lacks_makes_it_another() {
    let row = |names: &[&str]| -> Row {
        names.iter().map(|name| ((*name).to_owned(), Value::Bool(true))).collect()
    };
    let columns = ["a", "b"].map(str::to_owned);
    assert!(equal(&row(&["a", "b"]), &row(&["a", "b"]), &columns));
    assert!(equal(&row(&["a"]), &row(&["a"]), &columns));
    assert!(!equal(&row(&["a", "b"]), &row(&["a"]), &columns));
    assert!(!equal(&row(&["a"]), &row(&["a", "b"]), &columns));
}

#[test]
fn the_key_of_a_record_of_an_append_sink_is_not_read() {
    let mut scene = scene(APPEND);
    let row = r#"{"account":"ann","window_end":"2025-01-01 10:00:00","total":10}"#;
    scene.record(SINK, 0, Some("no object".to_owned()), Some(row.to_owned()));
    scene.proof(None, &[OTHER, ROW]);
    passes(&scene.judged());
}

/// The verdict on an upsert sink of two statements that holds `held`.
fn shared(held: Total<'_>, wanted: &[Total<'_>]) -> Verdict {
    let mut scene = Scene::new(1);
    scene.written.also_by = vec![Text::whole("p.yaml".into(), String::new()).place(0)];
    scene.without_window();
    let mut scene = scene.statements();
    scene.insert(0, ANN);
    scene.fires(held);
    scene.proof(None, wanted);
    scene.judged()
}

#[test]
fn of_two_statements_that_write_a_key_either_may_be_the_last() {
    let wanted = [ROW, ("ann", 0, 20)];
    passes(&shared(ROW, &wanted));
    passes(&shared(("ann", 0, 20), &wanted));
    let told = |held, wanted: &[Total<'_>]| names(&shared(held, wanted));
    assert_eq!(told(("ann", 0, 30), &wanted), [Anomaly::DivergedSink]);
    assert_eq!(told(("ann", 0, 20), &[ROW]), [Anomaly::DivergedSink]);
    assert_eq!(told(ROW, &[]), [Anomaly::GhostRow]);
}

#[test]
fn two_rows_of_a_key_are_no_reference_for_one_statement() {
    let verdict = judged(UPSERT, &[ROW], &[ROW, ("ann", 0, 20)]);
    assert_eq!(verdict.outcome, Outcome::Unknown);
    let gap = &verdict.gaps[0].missing;
    assert!(gap.contains("two rows with the key"), "{gap}");
}

/// Two jobs of one sink are no restart, after which changes may be written twice; and a restart after
/// which none was is no doubt.
#[test]
fn another_statement_of_a_sink_is_no_restart_of_the_first() {
    let judged = |restarts: bool, again: bool| {
        let mut scene = Scene::new(1);
        scene.mode = SinkMode::Retract;
        scene.without_window();
        let mut scene = scene.statements();
        scene.insert(0, ANN);
        scene.writes("c", ROW);
        for _ in 0..2 {
            scene.proof(None, &[ROW]);
            scene.job("k");
            if restarts {
                scene.restarts();
            }
        }
        if again {
            scene.writes("c", ROW);
            scene.proof(None, &[ROW]);
            scene.job("k");
        }
        scene.judged()
    };
    passes(&judged(false, false));
    passes(&judged(true, false));
    let doubted = judged(true, true);
    assert!(doubted.gaps.iter().any(|gap| gap.missing.contains("started again")), "{doubted:?}");
    let told = judged(false, true);
    assert!(
        told.findings.iter().any(|one| one.finding.anomaly == Anomaly::DoubleInsert),
        "{told:?}"
    );
    assert!(!doubted.findings.iter().any(|one| one.finding.anomaly == Anomaly::DoubleInsert));
}

/// The verdict on a sink that keeps one row of `ann` by arrival, from partitions that hold one of 10
/// and one of 20, of which the reference takes the former.
fn arrived(partitions: usize, is_plain: bool, held: i64, cuts: &[(&[i64], i64)]) -> Verdict {
    let mut scene = Scene::new(partitions);
    scene.mode = APPEND;
    let (key, topics) = (vec!["account".to_owned()], vec![TOPIC.to_owned()]);
    scene.written.by_arrival = Some(Arrival { key, topics, is_plain });
    scene.without_window();
    let mut scene = scene.statements();
    scene.insert(0, ANN);
    scene.insert(partitions - 1, (2, "ann", 1, 20));
    scene.fires(("ann", 0, held));
    scene.proof(None, &[ROW]);
    for (offsets, total) in cuts {
        scene.cut(offsets, &[("ann", 0, *total)]);
    }
    scene.judged()
}

/// A row stands in the place of another.
const OTHER_ROW: [Anomaly; 2] = [Anomaly::GhostRow, Anomaly::LostChange];

/// What each of two partitions alone comes to.
const ALONE: &[(&[i64], i64)] = &[(&[1, 0], 10), (&[0, 1], 20)];

#[test]
fn what_arrives_first_of_two_partitions_is_any_of_their_first() {
    passes(&arrived(2, true, 10, &[]));
    passes(&arrived(2, true, 20, ALONE));
    assert_eq!(names(&arrived(2, true, 30, ALONE)), OTHER_ROW);
}

#[test]
fn what_arrives_first_of_one_partition_is_its_first() {
    passes(&arrived(1, true, 10, &[]));
    assert_eq!(names(&arrived(1, true, 20, &[])), OTHER_ROW);
    assert_eq!(names(&arrived(1, false, 20, &[])), OTHER_ROW);
}

#[test]
fn what_cannot_be_told_of_an_order_of_arrival_is_no_finding() {
    for (is_plain, cuts, says) in
        [(true, &ALONE[..1], "was not recorded"), (false, ALONE, "goes on to compute with it")]
    {
        let verdict = arrived(2, is_plain, 20, cuts);
        assert_eq!(verdict.outcome, Outcome::Unknown);
        assert!(verdict.gaps.iter().any(|gap| gap.missing.contains(says)), "{:?}", verdict.gaps);
    }
}
