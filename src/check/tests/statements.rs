//! What a finding at a sink says of its statement: where it stands, what it reads, and the cause that
//! its text shows.

use rstest::rstest;

use super::super::flow::Flow;
use super::super::testing::{Payment, SINK, Scene, TOPIC, Total};
use super::super::verdict::Verdict;
use crate::base::anomaly::Anomaly;
use crate::base::text::Text;
use crate::history::event::SinkMode;
use crate::sql::split;

const ANN: Payment<'_> = (1, "ann", 1, 10);
const ROW: Total<'_> = ("ann", 0, 10);

const SOURCE: &str =
    "CREATE TABLE payments (id int PRIMARY KEY, account text, at timestamp(3), amount int)";

const STATEMENTS: &str = "\
CREATE TABLE payments (id INT, account STRING, `at` BIGINT, amount INT) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.payments', 'format' = 'debezium-json');
CREATE TABLE totals (account STRING, window_end STRING, total INT) WITH ('connector' = 'upsert-kafka', 'topic' = 'totals');
CREATE VIEW seen AS SELECT * FROM payments;
INSERT INTO totals SELECT account, '', amount FROM seen;";

/// A sink keyed by account, over one payment.
fn scene(statements: &str) -> Scene {
    let mut scene = Scene::new(1);
    scene.mode = SinkMode::Upsert;
    scene.without_window();
    let mut scene = scene.statements();
    let text = Text::whole("p.sql".into(), statements.to_owned());
    let pipeline = &mut scene.header.trial.pipeline;
    pipeline.statements = split::flink(&text).unwrap();
    pipeline.source = vec![Text::whole("s.sql".into(), SOURCE.to_owned())];
    scene.insert(0, ANN);
    scene
}

fn only(verdict: &Verdict, anomaly: Anomaly) -> &super::super::verdict::Finding {
    let found: Vec<_> = verdict.findings.iter().map(|judged| &judged.finding).collect();
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(finding.anomaly, anomaly);
    finding
}

#[test]
fn a_finding_at_a_sink_names_its_statement_and_what_that_reads() {
    let mut scene = scene(STATEMENTS);
    scene.proof(None, &[ROW]);
    let verdict = scene.judged();
    let finding = only(&verdict, Anomaly::LostChange);
    assert_eq!(finding.statement.as_deref(), Some("p.sql:4:13"));
    assert_eq!(finding.first_hop.as_deref(), Some("cdc.public.payments → totals"));
    let hops: Vec<&str> = finding.life.iter().map(|seen| seen.hop.as_str()).collect();
    assert_eq!(hops, ["journal", TOPIC]);
}

/// What stands there in the end was written before, and again.
#[rstest]
#[case::from_the_first_on(&[11, 11, 11], 0)]
#[case::after_the_right_one(&[10, 11, 11], 1)]
#[case::between_others(&[11, 12, 11], 2)]
fn the_mark_stands_at_the_first_of_the_wrong_records(#[case] totals: &[i64], #[case] first: i64) {
    let mut scene = scene(STATEMENTS);
    for total in totals {
        scene.fires(("ann", 0, *total));
    }
    scene.proof(None, &[ROW]);
    let verdict = scene.judged();
    let finding = &verdict.findings[0].finding;
    assert_eq!(finding.record.as_ref().map(|record| record.offset), Some(first));
    let marked: Vec<_> = finding.life.iter().filter(|seen| seen.marked).collect();
    assert_eq!(marked.len(), 1);
}

#[rstest]
#[case::none(STATEMENTS, "")]
#[case::a_column_that_no_record_has(
    &STATEMENTS.replace("amount", "Amount"),
    "; no record of `public.payments` has the column `Amount` of `payments`, which is always NULL; did you mean `amount`? (p.sql:1:61)"
)]
#[case::of_a_column_that_is_not_used(&STATEMENTS.replace("amount INT", "amount INT, more INT"), "")]
fn the_cause_stands_in_the_sentence(#[case] statements: &str, #[case] cause: &str) {
    let mut scene = scene(statements);
    scene.proof(None, &[ROW]);
    let verdict = scene.judged();
    let finding = only(&verdict, Anomaly::LostChange);
    let expected = format!("`totals` lacks a row that its reference has{cause}");
    assert_eq!(finding.sentence, expected);
}

#[rstest]
#[case::through_a_view(STATEMENTS, &[TOPIC])]
#[case::through_a_table_like_another(
    &STATEMENTS.replace("CREATE VIEW seen AS SELECT * FROM payments", "CREATE TABLE seen WITH ('scan.parallelism' = '1') LIKE payments"),
    &[TOPIC]
)]
#[case::of_a_list_of_topics(&STATEMENTS.replace("cdc.public.payments'", "other; cdc.public.payments'"), &[TOPIC])]
#[case::of_no_topic_that_is_known(&STATEMENTS.replace("cdc.public.payments'", "other'"), &[])]
fn what_a_statement_reads_is_read_from_its_text(#[case] statements: &str, #[case] topics: &[&str]) {
    let history = scene(statements).so_far();
    let inputs = Flow::of(&history.index()).inputs(SINK);
    assert_eq!(inputs.topics.iter().map(String::as_str).collect::<Vec<_>>(), topics);
    assert!(inputs.sinks.is_empty());
}
