-- Figures of the completed transactions of an account in one window.
CREATE TABLE txp_fct_hourly_tx_metrics (
    account_number STRING,
    window_start   TIMESTAMP(3),
    window_end     TIMESTAMP(3),
    window_type    STRING,
    tx_count       BIGINT,
    total_amount   DECIMAL(38, 2),
    avg_amount     DECIMAL(38, 6),
    min_amount     DECIMAL(10, 2),
    max_amount     DECIMAL(10, 2),
    PRIMARY KEY (account_number, window_start, window_type) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = 'txp_fct_hourly_tx_metrics',
    'properties.bootstrap.servers' = 'kafka:9092',
    'properties.isolation.level' = 'read_committed',
    'key.format' = 'json',
    'value.format' = 'json'
);
