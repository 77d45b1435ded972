CREATE TABLE trucks (plate STRING, depot STRING, km INT, PRIMARY KEY (plate) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'fleet.public.trucks', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'kafka:9092');
CREATE TABLE depots (depot STRING, trucks BIGINT, avg_km INT, PRIMARY KEY (depot) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'depots', 'key.format' = 'json', 'value.format' = 'json', 'properties.bootstrap.servers' = 'kafka:9092');
INSERT INTO depots SELECT depot, COUNT(*), CAST(SUM(km) / COUNT(*) AS INT) FROM trucks GROUP BY depot;
