//! What is proposed for a small shop.

use super::*;

fn whole(path: &str, text: &str) -> (Utf8PathBuf, Text) {
    (path.into(), Text::whole(path.into(), text.to_owned()))
}

const SOURCE: &str = "CREATE TABLE customers (id int PRIMARY KEY, name varchar(20) NOT NULL, tier text CHECK (tier IN ('gold', 'iron')));
CREATE TABLE orders (
  id bigint PRIMARY KEY, customer_id int NOT NULL REFERENCES customers (id), \"order\" text,
  amount numeric(10, 2), placed_at timestamptz DEFAULT now());";

const STATEMENTS: &str = "CREATE TABLE orders (id BIGINT, customer_id INT, amount DECIMAL(10, 2), PRIMARY KEY (id) NOT ENFORCED)
  WITH ('connector' = 'kafka', 'topic' = 'shop.public.orders', 'format' = 'debezium-json');
CREATE TABLE totals (customer INT, total DECIMAL(38, 2), PRIMARY KEY (customer) NOT ENFORCED)
  WITH ('connector' = 'upsert-kafka', 'topic' = 'totals');
CREATE TABLE days (`day` STRING, n BIGINT, PRIMARY KEY (`day`) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'days');
INSERT INTO totals SELECT customer_id, SUM(amount) FROM `orders` WHERE amount > 0 GROUP BY customer_id;
INSERT INTO days SELECT DATE_FORMAT(placed_at, 'yyyy-MM-dd'), COUNT(*) FROM orders GROUP BY 1;";

#[test]
fn a_pipeline_and_a_scenario_are_proposed_for_tables_and_statements() {
    let found = Found {
        source: vec![whole("../source.sql", SOURCE)],
        statements: vec![whole("../flink.sql", STATEMENTS)],
        connector: None,
    };
    let proposal = propose(&found).expect("there are tables");
    let files = proposal.files.iter().map(|(path, text)| format!("==> {path}\n{text}"));
    let text = files.collect::<Vec<_>>().join("\n") + "\n" + &proposal.notes.join("\n");
    insta::assert_snapshot!(text);
}

#[test]
fn the_clock_of_windows_is_proposed_with_the_delay_that_is_found() {
    let statements = "CREATE TABLE orders (id BIGINT, placed_at STRING, ts AS TO_TIMESTAMP(placed_at), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
      WITH ('connector' = 'kafka', 'topic' = 'cdc.public.orders', 'format' = 'debezium-json');
    CREATE TABLE hours (window_end TIMESTAMP(3), n BIGINT) WITH ('connector' = 'kafka', 'topic' = 'hours', 'format' = 'json');
    INSERT INTO hours SELECT window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end;";
    let found = Found {
        source: vec![whole("../source.sql", SOURCE)],
        statements: vec![whole("../flink.sql", statements)],
        connector: None,
    };
    let proposal = propose(&found).expect("there are tables");
    let pipeline = proposal.files.iter().find(|(path, _)| path == "pipeline.yaml").unwrap();
    let window =
        "#   window: {end: window_end, time: orders.placed_at, delay: 5s}\n  hours: unjudged\n";
    assert!(pipeline.1.contains(window), "{}", pipeline.1);
}

#[test]
fn tables_that_confluent_infers_are_found_by_the_names_of_their_topics() {
    let statements = "CREATE TABLE totals (customer INT, total DECIMAL(38, 2), PRIMARY KEY (customer) NOT ENFORCED)
      DISTRIBUTED INTO 1 BUCKETS WITH ('changelog.mode' = 'upsert');
    INSERT INTO totals SELECT customer_id, SUM(amount) FROM `shop.public.orders` WHERE amount > 0 GROUP BY customer_id;";
    let found = Found {
        source: vec![whole("../source.sql", SOURCE)],
        statements: vec![whole("../flink.sql", statements)],
        connector: None,
    };
    let proposal = propose(&found).expect("there are tables");
    let of = |name: &str| {
        let file = proposal.files.iter().find(|(path, _)| path == name);
        file.map(|(_, text)| text.clone()).unwrap_or_default()
    };
    assert!(of("connector.json").contains(r#""topic.prefix": "shop""#));
    insta::assert_snapshot!(of("pipeline.yaml"));
}

#[test]
fn statements_are_told_from_the_ddl_of_the_source() {
    for (sql, expected) in [
        (SOURCE, false),
        (STATEMENTS, true),
        ("ALTER TABLE orders REPLICA IDENTITY FULL", false),
        ("INSERT INTO a SELECT * FROM b", true),
        ("INSERT INTO a VALUES (1)", false),
    ] {
        assert_eq!(is_flink(&Text::whole("a.sql".into(), sql.to_owned())), expected, "{sql}");
    }
}

#[test]
fn definitions_come_before_writes_and_sources_before_facts() {
    let mut files = [
        whole("facts/a/dml.a.sql", "INSERT INTO a SELECT * FROM b"),
        whole("facts/a/ddl.a.sql", "CREATE TABLE a (x INT)"),
        whole("dimensions/b/dml.b.sql", "INSERT INTO b SELECT * FROM c"),
        whole("sources/c/ddl.c.sql", "CREATE TABLE c (x INT)"),
    ];
    files.sort_by_key(|(path, text)| rank(path, text));
    let order: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        order,
        ["sources/c/ddl.c.sql", "facts/a/ddl.a.sql", "dimensions/b/dml.b.sql", "facts/a/dml.a.sql"]
    );
}
