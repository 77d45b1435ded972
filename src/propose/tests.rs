//! What is proposed for a small shop.

use rstest::rstest;

use super::*;

fn found(files: &[(&str, &str)]) -> Found {
    let mut found = Found::default();
    for (path, text) in files {
        found.add((*path).into(), (*text).to_owned(), true);
    }
    found
}

fn file(proposal: &Proposal, name: &str) -> String {
    let file = proposal.files.iter().find(|(path, _)| path == name);
    file.map(|(_, text)| text.clone()).unwrap_or_default()
}

const SOURCE: &str = "CREATE TABLE customers (id int PRIMARY KEY, name varchar(20) NOT NULL, tier text CHECK (tier IN ('gold', 'iron')));
CREATE TABLE orders (
  id bigint PRIMARY KEY, customer_id int NOT NULL REFERENCES customers (id), \"order\" text,
  amount numeric(10, 2), placed_at timestamptz DEFAULT now());";

const STATEMENTS: &str = "CREATE TABLE orders (id BIGINT, customer_id INT, amount DECIMAL(10, 2), placed_at STRING, PRIMARY KEY (id) NOT ENFORCED)
  WITH ('connector' = 'kafka', 'topic' = 'shop.public.orders', 'format' = 'debezium-json');
CREATE TABLE totals (customer INT, total DECIMAL(38, 2), PRIMARY KEY (customer) NOT ENFORCED)
  WITH ('connector' = 'upsert-kafka', 'topic' = 'totals');
CREATE TABLE lasts (customer INT, id BIGINT, PRIMARY KEY (customer) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'lasts');
INSERT INTO totals SELECT customer_id, SUM(amount) FROM `orders` WHERE amount > 0 GROUP BY customer_id;
INSERT INTO lasts SELECT customer_id, LAST_VALUE(id) FROM orders GROUP BY customer_id;";

#[test]
fn a_pipeline_and_a_scenario_are_proposed_for_tables_and_statements() {
    let found = found(&[("../source.sql", SOURCE), ("../flink.sql", STATEMENTS)]);
    let proposal = propose(found).expect("there are tables");
    let files = proposal.files.iter().map(|(path, text)| format!("==> {path}\n{text}"));
    let text = files.collect::<Vec<_>>().join("\n") + "\n" + &proposal.notes.join("\n");
    insta::assert_snapshot!(text);
}

#[test]
fn windows_are_proposed_with_their_clock_and_a_row_that_closes_them() {
    let statements = "CREATE TABLE orders (id BIGINT, placed_at STRING, ts AS TO_TIMESTAMP(placed_at), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
      WITH ('connector' = 'kafka', 'topic' = 'cdc.public.orders', 'format' = 'debezium-json');
    CREATE TABLE hours (upto TIMESTAMP(3), n BIGINT) WITH ('connector' = 'kafka', 'topic' = 'hours', 'format' = 'json');
    INSERT INTO hours SELECT window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end;";
    let found = found(&[("../source.sql", SOURCE), ("../flink.sql", statements)]);
    let proposal = propose(found).expect("there are tables");
    let pipeline = file(&proposal, "pipeline.yaml");
    assert!(
        pipeline.contains("window: {end: upto, time: orders.placed_at, delay: 5s}"),
        "{pipeline}"
    );
    let smoke = file(&proposal, "scenarios/smoke.yaml");
    assert!(smoke.contains("'2025-01-02 10:00:00'"), "{smoke}");
}

