CREATE TABLE IF NOT EXISTS src_txp_pending_transaction (
  txn_id STRING NOT NULL,
  account_number STRING,
  `timestamp` TIMESTAMP_LTZ(3),
  amount DECIMAL(10, 2),
  currency STRING,
  merchant STRING,
  location STRING,
  status STRING,
  transaction_type STRING,
  src_partition INT,
  src_offset BIGINT,
  WATERMARK FOR `timestamp` AS `timestamp` - INTERVAL '5' SECOND,
  PRIMARY KEY (txn_id) NOT ENFORCED
) DISTRIBUTED BY HASH(txn_id) INTO 1 BUCKETS
WITH (
  'changelog.mode' = 'upsert',
  'key.format' = 'avro-registry',
  'value.format' = 'avro-registry',
  'key.avro-registry.schema-context' = '.flink-dev',
  'value.avro-registry.schema-context' = '.flink-dev',
  'kafka.retention.time' = '0',
  'scan.startup.mode' = 'earliest-offset',
  'value.fields-include' = 'all'
);
