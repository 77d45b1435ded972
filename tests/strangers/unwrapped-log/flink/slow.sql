CREATE TABLE clicks (id BIGINT, page STRING, ms INT)
WITH ('connector' = 'kafka', 'topic' = 'web.public.clicks', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'kafka:9092');
CREATE TABLE quick (id BIGINT, page STRING) WITH ('connector' = 'kafka', 'topic' = 'quick', 'format' = 'json', 'properties.bootstrap.servers' = 'kafka:9092');
INSERT INTO quick SELECT id, page FROM clicks WHERE ms < 1000;
