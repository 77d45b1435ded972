CREATE TABLE readings (
  id BIGINT,
  sensor STRING,
  taken_at BIGINT,
  celsius DOUBLE,
  event_time AS TO_TIMESTAMP_LTZ(taken_at, 3),
  WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND,
  PRIMARY KEY (id) NOT ENFORCED
) WITH (
  'connector' = 'kafka',
  'topic' = 'iot.public.readings',
  'format' = 'debezium-json',
  'scan.startup.mode' = 'earliest-offset'
);

CREATE TABLE per_minute (
  sensor STRING,
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  hottest DOUBLE,
  n BIGINT,
  PRIMARY KEY (sensor, window_start) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'per_minute',
  'key.format' = 'json',
  'value.format' = 'json'
);

INSERT INTO per_minute
SELECT sensor, window_start, window_end, MAX(celsius), COUNT(*)
FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(event_time), INTERVAL '1' MINUTE))
GROUP BY sensor, window_start, window_end;
