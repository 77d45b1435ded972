CREATE TABLE measurements_raw (device INT, slot INT, `value` FLOAT, PRIMARY KEY (device, slot) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'measurements', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset', 'properties.bootstrap.servers' = 'kafka:9092');
CREATE TABLE device_max (device INT, highest FLOAT, PRIMARY KEY (device) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'device_max', 'key.format' = 'json', 'value.format' = 'json', 'properties.bootstrap.servers' = 'kafka:9092');
INSERT INTO device_max (device, highest) SELECT device, MAX(`value`) FROM measurements_raw GROUP BY device;
