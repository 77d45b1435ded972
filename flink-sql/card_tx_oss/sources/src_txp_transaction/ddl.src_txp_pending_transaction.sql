-- Transactions that wait in the state PENDING; a row leaves when its state changes.
CREATE TABLE src_txp_pending_transaction (
    txn_id           STRING,
    account_number   STRING,
    `timestamp`      TIMESTAMP(3),
    amount           DECIMAL(10, 2),
    currency         STRING,
    merchant         STRING,
    location         STRING,
    status           STRING,
    transaction_type STRING,
    WATERMARK FOR `timestamp` AS `timestamp` - INTERVAL '5' SECOND,
    PRIMARY KEY (txn_id) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = 'src_txp_pending_transaction',
    'properties.bootstrap.servers' = 'kafka:9092',
    'properties.isolation.level' = 'read_committed',
    'key.format' = 'json',
    'value.format' = 'json'
);
