CREATE TABLE accounts (
  id BIGINT,
  holder STRING,
  balance BIGINT,
  currency STRING,
  PRIMARY KEY (id) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'ledger.public.accounts',
  'properties.bootstrap.servers' = 'localhost:9092',
  'key.format' = 'json',
  'value.format' = 'json'
);
