CREATE TABLE hops (site STRING, window_start TIMESTAMP(3), window_end TIMESTAMP(3), n BIGINT, PRIMARY KEY (site, window_start) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'hops', 'key.format' = 'json', 'value.format' = 'json', 'properties.bootstrap.servers' = 'kafka:9092');
