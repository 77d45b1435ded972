-- One row a customer, deleted ones included: `is_deleted` and the last values they had.
CREATE TABLE IF NOT EXISTS `txp_dim_customers` (
  `account_number` STRING,
  `customer_name` STRING,
  `email` STRING,
  `phone_number` STRING,
  `date_of_birth` STRING,
  `city` STRING,
  `src_op` STRING,
  `is_deleted` BOOLEAN,
  `src_timestamp` TIMESTAMP_LTZ(3),
  WATERMARK FOR `src_timestamp` AS `src_timestamp` - INTERVAL '5' SECOND,
  PRIMARY KEY (`account_number`) NOT ENFORCED
) DISTRIBUTED BY HASH(`account_number`) INTO 1 BUCKETS
WITH (
  'changelog.mode' = 'upsert',
  'key.json-registry.schema-context' = '.flink-dev',
  'value.json-registry.schema-context' = '.flink-dev',
  'key.format' = 'json-registry',
  'value.format' = 'json-registry',
  'kafka.retention.time' = '0',
  'value.fields-include' = 'all'
)
