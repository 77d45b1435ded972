CREATE TABLE invoice (id BIGINT, payer STRING, cents INT, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'billing.public.invoice', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'kafka:9092');
CREATE TABLE per_payer_invoice (payer STRING, n INT, PRIMARY KEY (payer) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'per_payer_invoice', 'key.format' = 'json', 'value.format' = 'json', 'properties.bootstrap.servers' = 'kafka:9092');
INSERT INTO per_payer_invoice SELECT payer, SUM(cents) FROM invoice GROUP BY payer;
