-- Figures of the completed transactions of an account in one window that slides: a minute every 30 seconds, 15 minutes every 5,
-- an hour every 15.
CREATE TABLE IF NOT EXISTS `txp_fct_sliding_tx_metrics` (
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
