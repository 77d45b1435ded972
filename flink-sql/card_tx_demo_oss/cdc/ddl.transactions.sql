CREATE TABLE transactions (
  `after` ROW<txn_id STRING, account_number STRING, `timestamp` STRING, amount DECIMAL(10, 2), currency STRING, merchant STRING, location STRING, status STRING, transaction_type STRING>,
  op STRING
) WITH (
  'connector' = 'kafka',
  'topic' = 'card-tx.public.transactions',
  'properties.bootstrap.servers' = 'broker:29092',
  'properties.group.id' = 'card-tx-flink',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'avro-confluent',
  'avro-confluent.url' = 'http://schema-registry:8081'
);
