//! Windows: what lies between the source topic and the sink, and what of it decides at which states of
//! the input a window may have fired.

use rstest::rstest;

use super::super::testing::{SINK, Scene, TOPIC, passes};
use super::super::verdict::{Outcome, Verdict};
use super::super::wanted;
use super::scene::names;
use super::windows::{FIRST, OPEN, closed};
use crate::base::anomaly::Anomaly;
use crate::base::text::Text;
use crate::history::event::{Bytes, Event, Firing, JobProof, Role, Time};
use crate::scenario::pipeline::{Sink, WindowTime};

const PLAIN: &str = "INSERT INTO middle SELECT id, account, `at` FROM payments";
const KEEPS_STATE: &str = "a statement before the windows keeps state of its own";

/// The same with a late row, and a firing with what no state of the input gives.
fn never_true() -> Scene {
    let mut scene = closed();
    scene.insert(0, (3, "ann", 3, 100));
    scene.fires(("ann", 10, 110));
    scene.proof(Some(10), &[("ann", 10, 115), OPEN]);
    scene.cut(&[3], &[FIRST, OPEN]);
    scene
}

fn jobs(scene: &mut Scene) -> impl Iterator<Item = &mut Vec<JobProof>> {
    scene.events.iter_mut().filter_map(|event| match event {
        Event::Proof(proof) => Some(&mut proof.jobs),
        _ => None,
    })
}

/// The sink reads what another statement writes to the topic `middle`.
fn behind(mut scene: Scene, statements: &[&str], partitions: i32) -> Scene {
    for event in &mut scene.events {
        match event {
            Event::Topics { topics } => {
                let mut middle = topics[0].clone();
                middle.name = "middle".to_owned();
                middle.partitions = partitions;
                middle.role = Role::Sink { sink: "middle".to_owned() };
                topics.push(middle);
            }
            Event::Clocks { clocks } => clocks[0].topics = vec!["middle".to_owned()],
            _ => {}
        }
    }
    for jobs in jobs(&mut scene) {
        let mut before = jobs[0].clone();
        before.job = "k".to_owned();
        before.sinks = vec!["middle".to_owned()];
        jobs[0].sources = vec![("Source: middle".to_owned(), "middle".to_owned(), 0, 0)];
        jobs.push(before);
    }
    let text = |sql: &&str| Text::whole("s.sql".into(), (*sql).to_owned());
    scene.header.trial.pipeline.statements = statements.iter().map(text).collect();
    scene
}

fn idles(scene: &mut Scene) {
    for event in &mut scene.events {
        if let Event::Clocks { clocks } = event {
            clocks[0].idles = true;
        }
    }
}

/// Nothing fails, and a gap says this.
#[track_caller]
fn is_open(verdict: &Verdict, why: &str) {
    assert_eq!((names(verdict), verdict.outcome), (Vec::new(), Outcome::Unknown));
    let told = verdict.gaps.iter().any(|gap| gap.missing.contains(why));
    assert!(told, "{:?}", verdict.gaps);
}

#[rstest]
#[case::one_to_one(&[PLAIN], None)]
#[case::grouped(&["INSERT INTO middle SELECT account, MAX(`at`) FROM payments GROUP BY account"], Some(KEEPS_STATE))]
#[case::through_a_view(&["CREATE VIEW v AS SELECT * FROM payments", "INSERT INTO middle SELECT * FROM v"], None)]
#[case::through_a_view_that_groups(
    &["CREATE VIEW v AS SELECT account, MAX(`at`) FROM payments GROUP BY account", "INSERT INTO middle SELECT * FROM v"],
    Some(KEEPS_STATE)
)]
#[case::beside_one_that_groups(
    &["INSERT INTO other SELECT account, MAX(`at`) FROM payments GROUP BY account", PLAIN],
    None
)]
#[case::not_recorded(&[], Some(KEEPS_STATE))]
fn a_state_that_never_was_is_a_fault_where_what_lies_before_keeps_no_state(
    #[case] statements: &[&str],
    #[case] blurred: Option<&str>,
) {
    let verdict = behind(never_true(), statements, 1).judged();
    match blurred {
        Some(why) => is_open(&verdict, why),
        None => assert_eq!(names(&verdict), [Anomaly::WindowWrongValue]),
    }
}

#[test]
fn an_intermediate_topic_of_several_partitions_may_show_other_states() {
    let verdict = behind(never_true(), &[PLAIN], 2).judged();
    is_open(&verdict, "an intermediate topic has several partitions");
}

#[test]
fn a_source_topic_that_is_read_by_two_ways_may_show_other_states() {
    let mut scene = behind(never_true(), &[PLAIN], 1);
    for jobs in jobs(&mut scene) {
        let directly = jobs[1].sources.clone();
        jobs[0].sources.extend(directly);
    }
    is_open(&scene.judged(), "the same source topic reaches the windows by two ways");
}

