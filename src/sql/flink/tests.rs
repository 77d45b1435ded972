//! Tests of reading Flink statements.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn text(sql: &str) -> Text {
    Text::whole("a.sql".into(), sql.to_owned())
}

fn table(sql: &str) -> CreateTable {
    let Statement::CreateTable(table) = parse(&text(sql)) else { panic!("no table: {sql}") };
    *table
}

#[test]
fn a_table_is_read() {
    let sql = "CREATE TABLE IF NOT EXISTS `db`.`tx-1` (
        id INT NOT NULL, -- the key
        amount DECIMAL(10, 2), r ROW<a INT NOT NULL, b ARRAY<STRING>> NOT NULL, ts AS TO_TIMESTAMP(x, 'a,b'),
        p INT METADATA FROM 'partition' VIRTUAL, h MAP<STRING, BYTES> METADATA,
        `at` timestamp(3) with local time zone,
        WATERMARK FOR ts AS ts - INTERVAL '1.5' SECOND,
        PRIMARY KEY (id, `at`) NOT ENFORCED
      ) COMMENT 'x' WITH ('connector' = 'upsert-kafka', 'topic' = 'it''s')";
    let table = table(sql);
    assert_eq!(table.name.to_string(), "db.tx-1");
    let columns: Vec<_> = table.columns.iter().map(|c| (&*c.name, c.data_type())).collect();
    assert_eq!(
        columns,
        [
            ("id", Some("INT")),
            ("amount", Some("DECIMAL(10, 2)")),
            ("r", Some("ROW<A INT NOT NULL, B ARRAY<STRING>>")),
            ("ts", None),
            ("p", Some("INT")),
            ("h", Some("MAP<STRING, BYTES>")),
            ("at", Some("TIMESTAMP(3) WITH LOCAL TIME ZONE")),
        ]
    );
    let written: Vec<_> = table.columns.iter().map(Column::is_written).collect();
    assert_eq!(written, [true, true, true, false, false, true, true]);
    assert_eq!(table.primary_key, ["id", "at"]);
    let watermark = table.watermark.expect("it has a watermark");
    assert_eq!((&*watermark.column, watermark.delay_ms), ("ts", Some(1_500)));
    let with = table.with.expect("it has options");
    assert_eq!(with.get("topic"), Some("it's"));
    assert_eq!(&sql[with.options[1].value_span.start..with.options[1].value_span.end], "'it''s'");
}

#[rstest]
#[case("ts", Some(0))]
#[case("ts - INTERVAL '5' MINUTE", Some(300_000))]
#[case("SOURCE_WATERMARK()", None)]
#[case("ts - INTERVAL '1' MONTH", None)]
fn delays(#[case] expression: &str, #[case] expected: Option<u64>) {
    let table =
        table(&format!("CREATE TABLE a (ts TIMESTAMP(3), WATERMARK FOR ts AS {expression})"));
    assert_eq!(table.watermark.expect("it has a watermark").delay_ms, expected);
}

fn named(names: &[Name]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[rstest]
#[case("INSERT INTO t SELECT a FROM `cdc.public.x` WHERE b > 1", &["cdc.public.x"])]
#[case("INSERT INTO t SELECT * FROM TABLE(TUMBLE(TABLE c.d.y, DESCRIPTOR(ts), INTERVAL '1' HOUR))", &["c.d.y"])]
#[case("INSERT INTO t (a, b) WITH w AS (SELECT * FROM x) SELECT * FROM w JOIN z ON w.a = z.a", &["x", "z"])]
#[case("INSERT INTO t SELECT a, b FROM x AS p, y WHERE a IN (1, 2) UNION ALL SELECT 1, 2 FROM x", &["x", "y"])]
#[case("INSERT INTO t SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) AS n FROM x) WHERE n = 1", &["x"])]
#[case("INSERT INTO t SELECT * FROM x, LATERAL TABLE(f(x.a))", &["x"])]
#[case("INSERT INTO t SELECT a IS DISTINCT FROM b FROM x", &["x"])]
#[case("INSERT INTO t VALUES (1, 2)", &[])]
fn an_insert_names_what_it_reads(#[case] sql: &str, #[case] expected: &[&str]) {
    let Statement::Insert(insert) = parse(&text(sql)) else { panic!("not an INSERT: {sql}") };
    assert_eq!(insert.target.to_string(), "t");
    let reads: Vec<_> = named(&insert.reads);
    assert_eq!(reads, expected);
}

#[test]
fn a_statement_set_names_all_its_targets() {
    let sql =
        "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1 FROM x; INSERT INTO b.c SELECT 2; END";
    let parsed = parse(&text(sql));
    let targets: Vec<_> = parsed.inserts().iter().map(|i| i.target.to_string()).collect();
    assert_eq!(targets, ["a", "b.c"]);
}

#[test]
fn other_statements() {
    let view = parse(&text("CREATE TEMPORARY VIEW v AS SELECT * FROM x"));
    assert!(matches!(view, Statement::CreateView { reads, .. } if named(&reads) == ["x"]));
    let set = parse(&text("SET 'a.b' = '1 s'"));
    assert_eq!(set, Statement::Set { key: "a.b".into(), value: "1 s".into() });
    assert_eq!(parse(&text("ALTER TABLE a ADD b INT")), Statement::Other);
    assert_eq!(table("CREATE TABLE a WITH ('x' = 'y') AS SELECT 1").derived, Some(Derived::As));
    assert_eq!(table("CREATE TABLE a LIKE b").derived, Some(Derived::Like));
}

proptest! {
    #[test]
    fn parsing_never_panics(
        sql in "(CREATE TABLE |INSERT INTO |EXECUTE STATEMENT SET BEGIN |WITH |PRIMARY KEY|WATERMARK FOR |AS |FROM |[a-z(),.'`=;<> -]){0,30}",
    ) {
        parse(&text(&sql));
    }
}

#[rstest]
#[case("SELECT * FROM a", true)]
#[case("(SELECT 1) UNION ALL (SELECT 2)", true)]
#[case("WITH x AS (SELECT 1) SELECT * FROM x", true)]
#[case("-- what is there\nSHOW TABLES", true)]
#[case("DESCRIBE EXTENDED a", true)]
#[case("EXPLAIN INSERT INTO a SELECT 1", true)]
#[case("quit", true)]
#[case("INSERT INTO a SELECT * FROM b", false)]
#[case("CREATE VIEW v AS SELECT 1", false)]
#[case("EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; END", false)]
#[case("", false)]
fn a_statement_that_only_shows_something_is_told(#[case] sql: &str, #[case] shows: bool) {
    assert_eq!(only_shows(&text(sql)), shows);
}
