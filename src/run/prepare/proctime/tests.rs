//! Plans as Flink 2.2 writes them.

use rstest::rstest;

use super::*;
use crate::base::text::Text;
use crate::client::reach::Reach;
use crate::dialect::{Emitted, Translated, Translation};
use crate::run::names::Names;
use crate::run::prepare::files::Home;
use crate::run::prepare::statements::prepare;
use crate::run::prepare::table::Places;
use crate::sql::split;

const TABLES: &str = "\
CREATE TABLE clicks (id INT, person INT, page STRING, seen AS PROCTIME(), ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.clicks', 'format' = 'json');
CREATE TABLE firsts (person INT, id INT, PRIMARY KEY (person) NOT ENFORCED)
  WITH ('connector' = 'upsert-kafka', 'topic' = 'firsts', 'key.format' = 'json', 'value.format' = 'json');
INSERT INTO firsts SELECT person, id FROM clicks;";

fn statements() -> Statements {
    let texts = split::flink(&Text::whole("p.sql".into(), TABLES.to_owned())).unwrap();
    let own = |text: &Text| Translated {
        written: text.clone(),
        emitted: vec![Emitted { text: text.clone(), notes: Vec::new() }],
        notes: Vec::new(),
    };
    let translation =
        Translation { statements: texts.iter().map(own).collect(), topics: BTreeMap::new() };
    let (names, reach) = (Names::from_parts("t", 0), Reach::default());
    let places = Places {
        names: &names,
        reach: &reach,
        files: &Home::Folder("/runs/t/lake".into()),
        topics: &[],
        committed: false,
    };
    prepare(&translation, &BTreeMap::new(), &places).unwrap()
}

fn of(plan: &str) -> Uses {
    let statements = statements();
    let insert = statements.prepared.last().unwrap();
    uses(&statements, insert, &format!("== Optimized Execution Plan ==\n{plan}\n"))
}

const SCAN: &str = "TableSourceScan(table=[[default_catalog, default_database, clicks]], fields=[id, person, page])";

/// A plan of these operators, each below the one before it.
fn chain(operators: &[&str]) -> String {
    let line = |(depth, operator): (usize, &&str)| match depth {
        0 => (*operator).to_owned(),
        _ => format!("{}+- {operator}", " ".repeat((depth - 1) * 3)),
    };
    operators.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

const SINK: &str = "Sink(table=[default_catalog.default_database.firsts], fields=[person, id])";
const MADE: &str = "Calc(select=[id, person, PROCTIME() AS seen])";

#[rstest]
#[case::a_column_that_nobody_uses(&["Calc(select=[person, id])"])]
#[case::a_column_that_is_written(&["Calc(select=[person, id, PROCTIME_MATERIALIZE(seen) AS seen])", MADE])]
#[case::an_aggregate(&["GroupAggregate(groupBy=[person], select=[person, COUNT(*) AS n])", MADE])]
#[case::a_window_on_event_time(&[
    "WindowAggregate(window=[TUMBLE(time_col=[t], size=[1 h])], select=[COUNT(*) AS n])",
    "Calc(select=[ts AS t])", MADE])]
#[case::a_rank_by_a_number(&["Rank(strategy=[AppendFastStrategy], orderBy=[id ASC])", MADE])]
#[case::rows_over_event_time(&["OverAggregate(partitionBy=[person], orderBy=[ts ASC])", MADE])]
#[case::an_interval_of_event_time(&["IntervalJoin(joinType=[InnerJoin], windowBounds=[isRowTime=true, leftLowerBound=0])", MADE])]
#[case::versions(&["TemporalJoin(where=[__TEMPORAL_JOIN_CONDITION(ts, ts0, __P(id))])", MADE])]
#[case::the_last_by_event_time(&["Deduplicate(keep=[LastRow], key=[person], order=[ROWTIME])", MADE])]
fn what_does_not_depend_on_the_time_of_the_machine(#[case] between: &[&str]) {
    let plan = chain(&[&[SINK], between, &[SCAN]].concat());
    assert_eq!(of(&plan), Uses::default());
}

