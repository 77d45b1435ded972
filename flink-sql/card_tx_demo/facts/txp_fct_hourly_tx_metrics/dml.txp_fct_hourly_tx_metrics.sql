INSERT INTO txp_fct_hourly_tx_metrics
WITH completed AS (
  SELECT * FROM TABLE(TUMBLE(TABLE src_txp_transaction, DESCRIPTOR(`timestamp`), INTERVAL '1' HOUR))
  WHERE status = 'COMPLETED'
)
SELECT account_number, window_start, window_end, '1_HOUR' AS window_type, COUNT(*) AS tx_count, SUM(amount) AS total_amount
FROM completed
GROUP BY account_number, window_start, window_end;
