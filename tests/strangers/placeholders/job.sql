CREATE TABLE vote (id INT, choice STRING, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = '${TOPIC_PREFIX}.public.vote', 'properties.bootstrap.servers' = '${KAFKA_BROKERS}', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset');
CREATE TABLE votes (choice STRING, n BIGINT, PRIMARY KEY (choice) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'votes', 'properties.bootstrap.servers' = '${KAFKA_BROKERS}', 'key.format' = 'json', 'value.format' = 'json');
INSERT INTO votes SELECT choice, COUNT(*) FROM vote GROUP BY choice;
