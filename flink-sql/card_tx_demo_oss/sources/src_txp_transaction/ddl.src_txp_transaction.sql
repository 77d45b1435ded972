CREATE TABLE IF NOT EXISTS src_txp_transaction (
  txn_id STRING NOT NULL,
  account_number STRING,
  `timestamp` TIMESTAMP(3),
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
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'src_txp_transaction',
  'properties.bootstrap.servers' = 'broker:29092',
  'properties.group.id' = 'card-tx-flink',
  'key.format' = 'avro-confluent',
  'key.avro-confluent.url' = 'http://schema-registry:8081',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://schema-registry:8081'
);
