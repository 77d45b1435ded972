CREATE TABLE IF NOT EXISTS txp_dim_enriched_tx (
  txn_id STRING NOT NULL,
  account_number STRING,
  `timestamp` TIMESTAMP_LTZ(3),
  amount DECIMAL(10, 2),
  status STRING,
  customer_name STRING,
  city STRING,
  is_deleted BOOLEAN,
  fraud_score DOUBLE,
  fraud_category STRING,
  risk_level STRING,
  enriched_at TIMESTAMP_LTZ(3),
  PRIMARY KEY (txn_id) NOT ENFORCED
) DISTRIBUTED BY HASH(txn_id) INTO 1 BUCKETS
WITH (
  'changelog.mode' = 'upsert',
  'key.format' = 'avro-registry',
  'value.format' = 'avro-registry',
  'value.fields-include' = 'all'
);
