//! The rows that a scenario expects of a sink.

use itertools::Itertools as _;
use rstest::rstest;

use super::super::testing::{SINK, Scene, Total, failing, passes, text};
use super::super::verdict::{Difference, Outcome, Unmet, Verdict};
use super::super::{judge, mistakes};
use crate::base::anomaly::Anomaly;
use crate::base::text::Text;
use crate::history::event::{End, Event, ProofGap, SinkMode, SinkTable};
use crate::scenario::expect::{Row, RowCell, RowTable};

const ANN: Total<'static> = ("ann", 0, 10);
const BOB: Total<'static> = ("bob", 0, 5);
const COLUMNS: &[&str] = &["account", "window_end", "total"];

/// A table whose cells `...` stand for any value.
fn table(columns: &[&str], rows: &[&[&str]]) -> RowTable {
    let cell = |text: &&str| match *text {
        "..." => RowCell::Any,
        text => RowCell::Value { text: text.to_owned(), quoted: false },
    };
    let row = |cells: &&[&str]| Row { at: 0, cells: cells.iter().map(cell).collect() };
    RowTable {
        text: Text::whole("s.yaml".into(), String::new()),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        rows: rows.iter().map(row).collect(),
        open: false,
    }
}

/// These totals, written as rows.
fn totals(totals: &[Total<'_>]) -> RowTable {
    let rows = totals
        .iter()
        .map(|(account, end, total)| [(*account).to_owned(), text(*end), total.to_string()]);
    let rows = rows.collect::<Vec<_>>();
    let rows = rows.iter().map(|row| row.each_ref().map(String::as_str)).collect::<Vec<_>>();
    table(COLUMNS, &rows.iter().map(|row| &row[..]).collect::<Vec<_>>())
}

/// A sink that holds some rows, of which the reference gives others.
fn scene(held: &[Total<'_>], reference: &[Total<'_>]) -> Scene {
    let mut scene = Scene::new(1);
    scene.without_window();
    let mut scene = scene.statements();
    scene.insert(0, (1, "ann", 1, 10));
    for total in held {
        scene.fires(*total);
    }
    scene.proof(None, reference);
    scene
}

fn expecting(mut scene: Scene, table: RowTable) -> Verdict {
    scene.header.trial.expect.rows.insert(SINK.to_owned(), table);
    scene.judged()
}

/// The one demand that is not met.
#[track_caller]
fn unmet(verdict: &Verdict) -> &Unmet {
    assert_eq!(verdict.unmet.len(), 1, "{:?}", verdict.unmet);
    &verdict.unmet[0]
}

fn difference(column: Option<&str>, expected: Option<&str>, captured: Option<&str>) -> Difference {
    let parts = [column, expected, captured].map(|text| text.map(str::to_owned));
    let [column, expected, captured] = parts;
    Difference { column, expected, captured }
}

#[test]
fn a_sink_with_the_rows_that_are_expected_passes() {
    passes(&expecting(scene(&[ANN, BOB], &[ANN, BOB]), totals(&[BOB, ANN])));
}

const OFF: Total<'static> = ("ann", 0, 9);

#[rstest]
#[case::the_pipeline(OFF, ANN, "its reference agrees with the expectation", "9")]
#[case::the_expectation(OFF, OFF, "its reference differs from them too", "9")]
#[case::all_three(OFF, ("ann", 0, 8), "its reference differs from them too", "9")]
#[case::the_reference(ANN, OFF, "are in the sink, but its reference has others", "9")]
fn sink_and_reference_tell_together_what_is_wrong(
    #[case] held: Total<'_>,
    #[case] reference: Total<'_>,
    #[case] says: &str,
    #[case] shows: &str,
) {
    let verdict = expecting(scene(&[held, BOB], &[reference, BOB]), totals(&[ANN, BOB]));
    let unmet = unmet(&verdict);
    assert!(unmet.sentence.contains(says), "{}", unmet.sentence);
    let column = "total (key ann,2025-01-01 10:00:00)";
    assert_eq!(unmet.difference, [difference(Some(column), Some("10"), Some(shows))]);
}

#[test]
fn rows_of_other_keys_are_told_whole() {
    let cid = ("cid", 0, 10);
    let verdict = expecting(scene(&[ANN, BOB], &[ANN, BOB]), totals(&[BOB, cid]));
    let shown =
        |account: &str| format!("account={account}, total=10, window_end=2025-01-01 10:00:00");
    let lacks = difference(None, Some(&shown("cid")), None);
    let holds = difference(None, None, Some(&shown("ann")));
    assert_eq!(unmet(&verdict).difference, [lacks, holds]);
}

#[rstest]
#[case::closed(false, 1)]
#[case::open(true, 0)]
fn further_rows_are_fine_where_the_table_is_open(#[case] open: bool, #[case] n_unmet: usize) {
    let mut table = totals(&[ANN]);
    table.open = open;
    let verdict = expecting(scene(&[ANN, BOB], &[ANN, BOB]), table);
    assert_eq!(verdict.unmet.len(), n_unmet, "{:?}", verdict.unmet);
}

#[test]
fn the_reference_of_a_window_that_changed_after_it_had_fired_is_not_asked() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, (1, "ann", 1, 15));
    scene.insert(0, (9, "tick", 10, 0));
    scene.fires(("ann", 10, 15));
    scene.proof(Some(10), &[("ann", 10, 15), ("tick", 20, 0)]);
    scene.insert(0, (3, "ann", 3, 100));
    scene.proof(Some(10), &[("ann", 10, 115), ("tick", 20, 0)]);
    passes(&expecting(scene, totals(&[("ann", 10, 15)])));
}

