CREATE TABLE wallets (wallet_id STRING, holder STRING, PRIMARY KEY (wallet_id) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'wallet.public.wallets', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'kafka:9092');
CREATE TABLE rich (wallet_id STRING, holder STRING, balance DECIMAL(38, 4), PRIMARY KEY (wallet_id) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'rich', 'key.format' = 'json', 'value.format' = 'json', 'properties.bootstrap.servers' = 'kafka:9092');
INSERT INTO rich SELECT w.wallet_id, w.holder, b.balance FROM wallets w JOIN balances b ON b.wallet_id = w.wallet_id WHERE b.balance >= 1;
