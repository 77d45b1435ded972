INSERT INTO `txp_tx_scores`
SELECT
  `txn_id`,
  CASE
    WHEN `amount` > 1000 THEN CAST(0.7 AS DOUBLE)
    WHEN `amount` > 500 AND `transaction_type` = 'ONLINE' THEN CAST(0.5 AS DOUBLE)
    ELSE CAST(0.1 AS DOUBLE)
  END,
  CASE
    WHEN `amount` > 1000 THEN 'AMOUNT_ANOMALY'
    WHEN `amount` > 500 AND `transaction_type` = 'ONLINE' THEN 'ONLINE_HIGH_VALUE'
    ELSE 'NORMAL'
  END,
  CASE
    WHEN `amount` > 1000 THEN 'HIGH'
    WHEN `amount` > 500 THEN 'MEDIUM'
    ELSE 'LOW'
  END
FROM `src_txp_transaction`
