-- A bucket is append-only, so a delete must be a row: one a deleted customer, with the last city.
CREATE TABLE customer_deletes (
    account_number STRING,
    last_city      STRING
) WITH (
    'connector' = 'filesystem',
    'path' = 's3://card-tx/customer_deletes/',
    'format' = 'parquet'
);

-- Every change of a transaction, deletes among them.
CREATE TABLE transaction_changes (
    txn_id         STRING,
    op             STRING,
    deleted        BOOLEAN,
    account_number STRING,
    `timestamp`    TIMESTAMP(6),
    amount         DECIMAL(10, 2),
    status         STRING
) WITH (
    'connector' = 'filesystem',
    'path' = 's3://card-tx/transaction_changes/',
    'format' = 'parquet',
    'parquet.utc-timezone' = 'true',
    'parquet.write.int64.timestamp' = 'true',
    'parquet.timestamp.time.unit' = 'micros'
);
