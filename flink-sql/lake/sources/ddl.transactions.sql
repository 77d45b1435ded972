CREATE TABLE transactions (
    `before` ROW<txn_id STRING, account_number STRING, `timestamp` STRING, amount DECIMAL(10, 2), status STRING>,
    `after`  ROW<txn_id STRING, account_number STRING, `timestamp` STRING, amount DECIMAL(10, 2), status STRING>,
    `op`     STRING
) WITH (
    'connector' = 'kafka',
    'topic' = 'card-tx.public.transactions',
    'properties.bootstrap.servers' = 'kafka:9092',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json'
);
