CREATE TABLE IF NOT EXISTS txp_fct_hourly_tx_metrics (
  account_number STRING NOT NULL,
  window_start TIMESTAMP(3) NOT NULL,
  window_end TIMESTAMP(3) NOT NULL,
  window_type STRING NOT NULL,
  tx_count BIGINT,
  total_amount DECIMAL(38, 2),
  PRIMARY KEY (account_number, window_start, window_type) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'txp_fct_hourly_tx_metrics',
  'properties.bootstrap.servers' = 'broker:29092',
  'properties.group.id' = 'card-tx-flink',
  'key.format' = 'avro-confluent',
  'key.avro-confluent.url' = 'http://schema-registry:8081',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://schema-registry:8081'
);
