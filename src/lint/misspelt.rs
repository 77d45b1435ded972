//! A column that no record has, because it is spelt otherwise.

use super::Rule;
use super::case::{Case, Found};
use super::causes::Told;
use super::records::{Lacking, Why, beside_the_envelope, lacking};

/// The rule.
pub(super) const RULE: Rule = Rule {
    code: "W0141",
    summary: "A table reads a column that no record of its topic has.",
    reason: "Flink's formats find a field by its name, case-sensitively, and give NULL for one that is not there: nothing fails, and the column is always NULL. Postgres folds names that are not quoted to lower case.",
    fix: "name the column as the source DDL does",
    check,
};

fn check(case: &Case<'_>, found: &mut Found<'_>) {
    for told in told(case) {
        told.warn(case, found);
    }
}

pub(super) fn told<'a>(case: &Case<'a>) -> Vec<Told<'a>> {
    let all = lacking(case).into_iter().chain(beside_the_envelope(case));
    all.filter(|lacking| matches!(lacking.why, Why::Unknown(_))).map(Lacking::told).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::lint::testing::{told_of, warned_of};

    const SOURCE: &str =
        "CREATE TABLE act (id int PRIMARY KEY, made timestamptz NOT NULL, \"Kind\" text)";
    const DEBEZIUM: &str = "'connector' = 'kafka', 'format' = 'debezium-json'";
    const JSON: &str = "'connector' = 'kafka', 'format' = 'json'";

    #[rstest]
    #[case("id INT, made_at STRING", DEBEZIUM, "did you mean `made`?")]
    #[case("id INT, MADE STRING", DEBEZIUM, "did you mean `made`?")]
    #[case("id INT, kind STRING", DEBEZIUM, "did you mean `Kind`?")]
    #[case("id INT, quite_another STRING", DEBEZIUM, "which is always NULL")]
    #[case("`after` ROW<id INT, made_at STRING>", JSON, "did you mean `made`?")]
    #[case("`after` ROW(id INT, Made STRING)", JSON, "did you mean `made`?")]
    #[case("id INT, op STRING", JSON, "it stands in the envelope, as `after.id`")]
    #[case("`After` ROW<id INT>", JSON, "did you mean `after`?")]
    fn it_is_told(#[case] columns: &str, #[case] with: &str, #[case] message: &str) {
        let told = told_of(SOURCE, columns, with, "", "W0141");
        assert!(told.iter().any(|told| told.contains(message)), "{told:?}");
    }

    #[rstest]
    #[case("id INT, made STRING, `Kind` STRING", DEBEZIUM, "")]
    #[case("id INT, m AS UPPER(made), made STRING", DEBEZIUM, "")]
    #[case("id INT, `partition` INT METADATA VIRTUAL", DEBEZIUM, "")]
    #[case(
        "`before` ROW<id INT>, `after` ROW<id INT, made STRING>, op STRING, source ROW<lsn BIGINT>, ts_ms BIGINT",
        JSON,
        ""
    )]
    #[case(
        "k_id INT, made STRING",
        "'connector' = 'kafka', 'value.format' = 'debezium-json', 'key.format' = 'json', 'key.fields' = 'k_id', 'key.fields-prefix' = 'k_', 'value.fields-include' = 'EXCEPT_KEY'",
        ""
    )]
    #[case(
        "pk INT, `after` ROW<id INT>, PRIMARY KEY (pk) NOT ENFORCED",
        "'connector' = 'upsert-kafka', 'key.format' = 'json', 'value.format' = 'json'",
        ""
    )]
    #[case(
        "id INT, made STRING, __deleted STRING",
        JSON,
        "transforms: u, transforms.u.type: io.debezium.transforms.ExtractNewRecordState"
    )]
    #[case(
        "id INT, made_at STRING",
        JSON,
        "transforms: r, transforms.r.type: org.apache.kafka.connect.transforms.ReplaceField$Value, transforms.r.renames: 'made:made_at'"
    )]
    #[case("line STRING", "'connector' = 'kafka', 'format' = 'raw'", "")]
    #[case(
        "id INT, gone STRING",
        "'connector' = 'kafka', 'format' = 'debezium-json', 'scan.parallelism' = '1'",
        "topic.prefix: other"
    )]
    fn what_is_right_or_not_known_is_not(
        #[case] columns: &str,
        #[case] with: &str,
        #[case] options: &str,
    ) {
        assert_eq!(told_of(SOURCE, columns, with, options, "W0141"), [""; 0]);
    }

    #[test]
    fn a_column_that_is_added_later_is_there() {
        let text = |timeline: &str| {
            format!(
                "scenario: v1\ntitle: t\npipeline:\n  source: CREATE TABLE a (id int PRIMARY KEY)\n  \
                 dialect: flink\n  statements: |\n    \
                 CREATE TABLE a (id INT, v INT) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.a', 'format' = 'debezium-json');\n    \
                 CREATE TABLE b (id INT) WITH ('connector' = 'kafka', 'topic' = 'b', 'format' = 'json');\n    \
                 INSERT INTO b SELECT id FROM a\n  sinks: {{b: unjudged}}\ntimeline:\n  - a: {timeline}\n"
            )
        };
        assert!(warned_of(&text("INSERT INTO a VALUES (1)"), "W0141"));
        assert!(!warned_of(&text("ALTER TABLE a ADD v int"), "W0141"));
        assert!(!warned_of(&text("ALTER TABLE a RENAME id TO v"), "W0141"));
    }
}
