-- The score of a transaction, by rule.
CREATE TABLE IF NOT EXISTS `txp_tx_scores` (
  `txn_id` STRING,
  `fraud_score` DOUBLE,
  `fraud_category` STRING,
  `risk_level` STRING,
  PRIMARY KEY (`txn_id`) NOT ENFORCED
) DISTRIBUTED BY HASH(`txn_id`) INTO 1 BUCKETS
WITH ('changelog.mode' = 'upsert')
