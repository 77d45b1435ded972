-- A transaction with its customer and its score.
CREATE TABLE IF NOT EXISTS `txp_dim_enriched_tx` (
  `txn_id` STRING,
  `account_number` STRING,
  `timestamp` TIMESTAMP(3),
  `amount` DECIMAL(10, 2),
  `currency` STRING,
  `merchant` STRING,
  `location` STRING,
  `status` STRING,
  `transaction_type` STRING,
  `customer_name` STRING,
  `email` STRING,
  `city` STRING,
  `is_deleted` BOOLEAN,
  `fraud_score` DOUBLE,
  `fraud_category` STRING,
  `risk_level` STRING,
  `enriched_at` TIMESTAMP_LTZ(3),
  PRIMARY KEY (`txn_id`) NOT ENFORCED
) DISTRIBUTED BY HASH(`txn_id`) INTO 1 BUCKETS
WITH (
  'changelog.mode' = 'upsert',
  'key.format' = 'json-registry',
  'value.format' = 'json-registry',
  'value.fields-include' = 'all'
)
