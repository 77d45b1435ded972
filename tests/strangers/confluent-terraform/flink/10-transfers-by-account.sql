CREATE TABLE transfers_by_account (
  account_id STRING NOT NULL,
  n BIGINT NOT NULL,
  total DECIMAL(38, 2),
  PRIMARY KEY (account_id) NOT ENFORCED
) DISTRIBUTED BY HASH (account_id) INTO 1 BUCKETS
WITH ('changelog.mode' = 'upsert', 'value.format' = 'avro-registry', 'key.format' = 'avro-registry');