/// Where nothing tells whether a window has closed, its rows are measured by the sink alone.
#[test]
fn rows_of_windows_that_may_have_closed_are_measured_by_the_sink_alone() {
    let mut scene = Scene::new(1).statements();
    scene.insert(0, (1, "ann", 1, 15));
    scene.insert(0, (9, "tick", 10, 0));
    scene.fires(("ann", 10, 15));
    scene.proof(None, &[("ann", 10, 15), ("tick", 20, 0)]);
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            proof.watermarks_at_most.insert(SINK.to_owned(), Some(i64::MAX));
        }
    }
    let verdict = expecting(scene, totals(&[("ann", 10, 15)]));
    assert_eq!((failing(&verdict), verdict.unmet), (Vec::new(), Vec::new()));
}

#[derive(Debug, Clone, Copy)]
enum Lacks {
    Nothing,
    Table,
    Proof,
    Record,
    ItsProof,
    ProofOfAnother,
}

/// What is not read is not judged, and says so.
#[rstest]
#[case::nothing(Lacks::Nothing, None)]
#[case::its_table(Lacks::Table, Some("its table was not recorded"))]
#[case::a_proof(Lacks::Proof, Some("the sink was not proven and read to its end"))]
#[case::a_record(Lacks::Record, Some("the sink was not proven and read to its end"))]
#[case::its_proof(Lacks::ItsProof, Some("the sink was not proven and read to its end"))]
#[case::the_proof_of_another(Lacks::ProofOfAnother, None)]
fn rows_are_judged_only_where_the_sink_was_read_to_its_end(
    #[case] lacks: Lacks,
    #[case] missing: Option<&str>,
) {
    let mut scene = scene(&[BOB], &[ANN, BOB]);
    match lacks {
        Lacks::Nothing => {}
        Lacks::Table => scene.events.retain(|event| !matches!(event, Event::Sinks { .. })),
        Lacks::Proof => scene.events.retain(|event| !matches!(event, Event::Proof(_))),
        Lacks::Record => scene.record(SINK, 0, None, Some("{".to_owned())),
        Lacks::ItsProof => gap(&mut scene, SINK),
        Lacks::ProofOfAnother => gap(&mut scene, "other"),
    }
    let verdict = expecting(scene, totals(&[ANN, BOB]));
    let told = verdict.gaps.iter().find(|gap| gap.what == "the rows of `totals`");
    assert_eq!(told.map(|gap| gap.missing.as_str()), missing, "{:?}", verdict.gaps);
    assert_eq!(verdict.unmet.len(), usize::from(missing.is_none()), "{:?}", verdict.unmet);
}

