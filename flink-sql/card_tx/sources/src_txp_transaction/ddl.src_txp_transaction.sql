-- Transactions that have left the state PENDING, one row each.
CREATE TABLE IF NOT EXISTS `src_txp_transaction` (
  `txn_id` STRING,
  `account_number` STRING,
  `timestamp` TIMESTAMP(3),
  `amount` DECIMAL(10, 2),
  `currency` STRING,
  `merchant` STRING,
  `location` STRING,
  `status` STRING,
  `transaction_type` STRING,
  `src_partition` INT,
  `src_offset` BIGINT,
  WATERMARK FOR `timestamp` AS `timestamp` - INTERVAL '5' SECOND,
  PRIMARY KEY (`txn_id`) NOT ENFORCED
) DISTRIBUTED BY HASH(`txn_id`) INTO 1 BUCKETS
WITH (
  'changelog.mode' = 'upsert',
  'key.json-registry.schema-context' = '.flink-dev',
  'value.json-registry.schema-context' = '.flink-dev',
  'key.format' = 'json-registry',
  'value.format' = 'json-registry',
  'kafka.retention.time' = '0',
  'kafka.producer.compression.type' = 'snappy',
  'scan.bounded.mode' = 'unbounded',
  'scan.startup.mode' = 'earliest-offset',
  'value.fields-include' = 'all'
)
