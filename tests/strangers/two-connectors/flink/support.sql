CREATE TABLE ticket (id BIGINT, payer STRING, is_open BOOLEAN, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'support.public.ticket', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'kafka:9092');
CREATE TABLE per_payer_ticket (payer STRING, n BIGINT, PRIMARY KEY (payer) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'per_payer_ticket', 'key.format' = 'json', 'value.format' = 'json', 'properties.bootstrap.servers' = 'kafka:9092');
INSERT INTO per_payer_ticket SELECT payer, COUNT(*) FROM ticket WHERE is_open GROUP BY payer;
