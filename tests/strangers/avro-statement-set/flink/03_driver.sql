CREATE TEMPORARY TABLE driver (
  driver_id INT, name STRING, rating DECIMAL(2, 1), PRIMARY KEY (driver_id) NOT ENFORCED
) WITH (
  'connector' = 'kafka', 'topic' = 'taxi.rides.driver', 'scan.startup.mode' = 'earliest-offset',
  'properties.bootstrap.servers' = 'broker:9092',
  'format' = 'debezium-avro-confluent', 'debezium-avro-confluent.url' = 'http://schema-registry:8081'
);
