-- The raw envelope: before, after, op and source are columns.
CREATE TABLE customers (
  `before` ROW<account_number STRING, customer_name STRING, email STRING, phone_number STRING, date_of_birth TIMESTAMP(3), city STRING, created_at STRING>,
  `after` ROW<account_number STRING, customer_name STRING, email STRING, phone_number STRING, date_of_birth TIMESTAMP(3), city STRING, created_at STRING>,
  `source` ROW<ts_ms BIGINT>,
  op STRING
) WITH (
  'connector' = 'kafka',
  'topic' = 'card-tx.public.customers',
  'properties.bootstrap.servers' = 'broker:29092',
  'properties.group.id' = 'card-tx-flink',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'avro-confluent',
  'avro-confluent.url' = 'http://schema-registry:8081'
);
