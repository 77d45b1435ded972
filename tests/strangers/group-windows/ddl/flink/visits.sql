CREATE TABLE visits (
  visit_id INT,
  site STRING,
  visited_at BIGINT,
  ts AS TO_TIMESTAMP_LTZ(visited_at / 1000, 3),
  WATERMARK FOR ts AS ts - INTERVAL '10' SECONDS,
  PRIMARY KEY (visit_id) NOT ENFORCED
) WITH ('connector' = 'kafka', 'topic' = 'site.public.visits', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'kafka:9092');
