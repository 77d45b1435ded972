-- One row for each delete of a customer.
CREATE TABLE IF NOT EXISTS `customer_deletes` (
  `account_number` STRING,
  `deleted_at` TIMESTAMP_LTZ(3),
  `source_timestamp` TIMESTAMP_LTZ(3)
) DISTRIBUTED INTO 1 BUCKETS
WITH (
  'changelog.mode' = 'append',
  'value.format' = 'json-registry'
)
