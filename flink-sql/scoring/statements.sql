-- The raw envelope as an append stream: a transaction is scored when it comes.
CREATE TABLE transactions (
    `after` ROW<txn_id STRING, account_number STRING, amount STRING, location STRING>,
    `op`    STRING
) WITH (
    'connector' = 'kafka',
    'topic' = 'cards.public.transactions',
    'properties.bootstrap.servers' = 'kafka:9092',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json'
);

CREATE TABLE scores (
    txn_id         STRING,
    fraud_category STRING,
    risk_level     STRING,
    PRIMARY KEY (txn_id) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = 'scores',
    'properties.bootstrap.servers' = 'kafka:9092',
    'key.format' = 'json',
    'value.format' = 'json'
);

CREATE MODEL fraud INPUT (request STRING) OUTPUT (answer STRING) WITH (
    'provider' = 'openai',
    'endpoint' = 'https://scoring.example.org/v1/chat/completions',
    'api-key' = 'in production a secret',
    'model' = 'fraud',
    'error-handling-strategy' = 'RETRY',
    'retry-num' = '5'
);

CREATE VIEW requests AS
SELECT
    `after`.txn_id AS txn_id,
    JSON_OBJECT(
        'txn_id' VALUE `after`.txn_id,
        'account_number' VALUE `after`.account_number,
        'amount' VALUE CAST(`after`.amount AS DECIMAL(10, 2)),
        'merchant' VALUE 'm',
        'location' VALUE COALESCE(`after`.location, 'unknown'),
        'tx_time' VALUE '2026-01-08T12:00:00Z'
    ) AS request
FROM transactions
WHERE op IN ('c', 'r');

INSERT INTO scores
SELECT txn_id, JSON_VALUE(answer, '$.fraud_category'), JSON_VALUE(answer, '$.risk_level')
FROM ML_PREDICT(TABLE requests, MODEL fraud, DESCRIPTOR(request));
