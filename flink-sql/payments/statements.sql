-- The payments with their event time; the watermark stays five seconds behind.
CREATE TABLE payments (
    id      INT,
    account STRING,
    paid_at BIGINT,
    amount  DECIMAL(10, 2),
    ts AS TO_TIMESTAMP_LTZ(paid_at, 3),
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND,
    PRIMARY KEY (id) NOT ENFORCED
) WITH (
    'connector' = 'kafka',
    'topic' = 'cdc.public.payments',
    'format' = 'debezium-json',
    'scan.startup.mode' = 'earliest-offset'
);

-- What an account paid in ten minutes.
CREATE TABLE totals (
    account      STRING,
    window_start TIMESTAMP(3),
    window_end   TIMESTAMP(3),
    n            BIGINT,
    total        DECIMAL(38, 2),
    PRIMARY KEY (account, window_start) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = 'totals',
    'key.format' = 'json',
    'value.format' = 'json'
);

-- The same for every ten minutes that begin at a full five.
CREATE TABLE sliding (
    account      STRING,
    window_start TIMESTAMP(3),
    window_end   TIMESTAMP(3),
    n            BIGINT,
    total        DECIMAL(38, 2),
    PRIMARY KEY (account, window_start) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = 'sliding',
    'key.format' = 'json',
    'value.format' = 'json'
);

-- What it paid so far in the ten minutes, every five.
CREATE TABLE growing (
    account      STRING,
    window_start TIMESTAMP(3),
    window_end   TIMESTAMP(3),
    n            BIGINT,
    total        DECIMAL(38, 2),
    PRIMARY KEY (account, window_start, window_end) NOT ENFORCED
) WITH (
    'connector' = 'upsert-kafka',
    'topic' = 'growing',
    'key.format' = 'json',
    'value.format' = 'json'
);

INSERT INTO totals
SELECT account, window_start, window_end, COUNT(*), SUM(amount)
FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '10' MINUTE))
WHERE account <> 'tick'
GROUP BY account, window_start, window_end;

INSERT INTO sliding
SELECT account, window_start, window_end, COUNT(*), SUM(amount)
FROM TABLE(HOP(TABLE payments, DESCRIPTOR(ts), INTERVAL '5' MINUTE, INTERVAL '10' MINUTE))
WHERE account <> 'tick'
GROUP BY account, window_start, window_end;

INSERT INTO growing
SELECT account, window_start, window_end, COUNT(*), SUM(amount)
FROM TABLE(CUMULATE(TABLE payments, DESCRIPTOR(ts), INTERVAL '5' MINUTE, INTERVAL '10' MINUTE))
WHERE account <> 'tick'
GROUP BY account, window_start, window_end;
