-- The decoded envelope: inserts, updates with their old row, and deletes. Needs REPLICA IDENTITY
-- FULL, or an update has no old row to retract.
CREATE TABLE transactions (
    txn_id           STRING,
    account_number   STRING,
    `timestamp`      STRING,
    amount           DECIMAL(10, 2),
    currency         STRING,
    merchant         STRING,
    location         STRING,
    status           STRING,
    transaction_type STRING,
    PRIMARY KEY (txn_id) NOT ENFORCED
) WITH (
    'connector' = 'kafka',
    'topic' = 'card-tx.public.transactions',
    'properties.bootstrap.servers' = 'kafka:9092',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'debezium-json'
);
