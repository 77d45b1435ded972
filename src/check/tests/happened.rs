//! Causes that the run itself shows.

use rstest::rstest;

use super::super::testing::{Payment, Scene, at};
use super::super::verdict::Verdict;
use crate::base::text::Text;
use crate::history::event::{Event, SinkMode};
use crate::sql::split;

const ANN: Payment<'_> = (1, "ann", 1, 10);

const STATEMENTS: &str = "\
CREATE TABLE payments (id INT, account STRING, amount INT) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.payments', 'format' = 'debezium-json');
CREATE TABLE totals (account STRING, window_end STRING, total INT) WITH ('connector' = 'upsert-kafka', 'topic' = 'totals');
INSERT INTO totals SELECT account, '', SUM(amount) FROM payments GROUP BY account;";

fn scene(statements: &str) -> Scene {
    let mut scene = Scene::new(1);
    scene.mode = SinkMode::Upsert;
    scene.without_window();
    let text = Text::whole("p.sql".into(), statements.to_owned());
    scene.header.trial.pipeline.statements = split::flink(&text).unwrap();
    scene.statements()
}

fn sentence(verdict: &Verdict) -> &str {
    &verdict
        .findings
        .iter()
        .find(|judged| judged.finding.place == "totals")
        .unwrap()
        .finding
        .sentence
}

/// One payment, which arrives again behind a restart of the connector or not, and a total.
fn again(statements: &str, again: bool, total: i64) -> Verdict {
    let mut scene = scene(statements);
    scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(7) });
    let lsn = scene.commit(None, Some(ANN));
    scene.show(0, lsn, (None, Some(ANN)));
    if again {
        scene.events.push(Event::Walsender { slot: "s".to_owned(), pid: Some(8) });
        scene.show(0, lsn, (None, Some(ANN)));
    }
    scene.fires(("ann", 0, total));
    scene.proof(None, &[("ann", 0, 10)]);
    scene.judged()
}

const COUNTED: &str = "`totals` shows another `total` than its reference; records of \
    `cdc.public.payments` came again, and without `table.exec.source.cdc-events-duplicate` the \
    statement takes each for a further change";
const OTHER: &str = "`totals` shows another `total` than its reference";

#[rstest]
#[case::counted(STATEMENTS.to_owned(), true, COUNTED)]
#[case::nothing_came_again(STATEMENTS.to_owned(), false, OTHER)]
#[case::passed_over(format!("SET 'table.exec.source.cdc-events-duplicate' = 'true';{STATEMENTS}"), true, OTHER)]
#[case::read_as_rows(STATEMENTS.replace("debezium-json", "json"), true, OTHER)]
fn records_that_come_again_are_the_cause_where_each_counts(
    #[case] statements: String,
    #[case] comes_again: bool,
    #[case] expected: &str,
) {
    assert_eq!(sentence(&again(&statements, comes_again, 20)), expected);
}

#[rstest]
#[case::longer_than_state_lives("3 s", 4_000, true)]
#[case::as_long("4000", 4_000, true)]
#[case::shorter("1 d", 4_000, false)]
#[case::state_lives_for_ever("0", 4_000, false)]
fn state_that_is_forgotten_is_the_cause_where_the_run_took_that_long(
    #[case] ttl: &str,
    #[case] took: i64,
    #[case] told: bool,
) {
    let mut scene = scene(&format!("SET 'table.exec.state.ttl' = '{ttl}';{STATEMENTS}"));
    scene.insert(0, ANN);
    scene.proof(None, &[("ann", 0, 10)]);
    let last = scene.events.iter_mut().rev().find_map(|event| match event {
        Event::Record(record) => Some(record),
        _ => None,
    });
    last.unwrap().timestamp = Some(at(0) + took);
    scene.insert(0, (2, "bob", 1, 10));
    scene.proof(None, &[("ann", 0, 10), ("bob", 0, 10)]);
    let verdict = scene.judged();
    let cause =
        format!("; state that nothing touches for {ttl} is forgotten (`table.exec.state.ttl`)");
    let expected = if told { cause } else { String::new() };
    assert_eq!(
        sentence(&verdict),
        format!("`totals` lacks a row that its reference has{expected}")
    );
}