#[test]
fn one_row_after_the_other_updates_are_not_half_applied() {
    let mut scene = never_true();
    scene.header.trial.settings.parallelism = Some(1);
    assert_eq!(names(&scene.judged()), [Anomaly::WindowWrongValue]);
}

#[test]
fn behind_another_statement_the_only_partition_tells_when_a_window_was_closed() {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    passes(&behind(scene, &[PLAIN], 1).judged());
}

#[test]
fn behind_another_statement_no_partition_of_several_tells_when_a_window_was_closed() {
    let mut scene = Scene::new(2).statements();
    scene.insert(0, (1, "ann", 1, 10));
    scene.insert(0, (9, "tick", 10, 0));
    scene.insert(1, (2, "ann", 2, 5));
    scene.fires(("ann", 10, 10));
    scene.proof(Some(10), &[FIRST, OPEN]);
    is_open(&behind(scene, &[PLAIN], 1).judged(), "was not recorded");
}

#[rstest]
#[case::of_the_source_topic(false)]
#[case::behind_another_statement(true)]
fn where_idle_partitions_are_left_out_no_record_tells_when_a_window_was_closed(
    #[case] further: bool,
) {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    let mut scene = if further { behind(scene, &[PLAIN], 1) } else { scene };
    idles(&mut scene);
    is_open(&scene.judged(), "was not recorded");
}

/// How the window's time is told.
#[derive(Debug, Clone, Copy)]
enum Told {
    Name,
    FullName,
    TheClock,
}

/// A row of a later window makes no difference to the first, so that no state before it matters.
#[rstest]
fn a_row_of_a_later_window_leaves_one_state_at_which_the_first_may_have_fired(
    #[values(Told::Name, Told::FullName, Told::TheClock)] told: Told,
    #[values(10, 13)] minutes: i64,
) {
    let mut scene = closed();
    scene.insert(0, (3, "ann", minutes, 100));
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, ("ann", 20, 100), OPEN]);
    for sink in scene.header.trial.pipeline.sinks.values_mut() {
        let Sink::Judged { window: Some(window), .. } = sink else { continue };
        let named = |table: &str, column: &str| (table.to_owned(), column.to_owned());
        let mut columns = vec![named("other", "amount")];
        match told {
            Told::Name => columns.push(named("payments", "at")),
            Told::FullName => columns.push(named("public.payments", "at")),
            Told::TheClock => {}
        }
        window.time = WindowTime::Columns(columns);
    }
    if let Told::TheClock = told {
        for event in &mut scene.events {
            if let Event::Clocks { clocks } = event {
                clocks[0].times = vec![Time::Image("at".to_owned())];
            }
        }
    }
    passes(&scene.judged());
}

/// Windows that go by a day, which stands in the column `account`; the last row is of this one.
fn by_days(last: &str) -> Scene {
    const FIRST_DAY: &str = "2025-01-01";
    let mut scene = Scene::new(1).statements();
    for row in [(1, FIRST_DAY, 1, 10), (2, FIRST_DAY, 2, 5), (9, FIRST_DAY, 10, 0)] {
        scene.insert(0, row);
    }
    scene.insert(0, (3, last, 3, 100));
    scene.change_table(|table| {
        (table.columns[1].type_oid, table.columns[1].type_name) = (1082, "date".to_owned());
    });
    for event in &mut scene.events {
        if let Event::Record(record) = event {
            let value = record.value.as_mut().unwrap();
            let mut envelope: serde_json::Value = serde_json::from_slice(&value.0).unwrap();
            // The connector writes the days since 1970.
            let day = &mut envelope["after"]["account"];
            *day = if *day == FIRST_DAY { 20_089.into() } else { 20_090.into() };
            *value = Bytes(envelope.to_string().into_bytes());
        }
    }
    for sink in scene.header.trial.pipeline.sinks.values_mut() {
        let Sink::Judged { window: Some(window), .. } = sink else { continue };
        window.time = WindowTime::Columns(vec![("payments".to_owned(), "account".to_owned())]);
    }
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    scene
}

#[test]
fn a_row_of_a_later_day_makes_no_difference_to_a_window() {
    passes(&by_days("2025-01-02").judged());
    is_open(&by_days("2025-01-01").judged(), "was not recorded");
}

#[test]
fn a_row_that_leaves_a_window_makes_a_difference_to_it() {
    let mut scene = closed();
    scene.change(0, Some((2, "ann", 2, 5)), Some((2, "ann", 13, 5)));
    scene.fires(FIRST);
    scene.proof(Some(10), &[("ann", 10, 10), ("ann", 20, 5), OPEN]);
    scene.cut(&[3], &[FIRST, OPEN]);
    passes(&scene.judged());
}

#[test]
fn each_late_row_has_a_state_before_it() {
    let mut scene = closed();
    scene.insert(0, (3, "ann", 3, 100));
    scene.insert(0, (4, "ann", 4, 1000));
    scene.fires(FIRST);
    scene.proof(Some(10), &[("ann", 10, 1115), OPEN]);
    let wanted = wanted(&scene.so_far());
    let offsets = wanted.iter().map(|wanted| wanted.cut.0[TOPIC].clone()).collect::<Vec<_>>();
    assert_eq!(offsets, [vec![3], vec![4]]);
}

