CREATE TABLE IF NOT EXISTS txp_dim_customers (
  account_number STRING NOT NULL,
  customer_name STRING,
  email STRING,
  phone_number STRING,
  date_of_birth STRING,
  city STRING,
  src_op STRING,
  is_deleted BOOLEAN,
  src_timestamp TIMESTAMP(3),
  WATERMARK FOR src_timestamp AS src_timestamp - INTERVAL '5' SECOND,
  PRIMARY KEY (account_number) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'txp_dim_customers',
  'properties.bootstrap.servers' = 'broker:29092',
  'properties.group.id' = 'card-tx-flink',
  'key.format' = 'avro-confluent',
  'key.avro-confluent.url' = 'http://schema-registry:8081',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://schema-registry:8081'
);
