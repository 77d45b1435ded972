CREATE TABLE entries (entry_id BIGINT, wallet_id STRING, amount DECIMAL(18, 4), memo STRING, PRIMARY KEY (entry_id) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'wallet.public.entries', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'kafka:9092');
CREATE TABLE balances (wallet_id STRING, balance DECIMAL(38, 4), PRIMARY KEY (wallet_id) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'balances', 'key.format' = 'json', 'value.format' = 'json', 'properties.bootstrap.servers' = 'kafka:9092');
INSERT INTO balances SELECT wallet_id, SUM(amount) AS balance FROM entries GROUP BY wallet_id;