#[test]
fn a_clock_that_is_computed_is_proposed_as_its_expression() {
    let source = "CREATE TABLE pays (id int PRIMARY KEY, at_s bigint NOT NULL)";
    let statements = "CREATE TABLE pays (id INT, at_s BIGINT, ts AS TO_TIMESTAMP_LTZ(at_s * 1000, 3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
      WITH ('connector' = 'kafka', 'topic' = 'cdc.public.pays', 'format' = 'debezium-json');
    CREATE TABLE hours (upto TIMESTAMP(3), n BIGINT) WITH ('connector' = 'kafka', 'topic' = 'hours', 'format' = 'json');
    INSERT INTO hours SELECT window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE pays, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end;";
    let proposal = propose(found(&[("../source.sql", source), ("../flink.sql", statements)]));
    let proposal = proposal.expect("there are tables");
    let pipeline = file(&proposal, "pipeline.yaml");
    assert!(pipeline.contains("TO_TIMESTAMP_LTZ(pays.at_s * 1000, 3)"), "{pipeline}");
    let smoke = file(&proposal, "scenarios/smoke.yaml");
    assert!(smoke.contains("'1735812000'"), "{smoke}");
}

/// Two connectors, each with a prefix and a table of its own, and one statement that reads both.
fn two(further: &str) -> [(&'static str, String); 4] {
    let connector = |name: &str, table: &str, further: &str| {
        format!(
            r#"{{"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "topic.prefix": "{name}", "table.include.list": "public.{table}"{further}}}"#
        )
    };
    let table = |name: &str, topic: &str| {
        format!(
            "CREATE TABLE {name} (id INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'kafka', 'topic' = '{topic}', 'format' = 'debezium-json');"
        )
    };
    let tables = [table("a", "x.y.public.a"), table("b", "z.public.b"), table("c", "c")].concat();
    [
        (
            "s.sql",
            "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);".to_owned(),
        ),
        ("x.json", connector("x.y", "a", "")),
        ("z.json", connector("z", "b", further)),
        ("f.sql", format!("{tables} INSERT INTO c SELECT a.id FROM a JOIN b ON a.id = b.id;")),
    ]
}

fn proposed(files: &[(&str, String)]) -> Proposal {
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    propose(found(&files)).expect("there are tables")
}

#[rstest]
#[case::alike(r#", "slot.name": "z""#)]
#[case::each_writes_as_its_file_says(r#", "slot.name": "z", "tombstones.on.delete": "false""#)]
fn connectors_whose_topics_one_statement_reads_are_of_one_pipeline(#[case] further: &str) {
    let proposal = proposed(&two(further));
    let pipeline = file(&proposal, "pipeline.yaml");
    assert!(pipeline.contains("connector:\n  - x.json\n  - z.json\n"), "{pipeline}");
    assert!(pipeline.contains("FROM a") && pipeline.contains("JOIN b"), "{pipeline}");
}

#[test]
fn connectors_of_two_databases_stay_apart() {
    let proposal = proposed(&two(r#", "database.dbname": "other""#));
    assert!(
        file(&proposal, "x.pipeline.yaml").contains("connector: x.json"),
        "{:?}",
        proposal.files
    );
}

#[test]
fn statements_in_json_are_found_unless_they_are_copies() {
    let (tables, writes) = STATEMENTS.split_once("INSERT INTO lasts").unwrap();
    let body = |sql: &str| {
        format!(r#"{{"name": "a", "spec": {{"statement": {}}}}}"#, serde_json::json!(sql))
    };
    let last = body(&format!("INSERT INTO lasts{writes}"));
    let copy = body(
        "INSERT INTO totals SELECT customer_id, SUM(amount) FROM `orders` GROUP BY customer_id",
    );
    let files = [
        ("../source.sql", SOURCE),
        ("../flink.sql", tables),
        ("../last.json", last.as_str()),
        ("../sent.json", &copy),
        ("../panel.json", r#"{"query": "sum(rate(orders[5m]))"}"#),
        ("../package.json", r#"{"name": "shop", "scripts": {"sql": "psql -f source.sql"}}"#),
    ];
    let proposal = propose(found(&files)).expect("there are tables");
    let pipeline = file(&proposal, "pipeline.yaml");
    assert!(pipeline.contains("statements:\n  - ../flink.sql\n  - ../last.json\n"), "{pipeline}");
    assert!(pipeline.contains("lasts"), "{pipeline}");
    let told: Vec<String> =
        proposal.told.iter().map(|(path, why)| format!("{path}: {why}")).collect();
    assert_eq!(told, ["../sent.json: left out: its statements stand in files of SQL too"]);
}

#[test]
fn tables_that_confluent_infers_are_found_by_the_names_of_their_topics() {
    let statements = "CREATE TABLE totals (customer INT, total DECIMAL(38, 2), PRIMARY KEY (customer) NOT ENFORCED)
      DISTRIBUTED INTO 1 BUCKETS WITH ('changelog.mode' = 'upsert');
    INSERT INTO totals SELECT customer_id, SUM(amount) FROM `shop.public.orders` WHERE amount > 0 GROUP BY customer_id;";
    let found = found(&[("../source.sql", SOURCE), ("../flink.sql", statements)]);
    let proposal = propose(found).expect("there are tables");
    assert!(file(&proposal, "connector.json").contains(r#""topic.prefix": "shop""#));
    insta::assert_snapshot!(file(&proposal, "pipeline.yaml"));
}

#[rstest]
#[case(SOURCE, false)]
#[case(STATEMENTS, true)]
#[case("ALTER TABLE orders REPLICA IDENTITY FULL", false)]
#[case("INSERT INTO a SELECT * FROM b", true)]
#[case("INSERT INTO a VALUES (1)", false)]
#[case("CREATE TABLE a (id int); INSERT INTO a SELECT * FROM generate_series(1, 9)", false)]
#[case("SET 'x' = 'y'", true)]
fn statements_are_told_from_the_ddl_of_the_source(#[case] sql: &str, #[case] expected: bool) {
    let text = Text::whole("a.sql".into(), sql.to_owned());
    assert_eq!(found::is_flink(&text), expected);
}

#[test]
fn what_cannot_be_used_is_told_with_its_reason() {
    let mysql = r#"{"connector.class": "io.debezium.connector.mysql.MySqlConnector"}"#;
    let job = "CREATE TABLE a (x INT) WITH ('connector' = 'kafka')";
    let found = found(&[("c.json", mysql), ("job.py", job), ("k.sql", "CREATE STREAM a (x INT);")]);
    let nothing = propose(found).unwrap_err();
    let told = nothing.told.iter().map(|(path, why)| format!("{path}: {why}"));
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r"
    c.json: it is a `MySqlConnector`, and only Debezium's connector for Postgres runs here
    job.py: its statements stand in a program: put them into an .sql file
    k.sql: it is written for ksqlDB
    ");
}

fn rows(ddl: &str) -> String {
    let text = Text::whole("a.sql".into(), ddl.to_owned());
    let tables = tables::read(&split::postgres(&text).unwrap());
    rows::smoke(&tables, &[], "pipeline.yaml")
}

#[rstest]
#[case::a_key_that_is_added_later("CREATE TABLE public.orders (id bigint NOT NULL, customer_id int NOT NULL);
    CREATE TABLE customers (id int PRIMARY KEY);
    ALTER TABLE ONLY public.orders ADD CONSTRAINT pk PRIMARY KEY (id);
    ALTER TABLE public.orders ADD FOREIGN KEY (customer_id) REFERENCES customers(id)",
    &["INSERT INTO customers (id) VALUES (1)", "INSERT INTO orders (id, customer_id) VALUES (1, 1)"])]
#[case::a_circle("CREATE TABLE dept (id int PRIMARY KEY, head int);
    CREATE TABLE emp (id int PRIMARY KEY, dept int NOT NULL REFERENCES dept);
    ALTER TABLE dept ADD FOREIGN KEY (head) REFERENCES emp(id)",
    &["INSERT INTO dept (id) VALUES (1)", "INSERT INTO emp (id, dept) VALUES (1, 1)"])]
#[case::a_circle_that_cannot_be_cut("CREATE TABLE a (id int PRIMARY KEY, b int NOT NULL REFERENCES b);
    CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a)",
    &["INSERT INTO a (id, b) VALUES (1, 1)", "INSERT INTO b (id, a) VALUES (1, 1)"])]
#[case::a_key_of_several("CREATE TABLE price (of_bank text, of_day text, FOREIGN KEY (of_day, of_bank) REFERENCES quote (day, bank));
    CREATE TABLE quote (bank text, day text, PRIMARY KEY (bank, day))",
    &["INSERT INTO quote (bank, day) VALUES ('bank-1', 'day-1')",
      "INSERT INTO price (of_bank, of_day) VALUES ('bank-1', 'day-1')"])]
