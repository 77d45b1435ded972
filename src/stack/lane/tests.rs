//! Lanes as people write them, and the table as it may be wrong.

use rstest::rstest;

use super::known::read;
use super::*;

fn shown(word: &str) -> Vec<String> {
    Lane::read(word).unwrap().iter().map(Lane::to_string).collect()
}

#[test]
fn the_table_can_be_read_and_the_default_lane_is_in_it() {
    let known = read(include_str!("../../../infra/lanes.yaml")).unwrap();
    let default = Lane::default();
    for part in [Part::Kafka, Part::Debezium, Part::Flink] {
        assert!(known.versions(part).contains(&default.version(part).unwrap()), "{part:?}");
    }
    assert_eq!(default.version(Part::Postgres), None, "it is the machine's own");
}

#[rstest]
#[case::a_default("flink=2.2.0", &["default"])]
#[case::the_word("default", &["default"])]
#[case::machine("postgres=machine", &["default"])]
#[case::in_short("postgres=17,debezium=3.4", &["postgres=17.11,debezium=3.4.3.Final"])]
#[case::without_the_word_final("debezium=3.4.2", &["debezium=3.4.2.Final"])]
#[case::the_order_of_the_data("flink=2.1.0,postgres=18", &["postgres=18.6,flink=2.1.0"])]
#[case::several("flink=2.0,2.1", &["flink=2.0.0", "flink=2.1.0"])]
#[case::every_pair(
    "flink=2.0,2.2,postgres=16,17",
    &["postgres=16.15,flink=2.0.0", "postgres=17.11,flink=2.0.0", "postgres=16.15", "postgres=17.11"]
)]
fn lanes_are_read_as_they_are_written(#[case] word: &str, #[case] expected: &[&str]) {
    assert_eq!(shown(word), expected);
    // What is shown can be written.
    let again: Vec<String> = expected.iter().flat_map(|word| shown(word)).collect();
    assert_eq!(again, expected);
}

#[test]
fn a_lane_that_is_named_twice_is_one() {
    let words = ["flink=2.1", "flink=2.1.0,2.2.0", "default"].map(str::to_owned);
    let lanes = Lane::read_all(&words).unwrap();
    assert_eq!(lanes.iter().map(Lane::to_string).collect::<Vec<_>>(), ["flink=2.1.0", "default"]);
    assert_eq!(Lane::read_all(&[]).unwrap(), [Lane::default()]);
}

#[test]
fn what_is_no_lane_is_said_in_one_sentence() {
    let words = [
        "flink",
        "flink=",
        "=2.1",
        "",
        "flnik=2.1",
        "oracle=23",
        "flink=2.1.7",
        "flink=9",
        "postgres=9.6",
        "flink=2.2.1",
        "debezium=3.7.1.Final",
        "flink=2.1,kafka=4.1,flink=2.2",
    ];
    let said = words.map(|word| format!("{word}: {}", Lane::read(word).unwrap_err()));
    insta::assert_snapshot!(said.join("\n"), @r"
    flink: the lane `flink` is not written as COMPONENT=VERSION,…, as in flink=2.1.0,postgres=17
    flink=: the lane `flink=` is not written as COMPONENT=VERSION,…, as in flink=2.1.0,postgres=17
    =2.1: there are no versions of ``; those that have are postgres, kafka, debezium, flink
    : the lane `` is not written as COMPONENT=VERSION,…, as in flink=2.1.0,postgres=17
    flnik=2.1: there are no versions of `flnik`; did you mean `flink`?
    oracle=23: there are no versions of `oracle`; those that have are postgres, kafka, debezium, flink
    flink=2.1.7: flink 2.1.7 is not known; the nearest: 2.1.0 or 2.2.0 (`changeproof lanes` lists all)
    flink=9: flink 9 is not known; the nearest: 2.3.0 (`changeproof lanes` lists all)
    postgres=9.6: postgres 9.6 is not known; the nearest: 15.19 (`changeproof lanes` lists all)
    flink=2.2.1: flink 2.2.1 cannot be had: flink-sql-avro-confluent-registry 2.2.1 is not in the repositories; the nearest that can: 2.2.0 or 2.3.0
    debezium=3.7.1.Final: debezium 3.7.1.Final cannot be had: debezium-build-parent 3.7.1.Final, which its POM names, is not in the repositories; the nearest that can: 3.7.0.Final
    flink=2.1,kafka=4.1,flink=2.2: flink has two versions in one lane
    ");
}

const TABLE: &str = "
lanes: v1
default: {kafka: 4.3.1, debezium: 3.6.3.Final, flink: 2.2.0}
components:
  postgres: {versions: {17.11: {}}}
  kafka:
    jars: {a: x, b: x}
    versions: {4.3.1: {}, 3.9.2: {jars: {b: y}, without: {lake: it is too old}}}
  debezium: {versions: {3.6.3.Final: {}, 3.7.0.Final: {}}}
  flink: {versions: {2.2.0: {}}}
apart:
  - {between: {kafka: below 4, debezium: from 3.7}, because: the connector needs a method of 4.0}
";

#[test]
fn a_version_has_what_its_component_says_unless_it_says_otherwise() {
    let known = read(TABLE).unwrap();
    let jars = |version: &str| {
        let jars = known.jars(Part::Kafka, version);
        jars.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(jars("4.3.1"), ["a=x", "b=x", "kafka.version=4.3.1"]);
    assert_eq!(jars("3.9.2"), ["a=x", "b=y", "kafka.version=3.9.2"]);
    assert_eq!(known.without(Part::Kafka, "3.9.2", "lake"), Some("it is too old"));
    assert_eq!(known.without(Part::Kafka, "4.3.1", "lake"), None);
}

#[rstest]
#[case::both(&[(Part::Kafka, "3.9.2"), (Part::Debezium, "3.7.0.Final")], true)]
#[case::one(&[(Part::Kafka, "3.9.2"), (Part::Debezium, "3.6.3.Final")], false)]
#[case::the_other(&[(Part::Kafka, "4.3.1"), (Part::Debezium, "3.7.0.Final")], false)]
#[case::not_there(&[(Part::Debezium, "3.7.0.Final")], false)]
fn versions_are_apart_where_every_range_holds(#[case] lane: &[(Part, &str)], #[case] apart: bool) {
    let known = read(TABLE).unwrap();
    let lane = lane.iter().map(|(part, version)| (*part, (*version).to_owned())).collect();
    assert_eq!(known.apart(&lane).is_some(), apart);
}

#[rstest]
#[case::format("lanes: v1", "lanes: v2", "the format v2 is not known")]
#[case::default("flink: 2.2.0}", "flink: 2.9}", "the default flink 2.9 is not among the versions")]
#[case::range("below 4", "under 4", "`kafka: under 4` is no range")]
#[case::key("because:", "since:", "unknown field `since`")]
fn a_table_with_a_mistake_is_refused(#[case] from: &str, #[case] to: &str, #[case] said: &str) {
    let error = read(&TABLE.replace(from, to)).unwrap_err();
    assert!(error.contains(said), "{error}");
}
