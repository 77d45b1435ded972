//! A little work for JVMs that are about to write their class archives: a connector that streams,
//! and statements that read, join, aggregate, window and write. The classes that this needs are
//! then in the archives, whether or not the stack was used before.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;

use crate::client::connect::Connect;
use crate::client::flink::JobManager;
use crate::client::gateway::Session;
use crate::client::kafka::{Admin, EndsReader, NewTopic};
use crate::client::postgres;
use crate::client::reach::Reach;
use crate::client::wait::{self, Look};

/// How long all of it may take.
const LIMIT: Duration = Duration::from_mins(2);
/// The name of everything made here; it ends with the stack.
const NAME: &str = "cp_training";

const SOURCE: &str = "
    CREATE TABLE customers (id INT PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE orders (id INT PRIMARY KEY, customer INT, amount NUMERIC(10, 2), at TIMESTAMP);
    ALTER TABLE customers REPLICA IDENTITY FULL;
    ALTER TABLE orders REPLICA IDENTITY FULL;
    INSERT INTO customers VALUES (1, 'Ann');
    INSERT INTO orders SELECT n, 1, n, TIMESTAMP '2020-01-01' + n * INTERVAL '1 hour'
      FROM generate_series(1, 50) n;";
const CHANGES: &str = "
    UPDATE orders SET amount = 7 WHERE id = 7; DELETE FROM orders WHERE id = 8;
    SELECT pg_logical_emit_message(true, 'training', 'x');";

/// Does the work.
pub(super) async fn train(at: &Reach) -> anyhow::Result<()> {
    tokio::time::timeout(LIMIT, work(at)).await.context("the work took too long")?
}

async fn work(at: &Reach) -> anyhow::Result<()> {
    postgres::connect(at, "postgres", NAME).await?.create_database(NAME, &at.postgres.user).await?;
    let database = postgres::connect(at, NAME, NAME).await?;
    database.run(SOURCE).await?;
    let names = ["public.customers", "public.orders", "message", "sums", "windows"];
    let topics: Vec<NewTopic> = names
        .iter()
        .map(|name| NewTopic {
            name: format!("{NAME}.{name}"),
            partitions: 1,
            options: BTreeMap::new(),
        })
        .collect();
    Admin::new(at)?.create(&topics).await?;
    Connect::new(at)?.put(NAME, &connector(at)).await?;
    let session = Session::open(at, NAME, &BTreeMap::new()).await?;
    for statement in tables(at) {
        session.execute(&statement).await?;
    }
    session.execute("DESCRIBE orders").await?;
    session.execute(&format!("EXPLAIN CHANGELOG_MODE {SUMS}")).await?;
    let set = format!("EXECUTE STATEMENT SET BEGIN {SUMS}; {WINDOWS}; END");
    let job = session.submit(&set).await?;
    let sink = format!("{NAME}.sums");
    written(at, &sink, &job, 1).await?;
    database.run(CHANGES).await?;
    written(at, &sink, &job, 2).await?;
    let flink = JobManager::new(at)?;
    flink.checkpoint(&job, LIMIT).await?;
    flink.job(&job).await?;
    flink.cancel(&job, LIMIT).await?;
    session.close().await?;
    Ok(Connect::new(at)?.delete(NAME).await?)
}

/// Waits until the topic of a sink has that many records, or the job has ended.
async fn written(at: &Reach, sink: &str, job: &str, least: i64) -> anyhow::Result<()> {
    let (ends, flink) = (EndsReader::new(at)?, JobManager::new(at)?);
    let topic = [(sink.to_owned(), 1)];
    let written = wait::until("the sink to be written", LIMIT, || async {
        if let Some(cause) = flink.failure(job).await? {
            anyhow::bail!("the job failed: {}", cause.sentence);
        }
        let found = ends.ends(&topic).await?;
        let end = found.values().next().map_or(0, |bounds| bounds.stable);
        Ok(if end >= least { Look::Holds(()) } else { Look::NotYet(format!("{end} records")) })
    });
    written.await.map_err(|error| anyhow::anyhow!("{error}"))
}

fn connector(at: &Reach) -> BTreeMap<String, String> {
    let port = at.postgres.at.inside.port.to_string();
    let config = [
        ("connector.class", "io.debezium.connector.postgresql.PostgresConnector"),
        ("plugin.name", "pgoutput"),
        ("database.hostname", at.postgres.at.inside.host.as_str()),
        ("database.port", port.as_str()),
        ("database.user", at.postgres.user.as_str()),
        ("database.password", at.postgres.reference.as_str()),
        ("database.dbname", NAME),
        ("topic.prefix", NAME),
        ("slot.name", NAME),
        ("publication.name", NAME),
        ("publication.autocreate.mode", "filtered"),
        ("table.include.list", "public.customers,public.orders"),
        ("decimal.handling.mode", "string"),
        ("time.precision.mode", "connect"),
        ("poll.interval.ms", "10"),
    ];
    config.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

const SUMS: &str = "INSERT INTO sums SELECT c.name, SUM(o.amount), COUNT(*) FROM orders o \
                    LEFT JOIN customers c ON c.id = o.customer WHERE o.amount > 0 GROUP BY c.name";
const WINDOWS: &str = "INSERT INTO windows SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE \
                       orders, DESCRIPTOR(at_time), INTERVAL '1' HOUR)) \
                       GROUP BY window_start, window_end";

fn tables(at: &Reach) -> Vec<String> {
    let from = |topic: &str| {
        format!(
            "'connector' = 'kafka', 'topic' = '{NAME}.{topic}', 'format' = 'debezium-json', \
             'scan.startup.mode' = 'earliest-offset', \
             'properties.bootstrap.servers' = '{}'",
            at.kafka.inside.bootstrap
        )
    };
    let into = |topic: &str| {
        format!(
            "'connector' = 'upsert-kafka', 'topic' = '{NAME}.{topic}', 'key.format' = 'json', \
             'value.format' = 'json', 'properties.bootstrap.servers' = '{}'",
            at.kafka.inside.bootstrap
        )
    };
    vec![
        format!(
            "CREATE TABLE customers (id INT, name STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ({})",
            from("public.customers")
        ),
        format!(
            "CREATE TABLE orders (id INT, customer INT, amount DECIMAL(10, 2), `at` BIGINT, \
             at_time AS TO_TIMESTAMP_LTZ(`at`, 3), \
             WATERMARK FOR at_time AS at_time - INTERVAL '5' SECOND, \
             PRIMARY KEY (id) NOT ENFORCED) WITH ({})",
            from("public.orders")
        ),
        format!(
            "CREATE TABLE sums (name STRING, total DECIMAL(20, 2), n BIGINT, \
             PRIMARY KEY (name) NOT ENFORCED) WITH ({})",
            into("sums")
        ),
        format!(
            "CREATE TABLE windows (at_hour TIMESTAMP(3), n BIGINT, \
             PRIMARY KEY (at_hour) NOT ENFORCED) WITH ({})",
            into("windows")
        ),
    ]
}