#[case::seeded("CREATE TABLE a (id serial PRIMARY KEY, name text UNIQUE, n smallint); INSERT INTO a (name, n) VALUES ('x', 250)",
    &["INSERT INTO a (id, name, n) VALUES (301, 'name-301', 1)"])]
#[case::numbered_by_the_database("CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, twice int GENERATED ALWAYS AS (n * 2) STORED, n int)",
    &["INSERT INTO a (id, n) OVERRIDING SYSTEM VALUE VALUES (1, 1)"])]
#[case::types_of_their_own("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN cents AS int CHECK (value >= 10);
    CREATE TABLE a (id int PRIMARY KEY, m mood, c cents, t text[], u uuid)",
    &["INSERT INTO a (id, m, c, t, u) VALUES (1, 'sad', 11, '{}', '00000000-0000-0000-0000-000000000001')"])]
#[case::migrated("CREATE TABLE a (id int, old text, gone int); ALTER TABLE a RENAME COLUMN old TO new;
    ALTER TABLE a DROP COLUMN gone, ADD COLUMN extra bool; ALTER TABLE a ADD PRIMARY KEY (id); CREATE TABLE b (x int); DROP TABLE b",
    &["INSERT INTO a (id, new, extra) VALUES (1, 'new-1', true)"])]
