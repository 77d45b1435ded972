-- The raw envelope, read as an append-only stream: the dimension keeps deleted customers, so it has
-- to see the delete as a row.
CREATE TABLE customers (
    `before` ROW<account_number STRING, customer_name STRING, email STRING, phone_number STRING, date_of_birth BIGINT, city STRING, created_at STRING>,
    `after`  ROW<account_number STRING, customer_name STRING, email STRING, phone_number STRING, date_of_birth BIGINT, city STRING, created_at STRING>,
    `op`     STRING,
    `source` ROW<ts_ms BIGINT, lsn BIGINT, `snapshot` STRING>
) WITH (
    'connector' = 'kafka',
    'topic' = 'card-tx.public.customers',
    'properties.bootstrap.servers' = 'kafka:9092',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json'
);