#[rstest]
#[case(&["WindowAggregate(window=[TUMBLE(time_col=[t], size=[1 h])])", "Calc(select=[seen AS t])", MADE],
    "it has windows on processing time")]
#[case(&["WindowAggregate(window=[TUMBLE(time_col=[nobody], size=[1 h])])"],
    "it has windows on processing time")]
#[case(&["GroupWindowAggregate(window=[TumblingGroupWindow('w$, $f3, 3600000)], properties=[w$start, w$end, w$proctime])"],
    "it has windows on processing time")]
#[case(&["IntervalJoin(joinType=[InnerJoin], windowBounds=[isRowTime=false, leftLowerBound=-3600000])", MADE],
    "it joins rows within an interval of processing time")]
#[case(&["OverAggregate(partitionBy=[person], orderBy=[$2 ASC])", "Calc(select=[id, PROCTIME() AS $2])"],
    "it takes rows in the order of processing time")]
#[case(&["Rank(strategy=[AppendFastStrategy], orderBy=[seen ASC], select=[id])", MADE],
    "it ranks rows by processing time")]
#[case(&["Calc(select=[id], where=[(PROCTIME_MATERIALIZE(PROCTIME()) > 1970-01-01 00:00:00)])"],
    "it filters rows by processing time")]
#[case(&["LookupJoin(table=[default_catalog.default_database.d])", MADE],
    "it looks rows up in another table, as that stands at the moment")]
#[case(&["TemporalJoin(where=[__TEMPORAL_JOIN_CONDITION(seen, __P(id))])", MADE],
    "it joins rows with what another table holds at the moment")]
#[case(&["GroupAggregate(groupBy=[m])", "Calc(select=[PROCTIME_MATERIALIZE(seen) AS m])", MADE],
    "a time of the machine goes into what it computes")]
#[case(&["Deduplicate(keep=[FirstRow], key=[person], order=[PROCTIME])", "Join(where=[(a = b)])", MADE],
    "it keeps what arrives first, or last, of what it has computed")]
fn what_depends_on_it_is_named(#[case] between: &[&str], #[case] expected: &str) {
    let plan = chain(&[&[SINK], between, &[SCAN]].concat());
    assert_eq!(of(&plan), Uses { gaps: vec![expected.to_owned()], ..Uses::default() });
}

const FIRST: &str =
    "Deduplicate(keep=[FirstRow], key=[person], order=[PROCTIME], outputInsertOnly=[true])";

#[rstest]
#[case::row_by_row(&["Calc(select=[person, id])", FIRST, "Exchange(distribution=[hash[person]])", MADE], true)]
#[case::a_filter_behind(&["Calc(select=[person, id], where=[(id > 0)])", FIRST, MADE], false)]
#[case::a_sum_of_them(&["GroupAggregate(groupBy=[page])", FIRST, MADE], false)]
fn a_deduplication_keeps_by_arrival(#[case] between: &[&str], #[case] is_plain: bool) {
    let plan = chain(&[&[SINK], between, &[SCAN]].concat());
    let Uses { gaps, arrivals } = of(&plan);
    assert_eq!(gaps, Vec::<String>::new());
    let topics = vec!["cdc.public.clicks".to_owned()];
    let expected = Arrival { key: vec!["person".to_owned()], topics, is_plain };
    assert_eq!(arrivals, BTreeMap::from([("firsts".to_owned(), expected)]));
}

#[test]
fn a_source_that_is_used_twice_is_found() {
    let plan = format!(
        "{SCAN}(reuse_id=[1])\n\n{SINK}\n+- {FIRST}\n   +- {MADE}\n      +- Reused(reference_id=[1])\n\n\
         Sink(table=[default_catalog.default_database.other], fields=[id])\n+- Reused(reference_id=[1])"
    );
    let Uses { gaps, arrivals } = of(&plan);
    assert_eq!(gaps, Vec::<String>::new());
    let [("firsts", arrival)] =
        arrivals.iter().map(|(s, a)| (s.as_str(), a)).collect::<Vec<_>>()[..]
    else {
        panic!("{arrivals:?}")
    };
    assert_eq!(arrival.topics, ["cdc.public.clicks"]);
}
