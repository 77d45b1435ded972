-- Figures of the completed transactions of an account in one day, each day once.
CREATE TABLE IF NOT EXISTS `txp_fct_daily_tx_metrics` (
  `account_number` STRING,
  `window_start` TIMESTAMP(3),
  `window_end` TIMESTAMP(3),
  `window_type` STRING,
  `tx_count` BIGINT,
  `total_amount` DECIMAL(38, 2),
  `avg_amount` DECIMAL(38, 6),
  `min_amount` DECIMAL(10, 2),
  `max_amount` DECIMAL(10, 2),
  PRIMARY KEY (`account_number`, `window_start`, `window_type`) NOT ENFORCED
) DISTRIBUTED BY HASH(`account_number`, `window_start`, `window_type`) INTO 1 BUCKETS
WITH ('changelog.mode' = 'upsert', 'value.format' = 'json-registry', 'key.format' = 'json-registry')
