//! Queries of Flink's, and what they are in Postgres.

use rstest::rstest;

use super::*;
use crate::base::text::Text;
use crate::propose::{parsed, pieces, split_postgres, tables};
use crate::scenario::settings::Options;
use crate::sql::flink::Statement;

const SOURCE: &str = "CREATE TABLE orders (id int PRIMARY KEY, \"customerId\" int, amount numeric(10, 2), at timestamp(3), status text);
CREATE TABLE customers (id int PRIMARY KEY, name text);";

const TABLES: &str = "CREATE TABLE orders (id INT, `customerId` INT, amount DECIMAL(10, 2), status STRING, PRIMARY KEY (id) NOT ENFORCED)
  WITH ('connector' = 'kafka', 'topic' = 'cdc.public.orders', 'format' = 'debezium-json');
CREATE TABLE people (id INT, name STRING) WITH ('connector' = 'kafka', 'topic' = 'cdc.public.customers', 'format' = 'debezium-json');
CREATE TABLE timed (id INT, at BIGINT, ts AS TO_TIMESTAMP_LTZ(at, 3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'kafka', 'topic' = 'cdc.public.orders', 'format' = 'debezium-json');
CREATE VIEW paid AS SELECT id, amount FROM orders WHERE status = 'PAID';";

fn said(query: &str) -> Result<String, String> {
    let file = |text: String| vec![("a.sql".into(), Text::whole("a.sql".into(), text))];
    let source = tables::read(&split_postgres(&file(SOURCE.to_owned())));
    let texts = pieces(&file(format!("{TABLES}\nINSERT INTO sink {query};")));
    let parsed: Vec<(&Text, Statement)> = parsed(&texts);
    let options = Options::new();
    let scene = Scene::of(&source.all, &parsed, std::slice::from_ref(&options));
    let reference = crate::propose::sinks::reference(&scene, "sink");
    reference.map(|reference| reference.sql.trim().to_owned())
}

#[rstest]
#[case(
    "SELECT id, amount FROM orders WHERE amount > 5",
    "SELECT id, amount FROM orders WHERE amount > 5"
)]
#[case(
    "SELECT `customerId`, COUNT(*) FROM orders GROUP BY `customerId`",
    "SELECT \"customerId\", COUNT(*) FROM orders GROUP BY \"customerId\""
)]
#[case(
    "SELECT o.customerId AS buyerId FROM orders o",
    "SELECT o.\"customerId\" AS \"buyerId\" FROM orders AS o"
)]
#[case(
    "SELECT p.name FROM people p JOIN orders ON orders.customerId = p.id",
    "SELECT p.name FROM customers AS p JOIN orders ON orders.\"customerId\" = p.id"
)]
#[case(
    "SELECT CAST(amount AS STRING), IF(id > 1, 'a', 'b'), CONCAT(status, '!') FROM orders",
    "SELECT CAST(amount AS text), CASE WHEN id > 1 THEN 'a' ELSE 'b' END, (status || '!') FROM orders"
)]
#[case(
    "SELECT id FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY status ORDER BY amount DESC, id) AS n FROM orders) WHERE n <= 3",
    "SELECT id FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY status ORDER BY amount DESC NULLS LAST, id NULLS FIRST) AS n FROM (SELECT id, \"customerId\", amount, status FROM orders) AS orders) AS q1 WHERE n <= 3"
)]
#[case(
    "SELECT SUM(amount) FROM paid",
    "WITH paid AS (\n  SELECT id, amount FROM orders WHERE status = 'PAID'\n)\nSELECT SUM(amount) FROM paid"
)]
#[case(
    "WITH x AS (SELECT id FROM orders) SELECT id FROM x",
    "WITH x AS (SELECT id FROM orders) SELECT id FROM x"
)]
#[case(
    "SELECT id FROM orders -- why\n WHERE status IS DISTINCT FROM 'X'",
    "SELECT id FROM orders\n WHERE status IS DISTINCT FROM 'X'"
)]
#[case(
    "SELECT EXTRACT(YEAR FROM status), TRIM(BOTH 'x' FROM status) FROM orders",
    "SELECT EXTRACT(YEAR FROM status), TRIM(BOTH 'x' FROM status) FROM orders"
)]
#[case(
    "SELECT id FROM orders UNION ALL SELECT id FROM people",
    "SELECT id FROM orders UNION ALL SELECT id FROM customers AS people"
)]
#[case(
    "SELECT DATE_FORMAT(ts, 'yyyy-MM-dd') FROM timed",
    "SELECT to_char(ts, 'YYYY-MM-DD') FROM (SELECT *, to_timestamp(at / 1000.0) AS ts FROM (SELECT id, CAST(EXTRACT(EPOCH FROM at) * 1000 AS bigint) AS at FROM orders) AS record) AS timed"
)]
#[case(
    "SELECT x.id FROM orders AS x, people y WHERE x.id = y.id",
    "SELECT x.id FROM orders AS x, customers AS y WHERE x.id = y.id"
)]
fn a_query_is_said_in_postgres_words(#[case] flink: &str, #[case] expected: &str) {
    assert_eq!(said(flink).as_deref(), Ok(expected));
}

#[rstest]
#[case(
    "SELECT LAST_VALUE(id) FROM orders",
    "what `LAST_VALUE` gives depends on the order in which records arrive"
)]
#[case("SELECT id, PROCTIME() FROM orders", "`PROCTIME` gives another value at each run")]
#[case(
    "SELECT MY_UDF(id) FROM orders",
    "it calls `MY_UDF`, for which no form in Postgres is known here"
)]
#[case(
    "SELECT id FROM nowhere",
    "`nowhere` reads `nowhere`, which is the topic of no captured table"
)]
#[case(
    "SELECT id FROM orders FOR SYSTEM_TIME AS OF orders.ts",
    "it joins what a table was at a time (`FOR SYSTEM_TIME AS OF`)"
)]
#[case(
    "SELECT CAST(id AS ROW<a INT>) FROM orders",
    "it casts to `ROW<a INT>`, for which no type of Postgres is known here"
)]
fn what_cannot_be_said_has_a_reason(#[case] flink: &str, #[case] expected: &str) {
    assert_eq!(said(flink).unwrap_err(), expected);
}

#[test]
fn windows_become_buckets_of_time() {
    let sql = said(
        "SELECT window_start, window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE timed, DESCRIPTOR(ts), INTERVAL '1' MINUTES)) GROUP BY window_start, window_end",
    );
    insta::assert_snapshot!(sql.unwrap_err(), @"it writes no column with the end of its windows");
}
