INSERT INTO txp_fct_hourly_tx_metrics
SELECT
    account_number,
    window_start,
    window_end,
    '1_HOUR',
    COUNT(*),
    SUM(amount),
    AVG(amount),
    MIN(amount),
    MAX(amount)
FROM TABLE(TUMBLE(TABLE src_txp_transaction, DESCRIPTOR(`timestamp`), INTERVAL '1' HOUR))
WHERE status = 'COMPLETED'
GROUP BY account_number, window_start, window_end;