/// With the state at the proof there is one more state than late rows.
#[rstest]
#[case::as_many_as_are_looked_at(255, "was not recorded")]
#[case::one_more(256, "more than 256 are not looked at")]
fn a_window_that_may_have_fired_at_too_many_states_is_not_decided(
    #[case] n_late: i64,
    #[case] why: &str,
) {
    let mut scene = closed();
    for n in 0..n_late {
        scene.insert(0, (10 + n, "ann", 3, 1));
    }
    scene.fires(FIRST);
    scene.proof(Some(10), &[("ann", 10, 15 + n_late), OPEN]);
    is_open(&scene.judged(), why);
}

/// Of a table in between, the records do not show the rows that a window takes back; without a clock
/// nothing tells what is late.
#[rstest]
#[case::a_table_in_between(true)]
#[case::no_clock(false)]
fn what_was_dropped_as_late_is_judged_only_where_records_tell_what_can_be(#[case] further: bool) {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    let mut scene = if further { behind(scene, &[PLAIN], 1) } else { scene };
    if !further {
        scene.events.retain(|event| !matches!(event, Event::Clocks { .. }));
    }
    for jobs in jobs(&mut scene) {
        jobs[0].late = vec![("GlobalWindowAggregate[5]".to_owned(), 1)];
        assert_eq!(jobs[0].sinks, [SINK]);
    }
    assert_eq!(names(&scene.judged()), []);
}

/// The proofs say how windows reach the sink.
fn fired(mut scene: Scene, edit: fn(&mut Firing)) -> Scene {
    for jobs in jobs(&mut scene) {
        let last = jobs.iter().map(|job| job.sinks.contains(&SINK.to_owned())).position(|own| own);
        let job = &mut jobs[last.unwrap()];
        let of = vec![TOPIC.to_owned()];
        let at = vec!["GlobalWindowAggregate[1]".to_owned()];
        let (through, beside) = (Vec::new(), Vec::new());
        let (sink, reworked, zoned) = (SINK.to_owned(), false, None);
        let mut firing = Firing { sink, at, of, through, beside, reworked, zoned };
        edit(&mut firing);
        job.firings = vec![firing];
    }
    scene
}

/// A window that is written again behind a join has its last value.
#[rstest]
#[case::right_at_last(&[("ann", 10, 15), ("ann", 10, 110), FIRST], true, &[])]
#[case::wrong_at_last(&[FIRST, ("ann", 10, 16)], true, &[Anomaly::WindowWrongValue])]
#[case::never(&[], true, &[Anomaly::WindowMissing])]
#[case::without_a_join(&[FIRST, FIRST], false, &[Anomaly::WindowRepeated])]
fn behind_a_join_with_a_table_the_last_value_of_a_window_counts(
    #[case] values: &[(&str, i64, i64)],
    #[case] reworked: bool,
    #[case] expected: &[Anomaly],
) {
    let mut scene = closed();
    for value in values {
        scene.fires(*value);
    }
    scene.proof(Some(10), &[FIRST, OPEN]);
    let edit: fn(&mut Firing) =
        if reworked { |firing| firing.reworked = true } else { |_: &mut Firing| {} };
    assert_eq!(names(&fired(scene, edit).judged()), expected);
}

/// What changed after the window was closed is judged at every proof after it.
#[rstest]
#[case(FIRST, &[])]
#[case(("ann", 10, 16), &[Anomaly::WindowWrongValue])]
fn behind_a_join_a_window_is_judged_again_after_it_was_closed(
    #[case] then: (&str, i64, i64),
    #[case] expected: &[Anomaly],
) {
    let mut scene = closed();
    scene.fires(FIRST);
    scene.proof(Some(10), &[FIRST, OPEN]);
    scene.fires(then);
    scene.proof(Some(10), &[FIRST, OPEN]);
    scene.cut(&[3], &[FIRST, OPEN]);
    let verdict = fired(scene, |firing| firing.reworked = true).judged();
    assert_eq!(names(&verdict), expected);
}

/// A statement that gives windows on is no state of its own before them.
#[test]
fn windows_that_another_statement_passes_on_are_judged_by_their_own_input() {
    let statements =
        ["INSERT INTO middle SELECT account, SUM(amount) FROM payments GROUP BY account"];
    let scene = behind(never_true(), &statements, 1);
    let mut scene = fired(scene, |firing| {
        (firing.at, firing.of) = (Vec::new(), Vec::new());
        firing.through = vec!["middle".to_owned()];
    });
    for event in &mut scene.events {
        if let Event::Clocks { clocks } = event {
            (clocks[0].topics, clocks[0].sinks) =
                (vec![TOPIC.to_owned()], vec!["middle".to_owned()]);
        }
    }
    assert_eq!(names(&scene.judged()), [Anomaly::WindowWrongValue]);
}
