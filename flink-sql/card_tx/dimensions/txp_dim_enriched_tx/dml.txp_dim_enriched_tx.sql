INSERT INTO `txp_dim_enriched_tx`
SELECT
  t.`txn_id`,
  t.`account_number`,
  t.`timestamp`,
  t.`amount`,
  t.`currency`,
  t.`merchant`,
  t.`location`,
  t.`status`,
  t.`transaction_type`,
  c.`customer_name`,
  c.`email`,
  c.`city`,
  c.`is_deleted`,
  s.`fraud_score`,
  s.`fraud_category`,
  s.`risk_level`,
  t.`$rowtime`
FROM `src_txp_transaction` t
LEFT JOIN `txp_dim_customers` c ON t.`account_number` = c.`account_number`
LEFT JOIN `txp_tx_scores` s ON t.`txn_id` = s.`txn_id`
