-- All windows over the completed transactions, in one statement set: one source, five aggregates.
EXECUTE STATEMENT SET
BEGIN
  INSERT INTO `txp_fct_hourly_tx_metrics`
  SELECT
    `account_number`, `window_start`, `window_end`, '1_HOUR',
    COUNT(*), SUM(`amount`), AVG(`amount`), MIN(`amount`), MAX(`amount`)
  FROM TABLE(TUMBLE(TABLE `src_txp_transaction`, DESCRIPTOR(`timestamp`), INTERVAL '1' HOUR))
  WHERE `status` = 'COMPLETED'
  GROUP BY `account_number`, `window_start`, `window_end`;

  INSERT INTO `txp_fct_daily_tx_metrics`
  SELECT
    `account_number`, `window_start`, `window_end`, '1_DAY',
    COUNT(*), SUM(`amount`), AVG(`amount`), MIN(`amount`), MAX(`amount`)
  FROM TABLE(TUMBLE(TABLE `src_txp_transaction`, DESCRIPTOR(`timestamp`), INTERVAL '1' DAY))
  WHERE `status` = 'COMPLETED'
  GROUP BY `account_number`, `window_start`, `window_end`;

  INSERT INTO `txp_fct_sliding_tx_metrics`
  SELECT
    `account_number`, `window_start`, `window_end`, '1_MINUTE',
    COUNT(*), SUM(`amount`), AVG(`amount`), MIN(`amount`), MAX(`amount`)
  FROM TABLE(HOP(TABLE `src_txp_transaction`, DESCRIPTOR(`timestamp`), INTERVAL '30' SECOND, INTERVAL '1' MINUTE))
  WHERE `status` = 'COMPLETED'
  GROUP BY `account_number`, `window_start`, `window_end`
  UNION ALL
  SELECT
    `account_number`, `window_start`, `window_end`, '15_MINUTE',
    COUNT(*), SUM(`amount`), AVG(`amount`), MIN(`amount`), MAX(`amount`)
  FROM TABLE(HOP(TABLE `src_txp_transaction`, DESCRIPTOR(`timestamp`), INTERVAL '5' MINUTE, INTERVAL '15' MINUTE))
  WHERE `status` = 'COMPLETED'
  GROUP BY `account_number`, `window_start`, `window_end`
  UNION ALL
  SELECT
    `account_number`, `window_start`, `window_end`, '1_HOUR',
    COUNT(*), SUM(`amount`), AVG(`amount`), MIN(`amount`), MAX(`amount`)
  FROM TABLE(HOP(TABLE `src_txp_transaction`, DESCRIPTOR(`timestamp`), INTERVAL '15' MINUTE, INTERVAL '1' HOUR))
  WHERE `status` = 'COMPLETED'
  GROUP BY `account_number`, `window_start`, `window_end`;
END
