CREATE TABLE parcels_raw (
  `before` ROW<id INT, weight INT>,
  `after` ROW<id INT, weight INT>,
  op STRING
) WITH ('connector' = 'kafka', 'topic' = 'post.public.parcels', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'kafka:9092');
CREATE TABLE audit (id INT, weight INT, op STRING)
WITH ('connector' = 'kafka', 'topic' = 'audit', 'format' = 'json', 'properties.bootstrap.servers' = 'kafka:9092');
INSERT INTO audit SELECT COALESCE(`after`.id, `before`.id), `after`.weight, op FROM parcels_raw;
