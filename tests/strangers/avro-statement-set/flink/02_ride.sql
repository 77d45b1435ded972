CREATE TEMPORARY TABLE ride (
  ride_id BIGINT, driver_id INT, state STRING, fare DECIMAL(8, 2), PRIMARY KEY (ride_id) NOT ENFORCED
) WITH (
  'connector' = 'kafka', 'topic' = 'taxi.rides.ride', 'scan.startup.mode' = 'earliest-offset',
  'properties.bootstrap.servers' = 'broker:9092',
  'format' = 'debezium-avro-confluent', 'debezium-avro-confluent.url' = 'http://schema-registry:8081'
);