#[case::parted("CREATE TABLE a (at date NOT NULL, n int) PARTITION BY RANGE (at);
    CREATE TABLE a_24 PARTITION OF a FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
    &["INSERT INTO a (at, n) VALUES ('2024-01-01', 1)"])]
fn rows_fit_their_tables(#[case] ddl: &str, #[case] expected: &[&str]) {
    let smoke = rows(ddl);
    let setup = smoke.split("setup: |\n").nth(1).and_then(|text| text.split("timeline:").next());
    let lines: Vec<&str> =
        setup.unwrap().lines().map(|line| line.trim().trim_end_matches(';')).collect();
    assert_eq!(lines, expected);
}

#[test]
fn several_connectors_have_a_pipeline_each() {
    let connector = |prefix: &str| {
        format!(
            r#"{{"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "topic.prefix": "{prefix}"}}"#
        )
    };
    let job = |prefix: &str, table: &str| {
        format!("CREATE TABLE {table}_in (id INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'kafka', 'topic' = '{prefix}.public.{table}', 'format' = 'debezium-json');
          INSERT INTO {table}_out SELECT id FROM {table}_in;")
    };
    let (one, other, third) = (connector("one"), connector("other"), connector("third"));
    let (a, b) = (job("one", "a"), job("other", "b"));
    let files = [
        ("c/one.json", one.as_str()),
        ("c/other.json", &other),
        ("c/third.json", &third),
        ("a.sql", &a),
        ("b.sql", &b),
        ("ddl.sql", "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);"),
    ];
    let proposal = propose(found(&files)).unwrap();
    let names: Vec<&str> = proposal.files.iter().map(|(path, _)| path.as_str()).collect();
    let expected =
        ["one.pipeline.yaml", "scenarios/one.yaml", "other.pipeline.yaml", "scenarios/other.yaml"];
    assert_eq!(names, expected);
    let pipeline = file(&proposal, "other.pipeline.yaml");
    assert!(pipeline.contains("statements: b.sql"), "{pipeline}");
}
