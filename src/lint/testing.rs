//! A small pipeline of every kind, and whether a rule warns of a scenario on it.

use camino::Utf8PathBuf;

use super::lint;
use crate::scenario::load;
use crate::scenario::settings::{Cell, Settings};
use crate::scenario::trial::Trial;

const SOURCE: &str =
    "CREATE TABLE payments (id int PRIMARY KEY, account text, amount int, paid_at timestamp(3));
    CREATE TABLE customers (id int PRIMARY KEY, name text);
    CREATE TABLE orders (id int PRIMARY KEY, status text, note text);";

const STATEMENTS: &str = "CREATE TABLE payments (id INT, account STRING, amount INT, paid_at TIMESTAMP(3), WATERMARK FOR paid_at AS paid_at - INTERVAL '5' SECOND)
      WITH ('connector' = 'kafka', 'topic' = 'cdc.public.payments', 'format' = 'debezium-json');
    CREATE TABLE customers (`before` ROW<id INT, name STRING>, `after` ROW<id INT, name STRING>, op STRING, name AS COALESCE(`after`.name, before.name))
      WITH ('connector' = 'kafka', 'topic' = 'cdc.public.customers', 'format' = 'json');
    CREATE TABLE orders (`after` ROW<id INT, status STRING, note STRING>, id AS `after`.id, status AS `after`.status)
      WITH ('connector' = 'kafka', 'topic' = 'cdc.public.orders', 'format' = 'json');
    CREATE TABLE totals (account STRING, n BIGINT, PRIMARY KEY (account) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'totals');
    CREATE TABLE named (id INT, name STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'named');
    CREATE TABLE done (id INT) WITH ('connector' = 'kafka', 'topic' = 'done');
    CREATE TABLE hourly (account STRING, window_end TIMESTAMP(3), PRIMARY KEY (account, window_end) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'hourly');
    INSERT INTO named SELECT p.id, c.name FROM payments p JOIN customers c ON c.name = p.account;
    INSERT INTO done SELECT id FROM orders WHERE status = 'DONE';
    INSERT INTO hourly SELECT account, window_end FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(paid_at), INTERVAL '1' HOUR)) GROUP BY account, window_start, window_end;";

const TOTALS: &str = "INSERT INTO totals SELECT account, COUNT(*) FROM payments GROUP BY account";

/// Whether a rule warns of `rest`, the scenario after its pipeline.
pub(super) fn warned(rest: &str, code: &str) -> bool {
    warned_with(TOTALS, rest, code)
}

/// The same, with another statement that writes `totals`.
pub(super) fn warned_with(totals: &str, rest: &str, code: &str) -> bool {
    warned_of(
        &format!(
            "scenario: v1\ntitle: t\npipeline:\n  source: |\n    {SOURCE}\n  dialect: flink\n  statements: |\n    {STATEMENTS}\n    {totals};\n\
             \x20 sinks:\n    totals: unjudged\n    named: unjudged\n    done: unjudged\n    hourly:\n      reference: SELECT account, paid_at AS window_end FROM payments\n      window: {{end: window_end, time: payments.paid_at}}\n{rest}"
        ),
        code,
    )
}

/// The same, of a whole file.
pub(super) fn warned_of(text: &str, code: &str) -> bool {
    !told(text, code).is_empty()
}

/// What a rule says of a table with these columns and options over the first table of the source,
/// under options of the connector (`a: b, c: d`).
pub(super) fn told_of(
    source: &str,
    columns: &str,
    with: &str,
    options: &str,
    code: &str,
) -> Vec<String> {
    let rest = source.strip_prefix("CREATE TABLE ").expect("it begins with a table");
    let name = rest.split([' ', '(']).next().expect("it has a name");
    let text = format!(
        "scenario: v1\ntitle: t\npipeline:\n  source: |\n    {source}\n  dialect: flink\n  statements: |\n    \
         CREATE TABLE r ({columns}) WITH ('topic' = 'cdc.public.{name}', {with});\n    \
         CREATE TABLE b (n BIGINT) WITH ('connector' = 'kafka', 'topic' = 'b', 'format' = 'json');\n    \
         INSERT INTO b SELECT 1 FROM r\n  sinks: {{b: unjudged}}\n\
         settings: {{connector: {{{options}}}}}\n\
         timeline:\n  - a: SELECT 1\n"
    );
    told(&text, code)
}

/// What a rule says of a whole file.
pub(super) fn told(text: &str, code: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = Utf8PathBuf::from_path_buf(folder.path().join("a.yaml")).expect("it is UTF-8");
    fs_err::write(&path, text).expect("a file can be written");
    let loaded = load(&path);
    let scenario = loaded.scenario.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    let mut settings = Settings::default();
    for setting in &scenario.settings {
        for choice in &setting.choices {
            settings.set(&setting.path, &choice.value);
        }
    }
    let trial = Trial {
        id: scenario.id,
        title: scenario.title,
        covers: scenario.covers,
        cell: Cell::default(),
        seed: 1,
        pipeline: scenario.pipeline,
        settings,
        setup: scenario.setup,
        timeline: scenario.timeline,
        expect: scenario.expect.into_iter().next().map(|entry| entry.expect).unwrap_or_default(),
        alone: false,
        stand_ins: Vec::new(),
        naming: crate::scenario::trial::Naming::default(),
        requires: scenario.requires,
        by_version: Vec::new(),
    };
    let sources = [(path, text.to_owned())];
    let warnings = lint(&trial, &sources).into_iter();
    warnings.filter(|warning| warning.code == code).map(|warning| warning.message).collect()
}
