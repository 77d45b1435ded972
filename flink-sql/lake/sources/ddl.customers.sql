-- The raw envelope: a delete is a row like any other, so that it can be written down.
CREATE TABLE customers (
    `before` ROW<account_number STRING, customer_name STRING, city STRING>,
    `after`  ROW<account_number STRING, customer_name STRING, city STRING>,
    `op`     STRING
) WITH (
    'connector' = 'kafka',
    'topic' = 'card-tx.public.customers',
    'properties.bootstrap.servers' = 'kafka:9092',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json'
);

-- The same topic as the table that it tells of.
CREATE TABLE customers_now (
    account_number STRING,
    customer_name  STRING,
    city           STRING,
    PRIMARY KEY (account_number) NOT ENFORCED
) WITH (
    'connector' = 'kafka',
    'topic' = 'card-tx.public.customers',
    'properties.bootstrap.servers' = 'kafka:9092',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'debezium-json'
);
