INSERT INTO txp_dim_enriched_tx
WITH transactions AS (
  SELECT *, `$rowtime` AS enriched_at FROM src_txp_transaction
),
customers AS (
  SELECT * FROM txp_dim_customers
),
scored AS (
  SELECT
    t.*,
    CASE
      WHEN t.amount > 1000 THEN CAST(0.7 AS DOUBLE)
      WHEN t.amount > 500 AND t.transaction_type = 'ONLINE' THEN CAST(0.5 AS DOUBLE)
      ELSE CAST(0.1 AS DOUBLE)
    END AS fraud_score,
    CASE
      WHEN t.amount > 1000 THEN 'AMOUNT_ANOMALY'
      WHEN t.amount > 500 AND t.transaction_type = 'ONLINE' THEN 'ONLINE_HIGH_VALUE'
      ELSE 'NORMAL'
    END AS fraud_category,
    CASE WHEN t.amount > 1000 THEN 'HIGH' WHEN t.amount > 500 THEN 'MEDIUM' ELSE 'LOW' END AS risk_level
  FROM transactions t
)
SELECT
  s.txn_id, s.account_number, s.`timestamp`, s.amount, s.status,
  c.customer_name, c.city, c.is_deleted,
  s.fraud_score, s.fraud_category, s.risk_level, s.enriched_at
FROM scored s
LEFT JOIN customers c ON s.account_number = c.account_number;