fn gap(scene: &mut Scene, sink: &str) {
    for event in &mut scene.events {
        if let Event::Proof(proof) = event {
            let sentence = "it was not proven".to_owned();
            proof.gaps = vec![ProofGap { sink: sink.to_owned(), sentence }];
        }
    }
}

#[test]
fn where_the_run_ended_in_trouble_rows_that_were_not_read_are_no_gap_of_their_own() {
    for lacks_table in [false, true] {
        let mut scene = scene(&[BOB], &[ANN, BOB]);
        scene.events.retain(|event| match event {
            Event::Sinks { .. } => !lacks_table,
            Event::Proof(_) => false,
            _ => true,
        });
        scene.events.push(Event::Trouble {
            finding: Anomaly::ConnectorFailed,
            place: "connector".to_owned(),
            at: None,
            sentence: "it failed".to_owned(),
            detail: Vec::new(),
        });
        scene.events.push(Event::End(End::Trouble));
        scene.header.trial.expect.rows.insert(SINK.to_owned(), totals(&[ANN, BOB]));
        let verdict = judge(&scene.so_far());
        assert_eq!(failing(&verdict), [(Anomaly::ConnectorFailed, None)]);
        let told = verdict.gaps.iter().any(|gap| gap.what == "the rows of `totals`");
        assert!(!told, "{:?}", verdict.gaps);
        assert_eq!(verdict.outcome, Outcome::Fail);
    }
}

fn sink(mode: SinkMode) -> SinkTable {
    let mut scene = Scene::new(1);
    (scene.mode, scene.keyed) = (mode, mode == SinkMode::Upsert);
    let tables = scene.statements().events.into_iter().find_map(|event| match event {
        Event::Sinks { sinks } => sinks.into_iter().next(),
        _ => None,
    });
    tables.expect("a scene has a sink")
}

const UPSERT: SinkMode = SinkMode::Upsert;
const APPEND: SinkMode = SinkMode::Append;
const END: &str = "2025-01-01 10:00:00";

#[rstest]
#[case::right(UPSERT, COLUMNS, &["ann", END, "10"], &[])]
#[case::any_value(UPSERT, COLUMNS, &["ann", END, "..."], &[])]
#[case::any_key(UPSERT, COLUMNS, &["...", END, "10"], &["the key column `account` needs a value"])]
#[case::any_without_key(APPEND, COLUMNS, &["...", END, "10"], &[])]
#[case::another_column(
    UPSERT,
    &["account", "window_end", "sum"],
    &["ann", END, "10"],
    &["`totals` has no column `sum`; its columns are account, window_end, total"]
)]
#[case::no_key(
    UPSERT,
    &["account", "total"],
    &["ann", "10"],
    &["the table lacks `window_end`, a key column of `totals`"]
)]
#[case::fewer_columns_without_key(APPEND, &["account", "total"], &["ann", "10"], &[])]
#[case::no_number(UPSERT, COLUMNS, &["ann", END, "ten"], &["column `total`: "])]
fn a_table_that_does_not_fit_the_sink_is_a_mistake(
    #[case] mode: SinkMode,
    #[case] columns: &[&str],
    #[case] row: &[&str],
    #[case] told: &[&str],
) {
    let mut scene = Scene::new(1);
    let expect = &mut scene.header.trial.expect;
    expect.rows.insert(SINK.to_owned(), table(columns, &[row]));
    let found = mistakes(expect, &[sink(mode)]);
    assert_eq!(found.len(), told.len(), "{found:?}");
    for (found, told) in found.iter().zip_eq(told) {
        assert!(found.starts_with("s.yaml:"), "{found}");
        assert!(found.contains(told), "{found}");
    }
}
