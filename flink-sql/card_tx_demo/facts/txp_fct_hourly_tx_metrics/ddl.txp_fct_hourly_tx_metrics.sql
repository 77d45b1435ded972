CREATE TABLE IF NOT EXISTS txp_fct_hourly_tx_metrics (
  account_number STRING NOT NULL,
  window_start TIMESTAMP_LTZ(3) NOT NULL,
  window_end TIMESTAMP_LTZ(3) NOT NULL,
  window_type STRING NOT NULL,
  tx_count BIGINT,
  total_amount DECIMAL(38, 2),
  PRIMARY KEY (account_number, window_start, window_type) NOT ENFORCED
) DISTRIBUTED BY HASH(account_number, window_start, window_type) INTO 1 BUCKETS
WITH (
  'changelog.mode' = 'upsert',
  'key.format' = 'avro-registry',
  'value.format' = 'avro-registry',
  'value.fields-include' = 'all'
);
